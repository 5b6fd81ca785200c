//! Worlds in which old recovery points are removed: what was there before, what must stay, and what must go.
//!
//! The rules are judged by what the model of RDS has and by who put it there, and not by tags.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use snapferry::app::prune::PrunerConfig;
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::{Attempt, ResourceId};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::in_force::Policy;
use snapferry::domain::policy::rules::{Count, Rules, Unit};
use snapferry::domain::retention::bounds::Bounds;
use snapferry::domain::retention::entered::Entered;
use snapferry::domain::retention::round::Freeze;
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::domain::run::naming::{copies_of_source, first_attempt, source_snapshot};
use snapferry::domain::run::wait::{Expectation, Wait};
use snapferry::fake::Call;
use snapferry::settings::Planning;

use super::fleet::{KEY, protects};
use super::judge::home;
use super::mutant::Mutant;
use super::rule;
use super::run::BEGIN;
use super::third_parties::OTHER_KEY;
use super::world::{World, rds_region};
use crate::old_points::OldPoint;
use crate::rds::{
    Family, Origin, PlantedSnapshot, Rds, Region as RdsRegion, Snapshot, SourceInstance, Stage,
    Tags,
};

/// How often the pruner runs.
pub(super) const PRUNE_EVERY: SignedDuration = SignedDuration::from_mins(20);

/// The policy whose recovery points are removed.
const PRUNED: &str = "default";

/// How many good recovery points that policy keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeepLast(pub(super) u32);

impl KeepLast {
    pub(super) fn draw(rng: &Rng) -> Self {
        Self(of_its_own(rng).u32(1..=3))
    }

    /// Gives the policy this rule.
    pub(super) fn rule(self, policy: &mut Policy) {
        let number = NonZeroU32::new(self.0).unwrap_or(NonZeroU32::MIN);
        let counts = &mut policy.options.retention.keep.counts;
        counts.insert(Unit::Last, Count::Number(number));
    }
}

/// In half of the worlds the policy keeps one source snapshot of each database.
pub(super) fn rule_for_sources(policy: &mut Policy, rng: &Rng) {
    const APART: u64 = 0x736F_7572_6365_735F;
    if Rng::with_seed(rng.clone().u64(..) ^ APART).bool() {
        let counts = BTreeMap::from([(Unit::Last, Count::Number(NonZeroU32::MIN))]);
        policy.options.retention.source_retention = Some(Rules {
            counts,
            ..Rules::default()
        });
    }
}

/// Short graces, and bounds that a backlog exceeds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    grace: SignedDuration,
    max: usize,
}

impl Limits {
    pub(super) fn draw(rng: &Rng) -> Self {
        let mut rng = of_its_own(rng);
        Self {
            grace: SignedDuration::from_mins(rng.i64(10..=60)),
            max: rng.usize(1..=5),
        }
    }
}

/// The pruner's settings.
pub(super) fn config(limits: Limits, planning: &Planning, mutant: Option<Mutant>) -> PrunerConfig {
    let mut built_in = planning.policies.clone();
    if mutant == Some(Mutant::StricterRuleIsUsed) {
        built_in
            .all
            .iter_mut()
            .for_each(|policy| KeepLast(1).rule(policy));
    }
    PrunerConfig {
        stack: planning.stack.rules.stack.clone(),
        home: planning.stack.home.clone(),
        source_regions: planning.source_regions.clone(),
        key: planning.key.clone(),
        built_in,
        removes: true,
        grace: limits.grace,
        bounds: Bounds {
            share: 10,
            max: limits.max,
        },
    }
}

/// Drawn from a generator of its own, so that every world keeps what it had before anything was removed.
fn of_its_own(rng: &Rng) -> Rng {
    const APART: u64 = 0x7072_756E_655F_5F5F;
    Rng::with_seed(rng.clone().u64(..) ^ APART)
}

/// What a snapshot is that was there before the world began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Old {
    /// A good recovery point.
    Good,
    /// One that RDS gave up.
    Failed,
    /// A good one that a person holds.
    Held,
    /// It is under another key than its policy names.
    Mismatched,
    /// Its data lies ahead.
    Future,
    /// A person's copy of a recovery point, with its tags.
    PeoplesCopy,
    /// Another stack made it.
    AnotherStacks,
}

impl Old {
    fn is_foreign(self) -> bool {
        matches!(self, Self::PeoplesCopy | Self::AnotherStacks)
    }
}

