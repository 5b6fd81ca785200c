//! Worlds in which Snapferry copies RDS's automated snapshots: which databases it protects this way, when RDS takes the
//! snapshots, and what must become of them.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use snapferry::domain::id::arn::{KeyArn, RdsArn};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::in_force::{Policies, Policy};
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::set::{Applied, PolicySet, Stamp, Version};
use snapferry::domain::policy::spec::{AppliedKey, PolicySpec, Source};
use snapferry::domain::run::command::ProtectionRequest;

use super::fleet::protects;
use super::judge::STALE;
use super::rule;
use super::run::BEGIN;
use super::step_functions::Status;
use super::world::{World, rds_region};
use crate::faults::Fault;
use crate::rds::{Family, Rds, Region as RdsRegion, Snapshot, SnapshotType, Stage, Tags};

/// The policy that copies automated snapshots.
pub(super) const NIGHTLY: &str = "nightly";

/// What makes the worlds that have this policy.
pub(super) struct Nightly {
    rng: Rng,
}

/// An automated snapshot as RDS took it.
#[derive(Debug, Clone)]
pub(super) struct Backup {
    resource_id: String,
    taken_at: Timestamp,
    expires_at: Timestamp,
    tags: Tags,
}

impl Nightly {
    /// A third of all worlds have this policy. It is drawn from a generator of its own, so that the other worlds stay the
    /// same.
    pub(super) fn draw(rng: &Rng) -> Option<Self> {
        let mut rng = rng.clone().fork();
        (rng.u8(..3) == 0).then_some(Self { rng })
    }

    pub(super) fn policy(&mut self, key: &KeyArn) -> Policy {
        let pattern = ["0 6 * * *", "0 */4 * * *", "15 * * * *"][self.rng.usize(..3)];
        let schedule = Schedule::parse(pattern, "UTC").expect("a schedule");
        let name = PolicyName::parse(NIGHTLY).expect("a name");
        let mut policy = Policy::new(name, schedule, key.clone());
        policy.options.source = Source::Automated;
        policy
    }

    /// Gives this policy most of the databases that the built-in policy would protect.
    pub(super) fn take(&mut self, rds: &mut Rds, at: &RdsRegion) {
        let instances: Vec<String> = rds
            .instances(at)
            .filter(|i| i.spec.cluster.is_none() && protects(&i.spec.tags, "default"))
            .map(|i| i.spec.identifier.clone())
            .collect();
        for name in instances {
            let (is_taken, days) = (self.rng.u8(..4) > 0, self.days());
            if !is_taken {
                continue;
            }
            rds.change_instance(at, &name, |instance| {
                instance.spec.tags = Tags::of_system([("snapferry:policy", NIGHTLY)]);
                instance.spec.backup_retention_days = days;
            });
        }
        let clusters: Vec<String> = rds
            .clusters(at)
            .filter(|c| protects(&c.spec.tags, "default"))
            .map(|c| c.spec.identifier.clone())
            .collect();
        for name in clusters {
            let (is_taken, days) = (self.rng.u8(..4) > 0, self.days());
            if !is_taken {
                continue;
            }
            rds.change_cluster(at, &name, |cluster| {
                cluster.spec.tags = Tags::of_system([("snapferry:policy", NIGHTLY)]);
                cluster.spec.backup_retention_days = days;
            });
        }
    }

    /// The retention in days: mostly one, sometimes two.
    fn days(&mut self) -> u16 {
        if self.rng.u8(..4) == 0 { 2 } else { 1 }
    }

    /// Takes snapshots that RDS will remove within hours, or soon if it keeps them for one day. No event announces them.
    /// Only for the first region, because RDS's clock has moved on before the second's turn.
    pub(super) fn take_old_ones(&mut self, rds: &mut Rds, at: &RdsRegion) {
        let is_soon = self.rng.bool();
        let minutes = if is_soon {
            22 * 60..=24 * 60
        } else {
            600..=24 * 60
        };
        let age = SignedDuration::from_mins(self.rng.i64(minutes));
        let mut time = BEGIN.saturating_sub(age).unwrap_or(BEGIN);
        for (family, name) in databases(rds, at) {
            if self.rng.u8(..4) > 0 {
                // A cluster that RDS cannot back up now has no snapshot. This also happens.
                let _ = rds.take_automated_snapshot(family, at, &name, time);
            }
            let pause = SignedDuration::from_mins(self.rng.i64(1..=15));
            time = time.saturating_add(pause).unwrap_or(time);
        }
    }
}

