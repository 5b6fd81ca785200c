//! Worlds in which recovery points are drilled and restored: what the commands made, and what must hold of it.
//!
//! The rules are judged by the model's rows and by the resource ids that its answers brought, and not by what is stored.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use snapferry::domain::drill::options::{DrillOptions, Level, Sample};
use snapferry::domain::id::arn::{Family, RdsArn, Region};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::CONFIGURATION;
use snapferry::domain::policy::in_force::Policy;
use snapferry::domain::policy::span::Span;
use snapferry::domain::restore::mapping::{EVERY_OTHER, RestoreMapping};
use snapferry::domain::restore::record::RestoreRecord;
use snapferry::domain::restore::setting::Setting;
use snapferry::domain::restore::value::{Settings, Value};
use snapferry::domain::run::failure::Operation;
use snapferry::ports::DatabaseCall;

use super::fleet::OPTIONS;
use super::judge::home;
use super::rule;
use super::run::BEGIN;
use super::world::{World, rds_region};
use crate::rds::{CreateDbSnapshot, InstanceSpec, InstanceStatus, Rds, Stage, SubnetGroup, Tags};
use crate::restored::Counterparts;
use crate::restores_to_domain::{cluster_settings, instance_settings};

/// How often `snapferry drill --due` runs, and how often `snapferry drill --clean`.
pub(super) const DRILL_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// How long a drill may live.
const DEADLINE: SignedDuration = SignedDuration::from_hours(2);
/// How long after its deadline a drill may still be there: two rounds of the remover, and what its deletion takes.
const REMOVED_WITHIN: SignedDuration = SignedDuration::from_hours(3);
/// When a drill goes whose call brought no answer: no drill may become that old.
const OLDEST: SignedDuration = SignedDuration::from_hours(24);

const RESTORE_GROUP: &str = "recovery";
const DRILL_GROUP: &str = "drills";
const RESTORE_SECURITY: &str = "sg-restored";
const DRILL_SECURITY: &str = "sg-drilled";

/// What a call has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Maker {
    Restore,
    Drill,
}

/// A database that restores or drills made.
#[derive(Debug, Clone)]
struct Made {
    name: String,
    /// The cluster that it is a member of.
    of: Option<String>,
    by: Maker,
    at: Timestamp,
}

/// Everything about drills and restores that a world remembers.
#[derive(Debug)]
pub(super) struct Day {
    /// When what happens next.
    pub(super) next_drill: Timestamp,
    pub(super) next_clean: Timestamp,
    pub(super) next_restore: Timestamp,
    /// The commands that run.
    pub(super) running: BTreeSet<u64>,
    /// Until when commands wait.
    pub(super) naps: BTreeMap<u64, Timestamp>,
    /// The databases that a person restores, by their resource ids.
    pub(super) to_restore: BTreeSet<String>,
    pub(super) rng: Rng,
    made: BTreeMap<String, Made>,
    /// Databases of people with names that drills had, and since when they are there.
    replaced: BTreeMap<String, Timestamp>,
    /// Snapshots that people took of what was restored or drilled.
    by_hand: BTreeSet<RdsArn>,
}

impl Day {
    /// Half of the worlds that copy automated snapshots have such a day: an applied set of policies is there. Drawn from a
    /// generator of its own, so that every other world stays as it was.
    pub(super) fn draw(rng: &Rng, has_applied: bool) -> Option<Self> {
        const APART: u64 = 0x6461_795F_5F5F_5F5F;
        let mut rng = Rng::with_seed(rng.clone().u64(..) ^ APART);
        if !has_applied || rng.bool() {
            return None;
        }
        let mut at = |minutes| {
            BEGIN
                .saturating_add(SignedDuration::from_mins(rng.i64(minutes)))
                .unwrap_or(BEGIN)
        };
        Some(Self {
            next_drill: at(20..=80),
            next_clean: at(5..=60),
            next_restore: at(30..=240),
            running: BTreeSet::new(),
            naps: BTreeMap::new(),
            to_restore: BTreeSet::new(),
            rng,
            made: BTreeMap::new(),
            replaced: BTreeMap::new(),
            by_hand: BTreeSet::new(),
        })
    }

