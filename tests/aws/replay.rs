//! Replay: SQS asked in the right regions, its messages read, and the command as a process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use snapferry::aws::find_queue;
use snapferry::domain::id::arn::Region;
use snapferry::domain::operator::dead_letter::Undelivered;
use snapferry::domain::run::command::Step;
use snapferry::json::command as wire_command;
use snapferry::ports::{
    DelayMessage, ReceiptHandle, ReceiveDeadLetters, RemoveDeadLetter, SendAgain,
};

use crate::commands::{bare, configured, ran, text, wait};
use crate::server::{Answer, Server, ok as answer};
use crate::wire::{Asked, COMMANDS, DEAD_LETTERS, Wire, json_error, ok};
use crate::world::{command, time};

const TOKEN: &str = "AAAAKgAAAAIAAAAAthe+secret/token==";

fn handle() -> ReceiptHandle {
    ReceiptHandle("receipt-1".to_owned())
}

fn is_in(asked: &Asked, region: &str) -> bool {
    asked.headers["authorization"].contains(&format!("/{region}/sqs/"))
}

#[tokio::test]
async fn dead_letters_are_received_from_their_queue_with_all_their_attributes() {
    let messages = json!({ "Messages": [
        {
            "MessageId": "1", "ReceiptHandle": "receipt-1", "Body": "one",
            "Attributes": { "SentTimestamp": "1763780460000", "ApproximateReceiveCount": "11" },
        },
        {
            "MessageId": "2", "ReceiptHandle": "receipt-2", "Body": "two",
            "MessageAttributes": {
                "ERROR_CODE": { "DataType": "String", "StringValue": "NO_PERMISSIONS" },
                "ERROR_MESSAGE": { "DataType": "String", "StringValue": "not authorized" },
                "EXHAUSTED_RETRY_CONDITION": { "DataType": "String", "StringValue": "MaximumRetryAttempts" },
                "RULE_ARN": { "DataType": "String", "StringValue": "arn:rule" },
                "TARGET_ARN": { "DataType": "String", "StringValue": "arn:target" },
            },
        },
        { "MessageId": "3", "Body": "without a handle" },
    ]});
    let wire = Wire::new([ok(messages.to_string())]);
    let received = wire
        .operator()
        .receive_dead_letters(7, Duration::from_secs(60))
        .await
        .unwrap();
    let asked = wire.only();
    assert_eq!(asked.action(), "ReceiveMessage");
    assert!(is_in(&asked, "eu-west-1"));
    let expected = json!({
        "QueueUrl": DEAD_LETTERS,
        "MaxNumberOfMessages": 7,
        "VisibilityTimeout": 60,
        "WaitTimeSeconds": 1,
        "MessageSystemAttributeNames": ["SentTimestamp", "ApproximateReceiveCount"],
        "MessageAttributeNames": ["All"],
    });
    assert_eq!(asked.json(), expected);
    assert_eq!(received.len(), 2);
    let (one, two) = (&received[0], &received[1]);
    assert_eq!((one.body.as_str(), one.receives), ("one", 11));
    assert_eq!(one.sent_at, Some(time("2025-11-22T03:01:00Z")));
    assert_eq!(one.receipt, handle());
    assert_eq!(one.undelivered, None);
    let undelivered = Undelivered {
        code: Some("NO_PERMISSIONS".to_owned()),
        message: Some("not authorized".to_owned()),
        exhausted: Some("MaximumRetryAttempts".to_owned()),
        rule: Some("arn:rule".to_owned()),
        target: Some("arn:target".to_owned()),
    };
    assert_eq!(two.undelivered, Some(undelivered));
    assert_eq!((two.sent_at, two.receives), (None, 0));
}

#[tokio::test]
async fn an_empty_queue_and_one_that_does_not_answer_are_two_things() {
    let wire = Wire::new([ok("{}")]);
    let aws = wire.operator();
    let minute = Duration::from_secs(60);
    assert!(
        aws.receive_dead_letters(10, minute)
            .await
            .unwrap()
            .is_empty()
    );
    let wire = Wire::new([json_error(400, "AccessDenied", "no")]);
    let refused = wire.operator().receive_dead_letters(10, minute).await;
    assert_eq!(refused.unwrap_err().code.as_deref(), Some("AccessDenied"));
}

