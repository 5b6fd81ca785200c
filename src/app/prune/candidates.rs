//! What may go, database by database, once the check has looked at it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::config::PrunerConfig;
use super::outcome::{LeftAlone, PruneReport, Refused};
use super::regions::Regions;
use crate::app::prune_preview::{GroupPreview, PrunePreview};
use crate::domain::id::arn::RdsArn;
use crate::domain::id::tags::{self, PolicyName};
use crate::domain::policy::in_force::Policies;
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::retention::bounds::{DatabaseId, Place, Removal};
use crate::domain::retention::check::{Broken, Case, Ruling, broken};
use crate::domain::retention::entered::AllEntered;
use crate::domain::retention::forget::{Decision, Point};
use crate::domain::retention::source::{SourceOrigin, source_origin};
use crate::domain::retention::source_check::{SourceCase, broken_at_source};
use crate::domain::run::naming::{copies_of_source, first_attempt};

/// One database, with all its recovery points and source snapshots, and what may go of them.
#[derive(Debug)]
pub(super) struct Candidates {
    pub(super) id: DatabaseId,
    /// How many recovery points it has.
    points: usize,
    /// Its snapshots in the recovery region, over all policies.
    snapshots: Vec<Snapshot>,
    /// Those that Snapferry took in its own region, over all policies with rules for them.
    sources: Vec<Snapshot>,
    /// What may go, the oldest first, with the reason.
    pub(super) removable: Vec<(Removal, String)>,
    rulings: BTreeMap<PolicyName, Ruling>,
    /// Whether each policy may remove source snapshots.
    at_source: BTreeMap<PolicyName, bool>,
    /// Whether a person wants even the last ones removed, because it is gone.
    includes_last: bool,
}

/// What the check asks beside the snapshots themselves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) config: &'a PrunerConfig,
    /// The table's records of recovery points.
    pub(super) entered: &'a AllEntered,
    /// The source snapshots of which the table knows a recovery point.
    pub(super) copied: &'a BTreeSet<RdsArn>,
    /// What an open wait needs.
    pub(super) needed: &'a BTreeSet<RdsArn>,
}

impl Candidates {
    fn of(id: DatabaseId, includes_last: bool) -> Self {
        Self {
            id,
            points: 0,
            snapshots: Vec::new(),
            sources: Vec::new(),
            removable: Vec::new(),
            rulings: BTreeMap::new(),
            at_source: BTreeMap::new(),
            includes_last,
        }
    }

    /// The rules that these removals break.
    pub(super) fn broken(
        &self,
        facts: Facts<'_>,
        removals: &BTreeSet<RdsArn>,
        now: Timestamp,
    ) -> Vec<Broken> {
        let Facts { config, needed, .. } = facts;
        let is_at_home = |arn: &RdsArn| *arn.region() == config.home;
        let (at_home, at_source): (BTreeSet<RdsArn>, BTreeSet<RdsArn>) =
            removals.iter().cloned().partition(is_at_home);
        let is_readable = |all: &[Snapshot]| !all.iter().any(Snapshot::is_unreadable);
        let case = Case {
            stack: &config.stack,
            home: &config.home,
            now,
            complete: is_readable(&self.snapshots),
            snapshots: &self.snapshots,
            rulings: &self.rulings,
            entered: facts.entered,
            needed,
            includes_last: self.includes_last,
        };
        let source_case = SourceCase {
            stack: &config.stack,
            home: &config.home,
            now,
            complete: is_readable(&self.sources),
            snapshots: &self.sources,
            recovery_points: &self.snapshots,
            entered: facts.entered,
            removes: &self.at_source,
            copied: facts.copied,
            needed,
        };
        let mut all = broken(&case, &at_home);
        all.extend(broken_at_source(&source_case, &at_source));
        all
    }

    /// How many recovery points it has, and how many source snapshots: each is a measure of its own.
    pub(super) fn counts(&self) -> [((DatabaseId, Place), usize); 2] {
        let of = |place| (self.id.clone(), place);
        [
            (of(Place::Recovery), self.points),
            (of(Place::Source), self.sources.len()),
        ]
    }

