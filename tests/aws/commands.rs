//! The command line as a process: its answers, exit codes and help.

use std::process::{Command, Output};

use serde_json::{Value, json};
use snapferry::json::run as wire_run;

use crate::server::{Answer, Server, ok};
use crate::wire::{Asked, MACHINE};
use crate::world::{KEY, a_run};

const TOKEN: &str = "AAAAKgAAAAIAAAAAthe+secret/token==";

pub(crate) fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snapferry"));
    // A place without a profile: the credentials are those of the environment.
    command
        .env_clear()
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .args(arguments);
    command
}

pub(crate) fn configured(server: &Server, arguments: &[&str]) -> Command {
    let mut command = bare(arguments);
    command
        .env("AWS_ENDPOINT_URL", format!("http://{}", server.address))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "eu-central-1")
        .env("SNAPFERRY_STACK_ID", "prod")
        .env("SNAPFERRY_TABLE", "table")
        .env("SNAPFERRY_STATE_MACHINE_ARN", MACHINE)
        .env("SNAPFERRY_SOURCE_REGIONS", "eu-west-1")
        .env("SNAPFERRY_KMS_KEY", KEY)
        .env("SNAPFERRY_SELECTION", "all")
        .env("SNAPFERRY_FIRST_RUN", "now");
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn ran(output: &Output, code: i32) -> String {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    out
}

fn instance(name: &str, tags: &str) -> String {
    format!(
        "<DBInstance><DBInstanceIdentifier>{name}</DBInstanceIdentifier>\
         <DBInstanceArn>arn:aws:rds:eu-west-1:111122223333:db:{name}</DBInstanceArn>\
         <DbiResourceId>db-{}</DbiResourceId><TagList>{tags}</TagList></DBInstance>",
        name.to_uppercase()
    )
}

/// A region with two instances, of which one is left out, and a cluster that RDS cannot copy, of the other's name.
fn aws(asked: &Asked) -> Answer {
    match asked.action().as_str() {
        "DescribeDBInstances" => {
            let excluded = "<Tag><Key>snapferry:exclude</Key><Value>true</Value></Tag>";
            ok(format!(
                "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>{}{}</DBInstances>\
                 </DescribeDBInstancesResult></DescribeDBInstancesResponse>",
                instance("orders", ""),
                instance("scratch", excluded)
            ))
        }
        "DescribeDBClusters" => ok(
            "<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters><DBCluster>\
             <DBClusterArn>arn:aws:rds:eu-west-1:111122223333:cluster:orders</DBClusterArn>\
             <DbClusterResourceId>cluster-ORDERS</DbClusterResourceId><Engine>postgres</Engine>\
             <StorageEncrypted>true</StorageEncrypted></DBCluster></DBClusters>\
             </DescribeDBClustersResult></DescribeDBClustersResponse>",
        ),
        "StartExecution" => ok(
            r#"{"executionArn":"arn:aws:states:eu-central-1:111122223333:execution:protect:x","startDate":1.0}"#,
        ),
        _ => ok("{}"),
    }
}

#[test]
fn run_starts_what_is_due_and_tells_what_became_of_each_database() {
    let server = Server::start(aws);
    let arguments = ["start", "--at", "2026-11-22T03:00:00Z"];
    let output = configured(&server, &arguments).output().unwrap();
    let out = ran(&output, 0);
    let rows: Vec<&str> = out.lines().collect();
    assert!(rows[0].starts_with("REGION"), "{out}");
    assert!(
        rows[1].contains("orders") && rows[1].contains("started sf-orders-20261122t0300z-"),
        "{out}"
    );
    assert!(
        rows[2].contains("scratch")
            && rows[2].contains("left out: it has the tag snapferry:exclude"),
        "{out}"
    );
    assert!(
        rows[3].contains("orders (cluster)  refused: it is a Multi-AZ DB cluster"),
        "{out}"
    );
    let start = server
        .asked()
        .into_iter()
        .find(|asked| asked.action() == "StartExecution");
    let start = start.unwrap();
    assert!(start.headers["user-agent"].contains("app/snapferry-cli"));
    let input = start.json()["input"].as_str().unwrap().to_owned();
    let started = wire_run::read(&input).unwrap();
    let mut expected = a_run("orders");
    expected.options.fingerprint = started.options.fingerprint.clone();
    assert!(expected.options.fingerprint.is_some());
    expected.options.configuration = started.options.configuration.clone();
    assert!(expected.options.configuration.is_some());
    assert_eq!(started, expected);
}

