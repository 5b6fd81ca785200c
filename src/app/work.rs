//! The worker: registers the wait, then calls RDS.

mod aim;
pub mod batch;
mod config;
mod copy_source;
mod expired;
mod give_up;
mod named;
mod outcome;
mod permissions;
mod refused;
mod register;
mod source;

use tracing::warn;

use crate::domain::id::names::Attempt;
use crate::domain::run::command::{Command, Step};
use crate::domain::run::failure::{Failure, Reason};
use crate::domain::run::wait::{Phase, Wait};
use crate::error::chain;
use crate::ports::Probe;

use aim::Aim;
use copy_source::Source;
use expired::expired;
use give_up::give_up;
use outcome::Tried;
use refused::refused;
use register::{Registration, mark, next_attempt, queue, register};
use source::{no_source, source};

pub use config::Desk;
pub use outcome::{WorkError, Worked};
pub use permissions::{ACTIONS, Permissions};

/// Does what a command asks. `receives` says how often its message has come (from 1).
///
/// # Errors
/// The command must be tried again, now or when a person has mended something.
pub async fn work<W: Permissions>(
    world: &W,
    desk: &Desk,
    command: &Command,
    receives: u32,
) -> Result<Worked, WorkError> {
    match world.send_task_heartbeat(&command.token).await {
        Probe::Alive => {}
        Probe::Dead => {
            return Ok(Worked::Stale);
        }
        Probe::Invalid => return Err(WorkError::InvalidToken),
        Probe::Unknown(error) => return Err(WorkError::Probe(error)),
    }
    let automated = command.run.extras.automated.as_ref();
    let aim = match (command.step, automated) {
        (Step::Snapshot, Some(of)) => return named::see(world, desk, command, of, receives).await,
        (Step::Snapshot, None) => Aim::Snapshot,
        (Step::Copy, _) => match source(world, desk, command, receives).await? {
            Source::Found(copy_of) => Aim::Copy(copy_of),
            Source::Expired(of) => {
                let wait = named::wait(world, command, &of);
                return expired(world, desk, &wait, &of).await;
            }
            Source::None => return no_source(world, desk, command, receives).await,
            Source::Unfit(failure) => {
                let wait = Aim::Snapshot.wait(desk, command, Attempt::FIRST, world.now());
                return give_up(world, &wait, failure).await;
            }
        },
    };
    let first = aim.wait(desk, command, Attempt::FIRST, world.now());
    let mut wait = match register(world, &first).await? {
        Registration::Act(wait) => *wait,
        Registration::UnderWay => return Ok(Worked::Waiting),
        Registration::Stale => return Ok(Worked::Stale),
        Registration::AlreadyAwaited(by) => {
            let cause = format!("{by} awaits {}", first.resource);
            return give_up(world, &first, Failure::new(Reason::AlreadyAwaited, cause)).await;
        }
    };
    loop {
        let tried = act(world, desk, &aim, &wait, receives).await;
        if let Err(error) = &tried {
            note(world, &wait, error).await;
        }
        if let Tried::Done(worked) = tried? {
            return Ok(worked);
        }
        let Some(next) = next_attempt(world, &wait).await? else {
            let cause = format!("every attempt at {} has come to nothing", first.resource);
            return give_up(world, &wait, Failure::new(Reason::AttemptsExhausted, cause)).await;
        };
        wait = next;
    }
}

async fn act<W: Permissions>(
    world: &W,
    desk: &Desk,
    aim: &Aim,
    wait: &Wait,
    receives: u32,
) -> Result<Tried, WorkError> {
    let limits = wait.command.run.slot_limits(desk.copy_slots);
    if aim.is_copy() && !world.claim_slot(&wait.resource, &limits).await? {
        return queue(world, wait).await.map(Tried::Done);
    }
    match aim.ask_rds(world, desk, wait).await {
        Ok(()) => {
            mark(world, wait, Phase::Requested).await?;
            Ok(Tried::Done(Worked::Waiting))
        }
        Err(error) => refused(world, desk, wait, receives, error).await,
    }
}

/// Says in the wait why its command stays in the queue, for `waits` and `replay`. Nothing depends on it: where
/// it cannot be noted, or the wait is settled or another's by now, the command is tried again all the same.
async fn note<W: Permissions>(world: &W, wait: &Wait, error: &WorkError) {
    let trouble = error.trouble(world.now());
    let noted = world.note_trouble(&wait.resource, &wait.command.token, &trouble);
    if let Err(error) = noted.await {
        warn!(resource = %wait.resource, error = chain(&error), "a trouble could not be noted");
    }
}
