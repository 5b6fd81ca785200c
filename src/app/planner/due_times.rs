//! Of which due time each database of a policy is planned on this tick.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::id::names::ResourceId;
use crate::domain::policy::cursor::Cursor;
use crate::domain::policy::in_force::Policy;
use crate::domain::policy::spread::{OpenSpread, later, offset};

/// A due time, and a database's own time of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnDue {
    /// The schedule's due time, which names the run.
    pub(super) at: Timestamp,
    /// When the database is due. Catching up counts from it.
    pub(super) own: Timestamp,
}

/// Whether a database is planned now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DueOf {
    /// For this due time.
    Now(OwnDue),
    /// Its own time comes later.
    Later(Timestamp),
}

/// Which due times are planned on a tick.
#[derive(Debug, Clone, Copy)]
pub(super) enum DueTimes<'a> {
    /// One, of every database at once: a person asks for it.
    AtOnce(Timestamp),
    /// The region is listed for a due time: each database whose own time has come, and, of the others, each to which the due
    /// time before is still owed.
    Listed {
        due: Timestamp,
        /// What is still owed.
        before: Option<&'a Before>,
        now: Timestamp,
    },
    /// Those that are known by name, each with what is owed to it.
    Known(&'a BTreeMap<ResourceId, OwnDue>),
}

impl DueTimes<'_> {
    /// Of which due time a database is planned.
    pub(super) fn of(&self, policy: &Policy, database: &ResourceId) -> DueOf {
        match self {
            Self::AtOnce(at) => DueOf::Now(OwnDue { at: *at, own: *at }),
            Self::Listed { due, before, now } => {
                let own = policy.own_time(*due, database);
                if own <= *now {
                    return DueOf::Now(OwnDue { at: *due, own });
                }
                let owed = before.and_then(|before| before.owed(policy, database));
                owed.map_or(DueOf::Later(own), DueOf::Now)
            }
            Self::Known(all) => match all.get(database) {
                Some(due) => DueOf::Now(*due),
                None => DueOf::Later(Timestamp::MAX),
            },
        }
    }
}

/// The due time before the one that has come, as far as it was not planned: its own times may end with the tick before, and
/// a database may have been kept by name.
#[derive(Debug)]
pub(super) struct Before {
    due: Timestamp,
    /// `None` if no own time of it was planned, or every one was.
    spread: Option<OpenSpread>,
    is_planned: bool,
    kept: Vec<ResourceId>,
}

impl Before {
    /// What the cursor says of the due time before `due`. `None` if there is none, or the policy was not planned before.
    pub(super) fn of(policy: &Policy, due: Timestamp, cursor: Option<&Cursor>) -> Option<Self> {
        let cursor = cursor?;
        let before = *policy
            .schedule
            .last(2, due)
            .iter()
            .rev()
            .find(|at| **at < due)?;
        let is_it = cursor.until == before;
        let kept = cursor.kept.iter().filter(|kept| kept.due == before);
        Some(Self {
            due: before,
            spread: cursor.spread.filter(|_| is_it),
            is_planned: cursor.until >= before,
            kept: kept.map(|kept| kept.database.resource_id.clone()).collect(),
        })
    }

    fn owed(&self, policy: &Policy, database: &ResourceId) -> Option<OwnDue> {
        let own = match &self.spread {
            Some(open) => later(self.due, offset(database, open.over)),
            None => policy.own_time(self.due, database),
        };
        let was_planned = match &self.spread {
            Some(open) => own <= open.through,
            None => self.is_planned,
        };
        let is_owed = !was_planned || self.kept.contains(database);
        is_owed.then_some(OwnDue { at: self.due, own })
    }
}
