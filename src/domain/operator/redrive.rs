//! Failed executions: which can continue where they stopped, and which need a new execution.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use crate::domain::id::names::ExecutionName;
use crate::domain::limits::REDRIVE_WINDOW;
use crate::domain::run::command::ProtectionRequest;

/// The error of an execution that `snapferry stop` has stopped.
pub const STOPPED: &str = "Snapferry.Stopped";

/// Whether an error of Step Functions says that a state's four days are over: it was not answered in time, or not
/// even asked about in time. Our states take heartbeats until a second before their timeout, so both mean the same.
#[must_use]
pub fn four_days_are_over(error: &str) -> bool {
    matches!(error, "States.Timeout" | "States.HeartbeatTimeout")
}

/// What ended an execution, for a person. Step Functions gives no cause when a state's time is over.
#[must_use]
pub fn cause_in_words(error: Option<&str>, cause: Option<&str>) -> String {
    match (error, cause) {
        (Some(error), _) if four_days_are_over(error) => {
            "four days are over: its command was parked and not replayed, or the copy takes longer"
                .to_owned()
        }
        (_, cause) => cause.unwrap_or_default().to_owned(),
    }
}

/// How an execution ended, if not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailedStatus {
    /// `FAILED`
    Failed,
    /// `TIMED_OUT`
    TimedOut,
    /// `ABORTED`: a person stopped it.
    Aborted,
}

impl FailedStatus {
    /// Every status.
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

/// An execution as ListExecutions shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedExecution {
    /// Its name.
    pub name: ExecutionName,
    /// How it ended.
    pub ended: FailedStatus,
    /// When it was first started. A redrive does not change this.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// What Step Functions says about a redrive in advance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redrivable {
    /// `REDRIVABLE`
    Yes,
    /// `NOT_REDRIVABLE`, with its reason.
    No(String),
    /// Nothing. Its answer to the redrive will say.
    Unanswered,
}

/// An execution as DescribeExecution shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Whether it is running again by now, or about to.
    pub running: bool,
    /// When it was started, if that can be read.
    pub started_at: Option<Timestamp>,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// Its input. `None` if it is not an input of Snapferry.
    pub run: Option<ProtectionRequest>,
    /// The error that ended it.
    pub error: Option<String>,
    /// The cause of that error, for a person.
    pub cause: Option<String>,
    /// How often it has been redriven.
    pub redrives: u32,
    /// Whether it can be redriven.
    pub redrivable: Redrivable,
}

/// Why only a new execution can do the work of a failed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestartReason {
    /// The definition has changed, and a redrive would follow the old one.
    DefinitionChanged,
    /// It ended too long ago.
    WindowOver,
    /// Step Functions refuses a redrive, for this reason.
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
                "it ended more than {} days ago, and can no longer be redriven",
                REDRIVE_WINDOW.as_hours() / 24
            ),
            Self::Refused(why) => write!(f, "Step Functions cannot redrive it: {why}"),
        }
    }
}

/// How the work of a failed execution can still be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedriveAction {
    /// The execution continues where it stopped.
    Redrive,
    /// A new execution does the work, and adopts the snapshots that exist.
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

/// Among several executions for one database and policy, only the last attempt for the latest due time should continue,
/// because all of them would take the same data now. Returns, for each of the others, which one takes its place.
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
