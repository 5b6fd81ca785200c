//! Finds the sources of copy commands.

use futures_util::future::join_all;

use crate::app::places::{group, place_of};
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
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::run::command::{Command, ProtectionRequest};
use crate::domain::run::failure::{Failure, Reason};
use crate::domain::run::naming;
use crate::domain::run::wait::{Expectation, ExpectedCopy};
use crate::ports::RdsError;

/// The source of a command that comes again, as after the queue for slots: it stands in the command's own wait.
pub(super) async fn awaited_source<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    command: &Command,
) -> Result<Option<ExpectedCopy>, WorkError> {
    let run = &command.run;
    let stack = &worker_config.rules.stack;
    let sources: Vec<SnapshotId> = match &run.options.automated {
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
    Ok(match own.map(|wait| wait.expected) {
        Some(Expectation::Copy(expected_copy)) => Some(expected_copy),
        Some(Expectation::Snapshot) | None => None,
    })
}

/// What RDS shows of the first names of a run's source. `Err` if RDS could not be asked.
pub(super) type Shown = Result<Vec<Snapshot>, RdsError>;

/// How many of a source's names are asked for together with those of other commands. The second tells whether there was
/// another attempt.
const FIRST_NAMES: usize = 2;

/// Asks RDS for the sources of these commands, of those in one region and family at once: so ten commands of a batch cost
/// one call where no snapshot needed more than one attempt. `None` for a command whose source is an automated snapshot: it
/// asks by itself.
pub(super) async fn look_for_sources<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    commands: &[&Command],
) -> Vec<Option<Shown>> {
    let own = (0..commands.len()).filter(|at| commands[*at].run.options.automated.is_none());
    let in_a_call = (worker_config.width / FIRST_NAMES).max(1);
    let place = |at: &usize| place_of(&commands[*at].run.database.arn);
    // A slow region must not delay the commands of others.
    let looked = group(own.collect(), in_a_call, place)
        .into_iter()
        .map(|group| look(world, worker_config, commands, group));
    let mut shown: Vec<Option<Shown>> = commands.iter().map(|_| None).collect();
    for (at, found) in join_all(looked).await.into_iter().flatten() {
        shown[at] = Some(found);
    }
    shown
}

/// One call about the sources of some of the commands, all of one region and family.
async fn look<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    commands: &[&Command],
    group: Vec<usize>,
) -> Vec<(usize, Shown)> {
    let names = |at: usize| first_names(worker_config, &commands[at].run);
    let Some((region, family)) = group
        .first()
        .map(|at| place_of(&commands[*at].run.database.arn))
    else {
        return Vec::new();
    };
    let ids: Vec<SnapshotId> = group.iter().flat_map(|at| names(*at)).collect();
    let found = world.describe_snapshots(&region, family, &ids).await;
    let of_one = |at: usize| {
        let ids = names(at);
        let is_of_it = |one: &&Snapshot| ids.contains(&SnapshotId::of(&one.arn));
        let shown = match &found {
            Ok(found) => Ok(found.iter().filter(is_of_it).cloned().collect()),
            Err(error) => Err(error.without_source()),
        };
        (at, shown)
    };
    group.into_iter().map(of_one).collect()
}

/// Finds the source of a new command, by what RDS was asked for its batch and, where that does not say it, by a call of its
/// own.
pub(super) async fn source<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    command: &Command,
    shown: Option<Shown>,
    receives: u32,
) -> Result<Source, WorkError> {
    let run = &command.run;
    if let Some(of) = &run.options.automated {
        return automated_source::source(world, command, of, receives).await;
    }
    if let Some(shown) = shown
        && let Some(snapshot) = only_attempt(worker_config, run, shown.map_err(not_told)?)
    {
        return Ok(expected_copy(run, snapshot));
    }
    let names = source_names(worker_config, run);
    ask_for_source(world, worker_config, run, &names).await
}

/// The first attempt at a run's source, if it is there and no second one is.
fn only_attempt(
    worker_config: &WorkerConfig,
    run: &ProtectionRequest,
    mut shown: Vec<Snapshot>,
) -> Option<Snapshot> {
    let only = shown.pop().filter(|_| shown.is_empty())?;
    let first = naming::source_snapshot(&worker_config.rules.stack, run, Attempt::FIRST);
    let is_it = SnapshotId::of(&only.arn) == first
        && only.status == SnapshotStatus::Available
        && only.is_ours(&worker_config.rules.stack, &run.database);
    is_it.then_some(only)
}

/// The names of the first attempts at a run's source.
fn first_names(worker_config: &WorkerConfig, run: &ProtectionRequest) -> Vec<SnapshotId> {
    let mut names = source_names(worker_config, run);
    names.truncate(FIRST_NAMES);
    names
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
