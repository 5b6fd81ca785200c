//! The doctor: asks AWS for facts, lets the domain judge them, and changes nothing.
//!
//! A question without an answer is a finding of its own, and all other checks go on. Only a region that does not
//! answer at all gets no further questions.

mod ask;
mod namesakes;
mod parts;
mod regions;
mod scope;
mod slots;

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use jiff::SignedDuration;

use crate::app::in_force::{PoliciesInForce, policies_in_force};
use crate::app::steady_state::{SelectedBy, steady_state};
use crate::domain::doctor::alarms::{alarms, no_topic};
use crate::domain::doctor::capacity::kept_within_quota;
use crate::domain::doctor::databases::{claims, not_found};
use crate::domain::doctor::key_policy::{Caller, key_policy};
use crate::domain::doctor::keys::{in_another_region, recovery_key};
use crate::domain::doctor::parts::log_in;
use crate::domain::doctor::permissions::{not_named, permissions};
use crate::domain::doctor::policies::{for_policies, policies as in_force, unreadable};
use crate::domain::doctor::region::Letters;
use crate::domain::doctor::timing::timing;
use crate::domain::doctor::{Check, Finding};
use crate::domain::id::arn::{Family, KeyArn};
use crate::domain::id::role::{IamRole, Role};
use crate::domain::operator::not_found::NotFound;
use crate::domain::policy::in_force::Policies;
use crate::domain::policy::spec::KeyName;
use crate::ports::ReadPolicies;
use crate::ports::doctor::CountSubscribers;
use crate::settings::DoctorSettings;

use ask::{Snapshots, count, manual_snapshots, option_groups, port, quotas};
use namesakes::other_stacks_of_the_id;
use parts::parts;
use regions::{RegionSeen, region};
use scope::Home;
use slots::slots;

pub use scope::{ACTIONS, DoctorScope, Permissions};

/// How many regions, or roles, the doctor checks at the same time: IAM and KMS allow few calls a second.
const CONCURRENCY: usize = 4;
/// A stack whose last snapshot of a database is younger than this counts as protecting the database. It covers a weekly
/// schedule that failed once.
const STILL_PROTECTING: SignedDuration = SignedDuration::from_hours(15 * 24);

/// Makes all checks, and returns all findings, including the good ones.
pub async fn diagnose<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    scope: &DoctorScope,
) -> Vec<Finding> {
    let now = world.now();
    let home = &doctor_settings.stack_facts.home;
    let (policies, finding) = policies(world, doctor_settings).await;
    let mut findings = vec![finding];
    let keys = keys_of(policies.as_ref(), doctor_settings);
    for (key, names) in &keys {
        let of_key = recovery(world, doctor_settings, key).await;
        findings.extend(of_key.into_iter().map(|one| for_policies(one, names)));
    }
    let keys: Vec<KeyArn> = keys.into_keys().collect();
    let snapshots = manual_snapshots(world, home).await;
    findings.extend(snapshots.unanswered(home));
    let facts = Home {
        option_groups: option_groups(world, home).await,
        claims: claims(&snapshots.found, now),
        since: now.checked_sub(STILL_PROTECTING).unwrap_or(now),
        now,
        policies,
    };
    let seen = regions(world, doctor_settings, scope, &facts).await;
    let selected = |family| seen.iter().map(|region| region.selected(family)).sum();
    findings.extend(quotas(world, home, selected).await);
    if scope.is_whole() && snapshots.missing.is_empty() {
        findings.extend(keeping(world, doctor_settings, &facts, &snapshots, &seen).await);
    }
    let known = seen.iter().flat_map(|region| &region.known);
    let unknown = NotFound::of_databases(&scope.databases, known);
    let is_partial = seen.iter().any(|region| region.is_partial);
    findings.extend(unknown.iter().map(|name| not_found(name, is_partial)));
    let homes = seen.iter().flat_map(|region| region.forwards_to.clone());
    findings.extend(other_stacks_of_the_id(world, doctor_settings, homes.collect()).await);
    findings.extend(seen.into_iter().flat_map(|region| region.findings));
    findings.extend(slots(world, doctor_settings, facts.policies.as_ref(), &snapshots).await);
    for (letters, url) in [
        (Letters::Commands, &doctor_settings.commands_dead_letters),
        (Letters::Events, &doctor_settings.events_dead_letters),
    ] {
        findings.push(count(world, home, &letters, url).await);
    }
    findings.push(notified(world, doctor_settings).await);
    findings.extend(parts(world, doctor_settings, facts.policies.as_ref()).await);
    let sources = &doctor_settings.stack_facts.source_regions;
    findings.extend(scope.log_in.iter().map(|region| log_in(region, sources)));
    findings.extend(timing(doctor_settings.timing));
    let roles: Vec<Finding> = stream::iter(IamRole::ALL)
        .map(|role| simulate(world, doctor_settings, role, &keys))
        .buffered(CONCURRENCY)
        .collect()
        .await;
    findings.extend(roles);
    findings
}

/// Whether the alarms notify anybody.
async fn notified<W: CountSubscribers>(world: &W, doctor_settings: &DoctorSettings) -> Finding {
    let Some(topic) = &doctor_settings.alarm_topic else {
        return no_topic();
    };
    let home = &doctor_settings.stack_facts.home;
    match world.count_subscribers(home, topic).await {
        Ok(subscribers) => alarms(topic, subscribers),
        Err(error) => Finding::unknown(Check::Alarms, topic, &port(&error)),
    }
}

