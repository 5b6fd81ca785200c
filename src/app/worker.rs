//! The worker: registers the wait, then calls RDS.

mod automated_source;
pub mod batch;
mod config;
mod copy_source;
mod expired;
mod give_up;
mod outcome;
mod permissions;
mod refused;
mod register;
mod remember;
mod source;
mod step_target;

use tracing::warn;

use crate::app::conclude;
use crate::app::hearing::{by_receive, is_dead};
use crate::app::slots;
use crate::domain::id::names::Attempt;
use crate::domain::run::command::{Command, Step};
use crate::domain::run::failure::{Failure, Reason};
use crate::domain::run::permit::{NotPermitted, Permit};
use crate::domain::run::wait::{Phase, Wait};
use crate::error::chain;
use crate::ports::Probe;

use copy_source::Source;
use expired::expired;
use give_up::give_up;
use outcome::AttemptOutcome;
use refused::{ask, refused};
use register::{Registration, mark, next_attempt, queue, register};
use source::{Shown, awaited_source, look_for_sources, no_source, source};
use step_target::StepTarget;

pub use config::WorkerConfig;
pub use outcome::{CommandOutcome, WorkError};
pub use permissions::{ACTIONS, Permissions};

/// Does what a command asks. `receives` says how often its message has come (from 1).
///
/// # Errors
/// The command must be tried again: soon, or after a person has fixed something.
pub async fn work<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    command: &Command,
    receives: u32,
) -> Result<CommandOutcome, WorkError> {
    match prepare(world, worker_config, command, receives).await? {
        Prepared::Done(outcome) => Ok(outcome),
        Prepared::Target(target) => act_on(world, worker_config, command, target, receives).await,
        Prepared::NeedsSource => {
            let shown = look_for_sources(world, worker_config, &[command]).await;
            let shown = shown.into_iter().next().flatten();
            go_on(world, worker_config, command, shown, receives).await
        }
    }
}

/// How far a command comes without a call to RDS that others of its batch could share.
enum Prepared {
    /// It needs no further try.
    Done(CommandOutcome),
    /// What it asks for is known.
    Target(StepTarget),
    /// RDS must be asked for its source.
    NeedsSource,
}

/// Asks whether the command's token is alive, and what the command asks for.
async fn prepare<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    command: &Command,
    receives: u32,
) -> Result<Prepared, WorkError> {
    match world.send_task_heartbeat(&command.token).await {
        Probe::Alive => {}
        Probe::Dead if is_dead(world, &command.token, &by_receive(receives)).await? => {
            return Ok(Prepared::Done(CommandOutcome::Stale));
        }
        Probe::Dead => return Err(WorkError::HeardDeadOnce),
        Probe::Invalid => return Err(WorkError::InvalidToken),
        Probe::Unknown(error) => return Err(WorkError::Probe(error)),
    }
    let automated = command.run.options.automated.as_ref();
    Ok(match (command.step, automated) {
        (Step::Snapshot, Some(of)) => {
            let seen = automated_source::see(world, worker_config, command, of, receives);
            Prepared::Done(seen.await?)
        }
        (Step::Snapshot, None) => Prepared::Target(StepTarget::Snapshot),
        (Step::Copy, _) => match awaited_source(world, worker_config, command).await? {
            Some(expected_copy) => Prepared::Target(StepTarget::Copy(expected_copy)),
            None => Prepared::NeedsSource,
        },
    })
}

/// Goes on with a copy command once RDS was asked for the sources of its batch.
async fn go_on<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    command: &Command,
    shown: Option<Shown>,
    receives: u32,
) -> Result<CommandOutcome, WorkError> {
    match source(world, worker_config, command, shown, receives).await? {
        Source::Found(expected_copy) => {
            let target = StepTarget::Copy(expected_copy);
            act_on(world, worker_config, command, target, receives).await
        }
        Source::Expired(of) => {
            let wait = automated_source::wait(world, command, &of);
            expired(world, worker_config, &wait, &of).await
        }
        Source::None => no_source(world, worker_config, command, receives).await,
        Source::Unfit(failure) => {
            let wait =
                StepTarget::Snapshot.wait(worker_config, command, Attempt::FIRST, world.now());
            give_up(world, &wait, failure).await
        }
    }
}

