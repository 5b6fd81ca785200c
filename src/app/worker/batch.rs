//! Batches of commands: each command fails alone.

use futures_util::{StreamExt, stream};
use tracing::{error, info, warn};

use crate::app::queue::{self, CONCURRENCY, Outcome, Record};
use crate::app::worker;
use crate::app::worker::config::WorkerConfig;
use crate::app::worker::outcome::CommandOutcome;
use crate::app::worker::permissions::Permissions;
use crate::domain::run::backoff::Backoff;
use crate::domain::run::command::Command;
use crate::error::chain;
use crate::json;

/// Works through a batch of commands. The answer names the messages that stay in the queue.
pub async fn work<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    backoff: &Backoff,
    records: Vec<Record>,
) -> Vec<String> {
    let outcomes: Vec<_> = stream::iter(records)
        .map(|record| async move {
            let outcome = work_one(world, worker_config, backoff, &record);
            let outcome = queue::guarded(&record.message_id, outcome).await;
            (record, outcome.unwrap_or(Outcome::Again))
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    queue::keep(world, backoff, outcomes).await
}

async fn work_one<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    backoff: &Backoff,
    record: &Record,
) -> Outcome {
    let (command, tries) = match json::command::read_with_tries(&record.body) {
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
    match worker::work(world, worker_config, &command, record.receives).await {
        Ok(CommandOutcome::Stale) => {
            // The template's metric filter counts these words.
            warn!(execution = %command.execution, "stale command");
            Outcome::Done
        }
        Ok(_) => Outcome::Done,
        Err(error) if error.is_throttled() => {
            send_again_later(world, backoff, &command, tries).await
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
