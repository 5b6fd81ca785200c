//! Finds the source of a copy command.

use crate::app::worker::automated_source;
use crate::app::worker::config::WorkerConfig;
use crate::app::worker::copy_source::{Source, expected_copy};
use crate::app::worker::give_up::give_up;
use crate::app::worker::outcome::{CommandOutcome, WorkError, not_told};
use crate::app::worker::permissions::Permissions;
use crate::app::worker::step_target::StepTarget;
use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::{Attempt, SnapshotId};
use crate::domain::limits::HINT_RECHECKS;
use crate::domain::rds::snapshot::SnapshotStatus;
use crate::domain::run::command::{Command, ProtectionRequest};
use crate::domain::run::failure::{Failure, Reason};
use crate::domain::run::naming;
use crate::domain::run::wait::Expectation;

/// Finds the source. A command that comes again, as after the queue for slots, finds it in its own wait. A new command
/// asks RDS.
pub(super) async fn source<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    command: &Command,
    receives: u32,
) -> Result<Source, WorkError> {
    let run = &command.run;
    let stack = &worker_config.rules.stack;
    let automated = run.options.automated.as_ref();
    let sources: Vec<SnapshotId> = match automated {
        Some(of) => vec![SnapshotId::of(&of.snapshot)],
        None => source_names(worker_config, run),
    };
    let copies: Vec<RdsArn> = sources
        .iter()
        .map(|source| naming::copy(stack, run, source, Attempt::FIRST))
        .map(|id| run.database.arn.sibling_snapshot(&worker_config.home, &id))
        .collect();
    let waits = world.look_up(&copies).await?;
    let own = waits
        .into_iter()
        .find(|wait| wait.command.token == command.token);
    if let Some(Expectation::Copy(expected_copy)) = own.map(|wait| wait.expected) {
        return Ok(Source::Found(expected_copy));
    }
    match automated {
        Some(of) => automated_source::source(world, command, of, receives).await,
        None => ask_for_source(world, worker_config, run, &sources).await,
    }
}

/// All names that the run's own source snapshot may have.
fn source_names(worker_config: &WorkerConfig, run: &ProtectionRequest) -> Vec<SnapshotId> {
    let stack = &worker_config.rules.stack;
    Attempt::all()
        .map(|attempt| naming::source_snapshot(stack, run, attempt))
        .collect()
}

/// The newest available attempt at the run's source snapshot, among all names that it may have.
async fn ask_for_source<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    run: &ProtectionRequest,
    ids: &[SnapshotId],
) -> Result<Source, WorkError> {
    let database = &run.database.arn;
    let found = world
        .describe_snapshots(database.region(), database.family(), ids)
        .await
        .map_err(not_told)?;
    let (available, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .filter(|snapshot| snapshot.is_ours(&worker_config.rules.stack, &run.database))
        .partition(|snapshot| snapshot.status == SnapshotStatus::Available);
    let unproved = others
        .into_iter()
        .find(|snapshot| !snapshot.status.is_over());
    if let (true, Some(snapshot)) = (available.is_empty(), unproved) {
        // The step before saw it available, so RDS's answer is out of date or cannot be read.
        return Err(WorkError::NotShownYet(snapshot.arn));
    }
    let newest = available
        .into_iter()
        .max_by_key(|snapshot| snapshot.arn.clone());
    let Some(snapshot) = newest else {
        return Ok(Source::None);
    };
    Ok(expected_copy(run, snapshot))
}

/// No source was found. The step before has succeeded, so one existed. For the first few receives, the worker assumes
/// that RDS's answer is out of date. After that the source counts as gone, if RDS does not show it when it is asked once
/// more: the receives before may have had no answer at all, and one absence proves nothing.
pub(super) async fn no_source<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    command: &Command,
    receives: u32,
) -> Result<CommandOutcome, WorkError> {
    let wait = StepTarget::Snapshot.wait(worker_config, command, Attempt::FIRST, world.now());
    if receives <= HINT_RECHECKS {
        return Err(WorkError::NotShownYet(wait.resource));
    }
    let names = source_names(worker_config, &command.run);
    let again = ask_for_source(world, worker_config, &command.run, &names).await?;
    if matches!(again, Source::Found(_)) {
        return Err(WorkError::NotShownYet(wait.resource));
    }
    let cause = format!(
        "RDS shows neither {} nor a later attempt as available",
        wait.resource
    );
    give_up(world, &wait, Failure::new(Reason::SourceMissing, cause)).await
}
