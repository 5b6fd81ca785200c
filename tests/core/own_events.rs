//! Snapferry's own events: what the ends of executions become, what their details hold, and that nothing hangs on them.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::SignedDuration;
use serde_json::{Value, json};
use snapferry::app::announce::announce;
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::tags::StackId;
use snapferry::domain::operator::own_event::{EndedRun, OwnEvent, SOURCE};
use snapferry::domain::run::command::Step;
use snapferry::domain::run::manifest::Manifest;
use snapferry::json::own_event::{detail, of_ended_execution, put_events};
use snapferry::json::{manifest, run};

use crate::world::{
    Fixture as _, KEY, Name, World, a_run, copy_arn, run as wait_for, snapshot_arn, time,
};

fn stack() -> StackId {
    StackId::parse("prod").unwrap()
}

fn a_manifest() -> Manifest {
    let of = a_run("orders");
    Manifest {
        step: Step::Copy,
        snapshot: copy_arn(&of, 1),
        source: Some(snapshot_arn(&of, 1)),
        database: of.database.arn.clone(),
        resource_id: of.database.resource_id.clone(),
        engine: "postgres".to_owned(),
        engine_version: "17.6".to_owned(),
        size_gib: 100,
        key: Some(of.key.clone()),
        taken_at: Some(time("2026-11-22T03:00:09Z")),
    }
}

/// As Step Functions says it, with what differs.
fn said(differs: &Value) -> String {
    let mut detail = json!({
        "executionArn": "arn:aws:states:eu-central-1:111122223333:execution:protect:sf-orders-r1",
        "stateMachineArn": "arn:aws:states:eu-central-1:111122223333:stateMachine:protect",
        "name": "sf-orders-r1",
        "status": "FAILED",
        "startDate": 1_795_316_400_000_u64,
        "stopDate": 1_795_316_700_000_u64,
        "input": run::write(&a_run("orders")),
        "output": null,
        "inputDetails": {"included": true},
        "outputDetails": null,
        "error": null,
        "cause": null,
    });
    for (key, value) in differs.as_object().unwrap() {
        detail[key] = value.clone();
    }
    json!({
        "version": "0",
        "id": "315c1398-40ff-a850-213b-158f73e60175",
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": "111122223333",
        "time": "2026-11-22T03:05:00Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:states:eu-central-1:111122223333:execution:protect:sf-orders-r1"],
        "detail": detail,
    })
    .to_string()
}

fn event_of(differs: &Value) -> OwnEvent {
    of_ended_execution(&said(differs)).unwrap().unwrap()
}

fn of_run() -> Box<EndedRun> {
    Box::new(EndedRun {
        execution: "sf-orders-r1".to_owned(),
        run: a_run("orders"),
    })
}

/// One of each.
fn one_of_each() -> Vec<OwnEvent> {
    let snapshot = copy_arn(&a_run("orders"), 1);
    vec![
        OwnEvent::Made {
            of: of_run(),
            point: Box::new(a_manifest()),
        },
        OwnEvent::Failed {
            of: of_run(),
            error: "Snapferry.SnapshotFailed".to_owned(),
            cause: "RDS says so".to_owned(),
        },
        OwnEvent::Refused {
            of: of_run(),
            cause: "never".to_owned(),
        },
        OwnEvent::Overdue {
            database: a_run("orders").database.arn,
            since: time("2026-11-22T03:00:00Z"),
            age: Some(SignedDuration::from_hours(25)),
        },
        OwnEvent::Removed {
            snapshot,
            why: "no rule keeps it".to_owned(),
        },
    ]
}

#[test]
fn an_execution_that_succeeded_has_made_its_recovery_point() {
    let copy: Value = serde_json::from_str(&manifest::write(&a_manifest())).unwrap();
    let output = json!({"schema": 1, "snapshot": {}, "copy": copy}).to_string();
    let event = event_of(&json!({"status": "SUCCEEDED", "output": output}));
    assert_eq!(event, one_of_each()[0]);
}

#[test]
fn one_that_did_not_has_failed_or_was_refused_for_good() {
    let ended = |status: &str, error: Value, cause: Value| {
        event_of(&json!({"status": status, "error": error, "cause": cause}))
    };
    let failed = |error: &str, cause: &str| OwnEvent::Failed {
        of: of_run(),
        error: error.to_owned(),
        cause: cause.to_owned(),
    };
    let event = ended("FAILED", json!("Snapferry.NameTaken"), json!("whose?"));
    assert_eq!(event, failed("Snapferry.NameTaken", "whose?"));
    assert_eq!(
        ended("ABORTED", json!(null), json!(null)),
        failed("ABORTED", "")
    );
    let event = ended("TIMED_OUT", json!("States.Timeout"), json!(null));
    let OwnEvent::Failed { cause, .. } = event else {
        panic!("{event:?}");
    };
    assert!(cause.starts_with("four days are over"), "{cause}");
    let refused = ended(
        "FAILED",
        json!("Snapferry.Unsupported"),
        json!("RDS: never"),
    );
    let cause = "RDS: never".to_owned();
    assert_eq!(
        refused,
        OwnEvent::Refused {
            of: of_run(),
            cause
        }
    );
}

