//! What policies would need of the recovery region's quotas: which databases they select, and what is there already.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;

use crate::domain::id::arn::{Family, KeyArn, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{PolicyName, StackId};
use crate::domain::policy::choice::{Choice, choose};
use crate::domain::policy::in_force::Policies;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::retention::inventory::{Ownership, ownership};
use crate::domain::retention::steady_state::SteadyState;
use crate::domain::run::failure::Operation;
use crate::ports::doctor::ListManualSnapshots;
use crate::ports::{
    Clock, DescribeQuota, Endless, ListDatabases, PAGES_MAX, RdsError, all_rows, pages,
};

/// Where to look.
#[derive(Debug, Clone, Copy)]
pub struct QuotaScope<'a> {
    /// The stack.
    pub stack: &'a StackId,
    /// The recovery region.
    pub home: &'a Region,
    /// The regions whose databases are protected.
    pub source_regions: &'a [Region],
    /// The stack's key, for policies that name none.
    pub key: &'a KeyArn,
    /// The policies that are in force where no set was ever applied.
    pub built_in: &'a Policies,
}

/// The databases that policies select, by policy.
pub(crate) type SelectedBy = BTreeMap<PolicyName, BTreeSet<ResourceId>>;

/// What these policies need of a family's quota, if these databases are selected and these snapshots are there.
pub(crate) fn steady_state(
    stack: &StackId,
    policies: &Policies,
    family: Family,
    selected: &SelectedBy,
    snapshots: &[Snapshot],
    now: jiff::Timestamp,
) -> SteadyState {
    let is_ours = |snapshot: &&Snapshot| match ownership(snapshot, stack) {
        Ownership::Ours(origin) => selected
            .get(&origin.policy)
            .is_some_and(|ids| ids.contains(&origin.database.resource_id)),
        Ownership::NotByName | Ownership::Foreign => false,
    };
    let all = snapshots.iter().filter(|one| one.arn.family() == family);
    let others = all.filter(|one| !is_ours(one)).count();
    let counts = selected
        .iter()
        .map(|(policy, ids)| (policy.clone(), ids.len()));
    SteadyState::of(policies, family, &counts.collect(), others, now)
}

/// What these policies need that the recovery region's quotas do not allow, in words.
///
/// # Errors
/// When RDS does not say what is there.
pub async fn above_quota<W>(
    world: &W,
    scope: QuotaScope<'_>,
    policies: &Policies,
) -> Result<Vec<String>, RdsError>
where
    W: Clock + DescribeQuota + ListDatabases + ListManualSnapshots,
{
    let mut above = Vec::new();
    for family in Family::ALL {
        let mut selected = SelectedBy::new();
        for region in scope.source_regions {
            select(world, region, family, policies, &mut selected).await?;
        }
        if selected.is_empty() {
            continue;
        }
        let quota = world.describe_snapshot_quota(scope.home, family).await?;
        let Some(quota) = quota else {
            continue;
        };
        let operation = Operation::describe_snapshots(family);
        let endless = |endless: Endless| RdsError::endless(operation, scope.home, endless);
        let ask = |marker| world.list_manual_snapshots(scope.home, family, marker);
        let snapshots = all_rows(PAGES_MAX, endless, ask).await?;
        let now = world.now();
        let state = steady_state(scope.stack, policies, family, &selected, &snapshots, now);
        above.extend(state.above(quota.max));
    }
    Ok(above)
}

async fn select<W: ListDatabases>(
    world: &W,
    region: &Region,
    family: Family,
    policies: &Policies,
    selected: &mut SelectedBy,
) -> Result<(), RdsError> {
    let operation = Operation::describe_databases(family);
    let endless = |endless: Endless| RdsError::endless(operation, region, endless);
    let ask = |marker| world.list_databases(region, family, marker);
    let mut pages = std::pin::pin!(pages(PAGES_MAX, endless, ask));
    while let Some(page) = pages.try_next().await? {
        for database in page.items {
            if let Choice::Protect(policy) | Choice::NotNow(policy, _) = choose(&database, policies)
            {
                let of = selected.entry(policy).or_default();
                of.insert(database.resource_id);
            }
        }
    }
    Ok(())
}
