//! The outcome for each database that was planned.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use tracing::{info, warn};

use crate::app::start::StartOutcome;
use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{ExecutionName, ResourceId};
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::choice::{ExclusionReason, NotNow, Refusal};
use crate::domain::policy::cursor::{Kept, KeptWhy};
use crate::domain::policy::timing::{Waits, WaitsWhy};
use crate::domain::rds::database::UnreadableRow;
use crate::domain::run::refusal::RefusedForGood;

/// The outcome for one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An execution was started.
    Started(ExecutionName),
    /// An execution of this name would be started. Only a dry run says so.
    WouldStart(ExecutionName),
    /// An execution is still running. The planner reports it and starts no second one.
    StillRunning(ExecutionName),
    /// The recovery point of this due time exists already.
    Done(ExecutionName),
    /// It is not protected.
    Excluded(ExclusionReason),
    /// A policy selects it, and RDS can never protect it.
    Refused(Refusal),
    /// It is selected, and RDS takes no snapshot of it in its status. No execution was started.
    NotNow(NotNow),
    /// RDS has refused it permanently. Until something changes no snapshot is taken, and once a week the copy is tried again.
    Remembered(RefusedForGood),
    /// It waits for its policy's next due time.
    Waits(Waits),
    /// Its policy has automated snapshots copied, and RDS has none of it.
    NothingToCopy,
    /// It could not be started now. The planner's next run tries again.
    Failed(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(name) => write!(f, "started {name}"),
            Self::WouldStart(name) => write!(f, "would start {name}"),
            Self::StillRunning(name) => write!(f, "still running {name}"),
            Self::Done(name) => write!(f, "done by {name}"),
            Self::Excluded(why) => write!(f, "left out: {why}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::NotNow(why) => write!(f, "not now: {why}"),
            Self::Remembered(refusal) => write!(f, "tried and refused: {refusal}"),
            Self::Waits(waits) => waits.fmt(f),
            Self::NothingToCopy => {
                f.write_str("nothing to copy: RDS has no automated snapshot of it")
            }
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

impl From<StartOutcome> for Outcome {
    fn from(outcome: StartOutcome) -> Self {
        match outcome {
            StartOutcome::Started(name) => Self::Started(name),
            StartOutcome::StillRunning(name) => Self::StillRunning(name),
            StartOutcome::Done(name) => Self::Done(name),
            StartOutcome::NotStarted(why) => Self::Failed(why.to_string()),
        }
    }
}

/// One database's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The database.
    pub database: RdsArn,
    /// Its resource id.
    pub resource_id: ResourceId,
    /// Its outcome.
    pub outcome: Outcome,
    /// Why its due time is still owed to it, if it is. It is then kept by name beside the cursor.
    pub kept: Option<KeptWhy>,
    /// The due time that it was planned for, or its own time if that comes later.
    pub due: Timestamp,
}

impl Row {
    /// Whether its due time is skipped as long as its execution for a due time before goes on.
    #[must_use]
    pub fn is_skipped(&self) -> bool {
        self.kept == Some(KeptWhy::StillRunning)
    }
}

/// The planner's result for one policy in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The policy.
    pub policy: PolicyName,
    /// The region.
    pub region: Region,
    /// Whether the policy is paused: nothing of it is started then.
    pub is_paused: bool,
    /// The due time; `None` if nothing is due.
    pub due: Option<Timestamp>,
    /// Whether the planner asked only about the databases that the due time had left over.
    pub only_left_over: bool,
    /// A row for each database of the policy, and for each that no policy selects. The latter appear only once, with
    /// the first policy that is planned in the region.
    pub rows: Vec<Row>,
    /// The databases whose rows RDS gave in a form that cannot be read.
    pub unreadable: Vec<UnreadableRow>,
    /// The names of all databases that were listed, if somebody asks for some by name.
    pub names: BTreeSet<String>,
    /// Why the region, or the rest of it, could not be planned.
    pub error: Option<String>,
}

impl Planned {
    /// How many executions were started.
    #[must_use]
    pub fn started(&self) -> usize {
        self.count(|row| matches!(row.outcome, Outcome::Started(_)))
    }

