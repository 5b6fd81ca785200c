//! Step Functions: what each answer says of a token, and of an execution.

use snapferry::domain::id::names::ExecutionName;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::failure::{Failure, Reason};
use snapferry::domain::run::manifest::Manifest;
use snapferry::json;
use snapferry::ports::{
    Callbacks, Delivery, ExecutionState, Probe, ProbeToken, StartExecution, Started,
};

use crate::wire::{MACHINE, Reply, Wire, json_error, ok};
use crate::world::{a_run, copy_arn, snapshot_arn, time, token};

/// What Step Functions answers that says nothing of the token.
fn no_news() -> Vec<(Reply, Option<&'static str>)> {
    let mut cases: Vec<(Reply, Option<&'static str>)> = [
        (400, "ThrottlingException"),
        (400, "AccessDeniedException"),
        (400, "KmsAccessDeniedException"),
        (400, "KmsInvalidStateException"),
        (400, "KmsThrottlingException"),
        (400, "ExpiredTokenException"),
        (400, "UnrecognizedClientException"),
        (400, "InvalidOutput"),
        (500, "InternalServerError"),
    ]
    .map(|(status, code)| (json_error(status, code, "no"), Some(code)))
    .into();
    cases.push((Reply::Http(500, "<html>".to_owned()), None));
    cases.push((Reply::Broken, None));
    cases
}

fn manifest() -> Manifest {
    let run = a_run("orders");
    Manifest {
        step: Step::Copy,
        snapshot: copy_arn(&run, 1),
        source: Some(snapshot_arn(&run, 1)),
        database: run.database.arn.clone(),
        resource_id: run.database.resource_id.clone(),
        engine: "postgres".to_owned(),
        engine_version: "17.2".to_owned(),
        size_gib: 100,
        key: Some(run.key),
        taken_at: Some(time("2026-11-22T03:01:00Z")),
    }
}

fn failure() -> Failure {
    Failure::new(Reason::SnapshotFailed, "RDS reports it as failed")
}

#[tokio::test]
async fn a_heartbeat_that_is_taken_means_alive() {
    let wire = Wire::new([ok("{}")]);
    let probe = wire.aws().send_task_heartbeat(&token("the-token")).await;
    assert!(matches!(probe, Probe::Alive), "{probe:?}");
    let asked = wire.only();
    assert_eq!(asked.action(), "SendTaskHeartbeat");
    assert_eq!(
        asked.json(),
        serde_json::json!({ "taskToken": "the-token" })
    );
}

#[tokio::test]
async fn only_the_two_answers_of_a_closed_task_mean_dead() {
    for code in ["TaskTimedOut", "TaskDoesNotExist"] {
        let wire = Wire::new([json_error(400, code, "Task Timed Out")]);
        let probe = wire.aws().send_task_heartbeat(&token("t")).await;
        assert!(matches!(probe, Probe::Dead), "{code}: {probe:?}");
        let aws = wire.aws();
        let success = aws.send_task_success(&token("t"), &manifest()).await;
        assert!(
            matches!(success, Delivery::NobodyWaits),
            "{code}: {success:?}"
        );
        let failed = aws.send_task_failure(&token("t"), &failure()).await;
        assert!(
            matches!(failed, Delivery::NobodyWaits),
            "{code}: {failed:?}"
        );
        assert_eq!(wire.asked().len(), 3, "a dead token is not tried twice");
    }
}

#[tokio::test]
async fn an_invalid_token_is_told_apart_from_a_dead_one() {
    let wire = Wire::new([json_error(400, "InvalidToken", "Invalid token")]);
    let aws = wire.aws();
    let probe = aws.send_task_heartbeat(&token("t")).await;
    assert!(matches!(probe, Probe::Invalid), "{probe:?}");
    let success = aws.send_task_success(&token("t"), &manifest()).await;
    assert!(matches!(success, Delivery::Invalid), "{success:?}");
}

#[tokio::test]
async fn everything_else_says_nothing_of_the_token() {
    for (reply, code) in no_news() {
        let wire = Wire::new([reply.clone()]);
        let aws = wire.aws();
        let Probe::Unknown(error) = aws.send_task_heartbeat(&token("t")).await else {
            panic!("{reply:?} was taken for an answer about the token");
        };
        assert_eq!(
            (error.action, error.code.as_deref()),
            ("states:SendTaskHeartbeat", code)
        );
        let Delivery::Unknown(error) = aws.send_task_success(&token("t"), &manifest()).await else {
            panic!("{reply:?} was taken for a delivery");
        };
        assert_eq!(
            (error.action, error.code.as_deref()),
            ("states:SendTaskSuccess", code)
        );
        let Delivery::Unknown(error) = aws.send_task_failure(&token("t"), &failure()).await else {
            panic!("{reply:?} was taken for a delivery");
        };
        assert_eq!(
            (error.action, error.code.as_deref()),
            ("states:SendTaskFailure", code)
        );
    }
}

