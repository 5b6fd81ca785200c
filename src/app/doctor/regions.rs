//! One source region: its databases, their keys and option groups, its quotas, its rule, its dead letters.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::doctor::ask::{self, all, count, manual_snapshots, port, quotas, rds, whole};
use crate::app::doctor::namesakes::forwards_to;
use crate::app::doctor::scope::{DoctorScope, Home, Permissions};
use crate::app::steady_state::SelectedBy;
use crate::app::tde::TdeGroups;
use crate::domain::doctor::databases::{Candidate, claims, option_group, other_stacks};
use crate::domain::doctor::key_policy::Caller;
use crate::domain::doctor::keys::source_key;
use crate::domain::doctor::policies::{misnamed, not_now, refused, unjudged, unreadable_row};
use crate::domain::doctor::region::{Letters, dead_letters, forwarding_rule};
use crate::domain::doctor::source_keys::{not_covered, of_another_account, policy_of_source};
use crate::domain::doctor::{Check, Finding, Level, Unanswered};
use crate::domain::id::arn::{Family, KeyArn, RdsArn, Region};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::OptionGroup;
use crate::domain::id::role::{IamRole, Role};
use crate::domain::id::tags::PolicyName;
use crate::domain::operator::dead_letter::{forwarding_queue, names};
use crate::domain::policy::choice::{Choice, ExclusionReason, choose};
use crate::domain::policy::in_force::Policies;
use crate::domain::policy::spec::KeyName;
use crate::ports::Page;
use crate::settings::DoctorSettings;

/// The findings of a region, and how many of its databases a round covers.
#[derive(Default)]
pub(super) struct RegionSeen {
    pub(super) findings: Vec<Finding>,
    /// The recovery regions that its events are forwarded to.
    pub(super) forwards_to: BTreeSet<Region>,
    /// The databases that were listed, if a person has named some.
    pub(super) known: Vec<DatabaseRef>,
    /// Whether not all databases could be listed.
    pub(super) is_partial: bool,
    selected: BTreeMap<Family, Option<usize>>,
    by_policy: BTreeMap<Family, SelectedBy>,
}

impl RegionSeen {
    /// How many databases a round covers: zero while the region is down, and `None` if the databases could not be
    /// listed or judged.
    pub(super) fn selected(&self, family: Family) -> Option<usize> {
        self.selected.get(&family).copied().unwrap_or(Some(0))
    }

    /// The databases that policies select, by policy. Nothing if not all of them could be listed.
    pub(super) fn by_policy(&self, family: Family) -> Option<SelectedBy> {
        let was_listed = self.selected.get(&family).is_some_and(Option::is_some);
        was_listed.then(|| self.by_policy.get(&family).cloned().unwrap_or_default())
    }
}

/// A protected database, with the option group that its copy is to get.
struct Selected {
    candidate: Candidate,
    policy: PolicyName,
    copied_with: Option<OptionGroup>,
}

impl Selected {
    fn copied_with(&self) -> Option<&str> {
        self.copied_with.as_ref().map(OptionGroup::as_str)
    }
}