#[test]
fn run_answers_in_json_too() {
    let server = Server::start(aws);
    let arguments = ["run", "--at", "2026-11-22T03:00:00Z", "--json"];
    let out = ran(&configured(&server, &arguments).output().unwrap(), 0);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["schema"], 1);
    let regions = &answer["regions"];
    assert_eq!(regions[0]["region"], "eu-west-1");
    assert_eq!(regions[0]["due"], "2026-11-22T03:00:00Z");
    let databases = &regions[0]["databases"];
    assert_eq!(databases[0]["outcome"], "started");
    assert_eq!(
        databases[0]["database"],
        "arn:aws:rds:eu-west-1:111122223333:db:orders"
    );
    assert_eq!(databases[1]["outcome"], "left-out");
    assert_eq!(databases[2]["outcome"], "refused");
}

#[test]
fn plan_tells_of_each_database_what_would_become_of_it_and_changes_nothing() {
    let server = Server::start(aws);
    let out = ran(&configured(&server, &["plan"]).output().unwrap(), 0);
    let rows: Vec<&str> = out.lines().collect();
    assert!(rows[0].starts_with("DATABASE"), "{out}");
    assert!(
        rows[1].contains("orders") && rows[1].contains("selected  default  now"),
        "{out}"
    );
    assert!(
        rows[2].contains("excluded") && out.contains("it has the tag snapferry:exclude"),
        "{out}"
    );
    assert!(
        rows[3].contains("refused") && out.contains("it is a Multi-AZ DB cluster"),
        "{out}"
    );
    assert!(
        out.ends_with(
            "selected: 1, excluded: 1, refused: 1, not_now: 0, warned: 0, unreadable: 0, regions that could not be read: 0, \
             tried: 0, skipped: 0\n"
        ),
        "{out}"
    );
    let reads = [
        "DescribeDBInstances",
        "DescribeDBClusters",
        "GetItem",
        "BatchGetItem",
    ];
    for asked in server.asked() {
        assert!(
            reads.contains(&asked.action().as_str()),
            "{}",
            asked.action()
        );
    }
}

/// An instance without a standby that is being changed, whose newest recovery point is under another key.
fn modifying(asked: &Asked) -> Answer {
    let point = r#"{"schema":1,"step":"copy","snapshot":"arn:aws:rds:eu-central-1:111122223333:snapshot:sf-orders-x","source":null,"database":"arn:aws:rds:eu-west-1:111122223333:db:orders","resource_id":"db-ORDERS","engine":"postgres","engine_version":"17.2","size_gib":100,"kms_key":"arn:aws:kms:eu-central-1:111122223333:key/99999999-2222-3333-4444-555555555555","taken_at":null}"#;
    match asked.action().as_str() {
        "DescribeDBInstances" => ok(
            "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance>\
             <DBInstanceArn>arn:aws:rds:eu-west-1:111122223333:db:orders</DBInstanceArn>\
             <DbiResourceId>db-ORDERS</DbiResourceId><Engine>postgres</Engine><MultiAZ>false</MultiAZ>\
             <DBInstanceStatus>modifying</DBInstanceStatus></DBInstance></DBInstances>\
             </DescribeDBInstancesResult></DescribeDBInstancesResponse>",
        ),
        "DescribeDBClusters" => ok(
            "<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters/>\
             </DescribeDBClustersResult></DescribeDBClustersResponse>",
        ),
        "BatchGetItem" => ok(json!({ "Responses": { "table": [{
            "pk": { "S": "database#db-ORDERS#default" },
            "open_execution": { "S": "sf-orders-20261122t0300z-abcdefghij" },
            "recovery_point": { "S": point },
        }]}})
        .to_string()),
        _ => ok("{}"),
    }
}

