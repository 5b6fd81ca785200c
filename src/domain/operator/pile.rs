//! Snapshots that are counted together, with their sizes and what they cost.

use super::prices::{AURORA_BACKUP_MONTH, SNAPSHOT_MONTH};
use crate::domain::id::arn::Family;
use crate::domain::rds::snapshot::Snapshot;

/// A number of snapshots with their sizes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pile {
    /// How many there are.
    pub count: usize,
    /// The allocated storage of those of instances, in GiB.
    pub instances_gib: i64,
    /// The storage of those of clusters, in GiB.
    pub clusters_gib: i64,
    /// How many of them have no known cost. They have no part in the sizes.
    pub unpriced: usize,
}

impl Pile {
    /// Adds a snapshot.
    pub fn add(&mut self, snapshot: &Snapshot) {
        self.count += 1;
        let size = i64::from(snapshot.size_gib);
        match snapshot.arn.family() {
            Family::Instance if size > 0 => self.instances_gib += size,
            // RDS reports 0 or 1 if it does not measure the size, and the one price for clusters is Aurora's.
            Family::Cluster if size > 1 && snapshot.engine.starts_with("aurora") => {
                self.clusters_gib += size;
            }
            Family::Instance | Family::Cluster => self.unpriced += 1,
        }
    }

    /// Adds another pile.
    pub fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.instances_gib += other.instances_gib;
        self.clusters_gib += other.clusters_gib;
        self.unpriced += other.unpriced;
    }

    /// What they cost in a month at most, in US dollars, without those of unknown cost. RDS bills what a snapshot adds to
    /// those before it, so the truth is mostly far below.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "dollars are shown in full")]
    pub fn dollars_a_month(&self) -> f64 {
        self.instances_gib as f64 * SNAPSHOT_MONTH.per_gb
            + self.clusters_gib as f64 * AURORA_BACKUP_MONTH.per_gb
    }

    /// The same, or `None` if there are some and no cost of them is known.
    #[must_use]
    pub fn dollars_if_known(&self) -> Option<f64> {
        let is_known = self.count == 0 || self.unpriced < self.count;
        is_known.then(|| self.dollars_a_month())
    }

    /// The size in GiB.
    #[must_use]
    pub fn gib(&self) -> i64 {
        self.instances_gib + self.clusters_gib
    }
}
