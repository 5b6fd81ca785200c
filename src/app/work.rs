//! The worker: registers the wait, then calls RDS.

use thiserror::Error;
use tracing::{info, warn};

use crate::app::batch::chain;
use crate::app::conclude;
use crate::domain::arn::{RdsArn, Region};
use crate::domain::command::{Command, Run, Step};
use crate::domain::existing::{Existing, existing};
use crate::domain::failure::{Failure, Owner, Reason, Remedy};
use crate::domain::limits::HINT_RECHECKS;
use crate::domain::names::{self, Attempt, SnapshotId};
use crate::domain::settle::{Verdict, settle};
use crate::domain::snapshot::SnapshotStatus;
use crate::domain::tags::{self, Tags};
use crate::domain::trouble::Trouble;
use crate::domain::wait::{CopyOf, Expectation, Phase, Rules, Wait};
use crate::ports::{
    Callbacks, ClaimSlot, Clock, CopySnapshot, CopySnapshotRequest, CreateSnapshot,
    CreateSnapshotRequest, DescribeQuota, DescribeSnapshots, LookUpWaits, NoteTrouble, PortError,
    Probe, ProbeToken, RdsError, RecordRecoveryPoint, Waits, Written,
};

/// Everything that the worker may do.
pub trait Permissions:
    Callbacks
    + ClaimSlot
    + Clock
    + CopySnapshot
    + CreateSnapshot
    + DescribeQuota
    + DescribeSnapshots
    + LookUpWaits
    + NoteTrouble
    + ProbeToken
    + RecordRecoveryPoint
    + Waits
{
}

impl<W> Permissions for W where
    W: Callbacks
        + ClaimSlot
        + Clock
        + CopySnapshot
        + CreateSnapshot
        + DescribeQuota
        + DescribeSnapshots
        + LookUpWaits
        + NoteTrouble
        + ProbeToken
        + RecordRecoveryPoint
        + Waits
{
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
    let (aim, first) = match command.step {
        Step::Snapshot => (Aim { copy_of: None }, Attempt::FIRST),
        Step::Copy => match source(world, desk, command).await? {
            Some((copy_of, first)) => {
                let copy_of = Some(copy_of);
                (Aim { copy_of }, first)
            }
            None => return no_source(world, desk, command, receives).await,
        },
    };
    for attempt in Attempt::all().filter(|attempt| *attempt >= first) {
        let wait = aim.wait(desk, command, attempt, world.now());
        match try_attempt(world, desk, &aim, wait).await? {
            Tried::Done(worked) => return Ok(worked),
            Tried::NextAttempt => {}
        }
    }
    let wait = aim.wait(desk, command, Attempt::FIRST, world.now());
    let cause = format!("every attempt at {} has come to nothing", wait.resource);
    give_up(world, &wait, Failure::new(Reason::AttemptsExhausted, cause)).await
}

/// What a command is after: the same for all its attempts.
struct Aim {
    copy_of: Option<CopyOf>,
}

impl Aim {
    fn id(&self, desk: &Desk, run: &Run, attempt: Attempt) -> SnapshotId {
        let stack = &desk.rules.stack;
        match &self.copy_of {
            None => names::source_snapshot(stack, run, attempt),
            Some(copy_of) => names::copy(stack, run, &SnapshotId::of(&copy_of.source), attempt),
        }
    }

    fn expected(&self) -> Expectation {
        self.copy_of
            .clone()
            .map_or(Expectation::Snapshot, Expectation::Copy)
    }

    fn wait(&self, desk: &Desk, command: &Command, attempt: Attempt, now: jiff::Timestamp) -> Wait {
        let run = &command.run;
        let region = if self.copy_of.is_some() {
            &desk.home
        } else {
            run.database.arn.region()
        };
        let resource = run
            .database
            .arn
            .sibling_snapshot(region, &self.id(desk, run, attempt));
        Wait::new(resource, command.clone(), self.expected(), now)
    }

    fn tags(&self, desk: &Desk, command: &Command) -> Tags {
        let run = &command.run;
        let name = names::execution(&desk.rules.stack, run, Attempt::FIRST);
        let mut tags = Tags::from([
            (tags::STACK.to_owned(), desk.rules.stack.to_string()),
            (tags::DATABASE.to_owned(), run.database.arn.to_string()),
            (
                tags::RESOURCE_ID.to_owned(),
                run.database.resource_id.to_string(),
            ),
            (tags::POLICY.to_owned(), run.policy.to_string()),
            (tags::RUN.to_owned(), name.to_string()),
        ]);
        if let Some(copy_of) = &self.copy_of {
            tags.insert(tags::SOURCE.to_owned(), copy_of.source.to_string());
            if let Some(taken_at) = copy_of.taken_at {
                tags.insert(tags::TAKEN_AT.to_owned(), taken_at.to_string());
            }
        }
        tags
    }
}

