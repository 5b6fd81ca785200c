//! What the worker does when RDS refuses a request. Each refusal has one owner.

use tracing::warn;

use crate::app::conclude;
use crate::app::slots;
use crate::app::worker::config::WorkerConfig;
use crate::app::worker::expired::expired;
use crate::app::worker::give_up::give_up;
use crate::app::worker::outcome::{AttemptOutcome, CommandOutcome, WorkError, not_told};
use crate::app::worker::permissions::Permissions;
use crate::app::worker::register::{mark, queue};
use crate::app::worker::remember::remember;
use crate::domain::id::names::SnapshotId;
use crate::domain::limits::HINT_RECHECKS;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::command::Step;
use crate::domain::run::failure::{Failure, Owner, Remedy};
use crate::domain::run::name_conflict::{NameConflict, name_conflict};
use crate::domain::run::naming::first_attempt;
use crate::domain::run::settle::{Look, Verdict, settle};
use crate::domain::run::wait::{Phase, Wait};
use crate::ports::{Abandoned, RdsError};

/// Handles a refusal by its owner. The copy keeps its slot: RDS may be copying all the same, because of another delivery
/// of the same command or an earlier call whose answer was lost. Only the sweeper frees the slot, after it has asked RDS;
/// and the worker where RDS allows no more copies, or throttles, after it has asked RDS too.
pub(super) async fn refused<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    wait: &Wait,
    receives: u32,
    error: RdsError,
) -> Result<AttemptOutcome, WorkError> {
    match error.owner() {
        Owner::AskWhatExists => ask_what_exists(world, worker_config, wait).await,
        Owner::CopyLimit => limited(world, worker_config, wait).await,
        Owner::AskQuota => ask_quota(world, worker_config, wait, error).await,
        Owner::LookAgain(_) if receives <= HINT_RECHECKS => Err(WorkError::Rds(error)),
        Owner::LookAgain(reason) => match &wait.command.run.options.automated {
            Some(of) => expired(world, worker_config, wait, of)
                .await
                .map(AttemptOutcome::Done),
            None => {
                let failure = Failure::new(reason, error.to_string());
                give_up(world, wait, failure)
                    .await
                    .map(AttemptOutcome::Done)
            }
        },
        Owner::StateMachine(reason) | Owner::Permanent(reason) => {
            remember(world, wait, &error).await?;
            let failure = Failure::new(reason, error.to_string());
            give_up(world, wait, failure)
                .await
                .map(AttemptOutcome::Done)
        }
        Owner::Park(remedy) => {
            warn!(resource = %wait.resource, remedy = remedy.sentence(), "parked");
            Err(WorkError::Parked {
                remedy,
                source: error,
            })
        }
        Owner::Transient if error.is_throttled() && wait.command.step == Step::Copy => {
            throttled(world, worker_config, wait, error).await
        }
        Owner::Transient => Err(WorkError::Rds(error)),
    }
}

/// RDS has throttled the request for a copy, and its command is sent anew with a delay. Meanwhile another copy may
/// have its slot. The throttling says nothing about an earlier call, so RDS is asked first, as where it allows no more copies.
async fn throttled<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    wait: &Wait,
    error: RdsError,
) -> Result<AttemptOutcome, WorkError> {
    match ask(world, wait).await {
        Ok(Some(found)) => by_what_exists(world, worker_config, wait, Some(&found)).await,
        Ok(None) => {
            give_slot_back(world, worker_config, wait).await?;
            Err(WorkError::Rds(error))
        }
        // It keeps the slot, and the next message asks again.
        Err(_) => Err(WorkError::Rds(error)),
    }
}

/// Whether the copy had a slot to give back. Another delivery of the command may be at work on the copy: then the wait was
/// registered anew, and the slot stays.
async fn give_slot_back<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    wait: &Wait,
) -> Result<bool, WorkError> {
    let limits = wait.command.run.slot_limits(worker_config.copy_slots);
    let holder = first_attempt(&wait.resource);
    let proof = Abandoned::RegisteredSince(wait.since);
    Ok(world.free_slot(&holder, limits.policy(), &proof).await?)
}

/// RDS says "already exists", so the worker asks what exists under the name.
async fn ask_what_exists<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    wait: &Wait,
) -> Result<AttemptOutcome, WorkError> {
    let found = ask(world, wait).await?;
    by_what_exists(world, worker_config, wait, found.as_ref()).await
}

/// The snapshot that RDS shows under the wait's own name.
pub(super) async fn ask<W: Permissions>(
    world: &W,
    wait: &Wait,
) -> Result<Option<Snapshot>, WorkError> {
    let id = SnapshotId::of(&wait.resource);
    let (region, family) = (wait.resource.region(), wait.resource.family());
    let found = world
        .describe_snapshots(region, family, &[id])
        .await
        .map_err(not_told)?;
    Ok(found
        .into_iter()
        .find(|snapshot| snapshot.arn == wait.resource))
}

async fn by_what_exists<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    wait: &Wait,
    found: Option<&Snapshot>,
) -> Result<AttemptOutcome, WorkError> {
    match name_conflict(wait, found, &worker_config.rules) {
        NameConflict::AskAgain => Err(WorkError::NotShownYet(wait.resource.clone())),
        NameConflict::Wait => {
            mark(world, wait, Phase::Requested).await?;
            Ok(AttemptOutcome::Done(CommandOutcome::Waiting))
        }
        NameConflict::Settle => {
            match settle(wait, found, &worker_config.rules, Look::Hint, world.now()) {
                Verdict::Succeed(manifest) => {
                    let ended = conclude::succeed(world, wait, &manifest).await?;
                    Ok(AttemptOutcome::Done(CommandOutcome::Settled(
                        ended.settlement,
                    )))
                }
                Verdict::Fail(failure) => give_up(world, wait, failure)
                    .await
                    .map(AttemptOutcome::Done),
                Verdict::KeepWaiting { .. } => Err(WorkError::NotShownYet(wait.resource.clone())),
            }
        }
        NameConflict::NextAttempt => Ok(AttemptOutcome::NextAttempt),
        NameConflict::Fail(failure) => give_up(world, wait, failure)
            .await
            .map(AttemptOutcome::Done),
    }
}

/// RDS copies no more of this family at once. The copy gives its slot back and waits in the queue, and Snapferry remembers
/// how many were in flight. The refusal says nothing about an earlier call, so RDS is asked first: a copy that RDS makes
/// already keeps its slot.
async fn limited<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    wait: &Wait,
) -> Result<AttemptOutcome, WorkError> {
    if let Some(found) = ask(world, wait).await? {
        return by_what_exists(world, worker_config, wait, Some(&found)).await;
    }
    if give_slot_back(world, worker_config, wait).await? {
        slots::refused(world, wait.resource.family()).await?;
    }
    queue(world, wait).await.map(AttemptOutcome::Done)
}

/// `SnapshotQuotaExceeded` means too many copies in flight or too many snapshots. The account's quota says which.
async fn ask_quota<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    wait: &Wait,
    error: RdsError,
) -> Result<AttemptOutcome, WorkError> {
    let quota = world
        .describe_snapshot_quota(wait.resource.region(), wait.resource.family())
        .await
        .map_err(not_told)?;
    match quota {
        None => Err(WorkError::Rds(error)),
        Some(quota) if quota.used >= quota.max => Err(WorkError::Parked {
            remedy: Remedy::RaiseQuota,
            source: error,
        }),
        Some(_) => limited(world, worker_config, wait).await,
    }
}