/// Everything about removal that a world remembers.
#[derive(Debug, Default)]
pub(super) struct Pruning {
    /// What was there before the world began.
    old: BTreeMap<RdsArn, Old>,
    /// What the pruner has asked RDS to delete.
    pub(super) asked: BTreeSet<RdsArn>,
    /// How many good ones are kept of a database.
    keep_last: u32,
    /// Since when a person holds something.
    held_since: BTreeMap<RdsArn, Timestamp>,
    /// Good ones that a person has deleted.
    deleted: Vec<DeletedGood>,
    /// The source snapshots whose copies were there when the success was sent.
    copied: BTreeSet<RdsArn>,
}

/// A good recovery point that a person has deleted.
#[derive(Debug)]
struct DeletedGood {
    resource_id: String,
    taken_at: Timestamp,
    arn: RdsArn,
    at: Timestamp,
}

/// Puts old recovery points of the databases that the policy protects into the recovery region.
pub(super) fn put_backlog(
    rds: &mut Rds,
    regions: &[RdsRegion],
    keep: KeepLast,
    rng: &Rng,
) -> Pruning {
    let mut rng = of_its_own(rng);
    let mut pruning = Pruning {
        keep_last: keep.0,
        ..Pruning::default()
    };
    for at in regions {
        for (database, instance) in databases(rds, at) {
            for days in 1..=rng.i64(0..=7) {
                let kind = match rng.u8(..14) {
                    0 => Old::Failed,
                    1 => Old::Held,
                    2 => Old::Mismatched,
                    3 => Old::Future,
                    4 => Old::PeoplesCopy,
                    5 => Old::AnotherStacks,
                    _ => Old::Good,
                };
                pruning.put(rds, kind, days, &database, &instance);
            }
        }
    }
    pruning
}

fn databases(rds: &Rds, at: &RdsRegion) -> Vec<(String, SourceInstance)> {
    let instances = rds.instances(at);
    let instances = instances
        .filter(|one| one.spec.cluster.is_none() && protects(&one.spec.tags, PRUNED))
        .map(|one| (one.arn.clone(), SourceInstance::of(one)));
    let clusters = rds.clusters(at);
    let clusters = clusters
        .filter(|one| protects(&one.spec.tags, PRUNED))
        .map(|one| (one.arn.clone(), SourceInstance::of_cluster(one)));
    instances.chain(clusters).collect()
}

impl Pruning {
    fn put(
        &mut self,
        rds: &mut Rds,
        kind: Old,
        days: i64,
        database: &str,
        instance: &SourceInstance,
    ) {
        let ahead = if kind == Old::Future { 400 } else { 0 };
        let hours = 24 * (ahead - days);
        let planned_at = BEGIN
            .saturating_add(SignedDuration::from_hours(hours))
            .unwrap_or(BEGIN);
        let point = OldPoint {
            stack: if kind == Old::AnotherStacks {
                "another"
            } else {
                "simulated"
            },
            database,
            policy: PRUNED,
            key: if kind == Old::Mismatched {
                OTHER_KEY
            } else {
                KEY
            },
            planned_at,
            taken_at: planned_at
                .saturating_add(SignedDuration::from_mins(3))
                .unwrap_or(planned_at),
            instance: instance.clone(),
            automated: None,
        };
        let Some(mut planted) = point.copy(&home()) else {
            return;
        };
        match kind {
            Old::Failed => planted.stage = Stage::Failed,
            Old::Held => {
                let held = [("snapferry:hold", "an audit")];
                let _ = planted.tags.merge(Tags::of_system(held));
            }
            Old::PeoplesCopy => planted.name = format!("kept-by-hand-{}", planted.name),
            // Its copying began in the past all the same.
            Old::Future => planted.made_at = BEGIN,
            Old::Good | Old::Mismatched | Old::AnotherStacks => {}
        }
        self.plant(rds, kind, planted);
    }

    fn plant(&mut self, rds: &mut Rds, kind: Old, planted: PlantedSnapshot) {
        let (at, family, name) = (rds_region(&home()), planted.family, planted.name.clone());
        if rds.plant_snapshot(&at, planted).is_err() {
            return;
        }
        let found = match family {
            Family::Instance => rds.snapshot(&at, &name),
            Family::Cluster => rds.cluster_snapshot(&at, &name),
        };
        let arn = found.and_then(|found| RdsArn::parse(&found.arn).ok());
        let Some(arn) = arn else {
            return;
        };
        if kind == Old::Held {
            self.held_since.insert(arn.clone(), BEGIN);
        }
        self.old.insert(arn, kind);
    }
}

