//! Redrive: what Step Functions is asked and answers, and the command as a process.

use serde_json::{Value, json};
use snapferry::domain::id::names::ExecutionName;
use snapferry::domain::operator::redrive::{FailedStatus, Redrivable};
use snapferry::json::run as wire_run;
use snapferry::ports::{InspectExecution, ListEnded, ReadDefinitions, RedriveExecution, Redriven};

use crate::commands::{bare, configured, ran, text};
use crate::server::{Answer, Server, ok as answer};
use crate::wire::{Asked, MACHINE, Reply, Wire, json_error, ok};
use crate::world::{a_run, time};

const NAME: &str = "sf-orders-20261122t0300z-abcdefghij";

fn name() -> ExecutionName {
    ExecutionName::parse(NAME).unwrap()
}

fn arn() -> String {
    format!("arn:aws:states:eu-central-1:111122223333:execution:protect:{NAME}")
}

fn listed(name: &str, stopped: Option<f64>) -> Value {
    let mut row = json!({
        "executionArn": arn(), "stateMachineArn": MACHINE, "name": name,
        "status": "FAILED", "startDate": 1_763_780_400.5,
    });
    if let Some(stopped) = stopped {
        row["stopDate"] = json!(stopped);
    }
    row
}

#[tokio::test]
async fn executions_are_listed_by_how_they_ended_page_by_page() {
    let ways = [
        (FailedStatus::Failed, "FAILED"),
        (FailedStatus::TimedOut, "TIMED_OUT"),
        (FailedStatus::Aborted, "ABORTED"),
    ];
    for (ended, word) in ways {
        let rows = json!({
            "executions": [
                listed(NAME, Some(1_763_784_000.0)),
                listed("not one of ours", Some(1_763_784_000.0)),
                listed("still-running", None),
            ],
            "nextToken": "page-2",
        });
        let wire = Wire::new([ok(rows.to_string())]);
        let from = Some("page-1".to_owned());
        let page = wire.planner().list_executions(ended, from).await.unwrap();
        let asked = wire.only();
        assert_eq!(asked.action(), "ListExecutions");
        let expected = json!({
            "stateMachineArn": MACHINE, "statusFilter": word,
            "maxResults": 1000, "nextToken": "page-1",
        });
        assert_eq!(asked.json(), expected);
        assert_eq!(page.next.as_deref(), Some("page-2"));
        assert_eq!(page.items.len(), 1);
        let one = &page.items[0];
        assert_eq!((&one.name, one.ended), (&name(), ended));
        assert_eq!(one.started_at, time("2025-11-22T03:00:00.5Z"));
        assert_eq!(one.ended_at, time("2025-11-22T04:00:00Z"));
    }
}