#[tokio::test]
async fn a_body_is_sent_as_it_is_to_the_recovery_region() {
    let wire = Wire::new([ok(r#"{"MessageId":"1","MD5OfMessageBody":"0"}"#)]);
    let body = wire_command::write(&command(Step::Copy, TOKEN, "orders"));
    // The checksum of the answer is not the body's.
    let _ = wire.operator().send_again(&body).await;
    let asked = &wire.asked()[0];
    assert_eq!(asked.action(), "SendMessage");
    assert!(is_in(asked, "eu-central-1"));
    let expected = json!({ "QueueUrl": COMMANDS, "MessageBody": body });
    assert_eq!(asked.json(), expected);
}

#[tokio::test]
async fn a_letter_is_removed_and_given_back_where_it_lies() {
    let wire = Wire::new([ok("{}")]);
    let aws = wire.operator();
    aws.remove_dead_letter(&handle()).await.unwrap();
    aws.delay_message(&handle(), Duration::ZERO).await.unwrap();
    let asked = wire.asked();
    assert!(asked.iter().all(|asked| is_in(asked, "eu-west-1")));
    assert_eq!(asked[0].action(), "DeleteMessage");
    let removed = json!({ "QueueUrl": DEAD_LETTERS, "ReceiptHandle": "receipt-1" });
    assert_eq!(asked[0].json(), removed);
    let given_back = json!({
        "QueueUrl": DEAD_LETTERS, "ReceiptHandle": "receipt-1", "VisibilityTimeout": 0,
    });
    assert_eq!(asked[1].json(), given_back);
    let wire = Wire::new([json_error(400, "ReceiptHandleIsInvalid", "no")]);
    wire.operator()
        .remove_dead_letter(&handle())
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_source_regions_queue_is_found_by_its_name() {
    let region = Region::parse("eu-west-1").unwrap();
    let wire = Wire::new([ok(json!({ "QueueUrl": DEAD_LETTERS }).to_string())]);
    let name = "snapferry-to-eu-central-1-dead-letters";
    let found = find_queue(&wire.sdk(), &region, name).await.unwrap();
    assert_eq!(found.as_str(), DEAD_LETTERS);
    let asked = wire.only();
    assert_eq!(asked.json(), json!({ "QueueName": name }));
    assert!(is_in(&asked, "eu-west-1"));
    for reply in [
        json_error(400, "AWS.SimpleQueueService.NonExistentQueue", "gone"),
        ok("{}"),
    ] {
        let wire = Wire::new([reply]);
        find_queue(&wire.sdk(), &region, name).await.unwrap_err();
    }
}

/// SQS with one parked command, whose wait says why; what was sent and removed.
fn parked() -> (Server, Arc<Mutex<Vec<String>>>) {
    let done: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = done.clone();
    let server = Server::start(move |asked| {
        let action = asked.action();
        match action.as_str() {
            "ReceiveMessage" => {
                let mut log = log.lock().unwrap();
                let first = !log.contains(&action);
                log.push(action);
                answer(if first { messages() } else { "{}".to_owned() })
            }
            "Query" => {
                let mut item = wait("orders", 1_763_780_460_000);
                item["phase"]["S"] = json!("registered");
                item["trouble"] = json!({ "M": {
                    "at": { "N": "1763780460000" },
                    "why": { "S": "CreateDBSnapshot in eu-west-1: AccessDenied: not authorized" },
                    "remedy": { "S": "grant-access" },
                }});
                answer(json!({ "Items": [item] }).to_string())
            }
            "GetQueueUrl" => answer(json!({ "QueueUrl": DEAD_LETTERS }).to_string()),
            "SendMessage" => {
                log.lock().unwrap().push(action);
                answer(r#"{"MessageId":"9","MD5OfMessageBody":"0"}"#)
            }
            _ => {
                log.lock().unwrap().push(action);
                answer("{}")
            }
        }
    });
    (server, done)
}

/// The same command a second time, which the sweep sent and which failed again.
fn three_letters() -> String {
    let mut all: Value = serde_json::from_str(&messages()).unwrap();
    let mut again = all["Messages"][0].clone();
    again["MessageId"] = json!("m-3");
    again["Attributes"]["SentTimestamp"] = json!("1763794860000");
    all["Messages"].as_array_mut().unwrap().push(again);
    all.to_string()
}

#[test]
fn replay_says_which_letters_are_only_paper_because_a_later_one_has_the_same_command() {
    let server = || {
        let received = Arc::new(Mutex::new(false));
        Server::start(move |asked| match asked.action().as_str() {
            "ReceiveMessage" => {
                let mut received = received.lock().unwrap();
                let first = !std::mem::replace(&mut *received, true);
                answer(if first {
                    three_letters()
                } else {
                    "{}".to_owned()
                })
            }
            "Query" => answer(r#"{"Items":[]}"#.to_owned()),
            _ => answer("{}"),
        })
    };
    let shown = |extra: &[&str]| {
        let server = server();
        let arguments = [&["replay", "commands"], extra].concat();
        ran(&replaying(&server, &arguments).output().unwrap(), 0)
    };
    let json: Value = serde_json::from_str(&shown(&["--json"])).unwrap();
    let letters = json["letters"].as_array().unwrap();
    let paper: Vec<(&Value, &Value)> = letters
        .iter()
        .map(|letter| (&letter["message_id"], &letter["paper"]))
        .collect();
    let [one, two, three] = ["m-1", "m-2", "m-3"].map(|id| json!(id));
    let (yes, no) = (json!(true), json!(false));
    assert_eq!(paper, [(&one, &yes), (&two, &no), (&three, &no)]);
    let out = shown(&[]);
    assert!(out.contains("only paper: 1 (the sweep has sent"), "{out}");
}

fn messages() -> String {
    let parked = command(Step::Snapshot, TOKEN, "orders");
    let attributes = json!({
        "SentTimestamp": "1763780460000", "ApproximateReceiveCount": "11",
    });
    json!({ "Messages": [
        {
            "MessageId": "m-1", "ReceiptHandle": "receipt-1",
            "Body": wire_command::write(&parked), "Attributes": attributes,
        },
        {
            "MessageId": "m-2", "ReceiptHandle": "receipt-2",
            "Body": format!("{{\"token\":\"{TOKEN}\""), "Attributes": attributes,
        },
    ]})
    .to_string()
}

fn replaying(server: &Server, arguments: &[&str]) -> std::process::Command {
    let mut command = configured(server, arguments);
    command
        .env("SNAPFERRY_COMMANDS_QUEUE_URL", COMMANDS)
        .env("SNAPFERRY_COMMANDS_DEAD_LETTER_QUEUE_URL", DEAD_LETTERS)
        .env("SNAPFERRY_EVENTS_QUEUE_URL", COMMANDS);
    command
}

#[test]
fn replay_tells_what_lies_there_and_why_and_sends_it_again() {
    let (server, done) = parked();
    let output = replaying(&server, &["replay", "commands", "--yes"])
        .output()
        .unwrap();
    let out = ran(&output, 0);
    let rows: Vec<&str> = out.lines().collect();
    assert!(rows[0].starts_with("ABOUT"), "{out}");
    for part in [
        "orders",
        "snapshot",
        "2026-11-22T03:00:00Z",
        "run-of-orders",
        "11",
        "replayed",
    ] {
        assert!(rows[1].contains(part), "{part} in {out}");
    }
    assert!(
        rows[1]
            .contains("grant-access  CreateDBSnapshot in eu-west-1: AccessDenied: not authorized"),
        "{out}"
    );
    let sentences = rows.iter().filter(|row| row.starts_with("grant-access: "));
    assert_eq!(sentences.count(), 1, "once, below the table: {out}");
    assert!(
        rows[2].contains("(cannot be read)") && rows[2].contains("left"),
        "{out}"
    );
    assert!(
        out.ends_with("commands: 1 replayed, 1 left, 0 failed\n"),
        "{out}"
    );
    let done = done.lock().unwrap();
    let expected = [
        // The policies that are in force.
        "GetItem",
        "ReceiveMessage",
        "SendMessage",
        "DeleteMessage",
        "ReceiveMessage",
        "ReceiveMessage",
        "ChangeMessageVisibility",
    ];
    assert_eq!(*done, expected);
    for text in [out, text(&output.stderr)] {
        assert!(!text.contains(TOKEN), "{text}");
    }
}

#[test]
fn replay_shows_first_and_sends_nothing_and_answers_in_json() {
    let (server, done) = parked();
    let arguments = ["replay", "commands", "--json", "--database", "orders"];
    let output = replaying(&server, &arguments).output().unwrap();
    let out = ran(&output, 0);
    let json: Value = serde_json::from_str(&out).unwrap();
    let letter = &json["letters"][0];
    let expected = json!({
        "message_id": "m-1",
        "kind": "command",
        "database": "arn:aws:rds:eu-west-1:111122223333:db:orders",
        "resource_id": "db-ORDERS",
        "policy": "default",
        "step": "snapshot",
        "planned_at": "2026-11-22T03:00:00Z",
        "execution": "run-of-orders",
        "resource": null,
        "event_id": null,
        "since": "2025-11-22T03:01:00Z",
        "receives": 11,
        "reason": letter["reason"],
        "remedy": "grant-access",
        "awaited": "yes",
        "outcome": "would-replay",
        "error": null,
        "paper": false,
    });
    assert_eq!(*letter, expected);
    assert_eq!(json["letters"][1]["kind"], "unreadable");
    let counts = json!([
        json["dry_run"],
        json["selected"],
        json["replayed"],
        json["left"],
        json["failed"]
    ]);
    assert_eq!(counts, json!([true, 1, 0, 1, 0]));
    assert!(
        !done
            .lock()
            .unwrap()
            .iter()
            .any(|action| action == "SendMessage")
    );
    assert!(!out.contains(TOKEN));
}

#[test]
fn replay_names_the_database_that_no_dead_letter_is_about() {
    let (server, _) = parked();
    // Scripts of the version before still say --dry-run.
    let arguments = ["replay", "commands", "--database", "ordes", "--dry-run"];
    let out = ran(&replaying(&server, &arguments).output().unwrap(), 0);
    let said = "no dead letter is about ordes; did you mean orders?";
    assert!(out.contains(said), "{out}");
    assert!(out.contains("nothing was changed"), "{out}");
}

#[test]
fn replay_finds_a_source_regions_dead_letters_and_sends_them_home() {
    let (server, _) = parked();
    let arguments = [
        "replay",
        "events",
        "--source-region",
        "eu-west-1",
        "--unreadable",
        "--yes",
    ];
    let output = replaying(&server, &arguments).output().unwrap();
    ran(&output, 0);
    let asked = server.asked();
    let of = |action: &str| asked.iter().find(|one| one.action() == action).unwrap();
    let name = &of("GetQueueUrl").json()["QueueName"];
    assert_eq!(name, "snapferry-to-eu-central-1-dead-letters");
    assert!(is_in(of("GetQueueUrl"), "eu-west-1"));
    assert!(is_in(of("ReceiveMessage"), "eu-west-1"));
    assert!(is_in(of("SendMessage"), "eu-central-1"));
    assert!(is_in(of("DeleteMessage"), "eu-west-1"));
}

#[test]
fn replay_that_could_not_send_exits_with_1_and_says_why() {
    let server = Server::start(|asked| match asked.action().as_str() {
        "SendMessage" => Answer::Http(
            400,
            format!(r#"{{"__type":"AccessDenied","message":"no: {TOKEN}"}}"#),
        ),
        "ReceiveMessage" => answer(messages()),
        "Query" => answer(r#"{"Items":[]}"#),
        _ => answer("{}"),
    });
    let output = replaying(&server, &["replay", "commands", "--yes"])
        .output()
        .unwrap();
    let out = ran(&output, 1);
    assert!(
        out.contains("not-sent") && out.contains("AccessDenied"),
        "{out}"
    );
    assert!(!out.contains(TOKEN), "{out}");
}

#[test]
fn replay_without_its_queues_says_what_is_missing() {
    let mut command = bare(&["replay", "commands"]);
    command
        .env("AWS_REGION", "eu-central-1")
        .env("SNAPFERRY_STACK_ID", "prod")
        .env("SNAPFERRY_TABLE", "table");
    let output = command.output().unwrap();
    ran(&output, 2);
    let err = text(&output.stderr);
    for part in [
        "SNAPFERRY_COMMANDS_QUEUE_URL",
        "SNAPFERRY_COMMANDS_DEAD_LETTER_QUEUE_URL",
    ] {
        assert!(err.contains(part), "{part} in {err}");
    }
    for arguments in [
        &["replay"][..],
        &["replay", "commands", "--yes", "--dry-run"],
        &["replay", "commands", "--since", "yesterday"],
        &["replay", "commands", "--limit", "0"],
        &["replay", "events", "--source-queue-url", DEAD_LETTERS],
    ] {
        ran(&bare(arguments).output().unwrap(), 2);
    }
}

#[test]
fn replays_help_names_what_selects() {
    let out = ran(
        &bare(&["replay", "commands", "--help"]).output().unwrap(),
        0,
    );
    for part in [
        "--database",
        "--since",
        "--reason",
        "--yes",
        "--unreadable",
        "--limit",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    let out = ran(&bare(&["replay", "events", "--help"]).output().unwrap(), 0);
    assert!(out.contains("--source-region"), "{out}");
}
