//! One function for each role. It takes an event and returns an answer.

use std::collections::BTreeSet;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Diagnostic;
use serde::Serialize;
use thiserror::Error;

use super::announce::ended;
use super::records::{NamelessRecord, answer, records};
use crate::app::announce;
use crate::app::planner::{self, Outcome, Planned, When};
use crate::app::react::{self, ReactorConfig};
use crate::app::sweep::SweepReport;
use crate::app::worker::batch;
use crate::app::worker::{self, WorkerConfig};
use crate::domain::run::backoff::Backoff;
use crate::error::chain;
use crate::ports::PortError;
use crate::settings::Planning;

/// Why a whole invocation failed. The function's error metric counts these, and its alarm watches the metric.
#[derive(Debug, Error)]
pub enum EdgeError {
    /// The event is not what SQS sends, so nothing in it was looked at.
    #[error("the event is not a batch of messages from SQS")]
    Unreadable(#[source] serde_json::Error),
    /// The batch cannot be answered record by record, so all of it stays in the queue.
    #[error(transparent)]
    Nameless(#[from] NamelessRecord),
    /// Some due databases have no execution yet. The next run tries them again.
    #[error("not every database that is due has its execution: {0}")]
    PlanIncomplete(String),
    /// The policies in force cannot be read. Nothing was started. The next run tries again.
    #[error("the policies that hold cannot be read, so nothing is started")]
    PoliciesUnreadable(#[source] PortError),
    /// The open waits could not be listed.
    #[error("what is open cannot be listed")]
    SweepFailed(#[source] PortError),
    /// The ages of the recovery points could not be measured. The next sweep tries again.
    #[error("how old the recovery points are cannot be measured")]
    MeasureFailed(#[source] PortError),
    /// Some waits could not be checked or settled. The next sweep tries them again.
    #[error("the sweep left something undone: {0}")]
    SweepIncomplete(String),
}

impl EdgeError {
    /// The error's name, as Lambda reports it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "Snapferry.UnreadableEvent",
            Self::Nameless(_) => "Snapferry.NamelessRecord",
            Self::PlanIncomplete(_) => "Snapferry.PlanIncomplete",
            Self::PoliciesUnreadable(_) => "Snapferry.PoliciesUnreadable",
            Self::SweepFailed(_) => "Snapferry.SweepFailed",
            Self::MeasureFailed(_) => "Snapferry.MeasureFailed",
            Self::SweepIncomplete(_) => "Snapferry.SweepIncomplete",
        }
    }
}

impl From<EdgeError> for Diagnostic {
    fn from(error: EdgeError) -> Self {
        Self {
            error_type: error.name().to_owned(),
            error_message: chain(&error),
        }
    }
}

/// Reads the event that brings a batch of records.
///
/// # Errors
/// If it is not what SQS sends.
pub fn batch(event: &str) -> Result<SqsEvent, EdgeError> {
    serde_json::from_str(event).map_err(EdgeError::Unreadable)
}

/// The worker: a batch of commands.
///
/// # Errors
/// If the batch cannot be answered record by record.
pub async fn work<W: worker::Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    backoff: &Backoff,
    event: SqsEvent,
) -> Result<SqsBatchResponse, EdgeError> {
    let records = records(event)?;
    Ok(answer(
        batch::work(world, worker_config, backoff, records).await,
    ))
}

/// The reactor: a batch of hints, and of ends of executions if it `announces` what became of recovery points.
///
/// # Errors
/// If the batch cannot be answered record by record.
pub async fn react<W: react::Permissions + announce::Permissions>(
    world: &W,
    reactor_config: &ReactorConfig,
    backoff: &Backoff,
    announces: bool,
    event: SqsEvent,
) -> Result<SqsBatchResponse, EdgeError> {
    let records = records(event)?;
    let (events, records) = match announces {
        true => ended(records),
        false => (Vec::new(), records),
    };
    let stay = react::react(world, reactor_config, backoff, records).await;
    announce::announce(world, &reactor_config.rules.stack, &events).await;
    Ok(answer(stay))
}

/// What the planner answers: counts, for a person who invokes it by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanReport {
    /// One result for each policy and region.
    pub regions: Vec<RegionReport>,
}

/// What the planner did for one policy in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegionReport {
    /// The policy.
    pub policy: String,
    /// The region.
    pub region: String,
    /// The due time. `None` if nothing is due.
    pub due: Option<String>,
    /// Executions that were started.
    pub started: usize,
    /// Databases whose execution is still running.
    pub running: usize,
    /// Those of them that skip this due time until their execution for a due time before has ended.
    pub skipped: usize,
    /// Databases in a status in which RDS takes no snapshot.
    pub not_now: usize,
    /// Databases whose recovery point for this due time exists.
    pub done: usize,
    /// Databases that are not protected.
    pub left_out: usize,
    /// Selected databases that RDS can never protect.
    pub refused: usize,
    /// Databases that wait for the next due time.
    pub waits: usize,
    /// Databases that RDS has refused permanently.
    pub tried: usize,
    /// Databases without an automated snapshot that could be copied.
    pub nothing_to_copy: usize,
    /// Databases that could not be started now.
    pub failed: usize,
    /// Why the rest of the region could not be planned.
    pub error: Option<String>,
}

