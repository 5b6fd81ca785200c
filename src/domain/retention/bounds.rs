//! Bounds: how much one round may remove. They cut a plan, the oldest first, and never refuse it, so that a backlog
//! drains.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::id::names::ResourceId;

/// How much one round may remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many of a hundred recovery points of a database; at least one may go.
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

/// A recovery point that may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Its database.
    pub database: DatabaseId,
    /// The snapshot.
    pub snapshot: RdsArn,
    /// When its data was taken, where that is known.
    pub at: Option<Timestamp>,
}

/// What may go in this round, the oldest first. `points` says how many recovery points each database has.
#[must_use]
pub fn cut(
    bounds: Bounds,
    points: &BTreeMap<DatabaseId, usize>,
    mut removals: Vec<Removal>,
) -> Vec<Removal> {
    removals.sort_by(|a, b| (a.at, &a.snapshot).cmp(&(b.at, &b.snapshot)));
    let mut left: BTreeMap<DatabaseId, usize> = BTreeMap::new();
    removals.retain(|removal| {
        let left = left.entry(removal.database.clone()).or_insert_with(|| {
            let points = points.get(&removal.database).copied().unwrap_or_default();
            (points.saturating_mul(bounds.share) / 100).max(1)
        });
        let may_go = *left > 0;
        *left = left.saturating_sub(1);
        may_go
    });
    removals.truncate(bounds.max);
    removals
}