impl World {
    /// All snapshots of the recovery region.
    fn at_home(&self) -> impl Iterator<Item = (RdsArn, &Snapshot)> {
        let at = rds_region(&home());
        let all = self
            .rds
            .snapshots(&at)
            .chain(self.rds.cluster_snapshots(&at));
        all.filter_map(|one| Some((RdsArn::parse(&one.arn).ok()?, one)))
    }

    /// Whether it is a good recovery point of the policy whose recovery points are removed: it is there, under the
    /// policy's key, of this stack, and its time has come.
    fn is_good(&self, arn: &RdsArn, snapshot: &Snapshot) -> bool {
        let is_right = match self.pruning.old.get(arn) {
            Some(kind) => matches!(kind, Old::Good | Old::Held),
            None => self.accepted.contains(arn) && self.is_made_by_us(snapshot),
        };
        is_right
            && snapshot.stage() == Stage::Available
            && snapshot.tags.get("snapferry:policy") == Some(PRUNED)
            && snapshot.kms_key.as_deref() == Some(KEY)
            && snapshot.taken_at <= self.now
    }

    /// The good recovery points of a database, the newest first.
    fn good_ones_of(&self, resource_id: &str) -> Vec<(Timestamp, RdsArn)> {
        let of_it = self
            .at_home()
            .filter(|(arn, one)| one.instance.resource_id == resource_id && self.is_good(arn, one));
        let mut good: Vec<(Timestamp, RdsArn)> =
            of_it.map(|(arn, one)| (one.taken_at, arn)).collect();
        good.sort_by(|a, b| b.cmp(a));
        good
    }

    /// The pruner asks RDS to delete a snapshot.
    pub(super) fn judge_removal_of(&mut self, by: u64, arn: &RdsArn) {
        self.pruning.asked.insert(arn.clone());
        if self.is_by_hand(arn) {
            self.broke(rule::STAYS_OUT, || {
                format!("{arn}, a person's snapshot of what was restored, is to be deleted")
            });
        }
        let Some(snapshot) = self.truth(arn).cloned() else {
            return;
        };
        self.count("removals asked for");
        let doing = self.doing(by);
        let (partial, looked_at) = (doing.partial.contains(arn.region()), doing.looked_at);
        let (was_frozen, asked_at) = (doing.frozen, looked_at.max(doing.deleted_at));
        let inventory_since = doing.inventory_since;
        let is_entered = doing.removals.contains(arn);
        let kind = self.pruning.old.get(arn).copied();
        let is_foreign = kind.map_or(!self.accepted.contains(arn), Old::is_foreign);
        // Since RDS's last answer it must have asked for a freeze again.
        let freeze = self.table.retention().freeze.as_ref();
        let is_frozen = freeze.is_some_and(|freeze| asked_at.is_some_and(|at| at > freeze.at));
        let held = self.pruning.held_since.get(arn);
        // A hold of the very instant of the look may have come after it: there IAM's Deny is what stands.
        let is_held = held.is_some_and(|since| looked_at.is_none_or(|at| at > *since));
        let key = first_attempt(arn);
        let is_needed = self.table.waits().any(|wait| {
            let is_source = matches!(&wait.expected,
                Expectation::Copy(expected) if expected.source == *arn);
            // A wait that has gone past an attempt will never ask for it again.
            let is_it = first_attempt(&wait.resource) == key
                && Attempt::of(arn) >= Attempt::of(&wait.resource);
            is_it || is_source
        });
        let mut good = self.good_ones_of(&snapshot.instance.resource_id);
        good.extend(self.shown_before_they_went(&snapshot.instance.resource_id, inventory_since));
        good.sort_by(|a, b| b.cmp(a));
        let place = good.iter().position(|(_, one)| one == arn);
        let is_source = *arn.region() != home();
        if is_source {
            self.count("removals of source snapshots asked for");
        }
        let mut copied = self.pruning.copied.iter();
        // A failed one has its recovery point from a later attempt of its run.
        let is_copied = match snapshot.stage() {
            Stage::Failed => copied.any(|one| first_attempt(one) == key),
            _ => copied.any(|one| one == arn),
        };
        let is_uncopied = is_source && !is_copied;
        let is_newest_source = is_source && self.is_newest_source(arn, &snapshot);
        let is_kept = place.is_some_and(|place| place < self.pruning.keep_last as usize);
        let checks = [
            (rule::FOREIGN, is_foreign, "it is another's"),
            (rule::HELD, is_held, "a person holds it"),
            (
                rule::HELD,
                kind == Some(Old::Mismatched),
                "it is a mismatch",
            ),
            (rule::HELD, kind == Some(Old::Future), "its time lies ahead"),
            (rule::NEEDED, is_needed, "a wait needs it"),
            (
                rule::NEEDED,
                snapshot.stage().is_under_way(),
                "RDS is still at work on it",
            ),
            (
                rule::LAST_GOOD,
                place == Some(0),
                "it is the newest good one",
            ),
            (rule::KEPT, is_kept, "its policy keeps it"),
            (rule::KEPT, is_newest_source, "it is the newest one there"),
            (
                rule::COPIED,
                is_uncopied,
                "no recovery point was made of it",
            ),
            (
                rule::FROZEN,
                was_frozen || is_frozen,
                "a person has frozen all removal",
            ),
            (
                rule::INVENTORY,
                partial,
                "a part of the inventory could not be read",
            ),
            (rule::REGISTERED, !is_entered, "no removal is entered"),
        ];
        for (rule, is_broken, why) in checks {
            if is_broken {
                self.broke(rule, || format!("{arn} is to be deleted, and {why}"));
            }
        }
    }