enum Tried {
    Done(Worked),
    NextAttempt,
}

/// One attempt: register, then act.
async fn try_attempt<W: Permissions>(
    world: &W,
    desk: &Desk,
    aim: &Aim,
    wait: Wait,
) -> Result<Tried, WorkError> {
    match register(world, &wait).await? {
        Registration::Act => {}
        Registration::UnderWay => return Ok(Tried::Done(Worked::Waiting)),
        Registration::Stale => return Ok(Tried::Done(Worked::Stale)),
        Registration::AlreadyAwaited(by) => {
            let failure = Failure::new(
                Reason::AlreadyAwaited,
                format!("{by} awaits {}", wait.resource),
            );
            return give_up(world, &wait, failure).await.map(Tried::Done);
        }
    }
    let tried = act(world, desk, aim, &wait).await;
    if let Err(error) = &tried {
        note(world, &wait, error).await;
    }
    tried
}

async fn act<W: Permissions>(
    world: &W,
    desk: &Desk,
    aim: &Aim,
    wait: &Wait,
) -> Result<Tried, WorkError> {
    if aim.copy_of.is_some() && !world.claim_slot(&wait.resource, desk.copy_slots).await? {
        return queue(world, wait).await.map(Tried::Done);
    }
    match ask_rds(world, aim, desk, wait).await {
        Ok(()) => {
            mark(world, wait, Phase::Requested).await?;
            Ok(Tried::Done(Worked::Waiting))
        }
        Err(error) => refused(world, desk, wait, error).await,
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

enum Registration {
    Act,
    UnderWay,
    Stale,
    AlreadyAwaited(String),
}

/// Stores the wait before RDS is called. Where another token is stored, the live one wins.
async fn register<W: Permissions>(world: &W, wait: &Wait) -> Result<Registration, WorkError> {
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
        Probe::Alive => Ok(Registration::AlreadyAwaited(
            stored.command.execution.to_string(),
        )),
        Probe::Dead | Probe::Invalid => match world.replace(wait, &stored.command.token).await? {
            Written::Stored => Ok(Registration::Act),
            Written::Conflict => Err(WorkError::Contended(wait.resource.clone())),
        },
        Probe::Unknown(error) => Err(WorkError::Probe(error)),
    }
}

async fn mark<W: Permissions>(world: &W, wait: &Wait, phase: Phase) -> Result<(), WorkError> {
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

async fn queue<W: Permissions>(world: &W, wait: &Wait) -> Result<Worked, WorkError> {
    mark(world, wait, Phase::Queued).await?;
    info!(resource = %wait.resource, "no copy slot is free; queued");
    Ok(Worked::Queued)
}

async fn ask_rds<W: Permissions>(
    world: &W,
    aim: &Aim,
    desk: &Desk,
    wait: &Wait,
) -> Result<(), RdsError> {
    let id = SnapshotId::of(&wait.resource);
    let tags = aim.tags(desk, &wait.command);
    match &aim.copy_of {
        None => {
            let database = wait.command.run.database.arn.clone();
            world
                .create_db_snapshot(&CreateSnapshotRequest { database, id, tags })
                .await
        }
        Some(copy_of) => {
            let request = CopySnapshotRequest {
                region: desk.home.clone(),
                source: copy_of.source.clone(),
                id,
                key: copy_of.key.clone(),
                tags,
            };
            world.copy_db_snapshot(&request).await
        }
    }
}

/// One owner for each refusal. The slot stays: another delivery of the same command, or an earlier call whose
/// answer was lost, may have RDS copying all the same. Only the sweeper, which asks RDS, frees it.
async fn refused<W: Permissions>(
    world: &W,
    desk: &Desk,
    wait: &Wait,
    error: RdsError,
) -> Result<Tried, WorkError> {
    let owner = error.owner();
    match owner {
        Owner::AskWhatExists => ask_what_exists(world, desk, wait).await,
        Owner::AskQuota => ask_quota(world, wait, error).await.map(Tried::Done),
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

/// A describe call that did not come through: parked where a person must mend something first.
fn not_told(error: RdsError) -> WorkError {
    match error.owner() {
        Owner::Park(remedy) => WorkError::Parked {
            remedy,
            source: error,
        },
        _ => WorkError::Rds(error),
    }
}

/// "Already exists" is a question: what is there under the name?
async fn ask_what_exists<W: Permissions>(
    world: &W,
    desk: &Desk,
    wait: &Wait,
) -> Result<Tried, WorkError> {
    let id = SnapshotId::of(&wait.resource);
    let found = world
        .describe_db_snapshots(wait.resource.region(), &[id])
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
        Existing::NextAttempt => {
            world.forget(&wait.resource, &wait.command.token).await?;
            Ok(Tried::NextAttempt)
        }
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
        .describe_snapshot_quota(wait.resource.region())
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

async fn give_up<W: Permissions>(
    world: &W,
    wait: &Wait,
    failure: Failure,
) -> Result<Worked, WorkError> {
    Ok(Worked::Settled(
        conclude::fail(world, wait, &failure).await?,
    ))
}

/// What to copy, and from which attempt on. A command that comes again, from the queue for slots above all,
/// finds both in its own wait; a new one asks RDS and begins with the first attempt.
///
/// A later attempt's wait is there only after the ones before have come to nothing. To begin with the first
/// again would ask for a second slot while this attempt holds one, and with all slots held so, nobody would move.
async fn source<W: Permissions>(
    world: &W,
    desk: &Desk,
    command: &Command,
) -> Result<Option<(CopyOf, Attempt)>, WorkError> {
    let run = &command.run;
    let stack = &desk.rules.stack;
    let sources: Vec<SnapshotId> = Attempt::all()
        .map(|attempt| names::source_snapshot(stack, run, attempt))
        .collect();
    let copies: Vec<(RdsArn, Attempt)> = sources
        .iter()
        .flat_map(|source| Attempt::all().map(move |attempt| (source, attempt)))
        .map(|(source, attempt)| (names::copy(stack, run, source, attempt), attempt))
        .map(|(id, attempt)| (run.database.arn.sibling_snapshot(&desk.home, &id), attempt))
        .collect();
    let keys: Vec<RdsArn> = copies.iter().map(|(copy, _)| copy.clone()).collect();
    let waits = world.look_up(&keys).await?;
    let mine = waits
        .into_iter()
        .filter(|wait| wait.command.token == command.token)
        .filter_map(|wait| {
            let (_, attempt) = copies.iter().find(|(copy, _)| *copy == wait.resource)?;
            Some((wait.expected, *attempt))
        })
        .max_by_key(|(_, attempt)| *attempt);
    if let Some((Expectation::Copy(copy_of), attempt)) = mine {
        return Ok(Some((copy_of, attempt)));
    }
    let copy_of = ask_for_source(world, desk, run, &sources).await?;
    Ok(copy_of.map(|copy_of| (copy_of, Attempt::FIRST)))
}

/// The newest attempt at the run's source snapshot that is available, of all names it may have.
async fn ask_for_source<W: Permissions>(
    world: &W,
    desk: &Desk,
    run: &Run,
    ids: &[SnapshotId],
) -> Result<Option<CopyOf>, WorkError> {
    let region = run.database.arn.region();
    let found = world
        .describe_db_snapshots(region, ids)
        .await
        .map_err(not_told)?;
    let available = found
        .into_iter()
        .filter(|snapshot| snapshot.is_ours(&desk.rules.stack, &run.database))
        .filter(|snapshot| snapshot.status == SnapshotStatus::Available);
    Ok(available
        .max_by_key(|snapshot| snapshot.arn.clone())
        .map(|snapshot| CopyOf {
            source: snapshot.arn,
            key: run.key.clone(),
            engine: snapshot.engine,
            size_gib: snapshot.size_gib,
            taken_at: snapshot.taken_at,
        }))
}

/// The step before has succeeded, so an available source was there. The first few receives take it that RDS's
/// answer lags behind; then the source counts as gone.
async fn no_source<W: Permissions>(
    world: &W,
    desk: &Desk,
    command: &Command,
    receives: u32,
) -> Result<Worked, WorkError> {
    let wait = Aim { copy_of: None }.wait(desk, command, Attempt::FIRST, world.now());
    if receives <= HINT_RECHECKS {
        return Err(WorkError::NotShownYet(wait.resource));
    }
    let cause = format!(
        "RDS shows neither {} nor a later attempt as available",
        wait.resource
    );
    give_up(world, &wait, Failure::new(Reason::SourceMissing, cause)).await
}
