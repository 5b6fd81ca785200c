//! What version 0.1.0 stored, queued and started means the same to this version.
//!
//! `tests/fixtures/upgrade/0.1.0/README.md` says how its files were taken from a running fleet. They never change.
//! When a name in storage changes, this version must still read the old one, and the functions below that spell
//! the names of 0.1.0 stay as they are: they compare what the product reads with what the old file says.

mod ahead;
mod queues;
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use snapferry::domain::id::arn::{ExecutionArn, RdsArn};
use snapferry::domain::id::names::Attempt;
use snapferry::domain::id::tags::StackId;
use snapferry::domain::id::token::TaskToken;
use snapferry::domain::run::command::{Command, ProtectionRequest, Step};
use snapferry::domain::run::naming;
use snapferry::ports::{ListOpen, OpenPage};

use crate::wire::{Asked, Reply, TABLE, Wire, json_error, ok};

const TOKEN: &str = "00000000-0000-4000-8000-";

fn file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/upgrade/0.1.0");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn rows(name: &str) -> Vec<Value> {
    serde_json::from_str(&file(name)).unwrap()
}

/// Every item of the table, and those of rare kinds that the running fleet did not have.
fn items() -> Vec<Value> {
    [rows("table.json"), rows("table-rare.json")].concat()
}

fn items_of(kind: &str) -> Vec<Value> {
    let mut all = items();
    all.retain(|item| text(item, "pk").starts_with(kind));
    assert!(!all.is_empty(), "the fixture has no {kind}");
    let keys: BTreeSet<&str> = all.iter().map(|item| text(item, "pk")).collect();
    assert_eq!(keys.len(), all.len(), "two items of one key");
    all
}

fn stack() -> StackId {
    StackId::parse("snapferry").unwrap()
}

/// The table of 0.1.0, which answers every read, and refuses every conditional write with the item that is there.
fn table() -> Wire {
    let items = items();
    Wire::script(move |asked| answer(asked, &items))
}

fn answer(asked: &Asked, items: &[Value]) -> Reply {
    let body = asked.json();
    let found = |key: &Value| items.iter().find(|item| item["pk"] == key["pk"]);
    match asked.action().as_str() {
        "Query" => {
            let open: Vec<&Value> = items
                .iter()
                .filter(|item| !item["open"].is_null())
                .collect();
            ok(json!({ "Items": open }).to_string())
        }
        "GetItem" => ok(json!({ "Item": found(&body["Key"]) }).to_string()),
        "BatchGetItem" => {
            let keys = body["RequestItems"][TABLE]["Keys"].as_array().unwrap();
            let items: Vec<&Value> = keys.iter().filter_map(found).collect();
            ok(json!({ "Responses": { TABLE: items } }).to_string())
        }
        "PutItem" | "UpdateItem" => {
            let key = body.get("Key").unwrap_or(&body["Item"]);
            let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
            let refusal = json!({ "__type": kind, "Item": found(key), "message": "no" });
            Reply::Http(400, refusal.to_string())
        }
        other => json_error(400, "ValidationException", other),
    }
}

/// All that is open, as the sweeper reads it.
async fn open() -> OpenPage {
    table().aws().list_open(None).await.unwrap()
}

/// An attribute of an item that is a text.
fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"]
        .as_str()
        .unwrap_or_else(|| panic!("{name} of {item}"))
}

fn number(item: &Value, name: &str) -> i64 {
    item[name]["N"]
        .as_str()
        .unwrap_or_else(|| panic!("{name} of {item}"))
        .parse()
        .unwrap()
}

fn time(item: &Value, name: &str) -> Timestamp {
    Timestamp::from_millisecond(number(item, name)).unwrap()
}

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Compares a run with an execution's input of 0.1.0.
#[track_caller]
fn check_run(run: &ProtectionRequest, input: &Value) {
    let said = |name: &str| {
        input
            .get(name)
            .map(|value| value.as_str().unwrap().to_owned())
    };
    let count = |name: &str| {
        input
            .get(name)
            .map(|value| usize::try_from(value.as_u64().unwrap()).unwrap())
    };
    assert_eq!(
        run.database.arn.to_string(),
        input["database"]["arn"].as_str().unwrap()
    );
    assert_eq!(
        run.database.resource_id.as_str(),
        input["database"]["resource_id"]
    );
    assert_eq!(Some(run.policy.to_string()), said("policy"));
    assert_eq!(Some(run.planned_at.to_string()), said("planned_at"));
    assert_eq!(Some(run.key.to_string()), said("kms_key"));
    let options = &run.options;
    let none = serde_json::Map::new();
    let tags = input
        .get("tags")
        .map_or(&none, |tags| tags.as_object().unwrap());
    assert_eq!(options.tags.len(), tags.len());
    for (key, value) in &options.tags {
        assert_eq!(tags[key.as_str()], *value);
    }
    assert_eq!(
        options.option_group.as_ref().map(ToString::to_string),
        said("option_group")
    );
    assert_eq!(options.copy_slots, count("copy_slots"));
    assert_eq!(options.policy_slots, count("policy_slots"));
    let automated = options.automated.as_ref();
    assert_eq!(automated.map(|of| of.snapshot.to_string()), said("source"));
    let expires = automated.and_then(|of| of.expires_at);
    assert_eq!(expires.map(|at| at.to_string()), said("source_expires_at"));
}

