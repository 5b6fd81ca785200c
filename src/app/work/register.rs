//! Register, then act; the live token wins.

use tracing::info;

use crate::app::conclude;
use crate::app::work::outcome::{WorkError, Worked};
use crate::app::work::permissions::Permissions;
use crate::domain::arn::ExecutionArn;
use crate::domain::wait::{Phase, Wait};
use crate::ports::{PortError, Probe, Written};

/// What came of registering a wait.
pub(super) enum Registration {
    /// It is stored: now RDS may be asked.
    Act,
    /// RDS has been asked already.
    UnderWay,
    /// Another token of the execution is alive.
    Stale,
    /// This other execution awaits it and is alive.
    AlreadyAwaited(ExecutionArn),
}

/// Stores the wait before RDS is called. Where another token is stored, the live one wins.
pub(super) async fn register<W: Permissions>(
    world: &W,
    wait: &Wait,
) -> Result<Registration, WorkError> {
    let Some(stored) = world.register(wait).await? else {
        return Ok(Registration::Act);
    };
    if stored.command.token == wait.command.token {
        return match stored.phase {
            Phase::Requested | Phase::Seen => Ok(Registration::UnderWay),
            Phase::Queued | Phase::Registered => {
                // The time is renewed, so that the sweeper does not take the slot of a worker that is at it.
                // Where the wait has gone meanwhile, another has settled it or taken it over: to act now
                // would be to act without a wait.
                match set_phase(world, wait, Phase::Registered).await? {
                    Written::Stored => Ok(Registration::Act),
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
        Probe::Dead | Probe::Invalid => match world.replace(wait, &stored.command.token).await? {
            Written::Stored => Ok(Registration::Act),
            Written::Conflict => Err(WorkError::Contended(wait.resource.clone())),
        },
        Probe::Unknown(error) => Err(WorkError::Probe(error)),
    }
}

pub(super) async fn mark<W: Permissions>(
    world: &W,
    wait: &Wait,
    phase: Phase,
) -> Result<(), WorkError> {
    // A conflict means that an event was faster and has settled the wait, or that a newer token took it over.
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

pub(super) async fn queue<W: Permissions>(world: &W, wait: &Wait) -> Result<Worked, WorkError> {
    mark(world, wait, Phase::Queued).await?;
    info!(resource = %wait.resource, "no copy slot is free; queued");
    Ok(Worked::Queued)
}
