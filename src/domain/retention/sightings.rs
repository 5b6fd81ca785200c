//! Sightings: what may be removed is noted first, and removed if it still may be after the grace period.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::id::arn::RdsArn;

/// The grace period, unless the stack sets another.
pub const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// How long after the last complete round its notes still count. A round that nobody made could not have taken a note
/// back.
pub const ROUND_MAX: SignedDuration = SignedDuration::from_hours(3);

/// How many notes a database may have, so that they fit into one item. The oldest come first.
pub const NOTES_MAX: usize = 1_000;

/// What was noted about one database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// By which rules it was noted: the version of the policies.
    pub rules: String,
    /// The time since when each of these snapshots may go.
    pub since: BTreeMap<RdsArn, Timestamp>,
}

/// What a round makes of the notes before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sighted {
    /// The notes that are stored now.
    pub notes: Notes,
    /// What may go now.
    pub ripe: BTreeSet<RdsArn>,
}

/// Looks at what may go, the oldest first, in the light of what was noted.
///
/// A note lapses if its snapshot may no longer be removed, if the rules' version has changed, or if no round was
/// complete in the last three hours.
#[must_use]
pub fn sight(
    before: Option<&Notes>,
    rules: &str,
    removable: &[RdsArn],
    last_round: Option<Timestamp>,
    grace: SignedDuration,
    now: Timestamp,
) -> Sighted {
    let rounds_went_on = last_round.is_some_and(|last| now.duration_since(last) <= ROUND_MAX);
    let before = before.filter(|notes| rounds_went_on && notes.rules == rules);
    let since: BTreeMap<RdsArn, Timestamp> = removable
        .iter()
        .take(NOTES_MAX)
        .map(|snapshot| {
            let noted = before.and_then(|notes| notes.since.get(snapshot));
            (snapshot.clone(), noted.copied().unwrap_or(now))
        })
        .collect();
    // What is seen for the first time never goes in the same round, however short the grace period is.
    let ripe = since
        .iter()
        .filter(|(snapshot, at)| {
            let was_noted = before.is_some_and(|notes| notes.since.contains_key(*snapshot));
            was_noted && now.duration_since(**at) >= grace
        })
        .map(|(snapshot, _)| snapshot.clone())
        .collect();
    Sighted {
        notes: Notes {
            rules: rules.to_owned(),
            since,
        },
        ripe,
    }
}
