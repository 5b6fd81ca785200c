//! What may go, database by database, once the check has looked at it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::config::PrunerConfig;
use super::outcome::{LeftAlone, PruneReport, Refused};
use super::regions::Regions;
use crate::app::prune_preview::{GroupPreview, PrunePreview, ruling};
use crate::domain::id::arn::RdsArn;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::in_force::Policies;
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::retention::bounds::{DatabaseId, Removal};
use crate::domain::retention::check::{Broken, Case, Ruling, broken};
use crate::domain::retention::entered::AllEntered;

/// One database, with all its recovery points and what may go of them.
#[derive(Debug)]
pub(super) struct Candidates {
    pub(super) id: DatabaseId,
    /// How many recovery points it has.
    pub(super) points: usize,
    /// Its snapshots, over all policies.
    pub(super) snapshots: Vec<Snapshot>,
    /// What may go, the oldest first, with the reason.
    pub(super) removable: Vec<(Removal, String)>,
    rulings: BTreeMap<PolicyName, Ruling>,
    /// Whether a person wants even the last ones removed, because it is gone.
    includes_last: bool,
}

impl Candidates {
    /// The rules that these removals break.
    pub(super) fn broken(
        &self,
        config: &PrunerConfig,
        entered: &AllEntered,
        needed: &BTreeSet<RdsArn>,
        removals: &BTreeSet<RdsArn>,
        now: Timestamp,
    ) -> Vec<Broken> {
        let case = Case {
            stack: &config.stack,
            home: &config.home,
            now,
            complete: !self.has_unreadable(),
            snapshots: &self.snapshots,
            rulings: &self.rulings,
            entered,
            needed,
            includes_last: self.includes_last,
        };
        broken(&case, removals)
    }

    /// Whether a row of it cannot be read.
    fn has_unreadable(&self) -> bool {
        self.snapshots.iter().any(Snapshot::is_unreadable)
    }

    /// Takes out of the plan what is needed for a while: what something awaits, and the copies that the next incremental
    /// copy builds on. They are not a fault of the plan, and must not keep the others of their database from going.
    fn spare(&mut self, entered: &AllEntered, needed: &BTreeSet<RdsArn>) {
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
        self.removable
            .retain(|(one, _)| !bases.contains(&one.snapshot) && !needed.contains(&one.snapshot));
    }

    fn all(&self) -> BTreeSet<RdsArn> {
        let removals = self.removable.iter();
        removals.map(|(one, _)| one.snapshot.clone()).collect()
    }
}

/// Every database that has recovery points.
pub(super) fn databases(
    preview: &PrunePreview,
    includes_last: bool,
) -> BTreeMap<DatabaseId, Candidates> {
    let mut databases: BTreeMap<DatabaseId, Candidates> = BTreeMap::new();
    for group in &preview.groups {
        let id = group.database_id();
        let of = databases.entry(id.clone()).or_insert_with(|| Candidates {
            id: id.clone(),
            points: 0,
            snapshots: Vec::new(),
            removable: Vec::new(),
            rulings: BTreeMap::new(),
            includes_last,
        });
        of.points += group.points.len();
        of.snapshots.extend(group.snapshots.iter().cloned());
        if let Some(ruling) = ruling_of(&preview.policies, group) {
            of.rulings.insert(group.policy.clone(), ruling);
        }
        let removable = group.removable().map(|(point, decision)| {
            let removal = Removal {
                database: id.clone(),
                snapshot: point.id.clone(),
                at: point.at,
            };
            (removal, decision.reasons().join("; "))
        });
        of.removable.extend(removable);
    }
    for of in databases.values_mut() {
        of.removable
            .sort_by(|(a, _), (b, _)| (a.at, &a.snapshot).cmp(&(b.at, &b.snapshot)));
    }
    databases
}

fn ruling_of(policies: &Policies, group: &GroupPreview) -> Option<Ruling> {
    let policy = ruling(policies, &group.policy)?;
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
    config: &PrunerConfig,
    entered: &AllEntered,
    regions: &Regions,
    needed: &BTreeSet<RdsArn>,
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
        of.spare(entered, needed);
        let broken = of.broken(config, entered, needed, &of.all(), now);
        if !broken.is_empty() {
            report.refused.push(Refused {
                database: database.clone(),
                broken,
            });
            of.removable.clear();
        }
    }
}
