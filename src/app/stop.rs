//! The operator's stop: ends runs, and settles what they leave in the table.
//!
//! It stops the execution first, so that its token is dead before anything else changes. Then it releases the claim, and
//! forgets the waits that nobody works on. What RDS makes already keeps its wait and its slot: the sweep settles it when
//! it is finished, and enters a good copy as a recovery point although nobody waited for it. Wherever a stop is
//! interrupted, the next one goes on.

use std::collections::BTreeMap;
use std::pin::pin;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::app::places::{ask, group, place_of};
use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::ExecutionName;
use crate::domain::operator::dead_letter::names;
use crate::domain::operator::not_found::NotFound;
use crate::domain::operator::redrive::Inspection;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::failure::Remedy;
use crate::domain::run::wait::{Phase, Rules, Wait};
use crate::error::chain;
use crate::ports::{
    ClaimRun, Clock, DescribeSnapshots, ForgetIdle, InspectExecution, ListOpen, ListRunning,
    PAGES_MAX, PortError, RdsError, StopExecution, Written, all_rows, open_pages,
};
use crate::settings::Stack;

/// How many executions are inspected or stopped at once. The describe calls allow ten a second.
const CONCURRENCY: usize = 4;

permissions! {
    /// Everything that a stop may do.
    Permissions:
        ClaimRun Clock DescribeSnapshots ForgetIdle InspectExecution ListOpen ListRunning StopExecution
}

/// The settings of a stop.
#[derive(Debug, Clone)]
pub struct StopConfig {
    /// The rules' constants.
    pub rules: Rules,
    /// How many identifiers one describe call asks for.
    pub width: usize,
}

impl From<&Stack> for StopConfig {
    fn from(stack: &Stack) -> Self {
        Self {
            rules: stack.rules.clone(),
            width: stack.sweep_width,
        }
    }
}

/// Which runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These executions, whether they run or have ended.
    Executions(Vec<ExecutionName>),
    /// The executions of these databases that run.
    Databases(Vec<String>),
    /// Every execution that runs.
    All,
}

/// What to stop, and why.
#[derive(Debug, Clone)]
pub struct StopRequest {
    /// Which runs.
    pub selection: Selection,
    /// Why, for those who look at the execution later.
    pub why: String,
    /// Stop them. Otherwise only show.
    pub act: bool,
}

/// The outcome for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It runs. Nothing was done.
    Running,
    /// It was stopped, and its claim was released.
    Stopped,
    /// It had ended already. If the stop was to act, it released the claim that the run still held.
    Ended,
    /// Step Functions does not know it.
    Unknown,
    /// A call failed.
    Failed(String),
}

/// The outcome for a wait of a run that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitOutcome {
    /// Nothing was done.
    Open,
    /// It was forgotten. The next sweep frees its slot.
    Forgotten,
    /// RDS makes its snapshot or copy. The sweep settles it when that is finished.
    UnderWay,
    /// A worker may be asking RDS right now. The wait can be forgotten after this time; the sweep does it within hours.
    InUse(Timestamp),
    /// A call failed.
    Failed(String),
}

/// A wait of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitRow {
    /// The snapshot or copy.
    pub resource: RdsArn,
    /// How far it had come.
    pub phase: Phase,
    /// What a person has to do before its command goes on.
    pub remedy: Option<Remedy>,
    /// What became of it.
    pub outcome: WaitOutcome,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its execution.
    pub execution: ExecutionName,
    /// Its input. `None` if it cannot be read.
    pub run: Option<ProtectionRequest>,
    /// What became of it.
    pub outcome: Outcome,
    /// Its open waits.
    pub waits: Vec<WaitRow>,
}

/// The result of a stop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stop {
    /// A row for each selected run.
    pub rows: Vec<Row>,
    /// The names that no run is of, or that no execution has.
    pub not_found: Vec<NotFound>,
}

impl Stop {
    /// Whether every selected run was found, and no call failed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.rows.iter().all(|row| {
            let waits = row.waits.iter();
            let failed = |wait: &WaitRow| matches!(wait.outcome, WaitOutcome::Failed(_));
            !matches!(row.outcome, Outcome::Unknown | Outcome::Failed(_))
                && !waits.clone().any(failed)
        })
    }
}

