//! The doctor: asks AWS for facts, lets the domain judge them, and changes nothing.
//!
//! A question that gets no answer is a finding of its own and ends no other; a region that does not answer is
//! not asked the rest.

mod regions;
mod slots;

use std::collections::BTreeMap;
use std::future::Future;

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::app::batch::chain;
use crate::domain::arn::{Family, KeyArn, Region};
use crate::domain::doctor::databases::{Claims, OptionGroup, claims};
use crate::domain::doctor::key_policy::{Caller, key_policy};
use crate::domain::doctor::keys::{KeyFacts, KeyState, Manager, in_another_region, recovery_key};
use crate::domain::doctor::permissions::{Role, not_named, permissions};
use crate::domain::doctor::policies::{of_policies, policies as in_force, unreadable};
use crate::domain::doctor::region::{Letters, dead_letters};
use crate::domain::doctor::room::{Quota, snapshot_quota};
use crate::domain::doctor::{Check, Finding, NotSaid};
use crate::domain::policy::Policies;
use crate::domain::policy_set::KeyName;
use crate::domain::snapshot::Snapshot;
use crate::ports::doctor::{
    CountMessages, DescribeRule, FindQueue, FindRules, InspectDatabases, ListManualSnapshots,
    ListOptionGroups, ReadKeyPolicy, SimulatePermissions,
};
use crate::ports::{
    Clock, DescribeKey, DescribeQuota, Endless, ListOpen, PAGES_MAX, Page, PortError, RdsError,
    ReadPolicies, all_rows,
};
use crate::settings::Preflight;

use regions::{RegionSeen, region};
use slots::slots;

/// How many regions, or roles, are looked at beside each other: IAM and KMS allow few calls a second.
const CONCURRENCY: usize = 4;
/// How long a stack may have taken nothing of a database and still count as protecting it: a weekly schedule
/// that failed once.
const STILL_PROTECTING: SignedDuration = SignedDuration::from_hours(15 * 24);

permissions! {
    /// Everything that the doctor may do: it only reads.
    Permissions:
        Clock CountMessages DescribeKey DescribeQuota DescribeRule FindQueue FindRules InspectDatabases
        ListManualSnapshots ListOpen ListOptionGroups ReadKeyPolicy ReadPolicies SimulatePermissions
}

/// What is looked at.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Only these source regions; all if there are none.
    pub regions: Vec<Region>,
    /// Only these databases: identifiers, ARNs or resource ids; all that are selected if there are none.
    pub databases: Vec<String>,
}

/// What all regions are judged against.
struct Home {
    /// Nothing where they could not be read.
    policies: Option<Policies>,
    option_groups: Result<Vec<OptionGroup>, NotSaid>,
    claims: Claims,
    since: Timestamp,
    now: Timestamp,
}

/// Looks at everything, and tells all that was found, the good too.
pub async fn diagnose<W: Permissions>(
    world: &W,
    preflight: &Preflight,
    order: &Order,
) -> Vec<Finding> {
    let now = world.now();
    let home = &preflight.ground.home;
    let (policies, finding) = policies(world, preflight).await;
    let mut findings = vec![finding];
    let keys = keys_of(policies.as_ref(), preflight);
    for (key, names) in &keys {
        let of_key = recovery(world, preflight, key).await;
        findings.extend(of_key.into_iter().map(|one| of_policies(one, names)));
    }
    let keys: Vec<KeyArn> = keys.into_keys().collect();
    let snapshots = manual_snapshots(world, home).await;
    findings.extend(snapshots.told(home));
    let facts = Home {
        option_groups: option_groups(world, home).await,
        claims: claims(&snapshots.found, now),
        since: now.checked_sub(STILL_PROTECTING).unwrap_or(now),
        now,
        policies,
    };
    let seen = regions(world, preflight, order, &facts).await;
    let selected = |family| seen.iter().map(|region| region.selected(family)).sum();
    findings.extend(quotas(world, home, selected).await);
    findings.extend(seen.into_iter().flat_map(|region| region.findings));
    findings.extend(slots(world, preflight, facts.policies.as_ref(), &snapshots).await);
    for (letters, url) in [
        (Letters::Commands, &preflight.commands_dead_letters),
        (Letters::Events, &preflight.events_dead_letters),
    ] {
        findings.push(count(world, home, &letters, url).await);
    }
    let roles: Vec<Finding> = stream::iter(Role::ALL)
        .map(|role| simulate(world, preflight, role, &keys))
        .buffered(CONCURRENCY)
        .collect()
        .await;
    findings.extend(roles);
    findings
}