    /// Puts the groups of drills and restores into the recovery region.
    pub(super) fn furnish(&self, rds: &mut Rds) {
        for (name, security) in [
            (RESTORE_GROUP, RESTORE_SECURITY),
            (DRILL_GROUP, DRILL_SECURITY),
        ] {
            let group = SubnetGroup {
                name: name.to_owned(),
                vpc_id: format!("vpc-{name}"),
                subnets: vec![format!("subnet-{name}-a"), format!("subnet-{name}-b")],
                security_groups: vec![security.to_owned()],
            };
            rds.add_subnet_group(&rds_region(&home()), group);
        }
    }

    /// Says in a policy where its databases are restored and drilled.
    pub(super) fn rule(policy: &mut Policy) {
        let every_other = |name: &str| [(EVERY_OTHER.to_owned(), name.to_owned())].into();
        let span = |text| Span::parse(text).expect("a length of time");
        policy.options.restore = RestoreMapping {
            subnet_groups: every_other(RESTORE_GROUP),
            security_groups: every_other(RESTORE_SECURITY),
            ..RestoreMapping::default()
        };
        policy.options.drill = Some(DrillOptions {
            every: span("3h"),
            sample: Sample::oldest(1).unwrap_or_default(),
            level: Level::Runs,
            check: None,
            subnet_group: DRILL_GROUP.to_owned(),
            security_groups: vec![DRILL_SECURITY.to_owned()],
            deadline: span("2h"),
            cost_ceiling: None,
            rto: None,
            allow_jobs: true,
            parameter_groups: BTreeMap::new(),
        });
    }

    /// When the next command begins or goes on.
    pub(super) fn next_due(&self, faults_are_on: bool) -> Option<Timestamp> {
        let naps = self.naps.values().copied();
        let begins = [self.next_drill, self.next_clean, self.next_restore];
        let begins = begins.into_iter().filter(|_| faults_are_on);
        naps.chain(begins).chain([self.next_clean]).min()
    }

    /// The resource id that an earlier call of this name brought, if a person's database has the name now.
    pub(super) fn id_before(&self, name: &str) -> Option<ResourceId> {
        self.replaced.get(name)?;
        let mut all = self.made.iter();
        let (id, _) = all.find(|(_, made)| made.name == name)?;
        ResourceId::parse(id).ok()
    }
}

fn name_of(call: &DatabaseCall) -> String {
    let names = ["DBInstanceIdentifier", "DBClusterIdentifier", "ResourceArn"];
    // A member names its cluster too.
    let name = names.iter().find_map(|name| call.parameters.get(*name));
    let name = name.map(ToString::to_string).unwrap_or_default();
    name.rsplit(':').next().unwrap_or_default().to_owned()
}

fn makes(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::RestoreDbInstanceFromDbSnapshot
            | Operation::RestoreDbClusterFromSnapshot
            | Operation::CreateDbInstance
    )
}

impl World {
    /// The resource id and the tags of a database of the recovery region.
    fn row_at_home(&self, name: &str) -> Option<(&str, &Tags)> {
        let at = rds_region(&home());
        let instance = self.rds.instance(&at, name);
        let instance = instance.map(|one| (one.resource_id.as_str(), &one.spec.tags));
        let cluster = || self.rds.cluster(&at, name);
        instance.or_else(|| cluster().map(|one| (one.resource_id.as_str(), &one.spec.tags)))
    }

    /// A command of the day asks RDS something.
    pub(super) fn judge_region_of(&mut self, by: u64, operation: Operation, region: &Region) {
        let is_of_the_day = self
            .day
            .as_ref()
            .is_some_and(|day| day.running.contains(&by));
        if is_of_the_day && *region != home() {
            self.broke(rule::NO_SOURCE, || format!("{operation} asks {region}"));
        }
    }

    /// A restore or a drill is about to make or change a database.
    pub(super) fn judge_change(&mut self, by: u64, call: &DatabaseCall) {
        if !makes(call.operation) {
            self.judge_own(by, call.operation, &name_of(call), None);
            return;
        }
        let from = ["DBSnapshotIdentifier", "SnapshotIdentifier"];
        let from = from.iter().find_map(|name| call.parameters.get(*name));
        let from = from.map(ToString::to_string).unwrap_or_default();
        let is_by_hand = |arn: &RdsArn| arn.name() == from || arn.to_string() == from;
        let day = self.day.as_ref();
        if day.is_some_and(|day| day.by_hand.iter().any(is_by_hand)) {
            self.broke(rule::STAYS_OUT, || {
                format!("{from}, a person's snapshot, is taken for a recovery point")
            });
        }
    }