/// Checks one region. If it does not answer the first question, which databases it has, the doctor asks it nothing
/// else.
pub(super) async fn region<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    scope: &DoctorScope,
    home: &Home,
    region: &Region,
) -> RegionSeen {
    let mut seen = RegionSeen::default();
    let mut selected = Vec::new();
    let tde = TdeGroups::default();
    let (mut left_out, mut decided) = (Vec::new(), BTreeSet::new());
    for family in Family::ALL {
        let mut listed = match list(world, region, family).await {
            Ok(listed) => listed,
            Err(error) => {
                let unknown = Finding::unknown(Check::Databases, region, &error);
                seen.findings.push(unknown);
                seen.is_partial = true;
                if error.code.is_none() {
                    seen.selected.clear();
                    return seen;
                }
                seen.selected.insert(family, None);
                continue;
            }
        };
        if !scope.databases.is_empty() {
            let listed = listed.items.iter();
            seen.known.extend(listed.map(|one| one.database.to_ref()));
        }
        let unreadable = listed.unreadable.iter();
        seen.findings
            .extend(unreadable.map(|row| unreadable_row(region, row)));
        if let Some(policies) = &home.policies {
            let databases = listed.items.iter_mut().map(|one| &mut one.database);
            // Where RDS does not answer, the check of the option groups asks again, and says so.
            let _ = tde.note(world, region, policies, databases).await;
        }
        let count = home.policies.as_ref().map(|policies| {
            if family == Family::Cluster {
                let clusters = listed.items.iter().map(|one| &one.database);
                let own = clusters.filter(|one| choose(one, policies).is_by_its_own_tags());
                decided.extend(own.map(|one| one.arn.name().to_owned()));
            }
            let before = selected.len();
            for candidate in listed.items {
                sift(
                    policies,
                    scope,
                    candidate,
                    &mut selected,
                    &mut left_out,
                    &mut seen.findings,
                );
            }
            for one in &selected[before..] {
                let of = seen.by_policy.entry(family).or_default();
                let ids = of.entry(one.policy.clone()).or_default();
                ids.insert(one.candidate.database.resource_id.clone());
            }
            selected.len() - before
        });
        seen.selected.insert(family, count);
    }
    for (database, why) in left_out {
        seen.findings
            .extend(misnamed(&database, &why.knowing(&decided)));
    }
    seen.findings.extend(how_many(region, home, &seen));
    seen.findings
        .extend(keys(world, doctor_settings, region, &selected).await);
    let groups = option_groups(world, home, region, &selected).await;
    seen.findings.extend(groups);
    let others = others(world, doctor_settings, home, region, &selected).await;
    seen.findings.extend(others);
    let room = quotas(world, region, |family| seen.selected(family)).await;
    seen.findings.extend(room);
    seen.findings
        .push(rule(world, doctor_settings, region).await);
    seen.findings
        .push(letters(world, doctor_settings, region).await);
    match forwards_to(world, region).await {
        Ok(homes) => seen.forwards_to = homes,
        Err(error) => {
            let unknown = Finding::unknown(Check::StackId, region, &error);
            seen.findings.push(unknown);
        }
    }
    seen
}

async fn list<W: Permissions>(
    world: &W,
    region: &Region,
    family: Family,
) -> Result<Page<Candidate>, Unanswered> {
    whole(|marker| async {
        let page = world.inspect_databases(region, family, marker).await;
        page.map_err(|error| rds(&error))
    })
    .await
}

/// Adds a database to the protected ones, or a finding if it was meant to be protected and is not.
fn sift(
    policies: &Policies,
    scope: &DoctorScope,
    candidate: Candidate,
    selected: &mut Vec<Selected>,
    left_out: &mut Vec<(RdsArn, ExclusionReason)>,
    findings: &mut Vec<Finding>,
) {
    let database = &candidate.database;
    let of = database.to_ref();
    if !scope.databases.is_empty() && !scope.databases.iter().any(|text| names(text, &of)) {
        return;
    }
    match choose(database, policies) {
        Choice::Protect(name) => {
            let policy = policies.get(name.as_str());
            let copied_with =
                policy.and_then(|policy| policies.options(policy, database).option_group);
            selected.push(Selected {
                candidate,
                policy: name,
                copied_with,
            });
        }
        Choice::Refuse(_, why) => findings.push(refused(&database.arn, &why)),
        Choice::NotNow(_, why) => findings.push(not_now(&database.arn, &why)),
        Choice::LeaveOut(why) => left_out.push((database.arn.clone(), why)),
    }
}

/// The finding about how many databases are protected, as far as they could be listed and judged.
fn how_many(region: &Region, home: &Home, seen: &RegionSeen) -> Option<Finding> {
    if home.policies.is_none() {
        return Some(unjudged(region));
    }
    let instances = seen.selected(Family::Instance)?;
    let clusters = seen.selected(Family::Cluster)?;
    if instances + clusters > 0 {
        let what = format!("protected: {instances} instances, {clusters} clusters");
        return Some(Finding::ok(Check::Databases, region, what));
    }
    Some(Finding::bad(
        Check::Databases,
        region,
        Level::Warning,
        "no database of it is protected",
        "tag those that are to be (snapferry:policy), or take the region out of SourceRegions",
    ))
}

