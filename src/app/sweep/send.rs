//! Sends commands again: of queued copies that get a slot, and of registered waits whose messages have expired.

use tracing::info;

use crate::app::conclude;
use crate::app::hearing::is_dead;
use crate::app::slots;
use crate::domain::run::slot_limits::CopySlots;
use crate::domain::run::taken_slots::SeenSlot;
use crate::domain::run::wait::{Phase, Wait};
use crate::ports::{
    Clock, HandOutSlot, HearDead, LearnLimits, PortError, Probe, ProbeToken, ReadSlots,
    SendCommand, Waits,
};

/// Whether somebody still sleeps on the wait's token. A wait that nobody awaits is forgotten, once two sweeps, or a
/// worker and a sweep, have heard so.
async fn is_awaited<W: Clock + HearDead + ProbeToken + Waits>(
    world: &W,
    occasion: &str,
    wait: &Wait,
) -> Result<bool, PortError> {
    let probe = world.send_task_heartbeat(&wait.command.token).await;
    if matches!(probe, Probe::Invalid) {
        conclude::alarm_at_invalid_token(wait);
    }
    match probe {
        Probe::Alive => Ok(true),
        Probe::Dead | Probe::Invalid => {
            if !is_dead(world, &wait.command.token, occasion).await? {
                return Ok(false);
            }
            info!(resource = %wait.resource, execution = %wait.command.execution, "nobody awaits it any more");
            world.forget(&wait.resource, &wait.command.token).await?;
            Ok(false)
        }
        Probe::Unknown(error) => Err(error),
    }
}

/// What became of a planned hand-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HandedOut {
    /// The copy holds the slot, and its command was sent.
    Sent,
    /// Its token is dead. Another copy may have the slot.
    NotAwaited,
    /// Somebody else was faster.
    Missed,
}

/// Claims a slot for a queued copy, and sends its command again. The wait stays queued until the worker has the command,
/// so a later sweep repeats a hand-over that was lost.
pub(super) async fn hand_out<W>(
    world: &W,
    copy_slots: CopySlots,
    occasion: &str,
    wait: &Wait,
    seen: SeenSlot,
) -> Result<HandedOut, PortError>
where
    W: Clock + HandOutSlot + HearDead + LearnLimits + ProbeToken + ReadSlots + SendCommand + Waits,
{
    if !is_awaited(world, occasion, wait).await? {
        return Ok(HandedOut::NotAwaited);
    }
    let limits = wait.command.run.slot_limits(copy_slots);
    if !slots::hand_out(world, &wait.resource, limits, seen).await? {
        return Ok(HandedOut::Missed);
    }
    world.send_command(&wait.command).await?;
    Ok(HandedOut::Sent)
}

/// Sends the command of a registered wait again, once in a message's lifetime. Where its message does rest with
/// the dead letters, a replay finds the work done or under way.
pub(super) async fn send_again<W>(world: &W, occasion: &str, wait: &Wait) -> Result<bool, PortError>
where
    W: Clock + HearDead + ProbeToken + SendCommand + Waits,
{
    if !is_awaited(world, occasion, wait).await? {
        return Ok(false);
    }
    world.send_command(&wait.command).await?;
    let (resource, token) = (&wait.resource, &wait.command.token);
    world
        .set_phase(resource, token, Phase::Registered, world.now())
        .await?;
    info!(resource = %wait.resource, execution = %wait.command.execution, "sent again");
    Ok(true)
}
