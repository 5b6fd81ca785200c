//! Stop: what Step Functions and the table are asked, and the command as a process.

use serde_json::{Value, json};
use snapferry::domain::id::names::ExecutionName;
use snapferry::json::run as wire_run;
use snapferry::ports::{ForgetIdle, ListRunning, StopExecution, Written};

use crate::commands::{bare, configured, ran};
use crate::items::a_wait;
use crate::server::{Answer, Server, ok as answer};
use crate::wire::{Asked, MACHINE, Wire, json_error, ok};
use crate::world::a_run;

const NAME: &str = "sf-orders-20261122t0300z-abcdefghij";

fn name() -> ExecutionName {
    ExecutionName::parse(NAME).unwrap()
}

fn arn(name: &str) -> String {
    format!("arn:aws:states:eu-central-1:111122223333:execution:protect:{name}")
}

fn listed(name: &str) -> Value {
    json!({
        "executionArn": arn(name), "stateMachineArn": MACHINE, "name": name,
        "status": "RUNNING", "startDate": 1_763_780_400.5,
    })
}

#[tokio::test]
async fn running_executions_are_listed_page_by_page() {
    let rows = json!({
        "executions": [listed(NAME), listed("not one of ours")], "nextToken": "page-2",
    });
    let wire = Wire::new([ok(rows.to_string())]);
    let page = wire.planner().list_running(Some("page-1".to_owned())).await;
    let page = page.unwrap();
    let asked = wire.only();
    assert_eq!(asked.action(), "ListExecutions");
    let expected = json!({
        "stateMachineArn": MACHINE, "statusFilter": "RUNNING",
        "maxResults": 1000, "nextToken": "page-1",
    });
    assert_eq!(asked.json(), expected);
    assert_eq!(
        (page.items, page.next.as_deref()),
        (vec![name()], Some("page-2"))
    );
}

