//! Automated snapshots as sources: RDS takes them, and a policy has them copied.
//!
//! A hint starts the run of the snapshot it tells of; the planner makes up for those that no hint told of; and where
//! RDS has removed one before its turn, the newest takes its place.

use std::collections::BTreeMap;
use std::pin::pin;

use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use crate::app::batch::chain;
use crate::app::plan::{self, Outcome};
use crate::app::react::Ear;
use crate::domain::arn::{Family, RdsArn, Region};
use crate::domain::command::{Automated, Extras, Run};
use crate::domain::database::{Choice, Database, choose};
use crate::domain::failure::Operation;
use crate::domain::names::{ResourceId, SnapshotId};
use crate::domain::policy::{Policies, Policy};
use crate::domain::policy_set::Source;
use crate::domain::snapshot::{Snapshot, SnapshotStatus};
use crate::ports::{
    AutomatedSnapshots, ClaimRun, Clock, DescribeSnapshots, FindDatabases, PAGES_MAX, RdsError,
    ReadPolicies, StartExecution, pages,
};

permissions! {
    /// What it takes to start the run of a snapshot that was hinted at.
    Permissions:
        ClaimRun Clock DescribeSnapshots FindDatabases ReadPolicies StartExecution
}

/// What became of a hint at an automated snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Its run is started, or there is none to start.
    Done,
    /// RDS does not show it as available yet, or its database has another run under way.
    NotYet,
    /// It could not be looked into now.
    Broken,
}

/// Starts the runs of automated snapshots that are said to be there, all in one region and of one family. Who is
/// protected by which policy is the database's tags' to say, and whether the snapshot is there RDS's.
pub(crate) async fn hear<W: Permissions>(
    world: &W,
    ear: &Ear,
    policies: &Policies,
    hinted: &[RdsArn],
) -> Vec<(RdsArn, Heard)> {
    let looked = match look(world, hinted).await {
        Ok(looked) => looked,
        Err(error) => {
            warn!(
                error = chain(&error),
                "RDS could not be asked about automated snapshots"
            );
            return all(hinted, Heard::Broken);
        }
    };
    let mut heard = Vec::with_capacity(hinted.len());
    for snapshot in hinted {
        let became = match looked.get(snapshot) {
            None => Heard::NotYet,
            Some((_, None)) => Heard::Done,
            Some((found, Some(database))) => start(world, ear, policies, database, found).await,
        };
        heard.push((snapshot.clone(), became));
    }
    heard
}

/// The policies that hold, if one of them has automated snapshots copied. The built-in one does not.
pub(crate) async fn policies<W: ReadPolicies>(
    world: &W,
    ear: &Ear,
) -> Result<Option<Policies>, crate::ports::PortError> {
    let applied = world.current_policies().await?;
    let policies = applied.map(|applied| applied.set.policies(&ear.key));
    Ok(policies.filter(|all| all.all.iter().any(|one| one.source == Source::Automated)))
}

pub(crate) fn all(hinted: &[RdsArn], heard: Heard) -> Vec<(RdsArn, Heard)> {
    hinted.iter().map(|arn| (arn.clone(), heard)).collect()
}

/// Those of the snapshots that are available, each with its database, if that is still there.
async fn look<W: DescribeSnapshots + FindDatabases>(
    world: &W,
    hinted: &[RdsArn],
) -> Result<BTreeMap<RdsArn, (Snapshot, Option<Database>)>, RdsError> {
    let Some(first) = hinted.first() else {
        return Ok(BTreeMap::new());
    };
    let (region, family) = (first.region(), first.family());
    let ids: Vec<SnapshotId> = hinted.iter().map(SnapshotId::of).collect();
    let mut snapshots = world.describe_snapshots(region, family, &ids).await?;
    snapshots.retain(|snapshot| snapshot.status == SnapshotStatus::Available);
    let mut owners: Vec<ResourceId> = snapshots
        .iter()
        .filter_map(|snapshot| snapshot.resource_id.clone())
        .collect();
    owners.sort();
    owners.dedup();
    let databases = match owners.as_slice() {
        [] => Vec::new(),
        owners => world.find_databases(region, family, owners).await?,
    };
    let with_database = |snapshot: Snapshot| {
        let owner = snapshot.resource_id.as_ref();
        let database = databases
            .iter()
            .find(|database| Some(&database.resource_id) == owner);
        (snapshot.arn.clone(), (snapshot, database.cloned()))
    };
    Ok(snapshots.into_iter().map(with_database).collect())
}

async fn start<W: ClaimRun + Clock + StartExecution>(
    world: &W,
    ear: &Ear,
    policies: &Policies,
    database: &Database,
    snapshot: &Snapshot,
) -> Heard {
    let Choice::Protect(name) = choose(database, policies) else {
        return Heard::Done;
    };
    let policy = policies.get(name.as_str());
    let Some(policy) = policy.filter(|policy| policy.source == Source::Automated) else {
        return Heard::Done;
    };
    let Some(run) = run(database, policies, policy, snapshot) else {
        return Heard::NotYet;
    };
    match plan::start(world, &ear.rules.stack, &run).await {
        Ok(Outcome::Started(execution)) => {
            info!(snapshot = %snapshot.arn, %execution, "started for an automated snapshot");
            Heard::Done
        }
        // The planner makes up for it, once the database's run is over.
        Ok(Outcome::Failed(_)) => Heard::NotYet,
        Ok(_) => Heard::Done,
        Err(error) => {
            warn!(snapshot = %snapshot.arn, error = chain(&error), "its run could not be started now");
            Heard::Broken
        }
    }
}

/// The run that copies an automated snapshot of a database; nothing where RDS does not say when it was taken.
pub(crate) fn run(
    database: &Database,
    policies: &Policies,
    policy: &Policy,
    snapshot: &Snapshot,
) -> Option<Run> {
    let taken_at = snapshot.taken_at?;
    let automated = Automated {
        snapshot: snapshot.arn.clone(),
        expires_at: expires_at(taken_at, database.backup_retention_days),
    };
    Some(Run {
        database: database.to_ref(),
        policy: policy.name.clone(),
        planned_at: taken_at,
        key: policy.key.clone(),
        extras: Extras {
            automated: Some(automated),
            ..policies.extras(policy, database)
        },
    })
}

fn expires_at(taken_at: Timestamp, retention_days: Option<i32>) -> Option<Timestamp> {
    let days = retention_days.filter(|days| *days > 0)?;
    let kept = SignedDuration::from_hours(i64::from(days) * 24);
    taken_at.checked_add(kept).ok()
}

/// The newest available automated snapshot of each database of a family, by resource id, or of one database alone.
///
/// # Errors
/// When RDS does not answer.
pub(crate) async fn newest<W: AutomatedSnapshots>(
    world: &W,
    region: &Region,
    family: Family,
    of: Option<&RdsArn>,
) -> Result<BTreeMap<ResourceId, Snapshot>, RdsError> {
    let mut newest: BTreeMap<ResourceId, Snapshot> = BTreeMap::new();
    let operation = Operation::describe_snapshots(family);
    let endless = |endless| RdsError::endless(operation, region, endless);
    let mut pages = pin!(pages(PAGES_MAX, endless, |marker| {
        world.automated_snapshots(region, family, of, marker)
    }));
    while let Some(page) = pages.try_next().await? {
        for snapshot in page.items {
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
    }
    Ok(newest)
}
