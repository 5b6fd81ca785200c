//! Records of a queue: each fails alone, and a failed one comes back after a growing delay.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use tracing::{error, warn};

use crate::app::work::{self, Desk, Worked};
use crate::domain::backoff::Backoff;
use crate::ports::{DelayMessage, Jitter, ReceiptHandle};
use crate::wire;

/// How many records or callbacks of one batch are under way at once.
pub const CONCURRENCY: usize = 10;

/// A message that a queue handed over.
#[derive(Debug, Clone)]
pub struct Record {
    /// SQS's id of it.
    pub message_id: String,
    /// What it says. May hold a token: never logged.
    pub body: String,
    /// The handle to delay it with.
    pub receipt: ReceiptHandle,
    /// How often it has been received, from 1.
    pub receives: u32,
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It leaves the queue.
    Done,
    /// It stays, for the growing delay.
    Again,
    /// It stays, for this long.
    AgainIn(Duration),
}

/// Works through a batch of commands. The answer names the messages that stay in the queue.
pub async fn work<W: work::Permissions>(
    world: &W,
    desk: &Desk,
    backoff: &Backoff,
    records: Vec<Record>,
) -> Vec<String> {
    let outcomes: Vec<_> = stream::iter(records)
        .map(|record| async move {
            let outcome = guarded(&record.message_id, work_one(world, desk, &record)).await;
            (record, outcome.unwrap_or(Outcome::Again))
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    keep(world, backoff, outcomes).await
}

async fn work_one<W: work::Permissions>(world: &W, desk: &Desk, record: &Record) -> Outcome {
    let command = match wire::command::read(&record.body) {
        Ok(command) => command,
        Err(error) => {
            error!(
                message_id = record.message_id,
                error = chain(&error),
                "a command that cannot be read"
            );
            return Outcome::Again;
        }
    };
    match work::work(world, desk, &command, record.receives).await {
        Ok(Worked::Stale) => {
            // The template's metric filter counts these words.
            warn!(execution = %command.execution, "stale command");
            Outcome::Done
        }
        Ok(_) => Outcome::Done,
        Err(error) => {
            let parked = !error.is_retryable();
            warn!(execution = %command.execution, receives = record.receives, parked, error = chain(&error), "again");
            Outcome::Again
        }
    }
}

/// Runs one record's work; a panic is that record's failure and nobody else's.
pub(crate) async fn guarded<T>(message_id: &str, work: impl Future<Output = T>) -> Option<T> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(value) => Some(value),
        Err(_) => {
            error!(message_id, "a record made the handler panic");
            None
        }
    }
}

/// Delays the records that stay and names them. A delay that cannot be set costs only the wait: the message
/// comes back when its visibility ends.
pub(crate) async fn keep<W>(
    world: &W,
    backoff: &Backoff,
    outcomes: Vec<(Record, Outcome)>,
) -> Vec<String>
where
    W: DelayMessage + Jitter,
{
    let staying = outcomes
        .into_iter()
        .filter_map(|(record, outcome)| match outcome {
            Outcome::Done => None,
            Outcome::Again => {
                let delay = backoff.delay(record.receives, world.jitter());
                Some((record, delay))
            }
            Outcome::AgainIn(delay) => Some((record, delay)),
        });
    stream::iter(staying)
        .map(|(record, delay)| async move {
            if let Err(error) = world.delay_message(&record.receipt, delay).await {
                warn!(
                    message_id = record.message_id,
                    error = chain(&error),
                    "could not delay a message"
                );
            }
            record.message_id
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await
}

/// An error with all its sources, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
