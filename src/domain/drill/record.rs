//! What is stored of the drills of a database: the one that is under way, and the last ones.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::judge::{Check, DrillDifference};
use super::name::DrillId;
use super::options::Level;
use super::plan::DrillPlan;
use crate::domain::id::arn::Family;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::span::Span;
use crate::domain::restore::record::RestoreRecord;

/// How many drills of a database are kept.
pub const DRILLS_MAX: usize = 12;

/// How a drill ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", content = "why", rename_all = "kebab-case")]
pub enum Verdict {
    /// Its level was reached.
    Passed,
    /// These are the reasons why it was not.
    Failed(Vec<String>),
    /// It came to no result, for this reason. It does not count as a drill.
    Incomplete(String),
}

impl Verdict {
    /// Its word.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Incomplete(_) => "incomplete",
        }
    }

    /// Whether it counts as a drill of its database.
    #[must_use]
    pub fn is_result(&self) -> bool {
        matches!(self, Self::Passed | Self::Failed(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed(why) => write!(f, "failed: {}", why.join("; ")),
            Self::Incomplete(why) => write!(f, "incomplete: {why}"),
        }
    }
}

/// One drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillRecord {
    /// Which one of its database.
    pub id: DrillId,
    /// The database's resource id.
    pub of: ResourceId,
    /// The policy.
    pub policy: PolicyName,
    /// Who began it.
    pub by: String,
    /// The level that it is to reach.
    pub level: Level,
    /// When everything of it must be gone.
    pub deadline: Timestamp,
    /// How soon the database should be back, by the policy.
    pub rto: Option<Span>,
    /// How old its newest recovery point may be, by the policy.
    pub rpo: Option<Span>,
    /// What it costs at most, in cents, if it can be told.
    pub cents: Option<u64>,
    /// Its restore: the recovery point, the names, and what its own calls made.
    pub restore: RestoreRecord,
    /// What was checked.
    pub checks: Vec<Check>,
    /// What the drill had otherwise than its database, with the reason.
    pub differs: Vec<DrillDifference>,
    /// When RDS ran it with the settings of the catalog.
    pub runs_at: Option<Timestamp>,
    /// How often the user's function was asked without an answer.
    pub check_tries: u32,
    /// When the user's function said that its data is right.
    pub checked_at: Option<Timestamp>,
    /// The newest record that the user's function found.
    pub newest_record_at: Option<Timestamp>,
    /// How it ended.
    pub verdict: Option<Verdict>,
    /// When RDS was first asked to delete it.
    pub deleted_at: Option<Timestamp>,
    /// When RDS no longer showed anything of it.
    pub gone_at: Option<Timestamp>,
    /// What stays of it, and why: a person has taken away what marks it as the drill's.
    pub kept: Option<String>,
    /// The hash of the record of the drill before it, if there is one.
    pub previous: Option<String>,
}

impl DrillRecord {
    /// A drill that begins now.
    #[must_use]
    pub fn new(plan: &DrillPlan, by: &str, rpo: Option<Span>, now: Timestamp) -> Self {
        Self {
            id: plan.id.clone(),
            of: plan.database.resource_id.clone(),
            policy: plan.policy.clone(),
            by: by.to_owned(),
            level: plan.options.level,
            deadline: plan.deadline,
            rto: plan.options.rto,
            rpo,
            cents: plan.cents,
            restore: RestoreRecord::new(&plan.restore, true, now),
            checks: Vec::new(),
            differs: Vec::new(),
            runs_at: None,
            check_tries: 0,
            checked_at: None,
            newest_record_at: None,
            verdict: None,
            deleted_at: None,
            gone_at: None,
            kept: None,
            previous: None,
        }
    }

    /// Whether it has something left to do. What a person keeps of it is the person's.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.gone_at.is_none() && self.kept.is_none()
    }

    /// Whether it has come to its end by now: by a result, or by its deadline.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.verdict.is_some() || self.deadline <= now
    }

    /// Ends it because it was not done by its deadline. A result that it has stays.
    pub fn end_at_deadline(&mut self) {
        if self.verdict.is_none() {
            let why = format!("deadline: it was not done by {}", self.deadline);
            self.verdict = Some(Verdict::Failed(vec![why]));
        }
    }

    /// The family of what it restores.
    #[must_use]
    pub fn family(&self) -> Family {
        self.restore.database.family()
    }

    /// The names of the cluster's members that its calls made or may have made.
    #[must_use]
    pub fn members(&self) -> BTreeSet<String> {
        let sent = self.restore.sent.keys();
        let sent = sent.filter_map(|key| key.strip_prefix("member:"));
        let made = self.restore.made.keys().map(String::as_str);
        let made = made.filter(|name| *name != self.restore.name);
        sent.chain(made).map(ToOwned::to_owned).collect()
    }

    /// How long it took from the request until the level was proved, for each level that was.
    #[must_use]
    pub fn measured(&self) -> Vec<(Level, SignedDuration)> {
        let levels = [
            (Level::Runs, self.runs_at),
            (Level::Checked, self.checked_at),
        ];
        let since = self.restore.began_at;
        let reached = levels.into_iter();
        reached
            .filter_map(|(level, at)| Some((level, at?.duration_since(since))))
            .collect()
    }

    /// The highest level that was proved.
    #[must_use]
    pub fn reached(&self) -> Option<Level> {
        self.measured().pop().map(|(level, _)| level)
    }

    /// How old the data was when the drill began: by the newest record that was found, or else by the recovery point.
    #[must_use]
    pub fn data_age(&self) -> Option<SignedDuration> {
        let newest = self.newest_record_at.or(self.restore.taken_at)?;
        Some(self.restore.began_at.duration_since(newest))
    }
}

/// The drills of a database, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drills(pub Vec<DrillRecord>);

impl Drills {
    /// The one that is under way.
    #[must_use]
    pub fn open(&self) -> Option<&DrillRecord> {
        self.0.iter().find(|one| one.is_open())
    }

    /// The last one that came to a result at this level. One that passed at a lower one proves less than was asked.
    #[must_use]
    pub fn last(&self, level: Level) -> Option<&DrillRecord> {
        self.0.iter().find(|one| match &one.verdict {
            Some(Verdict::Passed) => one.level >= level,
            Some(verdict) => verdict.is_result(),
            None => false,
        })
    }

    /// When the last one that came to a result at this level ended.
    #[must_use]
    pub fn last_at(&self, level: Level) -> Option<Timestamp> {
        let last = self.last(level)?;
        let proved = last.checked_at.or(last.runs_at);
        Some(proved.or(last.gone_at).unwrap_or(last.restore.began_at))
    }

    /// The drill of this id.
    #[must_use]
    pub fn find(&self, id: &DrillId) -> Option<&DrillRecord> {
        self.0.iter().find(|one| one.id == *id)
    }

    /// The same with this record in its place, or as the newest. The oldest ones that are over make room.
    #[must_use]
    pub fn with(&self, record: DrillRecord) -> Self {
        let mut all = self.0.clone();
        match all.iter_mut().find(|one| one.id == record.id) {
            Some(known) => *known = record,
            None => all.insert(0, record),
        }
        while all.len() > DRILLS_MAX {
            let Some(oldest) = all.iter().rposition(|one| !one.is_open()) else {
                break;
            };
            all.remove(oldest);
        }
        Self(all)
    }
}
