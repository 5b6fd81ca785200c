//! What the worker does about a refusal: one owner for each.

use tracing::warn;

use crate::app::conclude;
use crate::app::work::config::Desk;
use crate::app::work::expired::expired;
use crate::app::work::give_up::give_up;
use crate::app::work::outcome::{Tried, WorkError, Worked, not_told};
use crate::app::work::permissions::Permissions;
use crate::app::work::register::{mark, queue};
use crate::domain::id::names::SnapshotId;
use crate::domain::limits::HINT_RECHECKS;
use crate::domain::run::existing::{Existing, existing};
use crate::domain::run::failure::{Failure, Owner, Remedy};
use crate::domain::run::settle::{Verdict, settle};
use crate::domain::run::wait::{Phase, Wait};
use crate::ports::RdsError;

/// One owner for each refusal. The slot stays: another delivery of the same command, or an earlier call whose
/// answer was lost, may have RDS copying all the same. Only the sweeper, which asks RDS, frees it.
pub(super) async fn refused<W: Permissions>(
    world: &W,
    desk: &Desk,
    wait: &Wait,
    receives: u32,
    error: RdsError,
) -> Result<Tried, WorkError> {
    match error.owner() {
        Owner::AskWhatExists => ask_what_exists(world, desk, wait).await,
        Owner::AskQuota => ask_quota(world, wait, error).await.map(Tried::Done),
        Owner::LookAgain(_) if receives <= HINT_RECHECKS => Err(WorkError::Rds(error)),
        Owner::LookAgain(reason) => match &wait.command.run.extras.automated {
            Some(of) => expired(world, desk, wait, of).await.map(Tried::Done),
            None => {
                let failure = Failure::new(reason, error.to_string());
                give_up(world, wait, failure).await.map(Tried::Done)
            }
        },
        Owner::StateMachine(reason) | Owner::Permanent(reason) => {
            let failure = Failure::new(reason, error.to_string());
            give_up(world, wait, failure).await.map(Tried::Done)
        }
        Owner::Park(remedy) => {
            warn!(resource = %wait.resource, remedy = remedy.sentence(), "parked");
            Err(WorkError::Parked {
                remedy,
                source: error,
            })
        }
        Owner::Transient => Err(WorkError::Rds(error)),
    }
}

/// "Already exists" is a question: what is there under the name?
async fn ask_what_exists<W: Permissions>(
    world: &W,
    desk: &Desk,
    wait: &Wait,
) -> Result<Tried, WorkError> {
    let id = SnapshotId::of(&wait.resource);
    let (region, family) = (wait.resource.region(), wait.resource.family());
    let found = world
        .describe_snapshots(region, family, &[id])
        .await
        .map_err(not_told)?;
    let found = found.iter().find(|snapshot| snapshot.arn == wait.resource);
    match existing(wait, found, &desk.rules) {
        Existing::AskAgain => Err(WorkError::NotShownYet(wait.resource.clone())),
        Existing::Wait => {
            mark(world, wait, Phase::Requested).await?;
            Ok(Tried::Done(Worked::Waiting))
        }
        Existing::Settle => match settle(wait, found, &desk.rules, world.now()) {
            Verdict::Succeed(manifest) => Ok(Tried::Done(Worked::Settled(
                conclude::succeed(world, wait, &manifest).await?,
            ))),
            Verdict::Fail(failure) => give_up(world, wait, failure).await.map(Tried::Done),
            Verdict::KeepWaiting { .. } => Err(WorkError::NotShownYet(wait.resource.clone())),
        },
        Existing::NextAttempt => Ok(Tried::NextAttempt),
        Existing::Fail(failure) => give_up(world, wait, failure).await.map(Tried::Done),
    }
}

/// `SnapshotQuotaExceeded` means too many copies in flight, or too many snapshots: the figures tell.
async fn ask_quota<W: Permissions>(
    world: &W,
    wait: &Wait,
    error: RdsError,
) -> Result<Worked, WorkError> {
    let quota = world
        .describe_snapshot_quota(wait.resource.region(), wait.resource.family())
        .await
        .map_err(not_told)?;
    if quota.is_some_and(|quota| quota.used >= quota.max) {
        return Err(WorkError::Parked {
            remedy: Remedy::RaiseQuota,
            source: error,
        });
    }
    queue(world, wait).await
}
