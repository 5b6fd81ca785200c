//! The operator's redrive: failed executions continue where they stopped, or new executions do their work.

use std::collections::BTreeMap;
use std::fmt;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tracing::warn;

use crate::app::start::{NotStarted, StartOutcome, Taken, claim, start};
use crate::domain::id::names::ExecutionName;
use crate::domain::id::tags::StackId;
use crate::domain::operator::dead_letter::names;
use crate::domain::operator::not_found::NotFound;
use crate::domain::operator::redrive::{
    FailedExecution, FailedStatus, Inspection, RedriveAction, RestartReason, STOPPED,
    redrive_action, superseded,
};
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::failure::Reason;
use crate::error::chain;
use crate::ports::{
    ClaimRun, Clock, InspectExecution, ListEnded, PAGES_MAX, PortError, ReadConfigurations,
    ReadDefinitions, RedriveExecution, Redriven, StartExecution, all_rows,
};

/// How many executions are inspected or redriven at once. The describe calls allow ten a second.
const CONCURRENCY: usize = 4;

permissions! {
    /// Everything that a redrive may do.
    Permissions:
        ClaimRun Clock InspectExecution ListEnded ReadConfigurations ReadDefinitions RedriveExecution
        StartExecution
}

/// Which executions to select, and what to do with them.
#[derive(Debug, Clone)]
pub struct RedriveRequest {
    /// Only executions that ended at this time or later.
    pub since: Timestamp,
    /// Only executions that ended before this time.
    pub until: Option<Timestamp>,
    /// Only executions of these databases. All if the list is empty.
    pub databases: Vec<String>,
    /// Redrive. Otherwise only show.
    pub act: bool,
    /// Start new executions in place of those that cannot be redriven.
    pub restart: bool,
    /// Look at this many at most, the latest first.
    pub max: usize,
}

/// The outcome for an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It can be redriven. Nothing was done.
    Redrivable,
    /// It continues where it stopped.
    Redriven,
    /// Only a new execution can do its work. None was started.
    NeedsNew(RestartReason),
    /// This new execution does its work.
    Restarted(ExecutionName),
    /// Nothing needs to be done for it, for this reason.
    Skipped(SkipReason),
    /// A call failed.
    Failed(String),
}

/// Why nothing needs to be done for an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    /// It is running again already.
    RunsAgain,
    /// Another execution of its database and policy is open.
    StillRunning(ExecutionName),
    /// Another execution has made the recovery point of its due time.
    Done(ExecutionName),
    /// The list has a later execution of its database and policy.
    Superseded(ExecutionName),
    /// Step Functions no longer knows it.
    Gone,
    /// Its input is not an input of Snapferry.
    NotOurs,
    /// It was refused because nobody had claimed its input. A redrive would claim it, and anybody may have written it.
    NeverClaimed,
    /// `snapferry stop` has stopped it: it keeps the key and options with which it was started.
    Stopped,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RunsAgain => f.write_str("it is running again already"),
            Self::StillRunning(other) => write!(f, "{other} is still running"),
            Self::Done(other) => write!(f, "{other} has made its recovery point"),
            Self::Superseded(other) => write!(f, "{other} takes its place"),
            Self::Gone => f.write_str("Step Functions no longer knows it"),
            Self::NotOurs => f.write_str("its input cannot be read"),
            Self::NeverClaimed => f.write_str(
                "it was not permitted, and a redrive would permit it: start its database with snapferry start",
            ),
            Self::Stopped => f.write_str(
                "it was stopped with snapferry stop: start its database with snapferry start --again",
            ),
        }
    }
}

/// One execution's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The execution.
    pub execution: FailedExecution,
    /// Its input. `None` if the input cannot be read.
    pub run: Option<ProtectionRequest>,
    /// The error that ended it.
    pub error: Option<String>,
    /// The cause of that error, for a person.
    pub cause: Option<String>,
    /// How often it has been redriven.
    pub redrives: u32,
    /// The outcome.
    pub outcome: Outcome,
}

/// The result of a redrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// A row for each selected execution, the latest first.
    pub rows: Vec<Row>,
    /// Whether the time span has more executions than were looked at.
    pub more: bool,
    /// The names that no execution of the list is of.
    pub not_found: Vec<NotFound>,
}

