//! A run whose source RDS took: an automated snapshot, which RDS also removes.

use tracing::info;

use crate::app::automated;
use crate::app::conclude;
use crate::app::plan;
use crate::app::work::refused::{give_up, not_told};
use crate::app::work::source::{Source, copy_of};
use crate::app::work::{Desk, Permissions, WorkError, Worked};
use crate::domain::command::{Automated, Command, Extras, Run};
use crate::domain::failure::{Failure, Reason};
use crate::domain::limits::HINT_RECHECKS;
use crate::domain::names::{Attempt, ExecutionName, SnapshotId};
use crate::domain::settle::{manifest, mismatch};
use crate::domain::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::wait::{Expectation, Wait};
use crate::ports::{Claim, PortError};

/// What RDS says of a snapshot that a run names.
enum Named {
    There(Box<Snapshot>),
    /// RDS shows no such snapshot, or one that comes to nothing.
    Gone,
    /// It is of another database.
    Unfit(Failure),
}

/// The first step of such a run: there is nothing to take, only to see that it is there.
pub(super) async fn see<W: Permissions>(
    world: &W,
    desk: &Desk,
    command: &Command,
    of: &Automated,
    receives: u32,
) -> Result<Worked, WorkError> {
    let wait = wait(world, command, of);
    match ask(world, &wait, receives).await? {
        Named::There(snapshot) => {
            let manifest = manifest(&wait, &snapshot);
            let concluded = conclude::succeed(world, &wait, &manifest).await?;
            Ok(Worked::Settled(concluded))
        }
        Named::Gone => expired(world, desk, &wait, of).await,
        Named::Unfit(failure) => give_up(world, &wait, failure).await,
    }
}

/// What a copy of it must turn out to be.
pub(super) async fn source<W: Permissions>(
    world: &W,
    command: &Command,
    of: &Automated,
    receives: u32,
) -> Result<Source, WorkError> {
    let wait = wait(world, command, of);
    Ok(match ask(world, &wait, receives).await? {
        Named::There(snapshot) => copy_of(&command.run, *snapshot),
        Named::Gone => Source::Expired(of.clone()),
        Named::Unfit(failure) => Source::Unfit(failure),
    })
}

/// Never stored: RDS is not asked for anything that could be awaited.
pub(super) fn wait<W: Permissions>(world: &W, command: &Command, of: &Automated) -> Wait {
    let resource = of.snapshot.clone();
    Wait::new(
        resource,
        command.clone(),
        Expectation::Snapshot,
        world.now(),
    )
}

async fn ask<W: Permissions>(world: &W, wait: &Wait, receives: u32) -> Result<Named, WorkError> {
    let arn = &wait.resource;
    let id = SnapshotId::of(arn);
    let found = world
        .describe_snapshots(arn.region(), arn.family(), &[id])
        .await
        .map_err(not_told)?;
    let found = found.into_iter().find(|snapshot| snapshot.arn == *arn);
    let Some(snapshot) = found else {
        // It was there when the run was started; RDS's answer may lag behind.
        return if receives <= HINT_RECHECKS {
            Err(WorkError::NotShownYet(arn.clone()))
        } else {
            Ok(Named::Gone)
        };
    };
    match &snapshot.status {
        SnapshotStatus::Available => Ok(match mismatch(wait, &snapshot) {
            None => Named::There(Box::new(snapshot)),
            Some(failure) => Named::Unfit(failure),
        }),
        SnapshotStatus::Failed | SnapshotStatus::Deleting => Ok(Named::Gone),
        SnapshotStatus::Creating | SnapshotStatus::Copying | SnapshotStatus::Other(_) => {
            Err(WorkError::NotShownYet(arn.clone()))
        }
    }
}

/// The newest automated snapshot there is takes the run's place, and the run fails. In this order: what breaks in
/// between is done again, for the token is still alive, and to start the same execution twice is to start it once.
pub(super) async fn expired<W: Permissions>(
    world: &W,
    desk: &Desk,
    wait: &Wait,
    of: &Automated,
) -> Result<Worked, WorkError> {
    put_newest_in_its_place(world, desk, &wait.command, of).await?;
    let cause = format!("RDS no longer has {}", of.snapshot);
    give_up(world, wait, Failure::new(Reason::SourceExpired, cause)).await
}

async fn put_newest_in_its_place<W: Permissions>(
    world: &W,
    desk: &Desk,
    command: &Command,
    gone: &Automated,
) -> Result<(), WorkError> {
    let database = &command.run.database;
    let (region, family) = (database.arn.region(), database.arn.family());
    let mut found = automated::newest(world, region, family, Some(&database.arn))
        .await
        .map_err(not_told)?;
    let newer = found.remove(&database.resource_id);
    let Some(run) = newer.and_then(|newer| instead(&command.run, gone, &newer)) else {
        info!(database = %database.arn, "RDS has no newer automated snapshot");
        return Ok(());
    };
    match take_over(world, desk, command, &run).await? {
        Some(outcome) => info!(database = %database.arn, %outcome, "the newest takes its place"),
        None => info!(database = %database.arn, "another execution has its place"),
    }
    Ok(())
}

/// The same run of a newer snapshot. RDS keeps it as long as it kept the one that is gone.
fn instead(run: &Run, gone: &Automated, newer: &Snapshot) -> Option<Run> {
    let taken_at = newer.taken_at.filter(|at| *at > run.planned_at)?;
    let kept = gone.expires_at.map(|at| at.duration_since(run.planned_at));
    let automated = Automated {
        snapshot: newer.arn.clone(),
        expires_at: kept.and_then(|kept| taken_at.checked_add(kept).ok()),
    };
    Some(Run {
        planned_at: taken_at,
        extras: Extras {
            automated: Some(automated),
            ..run.extras.clone()
        },
        ..run.clone()
    })
}

/// Passes the database's place on from the execution whose step is about to fail, and has no retry.
async fn take_over<W: Permissions>(
    world: &W,
    desk: &Desk,
    command: &Command,
    run: &Run,
) -> Result<Option<plan::Outcome>, PortError> {
    let stack = &desk.rules.stack;
    let name = crate::domain::names::execution(stack, run, Attempt::FIRST);
    let (database, policy) = (&run.database, &run.policy);
    let claim = world
        .claim_run(database, policy, &name, world.now(), None)
        .await?;
    if let Claim::HeldBy(held) = claim {
        let is_own = ExecutionName::parse(command.execution.name()).is_ok_and(|own| own == held.by);
        if !is_own {
            return Ok(None);
        }
        let claim = world
            .claim_run(database, policy, &name, world.now(), Some(&held))
            .await?;
        if claim != Claim::Ours {
            return Ok(None);
        }
    }
    plan::start(world, stack, run).await.map(Some)
}
