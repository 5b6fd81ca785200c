//! Starts a run. At most one execution of a database and policy is open at a time.

use crate::domain::run::naming;
use std::fmt;

use crate::domain::id::names::{Attempt, ExecutionName};
use crate::domain::id::tags::StackId;
use crate::domain::limits::CLAIM_GRACE;
use crate::domain::run::command::ProtectionRequest;
use crate::ports::{Claim, ClaimRun, Clock, ExecutionState, PortError, StartExecution, Started};

/// The result of starting a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StartOutcome {
    /// This execution was started.
    Started(ExecutionName),
    /// This execution of the same database and policy is still open.
    StillRunning(ExecutionName),
    /// This execution has made the recovery point already.
    Done(ExecutionName),
    /// No execution was started.
    NotStarted(NotStarted),
}

impl fmt::Display for StartOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(name) => write!(f, "started {name}"),
            Self::StillRunning(name) => write!(f, "still running {name}"),
            Self::Done(name) => write!(f, "done by {name}"),
            Self::NotStarted(why) => write!(f, "failed: {why}"),
        }
    }
}

impl From<Taken> for StartOutcome {
    fn from(taken: Taken) -> Self {
        match taken {
            Taken::Running(name) => Self::StillRunning(name),
            Taken::Claimed(name) => Self::NotStarted(NotStarted::Claimed(name)),
        }
    }
}

/// Why no execution was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotStarted {
    /// This execution made its claim a moment ago, and Step Functions does not know it yet.
    Claimed(ExecutionName),
    /// This is the last execution that the run may have. It has failed, like all before it.
    AllFailed(ExecutionName),
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claimed(name) => write!(
                f,
                "{name} has claimed its place a moment ago and is not known to run; the next run of the planner \
                 looks again"
            ),
            Self::AllFailed(last) => write!(
                f,
                "{last} and all executions before it have failed; see why before running it again"
            ),
        }
    }
}

/// The execution that holds the claim of a database and policy instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taken {
    /// This execution is open.
    Running(ExecutionName),
    /// This execution made its claim a moment ago, and Step Functions does not know it yet.
    Claimed(ExecutionName),
}

/// Starts a run, unless another of its database and policy is open. If a failed execution has used up the name, the next
/// suffix is tried.
pub(crate) async fn start<W: ClaimRun + Clock + StartExecution>(
    world: &W,
    stack: &StackId,
    run: &ProtectionRequest,
) -> Result<StartOutcome, PortError> {
    let mut last = naming::execution(stack, run, Attempt::FIRST);
    for attempt in Attempt::all() {
        let name = naming::execution(stack, run, attempt);
        if let Err(taken) = claim(world, run, &name).await? {
            return Ok(taken.into());
        }
        match world.start_execution(&name, run).await? {
            Started::Running => return Ok(StartOutcome::Started(name)),
            Started::NameUsed => match world.describe_execution(&name).await? {
                ExecutionState::Running => return Ok(StartOutcome::StillRunning(name)),
                ExecutionState::Succeeded => {
                    world.release_run(&run.database, &run.policy, &name).await?;
                    return Ok(StartOutcome::Done(name));
                }
                ExecutionState::Failed | ExecutionState::Unknown => last = name,
            },
        }
    }
    world.release_run(&run.database, &run.policy, &last).await?;
    Ok(StartOutcome::NotStarted(NotStarted::AllFailed(last)))
}

/// Claims a database and policy, so that one execution is open at a time. An execution that has ended loses its claim.
/// An execution that Step Functions does not know was never started, or is about to be. Only the age of its claim can
/// prove that it never was: no function lives that long.
pub(crate) async fn claim<W: ClaimRun + Clock + StartExecution>(
    world: &W,
    run: &ProtectionRequest,
    name: &ExecutionName,
) -> Result<Result<(), Taken>, PortError> {
    let first = world.claim_run(run, name, world.now(), None).await?;
    let Claim::HeldBy(held) = first else {
        return Ok(Ok(()));
    };
    let age = held.since.map(|since| world.now().duration_since(since));
    match world.describe_execution(&held.by).await? {
        ExecutionState::Running => return Ok(Err(Taken::Running(held.by))),
        ExecutionState::Unknown if age.is_some_and(|age| age < CLAIM_GRACE) => {
            return Ok(Err(Taken::Claimed(held.by)));
        }
        ExecutionState::Unknown | ExecutionState::Succeeded | ExecutionState::Failed => {}
    }
    let second = world.claim_run(run, name, world.now(), Some(&held)).await?;
    Ok(match second {
        Claim::Ours => Ok(()),
        Claim::HeldBy(other) => Err(Taken::Claimed(other.by)),
    })
}
