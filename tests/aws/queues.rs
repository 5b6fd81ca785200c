//! Queues: commands sent again as they were, messages delayed in whole seconds.

use std::time::Duration;

use serde_json::json;
use snapferry::aws::QueueUrl;
use snapferry::domain::run::command::Step;
use snapferry::json::command as wire_command;
use snapferry::ports::{DelayMessage, ReceiptHandle, SendCommand, SendLater};

use crate::wire::{COMMANDS, Wire, json_error, ok};
use crate::world::command;

#[tokio::test]
async fn a_command_is_sent_as_the_state_machine_would_send_it() {
    let wire = Wire::new([ok(r#"{"MessageId":"1","MD5OfMessageBody":"0"}"#)]);
    let sent = command(Step::Copy, "the-token", "orders");
    // The checksum of the answer is not the body's: the SDK must notice nothing worse than that.
    let _ = wire.sweeper().send_command(&sent).await;
    let asked = &wire.asked()[0];
    assert_eq!(asked.action(), "SendMessage");
    let body = asked.json();
    assert_eq!(body["QueueUrl"], COMMANDS);
    let message = body["MessageBody"].as_str().unwrap();
    assert_eq!(wire_command::read(message).unwrap(), sent);
}

#[tokio::test]
async fn a_throttled_command_is_sent_with_a_delay_in_whole_seconds_and_says_how_often_it_was() {
    let cases = [
        (Duration::from_millis(29_001), 30),
        (Duration::from_secs(900), 900),
        (Duration::from_secs(3_600), 900),
    ];
    for (delay, seconds) in cases {
        let wire = Wire::new([ok(r#"{"MessageId":"1","MD5OfMessageBody":"0"}"#)]);
        let sent = command(Step::Copy, "the-token", "orders");
        let _ = wire.worker().send_later(&sent, 2, delay).await;
        let body = wire.asked()[0].json();
        assert_eq!(wire.asked()[0].action(), "SendMessage");
        assert_eq!(
            (&body["QueueUrl"], &body["DelaySeconds"]),
            (&json!(COMMANDS), &json!(seconds))
        );
        let message = body["MessageBody"].as_str().unwrap();
        assert_eq!(wire_command::read_with_tries(message).unwrap(), (sent, 2));
    }
}

#[tokio::test]
async fn a_command_that_is_not_sent_is_an_error() {
    let wire = Wire::new([json_error(
        400,
        "AWS.SimpleQueueService.NonExistentQueue",
        "gone",
    )]);
    let sent = command(Step::Copy, "the-token", "orders");
    let error = wire.sweeper().send_command(&sent).await.unwrap_err();
    assert_eq!(error.action, "sqs:SendMessage");
    let later = wire.worker();
    let error = later.send_later(&sent, 1, Duration::ZERO).await;
    assert_eq!(error.unwrap_err().action, "sqs:SendMessage");
}

#[tokio::test]
async fn a_delay_is_rounded_up_so_that_it_is_never_none() {
    let cases = [
        (Duration::from_millis(1), 1),
        (Duration::from_millis(500), 1),
        (Duration::from_secs(15), 15),
        (Duration::from_millis(15_001), 16),
        (Duration::from_secs(100_000), 43_200),
        (Duration::ZERO, 0),
    ];
    for (delay, seconds) in cases {
        let wire = Wire::new([ok("{}")]);
        let receipt = ReceiptHandle("receipt-1".to_owned());
        wire.worker().delay_message(&receipt, delay).await.unwrap();
        let expected = json!({
            "QueueUrl": COMMANDS, "ReceiptHandle": "receipt-1", "VisibilityTimeout": seconds,
        });
        assert_eq!(wire.only().json(), expected);
    }
}

#[tokio::test]
async fn a_message_that_is_no_longer_in_flight_is_an_error_with_its_code() {
    let wire = Wire::new([json_error(400, "MessageNotInflight", "gone")]);
    let receipt = ReceiptHandle("receipt-1".to_owned());
    let error = wire
        .worker()
        .delay_message(&receipt, Duration::from_secs(1))
        .await
        .unwrap_err();
    assert!(error.code.unwrap().contains("MessageNotInflight"));
}

#[test]
fn a_queues_url_has_a_host_an_account_and_a_name() {
    for good in [COMMANDS, "http://127.0.0.1:4566/000000000000/commands"] {
        assert_eq!(QueueUrl::parse(good).unwrap().as_str(), good);
    }
    for bad in [
        "",
        "commands",
        "arn:aws:sqs:eu-central-1:111122223333:commands",
        "https://",
        "https:///a/b",
        "ftp://a/b/c",
    ] {
        QueueUrl::parse(bad).unwrap_err();
    }
}
