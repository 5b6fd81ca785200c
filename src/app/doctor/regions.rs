//! One source region: its databases, their keys and option groups, its room, its rule, its dead letters.

use std::collections::BTreeMap;

use super::{Home, Order, Permissions, count, pages, port, quota, rds};
use crate::domain::arn::{KeyArn, Region};
use crate::domain::database::{Choice, Database, choose};
use crate::domain::doctor::databases::{Candidate, claims, option_group, other_stacks};
use crate::domain::doctor::keys::source_key;
use crate::domain::doctor::region::{Letters, dead_letters, forwarding_rule};
use crate::domain::doctor::{Check, Finding, Level, NotSaid};
use crate::domain::letter::{forwarding_queue, names};
use crate::settings::Preflight;

/// What was found in a region, and how many databases a round of it makes: none while it is down, and nothing is
/// said where the caller may not list them.
pub(super) struct RegionSeen {
    pub(super) findings: Vec<Finding>,
    pub(super) selected: Option<usize>,
}

/// Looks at a region. Where it does not say which databases it has for want of an answer, nothing else is asked
/// of it.
pub(super) async fn region<W: Permissions>(
    world: &W,
    preflight: &Preflight,
    order: &Order,
    home: &Home,
    region: &Region,
) -> RegionSeen {
    let listed = pages(|marker| async {
        let page = world.inspect_db_instances(region, marker).await;
        page.map_err(|error| rds(&error))
    })
    .await;
    let is_listed = listed.is_ok();
    let (candidates, mut findings) = match listed {
        Ok(all) => {
            let selected: Vec<Candidate> = all
                .into_iter()
                .filter(|one| is_selected(preflight, order, &one.database))
                .collect();
            let what = format!("databases that are protected: {}", selected.len());
            let finding = if selected.is_empty() {
                none_selected(region)
            } else {
                Finding::ok(Check::Databases, region, what)
            };
            (selected, vec![finding])
        }
        Err(error) => {
            let finding = Finding::unknown(Check::Databases, region, &error);
            if error.code.is_none() {
                return RegionSeen {
                    findings: vec![finding],
                    selected: Some(0),
                };
            }
            (Vec::new(), vec![finding])
        }
    };
    findings.extend(keys(world, preflight, &candidates).await);
    findings.extend(option_groups(world, home, region, &candidates).await);
    findings.extend(others(world, preflight, home, region, &candidates).await);
    let selected = is_listed.then_some(candidates.len());
    findings.push(quota(world, region, selected).await);
    findings.push(rule(world, preflight, region).await);
    findings.push(letters(world, preflight, region).await);
    RegionSeen { findings, selected }
}

fn none_selected(region: &Region) -> Finding {
    Finding::bad(
        Check::Databases,
        region,
        Level::Warning,
        "no database of it is protected",
        "tag those that are to be (snapferry:policy), or take the region out of SourceRegions",
    )
}

fn is_selected(preflight: &Preflight, order: &Order, database: &Database) -> bool {
    let of = database.to_ref();
    let chosen = preflight.policies.iter().any(|policy| {
        matches!(
            choose(database, &policy.name, policy.selection),
            Choice::Protect(_)
        )
    });
    chosen && (order.databases.is_empty() || order.databases.iter().any(|text| names(text, &of)))
}

/// One question for each key, however many databases have it.
async fn keys<W: Permissions>(
    world: &W,
    preflight: &Preflight,
    candidates: &[Candidate],
) -> Vec<Finding> {
    let mut databases: BTreeMap<&KeyArn, Vec<&str>> = BTreeMap::new();
    for candidate in candidates {
        if let Some(key) = &candidate.key {
            let name = candidate.database.arn.name();
            databases.entry(key).or_default().push(name);
        }
    }
    let mut findings = Vec::new();
    for (key, databases) in databases {
        findings.push(match world.describe_key(key).await {
            Ok(facts) => source_key(key, facts.as_ref(), &databases, preflight.ground.account()),
            Err(error) => Finding::unknown(Check::SourceKey, key, &port(&error)),
        });
    }
    findings
}

/// Nothing is asked where every database has a default option group.
async fn option_groups<W: Permissions>(
    world: &W,
    home: &Home,
    region: &Region,
    candidates: &[Candidate],
) -> Vec<Finding> {
    let needed = candidates
        .iter()
        .any(|one| !option_group(one, &[], &[], None).is_empty());
    if !needed {
        return Vec::new();
    }
    let here = pages(|marker| async {
        let page = world.list_option_groups(region, marker).await;
        page.map_err(|error| port(&error))
    })
    .await;
    let unknown = |error: &NotSaid| vec![Finding::unknown(Check::OptionGroup, region, error)];
    match (&here, &home.option_groups) {
        (Ok(here), Ok(there)) => candidates
            .iter()
            .flat_map(|candidate| option_group(candidate, here, there, None))
            .collect(),
        (Err(error), _) | (_, Err(error)) => unknown(error),
    }
}

/// The region's own manual snapshots are those that other stacks took; the recovery region's their copies.
async fn others<W: Permissions>(
    world: &W,
    preflight: &Preflight,
    home: &Home,
    region: &Region,
    candidates: &[Candidate],
) -> Vec<Finding> {
    let snapshots = pages(|marker| async {
        let page = world.list_manual_snapshots(region, marker).await;
        page.map_err(|error| rds(&error))
    })
    .await;
    let mut findings = Vec::new();
    let here = match snapshots {
        Ok(snapshots) => claims(&snapshots, home.now),
        Err(error) => {
            findings.push(Finding::unknown(Check::OtherStacks, region, &error));
            claims(&[], home.now)
        }
    };
    let ours = &preflight.ground.stack;
    let before = findings.len();
    for candidate in candidates {
        let database = candidate.database.to_ref();
        let found = [&here, &home.claims]
            .into_iter()
            .find_map(|claims| other_stacks(&database, ours, claims, home.since));
        findings.extend(found);
    }
    if findings.is_empty() && before == 0 {
        let what = "no other stack's snapshots of these databases";
        findings.push(Finding::ok(Check::OtherStacks, region, what));
    }
    findings
}

async fn rule<W: Permissions>(world: &W, preflight: &Preflight, region: &Region) -> Finding {
    const CHECK: Check = Check::ForwardingRule;
    let home = &preflight.ground.home;
    let bus = preflight.ground.default_bus();
    let names = pages(|marker| async {
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

async fn letters<W: Permissions>(world: &W, preflight: &Preflight, region: &Region) -> Finding {
    let letters = Letters::Forwarding(region.clone());
    let name = forwarding_queue(&preflight.ground.home);
    match world.get_queue_url(region, &name).await {
        Ok(Some(url)) => count(world, region, &letters, &url).await,
        Ok(None) => dead_letters(&letters, None),
        Err(error) => Finding::unknown(Check::DeadLetters, &letters, &port(&error)),
    }
}
