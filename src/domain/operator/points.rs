//! Recovery points as RDS lists them in the recovery region, gathered by database.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::orphans::{OtherStacks, add_other_stack};
use super::pile::Pile;
use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{PolicyName, StackId};
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::retention::forget::PointState;
use crate::domain::retention::inventory::{self, Ownership, ownership};

/// One recovery point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The copy.
    pub arn: RdsArn,
    /// When its data was taken; `None` if neither RDS nor the copy's tag says it.
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
    /// The same one alone, with its size.
    pub newest_pile: Pile,
    /// How many there are.
    pub count: usize,
    /// How many of them a person holds, so that nothing removes them.
    pub held: usize,
    /// When the data of each was taken, in seconds, in no order: a fleet has many thousands.
    pub taken: Vec<i64>,
    /// How many each policy made, and how large they are.
    pub by_policy: BTreeMap<PolicyName, Pile>,
}

/// Recovery points by database. What another stack or a person made is left out, and so is what cannot be restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Points {
    of: BTreeMap<ResourceId, PointsOf>,
    /// What other stacks have made.
    pub other_stacks: OtherStacks,
    /// How far RDS has come with this stack's copies that it is at work on, in percent.
    percent: BTreeMap<RdsArn, u8>,
}

impl Points {
    /// Adds what is a good recovery point of this stack. `mismatches` are the copies that were entered as wrong.
    pub fn add(&mut self, stack: &StackId, snapshot: &Snapshot, mismatches: &BTreeSet<RdsArn>) {
        add_other_stack(&mut self.other_stacks, stack, snapshot);
        if mismatches.contains(&snapshot.arn) {
            return;
        }
        let Ownership::Ours(origin) = ownership(snapshot, stack) else {
            return;
        };
        if let Some(percent) = snapshot.percent {
            self.percent.insert(snapshot.arn.clone(), percent);
        }
        // An older key is not a fault here: the copy can be restored.
        let point = inventory::point(snapshot, &origin, None, None);
        if point.state != PointState::Good {
            return;
        }
        let (taken_at, id) = (point.at, origin.database.resource_id);
        let held = usize::from(point.held);
        let (database, policy) = (origin.database.arn, origin.policy);
        let point = Point {
            arn: snapshot.arn.clone(),
            taken_at,
        };
        let taken = taken_at.map(Timestamp::as_second);
        let mut pile = Pile::default();
        pile.add(snapshot);
        match self.of.get_mut(&id) {
            Some(of) => {
                of.count += 1;
                of.held += held;
                of.by_policy.entry(policy.clone()).or_default().join(&pile);
                of.taken.extend(taken);
                if point.taken_at > of.newest.taken_at {
                    of.database = database;
                    of.policy = policy;
                    of.newest = point;
                    of.newest_pile = pile;
                }
            }
            None => {
                let of = PointsOf {
                    database,
                    by_policy: BTreeMap::from([(policy.clone(), pile)]),
                    policy,
                    newest: point,
                    newest_pile: pile,
                    count: 1,
                    held,
                    taken: taken.into_iter().collect(),
                };
                self.of.insert(id, of);
            }
        }
    }

    /// Takes over what another list found. No database is in two lists, because a list is of one family.
    pub fn join(&mut self, other: Self) {
        self.of.extend(other.of);
        self.percent.extend(other.percent);
        for (stack, pile) in other.other_stacks {
            self.other_stacks.entry(stack).or_default().join(&pile);
        }
    }

    /// How far RDS has come with a copy, in percent, if the list has shown it at work.
    #[must_use]
    pub fn percent(&self, copy: &RdsArn) -> Option<u8> {
        self.percent.get(copy).copied()
    }

    /// Those of one database.
    #[must_use]
    pub fn of(&self, database: &ResourceId) -> Option<&PointsOf> {
        self.of.get(database)
    }

    /// All of them, by database.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceId, &PointsOf)> {
        self.of.iter()
    }

    /// How many recovery points people hold.
    #[must_use]
    pub fn held(&self) -> usize {
        self.of.values().map(|of| of.held).sum()
    }

    /// How many recovery points there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.of.values().map(|of| of.count).sum()
    }
}