    /// The name under which everything that awaits a copy of this source snapshot stands. `None` if it is none.
    pub(super) fn awaited_as(&self, config: &PrunerConfig, source: &RdsArn) -> Option<RdsArn> {
        let snapshot = self.sources.iter().find(|one| one.arn == *source)?;
        let SourceOrigin {
            database, policy, ..
        } = source_origin(snapshot, &config.stack)?;
        let copies = copies_of_source(source, &config.home, &config.stack, &database, &policy);
        copies.first().map(first_attempt)
    }

    /// Whether a recovery point of the same policy is there whose data is no older: without one, a source snapshot is the last
    /// to hold that data.
    fn is_backed(&self, source: &Snapshot, entered: &AllEntered, now: Timestamp) -> bool {
        let policy = source.tags.get(tags::POLICY);
        let mut points = self.snapshots.iter();
        points.any(|one| {
            let at = one
                .taken_at
                .or_else(|| one.tags.get(tags::TAKEN_AT)?.parse().ok());
            one.status == SnapshotStatus::Available
                && one.tags.get(tags::POLICY) == policy
                && at.is_some_and(|at| at <= now)
                && at >= source.taken_at
                && entered
                    .get(&one.arn)
                    .is_none_or(|one| one.mismatch.is_none())
        })
    }

    /// Whether a snapshot is there.
    pub(super) fn has(&self, arn: &RdsArn) -> bool {
        let mut all = self.snapshots.iter().chain(&self.sources);
        all.any(|one| one.arn == *arn)
    }

    /// Puts what RDS shows now in the place of these snapshots. What it no longer shows is gone.
    pub(super) fn update(
        &mut self,
        asked: &BTreeSet<RdsArn>,
        found: &mut BTreeMap<RdsArn, Snapshot>,
    ) {
        for all in [&mut self.snapshots, &mut self.sources] {
            all.retain_mut(|one| {
                if !asked.contains(&one.arn) {
                    return true;
                }
                match found.remove(&one.arn) {
                    Some(now) => {
                        *one = now;
                        true
                    }
                    None => false,
                }
            });
        }
    }

    /// A snapshot that RDS was asked to delete no longer counts.
    pub(super) fn lose(&mut self, arn: &RdsArn) {
        for all in [&mut self.snapshots, &mut self.sources] {
            all.retain(|one| one.arn != *arn);
        }
    }

    /// Takes out of the plan what is needed for a while: what something awaits, the copies that the next incremental copy
    /// builds on, and source snapshots whose recovery points are not there any more. They are not a fault of the plan, and must
    /// not keep the others of their database from going.
    fn spare(&mut self, entered: &AllEntered, needed: &BTreeSet<RdsArn>, now: Timestamp) {
        let mut bases: BTreeSet<RdsArn> = BTreeSet::new();
        // No more copies of a database come that is gone.
        let rulings = self.rulings.values().filter(|_| !self.includes_last);
        for ruling in rulings {
            let mut under: Vec<&Snapshot> = self.snapshots.iter().collect();
            under.retain(|one| {
                one.key.as_ref() == Some(&ruling.key) && one.status == SnapshotStatus::Available
            });
            let entered_at = |one: &Snapshot| Some(entered.get(&one.arn)?.at);
            let last = |at: &dyn Fn(&Snapshot) -> Option<Timestamp>| {
                let known = under.iter().filter_map(|one| Some((at(one)?, *one)));
                let last = known.max_by(|(a, one), (b, other)| (a, &one.arn).cmp(&(b, &other.arn)));
                last.map(|(_, one)| one.arn.clone())
            };
            bases.extend(last(&entered_at));
            bases.extend(last(&|one| one.created_at));
        }
        let unbacked = self
            .sources
            .iter()
            .filter(|one| !self.is_backed(one, entered, now));
        let unbacked: BTreeSet<RdsArn> = unbacked.map(|one| one.arn.clone()).collect();
        let stays =
            |arn: &RdsArn| bases.contains(arn) || needed.contains(arn) || unbacked.contains(arn);
        self.removable.retain(|(one, _)| !stays(&one.snapshot));
    }