    /// Whether no finished snapshot of ours of this database and policy is younger.
    fn is_newest_source(&self, arn: &RdsArn, snapshot: &Snapshot) -> bool {
        let at = rds_region(arn.region());
        let all = self
            .rds
            .snapshots(&at)
            .chain(self.rds.cluster_snapshots(&at));
        let policy = |one: &Snapshot| one.tags.get("snapferry:policy").map(str::to_owned);
        let mut beside = all.filter(|one| {
            one.instance.resource_id == snapshot.instance.resource_id
                && policy(one) == policy(snapshot)
                && one.stage() == Stage::Available
                && RdsArn::parse(&one.arn).is_ok_and(|arn| self.accepted.contains(&arn))
        });
        snapshot.stage() == Stage::Available
            && !beside.any(|one| (one.taken_at, &one.arn) > (snapshot.taken_at, &snapshot.arn))
    }

    /// Whether a run's recovery point was made, and its source was removed for that.
    pub(super) fn was_made_and_removed(&self, run: &ProtectionRequest) -> bool {
        let database = &run.database.arn;
        Attempt::all().any(|attempt| {
            let name = source_snapshot(&self.stack, run, attempt);
            let source = database.sibling_snapshot(database.region(), &name);
            self.pruning.copied.contains(&source) && self.pruning.asked.contains(&source)
        })
    }

    /// The success of a copy is sent: its source has a recovery point.
    pub(super) fn note_copied(&mut self, copy: &RdsArn) {
        let source = self.truth(copy).and_then(|one| match &one.origin {
            Origin::Copied(of) => RdsArn::parse(&of.arn).ok(),
            Origin::Taken => None,
        });
        self.pruning.copied.extend(source);
    }

    /// What the table would know if each source snapshot had one of these copies: for a planted bug.
    pub(super) fn as_if_copied(&self, copies: &[RdsArn]) -> Vec<Entered> {
        let accepted = self.accepted.iter().filter(|arn| *arn.region() != home());
        let pairs = accepted.flat_map(|source| {
            let tags = self.truth(source).map(|one| &one.tags);
            let tag = |key: &str| tags?.get(key);
            let database = || {
                Some(DatabaseRef {
                    arn: RdsArn::parse(tag("snapferry:database")?).ok()?,
                    resource_id: ResourceId::parse(tag("snapferry:resource-id")?).ok()?,
                })
            };
            let policy = tag("snapferry:policy").and_then(|name| PolicyName::parse(name).ok());
            let names = || {
                let (database, policy) = (database()?, policy?);
                Some(copies_of_source(
                    source,
                    &home(),
                    &self.stack,
                    &database,
                    &policy,
                ))
            };
            names()
                .unwrap_or_default()
                .into_iter()
                .map(move |copy| (copy, source))
        });
        let asked = pairs.filter(|(copy, _)| copies.contains(copy));
        asked
            .map(|(copy, source)| Entered {
                copy,
                source: source.clone(),
                key: None,
                at: self.now,
                snapshot_done_at: None,
                mismatch: None,
            })
            .collect()
    }