#[tokio::test]
async fn a_success_carries_the_manifest() {
    let wire = Wire::new([ok("{}")]);
    let delivery = wire.aws().send_task_success(&token("t"), &manifest()).await;
    assert!(matches!(delivery, Delivery::Accepted), "{delivery:?}");
    let body = wire.only().json();
    assert_eq!(body["taskToken"], "t");
    let output = body["output"].as_str().unwrap();
    assert_eq!(json::manifest::read(output).unwrap(), manifest());
}

#[tokio::test]
async fn a_failure_carries_the_reasons_name_and_its_cause() {
    let wire = Wire::new([ok("{}")]);
    let delivery = wire.aws().send_task_failure(&token("t"), &failure()).await;
    assert!(matches!(delivery, Delivery::Accepted), "{delivery:?}");
    assert_eq!(
        wire.only().json(),
        serde_json::json!({
            "taskToken": "t",
            "error": "Snapferry.SnapshotFailed",
            "cause": "RDS reports it as failed",
        })
    );
}

fn name() -> ExecutionName {
    ExecutionName::parse("sf-orders-20261122t0300z-abcdefghij").unwrap()
}

#[tokio::test]
async fn an_execution_is_started_with_the_run_as_its_input() {
    let started = r#"{"executionArn":"arn:aws:states:eu-central-1:111122223333:execution:protect:x","startDate":1.0}"#;
    let wire = Wire::new([ok(started)]);
    let answer = wire
        .planner()
        .start_execution(&name(), &a_run("orders"))
        .await
        .unwrap();
    assert_eq!(answer, Started::Running);
    let body = wire.only().json();
    assert_eq!(body["stateMachineArn"], MACHINE);
    assert_eq!(body["name"], name().as_str());
    let input = body["input"].as_str().unwrap();
    assert_eq!(json::run::read(input).unwrap(), a_run("orders"));
}

#[tokio::test]
async fn a_name_that_is_used_is_no_error_and_everything_else_is() {
    let wire = Wire::new([json_error(400, "ExecutionAlreadyExists", "used")]);
    let answer = wire
        .planner()
        .start_execution(&name(), &a_run("orders"))
        .await;
    assert_eq!(answer.unwrap(), Started::NameUsed);
    for code in [
        "StateMachineDoesNotExist",
        "ExecutionLimitExceeded",
        "ThrottlingException",
    ] {
        let wire = Wire::new([json_error(400, code, "no")]);
        let error = wire
            .planner()
            .start_execution(&name(), &a_run("orders"))
            .await
            .unwrap_err();
        assert_eq!(error.code.as_deref(), Some(code));
    }
}

async fn described(reply: Reply) -> Result<ExecutionState, snapferry::ports::PortError> {
    let wire = Wire::new([reply]);
    let state = wire.planner().describe_execution(&name()).await;
    let arn = format!(
        "arn:aws:states:eu-central-1:111122223333:execution:protect:{}",
        name()
    );
    assert_eq!(
        wire.asked()[0].json(),
        serde_json::json!({ "executionArn": arn })
    );
    state
}

fn execution(status: &str) -> Reply {
    ok(serde_json::json!({
        "executionArn": "arn:aws:states:eu-central-1:111122223333:execution:protect:x",
        "stateMachineArn": MACHINE,
        "status": status,
        "startDate": 1.0,
    })
    .to_string())
}

#[tokio::test]
async fn an_execution_that_will_be_redriven_counts_as_running() {
    let cases = [
        ("RUNNING", ExecutionState::Running),
        ("PENDING_REDRIVE", ExecutionState::Running),
        ("SUCCEEDED", ExecutionState::Succeeded),
        ("FAILED", ExecutionState::Failed),
        ("TIMED_OUT", ExecutionState::Failed),
        ("ABORTED", ExecutionState::Failed),
    ];
    for (status, state) in cases {
        assert_eq!(
            described(execution(status)).await.unwrap(),
            state,
            "{status}"
        );
    }
    let gone = json_error(400, "ExecutionDoesNotExist", "gone");
    assert_eq!(described(gone).await.unwrap(), ExecutionState::Unknown);
}

#[tokio::test]
async fn a_status_that_we_do_not_know_decides_nothing() {
    assert!(described(execution("HIBERNATING")).await.is_err());
    assert!(
        described(json_error(400, "AccessDeniedException", "no"))
            .await
            .is_err()
    );
}
