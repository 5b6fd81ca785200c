//! The check of removals in a source region: a second, independent rule. It shares no code with `forget`.
//!
//! It looks at all source snapshots of one database. A plan that breaks one rule removes nothing of that database.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::check::{Broken, Rule};
use super::entered::AllEntered;
use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{self, PolicyName, StackId};
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::run::naming;

/// Everything that the check asks about one database's source snapshots.
#[derive(Debug, Clone, Copy)]
pub struct SourceCase<'a> {
    /// The stack.
    pub stack: &'a StackId,
    /// The recovery region.
    pub home: &'a Region,
    /// The current time.
    pub now: Timestamp,
    /// Whether every page of the region's inventory was read, and every row of this database.
    pub complete: bool,
    /// Every manual snapshot of the database's region that a run of this stack took of it.
    pub snapshots: &'a [Snapshot],
    /// Every recovery point of this stack of the same database.
    pub recovery_points: &'a [Snapshot],
    /// What the table knows of these recovery points.
    pub entered: &'a AllEntered,
    /// The policies in force, by the name that the snapshots' tags give: whether each may remove source snapshots.
    pub removes: &'a BTreeMap<PolicyName, bool>,
    /// Those of which the table knows a recovery point: a copy of it was settled as a success.
    pub copied: &'a BTreeSet<RdsArn>,
    /// What a wait needs.
    pub needed: &'a BTreeSet<RdsArn>,
}

/// Every rule that these removals break, in order. A plan may be carried out only if there is none.
#[must_use]
pub fn broken_at_source(case: &SourceCase<'_>, removals: &BTreeSet<RdsArn>) -> Vec<Broken> {
    let mut broken = BTreeSet::new();
    for arn in removals {
        let mut breaks = |rule: Rule| {
            broken.insert(Broken {
                rule,
                snapshot: arn.clone(),
            });
        };
        if !case.complete {
            breaks(Rule::Complete);
        }
        if case.needed.contains(arn) {
            breaks(Rule::Needed);
        }
        match case.snapshots.iter().find(|one| one.arn == *arn) {
            None => breaks(Rule::Ours),
            Some(snapshot) => broken_alone(case, snapshot).into_iter().for_each(breaks),
        }
    }
    broken.extend(newest_that_go(case, removals).map(|arn| Broken {
        rule: Rule::NewestGood,
        snapshot: arn.clone(),
    }));
    broken.into_iter().collect()
}

fn broken_alone(case: &SourceCase<'_>, snapshot: &Snapshot) -> Vec<Rule> {
    let mut rules = Vec::new();
    let hold = snapshot.tags.get(tags::HOLD);
    if hold.is_some_and(|value| !value.eq_ignore_ascii_case("false")) {
        rules.push(Rule::Held);
    }
    let Some((database, policy, planned_at)) = run_by_name(case.stack, snapshot) else {
        rules.push(Rule::Ours);
        return rules;
    };
    let (own, of) = (&snapshot.arn, &database.arn);
    let is_beside = own.region() == of.region()
        && own.region() != case.home
        && own.account() == of.account()
        && own.family() == of.family()
        && own.kind().is_snapshot();
    if !is_beside {
        rules.push(Rule::Place);
    }
    if case.removes.get(&policy) != Some(&true) {
        rules.push(Rule::InForce);
    }
    let is_copied = match snapshot.status {
        SnapshotStatus::Available => {
            if snapshot.taken_at.is_none_or(|at| at > case.now) {
                rules.push(Rule::Dated);
            }
            case.copied.contains(&snapshot.arn)
        }
        // A later attempt of the same run has taken its place.
        SnapshotStatus::Failed => case.snapshots.iter().any(|other| {
            let of_other = run_by_name(case.stack, other);
            of_other == Some((database.clone(), policy.clone(), planned_at))
                && case.copied.contains(&other.arn)
        }),
        SnapshotStatus::Creating
        | SnapshotStatus::Copying
        | SnapshotStatus::Deleting
        | SnapshotStatus::Other(_) => {
            rules.push(Rule::Finished);
            return rules;
        }
    };
    // Without its copy in this stack's own table another stack of the same id may have taken it, and not copied it yet.
    if !is_copied || !is_backed(case, &policy, snapshot) {
        rules.push(Rule::Copied);
    }
    rules
}

/// Whether the recovery region shows a finished one of this policy whose data is no older, and which is what was asked for.
/// What was copied once and is lost there since has its last data here.
fn is_backed(case: &SourceCase<'_>, policy: &PolicyName, source: &Snapshot) -> bool {
    let tag = |one: &Snapshot, key: &str| one.tags.get(key).cloned();
    case.recovery_points.iter().any(|one| {
        let entered = case.entered.get(&one.arn);
        let by_tag = tag(one, tags::TAKEN_AT).and_then(|text| text.parse().ok());
        let data: Option<Timestamp> = one.taken_at.or(by_tag);
        one.arn.region() == case.home
            && entered.is_none_or(|entered| entered.mismatch.is_none())
            && one.status == SnapshotStatus::Available
            && tag(one, tags::STACK).as_deref() == Some(case.stack.as_str())
            && tag(one, tags::POLICY).as_deref() == Some(policy.as_str())
            && data.is_some_and(|at| at <= case.now && Some(at) >= source.taken_at)
    })
}

/// The newest finished ones of each policy that are to go. One always stays.
fn newest_that_go<'a>(
    case: &SourceCase<'a>,
    removals: &'a BTreeSet<RdsArn>,
) -> impl Iterator<Item = &'a RdsArn> {
    let mut newest: BTreeMap<PolicyName, &Snapshot> = BTreeMap::new();
    for one in case.snapshots {
        let is_finished = one.status == SnapshotStatus::Available
            && one.taken_at.is_some_and(|at| at <= case.now);
        let Some((_, policy, _)) = run_by_name(case.stack, one).filter(|_| is_finished) else {
            continue;
        };
        let by = |one: &Snapshot| (one.taken_at, one.arn.clone());
        let known = newest.entry(policy).or_insert(one);
        if by(one) > by(known) {
            *known = one;
        }
    }
    let newest = newest.into_values().map(|one| &one.arn);
    newest.filter(|arn| removals.contains(*arn))
}

/// The database, the policy and the planned time, if the tags are this stack's and give the name.
fn run_by_name(
    stack: &StackId,
    snapshot: &Snapshot,
) -> Option<(DatabaseRef, PolicyName, Timestamp)> {
    let tag = |key: &str| snapshot.tags.get(key).map(String::as_str);
    if tag(tags::STACK) != Some(stack.as_str()) {
        return None;
    }
    let database = DatabaseRef {
        arn: RdsArn::parse(tag(tags::DATABASE)?).ok()?,
        resource_id: ResourceId::parse(tag(tags::RESOURCE_ID)?).ok()?,
    };
    let policy = PolicyName::parse(tag(tags::POLICY)?).ok()?;
    let planned_at = naming::planned_time_of_source(&snapshot.arn, stack, &database, &policy)?;
    Some((database, policy, planned_at))
}