#[test]
fn another_message_is_left_to_the_reactor_and_an_end_that_cannot_be_read_says_why() {
    let rds = json!({"detail-type": "RDS DB Snapshot Event", "source": "aws.rds", "detail": {}});
    for other in ["hello", "[]", "{}", &rds.to_string()] {
        assert!(of_ended_execution(other).is_none(), "{other}");
    }
    for (differs, named) in [
        (json!({"input": "{}"}), "an execution's input"),
        (json!({"input": null}), "an execution's input"),
        (json!({"status": "SUCCEEDED"}), "the output of an execution"),
        (
            json!({"status": "SUCCEEDED", "output": "{\"copy\":{}}"}),
            "a manifest",
        ),
    ] {
        let error = of_ended_execution(&said(&differs)).unwrap().unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Whether a value is of one of the types that a schema names.
fn is_of(value: &Value, schema: &Value) -> bool {
    if !schema["const"].is_null() {
        return schema["const"] == *value;
    }
    let is = |name: &Value| match name.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    };
    match &schema["type"] {
        Value::Array(names) => names.iter().any(is),
        name => is(name),
    }
}

#[test]
fn each_detail_is_as_its_schema_says_and_the_schema_knows_no_other() {
    let schema: Value = serde_json::from_str(&page("events/recovery-point.schema.json")).unwrap();
    let known = schema["$defs"].as_object().unwrap();
    let known: BTreeSet<&str> = known.keys().map(String::as_str).collect();
    assert_eq!(known, OwnEvent::DETAIL_TYPES.into());
    for event in one_of_each() {
        let of = &schema["$defs"][event.detail_type()];
        let detail = detail(&stack(), &event);
        let keys = |object: &Value| -> BTreeSet<String> {
            object.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys(&detail), keys(&of["properties"]), "{event:?}");
        let required = of["required"].as_array().unwrap().iter();
        let required: BTreeSet<String> = required
            .map(|key| key.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(required, keys(&detail), "{event:?}");
        for (key, value) in detail.as_object().unwrap() {
            let of_key = &of["properties"][key];
            assert!(is_of(value, of_key), "{key}: {value} is not {of_key}");
        }
    }
}

#[test]
fn the_page_names_each_detail_type_and_its_rule_matches_what_is_published() {
    let page = page("EVENTS.md");
    for name in OwnEvent::DETAIL_TYPES {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
    let pattern = page.split_once("--event-pattern '").unwrap().1;
    let pattern: Value = serde_json::from_str(pattern.split_once('\'').unwrap().0).unwrap();
    assert_eq!(pattern["source"], json!([SOURCE]));
    let matched = pattern["detail-type"].as_array().unwrap();
    assert_eq!(matched.len(), 3);
    let is_known = |name: &Value| OwnEvent::DETAIL_TYPES.contains(&name.as_str().unwrap());
    assert!(matched.iter().all(is_known), "{matched:?}");
    let targets = page.split_once("--targets '").unwrap().1;
    let targets: Value = serde_json::from_str(targets.split_once('\'').unwrap().0).unwrap();
    let paths = targets[0]["InputTransformer"]["InputPathsMap"]
        .as_object()
        .unwrap();
    let failed = &one_of_each()[1];
    let sent: Value =
        serde_json::from_str(&put_events(&stack(), std::slice::from_ref(failed))).unwrap();
    let sent: Value = serde_json::from_str(sent["Entries"][0]["Detail"].as_str().unwrap()).unwrap();
    for path in paths.values() {
        let key = path.as_str().unwrap().trim_start_matches("$.");
        let is_there = key == "detail-type" || !sent[key.trim_start_matches("detail.")].is_null();
        assert!(is_there, "{key}");
    }
    let shown = page.split_once("```json\n").unwrap().1;
    let shown: Value = serde_json::from_str(shown.split_once("```").unwrap().0).unwrap();
    let keys = |of: &Value| -> Vec<String> { of.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(&shown["detail"]), keys(&sent));
}

#[test]
fn an_event_names_what_it_is_about() {
    let sent: Value = serde_json::from_str(&put_events(&stack(), &one_of_each())).unwrap();
    let entries = sent["Entries"].as_array().unwrap();
    let about = entries.iter().map(|entry| entry["Resources"][0].as_str());
    let about: Vec<&str> = about.map(Option::unwrap).collect();
    let (point, database) = (copy_arn(&a_run("orders"), 1), a_run("orders").database.arn);
    let expected = [&point, &database, &database, &database, &point];
    assert_eq!(about, expected.map(RdsArn::to_string));
    assert!(entries.iter().all(|entry| entry["Source"] == SOURCE));
    assert!(sent.to_string().contains(KEY));
}

#[test]
fn ten_are_published_with_a_call_and_a_bus_that_does_not_answer_is_asked_no_more() {
    let many: Vec<OwnEvent> = std::iter::repeat_n(one_of_each(), 5).flatten().collect();
    let world = World::new();
    assert_eq!(wait_for(announce(&world, &stack(), &many)), 0);
    assert_eq!(world.calls_of("PutEvents"), 3);
    assert_eq!(world.operator().published, many);
    let world = World::new();
    world.break_once(Name::PutEvents);
    assert_eq!(wait_for(announce(&world, &stack(), &many)), 25);
    assert_eq!(world.calls_of("PutEvents"), 1);
    assert_eq!(wait_for(announce(&world, &stack(), &[])), 0);
    assert_eq!(world.calls_of("PutEvents"), 1);
}
