//! The pruner's function.

use lambda_runtime::Diagnostic;
use thiserror::Error;

use super::announce::removed;
use super::measure::quota_line;
use crate::app::announce;
use crate::app::prune::{self, PruneError, PruneReport, PruneRequest, PrunerConfig, Stopped};
use crate::domain::id::arn::RdsArn;
use crate::error::chain;
use crate::json::prune::{PruneAnswer, RequestJson};
use crate::settings::Metrics;

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

fn answer_of(report: &PruneReport) -> PruneAnswer {
    let removed = report.removed.iter();
    let failed = report.failed.iter();
    let refused = report.refused.iter().flat_map(|one| &one.broken);
    let left_alone = report.left_alone.iter();
    let names = |arns: &[RdsArn]| arns.iter().map(ToString::to_string).collect::<Vec<_>>();
    PruneAnswer {
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
        sources_not_listed: report
            .sources_not_listed
            .iter()
            .map(|(region, why)| (region.to_string(), why.clone()))
            .collect(),
        stopped: report.stopped.as_ref().map(ToString::to_string),
    }
}

/// The pruner: makes one round, or carries out the plan that a person has looked at. It prints how long the quota lasts,
/// and publishes what it removed if it `announces` that.
///
/// # Errors
/// If the inventory is not complete, or a round by schedule could not remove all that may go. A person's request is
/// answered with what became of it.
pub async fn prune<W: prune::Permissions + announce::Permissions>(
    world: &W,
    pruner_config: &PrunerConfig,
    metrics: &Metrics,
    announces: bool,
    event: &str,
    holder: &str,
    print: impl Fn(&str),
) -> Result<PruneAnswer, PruneFault> {
    let request = serde_json::from_str(event).ok();
    let request = request.map(|request: RequestJson| PruneRequest {
        plan: request.plan,
        databases: request.databases,
        force: request.force,
        gone: request.gone,
        include_last: request.include_last,
    });
    let report = prune::prune(world, pruner_config, request.as_ref(), holder)
        .await
        .map_err(PruneFault::Failed)?;
    if let Some(days) = report.days_to_full {
        print(&quota_line(&metrics.namespace, world.now(), days));
    }
    if announces {
        announce::announce(world, &pruner_config.stack, &removed(&report)).await;
    }
    match undone(&report) {
        Some(fault) if request.is_none() => Err(PruneFault::Incomplete(fault)),
        _ => Ok(answer_of(&report)),
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
    let not_listed = report.sources_not_listed.iter();
    faults.extend(not_listed.map(|(region, why)| format!("{region} could not be listed: {why}")));
    if let Some(stopped @ (Stopped::FreezeUnknown(_) | Stopped::Unapproved(_))) = &report.stopped {
        faults.push(stopped.to_string());
    }
    (!faults.is_empty()).then(|| faults.join("; "))
}
