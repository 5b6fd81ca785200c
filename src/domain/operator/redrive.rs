//! Executions that ended without success: which can go on where they stopped, and which need a new one.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use crate::domain::id::names::ExecutionName;
use crate::domain::limits::REDRIVE_WINDOW;
use crate::domain::run::command::ProtectionRequest;

/// How an execution ended, if not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailedStatus {
    /// `FAILED`
    Failed,
    /// `TIMED_OUT`
    TimedOut,
    /// `ABORTED`: somebody stopped it.
    Aborted,
}

impl FailedStatus {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Failed, Self::TimedOut, Self::Aborted];

    /// AWS's word in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::Aborted => "aborted",
        }
    }
}

/// An execution as the list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedExecution {
    /// Its name.
    pub name: ExecutionName,
    /// How it ended.
    pub ended: FailedStatus,
    /// When it was first started; a redrive does not change it.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// What Step Functions says about a redrive before it is asked for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redrivable {
    /// `REDRIVABLE`
    Yes,
    /// `NOT_REDRIVABLE`, with its reason.
    No(String),
    /// Nothing: its answer to the redrive will tell.
    Unanswered,
}

/// A closer look at an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Whether it runs again by now, or waits to.
    pub running: bool,
    /// Its input. Nothing if it is not an input of Snapferry.
    pub run: Option<ProtectionRequest>,
    /// The error that it ended with.
    pub error: Option<String>,
    /// What that error says.
    pub cause: Option<String>,
    /// How often it has been redriven.
    pub redrives: u32,
    /// Whether it can be redriven.
    pub redrivable: Redrivable,
}

/// Why only a new execution can do an ended one's work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestartReason {
    /// It would go on by the definition that it was started with.
    DefinitionChanged,
    /// It ended too long ago.
    WindowOver,
    /// Step Functions says no.
    Refused(String),
}

impl fmt::Display for RestartReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefinitionChanged => f.write_str(
                "the state machine's definition has changed since, and a redrive follows the old one",
            ),
            Self::WindowOver => write!(
                f,
                "it ended more than {} days ago, and can be redriven no more",
                REDRIVE_WINDOW.as_hours() / 24
            ),
            Self::Refused(why) => write!(f, "Step Functions cannot redrive it: {why}"),
        }
    }
}

/// How an ended execution's work can be done after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedriveAction {
    /// It goes on where it stopped.
    Redrive,
    /// By a new execution, which adopts the snapshots that there are.
    New(RestartReason),
}

/// Chooses between a redrive and a restart. A redrive makes the fewest calls, but runs the old definition, and the new
/// one may be the fix.
#[must_use]
pub fn redrive_action(
    execution: &FailedExecution,
    redrivable: &Redrivable,
    definition_changed: bool,
    now: Timestamp,
) -> RedriveAction {
    match redrivable {
        _ if now.duration_since(execution.ended_at) >= REDRIVE_WINDOW => {
            RedriveAction::New(RestartReason::WindowOver)
        }
        Redrivable::No(why) => RedriveAction::New(RestartReason::Refused(why.clone())),
        _ if definition_changed => RedriveAction::New(RestartReason::DefinitionChanged),
        Redrivable::Yes | Redrivable::Unanswered => RedriveAction::Redrive,
    }
}

/// Of several executions for one database and policy only the one for the latest planned time, and of its
/// attempts the last, is worth going on with: all of them would take the same data now. Answers, for each of the
/// others, which one takes its place.
#[must_use]
pub fn superseded<'a>(
    runs: impl IntoIterator<Item = (&'a FailedExecution, &'a ProtectionRequest)>,
) -> BTreeMap<ExecutionName, ExecutionName> {
    let mut by_database: BTreeMap<(&str, &str), Vec<(&FailedExecution, &ProtectionRequest)>> =
        BTreeMap::new();
    for (execution, run) in runs {
        let key = (run.database.resource_id.as_str(), run.policy.as_str());
        by_database.entry(key).or_default().push((execution, run));
    }
    let mut superseded = BTreeMap::new();
    for mut group in by_database.into_values() {
        group.sort_by_key(|(execution, run)| {
            (run.planned_at, execution.started_at, &execution.name)
        });
        let Some((last, _)) = group.pop() else {
            continue;
        };
        let others = group.into_iter();
        superseded.extend(others.map(|(other, _)| (other.name.clone(), last.name.clone())));
    }
    superseded
}
