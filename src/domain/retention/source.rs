//! The snapshots that Snapferry took itself in a source region, by what RDS says of them.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::forget::{Point, PointState};
use super::inventory::Group;
use crate::domain::id::arn::RdsArn;
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{self, PolicyName, StackId};
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::run::naming;

/// What a source snapshot's tags and name say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOrigin {
    /// The database.
    pub database: DatabaseRef,
    /// The policy that asked for it.
    pub policy: PolicyName,
    /// The planned time of its run.
    pub planned_at: Timestamp,
}

impl SourceOrigin {
    /// The group that it belongs to.
    #[must_use]
    pub fn group(&self) -> Group {
        let DatabaseRef { arn, resource_id } = &self.database;
        (
            arn.region().clone(),
            resource_id.clone(),
            self.policy.clone(),
        )
    }
}

/// Where a snapshot comes from, if a run of this stack took it: it has the name that its tags give, and lies beside its
/// database. A person's copy of it has the tags, and another name.
#[must_use]
pub fn source_origin(snapshot: &Snapshot, stack: &StackId) -> Option<SourceOrigin> {
    let tag = |key: &str| snapshot.tags.get(key);
    if tag(tags::STACK)? != stack.as_str() {
        return None;
    }
    let database = DatabaseRef {
        arn: RdsArn::parse(tag(tags::DATABASE)?).ok()?,
        resource_id: ResourceId::parse(tag(tags::RESOURCE_ID)?).ok()?,
    };
    let policy = PolicyName::parse(tag(tags::POLICY)?).ok()?;
    let planned_at = naming::planned_time_of_source(&snapshot.arn, stack, &database, &policy)?;
    let (own, of) = (&snapshot.arn, &database.arn);
    let is_beside =
        own.account() == of.account() && own.family() == of.family() && own.region() == of.region();
    is_beside.then_some(SourceOrigin {
        database,
        policy,
        planned_at,
    })
}

/// A source snapshot as forget sees it. `uncopied` has those of which the table knows no recovery point: their run may still
/// need them, so no rule counts them, and they stay.
#[must_use]
pub fn source_point(snapshot: &Snapshot, uncopied: &BTreeSet<RdsArn>) -> Point<RdsArn> {
    let by_status = match snapshot.status {
        SnapshotStatus::Available => PointState::Good,
        SnapshotStatus::Failed => PointState::Failed,
        SnapshotStatus::Creating
        | SnapshotStatus::Copying
        | SnapshotStatus::Deleting
        | SnapshotStatus::Other(_) => PointState::Unfinished,
    };
    let state = match by_status {
        PointState::Good | PointState::Failed if uncopied.contains(&snapshot.arn) => {
            PointState::Mismatch("the table knows no recovery point of its run".to_owned())
        }
        other => other,
    };
    Point {
        id: snapshot.arn.clone(),
        at: snapshot.taken_at,
        state,
        held: snapshot
            .tags
            .get(tags::HOLD)
            .is_some_and(|value| !value.eq_ignore_ascii_case("false")),
    }
}
