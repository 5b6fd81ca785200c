//! The doctor: asks AWS for facts, lets the domain judge them, and changes nothing.
//!
//! A question that gets no answer is a finding of its own and ends no other; a region that does not answer is
//! not asked the rest.

mod regions;

use std::future::Future;

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::app::batch::chain;
use crate::domain::arn::{KeyArn, Region};
use crate::domain::doctor::databases::{Claims, OptionGroup, claims};
use crate::domain::doctor::key_policy::{Caller, key_policy};
use crate::domain::doctor::keys::{KeyFacts, KeyState, Manager, in_another_region, recovery_key};
use crate::domain::doctor::permissions::{Role, not_named, permissions};
use crate::domain::doctor::region::{Letters, dead_letters};
use crate::domain::doctor::room::{Copies, Quota, copy_slots, snapshot_quota};
use crate::domain::doctor::{Check, Finding, NotSaid};
use crate::domain::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::tags;
use crate::domain::wait::Phase;
use crate::ports::doctor::{
    CountMessages, DescribeKey, DescribeRule, FindQueue, FindRules, InspectInstances,
    ListManualSnapshots, ListOptionGroups, ReadKeyPolicy, SimulatePermissions,
};
use crate::ports::{Clock, DescribeQuota, ListOpen, Page, PortError, RdsError};
use crate::settings::Preflight;

use regions::{RegionSeen, region};

/// How many regions, or roles, are looked at beside each other: IAM and KMS allow few calls a second.
const CONCURRENCY: usize = 4;
/// How long a stack may have taken nothing of a database and still count as protecting it: a weekly schedule
/// that failed once.
const STILL_PROTECTING: SignedDuration = SignedDuration::from_hours(15 * 24);
/// Where a list that never ends is given up; 100 pages are 10,000 rows.
const PAGES_MAX: usize = 100;

permissions! {
    /// Everything that the doctor may do: it only reads.
    Permissions:
        Clock CountMessages DescribeKey DescribeQuota DescribeRule FindQueue FindRules InspectInstances
        ListManualSnapshots ListOpen ListOptionGroups ReadKeyPolicy SimulatePermissions
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
    let mut findings = key(world, preflight).await;
    let snapshots = pages(|marker| async {
        let page = world.list_manual_snapshots(home, marker).await;
        page.map_err(|error| rds(&error))
    })
    .await;
    let option_groups = pages(|marker| async {
        let page = world.list_option_groups(home, marker).await;
        page.map_err(|error| port(&error))
    })
    .await;
    if let Err(error) = &snapshots {
        findings.push(Finding::unknown(Check::OtherStacks, home, error));
    }
    let facts = Home {
        option_groups,
        claims: claims(snapshots.as_deref().unwrap_or_default(), now),
        since: now.checked_sub(STILL_PROTECTING).unwrap_or(now),
        now,
    };
    let regions = preflight.ground.source_regions.iter();
    let seen: Vec<RegionSeen> = stream::iter(regions)
        .filter(|name| std::future::ready(order.regions.is_empty() || order.regions.contains(name)))
        .map(|name| region(world, preflight, order, &facts, name))
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let databases = seen.iter().map(|region| region.selected).sum();
    findings.extend(seen.into_iter().flat_map(|region| region.findings));
    findings.push(quota(world, home, databases).await);
    findings.push(slots(world, preflight, snapshots.as_deref().ok()).await);
    for (letters, url) in [
        (Letters::Commands, &preflight.commands_dead_letters),
        (Letters::Events, &preflight.events_dead_letters),
    ] {
        findings.push(count(world, home, &letters, url).await);
    }
    let roles: Vec<Finding> = stream::iter(Role::ALL)
        .map(|role| simulate(world, preflight, role))
        .buffered(CONCURRENCY)
        .collect()
        .await;
    findings.extend(roles);
    findings
}

/// Every page of a list.
async fn pages<T, F>(mut ask: impl FnMut(Option<String>) -> F) -> Result<Vec<T>, NotSaid>
where
    F: Future<Output = Result<Page<T>, NotSaid>>,
{
    let mut all = Vec::new();
    let mut marker = None;
    for _ in 0..PAGES_MAX {
        let page = ask(marker).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => marker = Some(next),
            None => return Ok(all),
        }
    }
    Err(NotSaid {
        action: "the list".to_owned(),
        code: Some("Endless".to_owned()),
        why: format!("the list has more than {PAGES_MAX} pages"),
    })
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

async fn key<W: Permissions>(world: &W, preflight: &Preflight) -> Vec<Finding> {
    let (key, home) = (&preflight.ground.key, &preflight.ground.home);
    if let Some(elsewhere) = in_another_region(key, home) {
        return vec![elsewhere];
    }
    let facts = match world.describe_key(key).await {
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

async fn quota<W: Permissions>(world: &W, region: &Region, databases: Option<usize>) -> Finding {
    match world.describe_snapshot_quota(region).await {
        Ok(quota) => {
            let quota = quota.map(|quota| Quota {
                used: quota.used,
                max: quota.max,
            });
            snapshot_quota(region, quota, databases)
        }
        Err(error) => Finding::unknown(Check::SnapshotQuota, region, &rds(&error)),
    }
}

async fn slots<W: Permissions>(
    world: &W,
    preflight: &Preflight,
    snapshots: Option<&[Snapshot]>,
) -> Finding {
    let home = &preflight.ground.home;
    let (mut taken, mut queued) = (0, 0);
    let mut from = None;
    for _ in 0..PAGES_MAX {
        let page = match world.list_open(from).await {
            Ok(page) => page,
            Err(error) => return Finding::unknown(Check::CopySlots, home, &port(&error)),
        };
        taken += page.holders.len();
        let waits = page.waits.iter();
        queued += waits.filter(|wait| wait.phase == Phase::Queued).count();
        match page.next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    let ours = preflight.ground.stack.as_str();
    let of_others = snapshots.map(|snapshots| {
        let in_flight = snapshots.iter().filter(|snapshot| {
            let status = &snapshot.status;
            let is_ours = snapshot
                .tags
                .get(tags::STACK)
                .is_some_and(|tag| tag == ours);
            snapshot.source.is_some()
                && matches!(status, SnapshotStatus::Creating | SnapshotStatus::Copying)
                && !is_ours
        });
        in_flight.count()
    });
    let copies = Copies {
        slots: preflight.copy_slots,
        taken,
        queued,
        of_others,
    };
    copy_slots(home, copies)
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

async fn simulate<W: Permissions>(world: &W, preflight: &Preflight, role: Role) -> Finding {
    let Some(arn) = preflight.roles.get(&role) else {
        return not_named(role);
    };
    let mut simulated = Vec::new();
    for requirement in preflight.ground.requirements(role) {
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