#[test]
fn plan_answers_in_json_with_the_figures_of_each_warning() {
    let server = Server::start(modifying);
    let out = ran(
        &configured(&server, &["plan", "--json"]).output().unwrap(),
        0,
    );
    let plan: Value = serde_json::from_str(&out).unwrap();
    let row = &plan["databases"][0];
    assert_eq!(row["plan"], "selected");
    assert_eq!(row["reason_code"], Value::Null);
    assert_eq!(
        (&row["policy"], &row["source"]),
        (&json!("default"), &json!("snapshot"))
    );
    assert_eq!(row["schedule"], "0 3 * * *");
    assert_eq!(row["execution"], "sf-orders-20261122t0300z-abcdefghij");
    assert!(
        row["due_now"].is_string() && row["next"].is_string(),
        "{row}"
    );
    let warnings = row["warnings"].as_array().unwrap();
    let names: Vec<&Value> = warnings.iter().map(|of| &of["warning"]).collect();
    assert_eq!(names, ["io-stops", "not-available", "key-change"]);
    assert_eq!(warnings[1]["status"], "modifying");
    assert_eq!(warnings[2]["gigabytes"], 100);
    let summary = json!({
        "protected": 1, "selected": 1, "excluded": 0, "refused": 0, "not_now": 0, "tried": 0, "skipped": 0,
        "unreadable": 0, "warned": 1, "unreachable_regions": 0,
    });
    assert_eq!(plan["summary"], summary);
}

/// A stopped instance; one whose tag names no policy; a row without an ARN; a tagged member of a cluster without a tag.
fn mistakes(asked: &Asked) -> Answer {
    let tag = |policy: &str| {
        format!("<TagList><Tag><Key>snapferry:policy</Key><Value>{policy}</Value></Tag></TagList>")
    };
    let row = |name: &str, status: &str, more: &str| {
        format!(
            "<DBInstance><DBInstanceIdentifier>{name}</DBInstanceIdentifier>\
             <DBInstanceArn>arn:aws:rds:eu-west-1:111122223333:db:{name}</DBInstanceArn>\
             <DbiResourceId>db-{}</DbiResourceId><Engine>postgres</Engine>\
             <DBInstanceStatus>{status}</DBInstanceStatus>{more}</DBInstance>",
            name.to_uppercase()
        )
    };
    match asked.action().as_str() {
        "DescribeDBInstances" => {
            let member = "<DBClusterIdentifier>web</DBClusterIdentifier>";
            let rows = [
                row("asleep", "stopped", &tag("default")),
                row("lost", "available", &tag("gold")),
                row("web-1", "available", &format!("{member}{}", tag("default"))),
                "<DBInstance><DBInstanceIdentifier>odd</DBInstanceIdentifier></DBInstance>"
                    .to_owned(),
            ]
            .concat();
            ok(format!(
                "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>{rows}</DBInstances>\
                 </DescribeDBInstancesResult></DescribeDBInstancesResponse>"
            ))
        }
        "DescribeDBClusters" => ok(
            "<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters/>\
             </DescribeDBClustersResult></DescribeDBClustersResponse>",
        ),
        _ => ok("{}"),
    }
}

