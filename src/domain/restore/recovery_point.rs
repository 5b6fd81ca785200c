//! Which recovery point of each database is restored.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::configuration::ConfigurationHash;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{CONFIGURATION, StackId};
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::retention::forget::PointState;
use crate::domain::retention::inventory::{self, Origin, Ownership, ownership};

/// A good recovery point of this stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryPoint {
    /// The copy.
    pub snapshot: Snapshot,
    /// What its tags and its name say of it.
    pub origin: Origin,
    /// When its data was taken.
    pub taken_at: Option<Timestamp>,
}

impl RecoveryPoint {
    /// The configuration that it names.
    #[must_use]
    pub fn configuration(&self) -> Option<ConfigurationHash> {
        let hash = self.snapshot.tags.get(CONFIGURATION)?;
        ConfigurationHash::parse(hash).ok()
    }
}

/// The newest good recovery point of each database, by the time of its data: of all, or of those up to a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewestPoints {
    up_to: Option<Timestamp>,
    all: BTreeMap<ResourceId, RecoveryPoint>,
}

impl NewestPoints {
    /// Those whose data was taken no later than this.
    #[must_use]
    pub fn up_to(up_to: Option<Timestamp>) -> Self {
        Self {
            up_to,
            all: BTreeMap::new(),
        }
    }

    /// Looks at a snapshot. What another made or cannot be restored does not count, and with a time neither does one
    /// whose own time is unknown.
    pub fn add(&mut self, stack: &StackId, snapshot: Snapshot) {
        let Ownership::Ours(origin) = ownership(&snapshot, stack) else {
            return;
        };
        // An older key is no fault here: the copy can be restored.
        let point = inventory::point(&snapshot, &origin, None, None);
        let is_in_time = self
            .up_to
            .is_none_or(|up_to| point.at.is_some_and(|at| at <= up_to));
        if point.state != PointState::Good || !is_in_time {
            return;
        }
        let id = origin.database.resource_id.clone();
        let point = RecoveryPoint {
            taken_at: point.at,
            snapshot,
            origin: *origin,
        };
        let order = |point: &RecoveryPoint| (point.taken_at, point.snapshot.arn.clone());
        let known = self.all.get(&id);
        if known.is_none_or(|known| order(known) < order(&point)) {
            self.all.insert(id, point);
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &RecoveryPoint> {
        self.all.values()
    }

    /// Those of the databases of this identifier, ARN or resource id, the one with the newest data first. A name has
    /// several where a database was made anew under it.
    #[must_use]
    pub fn find(&self, name: &str) -> Vec<&RecoveryPoint> {
        let is_it = |point: &&RecoveryPoint| {
            let database = &point.origin.database;
            database.arn.name() == name
                || database.arn.to_string() == name
                || database.resource_id.as_str() == name
        };
        let mut found: Vec<&RecoveryPoint> = self.iter().filter(is_it).collect();
        found.sort_by_key(|point| std::cmp::Reverse(point.taken_at));
        found
    }
}
