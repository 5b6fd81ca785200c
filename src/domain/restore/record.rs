//! What is stored of a restore while it is carried out, so that it can go on where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use super::gap::GapKind;
use super::plan::{RestorePlan, Step, StepKind};
use super::refusal::RestoreRefusal;
use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::id::names::ResourceId;

/// What names a restore in the recovery region: there is one for each name of a database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RestoreKey {
    /// Whether it makes an instance or a cluster.
    pub family: Family,
    /// What the restored database is called.
    pub name: String,
}

impl fmt::Display for RestoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.family {
            Family::Instance => write!(f, "db#{}", self.name),
            Family::Cluster => write!(f, "cluster#{}", self.name),
        }
    }
}

/// When a call was sent, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// The last time. It is stored before the call is made.
    pub last: Timestamp,
    /// How many times RDS has accepted it.
    pub times: u32,
}

/// One restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreRecord {
    /// The database, as it was.
    pub database: RdsArn,
    /// The recovery point.
    pub point: RdsArn,
    /// When its data was taken.
    pub taken_at: Option<Timestamp>,
    /// What the restored database is called.
    pub name: String,
    /// Whether it counts as running before its backups are on.
    pub is_fast: bool,
    /// The gaps that a person has accepted.
    pub accepted: BTreeSet<GapKind>,
    /// When it was asked for.
    pub began_at: Timestamp,
    /// The resource ids of what its own calls made, by name: the database's, and its members'.
    pub made: BTreeMap<String, ResourceId>,
    /// The calls that were sent, by the keys of their steps.
    pub sent: BTreeMap<String, Sending>,
    /// When it was first found running.
    pub running_at: Option<Timestamp>,
    /// When nothing was left to do.
    pub done_at: Option<Timestamp>,
}

impl RestoreRecord {
    /// A restore that is asked for now.
    #[must_use]
    pub fn new(plan: &RestorePlan, is_fast: bool, now: Timestamp) -> Self {
        let accepted = plan.gaps.iter().filter(|gap| gap.is_accepted);
        Self {
            database: plan.database.clone(),
            point: plan.point.clone(),
            taken_at: plan.taken_at,
            name: plan.name.clone(),
            is_fast,
            accepted: accepted.map(|gap| gap.kind).collect(),
            began_at: now,
            made: BTreeMap::new(),
            sent: BTreeMap::new(),
            running_at: None,
            done_at: None,
        }
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> RestoreKey {
        RestoreKey {
            family: self.database.family(),
            name: self.name.clone(),
        }
    }

    /// Notes that a call is sent now. Without an answer it stays sent, for RDS may still show its effect.
    pub fn note_sending(&mut self, step: String, now: Timestamp) {
        let times = self.sent.get(&step).map_or(0, |sent| sent.times);
        self.sent.insert(step, Sending { last: now, times });
    }

    /// Notes that RDS has accepted a call that was sent, and the database that it made.
    pub fn note_accepted(&mut self, step: &Step, made: Option<ResourceId>) {
        if let Some(sending) = self.sent.get_mut(&step.key()) {
            sending.times += 1;
        }
        let name = match &step.kind {
            StepKind::Restore => &self.name,
            StepKind::Member(name) => name,
            _ => return,
        };
        self.made.extend(made.map(|made| (name.clone(), made)));
    }

    /// Notes that RDS has refused a call that was sent. `before` is what was noted of it before that.
    ///
    /// One that is sent again later stays sent, for an earlier try of it may have been taken. But nobody waits for its
    /// effect: it counts as sent no later than `latest`.
    pub fn note_refused(
        &mut self,
        step: String,
        refusal: RestoreRefusal,
        before: Option<Sending>,
        latest: Timestamp,
    ) {
        match refusal {
            RestoreRefusal::AlreadyThere => {}
            RestoreRefusal::Later => {
                if let Some(sending) = self.sent.get_mut(&step) {
                    sending.last = sending.last.min(latest);
                }
            }
            RestoreRefusal::Person => {
                self.sent.remove(&step);
                self.sent.extend(before.map(|before| (step, before)));
            }
        }
    }
}