/// The set that was applied in such a world.
pub(super) fn applied(policies: &Policies) -> Applied {
    let spec = |policy: &Policy| PolicySpec {
        schedule: policy.schedule.clone(),
        key: Some(AppliedKey {
            arn: policy.key.clone(),
            alias: None,
        }),
        options: policy.options.clone(),
    };
    Applied {
        stamp: Stamp {
            version: Version::FIRST,
            at: BEGIN,
            by: "arn:aws:iam::111122223333:user/operator".to_owned(),
            note: None,
        },
        text: String::new(),
        set: PolicySet {
            untagged: policies.untagged.clone(),
            copy_slots: policies.copy_slots,
            cluster_copy_slots: policies.cluster_copy_slots,
            policies: policies
                .all
                .iter()
                .map(|policy| (policy.name.clone(), spec(policy)))
                .collect(),
        },
    }
}

/// All databases of a region that RDS backs up.
fn databases(rds: &Rds, at: &RdsRegion) -> Vec<(Family, String)> {
    let instances = rds.instances(at).filter(|i| i.spec.cluster.is_none());
    let instances = instances.map(|i| (Family::Instance, i.spec.identifier.clone()));
    let clusters = rds.clusters(at);
    let clusters = clusters.map(|c| (Family::Cluster, c.spec.identifier.clone()));
    instances.chain(clusters).collect()
}

impl World {
    /// Lets RDS back up some databases of a region, with any policy or none.
    pub(super) fn back_up(&mut self) {
        let region = &self.source_regions[self.rng.usize(..self.source_regions.len())];
        let at = rds_region(region);
        for (family, name) in databases(&self.rds, &at) {
            if self.rng.bool() {
                continue;
            }
            let now = self.now;
            let taken = self.rds.take_automated_snapshot(family, &at, &name, now);
            let Ok(taken) = taken else {
                self.count("RDS cannot back a database up now");
                continue;
            };
            self.count("RDS takes an automated snapshot");
            self.note(|| format!("RDS takes {}", taken.name));
        }
        self.enter_backups();
        if self.rng.u8(..3) == 0 {
            self.forge_backup_hint();
        }
    }

    /// An event that RDS has not sent, about a snapshot that exists, has existed, or is not available yet.
    fn forge_backup_hint(&mut self) {
        let n = self.rng.usize(..self.backups.len().max(1));
        let Some(arn) = self.backups.keys().nth(n).cloned() else {
            return;
        };
        let (kind, id) = match arn.family() {
            snapferry::domain::id::arn::Family::Instance => {
                ("RDS DB Snapshot Event", "RDS-EVENT-0091")
            }
            snapferry::domain::id::arn::Family::Cluster => {
                ("RDS DB Cluster Snapshot Event", "RDS-EVENT-0169")
            }
        };
        let body = serde_json::json!({
            "detail-type": kind, "source": "aws.rds",
            "detail": { "SourceArn": arn.to_string(), "EventID": id, "Message": "" },
        });
        self.count_fault(Fault::ForgedBackupHint);
        self.send_event(body.to_string(), format!("forged {id} of {arn}"));
    }

    /// Remembers the automated snapshots of RDS, for the time after RDS has removed them.
    pub(super) fn enter_backups(&mut self) {
        let mut found = Vec::new();
        for region in &self.source_regions {
            for snapshot in self.backups_in(&rds_region(region)) {
                let Ok(arn) = RdsArn::parse(&snapshot.arn) else {
                    continue;
                };
                let days = i64::from(self.retention_of(&arn, snapshot));
                let kept = SignedDuration::from_hours(24 * days);
                let backup = Backup {
                    resource_id: snapshot.instance.resource_id.clone(),
                    taken_at: snapshot.taken_at,
                    expires_at: snapshot
                        .taken_at
                        .saturating_add(kept)
                        .unwrap_or(Timestamp::MAX),
                    tags: snapshot.tags.clone(),
                };
                found.push((arn, backup));
            }
        }
        for (arn, backup) in found {
            self.backups.entry(arn).or_insert(backup);
        }
    }

    fn retention_of(&self, arn: &RdsArn, snapshot: &Snapshot) -> u16 {
        let (at, of) = (rds_region(arn.region()), &snapshot.instance.identifier);
        let days = match arn.family() {
            snapferry::domain::id::arn::Family::Instance => self
                .rds
                .instance(&at, of)
                .map(|i| i.spec.backup_retention_days),
            snapferry::domain::id::arn::Family::Cluster => self
                .rds
                .cluster(&at, of)
                .map(|c| c.spec.backup_retention_days),
        };
        days.unwrap_or(0)
    }

