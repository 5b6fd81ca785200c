//! Configurations that no recovery point names any more: which of them may go, and when.
//!
//! [`keeps`](crate::domain::retention::configuration_check) is a second rule about the same, which shares no code with this one.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::configuration::ConfigurationHash;
use super::versions::{Version, Versions};

/// How long a configuration must not have been in force. A failed run that began with it may be redriven or restarted as long
/// as Step Functions knows it, which is 90 days, and only its copy names the configuration.
pub const OUT_OF_FORCE_MIN: SignedDuration = SignedDuration::from_hours(120 * 24);

/// What a recovery point says of its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// The one that it names.
    pub named: Option<ConfigurationHash>,
    /// When its data was taken. If it names none, the configuration counts that was in force then.
    pub taken_at: Option<Timestamp>,
}

/// What a round makes of a database's versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnnamedSighting {
    /// The versions with what was noted.
    pub versions: Versions,
    /// The configurations that may go now.
    pub ripe: Vec<ConfigurationHash>,
}

/// Notes which configurations no recovery point names, and says which of them may go.
///
/// A note lapses if a recovery point names the configuration again, or if the rounds have not gone on.
#[must_use]
pub fn sight_unnamed(
    versions: &Versions,
    points: &[Naming],
    rounds_went_on: bool,
    grace: SignedDuration,
    now: Timestamp,
) -> UnnamedSighting {
    let named = all_named(versions, points);
    let last_in_force = |hash: &ConfigurationHash| {
        let last = versions.all.iter().rposition(|one| one.hash == *hash)?;
        versions.all.get(last + 1).map(|next| next.since)
    };
    let may_go = |hash: &ConfigurationHash| {
        let is_named = named.as_ref().is_none_or(|named| named.contains(hash));
        let is_old =
            last_in_force(hash).is_some_and(|at| now.duration_since(at) >= OUT_OF_FORCE_MIN);
        !is_named && is_old
    };
    let mut ripe: Vec<ConfigurationHash> = Vec::new();
    let noted = versions.all.iter().map(|one| {
        if one.is_removed || !may_go(&one.hash) {
            return Version {
                unnamed_since: one.unnamed_since.filter(|_| one.is_removed),
                ..one.clone()
            };
        }
        let before = one.unnamed_since.filter(|_| rounds_went_on);
        // What is seen for the first time never goes in the same round.
        if before.is_some_and(|at| now.duration_since(at) >= grace) && !ripe.contains(&one.hash) {
            ripe.push(one.hash.clone());
        }
        Version {
            unnamed_since: Some(before.unwrap_or(now)),
            ..one.clone()
        }
    });
    let versions = Versions {
        all: noted.collect(),
    };
    UnnamedSighting { versions, ripe }
}

/// What the recovery points name. Nothing if one of them may name any.
fn all_named(versions: &Versions, points: &[Naming]) -> Option<BTreeSet<ConfigurationHash>> {
    let mut all = BTreeSet::new();
    for point in points {
        match (&point.named, point.taken_at) {
            (Some(hash), _) => drop(all.insert(hash.clone())),
            (None, Some(at)) => all.extend(versions.at(at).map(|version| version.hash.clone())),
            (None, None) => return None,
        }
    }
    Some(all)
}

/// Notes that these configurations were removed.
#[must_use]
pub fn with_removed(versions: &Versions, removed: &[ConfigurationHash]) -> Versions {
    let all = versions.all.iter().map(|one| Version {
        is_removed: one.is_removed || removed.contains(&one.hash),
        ..one.clone()
    });
    Versions { all: all.collect() }
}
