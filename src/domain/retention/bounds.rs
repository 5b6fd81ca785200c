//! Bounds: how much one round may remove. They cut a plan, the oldest first, and never refuse it, so that a backlog
//! drains.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::id::names::ResourceId;

/// How much one round may remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many of a hundred recovery points of a database, and how many of a hundred of its source snapshots; at least one
    /// of each may go.
    pub share: usize,
    /// How many of the whole stack.
    pub max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            share: 10,
            max: 500,
        }
    }
}

/// A database, whichever policies protect it.
pub type DatabaseId = (Region, ResourceId);

/// Where a snapshot lies. Each place has a bound of its own: what piles up in one takes nothing from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A recovery point in the recovery region.
    Recovery,
    /// A snapshot beside its database.
    Source,
}

/// A recovery point or source snapshot that may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Its database.
    pub database: DatabaseId,
    /// Where it lies.
    pub place: Place,
    /// The snapshot.
    pub snapshot: RdsArn,
    /// When its data was taken, where that is known.
    pub at: Option<Timestamp>,
}

/// What may go in this round, the oldest first. `points` says how many snapshots each database has in each place.
#[must_use]
pub fn cut(
    bounds: Bounds,
    points: &BTreeMap<(DatabaseId, Place), usize>,
    mut removals: Vec<Removal>,
) -> Vec<Removal> {
    removals.sort_by(|a, b| (a.at, &a.snapshot).cmp(&(b.at, &b.snapshot)));
    let mut left: BTreeMap<(DatabaseId, Place), usize> = BTreeMap::new();
    removals.retain(|removal| {
        let of = (removal.database.clone(), removal.place);
        let points = points.get(&of).copied().unwrap_or_default();
        let left = left
            .entry(of)
            .or_insert_with(|| (points.saturating_mul(bounds.share) / 100).max(1));
        let may_go = *left > 0;
        *left = left.saturating_sub(1);
        may_go
    });
    removals.truncate(bounds.max);
    removals
}
