//! The operator's drain: nothing new starts, and what runs is shown or stopped, so that the stacks can be deleted.
//!
//! It pauses every policy, as a person could by a file: planner, reactor and `snapferry start` obey that already. The set
//! before stays in the history. Rules of retention are left out of the paused set, so nothing is removed meanwhile.

use thiserror::Error;

use crate::app::policies::store_next;
use crate::app::stop::{Outcome, Selection, Stop, StopConfig, StopRequest, stop};
use crate::domain::policy::file;
use crate::domain::policy::retention::Retention;
use crate::domain::policy::set::{Note, PolicySet, Version};
use crate::domain::policy::spec::{AppliedKey, KeyName};
use crate::ports::{
    CallerIdentity, ClaimRun, Clock, DescribeSnapshots, ForgetIdle, InspectExecution, ListOpen,
    ListRunning, PortError, ReadPolicies, StopExecution, StorePolicies,
};

permissions! {
    /// Everything that a drain may do.
    Permissions:
        CallerIdentity ClaimRun Clock DescribeSnapshots ForgetIdle InspectExecution ListOpen ListRunning
        ReadPolicies StopExecution StorePolicies
}

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Only show.
    Show,
    /// Pause every policy, and let what runs end by itself.
    Pause,
    /// Pause every policy, and stop what runs.
    Stop,
}

/// Whether anything new starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartState {
    /// Some policies are not paused. Nothing was done.
    GoOn(Vec<String>),
    /// Every policy is paused by this version now. Nothing if no set was applied before.
    Paused {
        /// The new version.
        now: Version,
        /// The version before, which brings everything back.
        before: Option<Version>,
    },
    /// Every policy was paused already.
    WerePaused,
}

/// The result of a drain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// Whether anything new starts.
    pub starts: StartState,
    /// What runs, or ran.
    pub stop: Stop,
}

impl Drain {
    /// Whether nothing starts and nothing runs, so that the stacks can be deleted.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let runs = |outcome: &Outcome| !matches!(outcome, Outcome::Stopped | Outcome::Ended);
        !matches!(self.starts, StartState::GoOn(_))
            && !self.stop.rows.iter().any(|row| runs(&row.outcome))
    }
}

/// Why nothing was drained.
#[derive(Debug, Error)]
pub enum DrainError {
    /// Somebody applied another set at the same moment.
    #[error("another set was applied as version {0} at the same moment; run the command again")]
    Raced(Version),
    /// The set cannot be written as a file.
    #[error("the policies cannot be written as a file: {0}")]
    File(#[from] toml::ser::Error),
    /// AWS did not answer.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Pauses every policy, and shows or stops what runs. `built_in` is the set in force if none was ever applied.
///
/// # Errors
/// If the policies cannot be read or stored, or the executions cannot be listed.
pub async fn drain<W: Permissions>(
    world: &W,
    config: &StopConfig,
    built_in: &PolicySet<AppliedKey>,
    depth: Depth,
) -> Result<Drain, DrainError> {
    // First, so that what is listed below is all there is, but for a planner that has begun already.
    let starts = pause(world, built_in, depth).await?;
    let request = StopRequest {
        selection: Selection::All,
        why: "snapferry drain: the stack is taken away".to_owned(),
        act: depth == Depth::Stop,
    };
    let stop = stop(world, config, &request).await?;
    Ok(Drain { starts, stop })
}

async fn pause<W: Permissions>(
    world: &W,
    built_in: &PolicySet<AppliedKey>,
    depth: Depth,
) -> Result<StartState, DrainError> {
    let before = world.current_policies().await?;
    let set = before.as_ref().map_or(built_in, |before| &before.set);
    let active = set.policies.iter().filter(|(_, spec)| !spec.options.paused);
    let active: Vec<String> = active.map(|(name, _)| name.to_string()).collect();
    // Rules that stand would go on removing while nothing new is made.
    let keeps_all = set
        .policies
        .values()
        .all(|spec| spec.options.retention.is_empty());
    if active.is_empty() && (keeps_all || depth == Depth::Show) {
        return Ok(StartState::WerePaused);
    }
    if depth == Depth::Show {
        return Ok(StartState::GoOn(active));
    }
    let before = before.as_ref().map(|before| before.stamp.version);
    let set = paused(set);
    let text = text(&set, before)?;
    let note = Note::parse("snapferry drain").ok();
    match store_next(world, before, set, text, note).await? {
        Ok(now) => Ok(StartState::Paused {
            now: now.stamp.version,
            before,
        }),
        Err(version) => Err(DrainError::Raced(version)),
    }
}

fn paused(set: &PolicySet<AppliedKey>) -> PolicySet<AppliedKey> {
    let mut set = set.clone();
    for spec in set.policies.values_mut() {
        spec.options.paused = true;
        spec.options.retention = Retention::default();
    }
    set
}

/// The set as a file, below a line that says how to go back.
fn text(set: &PolicySet<AppliedKey>, before: Option<Version>) -> Result<String, toml::ser::Error> {
    let back = before.map_or_else(
        || {
            "take out the lines paused = true, add the retention that you want, and apply this file"
                .to_owned()
        },
        |before| {
            format!("snapferry policy show --version {before} --file | snapferry policy apply -")
        },
    );
    let named = set.map_keys(|_, key| {
        Some(match &key.alias {
            Some(alias) => KeyName::Alias(alias.clone()),
            None => KeyName::Arn(key.arn.clone()),
        })
    });
    Ok(format!(
        "# Paused by snapferry drain. To go on: {back}\n{}",
        file::write(&named)?
    ))
}