    fn all(&self) -> BTreeSet<RdsArn> {
        let removals = self.removable.iter();
        removals.map(|(one, _)| one.snapshot.clone()).collect()
    }
}

/// Every database that has recovery points, or source snapshots that a policy has rules for.
pub(super) fn databases(
    preview: &PrunePreview,
    includes_last: bool,
) -> BTreeMap<DatabaseId, Candidates> {
    let mut databases: BTreeMap<DatabaseId, Candidates> = BTreeMap::new();
    for group in &preview.groups {
        let id = group.database_id();
        let of = databases
            .entry(id.clone())
            .or_insert_with(|| Candidates::of(id.clone(), includes_last));
        of.points += group.points.len();
        of.snapshots.extend(group.snapshots.iter().cloned());
        if let Some(ruling) = ruling_of(&preview.policies, group) {
            of.rulings.insert(group.policy.clone(), ruling);
        }
        of.removable.extend(
            group
                .removable()
                .map(|one| removal(&id, Place::Recovery, one)),
        );
    }
    for group in &preview.sources.groups {
        let id = group.database_id();
        let of = databases
            .entry(id.clone())
            .or_insert_with(|| Candidates::of(id.clone(), includes_last));
        of.sources.extend(group.snapshots.iter().cloned());
        of.at_source.insert(
            group.policy.clone(),
            removes_at_source(&preview.policies, group),
        );
        of.removable.extend(
            group
                .removable()
                .map(|one| removal(&id, Place::Source, one)),
        );
    }
    for of in databases.values_mut() {
        of.removable
            .sort_by(|(a, _), (b, _)| (a.at, &a.snapshot).cmp(&(b.at, &b.snapshot)));
    }
    databases
}

fn removal(
    database: &DatabaseId,
    place: Place,
    (point, decision): &(Point<RdsArn>, Decision),
) -> (Removal, String) {
    let removal = Removal {
        database: database.clone(),
        place,
        snapshot: point.id.clone(),
        at: point.at,
    };
    (removal, decision.reasons().join("; "))
}

/// Whether a policy in force says how long these are kept, in a set that was applied by a version that removes.
fn removes_at_source(policies: &Policies, group: &GroupPreview) -> bool {
    policies.ruling(&group.policy).is_some_and(|policy| {
        let retention = &policy.options.retention;
        retention.source_retention.is_some() && !retention.source_shown_only
    })
}

fn ruling_of(policies: &Policies, group: &GroupPreview) -> Option<Ruling> {
    let policy = policies.ruling(&group.policy)?;
    let retention = &policy.options.retention;
    Some(Ruling {
        key: policy.key.clone(),
        min_keep: retention.min_keep(),
        removes: !retention.shown_only
            && (!retention.rules().is_empty() || retention.when_gone.is_some()),
    })
}

/// Takes out of the plan what this round must leave alone: databases of a region that cannot be reached, and those
/// whose plan breaks a rule of the check.
pub(super) fn leave_alone(
    databases: &mut BTreeMap<DatabaseId, Candidates>,
    facts: Facts<'_>,
    regions: &Regions,
    now: Timestamp,
    report: &mut PruneReport,
) {
    for (id, of) in databases.iter_mut() {
        if of.removable.is_empty() {
            continue;
        }
        let (region, database) = id;
        let why = if regions.unreachable.contains(region) {
            Some(format!("{region} was not listed to the end for a day"))
        } else if regions.not_seen_gone.contains(id) {
            Some("it counted as gone, and is there again or could not be looked for".to_owned())
        } else {
            None
        };
        if let Some(why) = why {
            report.left_alone.push(LeftAlone {
                database: database.clone(),
                why,
            });
            of.removable.clear();
            continue;
        }
        of.spare(facts.entered, facts.needed, now);
        let broken = of.broken(facts, &of.all(), now);
        if !broken.is_empty() {
            report.refused.push(Refused {
                database: database.clone(),
                broken,
            });
            of.removable.clear();
        }
    }
}
