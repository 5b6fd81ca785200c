//! The program of restore.yaml as Lambda runs it: the remover, between the runtime API and AWS.

use serde_json::{Value, json};
use snapferry::domain::drill::name::{DrillId, drill_name};
use snapferry::domain::id::tags::StackId;

use crate::functions::{end, function_of, is_the_answer, server};
use crate::server::{Answer, Server, ok};
use crate::wire::Asked;
use crate::world::a_run;

const DRILL: &str = "20260101t030000z";

fn remover(server: &Server) -> std::process::Command {
    let mut command = function_of(env!("CARGO_BIN_EXE_drills"), "remover", server);
    command
        .env("AWS_ENDPOINT_URL", server.endpoint("all"))
        .env("SNAPFERRY_METRICS_NAMESPACE", "Snapferry/prod-restore");
    command
}

/// The name of what a drill of `orders` made.
fn drilled() -> String {
    let stack = StackId::parse("prod").unwrap();
    let database = a_run("orders").database;
    drill_name(&stack, &database, &DrillId::parse(DRILL).unwrap())
}

/// What RDS shows of it: years old, and past its deadline.
fn row() -> String {
    let of = a_run("orders").database.resource_id;
    let tags = [
        ("snapferry:drill", "prod"),
        ("snapferry:restored", "prod"),
        ("snapferry:drill-id", DRILL),
        ("snapferry:drill-of", of.as_str()),
        ("snapferry:drill-deadline", "2026-01-01T09:00:00Z"),
    ];
    let tags: String = tags
        .iter()
        .map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"))
        .collect();
    format!(
        "<DBInstance><DBInstanceIdentifier>{}</DBInstanceIdentifier><DbiResourceId>db-MADE</DbiResourceId>\
         <DBInstanceStatus>available</DBInstanceStatus><InstanceCreateTime>2026-01-01T03:01:00Z</InstanceCreateTime>\
         <TagList>{tags}</TagList></DBInstance>",
        drilled()
    )
}

fn aws(asked: &Asked, delete: fn() -> Answer) -> Answer {
    match asked.action().as_str() {
        "DescribeDBInstances" => ok(format!(
            "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>{}</DBInstances>\
             </DescribeDBInstancesResult></DescribeDBInstancesResponse>",
            row()
        )),
        "DescribeDBClusters" => ok(
            "<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters/>\
             </DescribeDBClustersResult></DescribeDBClustersResponse>",
        ),
        "BatchGetItem" => ok(r#"{"Responses":{},"UnprocessedKeys":{}}"#),
        "GetItem" => ok("{}"),
        "DeleteDBInstance" => delete(),
        other => panic!("{other} was not to be asked"),
    }
}

fn deleted() -> Answer {
    ok("<DeleteDBInstanceResponse><DeleteDBInstanceResult/></DeleteDBInstanceResponse>")
}

/// The lines that the function printed.
fn lines(output: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(output);
    text.lines()
        .map(|line| serde_json::from_str(line).expect("each line is one JSON object"))
        .collect()
}

fn left_behind(output: &[u8]) -> Vec<Value> {
    let lines = lines(output).into_iter();
    let metrics = lines.filter(|line| line["_aws"].is_object());
    let metrics: Vec<Value> = metrics.collect();
    for line in &metrics {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "Snapferry/prod-restore");
        assert_eq!(directive["Dimensions"], json!([[]]));
    }
    let values = metrics.iter().map(|line| line["DrillsLeftBehind"].clone());
    values.collect()
}

#[test]
fn the_remover_deletes_what_the_table_lost_and_asks_for_nothing_else() {
    let server = server(&json!({}), |asked| aws(asked, deleted));
    let child = remover(&server).spawn().unwrap();
    let answer = server.wait_for(is_the_answer);
    let output = end(child);
    let expected = json!({
        "there": 1, "asked": [drilled()], "gone": [], "stays": [], "left_behind": [],
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(left_behind(&output.stdout), [json!(0.0)]);
    let calls = server.asked();
    let calls: Vec<&Asked> = calls
        .iter()
        .filter(|asked| asked.uri.starts_with("/all"))
        .collect();
    let actions: Vec<String> = calls.iter().map(|asked| asked.action()).collect();
    let expected = [
        "DescribeDBInstances",
        "DescribeDBClusters",
        "BatchGetItem",
        "GetItem",
        "GetItem",
        "DescribeDBInstances",
        "DeleteDBInstance",
    ];
    assert_eq!(actions, expected);
    let form = calls.last().unwrap().form();
    assert_eq!(form["DBInstanceIdentifier"], drilled());
    assert_eq!(form["SkipFinalSnapshot"], "true");
    assert_eq!(form["DeleteAutomatedBackups"], "true");
    for call in calls {
        let agent = &call.headers["user-agent"];
        assert!(agent.contains("app/snapferry-remover"), "{agent}");
    }
}

#[test]
fn a_round_where_nothing_is_left_costs_two_lists_and_one_read() {
    let server = server(&json!({}), |asked| match asked.action().as_str() {
        "DescribeDBInstances" => ok(
            "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances/>\
             </DescribeDBInstancesResult></DescribeDBInstancesResponse>",
        ),
        _ => aws(asked, deleted),
    });
    let child = remover(&server).spawn().unwrap();
    let answer = server.wait_for(is_the_answer);
    let output = end(child);
    assert_eq!(answer.json()["there"], 0);
    assert_eq!(left_behind(&output.stdout), [json!(0.0)]);
    let calls = server.asked();
    let calls = calls.iter().filter(|asked| asked.uri.starts_with("/all"));
    let actions: Vec<String> = calls.map(Asked::action).collect();
    let expected = ["DescribeDBInstances", "DescribeDBClusters", "GetItem"];
    assert_eq!(actions, expected);
}

#[test]
fn what_rds_does_not_let_it_delete_is_left_behind_and_counted() {
    let server = server(&json!({}), |asked| {
        let denied = || {
            let error = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>\
                 </ErrorResponse>";
            Answer::Http(403, error.to_owned())
        };
        aws(asked, denied)
    });
    let child = remover(&server).spawn().unwrap();
    let answer = server.wait_for(is_the_answer).json();
    let output = end(child);
    assert_eq!(answer["left_behind"][0][0], drilled());
    let why = answer["left_behind"][0][1].as_str().unwrap();
    assert!(why.contains("AccessDenied"), "{why}");
    assert_eq!(left_behind(&output.stdout), [json!(1.0)]);
}

#[test]
fn a_list_that_rds_does_not_give_is_reported_as_the_functions_error() {
    let server = server(&json!({}), |_| Answer::Http(500, String::new()));
    let child = remover(&server).spawn().unwrap();
    let error = server.wait_for(|asked| asked.uri.ends_with("/invocation-1/error"));
    let output = end(child);
    assert_eq!(error.json()["errorType"], "Snapferry.RemoveFailed");
    assert_eq!(left_behind(&output.stdout), Vec::<Value>::new());
}

#[test]
fn settings_that_are_not_usable_are_said_all_at_once() {
    let server = Server::start(|_| Answer::Never);
    let output = remover(&server)
        .env("_HANDLER", "planner")
        .env_remove("SNAPFERRY_TABLE")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = lines(&output.stdout).remove(0);
    let error = error["error"].as_str().unwrap();
    for part in ["SNAPFERRY_TABLE is not set", "_HANDLER"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(server.asked().is_empty(), "Lambda is not asked for events");
}
