//! Finding what a command copies.

use crate::app::work::aim::Aim;
use crate::app::work::config::Desk;
use crate::app::work::copy_source::{Source, copy_of};
use crate::app::work::give_up::give_up;
use crate::app::work::named;
use crate::app::work::outcome::{WorkError, Worked, not_told};
use crate::app::work::permissions::Permissions;
use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::{Attempt, SnapshotId};
use crate::domain::limits::HINT_RECHECKS;
use crate::domain::rds::snapshot::SnapshotStatus;
use crate::domain::run::command::{Command, Run};
use crate::domain::run::failure::{Failure, Reason};
use crate::domain::run::naming;
use crate::domain::run::wait::Expectation;

/// What to copy. A command that comes again, from the queue for slots above all, finds it in its own wait; a new
/// one asks RDS.
pub(super) async fn source<W: Permissions>(
    world: &W,
    desk: &Desk,
    command: &Command,
    receives: u32,
) -> Result<Source, WorkError> {
    let run = &command.run;
    let stack = &desk.rules.stack;
    let automated = run.extras.automated.as_ref();
    let sources: Vec<SnapshotId> = match automated {
        Some(of) => vec![SnapshotId::of(&of.snapshot)],
        None => Attempt::all()
            .map(|attempt| naming::source_snapshot(stack, run, attempt))
            .collect(),
    };
    let copies: Vec<RdsArn> = sources
        .iter()
        .map(|source| naming::copy(stack, run, source, Attempt::FIRST))
        .map(|id| run.database.arn.sibling_snapshot(&desk.home, &id))
        .collect();
    let waits = world.look_up(&copies).await?;
    let own = waits
        .into_iter()
        .find(|wait| wait.command.token == command.token);
    if let Some(Expectation::Copy(copy_of)) = own.map(|wait| wait.expected) {
        return Ok(Source::Found(copy_of));
    }
    match automated {
        Some(of) => named::source(world, command, of, receives).await,
        None => ask_for_source(world, desk, run, &sources).await,
    }
}

/// The newest attempt at the run's source snapshot that is available, of all names it may have.
async fn ask_for_source<W: Permissions>(
    world: &W,
    desk: &Desk,
    run: &Run,
    ids: &[SnapshotId],
) -> Result<Source, WorkError> {
    let database = &run.database.arn;
    let found = world
        .describe_snapshots(database.region(), database.family(), ids)
        .await
        .map_err(not_told)?;
    let (available, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .filter(|snapshot| snapshot.is_ours(&desk.rules.stack, &run.database))
        .partition(|snapshot| snapshot.status == SnapshotStatus::Available);
    let unproved = others
        .into_iter()
        .find(|snapshot| !snapshot.status.is_over());
    if let (true, Some(snapshot)) = (available.is_empty(), unproved) {
        // The step before has seen it available: RDS's answer lags behind, or cannot be read.
        return Err(WorkError::NotShownYet(snapshot.arn));
    }
    let newest = available
        .into_iter()
        .max_by_key(|snapshot| snapshot.arn.clone());
    let Some(snapshot) = newest else {
        return Ok(Source::None);
    };
    Ok(copy_of(run, snapshot))
}

/// The step before has succeeded, so an available source was there. The first few receives take it that RDS's
/// answer lags behind; then the source counts as gone.
pub(super) async fn no_source<W: Permissions>(
    world: &W,
    desk: &Desk,
    command: &Command,
    receives: u32,
) -> Result<Worked, WorkError> {
    let wait = Aim::Snapshot.wait(desk, command, Attempt::FIRST, world.now());
    if receives <= HINT_RECHECKS {
        return Err(WorkError::NotShownYet(wait.resource));
    }
    let cause = format!(
        "RDS shows neither {} nor a later attempt as available",
        wait.resource
    );
    give_up(world, &wait, Failure::new(Reason::SourceMissing, cause)).await
}
