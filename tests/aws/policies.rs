//! Policies over the wire, and the commands as processes over a table that keeps what it is given.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use snapferry::domain::arn::{KeyAlias, KeyArn};
use snapferry::domain::names::OptionGroup;
use snapferry::domain::policy_set::{
    Applied, AppliedKey, Note, PolicySet, PolicySpec, Stamp, Version,
};
use snapferry::domain::schedule::Schedule;
use snapferry::domain::tags::PolicyName;
use snapferry::ports::{
    CallerIdentity, DescribeKey, ReadPolicies, ReadPolicyHistory, StorePolicies, Written,
};
use snapferry::wire as wire_of;

use crate::commands::{bare, configured, ran, text};
use crate::server::{Answer, Server, ok as answer};
use crate::wire::{Asked, Reply, TABLE, Wire, json_error, ok};
use crate::world::{KEY, time};

fn version(number: u32) -> Version {
    Version::new(number).unwrap()
}

fn a_set(number: u32) -> Applied {
    let spec = PolicySpec {
        key: Some(AppliedKey {
            arn: KeyArn::parse(KEY).unwrap(),
            alias: Some(KeyAlias::parse("alias/recovery").unwrap()),
        }),
        option_groups: BTreeMap::from([(
            OptionGroup::parse("a").unwrap(),
            OptionGroup::parse("b").unwrap(),
        )]),
        ..PolicySpec::new(Schedule::parse("0 3 * * *", "Europe/Paris").unwrap())
    };
    Applied {
        stamp: Stamp {
            version: version(number),
            at: time("2026-11-22T03:05:00.250Z"),
            by: "arn:aws:iam::111122223333:user/ada".to_owned(),
            note: Some(Note::parse("why not").unwrap()),
        },
        text: "# as it was\n".to_owned(),
        set: PolicySet {
            untagged: None,
            copy_slots: Some(7),
            policies: BTreeMap::from([(PolicyName::parse("gold").unwrap(), spec)]),
        },
    }
}

/// What a write of the set puts under the key of what holds.
async fn stored(set: &Applied) -> Value {
    let wire = Wire::new([ok("{}")]);
    wire.aws().store_policies(set).await.unwrap();
    wire.only().json()["TransactItems"][1]["Put"]["Item"].clone()
}

#[tokio::test]
async fn a_set_is_stored_for_good_and_as_what_holds_in_one_write_under_both_conditions() {
    for (number, condition) in [
        (1, "attribute_not_exists(#pk)"),
        (3, "#version = :previous"),
    ] {
        let wire = Wire::new([ok("{}")]);
        let written = wire.aws().store_policies(&a_set(number)).await.unwrap();
        assert_eq!(written, Written::Stored);
        let asked = wire.only();
        assert_eq!(asked.action(), "TransactWriteItems");
        let writes = asked.json()["TransactItems"].clone();
        let (kept, current) = (&writes[0]["Put"], &writes[1]["Put"]);
        assert_eq!(kept["Item"]["pk"]["S"], format!("policies#{number}"));
        assert_eq!(kept["ConditionExpression"], "attribute_not_exists(#pk)");
        assert_eq!(current["Item"]["pk"]["S"], "policies#current");
        assert_eq!(current["ConditionExpression"], condition);
        if number > 1 {
            let previous = &current["ExpressionAttributeValues"][":previous"]["N"];
            assert_eq!(previous, &(number - 1).to_string());
        }
        for put in [kept, current] {
            assert_eq!(put["TableName"], TABLE);
            assert_eq!(put["Item"]["version"]["N"], number.to_string());
            assert_eq!(put["Item"]["text"]["S"], "# as it was\n");
        }
    }
}

#[tokio::test]
async fn a_write_that_raced_another_is_a_conflict_and_any_other_refusal_an_error() {
    let cancelled = |codes: [&str; 2]| {
        let reasons = codes.map(|code| json!({ "Code": code }));
        let body = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled", "CancellationReasons": reasons,
        });
        Reply::Http(400, body.to_string())
    };
    for codes in [
        ["ConditionalCheckFailed", "ConditionalCheckFailed"],
        ["None", "ConditionalCheckFailed"],
    ] {
        let wire = Wire::new([cancelled(codes)]);
        let written = wire.aws().store_policies(&a_set(2)).await;
        assert_eq!(written.unwrap(), Written::Conflict);
    }
    for reply in [
        cancelled(["None", "TransactionConflict"]),
        json_error(400, "AccessDeniedException", "no"),
        Reply::Broken,
    ] {
        let wire = Wire::new([reply]);
        wire.aws().store_policies(&a_set(2)).await.unwrap_err();
    }
}