/// Shows the selected runs, or stops them and settles what they leave behind.
///
/// # Errors
/// If the executions or the open waits cannot be listed. A later failure is no error: the answer says so, and the stop can
/// be repeated.
pub async fn stop<W: Permissions>(
    world: &W,
    config: &StopConfig,
    request: &StopRequest,
) -> Result<Stop, PortError> {
    let (selected, mut not_found) = select(world, &request.selection).await?;
    let mut rows: Vec<Row> = stream::iter(selected)
        .map(|(execution, inspected)| end(world, request, execution, inspected))
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let unknown = rows.iter().filter(|row| row.outcome == Outcome::Unknown);
    let unknown: Vec<&ExecutionName> = unknown.map(|row| &row.execution).collect();
    if !unknown.is_empty() {
        let known = running(world).await?;
        let known = known.iter().map(ExecutionName::as_str);
        let of_it = |name: &&ExecutionName| NotFound::unless_known(name.as_str(), known.clone());
        not_found.extend(unknown.iter().filter_map(of_it));
    }
    // Read after the executions were stopped: their commands can open no further waits.
    let mut open = open_waits(world, &rows).await?;
    for row in &mut rows {
        let waits = open.remove(row.execution.as_str()).unwrap_or_default();
        row.waits = match row.outcome {
            Outcome::Stopped | Outcome::Ended if request.act => settle(world, config, waits).await,
            _ => waits
                .into_iter()
                .map(|wait| row_of(wait, WaitOutcome::Open))
                .collect(),
        };
    }
    Ok(Stop { rows, not_found })
}

/// What Step Functions says about an execution. `None` if it does not know it.
type Inspected = Result<Option<Inspection>, PortError>;

async fn select<W: Permissions>(
    world: &W,
    selection: &Selection,
) -> Result<(Vec<(ExecutionName, Inspected)>, Vec<NotFound>), PortError> {
    let executions = match selection {
        Selection::Executions(executions) => executions.clone(),
        Selection::Databases(_) | Selection::All => running(world).await?,
    };
    let inspected = stream::iter(executions)
        .map(|name| async move {
            let inspected = world.inspect_execution(&name).await;
            (name, inspected)
        })
        .buffered(CONCURRENCY)
        .collect::<Vec<_>>()
        .await;
    let is_selected = |inspected: &Inspected| match (selection, inspected) {
        (Selection::Executions(_), _) => true,
        // It may be one of the selected ones, so show it with the error.
        (_, Err(_)) => true,
        // It has ended since it was listed.
        (_, Ok(None)) => false,
        (Selection::All, Ok(Some(inspection))) => inspection.running,
        (Selection::Databases(databases), Ok(Some(inspection))) => {
            let run = inspection.run.as_ref().filter(|_| inspection.running);
            run.is_some_and(|run| databases.iter().any(|text| names(text, &run.database)))
        }
    };
    let runs = inspected.iter().filter_map(|(_, inspected)| {
        let inspection = inspected.as_ref().ok()?.as_ref()?;
        inspection.run.as_ref().filter(|_| inspection.running)
    });
    let not_found = match selection {
        Selection::Databases(wanted) => {
            NotFound::of_databases(wanted, runs.map(|run| &run.database))
        }
        Selection::Executions(_) | Selection::All => Vec::new(),
    };
    let selected = inspected
        .into_iter()
        .filter(|(_, inspected)| is_selected(inspected));
    Ok((selected.collect(), not_found))
}

/// The executions that run.
///
/// # Errors
/// If they cannot be listed.
pub async fn running<W: ListRunning>(world: &W) -> Result<Vec<ExecutionName>, PortError> {
    let endless = |endless| PortError::endless("ListExecutions", endless);
    all_rows(PAGES_MAX, endless, |from| world.list_running(from)).await
}

/// Stops one execution, if it is to, and releases its claim.
async fn end<W: Permissions>(
    world: &W,
    request: &StopRequest,
    execution: ExecutionName,
    inspected: Inspected,
) -> Row {
    let (run, outcome) = match inspected {
        Err(error) => (None, Outcome::Failed(chain(&error))),
        Ok(None) => (None, Outcome::Unknown),
        Ok(Some(inspection)) => {
            let ended = end_run(world, request, &execution, &inspection).await;
            let outcome = ended.unwrap_or_else(|error| Outcome::Failed(chain(&error)));
            (inspection.run, outcome)
        }
    };
    Row {
        execution,
        run,
        outcome,
        waits: Vec::new(),
    }
}

