//! Anybody who has a task token can finish its execution, so nothing that people or AWS's logs see may hold one.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use snapferry::app::worker;
use snapferry::app::worker::batch;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::failure::{Failure, Operation, Reason};
use snapferry::domain::run::wait::Phase;
use snapferry::error::chain;
use snapferry::json::command as wire_command;
use snapferry::logging::{self, LogLevel};
use snapferry::ports::{
    Callbacks, DeadLetter, Delivery, LookUpWaits, NoteError, PortError, Probe, ProbeToken,
    ReceiptHandle, RegisterWaits, SendAgain, SendCommand, SendLater, Waits,
};
use tracing_subscriber::fmt::MakeWriter;

use crate::items::a_wait;
use crate::rds::{of_a_copy, row, xml};
use crate::wire::{Reply, Wire, json_error, ok};
use crate::world::{
    Fixture, Name, Token, World, backoff, command, record, run, token, worker_config,
};

const SECRET: &str = "AAAAKgAAAAIAAAAAthe+secret/token==";

/// Every way to print an error.
fn printed(error: &(impl std::error::Error + 'static)) -> String {
    format!("{error} {error:?} {error:#?} {}", chain(error))
}

fn hidden(error: &PortError) {
    let text = printed(error);
    assert!(!text.contains(SECRET), "{text}");
    assert!(
        text.contains(error.action),
        "it still says what failed: {text}"
    );
}

#[test]
fn what_holds_a_token_does_not_print_it() {
    let command = command(Step::Copy, SECRET, "orders");
    let wait = a_wait(SECRET);
    let dead = DeadLetter {
        message_id: "m".to_owned(),
        body: wire_command::write(&command),
        receipt: ReceiptHandle("r".to_owned()),
        sent_at: None,
        receives: 1,
        undelivered: None,
    };
    let text = format!(
        "{command:?} {command:#?} {wait:?} {wait:#?} {dead:?} {dead:#?} {:?}",
        token(SECRET)
    );
    assert!(!text.contains(SECRET), "{text}");
    assert!(text.contains("TaskToken"), "{text}");
}

#[test]
fn a_command_that_is_cut_anywhere_is_an_error_without_its_token() {
    let body = wire_command::write(&command(Step::Copy, SECRET, "orders"));
    for end in 0..body.len() {
        let error = wire_command::read(&body[..end]).unwrap_err();
        let text = printed(&error);
        assert!(!text.contains(SECRET), "{text}");
    }
    let longer = body.replace(SECRET, &SECRET.repeat(200));
    let text = printed(&wire_command::read(&longer).unwrap_err());
    assert!(!text.contains(SECRET), "{text}");
}

/// Answers of AWS that have the token in them: an error that quotes it, and a stored item.
fn indiscreet() -> Vec<Reply> {
    let item = json!({ "pk": { "S": "wait#x" }, "token": { "S": SECRET } });
    let conflict = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": format!("the item has {SECRET}"),
        "Item": item,
    });
    let quoted = format!("1 validation error detected: Value '{SECRET}' at 'taskToken'");
    vec![
        json_error(400, "ValidationException", &quoted),
        json_error(500, "InternalServerError", &quoted),
        Reply::Http(400, conflict.to_string()),
        Reply::Http(200, format!("{{\"Responses\": \"{SECRET}\"")),
        Reply::Http(500, quoted),
    ]
}

#[tokio::test]
async fn no_error_of_an_adapter_shows_a_token_that_aws_sent_back() {
    let wait = a_wait(SECRET);
    let (resource, secret) = (&wait.resource, token(SECRET));
    for reply in indiscreet() {
        let wire = Wire::new([reply.clone()]);
        let aws = wire.aws();
        if let Probe::Unknown(error) = aws.send_task_heartbeat(&secret).await {
            hidden(&error);
        }
        let failure = Failure::new(Reason::SnapshotFailed, "failed");
        if let Delivery::Unknown(error) = aws.send_task_failure(&secret, &failure).await {
            hidden(&error);
        }
        let errors = [
            aws.register(&wait).await.err(),
            aws.replace(&wait, &a_wait("old")).await.err(),
            aws.replace(&a_wait("new"), &wait).await.err(),
            aws.set_phase(resource, &secret, Phase::Seen, wait.since)
                .await
                .err(),
            aws.forget(resource, &secret).await.err(),
            aws.note_error(resource, &secret, wait.last_error.as_ref().unwrap())
                .await
                .err(),
            wire.operator()
                .send_again(&wire_command::write(&wait.command))
                .await
                .err(),
            wire.sweeper().send_command(&wait.command).await.err(),
            wire.worker()
                .send_later(&wait.command, 1, std::time::Duration::ZERO)
                .await
                .err(),
        ];
        assert!(errors.iter().any(Option::is_some), "{reply:?}");
        errors.iter().flatten().for_each(hidden);
        // Here the request holds no token that could be looked for: only the answer does.
        if let Err(error) = aws.look_up(std::slice::from_ref(resource)).await
            && !matches!(&reply, Reply::Http(_, body) if body.contains("__type"))
        {
            hidden(&error);
        }
    }
}