#[tokio::test]
async fn an_execution_is_stopped_with_the_error_that_redrive_knows_and_a_cause() {
    let wire = Wire::new([ok(r#"{"stopDate":1763784000.0}"#)]);
    let stopped = wire
        .planner()
        .stop_execution(&name(), "the key was wrong")
        .await;
    stopped.unwrap();
    let asked = wire.only();
    assert_eq!(asked.action(), "StopExecution");
    let expected = json!({
        "executionArn": arn(NAME), "error": "Snapferry.Stopped", "cause": "the key was wrong",
    });
    assert_eq!(asked.json(), expected);
    let wire = Wire::new([json_error(400, "AccessDeniedException", "no")]);
    let refused = wire.planner().stop_execution(&name(), "why").await;
    assert_eq!(
        refused.unwrap_err().code.as_deref(),
        Some("AccessDeniedException")
    );
}

#[tokio::test]
async fn a_wait_is_forgotten_as_idle_only_as_it_was_read() {
    let conflict = json_error(400, "ConditionalCheckFailedException", "failed");
    let wire = Wire::new([
        ok("{}"),
        conflict,
        json_error(400, "InternalServerError", "no"),
    ]);
    let (aws, wait) = (wire.aws(), a_wait("t"));
    assert_eq!(aws.forget_idle(&wait).await.unwrap(), Written::Stored);
    assert_eq!(aws.forget_idle(&wait).await.unwrap(), Written::Conflict);
    let asked = &wire.asked()[0];
    assert_eq!(asked.action(), "DeleteItem");
    let body = asked.json();
    assert_eq!(body["Key"]["pk"]["S"], format!("wait#{}", wait.resource));
    assert_eq!(
        body["ConditionExpression"],
        "#token = :token AND attribute_not_exists(#attempt) AND #phase = :phase AND #since = :since"
    );
    let values = &body["ExpressionAttributeValues"];
    assert_eq!(values[":token"]["S"], "t");
    assert_eq!(values[":phase"]["S"], wait.phase.as_str());
    let error = aws.forget_idle(&wait).await.unwrap_err();
    assert!(!error.to_string().contains(":token"), "{error}");
}

/// Step Functions with one execution that runs, and a table without waits.
fn one_runs(asked: &Asked) -> Answer {
    match asked.action().as_str() {
        "ListExecutions" => answer(json!({ "executions": [listed(NAME)] }).to_string()),
        "DescribeExecution" if asked.body.contains(NAME) => {
            let described = json!({
                "executionArn": arn(NAME), "stateMachineArn": MACHINE, "name": NAME,
                "status": "RUNNING", "startDate": 1.0, "input": wire_run::write(&a_run("orders")),
            });
            answer(described.to_string())
        }
        "DescribeExecution" => Answer::Http(
            400,
            r#"{"__type":"ExecutionDoesNotExist","message":"gone"}"#.to_owned(),
        ),
        "StopExecution" => answer(r#"{"stopDate":1.0}"#),
        "Query" => answer(r#"{"Items":[],"Count":0}"#),
        _ => answer("{}"),
    }
}

fn asked_for(server: &Server, action: &str) -> usize {
    let asked = server.asked();
    asked.iter().filter(|one| one.action() == action).count()
}

#[test]
fn stop_shows_first_and_changes_nothing() {
    let server = Server::start(one_runs);
    for selection in [&["--database", "orders"][..], &[NAME], &[&arn(NAME)]] {
        let arguments = [&["stop"], selection].concat();
        let out = ran(&configured(&server, &arguments).output().unwrap(), 0);
        assert!(out.contains(NAME) && out.contains("running"), "{out}");
        assert!(out.contains("1 would be stopped (--yes)"), "{out}");
    }
    for action in ["StopExecution", "UpdateItem", "DeleteItem"] {
        assert_eq!(asked_for(&server, action), 0, "{action}");
    }
}

#[test]
fn stop_with_yes_stops_releases_and_says_how_to_start_anew() {
    let server = Server::start(one_runs);
    let arguments = [
        "stop",
        "--database",
        "orders",
        "--yes",
        "--why",
        "the key was wrong",
    ];
    let out = ran(&configured(&server, &arguments).output().unwrap(), 0);
    assert!(
        out.contains("1 stopped, 0 ended already, 0 failed"),
        "{out}"
    );
    assert!(out.contains("snapferry start --again"), "{out}");
    let asked = server.asked();
    let stopped = asked.iter().find(|one| one.action() == "StopExecution");
    assert_eq!(stopped.unwrap().json()["cause"], "the key was wrong");
    let released = asked.iter().find(|one| one.action() == "UpdateItem");
    let released = released.unwrap().body.clone();
    assert!(released.contains(NAME), "{released}");
}

#[test]
fn stop_answers_in_json_and_exits_with_1_for_an_execution_that_is_not_known() {
    let server = Server::start(one_runs);
    let arguments = ["stop", NAME, "sf-gone", "--yes", "--json"];
    let out = ran(&configured(&server, &arguments).output().unwrap(), 1);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&json["schema"], &json["dry_run"]),
        (&json!(1), &json!(false))
    );
    let (one, other) = (&json["runs"][0], &json["runs"][1]);
    assert_eq!(
        (&one["execution"], &one["outcome"]),
        (&json!(NAME), &json!("stopped"))
    );
    assert_eq!(
        one["database"],
        "arn:aws:rds:eu-west-1:111122223333:db:orders"
    );
    assert_eq!(one["waits"], json!([]));
    assert_eq!(other["outcome"], "unknown");
    assert!(
        other["reason"].as_str().unwrap().contains("does not know"),
        "{other}"
    );
}

#[test]
fn stop_says_when_nothing_was_selected_and_wants_a_selection() {
    let server = Server::start(one_runs);
    let arguments = ["stop", "--database", "billing", "--yes"];
    let out = ran(&configured(&server, &arguments).output().unwrap(), 0);
    assert!(
        out.starts_with("no run of billing that was selected is open"),
        "{out}"
    );
    assert_eq!(asked_for(&server, "StopExecution"), 0);
    let none = configured(&server, &["stop"]).output().unwrap();
    assert_eq!(none.status.code(), Some(2));
    let both = ["stop", NAME, "--database", "orders"];
    let both = configured(&server, &both).output().unwrap();
    assert_eq!(both.status.code(), Some(2));
    let help = ran(&bare(&["stop", "--help"]).output().unwrap(), 0);
    for part in [
        "--yes",
        "--database",
        "--why",
        "only shown",
        "keeps the key",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
}
