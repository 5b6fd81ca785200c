//! The check: a second, independent rule about every removal. It shares no code with `forget`, so that a fault of one
//! of them removes nothing.
//!
//! It looks at all recovery points of one database. A plan that breaks one rule removes nothing of that database.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::entered::AllEntered;
use crate::domain::id::arn::{KeyArn, RdsArn, Region};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{ResourceId, SnapshotId};
use crate::domain::id::tags::{self, PolicyName, StackId};
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::run::naming;

/// How much earlier than its run the data of a recovery point may be.
const EARLIEST: SignedDuration = SignedDuration::from_hours(24);

/// A rule of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The inventory is complete.
    Complete,
    /// The snapshot carries this stack's tags and the name that those tags give.
    Ours,
    /// It is in the recovery region, in the database's account, and of the database's family.
    Place,
    /// A policy that removes is in force for it.
    InForce,
    /// Nobody holds it.
    Held,
    /// RDS says `available` or `failed` of it.
    Finished,
    /// It is known when its data was taken, and that time has come.
    Dated,
    /// It is what was asked for. People remove a mismatch.
    Match,
    /// No wait and no open or redrivable run needs it. A restore or a drill that has not yet asked RDS for its recovery point
    /// is not seen here: docs/RETENTION.md.
    Needed,
    /// It is not its group's newest good one, unless a newer one of another policy stands.
    NewestGood,
    /// It is not the copy under a key in use that was entered last.
    LastEntered,
    /// It is not the copy under a key in use whose copying began last.
    LastBegun,
    /// Enough good ones remain of its group.
    MinKeep,
    /// For a source snapshot: the table knows the recovery point that was made of it.
    Copied,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 14] = [
        Self::Complete,
        Self::Ours,
        Self::Place,
        Self::InForce,
        Self::Held,
        Self::Finished,
        Self::Dated,
        Self::Match,
        Self::Needed,
        Self::NewestGood,
        Self::LastEntered,
        Self::LastBegun,
        Self::MinKeep,
        Self::Copied,
    ];

    /// Its name in logs and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete-inventory",
            Self::Ours => "ours",
            Self::Place => "place",
            Self::InForce => "policy-in-force",
            Self::Held => "held",
            Self::Finished => "finished",
            Self::Dated => "dated",
            Self::Match => "match",
            Self::Needed => "needed",
            Self::NewestGood => "newest-good",
            Self::LastEntered => "last-entered",
            Self::LastBegun => "last-begun",
            Self::MinKeep => "min-keep",
            Self::Copied => "copied",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A removal that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Broken {
    /// The rule.
    pub rule: Rule,
    /// The snapshot that was to be removed.
    pub snapshot: RdsArn,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} breaks the rule {}", self.snapshot, self.rule)
    }
}

/// What a policy in force says of the recovery points that it rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// The key that it names now.
    pub key: KeyArn,
    /// How many good ones of a database must remain.
    pub min_keep: usize,
    /// Whether it may remove: it has a rule, and its set was applied by a version that removes.
    pub removes: bool,
}

/// Everything that the check asks about one database.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The stack.
    pub stack: &'a StackId,
    /// The recovery region.
    pub home: &'a Region,
    /// The current time.
    pub now: Timestamp,
    /// Whether every page of the inventory was read, and every row of this database.
    pub complete: bool,
    /// Every manual snapshot of the recovery region with this stack's tag and the database's resource id.
    pub snapshots: &'a [Snapshot],
    /// The policies in force, by the name that the snapshots' tags give.
    pub rulings: &'a BTreeMap<PolicyName, Ruling>,
    /// What the table knows of these copies.
    pub entered: &'a AllEntered,
    /// What a wait, or an open or redrivable run needs.
    pub needed: &'a BTreeSet<RdsArn>,
    /// Whether the last ones may be removed too: the database is gone, and a person has said so by
    /// `snapferry prune --gone --include-last`.
    pub includes_last: bool,
}

/// A recovery point that counts: it is right, and its time has come.
struct Good<'a> {
    snapshot: &'a Snapshot,
    policy: PolicyName,
    at: Timestamp,
}

