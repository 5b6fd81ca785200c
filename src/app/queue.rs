//! Records of a queue. Each fails alone, and a failed record comes back after a growing delay.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use tracing::{error, warn};

use crate::domain::run::backoff::Backoff;
use crate::error::chain;
use crate::ports::{DelayMessage, Jitter, ReceiptHandle};

/// How many records or callbacks of one batch run at once.
pub const CONCURRENCY: usize = 10;

/// A message from a queue.
#[derive(Debug, Clone)]
pub struct Record {
    /// The id that SQS gave it.
    pub message_id: String,
    /// Its text. It may hold a token, so it is never logged.
    pub body: String,
    /// The handle that a change of its delay needs.
    pub receipt: ReceiptHandle,
    /// How often it has been received, from 1.
    pub receives: u32,
}

/// What happens to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It leaves the queue.
    Done,
    /// It stays, and comes back after the growing delay.
    Again,
    /// It stays, and comes back after this time.
    AgainIn(Duration),
}

/// Runs one record's work. A panic fails only that record.
pub(crate) async fn guarded<T>(message_id: &str, work: impl Future<Output = T>) -> Option<T> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(value) => Some(value),
        Err(_) => {
            error!(message_id, "a record made the handler panic");
            None
        }
    }
}

/// Delays the records that stay, and returns their ids. If a delay cannot be set, the message comes back when its
/// visibility timeout ends.
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