impl RegionReport {
    fn of(planned: &Planned) -> Self {
        let count = |is: fn(&Outcome) -> bool| {
            let outcomes = planned.rows.iter().map(|row| &row.outcome);
            outcomes.filter(|outcome| is(outcome)).count()
        };
        Self {
            policy: planned.policy.to_string(),
            region: planned.region.to_string(),
            due: planned.due.map(|due| due.to_string()),
            started: count(|outcome| matches!(outcome, Outcome::Started(_))),
            running: count(|outcome| matches!(outcome, Outcome::StillRunning(_))),
            skipped: planned.skipped(),
            not_now: count(|outcome| matches!(outcome, Outcome::NotNow(_))),
            done: count(|outcome| matches!(outcome, Outcome::Done(_))),
            left_out: count(|outcome| matches!(outcome, Outcome::Excluded(_))),
            refused: count(|outcome| matches!(outcome, Outcome::Refused(_))),
            waits: count(|outcome| matches!(outcome, Outcome::Waits(_))),
            tried: count(|outcome| matches!(outcome, Outcome::Remembered(_))),
            nothing_to_copy: count(|outcome| matches!(outcome, Outcome::NothingToCopy)),
            failed: count(|outcome| matches!(outcome, Outcome::Failed(_))),
            error: planned.error.clone(),
        }
    }

    fn fault(&self) -> String {
        match &self.error {
            Some(error) => format!("{} in {}: {error}", self.policy, self.region),
            None => format!("{} in {}: {} failed", self.policy, self.region, self.failed),
        }
    }
}

/// The planner: starts what is due by the schedule. It does not read the event.
///
/// # Errors
/// If a due database has no execution, or the policies cannot be read. All other due databases are started all the same.
pub async fn plan<W: planner::Permissions>(
    world: &W,
    planning: &Planning,
) -> Result<PlanReport, EdgeError> {
    let planned = planner::plan(world, planning, When::Due)
        .await
        .map_err(EdgeError::PoliciesUnreadable)?;
    let faults: Vec<String> = planned
        .iter()
        .filter(|planned| !planned.is_complete())
        .map(|planned| RegionReport::of(planned).fault())
        .collect();
    if !faults.is_empty() {
        return Err(EdgeError::PlanIncomplete(faults.join("; ")));
    }
    Ok(PlanReport {
        regions: planned.iter().map(RegionReport::of).collect(),
    })
}

/// The sweeper's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SweepAnswer {
    /// Waits that were open.
    pub open: usize,
    /// Waits that it settled.
    pub settled: usize,
    /// Slots that it freed.
    pub freed: usize,
    /// Queued commands that it sent again.
    pub handed_out: usize,
}

/// What the sweeper answers.
///
/// # Errors
/// If something could not be done. All other waits are settled all the same.
pub(super) fn swept(report: Result<SweepReport, PortError>) -> Result<SweepAnswer, EdgeError> {
    let swept = report.map_err(EdgeError::SweepFailed)?;
    match undone(&swept) {
        Some(fault) => Err(EdgeError::SweepIncomplete(fault)),
        None => Ok(SweepAnswer {
            open: swept.open,
            settled: swept.settled,
            freed: swept.freed,
            handed_out: swept.handed_out,
        }),
    }
}

fn undone(swept: &SweepReport) -> Option<String> {
    let mut faults = Vec::new();
    if !swept.unreachable.is_empty() {
        let regions: BTreeSet<&str> = swept.unreachable.iter().map(|r| r.as_str()).collect();
        let regions: Vec<&str> = regions.into_iter().collect();
        faults.push(format!("no answer from {}", regions.join(", ")));
    }
    if swept.broken > 0 {
        faults.push(format!("{} calls did not come through", swept.broken));
    }
    (!faults.is_empty()).then(|| faults.join("; "))
}
