//! Automated snapshots that an event names. A run may begin with each of them.

use std::collections::BTreeMap;

use tracing::{info, warn};

use crate::app::automated;
use crate::app::configurations::KnownConfigurations;
use crate::app::in_force::policies_in_force;
use crate::app::start::{StartOutcome, start};
use crate::app::tde::TdeGroups;
use crate::domain::id::arn::{KeyArn, RdsArn};
use crate::domain::id::names::{ResourceId, SnapshotId};
use crate::domain::id::tags::StackId;
use crate::domain::policy::choice::{Choice, choose};
use crate::domain::policy::in_force::{Policies, Policy};
use crate::domain::policy::spec::Source;
use crate::domain::rds::database::Database;
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::refusal::RefusalStatus;
use crate::error::chain;
use crate::ports::{
    ClaimRun, Clock, DescribeSnapshots, FindDatabases, ListOptionGroups, PortError, RdsError,
    ReadConfigurations, ReadEntries, ReadPolicies, StartExecution, StoreConfigurations,
};

/// What happened to a hint about an automated snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HintOutcome {
    /// Its run was started, or no run is to start.
    Done,
    /// RDS does not show it as available yet, or its database has another open run.
    NotYet,
    /// A call failed.
    Broken,
}

/// Starts runs for automated snapshots of one region and one family that events named. The database's tags decide which
/// policy protects it, and RDS decides whether the snapshot exists.
pub(super) async fn start_from_hints<W>(
    world: &W,
    stack: &StackId,
    policies: &Policies,
    hinted: &[RdsArn],
) -> Vec<(RdsArn, HintOutcome)>
where
    W: ClaimRun
        + Clock
        + DescribeSnapshots
        + FindDatabases
        + ListOptionGroups
        + ReadConfigurations
        + ReadEntries
        + StartExecution
        + StoreConfigurations,
{
    let looked = match look(world, policies, hinted).await {
        Ok(looked) => looked,
        Err(error) => {
            warn!(
                error = chain(&error),
                "RDS could not be asked about automated snapshots"
            );
            return all(hinted, HintOutcome::Broken);
        }
    };
    let mut outcomes = Vec::with_capacity(hinted.len());
    for snapshot in hinted {
        let became = match looked.get(snapshot) {
            None => HintOutcome::NotYet,
            Some((_, None)) => HintOutcome::Done,
            Some((found, Some(database))) => {
                start_run(world, stack, policies, database, found).await
            }
        };
        outcomes.push((snapshot.clone(), became));
    }
    outcomes
}

/// The policies in force, if one of them copies automated snapshots. The built-in policy never does, so the reactor does
/// not need to know it.
pub(super) async fn policies<W: ReadPolicies>(
    world: &W,
    key: &KeyArn,
) -> Result<Option<Policies>, PortError> {
    let built_in = Policies::default();
    let policies = policies_in_force(world, key, &built_in).await?.policies;
    let copies_automated = |policy: &Policy| policy.options.source == Source::Automated;
    Ok(policies
        .all
        .iter()
        .any(copies_automated)
        .then_some(policies))
}

pub(super) fn all(hinted: &[RdsArn], hint_outcome: HintOutcome) -> Vec<(RdsArn, HintOutcome)> {
    hinted
        .iter()
        .map(|arn| (arn.clone(), hint_outcome))
        .collect()
}

/// The available ones among the snapshots, each with its database if that still exists.
async fn look<W: DescribeSnapshots + FindDatabases + ListOptionGroups>(
    world: &W,
    policies: &Policies,
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
    let mut databases = match owners.as_slice() {
        [] => Vec::new(),
        owners => world.find_databases(region, family, owners).await?,
    };
    let tde = TdeGroups::default();
    if let Err(error) = tde.note(world, region, policies, &mut databases).await {
        warn!(%region, error, "option groups could not be listed");
    }
    let with_database = |snapshot: Snapshot| {
        let owner = snapshot.resource_id.as_ref();
        let database = databases
            .iter()
            .find(|database| Some(&database.resource_id) == owner);
        (snapshot.arn.clone(), (snapshot, database.cloned()))
    };
    Ok(snapshots.into_iter().map(with_database).collect())
}

async fn start_run<W>(
    world: &W,
    stack: &StackId,
    policies: &Policies,
    database: &Database,
    snapshot: &Snapshot,
) -> HintOutcome
where
    W: ClaimRun + Clock + ReadConfigurations + ReadEntries + StartExecution + StoreConfigurations,
{
    let Choice::Protect(name) = choose(database, policies) else {
        return HintOutcome::Done;
    };
    let policy = policies.get(name.as_str());
    let Some(policy) =
        policy.filter(|one| one.options.source == Source::Automated && !one.options.paused)
    else {
        return HintOutcome::Done;
    };
    let Some(mut run) = automated::run(database, policies, policy, snapshot) else {
        return HintOutcome::NotYet;
    };
    match is_refused_for_good(world, &run).await {
        Ok(false) => {}
        Ok(true) => {
            info!(snapshot = %snapshot.arn, "not copied: RDS has refused it for good");
            return HintOutcome::Done;
        }
        Err(error) => {
            warn!(snapshot = %snapshot.arn, error = chain(&error), "the catalog could not be read");
            return HintOutcome::Broken;
        }
    }
    let of = std::slice::from_ref(&database.resource_id);
    let known = KnownConfigurations::read(world, of).await;
    run.options.configuration = known.remember(world, database).await;
    match start(world, stack, &run).await {
        Ok(StartOutcome::Started(execution)) => {
            info!(snapshot = %snapshot.arn, %execution, "started for an automated snapshot");
            HintOutcome::Done
        }
        Ok(StartOutcome::StillRunning(_) | StartOutcome::Done(_)) => HintOutcome::Done,
        // The planner starts it after the database's open run has ended.
        Ok(StartOutcome::NotStarted(_)) => HintOutcome::NotYet,
        Err(error) => {
            warn!(snapshot = %snapshot.arn, error = chain(&error), "its run could not be started now");
            HintOutcome::Broken
        }
    }
}

/// Whether RDS has refused the copies of this database permanently, and nothing has changed since.
async fn is_refused_for_good<W: Clock + ReadEntries>(
    world: &W,
    run: &ProtectionRequest,
) -> Result<bool, PortError> {
    let of = [(run.database.resource_id.clone(), run.policy.clone())];
    let entries = world.read_entries(&of).await?;
    let mut refusals = entries.iter().filter_map(|entry| entry.refused.as_ref());
    Ok(refusals.any(|refusal| {
        let status = refusal.status(run.options.fingerprint.as_ref(), world.now());
        matches!(status, RefusalStatus::Holds(_))
    }))
}