/// Compares a command with a message of 0.1.0.
#[track_caller]
fn check_command(command: &Command, body: &Value) {
    let step = match body["step"].as_str().unwrap() {
        "snapshot" => Step::Snapshot,
        "copy" => Step::Copy,
        other => panic!("{other}"),
    };
    assert_eq!(command.step, step);
    assert_eq!(command.token, token(body["token"].as_str().unwrap()));
    assert_eq!(command.execution.as_str(), body["execution"]);
    assert_eq!(u64::from(command.retry), body["retry"].as_u64().unwrap());
    check_run(&command.run, &body["input"]);
}

fn token(text: &str) -> TaskToken {
    assert!(text.starts_with(TOKEN), "a token that nobody made up");
    TaskToken::parse(text).unwrap()
}

/// The names that this version gives a run's attempts are those that 0.1.0 gave them.
#[track_caller]
fn is_an_attempt_at<T: PartialEq + std::fmt::Debug>(found: &T, name: impl Fn(Attempt) -> T) {
    let names: Vec<T> = Attempt::all().map(name).collect();
    assert!(names.contains(found), "{found:?} is none of {names:?}");
}

fn execution_of(name: &str) -> Value {
    let all = rows("executions.json");
    all.into_iter().find(|one| one["name"] == name).unwrap()
}

#[test]
fn upgrade_reads_every_execution_input_and_gives_the_names_that_0_1_0_gave() {
    let all = rows("executions.json");
    for execution in &all {
        let input = execution["input"].as_str().unwrap();
        let run = snapferry::json::run::read(input).unwrap();
        check_run(&run, &object(input));
        let arn = ExecutionArn::parse(execution["executionArn"].as_str().unwrap()).unwrap();
        is_an_attempt_at(&arn.name().to_owned(), |attempt| {
            naming::execution(&stack(), &run, attempt).to_string()
        });
        let output = execution
            .get("output")
            .map(|output| object(output.as_str().unwrap()));
        for step in ["snapshot", "copy"] {
            if let Some(manifest) = output.as_ref().and_then(|output| output.get(step)) {
                let read = snapferry::json::manifest::read(&manifest.to_string()).unwrap();
                table::check_manifest(&read, manifest);
            }
        }
    }
    let has = |name: &str| {
        all.iter()
            .any(|one| object(one["input"].as_str().unwrap()).get(name).is_some())
    };
    for optional in [
        "tags",
        "option_group",
        "policy_slots",
        "copy_slots",
        "source",
        "source_expires_at",
    ] {
        assert!(has(optional), "the fixture has no input with {optional}");
    }
    for status in ["RUNNING", "SUCCEEDED"] {
        assert!(all.iter().any(|one| one["status"] == status), "{status}");
    }
}

#[test]
fn upgrade_knows_the_snapshots_that_0_1_0_had_made() {
    use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
    for row in rows("snapshots.json") {
        let tags = &row["tags"];
        let execution = execution_of(tags["snapferry:run"].as_str().unwrap());
        let run = snapferry::json::run::read(execution["input"].as_str().unwrap()).unwrap();
        let snapshot = Snapshot {
            arn: RdsArn::parse(row["arn"].as_str().unwrap()).unwrap(),
            tags: serde_json::from_value(tags.clone()).unwrap(),
            resource_id: None,
            status: SnapshotStatus::parse(row["status"].as_str().unwrap()),
            engine: String::new(),
            engine_version: String::new(),
            size_gib: 0,
            encrypted: false,
            key: None,
            source: None,
            taken_at: None,
            created_at: None,
            percent: None,
        };
        assert!(
            snapshot.is_ours(&stack(), &run.database),
            "{}",
            snapshot.arn
        );
    }
}

#[test]
fn upgrade_fixture_holds_no_real_token_and_nothing_of_the_machine_it_was_taken_on() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/upgrade/0.1.0");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let content = std::fs::read_to_string(&path).unwrap();
            for local in ["127.0.0.1", "localhost", "/target/"] {
                assert!(!content.contains(local), "{local} in {}", path.display());
            }
        }
    }
}