impl Redrive {
    /// Whether everything that could be done has been done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.rows.iter().any(|row| {
            matches!(
                row.outcome,
                Outcome::Failed(_) | Outcome::Redrivable | Outcome::NeedsNew(_)
            )
        })
    }

    /// Whether a call failed.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        let failed = |row: &Row| matches!(row.outcome, Outcome::Failed(_));
        self.rows.iter().any(failed)
    }
}

/// Shows, redrives or restarts the selected executions.
///
/// # Errors
/// If the executions or the definition cannot be read. Nothing was done then. A later failure is not an error: the answer
/// says so.
pub async fn redrive<W: Permissions>(
    world: &W,
    stack: &StackId,
    request: &RedriveRequest,
) -> Result<Redrive, PortError> {
    let mut ended = list(world, request).await?;
    let more = ended.len() > request.max;
    ended.truncate(request.max);
    if ended.is_empty() {
        return Ok(Redrive {
            rows: Vec::new(),
            more,
            not_found: NotFound::of_databases(&request.databases, []),
        });
    }
    let definition = world.definition_now().await?;
    let looked: Vec<(FailedExecution, Inspected)> = stream::iter(ended)
        .map(|execution| async move {
            let looked = look(world, &execution).await;
            (execution, looked)
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let runs = looked
        .iter()
        .filter_map(|(_, looked)| looked.as_ref().ok()?.as_ref()?.run.as_ref());
    let not_found = NotFound::of_databases(&request.databases, runs.map(|run| &run.database));
    let selected: Vec<_> = looked
        .into_iter()
        .filter(|(_, looked)| is_selected(looked, &request.databases))
        .collect();
    let others = superseded(selected.iter().filter_map(|(execution, looked)| {
        let inspection = looked.as_ref().ok()?.as_ref()?;
        // One that never held the claim takes no other one's place.
        let run = inspection
            .run
            .as_ref()
            .filter(|_| !is_refused(inspection))?;
        Some((execution, run))
    }));
    let config = RedriveConfig {
        stack,
        request,
        definition: &definition,
        others: &others,
    };
    let rows = stream::iter(selected)
        .map(|(execution, looked)| config.row(world, execution, looked))
        .buffered(CONCURRENCY)
        .collect()
        .await;
    Ok(Redrive {
        rows,
        more,
        not_found,
    })
}

fn is_refused(inspection: &Inspection) -> bool {
    inspection.error.as_deref() == Some(Reason::NotPermitted.error_name())
}

/// What Step Functions says about an execution. `None` if it no longer knows the execution.
type Inspected = Result<Option<Inspection>, PortError>;

async fn look<W: InspectExecution>(world: &W, execution: &FailedExecution) -> Inspected {
    world.inspect_execution(&execution.name).await
}

/// All executions that ended in the time span, the latest first. AWS sorts them by their start, so this reads the whole
/// list.
async fn list<W: Permissions>(
    world: &W,
    request: &RedriveRequest,
) -> Result<Vec<FailedExecution>, PortError> {
    let of_status = |ended: FailedStatus| async move {
        let endless = |endless| PortError::endless("ListExecutions", endless);
        let ask = |from| world.list_executions(ended, from);
        all_rows(PAGES_MAX, endless, ask).await
    };
    let lists: Vec<Vec<FailedExecution>> = stream::iter(FailedStatus::ALL)
        .then(of_status)
        .try_collect()
        .await?;
    let mut all: Vec<FailedExecution> = lists
        .into_iter()
        .flatten()
        .filter(|one| one.ended_at >= request.since)
        .filter(|one| request.until.is_none_or(|until| one.ended_at < until))
        .collect();
    all.sort_by(|a, b| (b.ended_at, &b.name).cmp(&(a.ended_at, &a.name)));
    Ok(all)
}

fn is_selected(looked: &Inspected, databases: &[String]) -> bool {
    if databases.is_empty() {
        return true;
    }
    match looked {
        Ok(Some(Inspection { run: Some(run), .. })) => databases
            .iter()
            .any(|database| names(database, &run.database)),
        Ok(_) => false,
        // It may be one of the selected ones, so show it with the error.
        Err(_) => true,
    }
}

struct RedriveConfig<'a> {
    stack: &'a StackId,
    request: &'a RedriveRequest,
    definition: &'a str,
    others: &'a BTreeMap<ExecutionName, ExecutionName>,
}

impl RedriveConfig<'_> {
    async fn row<W: Permissions>(
        &self,
        world: &W,
        execution: FailedExecution,
        looked: Inspected,
    ) -> Row {
        let outcome = match &looked {
            Ok(Some(inspection)) => self
                .outcome(world, &execution, inspection)
                .await
                .unwrap_or_else(|error| Outcome::Failed(chain(&error))),
            Ok(None) => Outcome::Skipped(SkipReason::Gone),
            Err(error) => Outcome::Failed(chain(error)),
        };
        let inspection = looked.ok().flatten();
        let (run, error, cause, redrives) = match inspection {
            Some(one) => (one.run, one.error, one.cause, one.redrives),
            None => (None, None, None, 0),
        };
        Row {
            execution,
            run,
            error,
            cause,
            redrives,
            outcome,
        }
    }

    async fn outcome<W: Permissions>(
        &self,
        world: &W,
        execution: &FailedExecution,
        inspection: &Inspection,
    ) -> Result<Outcome, PortError> {
        if inspection.running {
            return Ok(Outcome::Skipped(SkipReason::RunsAgain));
        }
        let Some(run) = &inspection.run else {
            return Ok(Outcome::Skipped(SkipReason::NotOurs));
        };
        if is_refused(inspection) {
            return Ok(Outcome::Skipped(SkipReason::NeverClaimed));
        }
        if inspection.error.as_deref() == Some(STOPPED) {
            return Ok(Outcome::Skipped(SkipReason::Stopped));
        }
        if let Some(other) = self.others.get(&execution.name) {
            return Ok(Outcome::Skipped(SkipReason::Superseded(other.clone())));
        }
        let changed = world.definition_of(&execution.name).await? != self.definition;
        match redrive_action(execution, &inspection.redrivable, changed, world.now()) {
            RedriveAction::Redrive if self.request.act => {
                self.redrive(world, &execution.name, run).await
            }
            RedriveAction::Redrive => Ok(Outcome::Redrivable),
            RedriveAction::New(why) => self.start_new(world, run, why).await,
        }
    }

    /// A redriven execution claims its database and policy first, as a new one does, so that only one is open.
    async fn redrive<W: Permissions>(
        &self,
        world: &W,
        name: &ExecutionName,
        run: &ProtectionRequest,
    ) -> Result<Outcome, PortError> {
        match claim(world, run, name).await? {
            Ok(()) => {}
            Err(Taken::Running(other)) => {
                return Ok(Outcome::Skipped(SkipReason::StillRunning(other)));
            }
            Err(Taken::Claimed(other)) => {
                return Ok(Outcome::Failed(NotStarted::Claimed(other).to_string()));
            }
        }
        match world.redrive_execution(name).await? {
            Redriven::Running => Ok(Outcome::Redriven),
            Redriven::NotRedrivable(why) => {
                self.start_new(world, run, RestartReason::Refused(why))
                    .await
            }
        }
    }

    async fn start_new<W: Permissions>(
        &self,
        world: &W,
        run: &ProtectionRequest,
        why: RestartReason,
    ) -> Result<Outcome, PortError> {
        if !(self.request.act && self.request.restart) {
            return Ok(Outcome::NeedsNew(why));
        }
        let run = naming_only_what_is_there(world, run).await;
        Ok(match start(world, self.stack, &run).await? {
            StartOutcome::Started(name) => Outcome::Restarted(name),
            StartOutcome::StillRunning(name) => Outcome::Skipped(SkipReason::StillRunning(name)),
            StartOutcome::Done(name) => Outcome::Skipped(SkipReason::Done(name)),
            StartOutcome::NotStarted(why) => Outcome::Failed(why.to_string()),
        })
    }
}

/// The run without its configuration if the catalog has it no more: its copy would name what nobody can read. The run goes
/// without one too if the catalog does not answer, for a recovery point is worth more.
async fn naming_only_what_is_there<W: ReadConfigurations>(
    world: &W,
    run: &ProtectionRequest,
) -> ProtectionRequest {
    let mut run = run.clone();
    if let Some(named) = &run.options.configuration {
        let of = &run.database.resource_id;
        let found = world
            .configuration(of, named)
            .await
            .unwrap_or_else(|error| {
                let error = chain(&error);
                warn!(database = %run.database.arn, error, "its configuration could not be read");
                None
            });
        if found.is_none() {
            run.options.configuration = None;
        }
    }
    run
}