/// Every rule that these removals break, in order. A plan may be carried out only if there is none.
#[must_use]
pub fn broken(case: &Case<'_>, removals: &BTreeSet<RdsArn>) -> Vec<Broken> {
    let mut broken = BTreeSet::new();
    let mut breaks = |rule: Rule, snapshot: &RdsArn| {
        broken.insert(Broken {
            rule,
            snapshot: snapshot.clone(),
        });
    };
    for arn in removals {
        if !case.complete {
            breaks(Rule::Complete, arn);
        }
        if case.needed.contains(arn) {
            breaks(Rule::Needed, arn);
        }
        let Some(snapshot) = case.snapshots.iter().find(|one| one.arn == *arn) else {
            breaks(Rule::Ours, arn);
            continue;
        };
        for rule in broken_alone(case, snapshot) {
            breaks(rule, arn);
        }
    }
    if !case.includes_last {
        for (rule, arn) in broken_together(case, removals) {
            breaks(rule, &arn);
        }
    }
    broken.into_iter().collect()
}

/// The rules that one removal breaks, whatever else is removed.
fn broken_alone(case: &Case<'_>, snapshot: &Snapshot) -> Vec<Rule> {
    let mut rules = Vec::new();
    if snapshot
        .tags
        .get(tags::HOLD)
        .is_some_and(|value| !value.eq_ignore_ascii_case("false"))
    {
        rules.push(Rule::Held);
    }
    let Some((database, policy, planned_at)) = origin_by_name(case, snapshot) else {
        rules.push(Rule::Ours);
        return rules;
    };
    let (own, of) = (&snapshot.arn, &database.arn);
    let is_at_home = own.region() == case.home
        && own.account() == of.account()
        && own.family() == of.family()
        && own.kind().is_snapshot();
    if !is_at_home {
        rules.push(Rule::Place);
    }
    if !case
        .rulings
        .get(&policy)
        .is_some_and(|ruling| ruling.removes)
    {
        rules.push(Rule::InForce);
    }
    match snapshot.status {
        SnapshotStatus::Failed => {}
        SnapshotStatus::Available => {
            if data_time(snapshot, planned_at).is_none_or(|at| at > case.now) {
                rules.push(Rule::Dated);
            }
            if !is_right(case, snapshot, &policy) {
                rules.push(Rule::Match);
            }
        }
        SnapshotStatus::Creating
        | SnapshotStatus::Copying
        | SnapshotStatus::Deleting
        | SnapshotStatus::Other(_) => rules.push(Rule::Finished),
    }
    rules
}

/// The rules about what remains.
fn broken_together(case: &Case<'_>, removals: &BTreeSet<RdsArn>) -> Vec<(Rule, RdsArn)> {
    let good: Vec<Good<'_>> = case
        .snapshots
        .iter()
        .filter_map(|snapshot| good(case, snapshot))
        .collect();
    let goes = |one: &Good<'_>| removals.contains(&one.snapshot.arn);
    let mut broken = Vec::new();
    let groups: BTreeSet<&PolicyName> = good.iter().map(|one| &one.policy).collect();
    for policy in groups {
        let group = || good.iter().filter(|one| one.policy == *policy);
        let Some(newest) = group().max_by_key(|one| (one.at, &one.snapshot.arn)) else {
            continue;
        };
        let is_superseded = good.iter().any(|other| {
            let is_anothers = other.policy != *policy && case.rulings.contains_key(&other.policy);
            is_anothers && other.at > newest.at && !goes(other)
        });
        if is_superseded {
            continue;
        }
        if goes(newest) {
            broken.push((Rule::NewestGood, newest.snapshot.arn.clone()));
        }
        let min_keep = case
            .rulings
            .get(policy)
            .map_or(1, |ruling| ruling.min_keep.max(1));
        if group().filter(|one| !goes(one)).count() < min_keep {
            let going = group().filter(|one| goes(one));
            broken.extend(going.map(|one| (Rule::MinKeep, one.snapshot.arn.clone())));
        }
    }
    broken.extend(
        bases(case)
            .into_iter()
            .filter(|(_, arn)| removals.contains(arn)),
    );
    broken
}