#[tokio::test]
async fn what_holds_is_read_consistently_and_as_it_was_stored() {
    let item = stored(&a_set(3)).await;
    let wire = Wire::new([ok(json!({ "Item": item }).to_string())]);
    let read = wire.aws().current_policies().await.unwrap();
    assert_eq!(read, Some(a_set(3)));
    let body = wire.only().json();
    assert_eq!(wire.only().action(), "GetItem");
    assert_eq!(body["Key"]["pk"]["S"], "policies#current");
    assert_eq!(body["ConsistentRead"], true);
    assert_eq!(
        Wire::new([ok("{}")])
            .aws()
            .current_policies()
            .await
            .unwrap(),
        None
    );
    let wire = Wire::new([ok("{}")]);
    wire.aws().policy_version(version(2)).await.unwrap();
    assert_eq!(wire.only().json()["Key"]["pk"]["S"], "policies#2");
}

#[tokio::test]
async fn a_set_that_cannot_be_read_is_an_error_and_never_none_and_its_stamp_is_readable_still() {
    let whole = stored(&a_set(3)).await;
    let from_tomorrow = wire_of::policies::write(&a_set(3).set).replace("schedule\"", "calendar\"");
    for (attribute, value, named) in [
        ("set", json!({ "S": from_tomorrow }), "version 3"),
        ("set", json!({ "S": "{}" }), "version 3"),
        ("set", json!({ "N": "1" }), "set"),
        ("text", json!({ "NULL": true }), "text"),
    ] {
        let mut item = whole.clone();
        item[attribute] = value;
        let reply = ok(json!({ "Item": item }).to_string());
        let error = Wire::new([reply.clone()]).aws().current_policies().await;
        let error = snapferry::app::batch::chain(&error.unwrap_err());
        assert!(error.contains(named), "{error}");
        let stamp = Wire::new([reply]).aws().current_stamp().await.unwrap();
        assert_eq!(stamp.unwrap().version, version(3));
    }
    let mut item = whole;
    item["version"] = json!({ "N": "0" });
    let reply = ok(json!({ "Item": item }).to_string());
    Wire::new([reply]).aws().current_stamp().await.unwrap_err();
}

#[tokio::test]
async fn stamps_are_read_in_one_batch_without_the_sets() {
    let mut first = stored(&a_set(1)).await;
    let mut second = stored(&a_set(2)).await;
    for item in [&mut first, &mut second] {
        item.as_object_mut()
            .unwrap()
            .retain(|name, _| name != "set" && name != "text");
    }
    let left = json!({ TABLE: { "Keys": [{ "pk": { "S": "policies#1" } }] } });
    let wire = Wire::new([
        ok(json!({ "Responses": { TABLE: [second] }, "UnprocessedKeys": left }).to_string()),
        ok(json!({ "Responses": { TABLE: [first] }, "UnprocessedKeys": {} }).to_string()),
    ]);
    let stamps = wire.aws().policy_stamps(&[version(2), version(1)]).await;
    assert_eq!(stamps.unwrap(), [a_set(2).stamp, a_set(1).stamp]);
    let asked = &wire.asked()[0];
    assert_eq!(asked.action(), "BatchGetItem");
    let asked = &asked.json()["RequestItems"][TABLE];
    assert_eq!(asked["Keys"].as_array().unwrap().len(), 2);
    let names: Vec<&str> = asked["ExpressionAttributeNames"]
        .as_object()
        .unwrap()
        .values()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert!(
        !names.contains(&"text") && !names.contains(&"set"),
        "{names:?}"
    );
}

fn key(state: &str, usage: &str, spec: &str) -> String {
    json!({ "KeyMetadata": {
        "Arn": KEY, "KeyId": "11111111-2222-3333-4444-555555555555",
        "KeyState": state, "KeyUsage": usage, "KeySpec": spec,
    } })
    .to_string()
}

