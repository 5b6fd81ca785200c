//! The pruner's function.

use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::app::prune::{self, PruneError, PruneReport, PruneRequest, PrunerConfig, Stopped};
use crate::error::chain;

/// Why a whole round failed. The function's error metric counts these, and its alarm watches the metric.
#[derive(Debug, Error)]
pub enum PruneFault {
    /// The inventory could not be taken to its end, so nothing was removed.
    #[error("nothing was removed, because the inventory is not complete")]
    Failed(#[source] PruneError),
    /// Some removals failed or were refused. The next round tries again.
    #[error("not everything that may go could be removed: {0}")]
    Incomplete(String),
}

impl PruneFault {
    /// The error's name, as Lambda reports it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Failed(_) => "Snapferry.PruneFailed",
            Self::Incomplete(_) => "Snapferry.PruneIncomplete",
        }
    }
}

impl From<PruneFault> for Diagnostic {
    fn from(error: PruneFault) -> Self {
        Self {
            error_type: error.name().to_owned(),
            error_message: chain(&error),
        }
    }
}

/// The pruner's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneAnswer {
    /// The hash of the plan.
    pub plan: String,
    /// Recovery points that it looked at.
    pub looked_at: usize,
    /// Those that no rule keeps.
    pub removable: usize,
    /// Those that people hold.
    pub held: usize,
    /// Those that could go now, before the bounds.
    pub ripe: usize,
    /// What RDS was asked to delete, with the reason.
    pub removed: Vec<(String, String)>,
    /// What an earlier round had asked for, and is gone now.
    pub gone: Vec<String>,
    /// What was kept at the last moment.
    pub kept: Vec<String>,
    /// What could not be removed, and why.
    pub failed: Vec<(String, String)>,
    /// Databases whose plan broke a rule of the check: the snapshot and the rule.
    pub refused: Vec<(String, String)>,
    /// Databases that were left alone, and why.
    pub left_alone: Vec<(String, String)>,
    /// What ended the round's removals early.
    pub stopped: Option<String>,
}

impl PruneAnswer {
    fn of(report: &PruneReport) -> Self {
        let removed = report.removed.iter();
        let failed = report.failed.iter();
        let refused = report.refused.iter().flat_map(|one| &one.broken);
        let left_alone = report.left_alone.iter();
        let names = |arns: &[crate::domain::id::arn::RdsArn]| {
            arns.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        Self {
            plan: report.plan.clone(),
            looked_at: report.looked_at,
            removable: report.removable,
            held: report.held,
            ripe: report.ripe,
            removed: removed
                .map(|one| (one.snapshot.to_string(), one.why.clone()))
                .collect(),
            gone: names(&report.gone),
            kept: names(&report.kept),
            failed: failed
                .map(|(snapshot, why)| (snapshot.to_string(), why.clone()))
                .collect(),
            refused: refused
                .map(|broken| (broken.snapshot.to_string(), broken.rule.to_string()))
                .collect(),
            left_alone: left_alone
                .map(|one| (one.database.to_string(), one.why.clone()))
                .collect(),
            stopped: report.stopped.as_ref().map(ToString::to_string),
        }
    }
}

/// What a person's request looks like. The schedule's own event has no plan.
#[derive(Deserialize)]
struct RequestJson {
    plan: String,
    #[serde(default)]
    databases: Vec<String>,
}

/// The pruner: makes one round, or carries out the plan that a person has looked at.
///
/// # Errors
/// If the inventory is not complete, or a round by schedule could not remove all that may go. A person's request is
/// answered with what became of it.
pub async fn prune<W: prune::Permissions>(
    world: &W,
    pruner_config: &PrunerConfig,
    event: &Value,
    holder: &str,
) -> Result<PruneAnswer, PruneFault> {
    let request = RequestJson::deserialize(event).ok();
    let request = request.map(|RequestJson { plan, databases }| PruneRequest { plan, databases });
    let report = prune::prune(world, pruner_config, request.as_ref(), holder)
        .await
        .map_err(PruneFault::Failed)?;
    match undone(&report) {
        Some(fault) if request.is_none() => Err(PruneFault::Incomplete(fault)),
        _ => Ok(PruneAnswer::of(&report)),
    }
}

fn undone(report: &PruneReport) -> Option<String> {
    let mut faults: Vec<String> = report
        .refused
        .iter()
        .filter_map(|refused| refused.broken.first())
        .map(ToString::to_string)
        .collect();
    let failed = report.failed.iter();
    faults.extend(failed.map(|(snapshot, why)| format!("{snapshot}: {why}")));
    if let Some(stopped @ Stopped::FreezeUnknown(_)) = &report.stopped {
        faults.push(stopped.to_string());
    }
    (!faults.is_empty()).then(|| faults.join("; "))
}