#[tokio::test]
async fn no_request_to_rds_holds_a_token_and_neither_do_its_tags() {
    let source = row(
        &[
            ("DBSnapshotIdentifier", "sf-orders-1"),
            ("Status", "available"),
            ("DbiResourceId", "db-ORDERS"),
            ("Engine", "postgres"),
            ("AllocatedStorage", "100"),
            ("Encrypted", "false"),
            ("DBSnapshotArn", of_a_copy()[11].1),
        ],
        &[
            ("snapferry:stack", "prod"),
            ("snapferry:resource-id", "db-ORDERS"),
        ],
    );
    for step in [Step::Snapshot, Step::Copy] {
        let source = source.clone();
        let wire = Wire::script(move |asked| match asked.action().as_str() {
            "DescribeDBSnapshots" => xml(
                "DescribeDBSnapshots",
                &format!("<DBSnapshots>{source}</DBSnapshots>"),
            ),
            action @ ("CreateDBSnapshot" | "CopyDBSnapshot") => xml(action, "<DBSnapshot/>"),
            "GetItem"
                if asked.json()["Key"]["pk"]["S"]
                    .as_str()
                    .unwrap()
                    .starts_with("database#") =>
            {
                ok(json!({ "Item": { "open_execution": { "S": "run-of-orders" } } }).to_string())
            }
            _ => ok("{}"),
        });
        let command = command(step, SECRET, "orders");
        let worked = worker::work(&wire.worker(), &worker_config(), &command, 1)
            .await
            .unwrap();
        assert_eq!(worked, worker::CommandOutcome::Waiting);
        let rds: Vec<_> = wire
            .asked()
            .into_iter()
            .filter(|asked| asked.uri.contains("://rds."))
            .collect();
        assert!(
            rds.iter()
                .any(|asked| asked.body.contains("Tags.Tag.1.Key"))
        );
        for asked in rds {
            assert!(!format!("{:?}", asked.form()).contains(SECRET), "{asked:?}");
        }
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

type SetUp = fn(&World);

/// Ways in which a command fails, or does not: each sets its world up.
fn ways() -> Vec<(&'static str, SetUp)> {
    vec![
        ("stale", |world| world.set_token(SECRET, Token::Dead)),
        ("invalid", |world| world.set_token(SECRET, Token::Invalid)),
        ("unknown", |world| world.set_token(SECRET, Token::Unknown)),
        ("done", |_| ()),
        ("table", |world| world.break_once(Name::Register)),
        ("parked", |world| {
            world.script(Operation::CreateDbSnapshot, Some("AccessDenied"), "no")
        }),
        ("transient", |world| {
            world.script(Operation::CreateDbSnapshot, None, "timed out")
        }),
        ("permanent", |world| {
            world.script(
                Operation::CreateDbSnapshot,
                Some("DBInstanceNotFound"),
                "no",
            );
        }),
        ("busy", |world| {
            world.script(
                Operation::CreateDbSnapshot,
                Some("InvalidDBInstanceState"),
                "no",
            );
        }),
        ("callback", |world| {
            world.script(
                Operation::CreateDbSnapshot,
                Some("DBInstanceNotFound"),
                "no",
            );
            world.break_once(Name::SendTaskFailure);
        }),
        ("exists", |world| {
            let run = crate::world::a_run("orders");
            let arn = crate::world::snapshot_arn(&run, 1);
            world.put_snapshot(crate::world::ours(&arn, &run, SnapshotStatus::Available));
        }),
        ("another", |world| {
            let mut other = a_wait(&SECRET.replace("the", "another"));
            other.resource = crate::world::snapshot_arn(&crate::world::a_run("orders"), 1);
            world.store(other);
        }),
    ]
}

#[test]
fn no_batch_that_fails_logs_a_token() {
    for (way, set_up) in ways() {
        for body in [
            wire_command::write(&command(Step::Snapshot, SECRET, "orders")),
            format!("{{\"token\":\"{SECRET}\"}}"),
        ] {
            let world = World::new().with_token(SECRET, Token::Alive);
            set_up(&world);
            world.permit(&command(Step::Snapshot, SECRET, "orders"));
            let log = Log::default();
            let level = LogLevel::parse("trace").unwrap();
            tracing::subscriber::with_default(logging::json(level, log.clone()), || {
                run(batch::work(
                    &world,
                    &worker_config(),
                    &backoff(),
                    vec![record("m", body, 1)],
                ));
            });
            let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
            assert!(!text.contains("secret/token"), "{way}: {text}");
        }
    }
}

#[test]
fn libraries_below_us_are_heard_from_warnings_upwards_only() {
    let log = Log::default();
    let level = LogLevel::parse("trace").unwrap();
    tracing::subscriber::with_default(logging::json(level, log.clone()), || {
        tracing::trace!(target: "snapferry::app::worker", "ours");
        tracing::debug!(target: "aws_smithy_runtime::client::orchestrator", "a request");
        tracing::info!(target: "hyper_util::client", "a connection");
        tracing::debug!(target: "lambda_runtime::layers", "an event");
        tracing::warn!(target: "aws_config", "a warning");
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for (message, hint_outcome) in [
        ("ours", true),
        ("a request", false),
        ("a connection", false),
        ("an event", false),
        ("a warning", true),
    ] {
        assert_eq!(text.contains(message), hint_outcome, "{message}: {text}");
    }
}
