//! A second, independent rule about the removal of a configuration. It shares no code with `sight_unnamed`, so that a fault
//! of one of them removes nothing.
//!
//! It looks at all snapshots, also those of other stacks and of people, and at the versions as they are right before the removal.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::domain::id::tags::CONFIGURATION;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::restore::configuration::ConfigurationHash;
use crate::domain::restore::versions::Versions;

/// For how long after it was in force a configuration is kept: longer than the 90 days for which Step Functions knows a run
/// that began with it, and a person may let it go on.
const LATELY: SignedDuration = SignedDuration::from_hours(120 * 24);

/// Why a configuration is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keeps {
    /// The inventory is not complete.
    Incomplete,
    /// A snapshot names it.
    NamedBySnapshot,
    /// It is in force, or the versions do not show until when it was.
    InForce,
    /// It was in force in the last months, and a run that began with it may still make its copy.
    Lately,
    /// A recovery point that names none was taken while it was in force, or at an unknown time.
    MayBeNamed,
}

impl fmt::Display for Keeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incomplete => "the inventory is not complete",
            Self::NamedBySnapshot => "a snapshot names it",
            Self::InForce => "it is in force",
            Self::Lately => "it was in force in the last 120 days",
            Self::MayBeNamed => "a recovery point without a configuration may need it",
        })
    }
}

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct ConfigurationCase<'a> {
    /// Whether all snapshots were listed, and every row could be read.
    pub is_complete: bool,
    /// What the tags of all snapshots of the region name, of other stacks and people too, and what the runs of open waits do.
    pub named_anywhere: &'a BTreeSet<String>,
    /// The database's snapshots.
    pub snapshots: &'a [&'a Snapshot],
    /// Its versions, read right before.
    pub versions: &'a Versions,
    /// The time.
    pub now: Timestamp,
}

/// Why a configuration must be kept. Nothing if it may go.
#[must_use]
pub fn keeps(case: &ConfigurationCase<'_>, hash: &ConfigurationHash) -> Option<Keeps> {
    if !case.is_complete {
        return Some(Keeps::Incomplete);
    }
    if case.named_anywhere.contains(hash.as_str()) {
        return Some(Keeps::NamedBySnapshot);
    }
    let mut from: Option<Timestamp> = None;
    let mut times: Vec<(Timestamp, Timestamp)> = Vec::new();
    for version in &case.versions.all {
        if let Some(began) = from.take() {
            times.push((began, version.since));
        }
        if version.hash == *hash {
            from = Some(version.since);
        }
    }
    // The last of the list has no end, and one that is not listed has no times.
    if from.is_some() || times.is_empty() {
        return Some(Keeps::InForce);
    }
    if times.iter().any(|(_, ended)| case.now < *ended + LATELY) {
        return Some(Keeps::Lately);
    }
    let may_need = |snapshot: &&&Snapshot| {
        let is_within = |at: Timestamp| {
            times
                .iter()
                .any(|(began, ended)| *began <= at && at < *ended)
        };
        match snapshot.taken_at {
            Some(at) => is_within(at),
            None => true,
        }
    };
    let names_none = |snapshot: &&&Snapshot| {
        let named = snapshot.tags.get(CONFIGURATION);
        named.is_none_or(|text| ConfigurationHash::parse(text).is_err())
    };
    let mut unnamed = case.snapshots.iter().filter(names_none);
    unnamed
        .any(|one| may_need(&one))
        .then_some(Keeps::MayBeNamed)
}
