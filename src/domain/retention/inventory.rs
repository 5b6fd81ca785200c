//! Whose snapshots a region has, and how each recovery point stands, by what RDS says of it.

use jiff::{SignedDuration, Timestamp};

use super::entered::Entered;
use super::forget::{Point, PointState};
use crate::domain::id::arn::{KeyArn, RdsArn, Region};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{ResourceId, SnapshotId};
use crate::domain::id::tags::{self, PolicyName, StackId};
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::run::naming;

/// A tag that says that the data is older than this before its run was planned is not believed.
const TAG_TOO_OLD: SignedDuration = SignedDuration::from_hours(24);

/// Whose a snapshot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// A recovery point of this stack.
    Ours(Box<Origin>),
    /// It carries this stack's tag and not the name that its tags give: somebody copied or tagged it.
    NotByName,
    /// Another's.
    Foreign,
}

/// What a recovery point's tags and name say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The database.
    pub database: DatabaseRef,
    /// The policy that asked for it.
    pub policy: PolicyName,
    /// The snapshot that it is a copy of.
    pub source: RdsArn,
    /// The planned time of its run.
    pub planned_at: Timestamp,
}

/// What shares one set of rules: the recovery points of one database under one policy. A database that is made anew
/// under an old name is another.
pub type Group = (Region, ResourceId, PolicyName);

impl Origin {
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

/// Asks whose a snapshot is. The stack's tag is not enough: RDS copies tags along when people copy a recovery point.
#[must_use]
pub fn ownership(snapshot: &Snapshot, stack: &StackId) -> Ownership {
    let tag = |key: &str| snapshot.tags.get(key);
    if tag(tags::STACK).is_none_or(|found| found != stack.as_str()) {
        return Ownership::Foreign;
    }
    let origin = || {
        let database = DatabaseRef {
            arn: RdsArn::parse(tag(tags::DATABASE)?).ok()?,
            resource_id: ResourceId::parse(tag(tags::RESOURCE_ID)?).ok()?,
        };
        let policy = PolicyName::parse(tag(tags::POLICY)?).ok()?;
        let source = RdsArn::parse(tag(tags::SOURCE)?).ok()?;
        let id = SnapshotId::of(&source);
        let planned_at =
            naming::planned_time_of_copy(&snapshot.arn, stack, &database, &policy, &id)?;
        let is_at_home = database.arn.account() == snapshot.arn.account()
            && database.arn.family() == snapshot.arn.family();
        is_at_home.then_some(Origin {
            database,
            policy,
            source,
            planned_at,
        })
    };
    match origin() {
        Some(origin) => Ownership::Ours(Box::new(origin)),
        None => Ownership::NotByName,
    }
}

/// A recovery point as forget sees it. `key` is the one that its policy names now, where there is such a policy.
/// `entered` is what the settling of its wait found, where the table knows it.
#[must_use]
pub fn point(
    snapshot: &Snapshot,
    origin: &Origin,
    key: Option<&KeyArn>,
    entered: Option<&Entered>,
) -> Point<RdsArn> {
    Point {
        id: snapshot.arn.clone(),
        at: taken_at(snapshot, origin),
        state: state(snapshot, origin, key, entered),
        held: snapshot
            .tags
            .get(tags::HOLD)
            .is_some_and(|value| !value.eq_ignore_ascii_case("false")),
    }
}

/// When the data was taken: RDS's word wins, and the tag counts where RDS has none and the tag can be true. Data that
/// was taken after its copying began cannot be in the copy.
fn taken_at(snapshot: &Snapshot, origin: &Origin) -> Option<Timestamp> {
    let by_tag = || {
        let at: Timestamp = snapshot.tags.get(tags::TAKEN_AT)?.parse().ok()?;
        let is_young_enough = at.duration_since(origin.planned_at) >= -TAG_TOO_OLD;
        let is_old_enough = snapshot.created_at.is_none_or(|begun| at <= begun);
        (is_young_enough && is_old_enough).then_some(at)
    };
    snapshot.taken_at.or_else(by_tag)
}

fn state(
    snapshot: &Snapshot,
    origin: &Origin,
    key: Option<&KeyArn>,
    entered: Option<&Entered>,
) -> PointState {
    match &snapshot.status {
        SnapshotStatus::Available => {}
        SnapshotStatus::Failed => return PointState::Failed,
        SnapshotStatus::Creating
        | SnapshotStatus::Copying
        | SnapshotStatus::Deleting
        | SnapshotStatus::Other(_) => return PointState::Unfinished,
    }
    // RDS calls a database's resource id unique to a region, so on a copy it proves nothing. Our own tag and the source
    // say which database the copy is of.
    let wrong = if !snapshot.encrypted {
        "it is not encrypted".to_owned()
    } else if snapshot.source.as_ref() != Some(&origin.source) {
        format!("it is not a copy of {}", origin.source)
    } else if let Some(what) = entered.and_then(|entered| entered.mismatch.as_ref()) {
        what.clone()
    } else if entered.is_some_and(|entered| entered.key == snapshot.key) {
        // It was settled as a success, whichever key its policy names by now.
        return PointState::Good;
    } else if let Some(key) = key
        && snapshot.key.as_ref() != Some(key)
    {
        format!("its key is not {key}, which its policy names now")
    } else {
        return PointState::Good;
    };
    PointState::Mismatch(wrong)
}