    fn backups_in(&self, at: &RdsRegion) -> impl Iterator<Item = &Snapshot> {
        let all = self.rds.snapshots(at).chain(self.rds.cluster_snapshots(at));
        all.filter(|snapshot| snapshot.kind == SnapshotType::Automated)
    }

    /// A database's newest automated snapshot that RDS has had for at least this long.
    fn newest_backup(
        &self,
        at: &RdsRegion,
        database: &str,
        for_long: SignedDuration,
    ) -> Option<&Snapshot> {
        self.backups_in(at)
            .filter(|s| s.instance.resource_id == database && s.stage() == Stage::Available)
            .filter(|s| self.now.duration_since(s.since()) >= for_long)
            .max_by_key(|s| s.taken_at)
    }

    /// The earliest due time that counts as planned for a database. `None` if there is nothing to run.
    pub(super) fn is_to_be_planned(
        &self,
        policy: &PolicyName,
        at: &RdsRegion,
        database: &str,
        due: Timestamp,
    ) -> Option<Timestamp> {
        if policy.as_str() != NIGHTLY {
            return Some(due);
        }
        // The planner may have missed a snapshot that RDS has finished since, or shows late.
        let newest = self.newest_backup(at, database, STALE)?;
        Some(newest.taken_at)
    }

    /// An execution must copy what its policy says, from its own database, and nothing that another execution copies.
    pub(super) fn judge_named_source(&mut self, name: &str, run: &ProtectionRequest) {
        let wants_one = run.policy.as_str() == NIGHTLY;
        let Some(of) = &run.options.automated else {
            if wants_one {
                self.broke(rule::NAMED, || format!("{name} names no source"));
            }
            return;
        };
        let is_its_own = self.backups.get(&of.snapshot).is_some_and(|backup| {
            backup.resource_id == run.database.resource_id.as_str()
                && backup.taken_at == run.planned_at
        });
        if !is_its_own || !wants_one {
            let (source, database) = (of.snapshot.clone(), run.database.arn.clone());
            self.broke(rule::NAMED, || {
                format!("{name} is to copy {source} for {database}")
            });
            return;
        }
        let twin = self
            .step_functions
            .executions
            .iter()
            .find(|(other, execution)| {
                let theirs = execution.run.options.automated.as_ref();
                // A person who redrives an execution is responsible for it.
                other.as_str() != name
                    && theirs.is_some_and(|theirs| theirs.snapshot == of.snapshot)
                    && (execution.is_running() || execution.status == Status::Succeeded)
                    && execution.redrives == 0
                    && !execution.by_hand
            });
        if let Some((twin, _)) = twin {
            let detail = format!("{name} is to copy what {twin} copies");
            self.broke(rule::NAMED, || detail);
        }
    }

    /// In the end, after the planner has looked once more, the newest automated snapshot of each database must have its
    /// recovery point, and the snapshots that RDS still keeps must be unchanged.
    pub(super) fn judge_backups(&mut self) {
        for region in self.source_regions.clone() {
            let at = rds_region(&region);
            let of_policy = self.to_be_protected(&at, NIGHTLY);
            let newest = of_policy
                .into_iter()
                .filter_map(|id| self.newest_backup(&at, id, SignedDuration::ZERO));
            let not_copied = newest
                .map(|snapshot| snapshot.arn.clone())
                .find(|arn| !self.is_copied(arn));
            if let Some(arn) = not_copied {
                self.broke(rule::RECOVERED, || format!("{arn} has no recovery point"));
            }
        }
        let changed = self.backups.iter().find(|(arn, backup)| {
            let is_as_taken = self.truth(arn).is_some_and(|found| {
                found.kind == SnapshotType::Automated
                    && found.stage() != Stage::Deleting
                    && found.tags == backup.tags
            });
            backup.expires_at > self.now && !is_as_taken
        });
        if let Some(arn) = changed.map(|(arn, _)| arn.clone()) {
            self.broke(rule::FOREIGN, || format!("{arn} is not as RDS took it"));
        }
    }

    fn is_copied(&self, snapshot: &str) -> bool {
        self.step_functions.executions.values().any(|execution| {
            let of = execution.run.options.automated.as_ref();
            of.is_some_and(|of| of.snapshot.to_string() == snapshot)
                && (execution.status == Status::Succeeded || self.is_spoilt(&execution.run))
        })
    }
}
