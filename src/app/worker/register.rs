//! Registers a wait before RDS is called. The live token wins.

use jiff::{SignedDuration, Timestamp};
use tracing::info;

use crate::app::conclude;
use crate::app::hearing::{by_receive, is_dead};
use crate::app::worker::outcome::{CommandOutcome, WorkError};
use crate::app::worker::permissions::Permissions;
use crate::domain::id::arn::{ExecutionArn, RdsArn};
use crate::domain::id::names::Attempt;
use crate::domain::run::naming;
use crate::domain::run::wait::{Phase, Wait};
use crate::ports::{Occupant, PortError, Probe, Written};

/// The least time between two registrations of a wait: the table stores milliseconds.
const ONE_MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

/// The result of registering a wait.
pub(super) enum Registration {
    /// This wait is stored, so the worker may call RDS now.
    Act(Box<Wait>),
    /// RDS has accepted the request already.
    UnderWay,
    /// Another token of the execution is alive.
    Stale,
    /// This other execution waits for the same resource and is alive.
    AlreadyAwaited(ExecutionArn),
    /// The last attempt is being removed.
    Exhausted,
}

/// Stores the wait before RDS is called. If another token is stored, the live one wins. If the command's own token is
/// stored, its wait may have reached a later attempt, and the worker goes on with that attempt. It also goes on with the
/// attempt of a wait whose token is dead, and with the one after an attempt that is being removed.
pub(super) async fn register<W: Permissions>(
    world: &W,
    wait: &Wait,
    receives: u32,
) -> Result<Registration, WorkError> {
    let stored = match world.register(wait).await? {
        None => return Ok(Registration::Act(Box::new(wait.clone()))),
        Some(Occupant::Wait(stored)) => *stored,
        Some(Occupant::Removal(removed)) => return go_past_removal(world, wait, &removed).await,
    };
    if stored.command.token == wait.command.token {
        return match stored.phase {
            Phase::Requested | Phase::Seen => Ok(Registration::UnderWay),
            Phase::Queued | Phase::Registered => {
                // Renew the time, so that the sweeper does not take the slot away from a worker that is still busy.
                // If the wait has gone meanwhile, somebody else has settled it or taken it over. Acting now would
                // be acting without a wait.
                let next = stored.since.saturating_add(ONE_MILLISECOND);
                let renewed = Wait {
                    phase: Phase::Registered,
                    since: world.now().max(next.unwrap_or(Timestamp::MAX)),
                    ..stored
                };
                match renew(world, &renewed).await? {
                    Written::Stored => Ok(Registration::Act(Box::new(renewed))),
                    Written::Conflict => Err(WorkError::Contended(wait.resource.clone())),
                }
            }
        };
    }
    let probe = world.send_task_heartbeat(&stored.command.token).await;
    if matches!(probe, Probe::Invalid) {
        conclude::alarm_at_invalid_token(&stored);
    }
    match probe {
        Probe::Alive if stored.command.execution == wait.command.execution => {
            Ok(Registration::Stale)
        }
        Probe::Alive => Ok(Registration::AlreadyAwaited(stored.command.execution)),
        Probe::Dead | Probe::Invalid => {
            if !is_dead(world, &stored.command.token, &by_receive(receives)).await? {
                return Err(WorkError::HeardDeadOnce);
            }
            // The attempts before the stored one have failed, and RDS may be at work on the stored one. Beginning
            // again with the first could have two attempts in flight in one slot.
            let wait = Wait {
                resource: stored.resource.clone(),
                ..wait.clone()
            };
            match world.replace(&wait, &stored).await? {
                Written::Stored => Ok(Registration::Act(Box::new(wait))),
                Written::Conflict => Err(WorkError::Contended(wait.resource)),
            }
        }
        Probe::Unknown(error) => Err(WorkError::Probe(error)),
    }
}

/// An attempt that is being removed counts as one that came to nothing. Its name is not asked for again: the pruner's
/// delete may still be on its way, and would take what is made under that name.
async fn go_past_removal<W: Permissions>(
    world: &W,
    wait: &Wait,
    removed: &RdsArn,
) -> Result<Registration, WorkError> {
    let Some(attempt) = Attempt::of(removed).next() else {
        return Ok(Registration::Exhausted);
    };
    let wait = Wait {
        resource: naming::nth_attempt(&wait.resource, attempt),
        ..wait.clone()
    };
    info!(%removed, resource = %wait.resource, "an attempt is being removed; the next one is made");
    match world.register_past_removal(&wait, removed).await? {
        Written::Stored => Ok(Registration::Act(Box::new(wait))),
        Written::Conflict => Err(WorkError::Contended(wait.resource)),
    }
}

/// Moves a wait on to its next attempt in one write, so that the token never has two waits and a second delivery of the
/// command always finds one. Returns nothing after the last attempt.
pub(super) async fn next_attempt<W: Permissions>(
    world: &W,
    wait: &Wait,
) -> Result<Option<Wait>, WorkError> {
    let Some(attempt) = Attempt::of(&wait.resource).next() else {
        return Ok(None);
    };
    let next = Wait {
        resource: naming::nth_attempt(&wait.resource, attempt),
        phase: Phase::Registered,
        since: world.now(),
        absent: false,
        last_error: None,
        ..wait.clone()
    };
    match world.replace(&next, wait).await? {
        Written::Stored => Ok(Some(next)),
        // Another delivery of the command has moved the wait on.
        Written::Conflict => Err(WorkError::Contended(next.resource)),
    }
}

pub(super) async fn mark<W: Permissions>(
    world: &W,
    wait: &Wait,
    phase: Phase,
) -> Result<(), WorkError> {
    // A conflict means that an event was faster and settled the wait, or that a newer token took it over.
    set_phase(world, wait, phase).await?;
    Ok(())
}

async fn set_phase<W: Permissions>(
    world: &W,
    wait: &Wait,
    phase: Phase,
) -> Result<Written, PortError> {
    world
        .set_phase(&wait.resource, &wait.command.token, phase, world.now())
        .await
}

/// Writes the wait's phase with its time.
async fn renew<W: Permissions>(world: &W, wait: &Wait) -> Result<Written, PortError> {
    world
        .set_phase(&wait.resource, &wait.command.token, wait.phase, wait.since)
        .await
}

pub(super) async fn queue<W: Permissions>(
    world: &W,
    wait: &Wait,
) -> Result<CommandOutcome, WorkError> {
    // A conflict means the same as in `mark`.
    world.queue_copy(wait, world.now()).await?;
    info!(resource = %wait.resource, "no copy slot is free; queued");
    Ok(CommandOutcome::Queued)
}
