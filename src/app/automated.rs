//! Automated snapshots as sources: RDS takes them, and Snapferry copies them because a policy says so.
//!
//! The reactor starts the run of a snapshot that an event names. The planner starts the runs that no event announced.
//! If RDS has removed a snapshot before its turn, the worker copies the newest one in its place.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::policy::in_force::{Policies, Policy};
use crate::domain::rds::database::Database;
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::run::command::{Automated, ProtectionRequest, RunOptions};
use crate::domain::run::failure::Operation;
use crate::ports::{AutomatedSnapshots, PAGES_MAX, RdsError, all_rows};

/// The run that copies an automated snapshot of a database. `None` if RDS does not say when the snapshot was taken.
pub(crate) fn run(
    database: &Database,
    policies: &Policies,
    policy: &Policy,
    snapshot: &Snapshot,
) -> Option<ProtectionRequest> {
    let taken_at = snapshot.taken_at?;
    let automated = Automated {
        snapshot: snapshot.arn.clone(),
        expires_at: expires_at(taken_at, database.backup_retention_days),
    };
    Some(ProtectionRequest {
        database: database.to_ref(),
        policy: policy.name.clone(),
        planned_at: taken_at,
        key: policy.key.clone(),
        options: RunOptions {
            automated: Some(automated),
            ..policies.options(policy, database)
        },
    })
}

fn expires_at(taken_at: Timestamp, retention_days: Option<i32>) -> Option<Timestamp> {
    let days = retention_days.filter(|days| *days > 0)?;
    let kept = SignedDuration::from_hours(i64::from(days) * 24);
    taken_at.checked_add(kept).ok()
}

/// The newest available automated snapshot of each database of a family, by resource id.
///
/// # Errors
/// If RDS does not answer.
pub(crate) async fn newest<W: AutomatedSnapshots>(
    world: &W,
    region: &Region,
    family: Family,
) -> Result<BTreeMap<ResourceId, Snapshot>, RdsError> {
    Ok(newest_of_each(list(world, region, family, None).await?))
}

/// All automated snapshots that RDS lists of one database.
///
/// # Errors
/// If RDS does not answer.
pub(crate) async fn of_database<W: AutomatedSnapshots>(
    world: &W,
    database: &RdsArn,
) -> Result<Vec<Snapshot>, RdsError> {
    let (region, family) = (database.region(), database.family());
    list(world, region, family, Some(database)).await
}

/// The newest available one of each database, by resource id.
pub(crate) fn newest_of_each(listed: Vec<Snapshot>) -> BTreeMap<ResourceId, Snapshot> {
    let mut newest: BTreeMap<ResourceId, Snapshot> = BTreeMap::new();
    for snapshot in listed {
        let (Some(owner), Some(taken_at)) = (snapshot.resource_id.clone(), snapshot.taken_at)
        else {
            continue;
        };
        let known = newest.get(&owner).and_then(|known| known.taken_at);
        let is_newer = known.is_none_or(|known| known < taken_at);
        if is_newer && snapshot.status == SnapshotStatus::Available {
            newest.insert(owner, snapshot);
        }
    }
    newest
}

async fn list<W: AutomatedSnapshots>(
    world: &W,
    region: &Region,
    family: Family,
    of: Option<&RdsArn>,
) -> Result<Vec<Snapshot>, RdsError> {
    let operation = Operation::describe_snapshots(family);
    let endless = |endless| RdsError::endless(operation, region, endless);
    all_rows(PAGES_MAX, endless, |marker| {
        world.automated_snapshots(region, family, of, marker)
    })
    .await
}
