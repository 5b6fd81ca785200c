//! Queues: commands are sent and delayed, and dead letters are received, made visible, sent again and deleted.

use std::time::Duration;

use snapferry::domain::run::command::Command;
use snapferry::ports::{
    DeadLetter, DelayMessage, ReceiptHandle, ReceiveDeadLetters, RemoveDeadLetter, SendAgain,
    SendCommand, SendLater,
};

use super::samples::command;

/// The queues behind the ports, and their clock.
pub(crate) trait Queues {
    /// The sweeper's and the worker's view of the commands queue.
    type Commands: SendCommand + SendLater + DelayMessage;
    /// The operator's view of the dead letters.
    type DeadLetters: ReceiveDeadLetters + SendAgain + RemoveDeadLetter + DelayMessage;

    /// The ports over the commands queue.
    fn commands(&self) -> &Self::Commands;
    /// The ports over the dead-letter queue.
    fn dead_letters(&self) -> &Self::DeadLetters;
    /// Receives one command as the event source mapping does; `None` if none is visible.
    async fn receive_command(&self) -> Option<(Command, ReceiptHandle)>;
    /// Puts a message into the dead-letter queue.
    async fn put_dead_letter(&self, body: &str);
    /// The messages of the queue that dead letters are sent to.
    async fn sent_again(&self) -> Vec<String>;
    /// Lets a second pass, if time does not pass by itself.
    fn a_second_passes(&self);
}

/// Longer than a case takes.
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_secs(1);
/// How often to look for something that should happen within two seconds. A look at an empty queue takes a second.
pub(crate) const LOOKS: usize = 10;

async fn receive(queues: &impl Queues, max: usize, hidden_for: Duration) -> Vec<DeadLetter> {
    let received = queues
        .dead_letters()
        .receive_dead_letters(max, hidden_for)
        .await;
    received.unwrap()
}

/// The only dead letter, as soon as it is visible.
async fn receive_the_one(queues: &impl Queues, hidden_for: Duration) -> DeadLetter {
    for _ in 0..LOOKS {
        let mut received = receive(queues, 10, hidden_for).await;
        assert!(received.len() <= 1, "{} dead letters", received.len());
        if let Some(letter) = received.pop() {
            return letter;
        }
        queues.a_second_passes();
    }
    panic!("the dead letter did not become visible")
}

pub(crate) async fn a_command_arrives_as_it_was_sent(queues: &impl Queues) {
    let sent = command("orders", "t");
    queues.commands().send_command(&sent).await.unwrap();
    let (received, _) = queues.receive_command().await.unwrap();
    assert_eq!(received, sent);
}

pub(crate) async fn a_delayed_message_comes_again_later(queues: &impl Queues) {
    let sent = command("orders", "t");
    queues.commands().send_command(&sent).await.unwrap();
    let (_, receipt) = queues.receive_command().await.unwrap();
    queues
        .commands()
        .delay_message(&receipt, SHORT)
        .await
        .unwrap();
    for _ in 0..LOOKS {
        if let Some((again, _)) = queues.receive_command().await {
            assert_eq!(again, sent);
            return;
        }
        queues.a_second_passes();
    }
    panic!("the message did not come again")
}

pub(crate) async fn a_command_that_is_sent_later_does_not_arrive_before(queues: &impl Queues) {
    let sent = command("orders", "t");
    let commands = queues.commands();
    commands.send_later(&sent, 1, 2 * SHORT).await.unwrap();
    assert_eq!(queues.receive_command().await.map(|(early, _)| early), None);
    for _ in 0..LOOKS {
        if let Some((received, _)) = queues.receive_command().await {
            assert_eq!(received, sent);
            return;
        }
        queues.a_second_passes();
    }
    panic!("the message did not come")
}

pub(crate) async fn a_dead_letter_is_received_as_it_lies_there(queues: &impl Queues) {
    queues.put_dead_letter("what it says").await;
    let first = receive_the_one(queues, SHORT).await;
    assert_eq!(first.body, "what it says");
    assert!(!first.message_id.is_empty());
    assert!(first.sent_at.is_some());
    assert_eq!(first.undelivered, None, "it was not EventBridge's");
    let second = receive_the_one(queues, SHORT).await;
    assert_eq!(second.message_id, first.message_id);
    assert_eq!(second.sent_at, first.sent_at);
    assert_eq!(second.receives, first.receives + 1);
}

pub(crate) async fn no_more_dead_letters_come_than_were_asked_for(queues: &impl Queues) {
    for body in ["a", "b", "c"] {
        queues.put_dead_letter(body).await;
    }
    let mut bodies = Vec::new();
    for _ in 0..LOOKS {
        let received = receive(queues, 2, LONG).await;
        assert!(received.len() <= 2);
        bodies.extend(received.into_iter().map(|letter| letter.body));
        if bodies.len() == 3 {
            break;
        }
    }
    bodies.sort();
    assert_eq!(bodies, ["a", "b", "c"]);
}

pub(crate) async fn a_received_dead_letter_is_hidden(queues: &impl Queues) {
    queues.put_dead_letter("a").await;
    receive_the_one(queues, LONG).await;
    assert_eq!(receive(queues, 10, LONG).await, []);
}

pub(crate) async fn a_hidden_dead_letter_comes_again(queues: &impl Queues) {
    queues.put_dead_letter("a").await;
    receive_the_one(queues, SHORT).await;
    assert_eq!(receive_the_one(queues, LONG).await.body, "a");
}

pub(crate) async fn a_dead_letter_that_is_shown_again_comes_at_once(queues: &impl Queues) {
    queues.put_dead_letter("a").await;
    let letter = receive_the_one(queues, LONG).await;
    let shown = queues
        .dead_letters()
        .delay_message(&letter.receipt, Duration::ZERO)
        .await;
    shown.unwrap();
    let again = receive(queues, 10, LONG).await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].message_id, letter.message_id);
}

pub(crate) async fn a_removed_dead_letter_is_gone(queues: &impl Queues) {
    queues.put_dead_letter("a").await;
    let letter = receive_the_one(queues, SHORT).await;
    let removed = queues
        .dead_letters()
        .remove_dead_letter(&letter.receipt)
        .await;
    removed.unwrap();
    queues.a_second_passes();
    queues.a_second_passes();
    assert_eq!(receive(queues, 10, LONG).await, []);
}

pub(crate) async fn a_dead_letter_is_sent_again_as_it_is(queues: &impl Queues) {
    let body = "{\"ä\": \"what a version to come has written\"}";
    queues.dead_letters().send_again(body).await.unwrap();
    assert_eq!(queues.sent_again().await, [body]);
}