async fn regions<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    scope: &DoctorScope,
    home: &Home,
) -> Vec<RegionSeen> {
    let all = doctor_settings.stack_facts.source_regions.iter();
    let asked_for = all.filter(|name| scope.regions.is_empty() || scope.regions.contains(name));
    stream::iter(asked_for)
        .map(|name| region(world, doctor_settings, scope, home, name))
        .buffered(CONCURRENCY)
        .collect()
        .await
}

/// Whether what the policies keep fits into the recovery region's quotas.
async fn keeping<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    home: &Home,
    snapshots: &Snapshots,
    seen: &[RegionSeen],
) -> Vec<Finding> {
    let (stack, region) = (
        &doctor_settings.stack_facts.stack,
        &doctor_settings.stack_facts.home,
    );
    let mut findings = Vec::new();
    for family in Family::ALL {
        let mut selected = SelectedBy::new();
        let by_region: Option<Vec<SelectedBy>> =
            seen.iter().map(|region| region.by_policy(family)).collect();
        // A region that could not be listed has a finding of its own.
        let (Some(by_region), Some(policies)) = (by_region, &home.policies) else {
            continue;
        };
        for (policy, ids) in by_region.into_iter().flatten() {
            selected.entry(policy).or_default().extend(ids);
        }
        if selected.is_empty() {
            continue;
        }
        let found = &snapshots.found;
        let state = steady_state(stack, policies, family, &selected, found, home.now);
        // What RDS does not say has a finding of its own too.
        if let Ok(Some(quota)) = world.describe_snapshot_quota(region, family).await {
            findings.push(kept_within_quota(region, &state, quota));
        }
    }
    findings
}

/// The policies in force, and the finding about them.
async fn policies<W: ReadPolicies>(
    world: &W,
    doctor_settings: &DoctorSettings,
) -> (Option<Policies>, Finding) {
    let home = &doctor_settings.stack_facts.home;
    match policies_in_force(
        world,
        &doctor_settings.stack_facts.key,
        &doctor_settings.built_in,
    )
    .await
    {
        Ok(PoliciesInForce { policies, stamp }) => {
            let finding = in_force(home, stamp.as_ref(), &policies);
            (Some(policies), finding)
        }
        Err(error) => (None, unreadable(home, &port(&error))),
    }
}

/// The keys of the copies, each with the policies that use it. If the policies cannot be read, only the stack's own key
/// is known.
fn keys_of<'a>(
    policies: Option<&'a Policies>,
    doctor_settings: &DoctorSettings,
) -> BTreeMap<KeyArn, Vec<&'a str>> {
    let Some(policies) = policies else {
        return BTreeMap::from([(doctor_settings.stack_facts.key.clone(), Vec::new())]);
    };
    let mut keys = BTreeMap::<KeyArn, Vec<&str>>::new();
    for policy in &policies.all {
        let names = keys.entry(policy.key.clone()).or_default();
        names.push(policy.name.as_str());
    }
    keys
}

/// Checks a key of the copies, and its key policy.
async fn recovery<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    key: &KeyArn,
) -> Vec<Finding> {
    let home = &doctor_settings.stack_facts.home;
    if let Some(elsewhere) = in_another_region(key, home) {
        return vec![elsewhere];
    }
    let facts = match world.describe_key(&KeyName::Arn(key.clone())).await {
        Ok(facts) => facts,
        Err(error) => {
            return vec![
                Finding::unknown(Check::RecoveryKey, key, &port(&error)),
                policy_of(world, doctor_settings, key).await,
            ];
        }
    };
    let mut findings = vec![recovery_key(key, home, facts.as_ref())];
    if facts.is_some_and(|facts| facts.has_own_policy()) {
        findings.push(policy_of(world, doctor_settings, key).await);
    }
    findings
}

async fn policy_of<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    key: &KeyArn,
) -> Finding {
    let Some(role) = doctor_settings.roles.get(&IamRole::Function(Role::Worker)) else {
        return Finding {
            check: Check::KeyPolicy,
            subject: key.to_string(),
            ..not_named(IamRole::Function(Role::Worker))
        };
    };
    match world.get_key_policy(key).await {
        Ok(policy) => {
            let region = &doctor_settings.stack_facts.home;
            key_policy(key, &policy, Caller { role, region })
        }
        Err(error) => Finding::unknown(Check::KeyPolicy, key, &port(&error)),
    }
}

async fn simulate<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    role: IamRole,
    keys: &[KeyArn],
) -> Finding {
    let Some(arn) = doctor_settings.roles.get(&role) else {
        return not_named(role);
    };
    let mut simulated = Vec::new();
    for requirement in doctor_settings.stack_facts.requirements(role, keys) {
        let decisions = world.simulate_principal_policy(arn, &requirement).await;
        let decisions = decisions.map_err(|error| port(&error));
        // A caller who may not simulate one action may not simulate any. A role that does not exist ends the loop too.
        let is_over = decisions.is_err();
        simulated.push(decisions);
        if is_over {
            break;
        }
    }
    permissions(role, &simulated)
}
