//! The queues and their dead-letter queues.

use std::time::Duration;

use jiff::Timestamp;

use super::error::PortError;
use crate::domain::operator::dead_letter::Undelivered;
use crate::domain::run::command::Command;

/// The longest delay of a new message (`DelaySeconds`).
pub const DELAY_MAX: Duration = Duration::from_secs(900);

/// Sends commands to the worker's queue.
pub trait SendCommand {
    /// `SendMessage`.
    async fn send_command(&self, command: &Command) -> Result<(), PortError>;
}

/// Sends a command anew that RDS has throttled.
pub trait SendLater {
    /// `SendMessage` with `DelaySeconds`, at most [`DELAY_MAX`]. `tries` says how many messages of the command RDS has
    /// throttled.
    async fn send_later(
        &self,
        command: &Command,
        tries: u32,
        delay: Duration,
    ) -> Result<(), PortError>;
}

/// The handle of a received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptHandle(pub String);

/// Keeps a message away for a while.
pub trait DelayMessage {
    /// `ChangeMessageVisibility`.
    async fn delay_message(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<(), PortError>;
}

/// A message of a dead-letter queue.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The id that SQS gave it.
    pub message_id: String,
    /// Its text. It may hold a token, so it is never shown.
    pub body: String,
    /// The handle for deleting or delaying it.
    pub receipt: ReceiptHandle,
    /// When it was first sent.
    pub sent_at: Option<Timestamp>,
    /// How often it has been received.
    pub receives: u32,
    /// What EventBridge says about it, if EventBridge put it there.
    pub undelivered: Option<Undelivered>,
}

impl std::fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetter")
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

/// Receives messages from a dead-letter queue.
pub trait ReceiveDeadLetters {
    /// `ReceiveMessage`: up to `max` (at most 10), invisible to others for a while.
    async fn receive_dead_letters(
        &self,
        max: usize,
        hidden_for: Duration,
    ) -> Result<Vec<DeadLetter>, PortError>;
}

/// Sends messages to the queue that they came from.
pub trait SendAgain {
    /// `SendMessage`, with the body unchanged.
    async fn send_again(&self, body: &str) -> Result<(), PortError>;
}

/// Deletes messages from a dead-letter queue.
pub trait RemoveDeadLetter {
    /// `DeleteMessage`.
    async fn remove_dead_letter(&self, receipt: &ReceiptHandle) -> Result<(), PortError>;
}

actions! {
    SendCommand: "sqs:SendMessage";
    SendLater: "sqs:SendMessage";
    DelayMessage: "sqs:ChangeMessageVisibility";
    ReceiveDeadLetters: "sqs:ReceiveMessage";
    SendAgain: "sqs:SendMessage";
    RemoveDeadLetter: "sqs:DeleteMessage";
}