/// Asks about each key once, however many databases use it.
async fn keys<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    region: &Region,
    selected: &[Selected],
) -> Vec<Finding> {
    let mut databases: BTreeMap<&KeyArn, Vec<&str>> = BTreeMap::new();
    for Selected { candidate, .. } in selected {
        if let Some(key) = &candidate.key {
            let name = candidate.database.arn.name();
            databases.entry(key).or_default().push(name);
        }
    }
    let account = doctor_settings.stack_facts.account();
    let mut findings = Vec::new();
    for (key, databases) in databases {
        let facts = match world.describe_key(&KeyName::Arn(key.clone())).await {
            Ok(facts) => facts,
            Err(error) => {
                findings.push(Finding::unknown(Check::SourceKey, key, &port(&error)));
                continue;
            }
        };
        let finding = source_key(key, facts.as_ref(), &databases, account);
        // AWS lets every role of the account use the keys that it manages.
        let is_usable =
            finding.level == Level::Ok && facts.is_some_and(|facts| facts.has_own_policy());
        if !is_usable {
            findings.push(finding);
            continue;
        }
        let listed = &doctor_settings.source_key_patterns;
        findings.push(not_covered(key, account, listed).unwrap_or(finding));
        findings.extend(policy_of(world, doctor_settings, key, region).await);
    }
    findings
}

/// The finding about a source key's policy, unless all is well. Without the worker's role there is nobody to judge it for,
/// which the check of the recovery key's policy says.
async fn policy_of<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    key: &KeyArn,
    region: &Region,
) -> Option<Finding> {
    let role = doctor_settings.roles.get(&IamRole::Function(Role::Worker));
    let account = doctor_settings.stack_facts.account();
    if let Some(theirs) = of_another_account(key, role, account) {
        return Some(theirs);
    }
    let role = role?;
    match world.get_key_policy(key).await {
        Ok(policy) => policy_of_source(key, &policy, Caller { role, region }),
        Err(error) => Some(Finding::unknown(Check::KeyPolicy, key, &port(&error))),
    }
}

/// Asks nothing if every database has a default option group and no policy names another.
async fn option_groups<W: Permissions>(
    world: &W,
    home: &Home,
    region: &Region,
    selected: &[Selected],
) -> Vec<Finding> {
    let needed = selected
        .iter()
        .any(|one| !option_group(&one.candidate, &[], &[], one.copied_with()).is_empty());
    if !needed {
        return Vec::new();
    }
    let here = ask::option_groups(world, region).await;
    match (&here, &home.option_groups) {
        (Ok(here), Ok(there)) => selected
            .iter()
            .flat_map(|one| option_group(&one.candidate, here, there, one.copied_with()))
            .collect(),
        (Err(error), _) | (_, Err(error)) => {
            vec![Finding::unknown(Check::OptionGroup, region, error)]
        }
    }
}

/// Other stacks' snapshots are among this region's manual snapshots, and their copies among those of the recovery region.
async fn others<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    home: &Home,
    region: &Region,
    selected: &[Selected],
) -> Vec<Finding> {
    let snapshots = manual_snapshots(world, region).await;
    let here = claims(&snapshots.found, home.now);
    let mut findings: Vec<Finding> = snapshots.unanswered(region).collect();
    let ours = &doctor_settings.stack_facts.stack;
    for Selected { candidate, .. } in selected {
        let database = candidate.database.to_ref();
        let found = [&here, &home.claims]
            .into_iter()
            .find_map(|claims| other_stacks(&database, ours, claims, home.since));
        findings.extend(found);
    }
    if findings.is_empty() {
        let what = "no other stack's snapshots of these databases";
        findings.push(Finding::ok(Check::OtherStacks, region, what));
    }
    findings
}

async fn rule<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    region: &Region,
) -> Finding {
    const CHECK: Check = Check::ForwardingRule;
    let home = &doctor_settings.stack_facts.home;
    let bus = doctor_settings.stack_facts.default_bus();
    let names = all(|marker| async {
        let page = world.list_rule_names_by_target(region, &bus, marker).await;
        page.map_err(|error| port(&error))
    })
    .await;
    let names = match names {
        Ok(names) => names,
        Err(error) => return Finding::unknown(CHECK, region, &error),
    };
    let mut rules = Vec::new();
    for name in names {
        match world.describe_rule(region, &name).await {
            Ok(rule) => rules.push(rule),
            Err(error) => return Finding::unknown(CHECK, region, &port(&error)),
        }
    }
    forwarding_rule(region, home, &rules)
}

async fn letters<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    region: &Region,
) -> Finding {
    let letters = Letters::Forwarding(region.clone());
    let name = forwarding_queue(&doctor_settings.stack_facts.home);
    match world.get_queue_url(region, &name).await {
        Ok(Some(url)) => count(world, region, &letters, &url).await,
        Ok(None) => dead_letters(&letters, None),
        Err(error) => Finding::unknown(Check::DeadLetters, &letters, &port(&error)),
    }
}
