//! Batches of commands: each command fails alone.

use futures_util::{StreamExt, stream};
use tracing::{error, warn};

use crate::app::queue::{self, CONCURRENCY, Outcome, Record};
use crate::app::worker;
use crate::app::worker::config::WorkerConfig;
use crate::app::worker::outcome::CommandOutcome;
use crate::app::worker::permissions::Permissions;
use crate::domain::run::backoff::Backoff;
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
            let outcome =
                queue::guarded(&record.message_id, work_one(world, worker_config, &record)).await;
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
    record: &Record,
) -> Outcome {
    let command = match json::command::read(&record.body) {
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
        Err(error) => {
            let parked = !error.is_retryable();
            warn!(execution = %command.execution, receives = record.receives, parked, error = chain(&error), "again");
            Outcome::Again
        }
    }
}