async fn regions<W: Permissions>(
    world: &W,
    preflight: &Preflight,
    order: &Order,
    home: &Home,
) -> Vec<RegionSeen> {
    let all = preflight.ground.source_regions.iter();
    let asked_for = all.filter(|name| order.regions.is_empty() || order.regions.contains(name));
    stream::iter(asked_for)
        .map(|name| region(world, preflight, order, home, name))
        .buffered(CONCURRENCY)
        .collect()
        .await
}

/// The policies that hold, as the planner reads them: the built-in one stands in for a set that was never applied,
/// and never for one that cannot be read.
async fn policies<W: ReadPolicies>(
    world: &W,
    preflight: &Preflight,
) -> (Option<Policies>, Finding) {
    let home = &preflight.ground.home;
    let (policies, stamp) = match world.current_policies().await {
        Ok(Some(applied)) => (
            applied.set.policies(&preflight.ground.key),
            Some(applied.stamp),
        ),
        Ok(None) => (preflight.built_in.clone(), None),
        Err(error) => return (None, unreadable(home, &port(&error))),
    };
    let finding = in_force(home, stamp.as_ref(), &policies);
    (Some(policies), finding)
}

/// The keys that copies get, with the policies that they are of. Where the policies could not be read, the stack's
/// own key is the one that is known.
fn keys_of<'a>(
    policies: Option<&'a Policies>,
    preflight: &Preflight,
) -> BTreeMap<KeyArn, Vec<&'a str>> {
    let Some(policies) = policies else {
        return BTreeMap::from([(preflight.ground.key.clone(), Vec::new())]);
    };
    let mut keys = BTreeMap::<KeyArn, Vec<&str>>::new();
    for policy in &policies.all {
        let names = keys.entry(policy.key.clone()).or_default();
        names.push(policy.name.as_str());
    }
    keys
}

/// A region's manual snapshots of both families, as far as they could be listed.
struct Snapshots {
    found: Vec<Snapshot>,
    missing: Vec<NotSaid>,
}

impl Snapshots {
    /// What could not be listed.
    fn told(&self, region: &Region) -> impl Iterator<Item = Finding> {
        let missing = self.missing.iter();
        missing.map(move |error| Finding::unknown(Check::OtherStacks, region, error))
    }
}

async fn manual_snapshots<W: Permissions>(world: &W, region: &Region) -> Snapshots {
    let mut snapshots = Snapshots {
        found: Vec::new(),
        missing: Vec::new(),
    };
    for family in Family::ALL {
        let listed = all(|marker| async {
            let page = world.list_manual_snapshots(region, family, marker).await;
            page.map_err(|error| rds(&error))
        })
        .await;
        match listed {
            Ok(found) => snapshots.found.extend(found),
            Err(error) => snapshots.missing.push(error),
        }
    }
    snapshots
}

async fn option_groups<W: ListOptionGroups>(
    world: &W,
    region: &Region,
) -> Result<Vec<OptionGroup>, NotSaid> {
    all(|marker| async {
        let page = world.list_option_groups(region, marker).await;
        page.map_err(|error| port(&error))
    })
    .await
}

/// All rows of a list.
async fn all<T, F>(ask: impl FnMut(Option<String>) -> F) -> Result<Vec<T>, NotSaid>
where
    F: Future<Output = Result<Page<T>, NotSaid>>,
{
    let endless = |endless: Endless| NotSaid {
        action: "the list".to_owned(),
        code: Some("Endless".to_owned()),
        why: endless.to_string(),
    };
    all_rows(PAGES_MAX, endless, ask).await
}

