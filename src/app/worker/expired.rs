//! The automated source has expired: RDS has removed the snapshot that a run names, or the snapshot has failed.

use crate::domain::run::naming;
use tracing::info;

use crate::app::automated;
use crate::app::start::{StartOutcome, start};
use crate::app::worker::config::WorkerConfig;
use crate::app::worker::give_up::give_up;
use crate::app::worker::outcome::{CommandOutcome, WorkError, not_told};
use crate::app::worker::permissions::Permissions;
use crate::domain::id::names::Attempt;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::command::{Automated, Command, ProtectionRequest, RunOptions};
use crate::domain::run::failure::{Failure, Reason};
use crate::domain::run::permit::Permit;
use crate::domain::run::wait::Wait;
use crate::ports::{Claim, PortError};

/// Starts a run for the newest automated snapshot, and then fails this run. The order matters: if a call fails between
/// the two, the token is still alive and the worker does both again, and starting the same execution twice starts it
/// once.
///
/// The list of the database's automated snapshots is a second witness. As long as it shows the snapshot, the snapshot
/// is not gone, and the command comes again.
pub(super) async fn expired<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    wait: &Wait,
    of: &Automated,
) -> Result<CommandOutcome, WorkError> {
    let listed = automated::of_database(world, &wait.command.run.database.arn)
        .await
        .map_err(not_told)?;
    let is_there = |it: &Snapshot| it.arn == of.snapshot && !it.status.is_lost();
    if listed.iter().any(is_there) {
        return Err(WorkError::NotShownYet(of.snapshot.clone()));
    }
    put_newest_in_its_place(world, worker_config, &wait.command, of, listed).await?;
    let cause = format!("RDS no longer has {}", of.snapshot);
    give_up(world, wait, Failure::new(Reason::SourceExpired, cause)).await
}

async fn put_newest_in_its_place<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    command: &Command,
    gone: &Automated,
    listed: Vec<Snapshot>,
) -> Result<(), WorkError> {
    let database = &command.run.database;
    let newer = automated::newest_of_each(listed).remove(&database.resource_id);
    let Some(run) = newer.and_then(|newer| instead(&command.run, gone, &newer)) else {
        info!(database = %database.arn, "RDS has no newer automated snapshot");
        return Ok(());
    };
    match take_over(world, worker_config, command, &run).await? {
        Some(outcome) => info!(database = %database.arn, %outcome, "the newest takes its place"),
        None => info!(database = %database.arn, "another execution has its place"),
    }
    Ok(())
}

/// The same run for a newer snapshot. RDS keeps the newer snapshot as long as it kept the old one.
fn instead(
    run: &ProtectionRequest,
    gone: &Automated,
    newer: &Snapshot,
) -> Option<ProtectionRequest> {
    let taken_at = newer.taken_at.filter(|at| *at > run.planned_at)?;
    let kept = gone.expires_at.map(|at| at.duration_since(run.planned_at));
    let automated = Automated {
        snapshot: newer.arn.clone(),
        expires_at: kept.and_then(|kept| taken_at.checked_add(kept).ok()),
    };
    Some(ProtectionRequest {
        planned_at: taken_at,
        options: RunOptions {
            automated: Some(automated),
            ..run.options.clone()
        },
        ..run.clone()
    })
}

/// Moves the claim to the new execution from the one whose step is about to fail without a retry. Only the execution that
/// holds the claim hands it on: a command that comes again finds the new one there.
async fn take_over<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    command: &Command,
    run: &ProtectionRequest,
) -> Result<Option<StartOutcome>, PortError> {
    let stack = &worker_config.rules.stack;
    let name = naming::execution(stack, run, Attempt::FIRST);
    if world.check_claim(run, name.as_str()).await? == Permit::Given {
        return start(world, stack, run).await.map(Some);
    }
    let own = command.execution.name();
    if let Permit::Refused(_) = world.check_claim(&command.run, own).await? {
        return Ok(None);
    }
    let claim = world.claim_run(run, &name, world.now(), None).await?;
    if let Claim::HeldBy(held) = claim {
        if held.by.as_str() != own {
            return Ok(None);
        }
        let claim = world
            .claim_run(run, &name, world.now(), Some(&held))
            .await?;
        if claim != Claim::Ours {
            return Ok(None);
        }
    }
    start(world, stack, run).await.map(Some)
}