    /// A drill is about to delete a database.
    pub(super) fn judge_deletion(&mut self, by: u64, family: Family, name: &str) {
        let operation = Operation::delete_database(family);
        self.judge_own(by, operation, name, Some(Maker::Drill));
    }

    /// Only what a call of its own made may be changed or deleted. What a person puts in its place after the last look at it
    /// cannot be told apart: RDS's calls go by name.
    fn judge_own(&mut self, by: u64, operation: Operation, name: &str, maker: Option<Maker>) {
        let looked_at = self.doing(by).looked_at_databases;
        let Some(day) = &self.day else { return };
        let Some((id, tags)) = self.row_at_home(name) else {
            return;
        };
        let own = day.made.get(id);
        let is_own = own.is_some_and(|made| maker.is_none_or(|maker| made.by == maker));
        let is_marked = tags.get("snapferry:restored") == Some(self.stack.as_str());
        let since = day.replaced.get(name);
        let is_too_late = since.is_some_and(|since| looked_at.is_none_or(|at| at <= *since));
        // Where no record holds what the drill made, its tags alone decide once it is older than any drill may become.
        let is_known = {
            let mut records = self.table.all_drills().flat_map(|stored| &stored.drills.0);
            records.any(|drill| drill.restore.made.contains_key(name))
        };
        let is_old = since.is_some_and(|since| self.now.duration_since(*since) >= OLDEST);
        let is_lost = maker == Some(Maker::Drill) && !is_known && is_old;
        if !(is_too_late || is_lost || is_own && is_marked) {
            let id = id.to_owned();
            self.broke(rule::OWN_ONLY, || {
                format!("{operation} of {name}, which is {id} and was made by no call of its own")
            });
        }
    }

    /// A call has made a database.
    pub(super) fn judge_made(&mut self, call: &DatabaseCall, id: &ResourceId) {
        let name = name_of(call);
        let (now, stack) = (self.now, self.stack.to_string());
        let Some((_, tags)) = self.row_at_home(&name) else {
            return;
        };
        let is_drill = tags.get("snapferry:drill").is_some() || name.starts_with("sfd-");
        let mark = tags.get("snapferry:restored") == Some(stack.as_str());
        let is_excluded = tags.get("snapferry:exclude").is_some() && is_drill;
        let may_be_selected = tags.get("snapferry:policy").is_some() && !is_excluded;
        let may_count = tags.get("snapferry:stack").is_some();
        if !mark || may_be_selected || may_count {
            let tags: Vec<String> = tags
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            self.broke(rule::STAYS_OUT, || format!("{name} has the tags {tags:?}"));
        }
        self.count(if is_drill {
            "databases made by drills"
        } else {
            "databases made by restores"
        });
        let by = if is_drill {
            Maker::Drill
        } else {
            Maker::Restore
        };
        let of = call.parameters.get("DBClusterIdentifier");
        let of = of.filter(|_| call.operation == Operation::CreateDbInstance);
        let made = Made {
            of: of.map(ToString::to_string),
            name,
            by,
            at: now,
        };
        if let Some(day) = &mut self.day {
            day.replaced.remove(&made.name);
            day.made.insert(id.to_string(), made);
        }
    }

    /// What is stored of a restore says how far it is.
    pub(super) fn judge_restore(&mut self, record: &RestoreRecord) {
        let Some(id) = record.made.get(&record.name).map(ToString::to_string) else {
            return;
        };
        let at = rds_region(&home());
        let found = match record.key().family {
            Family::Instance => self.rds.instance(&at, &record.name).map(|one| {
                let days = one.spec.backup_retention_days;
                (one.resource_id.clone(), days)
            }),
            Family::Cluster => self.rds.cluster(&at, &record.name).map(|one| {
                let days = one.spec.backup_retention_days;
                (one.resource_id.clone(), days)
            }),
        };
        let Some((_, days)) = found.filter(|(found, _)| *found == id) else {
            return;
        };
        if record.running_at.is_some() && days == 0 && self.had_backups(record) {
            self.broke(rule::BACKED_UP, || {
                format!("{} is called running without backups", record.name)
            });
        }
        if record.done_at.is_some() {
            self.count("restores carried out");
            let differs = self.differences(record);
            if let Some(first) = differs.first().cloned() {
                self.broke(rule::AS_IT_WAS, || format!("{}: {first}", record.name));
            }
        }
    }