fn port(error: &PortError) -> NotSaid {
    NotSaid {
        action: error.action.to_owned(),
        code: error.code.clone(),
        why: chain(error),
    }
}

fn rds(error: &RdsError) -> NotSaid {
    NotSaid {
        action: error.operation.to_string(),
        code: error.code.clone(),
        why: error.to_string(),
    }
}

/// A key that copies get, and its policy.
async fn recovery<W: Permissions>(world: &W, preflight: &Preflight, key: &KeyArn) -> Vec<Finding> {
    let home = &preflight.ground.home;
    if let Some(elsewhere) = in_another_region(key, home) {
        return vec![elsewhere];
    }
    let facts = match world.describe_key(&KeyName::Arn(key.clone())).await {
        Ok(facts) => facts,
        Err(error) => {
            return vec![
                Finding::unknown(Check::RecoveryKey, key, &port(&error)),
                policy_of(world, preflight, key).await,
            ];
        }
    };
    let mut findings = vec![recovery_key(key, home, facts.as_ref())];
    if facts.is_some_and(|facts| has_own_policy(&facts)) {
        findings.push(policy_of(world, preflight, key).await);
    }
    findings
}

/// Whether a person could change the key's policy. Nobody can an AWS-managed key's, and one that is on its way
/// out needs no more words.
fn has_own_policy(facts: &KeyFacts) -> bool {
    facts.manager == Manager::Customer && !matches!(facts.state, KeyState::PendingDeletion(_))
}

async fn policy_of<W: Permissions>(world: &W, preflight: &Preflight, key: &KeyArn) -> Finding {
    let Some(role) = preflight.roles.get(&Role::Worker) else {
        return Finding {
            check: Check::KeyPolicy,
            subject: key.to_string(),
            ..not_named(Role::Worker)
        };
    };
    match world.get_key_policy(key).await {
        Ok(policy) => {
            let home = &preflight.ground.home;
            key_policy(key, &policy, Caller { role, home })
        }
        Err(error) => Finding::unknown(Check::KeyPolicy, key, &port(&error)),
    }
}

/// The room for the next round of each family that has a database in it, or may have.
async fn quotas<W: DescribeQuota>(
    world: &W,
    region: &Region,
    selected: impl Fn(Family) -> Option<usize>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for family in Family::ALL {
        let databases = selected(family);
        if databases != Some(0) {
            findings.push(quota(world, region, family, databases).await);
        }
    }
    findings
}

async fn quota<W: DescribeQuota>(
    world: &W,
    region: &Region,
    family: Family,
    databases: Option<usize>,
) -> Finding {
    match world.describe_snapshot_quota(region, family).await {
        Ok(quota) => {
            let quota = quota.map(|quota| Quota {
                used: quota.used,
                max: quota.max,
            });
            snapshot_quota(region, family, quota, databases)
        }
        Err(error) => Finding::unknown(Check::SnapshotQuota, region, &rds(&error)),
    }
}

async fn count<W: Permissions>(
    world: &W,
    region: &Region,
    letters: &Letters,
    url: &str,
) -> Finding {
    match world.count_messages(region, url).await {
        Ok(waiting) => dead_letters(letters, waiting),
        Err(error) => Finding::unknown(Check::DeadLetters, letters, &port(&error)),
    }
}

async fn simulate<W: Permissions>(
    world: &W,
    preflight: &Preflight,
    role: Role,
    keys: &[KeyArn],
) -> Finding {
    let Some(arn) = preflight.roles.get(&role) else {
        return not_named(role);
    };
    let mut simulated = Vec::new();
    for requirement in preflight.ground.requirements(role, keys) {
        let decisions = world.simulate_principal_policy(arn, &requirement).await;
        let decisions = decisions.map_err(|error| port(&error));
        // Who may not simulate once may not at all, and a role that is not there has nothing to be asked.
        let is_over = decisions.is_err();
        simulated.push(decisions);
        if is_over {
            break;
        }
    }
    permissions(role, &simulated)
}
