//! Batches of commands: each command fails alone.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::{StreamExt, stream};
use tracing::{error, info, warn};

use crate::app::queue::{self, CONCURRENCY, Outcome, Record};
use crate::app::worker::config::WorkerConfig;
use crate::app::worker::outcome::{CommandOutcome, WorkError};
use crate::app::worker::permissions::Permissions;
use crate::app::worker::source::{Shown, look_for_sources};
use crate::app::worker::{Prepared, act_on, go_on, prepare};
use crate::domain::run::backoff::Backoff;
use crate::domain::run::command::Command;
use crate::error::chain;
use crate::json;

/// Works through a batch of commands. The answer names the messages that stay in the queue.
///
/// The copy commands of a batch ask RDS for their sources with one call: else a fleet that comes due at once would ask for
/// each of its snapshots twice, once for the event and once for the copy, and RDS would throttle both.
pub async fn work<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    backoff: &Backoff,
    records: Vec<Record>,
) -> Vec<String> {
    let read: Vec<_> = records.into_iter().map(read).collect();
    let prepared: Vec<_> = stream::iter(read)
        .map(|(record, read)| async move {
            let prepared = match &read {
                Some((command, _)) => {
                    let prepared = prepare(world, worker_config, command, record.receives);
                    queue::guarded(&record.message_id, prepared).await
                }
                None => None,
            };
            (record, read, prepared)
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    let needs_source = |prepared: &Option<_>| matches!(prepared, Some(Ok(Prepared::NeedsSource)));
    let sources: Vec<&Command> = prepared
        .iter()
        .filter(|(_, _, prepared)| needs_source(prepared))
        .filter_map(|(_, read, _)| read.as_ref())
        .map(|(command, _)| command)
        .collect();
    let looked = look_for_sources(world, worker_config, &sources);
    // After a panic in it, each asks by itself.
    let looked = queue::guarded("the sources of a batch", looked).await;
    let mut shown = VecDeque::from(looked.unwrap_or_default());
    let ready: Vec<_> = prepared
        .into_iter()
        .map(|(record, read, prepared)| {
            let of_it = needs_source(&prepared).then(|| shown.pop_front().flatten());
            (record, read, prepared, of_it.flatten())
        })
        .collect();
    let outcomes: Vec<_> = stream::iter(ready)
        .map(|(record, read, prepared, shown)| async move {
            let outcome = match (read, prepared) {
                (Some((command, tries)), Some(prepared)) => {
                    let worked = finish(world, worker_config, &record, &command, prepared, shown);
                    let outcome = outcome(world, backoff, &record, &command, tries, worked);
                    queue::guarded(&record.message_id, outcome).await
                }
                _ => None,
            };
            (record, outcome.unwrap_or(Outcome::Again))
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    queue::keep(world, backoff, outcomes).await
}

/// A record with its command and how many messages of it were throttled.
fn read(record: Record) -> (Record, Option<(Command, u32)>) {
    let read = catch_unwind(AssertUnwindSafe(|| {
        json::command::read_with_tries(&record.body)
    }));
    let command = match read {
        Ok(Ok(read)) => Some(read),
        Ok(Err(error)) => {
            error!(
                message_id = record.message_id,
                error = chain(&error),
                "a command that cannot be read"
            );
            None
        }
        Err(_) => {
            error!(
                message_id = record.message_id,
                "a command made the reader panic"
            );
            None
        }
    };
    (record, command)
}

async fn finish<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    record: &Record,
    command: &Command,
    prepared: Result<Prepared, WorkError>,
    shown: Option<Shown>,
) -> Result<CommandOutcome, WorkError> {
    match prepared? {
        Prepared::Done(outcome) => Ok(outcome),
        Prepared::Target(target) => {
            act_on(world, worker_config, command, target, record.receives).await
        }
        Prepared::NeedsSource => go_on(world, worker_config, command, shown, record.receives).await,
    }
}

async fn outcome<W: Permissions>(
    world: &W,
    backoff: &Backoff,
    record: &Record,
    command: &Command,
    tries: u32,
    worked: impl Future<Output = Result<CommandOutcome, WorkError>>,
) -> Outcome {
    match worked.await {
        Ok(CommandOutcome::Stale) => {
            // The template's metric filter counts these words.
            warn!(execution = %command.execution, "stale command");
            Outcome::Done
        }
        Ok(_) => Outcome::Done,
        Err(error) if error.is_throttled() => {
            send_again_later(world, backoff, command, tries).await
        }
        Err(error) => {
            let parked = !error.is_retryable();
            warn!(execution = %command.execution, receives = record.receives, parked, error = chain(&error), "again");
            Outcome::Again
        }
    }
}

/// Sends a throttled command anew with a growing delay, and lets its message go. So neither the receives of the message nor
/// the three hours of the wait run on: the worker has renewed the wait's time before it called RDS. The new message is sent
/// before the old one is deleted. If it cannot be sent, the old one comes back.
async fn send_again_later<W: Permissions>(
    world: &W,
    backoff: &Backoff,
    command: &Command,
    tries: u32,
) -> Outcome {
    let tries = tries.saturating_add(1);
    let delay = backoff.delay(tries, world.jitter());
    match world.send_later(command, tries, delay).await {
        Ok(()) => {
            info!(execution = %command.execution, tries, ?delay, "throttled; sent anew");
            Outcome::Done
        }
        Err(error) => {
            warn!(execution = %command.execution, tries, error = chain(&error), "throttled, and not sent anew");
            Outcome::Again
        }
    }
}
