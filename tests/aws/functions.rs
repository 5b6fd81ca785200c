//! The binary of the functions as Lambda runs it: a process between the runtime API and AWS.

use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use snapferry::domain::run::command::Step;
use snapferry::json::command as wire_command;

use crate::server::{Answer, Server, ok};
use crate::wire::{Asked, MACHINE};
use crate::world::{KEY, command};

pub(crate) const TOKEN: &str = "AAAAKgAAAAIAAAAAthe+secret/token==";

/// The function's variables, as Lambda and the template set them.
pub(crate) fn function(handler: &str, server: &Server) -> Command {
    function_of(env!("CARGO_BIN_EXE_bootstrap"), handler, server)
}

/// The same of another program.
pub(crate) fn function_of(program: &str, handler: &str, server: &Server) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("_HANDLER", handler)
        .env("AWS_LAMBDA_RUNTIME_API", &server.address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "f")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_SESSION_TOKEN", "session")
        .env("SNAPFERRY_STACK_ID", "prod")
        .env("SNAPFERRY_TABLE", "table")
        .env(
            "SNAPFERRY_COMMANDS_QUEUE_URL",
            "https://sqs/111122223333/commands",
        )
        .env(
            "SNAPFERRY_EVENTS_QUEUE_URL",
            "https://sqs/111122223333/events",
        )
        .env("SNAPFERRY_STATE_MACHINE_ARN", MACHINE)
        .env("SNAPFERRY_SOURCE_REGIONS", "eu-west-1")
        .env("SNAPFERRY_KMS_KEY", KEY)
        .env("SNAPFERRY_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Each service has an address of its own.
fn with_endpoints(command: &mut Command, server: &Server) {
    for service in ["rds", "sfn", "sqs", "dynamodb"] {
        let name = format!("AWS_ENDPOINT_URL_{}", service.to_uppercase());
        command.env(name, server.endpoint(service));
    }
}

/// The runtime API with one event, and AWS as the test has it.
pub(crate) fn server(
    event: &Value,
    aws: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
) -> Server {
    let event = event.to_string();
    let served = std::sync::atomic::AtomicBool::new(false);
    Server::start(move |asked| {
        if asked.uri.ends_with("/invocation/next") {
            return if served.swap(true, std::sync::atomic::Ordering::SeqCst) {
                Answer::Never
            } else {
                ok(event.clone())
            };
        }
        if asked.uri.starts_with("/2018-06-01/") {
            return Answer::Http(202, "{}".to_owned());
        }
        aws(asked)
    })
}

/// Ends the process, which never ends by itself, and takes what it has written.
pub(crate) fn end(mut child: Child) -> Output {
    child.kill().unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn batch(bodies: &[&str]) -> Value {
    let records = bodies.iter().enumerate().map(|(index, body)| {
        json!({
            "messageId": format!("message-{index}"),
            "receiptHandle": format!("receipt-{index}"),
            "body": body,
            "attributes": { "ApproximateReceiveCount": "1" },
        })
    });
    json!({ "Records": records.collect::<Vec<_>>() })
}

pub(crate) fn is_the_answer(asked: &Asked) -> bool {
    asked.uri.ends_with("/invocation/invocation-1/response")
}

const RDS_OK: &str = "<CreateDBSnapshotResponse><CreateDBSnapshotResult><DBSnapshot/></CreateDBSnapshotResult></CreateDBSnapshotResponse>";

#[test]
fn the_worker_reaches_every_service_at_its_own_endpoint_under_its_own_name() {
    let body = wire_command::write(&command(Step::Snapshot, TOKEN, "orders"));
    let server = server(&batch(&[&body, "not a command"]), |asked| {
        if asked.uri.starts_with("/rds") {
            return ok(RDS_OK);
        }
        if asked.action() == "GetItem" {
            let claim = json!({ "open_execution": { "S": "run-of-orders" } });
            return ok(json!({ "Item": claim }).to_string());
        }
        ok("{}")
    });
    let mut command = function("worker", &server);
    with_endpoints(&mut command, &server);
    let child = command.spawn().unwrap();
    let answer = server.wait_for(is_the_answer);
    end(child);
    let expected = json!({ "batchItemFailures": [{ "itemIdentifier": "message-1" }] });
    assert_eq!(answer.json(), expected);
    let calls: Vec<Asked> = server
        .asked()
        .into_iter()
        .filter(|asked| !asked.uri.starts_with("/2018-06-01/"))
        .collect();
    let mut reached: Vec<String> = calls
        .iter()
        .map(|asked| format!("{} {}", asked.uri.trim_end_matches('/'), asked.action()))
        .collect();
    reached.sort();
    assert_eq!(
        reached,
        [
            "/dynamodb GetItem",
            "/dynamodb PutItem",
            "/dynamodb UpdateItem",
            "/rds CreateDBSnapshot",
            "/sfn SendTaskHeartbeat",
            "/sqs ChangeMessageVisibility",
        ]
    );
    for call in &calls {
        let agent = &call.headers["user-agent"];
        assert!(agent.contains("app/snapferry-worker"), "{agent}");
        assert_eq!(call.headers["x-amz-security-token"], "session");
    }
    let rds = calls
        .iter()
        .find(|asked| asked.uri.starts_with("/rds"))
        .unwrap();
    let signed = &rds.headers["authorization"];
    assert!(
        signed.contains("/eu-west-1/rds/"),
        "the source region's RDS: {signed}"
    );
}

#[test]
fn one_endpoint_for_all_services_is_heeded_too() {
    let server = server(&json!({}), |_| ok(r#"{"Items":[],"Count":0}"#));
    let child = function("sweeper", &server)
        .env("AWS_ENDPOINT_URL", server.endpoint("all"))
        .spawn()
        .unwrap();
    let answer = server.wait_for(is_the_answer);
    end(child);
    assert_eq!(
        answer.json(),
        json!({ "open": 0, "settled": 0, "freed": 0, "handed_out": 0 })
    );
    let calls: Vec<String> = server
        .asked()
        .iter()
        .filter(|asked| asked.uri.starts_with("/all"))
        .map(Asked::action)
        .collect();
    // A sweep with nothing open is one read. A new process measures too: the policies, and whom they select.
    assert_eq!(calls, ["Query", "GetItem", "GetItem"]);
}

#[test]
fn no_token_is_logged_however_much_is_logged() {
    let body = wire_command::write(&command(Step::Snapshot, TOKEN, "orders"));
    let stored = json!({ "pk": { "S": "wait#x" }, "token": { "S": TOKEN } });
    let refused = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "refused", "Item": stored,
    });
    let quoting = json!({
        "__type": "ValidationException",
        "message": format!("Value '{TOKEN}' at 'taskToken' failed to satisfy constraint"),
    });
    // Three commands: one meets a stored wait that cannot be read, one an error that quotes the token, one is cut.
    let probes = std::sync::atomic::AtomicUsize::new(0);
    let cut = &body[..body.len() - 20];
    let server = server(&batch(&[&body, &body, cut]), move |asked| {
        if asked.uri.starts_with("/sfn") {
            return match probes.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                0 => ok("{}"),
                _ => Answer::Http(400, quoting.to_string()),
            };
        }
        Answer::Http(400, refused.to_string())
    });
    let mut command = function("worker", &server);
    with_endpoints(&mut command, &server);
    let child = command.spawn().unwrap();
    let answer = server.wait_for(is_the_answer);
    let output = end(child);
    assert_eq!(
        answer.json()["batchItemFailures"].as_array().unwrap().len(),
        3
    );
    let (log, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(!log.contains(TOKEN) && !err.contains(TOKEN), "{log}\n{err}");
    assert!(!answer.body.contains(TOKEN));
    let again: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("each line is one JSON object"))
        .filter(|line| {
            line["message"] == "again" || line["message"] == "a command that cannot be read"
        })
        .collect();
    assert_eq!(again.len(), 3, "{log}");
    assert!(
        again
            .iter()
            .all(|line| line["span"]["requestId"] == "invocation-1"),
        "{log}"
    );
}

/// What the planner reports when AWS answers so.
fn plan_error(aws: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Asked {
    let server = server(&json!({ "source": "aws.events" }), aws);
    let child = function("planner", &server)
        .env("AWS_ENDPOINT_URL", server.endpoint("all"))
        .spawn()
        .unwrap();
    let error = server.wait_for(|asked| asked.uri.ends_with("/invocation-1/error"));
    end(child);
    error
}

#[test]
fn a_plan_that_is_not_complete_is_reported_as_the_functions_error() {
    let error = plan_error(|asked| match asked.action().as_str() {
        "GetItem" => ok("{}"),
        _ => Answer::Http(500, String::new()),
    });
    assert_eq!(error.json()["errorType"], "Snapferry.PlanIncomplete");
    assert!(error.body.contains("eu-west-1"), "{}", error.body);
}

#[test]
fn policies_that_cannot_be_read_are_reported_as_the_functions_error() {
    let error = plan_error(|asked| match asked.action().as_str() {
        "GetItem" => ok(
            r#"{"Item":{"pk":{"S":"policies#current"},"version":{"N":"3"},"at":{"N":"0"},
            "by":{"S":"ada"},"text":{"S":""},"set":{"S":"{\"schema\":2}"}}}"#,
        ),
        other => panic!("{other} was not to be asked"),
    });
    assert_eq!(error.json()["errorType"], "Snapferry.PoliciesUnreadable");
    assert!(error.body.contains("version 3"), "{}", error.body);
}

#[test]
fn settings_that_are_not_usable_are_told_all_at_once() {
    let server = Server::start(|_| Answer::Never);
    let output = function("planner", &server)
        .env_remove("SNAPFERRY_TABLE")
        .env("SNAPFERRY_SCHEDULE", "never")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let error = line["error"].as_str().unwrap();
    for part in ["SNAPFERRY_TABLE is not set", "SNAPFERRY_SCHEDULE"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(server.asked().is_empty(), "Lambda is not asked for events");
}
