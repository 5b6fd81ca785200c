//! The worker: registers the wait, then calls RDS.

mod aim;
mod named;
mod refused;
mod register;
mod source;

use thiserror::Error;
use tracing::warn;

use crate::app::batch::chain;
use crate::app::conclude;
use crate::domain::arn::{RdsArn, Region};
use crate::domain::command::{Command, Step};
use crate::domain::failure::{Failure, Reason, Remedy};
use crate::domain::names::Attempt;
use crate::domain::trouble::Trouble;
use crate::domain::wait::{Phase, Rules, Wait};
use crate::ports::{
    AutomatedSnapshots, Callbacks, ClaimRun, ClaimSlot, Clock, CopySnapshot, CreateSnapshot,
    DescribeQuota, DescribeSnapshots, LookUpWaits, NoteTrouble, PortError, Probe, ProbeToken,
    RdsError, RecordRecoveryPoint, StartExecution, Waits,
};

use aim::Aim;
use refused::{give_up, refused};
use register::{Registration, mark, next_attempt, queue, register};
use source::{Source, no_source, source};

permissions! {
    /// Everything that the worker may do.
    Permissions:
        AutomatedSnapshots Callbacks ClaimRun ClaimSlot Clock CopySnapshot CreateSnapshot DescribeQuota
        DescribeSnapshots LookUpWaits NoteTrouble ProbeToken RecordRecoveryPoint StartExecution Waits
}

/// What the worker knows of its stack.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The rules' constants.
    pub rules: Rules,
    /// The recovery region.
    pub home: Region,
    /// How many copies RDS may have in flight.
    pub copy_slots: usize,
}

/// What became of a command that needs no further try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worked {
    /// RDS works on it; an event or the sweep settles it.
    Waiting,
    /// It waits for a copy slot.
    Queued,
    /// It was settled at once.
    Settled(conclude::Concluded),
    /// Its token is dead, or another of its execution is alive: dropped.
    Stale,
}

/// Why a command must be tried again. Its message stays in the queue.
#[derive(Debug, Error)]
pub enum WorkError {
    /// The token is no token of this account and region; only a person can say where it came from.
    #[error("the command's token is not one of Step Functions' (InvalidToken)")]
    InvalidToken,
    /// It cannot be known whether a token is alive.
    #[error("whether the token is alive cannot be known now")]
    Probe(#[source] PortError),
    /// A person must mend something first.
    #[error("parked: {}", .remedy.sentence())]
    Parked {
        /// What to mend.
        remedy: Remedy,
        /// What RDS said.
        source: RdsError,
    },
    /// RDS could not answer now.
    #[error("RDS could not answer now")]
    Rds(#[source] RdsError),
    /// The table or Step Functions could not answer now.
    #[error("the table or Step Functions could not answer now")]
    Port(#[from] PortError),
    /// Somebody else wrote the wait at the same moment.
    #[error("another worker wrote the wait of {0} at the same moment")]
    Contended(RdsArn),
    /// RDS does not show yet what it says is there.
    #[error("RDS does not show {0} yet")]
    NotShownYet(RdsArn),
}

impl WorkError {
    /// Whether the same message can succeed without a person's help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::InvalidToken | Self::Parked { .. })
    }

    /// What a person is told of it.
    #[must_use]
    pub fn trouble(&self, at: jiff::Timestamp) -> Trouble {
        match self {
            Self::Parked { remedy, source } => Trouble::new(Some(*remedy), &chain(source), at),
            other => Trouble::new(None, &chain(other), at),
        }
    }
}

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
                return named::expired(world, desk, &wait, &of).await;
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

enum Tried {
    Done(Worked),
    NextAttempt,
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