    fn had_backups(&self, record: &RestoreRecord) -> bool {
        let at = rds_region(record.database.region());
        let name = record.database.name();
        match record.key().family {
            Family::Instance => {
                let source = self.rds.instance(&at, name);
                source.is_some_and(|one| one.spec.backup_retention_days > 0)
            }
            Family::Cluster => true,
        }
    }

    /// How a restored database differs from its source, whose settings nobody changes in these worlds.
    fn differences(&self, record: &RestoreRecord) -> Vec<String> {
        let at = rds_region(&home());
        let there = rds_region(record.database.region());
        let was = record.database.name();
        let mut pairs: Vec<(Settings, Settings)> = Vec::new();
        match record.key().family {
            Family::Instance => {
                let rows = self.rds.instance(&there, was);
                let rows = rows.zip(self.rds.instance(&at, &record.name));
                let rows = rows.map(|(was, is)| (instance_settings(was), instance_settings(is)));
                pairs.extend(rows);
            }
            Family::Cluster => {
                let Some(source) = self.rds.cluster(&there, was) else {
                    return Vec::new();
                };
                let Some(found) = self.rds.cluster(&at, &record.name) else {
                    return Vec::new();
                };
                if source.spec.members.len() != found.spec.members.len() {
                    return vec![format!("its members are {:?}", found.spec.members)];
                }
                pairs.push((cluster_settings(source), cluster_settings(found)));
                let members = source.spec.members.iter().zip(&found.spec.members);
                let members = members.filter_map(|(was, is)| {
                    let rows = self.rds.instance(&there, was);
                    let rows = rows.zip(self.rds.instance(&at, is))?;
                    Some((instance_settings(rows.0), instance_settings(rows.1)))
                });
                pairs.extend(members);
            }
        }
        let [here, mapped] = OPTIONS;
        let differences = |(was, found): &(Settings, Settings)| {
            // Which key it is depends on the policy; that there is one does not.
            let key = found.get(&Setting::KmsKeyId).and_then(Value::as_text);
            let counterparts = Counterparts {
                subnet_group: RESTORE_GROUP,
                security_group: RESTORE_SECURITY,
                groups: &[(here, mapped)],
                key: key.unwrap_or("a key"),
                insights_key: "none",
            };
            counterparts.differences(was, found)
        };
        pairs.iter().flat_map(differences).collect()
    }

    /// Whether a person took this snapshot of something that was restored.
    pub(super) fn is_by_hand(&self, snapshot: &RdsArn) -> bool {
        let day = self.day.as_ref();
        day.is_some_and(|day| day.by_hand.contains(snapshot))
    }

    /// Whether a record of a drill holds this resource id.
    fn is_recorded(&self, id: &str) -> bool {
        let Ok(id) = ResourceId::parse(id) else {
            return false;
        };
        let mut all = self.table.all_drills().flat_map(|stored| &stored.drills.0);
        all.any(|drill| drill.restore.made.values().any(|made| *made == id))
    }

    /// The databases of drills that are there, each with the time when its drill was to be over.
    fn drills_at_home(&self) -> Vec<(String, Timestamp)> {
        let Some(day) = &self.day else {
            return Vec::new();
        };
        let is_there = |(id, made): (&String, &Made)| {
            let (found, _) = self.row_at_home(&made.name)?;
            if found != id || made.by != Maker::Drill {
                return None;
            }
            // Without its resource id in a record it must first be older than any drill may become, and so must a cluster
            // with such a member.
            let members = day
                .made
                .iter()
                .filter(|(_, one)| one.of.as_deref() == Some(&made.name));
            let unknown = std::iter::once((id, made)).chain(members);
            let unknown = unknown.filter(|(id, _)| !self.is_recorded(id));
            let over = unknown.filter_map(|(_, one)| one.at.saturating_add(OLDEST).ok());
            let usual = made.at.saturating_add(DEADLINE).ok()?;
            Some((made.name.clone(), over.max().unwrap_or(usual)))
        };
        day.made.iter().filter_map(is_there).collect()
    }