/// The copies that the next incremental copy may hang on: under each key in use, over all policies of the database,
/// the one that was entered last and the one whose copying began last. RDS has no time at which a copy was finished.
fn bases(case: &Case<'_>) -> Vec<(Rule, RdsArn)> {
    let keys: BTreeSet<&KeyArn> = case.rulings.values().map(|ruling| &ruling.key).collect();
    let mut bases = Vec::new();
    for key in keys {
        let under: Vec<&Snapshot> = case
            .snapshots
            .iter()
            .filter(|one| one.status == SnapshotStatus::Available && one.key.as_ref() == Some(key))
            .filter(|one| origin_by_name(case, one).is_some())
            .collect();
        let entered = under.iter().filter_map(|one| {
            let entered = case.entered.get(&one.arn)?;
            Some((entered.at, &one.arn))
        });
        let last_entered = entered.max().map(|(_, arn)| arn);
        let begun = under
            .iter()
            .filter_map(|one| Some((one.created_at?, &one.arn)));
        let last_begun = begun.max().map(|(_, arn)| arn);
        bases.extend(last_entered.map(|arn| (Rule::LastEntered, arn.clone())));
        bases.extend(last_begun.map(|arn| (Rule::LastBegun, arn.clone())));
        if last_entered.is_none() && last_begun.is_none() {
            let mut by_data: Vec<&Snapshot> = under;
            by_data.sort_by_key(|one| (one.taken_at, &one.arn));
            let newest = by_data.iter().rev().take(2);
            bases.extend(newest.map(|one| (Rule::LastBegun, one.arn.clone())));
        }
    }
    bases
}

fn good<'a>(case: &Case<'_>, snapshot: &'a Snapshot) -> Option<Good<'a>> {
    let (_, policy, planned_at) = origin_by_name(case, snapshot)?;
    let at = data_time(snapshot, planned_at).filter(|at| *at <= case.now)?;
    let is_good = snapshot.status == SnapshotStatus::Available && is_right(case, snapshot, &policy);
    is_good.then_some(Good {
        snapshot,
        policy,
        at,
    })
}

/// The database, the policy and the planned time, if the tags are this stack's and give the name.
fn origin_by_name(
    case: &Case<'_>,
    snapshot: &Snapshot,
) -> Option<(DatabaseRef, PolicyName, Timestamp)> {
    let tag = |key: &str| snapshot.tags.get(key).map(String::as_str);
    if tag(tags::STACK) != Some(case.stack.as_str()) {
        return None;
    }
    let database = DatabaseRef {
        arn: RdsArn::parse(tag(tags::DATABASE)?).ok()?,
        resource_id: ResourceId::parse(tag(tags::RESOURCE_ID)?).ok()?,
    };
    let policy = PolicyName::parse(tag(tags::POLICY)?).ok()?;
    let source = SnapshotId::of(&RdsArn::parse(tag(tags::SOURCE)?).ok()?);
    let planned_at =
        naming::planned_time_of_copy(&snapshot.arn, case.stack, &database, &policy, &source)?;
    Some((database, policy, planned_at))
}

/// RDS's time of the data, or the tag's between a day before the run and the beginning of the copy.
fn data_time(snapshot: &Snapshot, planned_at: Timestamp) -> Option<Timestamp> {
    if snapshot.taken_at.is_some() {
        return snapshot.taken_at;
    }
    let tag = snapshot.tags.get(tags::TAKEN_AT)?;
    let at: Timestamp = tag.parse().ok()?;
    let latest = snapshot.created_at.unwrap_or(Timestamp::MAX);
    (planned_at - EARLIEST..=latest).contains(&at).then_some(at)
}

/// Whether an available copy is what was asked for: as it was entered, or by its own tags and its policy's key.
fn is_right(case: &Case<'_>, snapshot: &Snapshot, policy: &PolicyName) -> bool {
    let tagged = snapshot.tags.get(tags::SOURCE);
    let source = snapshot.source.as_ref().map(ToString::to_string);
    if !snapshot.encrypted || source.is_none() || source.as_ref() != tagged {
        return false;
    }
    match case.entered.get(&snapshot.arn) {
        Some(entered) => entered.mismatch.is_none() && entered.key == snapshot.key,
        None => case
            .rulings
            .get(policy)
            .is_none_or(|ruling| snapshot.key.as_ref() == Some(&ruling.key)),
    }
}