    /// How many databases skip the due time because their run before still goes on.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.count(Row::is_skipped)
    }

    fn count(&self, is: impl Fn(&Row) -> bool) -> usize {
        self.rows.iter().filter(|row| is(row)).count()
    }

    /// How many databases were left out, refused or put off, for each reason: `cluster-member 2, not-tagged 1`.
    #[must_use]
    pub fn left_out(&self) -> String {
        let mut counts = BTreeMap::new();
        for row in &self.rows {
            let name = match &row.outcome {
                Outcome::Excluded(why) => why.name(),
                Outcome::Refused(why) => why.name(),
                Outcome::NotNow(_) => "not-now",
                Outcome::Remembered(_) => RefusedForGood::NAME,
                Outcome::Waits(waits) => waits.why.name(),
                Outcome::NothingToCopy => "nothing-to-copy",
                Outcome::Started(_)
                | Outcome::WouldStart(_)
                | Outcome::StillRunning(_)
                | Outcome::Done(_)
                | Outcome::Failed(_) => continue,
            };
            *counts.entry(name).or_insert(0) += 1;
        }
        if !self.unreadable.is_empty() {
            counts.insert("unreadable", self.unreadable.len());
        }
        let counts = counts.iter().map(|(name, count)| format!("{name} {count}"));
        counts.collect::<Vec<_>>().join(", ")
    }

    /// Whether every database that is due has its execution.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.error.is_none() && self.count(|row| matches!(row.outcome, Outcome::Failed(_))) == 0
    }

    /// The databases that the policy selects and RDS can protect.
    pub(super) fn selected(&self) -> impl Iterator<Item = DatabaseRef> {
        let is_selected =
            |row: &&Row| !matches!(row.outcome, Outcome::Excluded(_) | Outcome::Refused(_));
        self.rows.iter().filter(is_selected).map(|row| DatabaseRef {
            arn: row.database.clone(),
            resource_id: row.resource_id.clone(),
        })
    }

    /// The databases that the due time is still owed to.
    pub(super) fn left_over(&self) -> Vec<Kept> {
        let kept = |row: &Row| {
            Some(Kept {
                database: DatabaseRef {
                    arn: row.database.clone(),
                    resource_id: row.resource_id.clone(),
                },
                why: row.kept?,
                due: row.due,
            })
        };
        self.rows.iter().filter_map(kept).collect()
    }
}

pub(super) fn log(planned: &Planned) {
    for row in &planned.rows {
        let (database, outcome) = (&row.database, &row.outcome);
        match outcome {
            Outcome::Failed(why) => warn!(%database, why, "could not be started"),
            Outcome::StillRunning(_) if row.is_skipped() => {
                warn!(%database, %outcome, "its due time is skipped until that run has ended");
            }
            Outcome::StillRunning(_) => warn!(%database, %outcome, "not started anew"),
            Outcome::Excluded(why) if why.is_mistake() => {
                warn!(%database, %why, "not protected");
            }
            Outcome::Refused(why) => warn!(%database, %why, "not protected"),
            Outcome::NotNow(why) => warn!(%database, %why, "not started now"),
            Outcome::Remembered(why) => warn!(%database, %why, "not protected"),
            Outcome::Waits(waits) if waits.why == WaitsWhy::OwnTime => {}
            Outcome::Waits(waits) => warn!(%database, %waits, "not started now"),
            Outcome::NothingToCopy => warn!(%database, "RDS has no automated snapshot to copy"),
            Outcome::Started(_)
            | Outcome::WouldStart(_)
            | Outcome::Done(_)
            | Outcome::Excluded(_) => {}
        }
    }
    for UnreadableRow { name, why } in &planned.unreadable {
        warn!(database = name, why, "a database that cannot be read");
    }
    let (started, skipped) = (planned.started(), planned.skipped());
    let (policy, region, left_out) = (&planned.policy, &planned.region, planned.left_out());
    match (&planned.error, planned.due) {
        (Some(error), _) => {
            warn!(%policy, %region, started, error, "a region could not be planned")
        }
        (None, Some(due)) => {
            info!(%policy, %region, %due, started, skipped, left_out, "planned");
        }
        (None, None) if planned.is_paused => info!(%policy, %region, "paused: nothing is started"),
        (None, None) => {}
    }
}