async fn end_run<W: Permissions>(
    world: &W,
    request: &StopRequest,
    execution: &ExecutionName,
    inspection: &Inspection,
) -> Result<Outcome, PortError> {
    let outcome = match (inspection.running, request.act) {
        (true, false) => return Ok(Outcome::Running),
        (false, false) => return Ok(Outcome::Ended),
        (true, true) => {
            world.stop_execution(execution, &request.why).await?;
            Outcome::Stopped
        }
        (false, true) => Outcome::Ended,
    };
    if let Some(run) = &inspection.run {
        world
            .release_run(&run.database, &run.policy, execution)
            .await?;
    }
    Ok(outcome)
}

/// The open waits of these runs, by the executions' names.
async fn open_waits<W: ListOpen>(
    world: &W,
    rows: &[Row],
) -> Result<BTreeMap<String, Vec<Wait>>, PortError> {
    let mut open: BTreeMap<String, Vec<Wait>> = rows
        .iter()
        .map(|row| (row.execution.to_string(), Vec::new()))
        .collect();
    let mut pages = pin!(open_pages(world));
    while let Some(page) = pages.try_next().await? {
        for wait in page.waits {
            if let Some(waits) = open.get_mut(wait.command.execution.name()) {
                waits.push(wait);
            }
        }
    }
    Ok(open)
}

/// Forgets the waits of a run that has ended, unless RDS makes their snapshot or copy or a worker may be asking for it.
async fn settle<W: Permissions>(world: &W, config: &StopConfig, waits: Vec<Wait>) -> Vec<WaitRow> {
    let mut rows = Vec::new();
    let mut idle = Vec::new();
    for wait in waits {
        match kept(&wait, &config.rules, world.now()) {
            Some(outcome) => rows.push(row_of(wait, outcome)),
            None => idle.push(wait),
        }
    }
    for waits in group(idle, config.width, |wait| place_of(&wait.resource)) {
        let truth: Result<BTreeMap<RdsArn, Snapshot>, RdsError> = ask(world, &waits).await;
        for wait in waits {
            let outcome = match &truth {
                Ok(found) if found.contains_key(&wait.resource) => WaitOutcome::UnderWay,
                Ok(_) => forget(world, config, &wait).await,
                Err(error) => WaitOutcome::Failed(chain(error)),
            };
            rows.push(row_of(wait, outcome));
        }
    }
    rows
}

/// Why a wait stays, regardless of what RDS shows. `None` if no worker can be at work on it: no function lives as long
/// as the grace period.
fn kept(wait: &Wait, rules: &Rules, now: Timestamp) -> Option<WaitOutcome> {
    match wait.phase {
        Phase::Requested | Phase::Seen => Some(WaitOutcome::UnderWay),
        Phase::Registered if now.duration_since(wait.since) <= rules.grace => {
            Some(in_use_since(wait.since, rules))
        }
        Phase::Registered | Phase::Queued => None,
    }
}

fn in_use_since(since: Timestamp, rules: &Rules) -> WaitOutcome {
    WaitOutcome::InUse(since.saturating_add(rules.grace).unwrap_or(Timestamp::MAX))
}

async fn forget<W: ForgetIdle + Clock>(world: &W, config: &StopConfig, wait: &Wait) -> WaitOutcome {
    match world.forget_idle(wait).await {
        Ok(Written::Stored) => WaitOutcome::Forgotten,
        // A worker has renewed it since it was read.
        Ok(Written::Conflict) => in_use_since(world.now(), &config.rules),
        Err(error) => WaitOutcome::Failed(chain(&error)),
    }
}

fn row_of(wait: Wait, outcome: WaitOutcome) -> WaitRow {
    WaitRow {
        remedy: wait.current_error().and_then(|error| error.remedy),
        resource: wait.resource,
        phase: wait.phase,
        outcome,
    }
}
