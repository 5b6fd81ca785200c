//! The `policy` commands as processes, over a table that stores what it gets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::commands::{bare, configured, ran, text};
use crate::policies::{IDENTITY, key};
use crate::server::{Answer, Server, ok as answer};
use crate::wire::Asked;
use crate::world::KEY;

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
            // Whether what a set keeps fits into the quota hangs on the databases; there are none.
            action @ ("DescribeDBInstances" | "DescribeDBClusters") => answer(format!(
                "<{action}Response><{action}Result/></{action}Response>"
            )),
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
    assert!(out.starts_with("version 1 is now in force"), "{out}");
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
    let out = ran(&policy(&server, &["history", "--limit", "1", "--json"]), 0);
    let answer: Value = serde_json::from_str(&out).unwrap();
    let stamps = &answer["versions"];
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
    assert!(out.starts_with("version 2 is now in force"), "{out}");
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
        ("history", "policy history --limit 100"),
        ("keeps", "--points daily:400d"),
    ] {
        let out = ran(&bare(&["policy", command, "--help"]).output().unwrap(), 0);
        assert!(out.contains("Examples:") && out.contains(part), "{out}");
    }
}

const KEEPS: &str = "[policy.gold]\nschedule = \"0 3 * * *\"\ntime_zone = \"Europe/Berlin\"\nkeep_daily = 2\nkeep_weekly = 3\n";

/// Tests run at the same time: each has a file of its own.
fn keeps(of: &str, more: &[&str]) -> Output {
    let policies = file(&format!("keeps-{of}.toml"), KEEPS.as_bytes());
    let mut arguments = vec!["policy", "keeps", policies.to_str().unwrap()];
    arguments.extend(more);
    bare(&arguments).output().unwrap()
}

#[test]
fn keeps_answers_without_aws_for_each_time_in_the_order_given() {
    let points = file(
        "points.json",
        br#"["2026-04-02T21:59:59Z","2026-04-01T22:00:00Z","2026-04-01T21:59:59Z","2099-01-01T03:00:00Z"]"#,
    );
    let out = keeps(
        "json",
        &[
            "--policy",
            "gold",
            "--points",
            points.to_str().unwrap(),
            "--now",
            "2026-04-03T00:00:00Z",
            "--json",
        ],
    );
    let answer: Value = serde_json::from_str(&ran(&out, 0)).unwrap();
    assert_eq!(
        answer,
        json!({
            "schema": 1,
            "policy": "gold",
            "now": "2026-04-03T00:00:00Z",
            "points": [
                { "at": "2026-04-02T21:59:59Z", "keep": true, "reasons": ["daily", "weekly"] },
                { "at": "2026-04-01T22:00:00Z", "keep": false, "reasons": [] },
                { "at": "2026-04-01T21:59:59Z", "keep": true, "reasons": ["daily", "oldest weekly"] },
                { "at": "2099-01-01T03:00:00Z", "keep": true, "reasons": ["later than now"] },
            ],
        })
    );
}

#[test]
fn keeps_shows_what_stays_as_a_table_and_a_strip() {
    let now = ["--now", "2026-11-28T03:00:00Z"];
    let out = keeps(
        "table",
        &["--policy", "gold", "--points", "daily:10d", now[0], now[1]],
    );
    let out = ran(&out, 0);
    assert!(
        out.contains("2026-11-28 04:00 CET, Sat  daily, weekly\n"),
        "{out}"
    );
    assert!(
        out.contains("gold keeps 4 of 10; the oldest first, # stays and . goes:\n#..#....##\n"),
        "{out}"
    );
    let out = keeps(
        "table",
        &["--policy", "gold", "--points", "hourly:7d", "--json"],
    );
    let answer: Value = serde_json::from_str(&ran(&out, 0)).unwrap();
    assert_eq!(answer["points"].as_array().unwrap().len(), 168);
}

#[test]
fn keeps_says_what_it_cannot_answer_for() {
    let cases = [
        (
            vec!["--policy", "gould", "--points", "daily:9d"],
            "did you mean gold?",
        ),
        (
            vec!["--policy", "gold", "--points", "daily:9x"],
            "--points: ",
        ),
        (
            vec!["--policy", "gold", "--points", "hourly:100y"],
            "more than 100000",
        ),
        (
            vec!["--policy", "gold", "--points", "no/such/file.json"],
            "cannot be read",
        ),
    ];
    for (arguments, part) in cases {
        let out = keeps("faults", &arguments);
        assert_eq!(out.status.code(), Some(2), "{arguments:?}");
        let error = text(&out.stderr);
        assert!(error.contains(part), "{error}");
    }
    let faulty = file("keeps-faulty.toml", b"[policy.gold]\nkeep_daily = 0\n");
    let mut out = bare(&[
        "policy",
        "keeps",
        faulty.to_str().unwrap(),
        "--policy",
        "gold",
        "--points",
        "daily:9d",
    ]);
    let out = out.output().unwrap();
    assert!(ran(&out, 1).contains("2:14: keep_daily"));
}