    /// Whether anything that a drill made is there.
    pub(super) fn has_drills(&self) -> bool {
        !self.drills_at_home().is_empty()
    }

    /// Without faults, the remover keeps up with every drill.
    pub(super) fn judge_drills(&mut self) {
        let now = self.now;
        let fair_for = now.duration_since(self.fair_since);
        if self.faults_are_on || fair_for < REMOVED_WITHIN {
            return;
        }
        let late = self
            .drills_at_home()
            .into_iter()
            .find(|(_, over)| now.duration_since(*over) > REMOVED_WITHIN);
        if let Some((name, over)) = late {
            self.broke(rule::DRILLS_END, || {
                format!("{name} is still there, and was to be gone by {over}")
            });
        }
    }

    /// In the end nothing of any drill is left.
    pub(super) fn judge_no_drill(&mut self) {
        if let Some((name, over)) = self.drills_at_home().into_iter().next() {
            self.broke(rule::DRILLS_END, || {
                format!("{name} is still there in the end, and was to be gone by {over}")
            });
        }
    }

    /// A person takes a snapshot of something that was restored or drilled. It gets its tags.
    pub(super) fn take_by_hand(&mut self, n: u64) {
        let at = rds_region(&home());
        let now = self.now;
        let mut all = self.rds.instances(&at);
        let found = all.find(|one| {
            one.status == InstanceStatus::Available
                && one.spec.cluster.is_none()
                && one.spec.tags.get("snapferry:restored").is_some()
        });
        let Some(found) = found else { return };
        let own = found.spec.tags.iter();
        let request = CreateDbSnapshot {
            snapshot: format!("by-hand-{n}"),
            instance: found.spec.identifier.clone(),
            tags: own
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        };
        drop(all);
        if let Ok(taken) = self.rds.create_db_snapshot(&at, &request, now)
            && let Ok(arn) = RdsArn::parse(&taken.arn)
        {
            self.count("snapshots that people take of what was restored");
            self.note(|| format!("a person takes {}", arn.name()));
            if let Some(day) = &mut self.day {
                day.by_hand.insert(arn);
            }
        }
    }

    /// A person deletes what a drill made, and makes a database of their own under its name and with its tags.
    pub(super) fn replace_a_drill(&mut self) {
        let at = rds_region(&home());
        let now = self.now;
        let Some(day) = &self.day else { return };
        let mut all = day.made.iter().filter(|(_, made)| made.by == Maker::Drill);
        let found = all.find_map(|(id, made)| {
            let row = self.rds.instance(&at, &made.name)?;
            let is_plain = row.spec.cluster.is_none() && row.status == InstanceStatus::Available;
            (row.resource_id == *id && is_plain).then(|| (made.name.clone(), row.spec.tags.clone()))
        });
        let Some((name, tags)) = found else { return };
        self.rds.remove_instance(&at, &name);
        let spec = InstanceSpec {
            tags,
            created: now,
            ..InstanceSpec::postgres(&name)
        };
        if self.rds.add_instance(&at, spec).is_ok() {
            self.count("databases that people put in a drill's place");
            self.note(|| format!("a person puts {name} in a drill's place"));
            if let Some(day) = &mut self.day {
                day.replaced.insert(name, now);
            }
        }
    }

    /// The databases that a person restores: those chosen before, and now and then one more that has a recovery point with a
    /// configuration.
    pub(super) fn choose_to_restore(&mut self) -> Vec<String> {
        let at = rds_region(&home());
        let all = self
            .rds
            .snapshots(&at)
            .chain(self.rds.cluster_snapshots(&at));
        let can_be_restored = all.filter(|one| {
            one.stage() == Stage::Available
                && self.is_made_by_us(one)
                && one.tags.get(CONFIGURATION).is_some()
        });
        let ids: BTreeSet<String> = can_be_restored
            .map(|one| one.instance.resource_id.clone())
            .collect();
        let Some(day) = &mut self.day else {
            return Vec::new();
        };
        if !ids.is_empty() && (day.to_restore.is_empty() || day.rng.u8(..4) == 0) {
            let n = day.rng.usize(..ids.len());
            day.to_restore.extend(ids.into_iter().nth(n));
        }
        day.to_restore.iter().cloned().collect()
    }
}