/// Registers the wait of what the command asks for, and then calls RDS.
async fn act_on<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    command: &Command,
    step_target: StepTarget,
    receives: u32,
) -> Result<CommandOutcome, WorkError> {
    let first = step_target.wait(worker_config, command, Attempt::FIRST, world.now());
    let execution = command.execution.name();
    if let Permit::Refused(why) = world.check_claim(&command.run, execution).await? {
        return not_permitted(world, worker_config, &first, receives, &why).await;
    }
    let mut wait = match register(world, &first, receives).await? {
        Registration::Act(wait) => *wait,
        Registration::UnderWay => return Ok(CommandOutcome::Waiting),
        Registration::Stale => return Ok(CommandOutcome::Stale),
        Registration::AlreadyAwaited(by) => {
            let cause = format!("{by} awaits {}", first.resource);
            return give_up(world, &first, Failure::new(Reason::AlreadyAwaited, cause)).await;
        }
        Registration::Exhausted => return exhausted(world, &first, &first).await,
    };
    loop {
        let tried = act(world, worker_config, &step_target, &wait, receives).await;
        if let Err(error) = &tried {
            note(world, &wait, error).await;
        }
        if let AttemptOutcome::Done(worked) = tried? {
            return Ok(worked);
        }
        let Some(next) = next_attempt(world, &wait).await? else {
            return exhausted(world, &wait, &first).await;
        };
        wait = next;
    }
}

async fn exhausted<W: Permissions>(
    world: &W,
    wait: &Wait,
    first: &Wait,
) -> Result<CommandOutcome, WorkError> {
    let cause = format!("every attempt at {} has come to nothing", first.resource);
    give_up(world, wait, Failure::new(Reason::AttemptsExhausted, cause)).await
}

/// The execution does not hold the claim of its database and policy, so nothing is done for it. What RDS makes for it
/// already, from the time when it held the claim, keeps its wait and its slot, and is settled as always; so does what another
/// delivery of the command is about to ask for, which was permitted before the claim moved on. RDS may make it
/// although its answer was lost, so RDS is asked about a wait that was registered. The run of an automated snapshot hands
/// its claim on before it fails: if its source is gone, it fails for that reason, also when its command comes again in
/// between.
async fn not_permitted<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    wait: &Wait,
    receives: u32,
    why: &NotPermitted,
) -> Result<CommandOutcome, WorkError> {
    let command = &wait.command;
    let stored = world.look_up(std::slice::from_ref(&wait.resource)).await?;
    let of_this_token = |stored: &&Wait| stored.command.token == command.token;
    let stored = stored.iter().find(of_this_token);
    if stored.is_some_and(|stored| stored.phase >= Phase::Requested) {
        return Ok(CommandOutcome::Waiting);
    }
    let registered = stored.filter(|stored| stored.phase == Phase::Registered);
    if let Some(stored) = registered
        && ask(world, stored).await?.is_some()
    {
        mark(world, stored, Phase::Requested).await?;
        return Ok(CommandOutcome::Waiting);
    }
    if let Some(of) = &command.run.options.automated
        && let Source::Expired(of) = automated_source::source(world, command, of, receives).await?
    {
        return expired(world, worker_config, wait, &of).await;
    }
    // RDS may not show yet what it has just accepted.
    let grace = worker_config.rules.grace;
    if let Some(stored) = registered
        && world.now().duration_since(stored.since) <= grace
    {
        return Err(WorkError::NotShownYet(stored.resource.clone()));
    }
    warn!(execution = %command.execution, %why, "not permitted");
    let failure = Failure::new(Reason::NotPermitted, why.to_string());
    let settlement = conclude::refuse(world, wait, stored, &failure).await?;
    Ok(CommandOutcome::Settled(settlement))
}

async fn act<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    step_target: &StepTarget,
    wait: &Wait,
    receives: u32,
) -> Result<AttemptOutcome, WorkError> {
    let mut has_refused_before = false;
    if step_target.is_copy() {
        let limits = wait.command.run.slot_limits(worker_config.copy_slots);
        let claimed = slots::claim(world, &wait.resource, limits).await?;
        if !claimed.held {
            return queue(world, wait).await.map(AttemptOutcome::Done);
        }
        has_refused_before = claimed.known.is_some();
    }
    match step_target.ask_rds(world, worker_config, wait).await {
        Ok(()) => {
            mark(world, wait, Phase::Requested).await?;
            if has_refused_before
                && let Err(error) = slots::accepted(world, wait.resource.family()).await
            {
                // Then the next pause lets one more copy try.
                warn!(resource = %wait.resource, error = chain(&error), "RDS's acceptance could not be noted");
            }
            Ok(AttemptOutcome::Done(CommandOutcome::Waiting))
        }
        Err(error) => refused(world, worker_config, wait, receives, error).await,
    }
}

/// Writes into the wait why its command stays in the queue, for `snapferry waits` and `snapferry replay`. Nothing depends
/// on it: the worker tries the command again even if the note cannot be written, or the wait has gone or belongs to
/// another token.
async fn note<W: Permissions>(world: &W, wait: &Wait, error: &WorkError) {
    let last_error = error.last_error(world.now());
    let noted = world.note_error(&wait.resource, &wait.command.token, &last_error);
    if let Err(error) = noted.await {
        warn!(resource = %wait.resource, error = chain(&error), "the wait's last error could not be stored");
    }
}