fn described(redrive: Value) -> Value {
    let mut body = json!({
        "executionArn": arn(), "stateMachineArn": MACHINE, "name": NAME, "status": "FAILED",
        "startDate": 1.0, "stopDate": 2.0, "input": wire_run::write(&a_run("orders")),
        "error": "Snapferry.SourceMissing", "cause": "no available source",
    });
    body.as_object_mut()
        .unwrap()
        .extend(redrive.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_closer_look_tells_the_run_the_error_and_whether_it_can_be_redriven() {
    let reason = "Execution history event limit exceeded";
    let cases = [
        (json!({}), Redrivable::Unanswered, 0),
        (
            json!({ "redriveStatus": "REDRIVABLE", "redriveCount": 2 }),
            Redrivable::Yes,
            2,
        ),
        (
            json!({ "redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason }),
            Redrivable::No(reason.to_owned()),
            0,
        ),
        (
            json!({ "redriveStatus": "REDRIVABLE_BY_MAP_RUN" }),
            Redrivable::No("REDRIVABLE_BY_MAP_RUN".to_owned()),
            0,
        ),
    ];
    for (redrive, redrivable, redrives) in cases {
        let wire = Wire::new([ok(described(redrive).to_string())]);
        let found = wire.planner().inspect_execution(&name()).await.unwrap();
        let found = found.unwrap();
        assert_eq!(wire.only().json(), json!({ "executionArn": arn() }));
        assert_eq!(found.redrivable, redrivable);
        assert_eq!(found.redrives, redrives);
        assert_eq!(found.run, Some(a_run("orders")));
        assert_eq!(found.error.as_deref(), Some("Snapferry.SourceMissing"));
        assert_eq!(found.cause.as_deref(), Some("no available source"));
        assert!(!found.running);
    }
}

#[tokio::test]
async fn an_execution_that_is_gone_or_foreign_or_runs_again_is_told_apart() {
    let look = |reply: Reply| async move {
        let wire = Wire::new([reply]);
        wire.planner().inspect_execution(&name()).await
    };
    let gone = json_error(400, "ExecutionDoesNotExist", "gone");
    assert_eq!(look(gone).await.unwrap(), None);
    let foreign = described(json!({ "input": "{}" }));
    let found = look(ok(foreign.to_string())).await.unwrap().unwrap();
    assert_eq!(found.run, None);
    for status in ["RUNNING", "PENDING_REDRIVE"] {
        let running = described(json!({ "status": status }));
        let found = look(ok(running.to_string())).await.unwrap().unwrap();
        assert!(found.running, "{status}");
    }
    let refused = json_error(400, "AccessDeniedException", "no");
    assert!(look(refused).await.is_err());
}

#[tokio::test]
async fn definitions_are_read_of_now_and_of_an_execution() {
    let wire = Wire::script(|asked| {
        let definition = format!("by {}", asked.action());
        ok(json!({
            "stateMachineArn": MACHINE, "name": "protect", "definition": definition,
            "roleArn": "arn:role", "type": "STANDARD", "creationDate": 1.0, "updateDate": 1.0,
        })
        .to_string())
    });
    let aws = wire.planner();
    assert_eq!(
        aws.definition_now().await.unwrap(),
        "by DescribeStateMachine"
    );
    assert_eq!(
        aws.definition_of(&name()).await.unwrap(),
        "by DescribeStateMachineForExecution"
    );
    let asked = wire.asked();
    assert_eq!(asked[0].json(), json!({ "stateMachineArn": MACHINE }));
    assert_eq!(asked[1].json(), json!({ "executionArn": arn() }));
}

#[tokio::test]
async fn a_redrive_that_step_functions_refuses_is_an_answer_and_everything_else_an_error() {
    let wire = Wire::new([ok(r#"{"redriveDate":1763784000.0}"#)]);
    let redriven = wire.planner().redrive_execution(&name()).await.unwrap();
    assert_eq!(redriven, Redriven::Running);
    let asked = wire.only();
    assert_eq!(asked.action(), "RedriveExecution");
    let body = asked.json();
    assert_eq!(body["executionArn"], arn());
    assert!(
        body["clientToken"].is_string(),
        "a repeated call redrives once"
    );
    let why = "the redrivable period has expired";
    let wire = Wire::new([json_error(400, "ExecutionNotRedrivable", why)]);
    let redriven = wire.planner().redrive_execution(&name()).await.unwrap();
    assert_eq!(redriven, Redriven::NotRedrivable(why.to_owned()));
    for code in [
        "ExecutionLimitExceeded",
        "ThrottlingException",
        "ExecutionDoesNotExist",
    ] {
        let wire = Wire::new([json_error(400, code, "no")]);
        let error = wire.planner().redrive_execution(&name()).await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some(code));
    }
}

/// Step Functions with two that failed, of which one was started under another definition.
fn step_functions(asked: &Asked) -> Answer {
    let body = asked.body.clone();
    let of_billing = body.contains("billing");
    let definition = |text: &str| {
        json!({
            "stateMachineArn": MACHINE, "name": "protect", "definition": text,
            "roleArn": "arn:role", "type": "STANDARD", "creationDate": 1.0, "updateDate": 1.0,
        })
        .to_string()
    };
    match asked.action().as_str() {
        "ListExecutions" if body.contains("\"FAILED\"") => {
            // In the year 2100, by whatever clock: within the window of a redrive.
            let stopped = Some(4_102_444_800.0);
            let rows = [
                listed(NAME, stopped),
                listed("sf-billing-20261122t0300z-abcdefghij", stopped),
            ];
            answer(json!({ "executions": rows }).to_string())
        }
        "ListExecutions" => answer(r#"{"executions":[]}"#),
        "DescribeExecution" => {
            let name = if of_billing { "billing" } else { "orders" };
            let input = wire_run::write(&a_run(name));
            answer(described(json!({ "input": input, "redriveStatus": "REDRIVABLE" })).to_string())
        }
        "DescribeStateMachine" => answer(definition("now")),
        "DescribeStateMachineForExecution" => {
            answer(definition(if of_billing { "before" } else { "now" }))
        }
        "RedriveExecution" => answer(r#"{"redriveDate":1.0}"#),
        "StartExecution" if body.contains("-a2") => {
            answer(json!({ "executionArn": arn(), "startDate": 1.0 }).to_string())
        }
        "StartExecution" => Answer::Http(
            400,
            r#"{"__type":"ExecutionAlreadyExists","message":"used"}"#.to_owned(),
        ),
        _ => answer("{}"),
    }
}

fn asked_for(server: &Server, action: &str) -> usize {
    let asked = server.asked();
    asked.iter().filter(|one| one.action() == action).count()
}

#[test]
fn redrive_shows_first_and_changes_nothing() {
    let server = Server::start(step_functions);
    let out = ran(&configured(&server, &["redrive"]).output().unwrap(), 0);
    assert!(out.starts_with("DATABASE"), "{out}");
    let row = |name: &str| {
        out.lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    let orders = row("orders");
    for part in [
        NAME,
        "failed",
        "Snapferry.SourceMissing",
        "redrivable",
        "no available source",
    ] {
        assert!(orders.contains(part), "{part} in {out}");
    }
    let billing = row("billing");
    assert!(
        billing.contains("needs-new") && billing.contains("definition has changed"),
        "{out}"
    );
    assert!(
        out.contains("1 can be redriven (--yes), 1 need a new execution (--yes --restart)"),
        "{out}"
    );
    for action in ["RedriveExecution", "StartExecution", "UpdateItem"] {
        assert_eq!(asked_for(&server, action), 0, "{action}");
    }
}

#[test]
fn redrive_with_yes_redrives_and_exits_with_1_while_something_is_left_to_decide() {
    let server = Server::start(step_functions);
    let out = ran(
        &configured(&server, &["redrive", "--yes"]).output().unwrap(),
        1,
    );
    assert!(
        out.contains("1 redriven, 0 restarted, 1 need a new execution"),
        "{out}"
    );
    assert_eq!(asked_for(&server, "RedriveExecution"), 1);
    assert_eq!(asked_for(&server, "StartExecution"), 0);
}

#[test]
fn redrive_restarts_what_cannot_be_redriven_and_answers_in_json() {
    let server = Server::start(step_functions);
    let arguments = ["redrive", "--yes", "--restart", "--json"];
    let out = ran(&configured(&server, &arguments).output().unwrap(), 0);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["dry_run"], false);
    let rows = json["executions"].as_array().unwrap();
    let of = |name: &str| {
        let arn = format!("arn:aws:rds:eu-west-1:111122223333:db:{name}");
        rows.iter().find(|row| row["database"] == arn).unwrap()
    };
    let orders = of("orders");
    assert_eq!(orders["outcome"], "redriven");
    assert_eq!(orders["execution"], NAME);
    assert_eq!(orders["error"], "Snapferry.SourceMissing");
    assert_eq!(orders["planned_at"], "2026-11-22T03:00:00Z");
    assert_eq!(of("billing")["outcome"], "restarted");
    let by = of("billing")["by"].as_str().unwrap();
    assert!(
        by.starts_with("sf-billing-20261122t0300z-") && by.ends_with("-a2"),
        "{by}"
    );
}

#[test]
fn redrive_says_when_nothing_was_selected_and_when_it_cannot_ask() {
    let server = Server::start(|asked| match asked.action().as_str() {
        "ListExecutions" => answer(r#"{"executions":[]}"#),
        _ => answer("{}"),
    });
    let out = ran(
        &configured(&server, &["redrive", "--since", "12h"])
            .output()
            .unwrap(),
        0,
    );
    assert!(out.starts_with("no execution that was selected"), "{out}");
    let server = Server::start(|_| {
        let body = r#"{"__type":"AccessDeniedException","message":"no"}"#;
        Answer::Http(400, body.to_owned())
    });
    let output = configured(&server, &["redrive"]).output().unwrap();
    ran(&output, 3);
    assert!(text(&output.stderr).contains("ListExecutions did not succeed: AccessDeniedException"));
}

#[test]
fn redrives_help_says_that_it_only_shows_without_yes() {
    let out = ran(&bare(&["redrive", "--help"]).output().unwrap(), 0);
    for part in [
        "--yes",
        "--restart",
        "--since",
        "--until",
        "--database",
        "14 days",
        "only shown",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
}
