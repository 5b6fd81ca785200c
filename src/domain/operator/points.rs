//! Recovery points as RDS lists them in the recovery region, gathered by database.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{self, PolicyName, StackId};
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};

/// One recovery point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The copy.
    pub arn: RdsArn,
    /// When its data was taken; nothing where neither RDS nor the copy's tag says it.
    pub taken_at: Option<Timestamp>,
}

/// All recovery points of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointsOf {
    /// The database that the newest one restores, as it was called then.
    pub database: RdsArn,
    /// The policy that made the newest one.
    pub policy: PolicyName,
    /// The one with the youngest data.
    pub newest: Point,
    /// How many there are.
    pub count: usize,
    /// When the data of each was taken, in seconds, in no order: a fleet has many thousands.
    pub taken: Vec<i64>,
}

/// Recovery points by database. What another stack or a person made is left out, and so is what cannot be restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Points(BTreeMap<ResourceId, PointsOf>);

impl Points {
    /// Adds what is a finished recovery point of this stack.
    pub fn add(&mut self, stack: &StackId, snapshot: Snapshot) {
        let tag = |key| snapshot.tags.get(key).map(String::as_str);
        if tag(tags::STACK) != Some(stack.as_str()) || snapshot.status != SnapshotStatus::Available
        {
            return;
        }
        let database = tag(tags::DATABASE).and_then(|text| RdsArn::parse(text).ok());
        let id = tag(tags::RESOURCE_ID).and_then(|text| ResourceId::parse(text).ok());
        let policy = tag(tags::POLICY).and_then(|text| PolicyName::parse(text).ok());
        let (Some(database), Some(id), Some(policy)) = (database, id, policy) else {
            return;
        };
        let taken_at = tag(tags::TAKEN_AT)
            .and_then(|text| text.parse().ok())
            .or(snapshot.taken_at);
        let point = Point {
            arn: snapshot.arn,
            taken_at,
        };
        let taken = taken_at.map(Timestamp::as_second);
        match self.0.get_mut(&id) {
            Some(of) => {
                of.count += 1;
                of.taken.extend(taken);
                if point.taken_at > of.newest.taken_at {
                    of.database = database;
                    of.policy = policy;
                    of.newest = point;
                }
            }
            None => {
                let of = PointsOf {
                    database,
                    policy,
                    newest: point,
                    count: 1,
                    taken: taken.into_iter().collect(),
                };
                self.0.insert(id, of);
            }
        }
    }

    /// Takes over what another list found. No database is in two lists, because a list is of one family.
    pub fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Those of one database.
    #[must_use]
    pub fn of(&self, database: &ResourceId) -> Option<&PointsOf> {
        self.0.get(database)
    }

    /// All of them, by database.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceId, &PointsOf)> {
        self.0.iter()
    }

    /// How many recovery points there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.values().map(|of| of.count).sum()
    }
}
