//! Finding what a command copies, and from which attempt on.

use crate::app::families;
use crate::app::work::aim::Aim;
use crate::app::work::config::Desk;
use crate::app::work::copy_source::{Source, copy_of};
use crate::app::work::give_up::give_up;
use crate::app::work::named;
use crate::app::work::outcome::{WorkError, Worked, not_told};
use crate::app::work::permissions::Permissions;
use crate::domain::arn::RdsArn;
use crate::domain::command::{Command, Run};
use crate::domain::failure::{Failure, Reason};
use crate::domain::limits::HINT_RECHECKS;
use crate::domain::names::{Attempt, SnapshotId};
use crate::domain::naming;
use crate::domain::snapshot::SnapshotStatus;
use crate::domain::wait::Expectation;

/// What to copy, and from which attempt on. A command that comes again, from the queue for slots above all,
/// finds both in its own wait; a new one asks RDS and begins with the first attempt.
///
/// A later attempt's wait is there only after the ones before have come to nothing. To begin with the first
/// again would ask for a second slot while this attempt holds one, and with all slots held so, nobody would move.
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
    let copies: Vec<(RdsArn, Attempt)> = sources
        .iter()
        .flat_map(|source| Attempt::all().map(move |attempt| (source, attempt)))
        .map(|(source, attempt)| (naming::copy(stack, run, source, attempt), attempt))
        .map(|(id, attempt)| (run.database.arn.sibling_snapshot(&desk.home, &id), attempt))
        .collect();
    let keys: Vec<RdsArn> = copies.iter().map(|(copy, _)| copy.clone()).collect();
    let waits = world.look_up(&keys).await?;
    let mine = waits
        .into_iter()
        .filter(|wait| wait.command.token == command.token)
        .filter_map(|wait| {
            let (_, attempt) = copies.iter().find(|(copy, _)| *copy == wait.resource)?;
            Some((wait.expected, *attempt))
        })
        .max_by_key(|(_, attempt)| *attempt);
    if let Some((Expectation::Copy(copy_of), attempt)) = mine {
        return Ok(Source::Found(copy_of, attempt));
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
    let found = families::describe(world, database.region(), database.family(), ids)
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
