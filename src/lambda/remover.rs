//! The remover's function, of restore.yaml.

use lambda_runtime::Diagnostic;
use serde::Serialize;
use thiserror::Error;
use tracing::{info, warn};

use crate::app::drill::remover::{Permissions, RemoverConfig, RoundReport, remove_round};
use crate::app::restore::RestoreError;
use crate::domain::id::text::ParseError;
use crate::domain::operator::metrics::DrillMetric;
use crate::error::chain;
use crate::json::metrics::line;
use crate::logging::{self, LogLevel};
use crate::settings::{Metrics, SettingsError, Stack, Variables};

/// The handler, which is the function's name too.
pub(super) const REMOVER: &str = "remover";

/// The remover's settings.
#[derive(Debug, Clone)]
pub struct RemoverSettings {
    /// The stack of the recovery region, whose drills it removes.
    pub stack: Stack,
    /// Where its metric goes.
    pub metrics: Metrics,
}

impl RemoverSettings {
    /// Reads them from the process's variables.
    ///
    /// # Errors
    /// All faults at once.
    pub fn read(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, LogLevel), SettingsError> {
        let mut vars = Variables::new(pairs);
        let handler = vars.required("_HANDLER", |text| match text {
            REMOVER => Ok(()),
            _ => Err(ParseError::new(text, REMOVER)),
        });
        let stack = Stack::read(&mut vars);
        let metrics = Metrics::read(&mut vars);
        let level = vars.optional(logging::VARIABLE, LogLevel::parse);
        let settings = handler.and(stack).map(|stack| Self { stack, metrics });
        vars.finish(settings.map(|settings| (settings, level.unwrap_or_default())))
    }
}

impl From<&Stack> for RemoverConfig {
    fn from(stack: &Stack) -> Self {
        Self {
            stack: stack.rules.stack.clone(),
            home: stack.home.clone(),
            width: stack.sweep_width,
        }
    }
}

/// Why a round failed. The function's error metric counts these, and its alarm watches the metric.
#[derive(Debug, Error)]
pub enum RemoveFault {
    /// Nobody knows what drills left, so nothing was removed.
    #[error("nothing was removed, because what drills left could not be listed")]
    Failed(#[source] RestoreError),
    /// RDS or the table did not answer for some removals. The next round tries again.
    #[error("not everything that drills left could be removed: {0}")]
    Incomplete(String),
}

impl RemoveFault {
    /// The error's name, as Lambda reports it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Failed(_) => "Snapferry.RemoveFailed",
            Self::Incomplete(_) => "Snapferry.RemoveIncomplete",
        }
    }
}

impl From<RemoveFault> for Diagnostic {
    fn from(error: RemoveFault) -> Self {
        Self {
            error_type: error.name().to_owned(),
            error_message: chain(&error),
        }
    }
}

/// The function's answer.
#[derive(Debug, Serialize)]
pub struct RemoverAnswer {
    /// How many databases have the name or the tag of a drill.
    pub there: usize,
    /// What RDS was asked to delete.
    pub asked: Vec<String>,
    /// The drills of which nothing is left.
    pub gone: Vec<String>,
    /// What stays, each with the reason.
    pub stays: Vec<(String, String)>,
    /// What is past its deadline and is not being deleted, each with the reason.
    pub left_behind: Vec<(String, String)>,
}

/// The remover: makes one round, and prints how much is left behind. It does not read the event.
///
/// # Errors
/// If what drills left could not be listed, or a removal got no answer.
pub async fn remove<W: Permissions>(
    world: &W,
    config: &RemoverConfig,
    metrics: &Metrics,
    print: impl Fn(&str),
) -> Result<RemoverAnswer, RemoveFault> {
    let report = remove_round(world, config)
        .await
        .map_err(RemoveFault::Failed)?;
    if report.is_second {
        info!("another round runs at the same time, so this one removed nothing");
    } else {
        tell(&report);
        let left = u32::try_from(report.left_behind.len()).unwrap_or(u32::MAX);
        let values = [(DrillMetric::DrillsLeftBehind, f64::from(left))];
        print(&line(&metrics.namespace, world.now(), &[], &values, &[]));
    }
    if !report.failed.is_empty() {
        let failed = report.failed.iter();
        let failed: Vec<String> = failed.map(|(name, why)| format!("{name}: {why}")).collect();
        return Err(RemoveFault::Incomplete(failed.join("; ")));
    }
    Ok(RemoverAnswer {
        there: report.there,
        asked: report.asked,
        gone: report.gone,
        stays: report.stays,
        left_behind: report.left_behind,
    })
}

fn tell(report: &RoundReport) {
    for name in &report.asked {
        info!(%name, "RDS was asked to delete what a drill left");
    }
    for name in &report.gone {
        info!(%name, "nothing of this drill is left");
    }
    for (name, why) in &report.left_behind {
        warn!(%name, %why, "it is past its drill's deadline and is not being deleted");
    }
}