#[test]
fn plan_exits_with_1_for_a_tag_that_names_no_policy_and_says_what_is_put_off_misplaced_or_unreadable()
 {
    let server = Server::start(mistakes);
    let out = ran(&configured(&server, &["plan"]).output().unwrap(), 1);
    for part in [
        "not_now",
        "its status is stopped",
        "names the unknown policy \"gold\"",
        "tag the cluster web",
        "a database odd cannot be read: RDS left DBInstanceArn out",
        "selected: 0, excluded: 2, refused: 0, not_now: 1, warned: 0, unreadable: 1",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let json = ran(
        &configured(&server, &["plan", "--json"]).output().unwrap(),
        1,
    );
    let plan: Value = serde_json::from_str(&json).unwrap();
    let codes: Vec<&Value> = plan["databases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["reason_code"])
        .collect();
    assert_eq!(codes, ["not-now", "unknown-policy", "tagged-member"]);
    assert_eq!(plan["unreadable"][0]["name"], "odd");
}

#[test]
fn plan_exits_with_3_for_a_region_that_cannot_be_read_and_shows_the_others() {
    let server = Server::start(|asked| {
        let authorization = asked.headers.get("authorization").cloned();
        let is_north = authorization.is_some_and(|of| of.contains("eu-north-1"));
        match asked.action().as_str() {
            "DescribeDBInstances" | "DescribeDBClusters" if is_north => Answer::Http(
                403,
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>"
                    .to_owned(),
            ),
            _ => aws(asked),
        }
    });
    let arguments = ["plan", "--source-regions", "eu-west-1,eu-north-1"];
    let out = ran(&configured(&server, &arguments).output().unwrap(), 3);
    assert!(
        out.contains("selected: 1, excluded: 1, refused: 1"),
        "{out}"
    );
    assert!(
        out.contains("eu-north-1: could not be read completely"),
        "{out}"
    );
    assert!(out.contains("AccessDenied"), "{out}");
}

#[test]
fn plan_knows_its_policies_and_regions() {
    let server = Server::start(aws);
    let out = ran(
        &configured(&server, &["plan", "--policy", "default"])
            .output()
            .unwrap(),
        0,
    );
    assert!(
        !out.contains("scratch") && out.contains("excluded: 0"),
        "{out}"
    );
    for wrong in [["--policy", "gold"], ["--source-region", "eu-north-1"]] {
        let arguments = ["plan", wrong[0], wrong[1]];
        ran(&configured(&server, &arguments).output().unwrap(), 2);
    }
}

#[test]
fn run_that_could_not_start_everything_says_so_and_exits_with_1() {
    let server = Server::start(|asked| match asked.action().as_str() {
        "StartExecution" => Answer::Http(
            400,
            r#"{"__type":"AccessDeniedException","message":"User is not authorized"}"#.to_owned(),
        ),
        _ => aws(asked),
    });
    let output = configured(&server, &["run", "--again"]).output().unwrap();
    let out = ran(&output, 1);
    assert!(
        out.contains("failed: states:StartExecution did not succeed: AccessDeniedException"),
        "{out}"
    );
    assert!(out.contains("User is not authorized"), "{out}");
}

#[test]
fn a_flag_wins_over_its_variable() {
    let server = Server::start(aws);
    let arguments = [
        "run",
        "--again",
        "--source-regions",
        "eu-north-1",
        "--table",
        "other",
    ];
    let output = configured(&server, &arguments).output().unwrap();
    assert!(ran(&output, 0).contains("eu-north-1"));
    let asked = server.asked();
    let lists = asked
        .iter()
        .find(|asked| asked.action() == "DescribeDBInstances")
        .unwrap();
    assert!(lists.headers["authorization"].contains("/eu-north-1/rds/"));
    let claim = asked
        .iter()
        .find(|asked| asked.action() == "UpdateItem")
        .unwrap();
    assert_eq!(claim.json()["TableName"], "other");
}

pub(crate) fn wait(name: &str, opened_at: i64) -> Value {
    let run = wire_run::write(&a_run(name));
    let execution =
        format!("arn:aws:states:eu-central-1:111122223333:execution:protect:run-of-{name}");
    json!({
        "pk": { "S": format!("wait#arn:aws:rds:eu-west-1:111122223333:snapshot:sf-{name}") },
        "open": { "S": "wait" },
        "since": { "N": opened_at.to_string() },
        "opened_at": { "N": opened_at.to_string() },
        "phase": { "S": "seen" },
        "token": { "S": TOKEN },
        "step": { "S": "snapshot" },
        "execution": { "S": execution },
        "retry": { "N": "0" },
        "run": { "S": run },
        "expected": { "M": { "kind": { "S": "snapshot" } } },
    })
}

fn open(asked: &Asked) -> Answer {
    let slots = json!({
        "pk": { "S": "slots#copy" },
        "holders": { "SS": ["arn:aws:rds:eu-central-1:111122223333:snapshot:sf-x"] },
    });
    let page = match asked.json().get("ExclusiveStartKey") {
        None => json!({
            "Items": [slots, wait("younger", 1_763_780_760_000)],
            "LastEvaluatedKey": { "pk": { "S": "slots#copy" } },
        }),
        Some(_) => json!({ "Items": [wait("older", 1_763_000_000_000)] }),
    };
    ok(page.to_string())
}

#[test]
fn waits_lists_the_oldest_first_and_never_a_token() {
    let server = Server::start(open);
    let output = configured(&server, &["waits"]).output().unwrap();
    let out = ran(&output, 0);
    let rows: Vec<&str> = out.lines().collect();
    assert!(rows[0].starts_with("DATABASE"), "{out}");
    assert!(
        rows[1].starts_with("older") && rows[1].ends_with("run-of-older"),
        "{out}"
    );
    assert!(
        rows[2].starts_with("younger") && rows[2].contains("sf-younger"),
        "{out}"
    );
    assert!(out.ends_with("copy slots taken: 1/20\n"), "{out}");
    let json = ran(
        &configured(&server, &["waits", "--json"]).output().unwrap(),
        0,
    );
    let list: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        list["waits"][0]["database"],
        "arn:aws:rds:eu-west-1:111122223333:db:older"
    );
    assert_eq!(list["copy_slots"]["most"], 20);
    for text in [out, json, text(&output.stderr)] {
        assert!(!text.contains(TOKEN), "{text}");
    }
}

#[test]
fn waits_counts_the_slots_that_the_policies_allow() {
    let server = Server::start(|_| {
        let mut one = wait("orders", 1_763_780_760_000);
        let mut of = a_run("orders");
        of.options.copy_slots = Some(3);
        one["run"] = json!({ "S": wire_run::write(&of) });
        ok(json!({ "Items": [one] }).to_string())
    });
    let out = ran(&configured(&server, &["waits"]).output().unwrap(), 0);
    assert!(out.ends_with("copy slots taken: 0/3\n"), "{out}");
}

#[test]
fn waits_says_when_there_are_none_and_when_the_table_does_not_answer() {
    let server = Server::start(|_| ok(r#"{"Items":[]}"#));
    let out = ran(&configured(&server, &["waits"]).output().unwrap(), 0);
    assert!(out.starts_with("no open waits"), "{out}");
    let server = Server::start(|_| {
        let body =
            r#"{"__type":"ResourceNotFoundException","message":"Requested resource not found"}"#;
        Answer::Http(400, body.to_owned())
    });
    let output = configured(&server, &["waits"]).output().unwrap();
    ran(&output, 3);
    assert!(text(&output.stderr).contains("Query did not succeed: ResourceNotFoundException"));
}

#[test]
fn settings_that_are_missing_are_told_all_at_once() {
    let output = bare(&["run"]).output().unwrap();
    ran(&output, 2);
    let err = text(&output.stderr);
    let missing = [
        "AWS_REGION",
        "SNAPFERRY_STACK_ID",
        "SNAPFERRY_TABLE",
        "SNAPFERRY_KMS_KEY",
        "CliEnvironment",
    ];
    for part in missing {
        assert!(err.contains(part), "{part} in {err}");
    }
}

#[test]
fn a_command_line_that_makes_no_sense_exits_with_2() {
    let contradiction = ["run", "--again", "--at", "2026-11-22T03:00:00Z"];
    for arguments in [
        &["fly"][..],
        &["run", "--at", "tomorrow"],
        &contradiction,
        &[],
    ] {
        ran(&bare(arguments).output().unwrap(), 2);
    }
    ran(
        &bare(&["waits"])
            .env("SNAPFERRY_LOG", "loud")
            .output()
            .unwrap(),
        2,
    );
}

#[test]
fn help_says_where_the_settings_come_from() {
    let out = ran(&bare(&["--help"]).output().unwrap(), 0);
    for part in [
        "CliEnvironment",
        "SNAPFERRY_TABLE",
        "AWS_REGION",
        "start",
        "waits",
        "Exit codes",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    let out = ran(&bare(&["start", "--help"]).output().unwrap(), 0);
    for part in [
        "--again",
        "--at",
        "SNAPFERRY_KMS_KEY",
        "SNAPFERRY_SOURCE_REGIONS",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
}

#[test]
fn a_shell_gets_its_completions_and_a_reader_the_manual_without_a_stack() {
    let script = bare(&["--stack", "prod", "completions", "bash"])
        .output()
        .unwrap();
    let script = ran(&script, 0);
    assert!(script.contains("_snapferry"), "{script}");
    let directory = concat!(env!("CARGO_TARGET_TMPDIR"), "/manual");
    std::fs::create_dir_all(directory).unwrap();
    ran(&bare(&["man", directory]).output().unwrap(), 0);
    let page = std::fs::read_to_string(format!("{directory}/snapferry-status.1")).unwrap();
    assert!(page.contains("snapferry"), "{page}");
    let missing = format!("{directory}/missing");
    let refused = bare(&["man", &missing]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("missing cannot be written"));
}

#[test]
fn an_error_is_json_too_where_json_was_asked_for() {
    for (arguments, code, said) in [
        (&["waits", "--json"][..], 2, "SNAPFERRY_TABLE"),
        (&["waits", "--jsn", "--json"][..], 2, "--jsn"),
        (
            &["status", "-o", "json", "--interval", "x"][..],
            2,
            "--interval",
        ),
    ] {
        let output = bare(arguments).output().unwrap();
        let answer: Value = serde_json::from_str(&ran(&output, code)).unwrap();
        assert_eq!(answer["schema"], 1);
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(said), "{error}");
        assert!(text(&output.stderr).contains(said));
    }
}