#[tokio::test]
async fn an_alias_is_resolved_by_kms_with_why_rds_could_not_use_the_key() {
    let alias = KeyAlias::parse("alias/recovery").unwrap();
    let good = key("Enabled", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT");
    for (body, why) in [
        (good, None),
        (
            key("PendingDeletion", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"),
            Some("its state is PendingDeletion"),
        ),
        (
            key("Enabled", "SIGN_VERIFY", "RSA_2048"),
            Some("it is not a symmetric key for encryption"),
        ),
    ] {
        let wire = Wire::new([ok(body)]);
        let facts = wire.aws().describe_key(&alias).await.unwrap().unwrap();
        assert_eq!(facts.arn.as_str(), KEY);
        assert_eq!(facts.unusable.as_deref(), why);
        assert_eq!(wire.only().json()["KeyId"], "alias/recovery");
    }
    let gone = json_error(400, "NotFoundException", "Alias is not found.");
    let facts = Wire::new([gone]).aws().describe_key(&alias).await;
    assert_eq!(facts.unwrap(), None);
    for reply in [
        json_error(400, "AccessDeniedException", "no"),
        ok("{}"),
        Reply::Broken,
    ] {
        let wire = Wire::new([reply]);
        wire.aws().describe_key(&alias).await.unwrap_err();
    }
}

const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
    <Arn>arn:aws:iam::111122223333:user/ada</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>";

#[tokio::test]
async fn aws_says_who_is_asking() {
    let wire = Wire::new([ok(IDENTITY)]);
    let by = wire.aws().caller_identity().await.unwrap();
    assert_eq!(by, "arn:aws:iam::111122223333:user/ada");
    assert_eq!(wire.only().action(), "GetCallerIdentity");
}

// ---- the commands

type Table = Arc<Mutex<BTreeMap<String, Value>>>;

/// A table with the two conditions that a set is stored under, KMS with one alias, and STS.
fn account(table: &Table) -> Server {
    let table = Arc::clone(table);
    Server::start(move |asked| {
        let mut table = table.lock().unwrap();
        match asked.action().as_str() {
            "GetItem" => {
                let key = asked.json()["Key"]["pk"]["S"].as_str().unwrap().to_owned();
                answer(match table.get(&key) {
                    Some(item) => json!({ "Item": item }).to_string(),
                    None => "{}".to_owned(),
                })
            }
            "BatchGetItem" => {
                let keys = asked.json()["RequestItems"]["table"]["Keys"].clone();
                let items: Vec<&Value> = keys
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(|key| table.get(key["pk"]["S"].as_str().unwrap()))
                    .collect();
                answer(json!({ "Responses": { "table": items } }).to_string())
            }
            "TransactWriteItems" => transact(&mut table, asked),
            "DescribeKey" if asked.json()["KeyId"] == "alias/recovery" => {
                answer(key("Enabled", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"))
            }
            "DescribeKey" => Answer::Http(
                400,
                r#"{"__type":"NotFoundException","message":"not found"}"#.to_owned(),
            ),
            "GetCallerIdentity" => answer(IDENTITY),
            other => panic!("{other} was not to be asked"),
        }
    })
}

fn transact(table: &mut BTreeMap<String, Value>, asked: &Asked) -> Answer {
    let writes = asked.json()["TransactItems"].clone();
    let puts: Vec<&Value> = writes
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["Put"])
        .collect();
    let key_of = |put: &Value| put["Item"]["pk"]["S"].as_str().unwrap().to_owned();
    let holds = |put: &&Value| {
        let stored = table.get(&key_of(put));
        match put["ConditionExpression"].as_str().unwrap() {
            "attribute_not_exists(#pk)" => stored.is_none(),
            "#version = :previous" => stored.is_some_and(|item| {
                item["version"] == put["ExpressionAttributeValues"][":previous"]
            }),
            other => panic!("{other} is no condition of a set"),
        }
    };
    if !puts.iter().all(holds) {
        let body = json!({
            "__type": "TransactionCanceledException", "Message": "cancelled",
            "CancellationReasons": [{ "Code": "ConditionalCheckFailed" }, { "Code": "None" }],
        });
        return Answer::Http(400, body.to_string());
    }
    for put in puts {
        table.insert(key_of(put), put["Item"].clone());
    }
    answer("{}")
}

/// A file in a folder of this test's own.
fn file(name: &str, text: &[u8]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("policies");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn policy(server: &Server, arguments: &[&str]) -> Output {
    let mut all = vec!["policy"];
    all.extend_from_slice(arguments);
    configured(server, &all).output().unwrap()
}

const GOOD: &str = "untagged = \"gold\"\n\n[policy.gold]\nschedule = \"0 3 * * *\"\nkms_key = \"alias/recovery\"\n";
const BAD: &str = "[policy.gold]\nschedule = \"at dawn\"\nkms_keys = \"alias/recovery\"\n";

#[test]
fn a_file_is_applied_shown_as_it_was_and_listed() {
    let table = Table::default();
    let server = account(&table);
    let first = file("first.toml", GOOD.as_bytes());
    let first = first.to_str().unwrap();
    let out = ran(
        &policy(&server, &["apply", first, "--note", "the first"]),
        0,
    );
    assert!(out.starts_with("version 1 holds from now on"), "{out}");
    assert!(out.contains(&format!("{KEY} (alias/recovery)")), "{out}");
    assert!(
        out.contains("snapferry:policy=default: left out from now on"),
        "the built-in policy is gone: {out}"
    );
    let out = ran(&policy(&server, &["apply", first]), 0);
    assert!(out.contains("version 1, which holds already"), "{out}");
    let second = file("second.toml", GOOD.replace("gold", "silver").as_bytes());
    let second = second.to_str().unwrap();
    let out = ran(&policy(&server, &["apply", second, "--json"]), 0);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&answer["version"], &answer["stored"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(answer["left_out_from_now_on"], json!(["gold"]));

    let shown = ran(&policy(&server, &["show", "--version", "1"]), 0);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("# version 1, applied 2"), "{shown}");
    assert!(
        lines[0].ends_with("by arn:aws:iam::111122223333:user/ada"),
        "{shown}"
    );
    assert_eq!(lines[1], "# the first");
    assert_eq!(lines[2], format!("# gold: alias/recovery is {KEY}"));
    assert!(shown.ends_with(&format!("\n\n{GOOD}")), "{shown}");
    let shown = ran(&policy(&server, &["show", "--json"]), 0);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["version"], 2);
    let silver = &shown["set"]["policies"]["silver"];
    assert_eq!(
        (&silver["kms_key"], &silver["kms_alias"]),
        (&json!(KEY), &json!("alias/recovery"))
    );
    ran(&policy(&server, &["show", "--version", "9"]), 1);

    let out = ran(&policy(&server, &["history"]), 0);
    let rows: Vec<&str> = out.lines().collect();
    assert!(rows[0].starts_with("VERSION"), "{out}");
    assert!(
        rows[1].starts_with('2') && rows[2].starts_with('1'),
        "{out}"
    );
    assert!(rows[2].ends_with("the first"), "{out}");
    let out = ran(&policy(&server, &["history", "--most", "1", "--json"]), 0);
    let stamps: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(stamps.as_array().unwrap().len(), 1);
    assert_eq!(
        stamps[0]["applied_by"],
        "arn:aws:iam::111122223333:user/ada"
    );
}

#[test]
fn what_show_prints_can_be_applied_from_the_standard_input() {
    let table = Table::default();
    let server = account(&table);
    let first = file("again.toml", GOOD.as_bytes());
    ran(&policy(&server, &["apply", first.to_str().unwrap()]), 0);
    let shown = ran(&policy(&server, &["show"]), 0);
    let alone = ran(&policy(&server, &["show", "--file"]), 0);
    assert_eq!(alone, GOOD);
    let mut apply = configured(&server, &["policy", "apply", "-"]);
    let mut apply = apply
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = apply.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, shown.as_bytes()).unwrap();
    drop(stdin);
    let out = ran(&apply.wait_with_output().unwrap(), 0);
    assert!(out.starts_with("version 2 holds from now on"), "{out}");
    assert!(!out.contains("left out from now on"), "{out}");
}

#[test]
fn faults_are_printed_where_editors_find_them_and_nothing_is_stored() {
    let table = Table::default();
    let server = account(&table);
    let bad = file("bad.toml", BAD.as_bytes());
    let bad = bad.to_str().unwrap();
    for arguments in [&["apply", bad][..], &["apply", bad, "--check"]] {
        let out = ran(&policy(&server, arguments), 1);
        let lines: Vec<&str> = out.lines().collect();
        assert!(
            lines[0].starts_with(&format!("{bad}:2:12: schedule: ")),
            "{out}"
        );
        assert!(lines[1].starts_with(&format!("{bad}:3:1: ")), "{out}");
        assert!(lines[1].ends_with("did you mean kms_key?"), "{out}");
        assert_eq!(lines[3], "2 faults; nothing was stored");
    }
    let out = ran(&policy(&server, &["apply", bad, "--json"]), 1);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["stored"], false);
    assert_eq!(answer["faults"][1]["line"], 3);
    let none = file(
        "alias.toml",
        GOOD.replace("alias/recovery", "alias/none").as_bytes(),
    );
    let out = ran(&policy(&server, &["apply", none.to_str().unwrap()]), 1);
    assert!(
        out.contains("alias.toml:5:11: kms_key: there is no alias/none in eu-central-1"),
        "{out}"
    );
    let latin = file("latin.toml", b"# ok\n# caf\xe9\n");
    let out = ran(&policy(&server, &["apply", latin.to_str().unwrap()]), 1);
    assert!(out.contains("latin.toml:2:6: this is not UTF-8"), "{out}");
    assert!(table.lock().unwrap().is_empty());
}

#[test]
fn a_check_needs_neither_aws_nor_settings() {
    let good = file("good.toml", GOOD.as_bytes());
    let arguments = ["policy", "apply", good.to_str().unwrap(), "--check"];
    let out = ran(&bare(&arguments).output().unwrap(), 0);
    assert!(out.contains("no faults; policies: 1"), "{out}");
    assert!(out.contains("alias/recovery is resolved when"), "{out}");
    // Where the recovery region is given, keys are held to it.
    let elsewhere = KEY.replace("eu-central-1", "us-east-1");
    let other = file(
        "other.toml",
        GOOD.replace("alias/recovery", &elsewhere).as_bytes(),
    );
    let arguments = ["policy", "apply", other.to_str().unwrap(), "--check"];
    ran(&bare(&arguments).output().unwrap(), 0);
    let output = bare(&arguments).env("AWS_REGION", "eu-central-1").output();
    assert!(ran(&output.unwrap(), 1).contains("this key lives in us-east-1"));
}

#[test]
fn a_file_that_is_not_there_is_a_fault_of_the_command_line() {
    let output = bare(&["policy", "apply", "no-such-file.toml", "--check"]).output();
    let output = output.unwrap();
    ran(&output, 2);
    assert!(text(&output.stderr).contains("no-such-file.toml cannot be read"));
    let good = file("note.toml", GOOD.as_bytes());
    let note = "x".repeat(501);
    let arguments = ["policy", "apply", good.to_str().unwrap(), "--note", &note];
    ran(&bare(&arguments).output().unwrap(), 2);
    ran(
        &bare(&["policy", "show", "--version", "0"])
            .output()
            .unwrap(),
        2,
    );
}

#[test]
fn an_apply_that_raced_another_says_so_and_exits_with_1() {
    let table = Table::default();
    let server = account(&table);
    let first = file("raced.toml", GOOD.as_bytes());
    let first = first.to_str().unwrap();
    // Somebody has stored version 1 and is not done with what holds.
    let other = json!({ "pk": { "S": "policies#1" }, "version": { "N": "1" } });
    table
        .lock()
        .unwrap()
        .insert("policies#1".to_owned(), other.clone());
    let out = ran(&policy(&server, &["apply", first]), 1);
    assert!(
        out.contains("another set was applied as version 1"),
        "{out}"
    );
    let left = table.lock().unwrap().clone();
    assert_eq!(left, BTreeMap::from([("policies#1".to_owned(), other)]));
}

#[test]
fn where_no_set_was_ever_applied_the_built_in_policy_is_shown_as_a_file() {
    let server = account(&Table::default());
    let out = ran(&policy(&server, &["show"]), 0);
    assert!(out.starts_with("# No set was ever applied."), "{out}");
    assert!(
        out.contains("[policy.default]") && out.contains(KEY),
        "{out}"
    );
    assert!(
        out.contains("untagged = \"default\""),
        "SNAPFERRY_SELECTION=all: {out}"
    );
    let built_in = file("built-in.toml", out.as_bytes());
    ran(
        &policy(&server, &["apply", built_in.to_str().unwrap(), "--check"]),
        0,
    );
    let out = ran(&policy(&server, &["history"]), 0);
    assert!(out.contains("no set was ever applied"), "{out}");
}

#[test]
fn help_has_examples() {
    for (command, part) in [
        ("apply", "policy apply policies.toml --check"),
        ("show", "policy show --file > policies.toml"),
        ("history", "policy history --most 100"),
    ] {
        let out = ran(&bare(&["policy", command, "--help"]).output().unwrap(), 0);
        assert!(out.contains("Examples:") && out.contains(part), "{out}");
    }
}
