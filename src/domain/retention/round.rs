//! What the pruner remembers between its rounds, and what stops it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::id::arn::RdsArn;

/// What is remembered of the rounds before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// When the last complete round looked.
    pub complete_at: Option<Timestamp>,
    /// What RDS was asked to delete, since when. Removed means that a later round does not find it.
    pub removing: BTreeMap<RdsArn, Timestamp>,
    /// The rules whose removals may be carried out: the version of the policies that removed nothing that the one before it
    /// would keep, or that a person approved. A drain leaves it alone. `None` before the first round that compared.
    pub approved: Option<String>,
}

/// An entry that says that a snapshot is being removed. It stands where the snapshot's wait would stand, so that only
/// one of the two can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalEntry {
    /// The snapshot.
    pub snapshot: RdsArn,
    /// When it was entered.
    pub at: Timestamp,
    /// Why it may go.
    pub why: String,
}

/// How long an entry stands if nobody takes it back: longer than any outage of the pruner that people overlook.
pub const REMOVAL_TIME_TO_LIVE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A person has stopped all removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// The reason.
    pub why: String,
    /// Who froze it.
    pub by: String,
    /// The time since when it is frozen.
    pub at: Timestamp,
    /// Whether what drills made is not removed either.
    pub and_drills: bool,
}