    /// A wait takes the place of a removal. The pruner's delete may still be on its way.
    pub(super) fn judge_going_past(&mut self, wait: &Wait, removed: &RdsArn) {
        if Attempt::of(&wait.resource) <= Attempt::of(removed) {
            self.broke(rule::NEEDED, || {
                format!(
                    "{} is asked for while {removed} is being removed",
                    wait.resource
                )
            });
        }
    }

    /// What a person has deleted so late that an inventory of that time may still show it.
    fn shown_before_they_went(
        &self,
        resource_id: &str,
        inventory_since: Option<Timestamp>,
    ) -> Vec<(Timestamp, RdsArn)> {
        let lag = self.rds.config().faults.odds.describe_lag;
        let is_shown = |one: &&DeletedGood| {
            let looked = inventory_since.is_some_and(|since| since.duration_since(one.at) <= lag);
            one.resource_id == resource_id && looked
        };
        let shown = self.pruning.deleted.iter().filter(is_shown);
        shown.map(|one| (one.taken_at, one.arn.clone())).collect()
    }

    /// A person is about to delete a snapshot.
    pub(super) fn note_deletion(&mut self, arn: &RdsArn) {
        let Some(snapshot) = self.truth(arn).filter(|one| self.is_good(arn, one)) else {
            return;
        };
        let gone = DeletedGood {
            resource_id: snapshot.instance.resource_id.clone(),
            taken_at: snapshot.taken_at,
            arn: arn.clone(),
            at: self.now,
        };
        self.pruning.deleted.push(gone);
    }

    /// Sometimes a person acts in the middle of the pruner's round.
    pub(super) fn interfere_with_a_round(&mut self, call: &Call) {
        let is_of_a_round = matches!(
            call,
            Call::ListManualSnapshots { .. } | Call::DeleteSnapshot { .. }
        );
        if is_of_a_round && self.faults_are_on && self.rng.u8(..8) == 0 {
            self.interfere_with_pruning();
        }
    }

    /// A person holds a recovery point, or freezes all removal, or lets it go on.
    pub(super) fn interfere_with_pruning(&mut self) {
        let now = self.now;
        if self.rng.u8(..3) == 0 {
            let retention = self.table.retention_mut();
            retention.freeze = match retention.freeze.take() {
                Some(_) => None,
                None => Some(Freeze {
                    why: "a drill goes on".to_owned(),
                    by: "somebody".to_owned(),
                    at: now,
                    and_drills: false,
                }),
            };
            self.count("a person freezes or thaws removal");
            return;
        }
        let all: Vec<RdsArn> = self.pruning.old.keys().cloned().collect();
        if all.is_empty() {
            return;
        }
        let arn = all[self.rng.usize(..all.len())].clone();
        let at = rds_region(&home());
        let hold = [("snapferry:hold".to_owned(), "an audit".to_owned())];
        let held = self
            .rds
            .add_tags_to_resource(&at, &arn.to_string(), &hold, now);
        if held.is_ok() {
            self.pruning.held_since.entry(arn).or_insert(now);
            self.count("a person holds a recovery point");
        }
    }

    /// Whether everything has gone that may go and that nothing keeps.
    pub(super) fn left_over(&self) -> Option<String> {
        if self.table.retention().freeze.is_some() {
            return None;
        }
        let mut newest: BTreeMap<&str, Vec<(Timestamp, RdsArn)>> = BTreeMap::new();
        let mut begun: BTreeMap<&str, (Timestamp, RdsArn)> = BTreeMap::new();
        for (arn, one) in self.at_home().filter(|(arn, one)| self.is_good(arn, one)) {
            let id = one.instance.resource_id.as_str();
            let last = begun
                .entry(id)
                .or_insert_with(|| (one.begun_at, arn.clone()));
            *last = last.clone().max((one.begun_at, arn.clone()));
            newest.entry(id).or_default().push((one.taken_at, arn));
        }
        for (id, mut good) in newest {
            good.sort_by(|a, b| b.cmp(a));
            let left = good.into_iter().skip(self.pruning.keep_last as usize);
            // The next incremental copy may hang on the copies that were begun and entered last.
            let is_base = |arn: &RdsArn| begun.get(id).is_some_and(|(_, last)| last == arn);
            let entered = &self.table.retention().entered;
            let is_old =
                |arn: &RdsArn| self.pruning.old.contains_key(arn) && !entered.contains_key(arn);
            let mut over = left.filter(|(_, arn)| {
                is_old(arn) && !is_base(arn) && !self.pruning.held_since.contains_key(arn)
            });
            if let Some((_, arn)) = over.next() {
                return Some(arn.to_string());
            }
        }
        None
    }
}
