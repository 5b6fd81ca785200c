//! Ends a wait: sends the result to Step Functions and deletes the wait.

use tracing::{error, info, warn};

use crate::domain::id::arn::KeyArn;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::retention::entered::Entered;
use crate::domain::run::command::Step;
use crate::domain::run::failure::{Failure, Reason};
use crate::domain::run::manifest::Manifest;
use crate::domain::run::settle::{Look, Verdict, settle};
use crate::domain::run::wait::{Expectation, Phase, Rules, Wait};
use crate::ports::{
    Callbacks, Clock, Delivery, EnterCopies, ForgetIdle, PortError, RecordRecoveryPoint, Waits,
    Written,
};

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Step Functions took the success.
    Succeeded,
    /// Step Functions took the failure.
    Failed,
    /// No task waits with this token any more: it was answered before, or its task has ended.
    NobodyWaited,
    /// Step Functions does not know the token that Snapferry stored. A CloudWatch alarm watches for this.
    InvalidToken,
}

/// A wait that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub settlement: Settlement,
    /// Whether this caller has deleted the wait: then the slot of its copy is this caller's to hand on.
    pub is_deleted: bool,
}

/// Tells the execution that its snapshot or copy is good, records a good copy in the catalog, and deletes the wait.
///
/// It may run twice without harm. It deletes the wait last, and only if the wait still holds the settled token. If a
/// call fails before that, the wait stays, and the next hint or sweep tries again. It records the copy in the
/// catalog even if no task waits any more, because the copy is still good.
///
/// # Errors
/// If a call failed. The wait is still there then.
pub async fn succeed<W>(world: &W, wait: &Wait, manifest: &Manifest) -> Result<Ended, PortError>
where
    W: Callbacks + Clock + EnterCopies + Waits + RecordRecoveryPoint,
{
    let delivery = world.send_task_success(&wait.command.token, manifest).await;
    let settlement = settlement(wait, delivery, Settlement::Succeeded)?;
    if wait.command.step == Step::Copy {
        world
            .record_recovery_point(&wait.command.run, &wait.command.execution, manifest)
            .await?;
        record_result(world, wait, manifest.key.clone(), None).await?;
    }
    let is_deleted = world.forget(&wait.resource, &wait.command.token).await?;
    info!(resource = %wait.resource, execution = %wait.command.execution, outcome = ?settlement, "settled");
    Ok(Ended {
        settlement,
        is_deleted,
    })
}

/// Tells the execution why its snapshot or copy will never be there, and deletes the wait.
///
/// # Errors
/// If a call failed. The wait is still there then.
pub async fn fail<W>(world: &W, wait: &Wait, failure: &Failure) -> Result<Ended, PortError>
where
    W: Callbacks + Clock + EnterCopies + Waits,
{
    let delivery = world.send_task_failure(&wait.command.token, failure).await;
    let settlement = settlement(wait, delivery, Settlement::Failed)?;
    if failure.reason == Reason::CopyMismatch {
        record_result(world, wait, None, Some(failure.cause.clone())).await?;
    }
    let is_deleted = world.forget(&wait.resource, &wait.command.token).await?;
    log_failure(wait, failure, settlement);
    Ok(Ended {
        settlement,
        is_deleted,
    })
}

/// Tells the execution why nothing is done for it. Its wait, if one is stored, is deleted only if nobody has touched it
/// since it was read: another delivery of the command may be at work, and RDS may accept what it asks for. Such a wait keeps
/// its slot, and the sweep settles it.
///
/// # Errors
/// If a call failed. The wait is still there then.
pub async fn refuse<W>(
    world: &W,
    wait: &Wait,
    stored: Option<&Wait>,
    failure: &Failure,
) -> Result<Settlement, PortError>
where
    W: Callbacks + ForgetIdle,
{
    let delivery = world.send_task_failure(&wait.command.token, failure).await;
    let settlement = settlement(wait, delivery, Settlement::Failed)?;
    if let Some(stored) = stored
        && world.forget_idle(stored).await? == Written::Conflict
    {
        info!(resource = %stored.resource, "another delivery of the command is at work; its wait stays");
    }
    log_failure(wait, failure, settlement);
    Ok(settlement)
}

fn log_failure(wait: &Wait, failure: &Failure, settlement: Settlement) {
    warn!(
        resource = %wait.resource,
        execution = %wait.command.execution,
        outcome = ?settlement,
        reason = %failure.reason,
        cause = failure.cause,
        "settled as failed"
    );
}

/// Stores the key or the mismatch of a copy before its wait is deleted. Retention reads it long afterwards.
async fn record_result<W: Clock + EnterCopies>(
    world: &W,
    wait: &Wait,
    key: Option<KeyArn>,
    mismatch: Option<String>,
) -> Result<(), PortError> {
    let Expectation::Copy(expected) = &wait.expected else {
        return Ok(());
    };
    let entered = Entered {
        copy: wait.resource.clone(),
        source: expected.source.clone(),
        key,
        at: world.now(),
        snapshot_done_at: wait
            .command
            .run
            .options
            .automated
            .is_none()
            .then_some(wait.opened_at),
        mismatch,
    };
    world.enter_copy(&entered).await
}

/// Logs that Step Functions does not know a stored token. The template's metric filter looks for these words.
pub(crate) fn alarm_at_invalid_token(wait: &Wait) {
    error!(resource = %wait.resource, "InvalidToken for a token that was stored");
}

fn settlement(
    wait: &Wait,
    delivery: Delivery,
    accepted: Settlement,
) -> Result<Settlement, PortError> {
    match delivery {
        Delivery::Accepted => Ok(accepted),
        Delivery::NobodyWaits => Ok(Settlement::NobodyWaited),
        Delivery::Invalid => {
            alarm_at_invalid_token(wait);
            Ok(Settlement::InvalidToken)
        }
        Delivery::Unknown(error) => Err(error),
    }
}

/// The result of checking a wait against RDS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettleOutcome {
    /// It was settled.
    Settled(Ended),
    /// It stays open: RDS's answer proves nothing yet.
    Kept,
}

/// Decides by RDS's answer whether the wait has succeeded, has failed or goes on, and acts on it.
///
/// # Errors
/// If a call failed. The wait is still there then.
pub async fn judge<W>(
    world: &W,
    rules: &Rules,
    look: Look,
    wait: &Wait,
    snapshot: Option<&Snapshot>,
) -> Result<SettleOutcome, PortError>
where
    W: Callbacks + Clock + EnterCopies + Waits + RecordRecoveryPoint,
{
    match settle(wait, snapshot, rules, look, world.now()) {
        Verdict::Succeed(manifest) => succeed(world, wait, &manifest)
            .await
            .map(SettleOutcome::Settled),
        Verdict::Fail(failure) => fail(world, wait, &failure)
            .await
            .map(SettleOutcome::Settled),
        Verdict::KeepWaiting { seen, absent, why } => {
            if absent != wait.absent {
                world
                    .note_absence(&wait.resource, &wait.command.token, absent)
                    .await?;
            }
            if seen && wait.phase != Phase::Seen {
                world
                    .set_phase(
                        &wait.resource,
                        &wait.command.token,
                        Phase::Seen,
                        world.now(),
                    )
                    .await?;
            }
            info!(resource = %wait.resource, why, "kept waiting");
            Ok(SettleOutcome::Kept)
        }
    }
}
