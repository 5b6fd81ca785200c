//! Drills against the model of RDS: what they made is proved, measured and gone, whatever goes wrong on the way.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use fastrand::Rng;
use jiff::SignedDuration;
use snapferry::app::carry_out_all::Pause;
use snapferry::app::drill::clean::{clean, look_for_leftovers};
use snapferry::app::drill::plan::{DrillOf, DrillPlans, plan_drills};
use snapferry::app::drill::remove::Removal;
use snapferry::app::drill::run::{FollowedDrill, carry_out_drills};
use snapferry::domain::drill::choose::{DrillReason, NotDrilled};
use snapferry::domain::drill::name::{DRILLED, DrillId, drill_name, member_name};
use snapferry::domain::drill::options::Level;
use snapferry::domain::drill::record::Verdict;
use snapferry::domain::id::arn::Region;
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::{DRILL, PolicyName, RESTORED, StackId};
use snapferry::domain::restore::value::Value;
use snapferry::domain::restore::versions::Versions;
use snapferry::domain::retention::round::Freeze;
use snapferry::domain::run::failure::Operation;
use snapferry::fake::{Action, Call, CallOutcome, Executions, Hook, Through};
use snapferry::json;
use snapferry::ports::{
    ChangeDatabase, DatabaseCall, ReadDrills, ReadOpenRemovals, SetFreeze, StoreConfigurations,
    StoreDrills, StoreOpenRemovals,
};
use snapferry_sim::rds::{InstanceSpec, InstanceStatus, RestoreOutcome, SubnetGroup};
use snapferry_sim::simulation::models::ModelledRds;

use crate::restores::{
    AtPause, Fleet, HOME, Modelled, begin, drawn_outcome, fleet, home, now, tagged, time,
};

const POLICY: &str = "[policy.default]
schedule = \"0 3 * * *\"
[policy.default.restore.parameter_groups]
tuned = \"tuned-here\"
[policy.default.restore.keys]
\"*\" = \"alias/recovery\"
[policy.default.drill]
every = \"30d\"
subnet_group = \"drills\"
security_groups = [\"sg-drill\"]
deadline = \"6h\"
[policy.default.drill.parameter_groups]
\"*\" = \"quiet\"
";

/// What goes wrong, and what must never: no call makes, changes or deletes anything but what a drill made.
pub(crate) struct Judge {
    rng: RefCell<Rng>,
    /// How many of a hundred calls go wrong.
    percent: Cell<u32>,
    /// Whether another round of the remover stores something right before the next one does.
    has_rival: Cell<bool>,
    pub(crate) sent: RefCell<Vec<(Operation, String)>>,
}

impl Judge {
    pub(crate) fn of(seed: u64, percent: u32) -> Self {
        Self {
            rng: RefCell::new(Rng::with_seed(seed)),
            percent: Cell::new(percent),
            has_rival: Cell::default(),
            sent: RefCell::default(),
        }
    }

    pub(crate) fn set_percent(&self, percent: u32) {
        self.percent.set(percent);
    }

    pub(crate) fn set_rival(&self) {
        self.has_rival.set(true);
    }

    fn must_be_a_drills(&self, world: &Modelled, operation: Operation, name: &str) {
        assert!(name.starts_with(DRILLED), "{operation} of {name}");
        self.sent.borrow_mut().push((operation, name.to_owned()));
        let makes = matches!(
            operation,
            Operation::RestoreDbInstanceFromDbSnapshot
                | Operation::RestoreDbClusterFromSnapshot
                | Operation::CreateDbInstance
        );
        if makes {
            return;
        }
        let state = world.state();
        let instance = state.rds.instance(&home(), name);
        let instance = instance.map(|one| (&one.spec.tags, &one.resource_id));
        let cluster = state.rds.cluster(&home(), name);
        let cluster = cluster.map(|one| (&one.spec.tags, &one.resource_id));
        let Some((tags, id)) = instance.or(cluster) else {
            return;
        };
        assert_eq!(tags.get(DRILL), Some("main"), "{operation} of {name}");
        let all = state.table.all_drills();
        let mut made = all.flat_map(|drills| &drills.drills.0);
        let id = ResourceId::parse(id).unwrap();
        let is_own = made.any(|drill| drill.restore.made.get(name) == Some(&id));
        // Only a removal may do without a resource id in a record, once the database is old enough.
        let deletes = [Operation::DeleteDbInstance, Operation::DeleteDbCluster];
        let mut all = state.table.all_drills().flat_map(|drills| &drills.drills.0);
        let is_lost =
            deletes.contains(&operation) && all.all(|drill| !drill.restore.made.contains_key(name));
        assert!(
            is_own || is_lost,
            "{operation} of {name}, which no drill made"
        );
    }
}

impl Hook<Modelled> for Judge {
    async fn before(&self, world: &Modelled, call: &Call) -> CallOutcome {
        if let Action::Rds(operation, region) = call.action() {
            assert_eq!(region.as_str(), HOME, "{operation} asks the source region");
        }
        match call {
            Call::ChangeDatabase { call, .. } => {
                let name = ["DBInstanceIdentifier", "DBClusterIdentifier"];
                let name = name.iter().find_map(|name| call.parameters.get(*name));
                let name = name.map(ToString::to_string).unwrap_or_default();
                self.must_be_a_drills(world, call.operation, &name);
            }
            Call::DeleteDrilled { family, name, .. } => {
                let operation = Operation::delete_database(*family);
                self.must_be_a_drills(world, operation, name);
            }
            Call::StoreOpenRemovals { .. } if self.has_rival.take() => {
                let mut of_rival = world.open_removals().await.unwrap();
                of_rival.revision += 1;
                world.store_open_removals(&of_rival).await.unwrap();
            }
            _ => {}
        }
        drawn_outcome(&mut self.rng.borrow_mut(), self.percent.get())
    }
}

pub(crate) struct Exercise {
    pub(crate) world: Through<Modelled, Judge>,
    pub(crate) databases: Vec<DatabaseRef>,
    pub(crate) names: Vec<String>,
    level: Option<Level>,
    only_due: bool,
    pub(crate) leaves_removal: bool,
    pub(crate) at_pause: RefCell<AtPause>,
}

pub(crate) fn stack() -> StackId {
    StackId::parse("main").unwrap()
}

impl Exercise {
    pub(crate) fn of(mut fleet: Fleet, judge: Judge) -> Self {
        for group in ["drills", "absent-later"] {
            fleet.rds.add_subnet_group(
                &home(),
                SubnetGroup {
                    name: group.to_owned(),
                    vpc_id: "vpc-drills".to_owned(),
                    subnets: vec!["subnet-8".to_owned(), "subnet-9".to_owned()],
                    security_groups: vec!["sg-drill".to_owned()],
                },
            );
        }
        fleet.rds.add_parameter_group(&home(), "quiet");
        let world = Modelled::new(begin(), ModelledRds::new(fleet.rds), Executions::default());
        let since = time("2026-11-01T00:00:00Z");
        now(async {
            for configuration in &fleet.configurations {
                let hash = json::configuration::hash(configuration);
                let stored = world.store_configuration(configuration, &hash, since).await;
                stored.unwrap();
                let versions = Versions::default().with(hash, since);
                let of = &configuration.resource_id;
                let stored = world.set_configuration_versions(of, &versions, None).await;
                stored.unwrap();
            }
        });
        world.state_mut().operator.identity = "arn:aws:iam::111122223333:role/ops".to_owned();
        let databases = fleet.configurations.iter().map(|one| DatabaseRef {
            arn: one.database.clone(),
            resource_id: one.resource_id.clone(),
        });
        let exercise = Self {
            databases: databases.collect(),
            world: Through::around(world, judge),
            names: Vec::new(),
            level: None,
            only_due: true,
            leaves_removal: false,
            at_pause: RefCell::new(Box::new(|_| {})),
        };
        exercise.apply(POLICY);
        exercise
    }

    fn apply(&self, policy: &str) {
        let home = Region::parse(HOME).unwrap();
        let world = self.world.world();
        now(snapferry::app::policies::apply(
            &**world, &home, policy, None,
        ))
        .unwrap();
    }

    fn with<T>(&self, work: impl AsyncFnOnce(DrillOf<'_>) -> T) -> T {
        let (stack, home) = (stack(), Region::parse(HOME).unwrap());
        let of = DrillOf {
            stack: &stack,
            home: &home,
            sources: &[],
            width: 3,
            databases: &self.names,
            policy: None,
            only_due: self.only_due,
            level: self.level,
            leaves_removal: self.leaves_removal,
        };
        now(work(of))
    }

    fn plans(&self) -> DrillPlans {
        let now = self.world.world().state().now;
        self.with(async |of| plan_drills(&**self.world.world(), of, now).await.unwrap())
    }

    async fn pause(&self, pause: Pause) {
        let world = self.world.world();
        world.pass(SignedDuration::try_from(pause.duration()).unwrap());
        let state = world.state();
        let bystander = state.rds.instance(&home(), "bystander").unwrap();
        assert_eq!(bystander.spec, InstanceSpec::postgres("bystander"));
        drop(state);
        (self.at_pause.borrow_mut())(world);
    }

    /// Plans and carries out once. An error is one that ends the command.
    pub(crate) fn once(&self) -> Result<Vec<FollowedDrill>, String> {
        let started = self.world.world().state().now;
        self.with(async |of| {
            let plans = plan_drills(&self.world, of, started).await;
            let plans = plans.map_err(|error| error.to_string())?;
            let rows = plans.rows.into_iter().filter(|row| row.decision.is_ok());
            let pause = async |pause: Pause| {
                let gone_by = self.world.world().state().now.duration_since(started);
                assert!(gone_by < SignedDuration::from_hours(48), "it never ends");
                self.pause(pause).await;
            };
            let all = carry_out_drills(&self.world, of, rows.collect(), "tests", pause, |_| {});
            all.await.map_err(|error| error.to_string())
        })
    }

    /// Runs the command again and again, as a scheduler does, until it ends by itself.
    fn until_it_ends(&self) -> Vec<FollowedDrill> {
        for _ in 0..1_000 {
            if let Ok(all) = self.once() {
                return all;
            }
            self.world.world().pass(SignedDuration::from_secs(30));
        }
        panic!("the command fails for ever");
    }

    fn clean(&self) -> Vec<(String, Removal)> {
        let (stack, home) = (stack(), Region::parse(HOME).unwrap());
        now(async {
            let world = &self.world;
            let mut left = look_for_leftovers(world, &stack, &home).await.unwrap();
            let pause = async |pause: Pause| self.pause(pause).await;
            let cleaned = clean(world, (&stack, &home), &mut left, pause)
                .await
                .unwrap();
            let cleaned = cleaned.into_iter();
            cleaned.map(|one| (one.name, one.removal)).collect()
        })
    }

    /// The names of everything in the recovery region that a drill may have made.
    pub(crate) fn left_behind(&self) -> BTreeSet<String> {
        let state = self.world.world().state();
        let names = state.rds.database_names(&home());
        names
            .into_iter()
            .filter(|name| name.starts_with(DRILLED))
            .collect()
    }

    pub(crate) fn name_of(&self, database: &str) -> String {
        let mut all = self.databases.iter();
        let database = all.find(|one| one.arn.name() == database).unwrap();
        drill_name(&stack(), database, &DrillId::at(begin()))
    }

    fn plan_outcome(&self, name: &str, outcome: RestoreOutcome) {
        let mut state = self.world.world().state_mut();
        state
            .rds
            .config_mut()
            .faults
            .plan_restore(home(), name, outcome);
    }

    fn asked(&self) -> usize {
        self.world.hook().sent.borrow().len()
    }
}

fn found<'a>(all: &'a [FollowedDrill], name: &str) -> &'a FollowedDrill {
    all.iter()
        .find(|one| one.database.arn.name() == name)
        .unwrap()
}

/// Why the drill of a database failed.
fn why_failed<'a>(all: &'a [FollowedDrill], name: &str) -> &'a [String] {
    match &found(all, name).record.verdict {
        Some(Verdict::Failed(why)) => why,
        other => panic!("{name}: {other:?}"),
    }
}

fn all_passed(all: &[FollowedDrill]) {
    assert_eq!(all.len(), 3);
    for one in all {
        assert!(
            one.is_well(),
            "{}: {} {:?}",
            one.database.arn,
            one.says,
            one.record.checks
        );
    }
}

#[test]
fn a_fleet_is_drilled_proved_measured_and_gone() {
    let exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let all = exercise.once().unwrap();
    all_passed(&all);
    assert_eq!(exercise.left_behind(), BTreeSet::new());
    for one in &all {
        let record = &one.record;
        assert_eq!(record.reached(), Some(Level::Runs));
        assert!(record.measured()[0].1 > SignedDuration::from_mins(5));
        assert_eq!(
            record.data_age(),
            Some(SignedDuration::from_secs(2 * 3_600 - 60))
        );
        assert!(record.restore.began_at < record.runs_at.unwrap());
        assert!(record.runs_at.unwrap() <= record.deleted_at.unwrap());
        assert!(record.deleted_at.unwrap() < record.gone_at.unwrap());
        let kinds: BTreeSet<&str> = record.differs.iter().map(|one| one.kind.as_str()).collect();
        assert!(kinds.is_subset(&["on-purpose", "mapping", "left-open", "not-settable"].into()));
        assert!(!kinds.is_empty());
    }
    // Nothing is due any more, and each row says when it will be.
    let plans = exercise.plans();
    assert_eq!(plans.rows.len(), 3);
    assert!(
        plans
            .rows
            .iter()
            .all(|row| matches!(row.decision, Err(NotDrilled::NotDue(_))))
    );
}

#[test]
fn an_instance_whose_settings_rds_takes_at_once_costs_one_call_to_make_and_one_to_delete() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    exercise.names = vec!["billing".to_owned()];
    assert!(exercise.once().unwrap()[0].is_well());
    let sent = exercise.world.hook().sent.borrow();
    let operations: Vec<Operation> = sent.iter().map(|(operation, _)| *operation).collect();
    assert_eq!(
        operations,
        [
            Operation::RestoreDbInstanceFromDbSnapshot,
            Operation::DeleteDbInstance
        ]
    );
}

#[test]
fn every_drill_passes_and_is_gone_under_lost_answers_throttling_and_restarts_of_the_command() {
    for seed in 0..40 {
        let percent = if seed % 2 == 0 { 3 } else { 12 };
        let exercise = Exercise::of(fleet(), Judge::of(seed, percent));
        let all = exercise.until_it_ends();
        for one in &all {
            assert!(
                one.is_well(),
                "seed {seed}, {}: {}",
                one.database.arn,
                one.says
            );
        }
        assert_eq!(exercise.left_behind(), BTreeSet::new(), "seed {seed}");
    }
}

#[test]
fn a_broken_copy_fails_its_drill_by_name_and_stops_no_other() {
    let exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = exercise.name_of("orders");
    let broken = RestoreOutcome {
        ends_as: Some(InstanceStatus::IncompatibleRestore),
        ..RestoreOutcome::default()
    };
    exercise.plan_outcome(&name, broken);
    let all = exercise.once().unwrap();
    let why = why_failed(&all, "orders");
    assert!(why[0].contains("incompatible-restore"), "{why:?}");
    assert!(found(&all, "billing").is_well() && found(&all, "shop").is_well());
    assert_eq!(exercise.left_behind(), BTreeSet::new());
}

#[test]
fn a_missing_subnet_group_fails_the_drill_by_name() {
    let exercise = Exercise::of(fleet(), Judge::of(0, 0));
    exercise.apply(&POLICY.replace("\"drills\"", "\"no-such-group\""));
    let all = exercise.once().unwrap();
    for one in &all {
        let why = why_failed(&all, one.database.arn.name());
        assert!(why[0].contains("DBSubnetGroupNotFoundFault"), "{why:?}");
        assert!(one.record.gone_at.is_some());
    }
    assert_eq!(exercise.left_behind(), BTreeSet::new());
}

#[test]
fn a_drill_past_its_deadline_fails_by_name_and_is_removed() {
    let exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let stuck = RestoreOutcome {
        never_ends: true,
        ..RestoreOutcome::default()
    };
    exercise.plan_outcome(&exercise.name_of("billing"), stuck);
    let all = exercise.once().unwrap();
    let billing = found(&all, "billing");
    let why = why_failed(&all, "billing");
    assert!(why[0].starts_with("deadline: "), "{why:?}");
    assert!(billing.record.gone_at.unwrap() >= billing.record.deadline);
    assert_eq!(exercise.left_behind(), BTreeSet::new());
}

#[test]
fn a_setting_that_rds_ignores_fails_the_drill_by_the_settings_name() {
    let exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let ignores = RestoreOutcome {
        ignores_changes: true,
        ..RestoreOutcome::default()
    };
    exercise.plan_outcome(&exercise.name_of("orders"), ignores);
    let all = exercise.once().unwrap();
    let why = why_failed(&all, "orders");
    assert!(
        why.iter()
            .any(|why| why.starts_with("MaxAllocatedStorage: ")),
        "{why:?}"
    );
    assert_eq!(exercise.left_behind(), BTreeSet::new());
}

/// Interrupts the command when billing's drill is available, and lets nobody go on.
pub(crate) fn interrupted(exercise: &mut Exercise) -> String {
    let name = exercise.name_of("billing");
    interrupted_at(exercise, "billing", name.clone());
    assert_eq!(exercise.left_behind(), [name.clone()].into());
    name
}

/// Interrupts the drill of a database when this instance is available.
pub(crate) fn interrupted_at(exercise: &mut Exercise, database: &str, awaited: String) {
    exercise.names = vec![database.to_owned()];
    *exercise.at_pause.borrow_mut() = Box::new(move |world| {
        let state = world.state();
        let found = state.rds.instance(&home(), &awaited);
        let is_there = found.is_some_and(|one| one.status.as_str() == "available");
        assert!(!is_there, "interrupted");
    });
    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| exercise.once()));
    assert!(run.is_err(), "the command ended by itself");
    *exercise.at_pause.borrow_mut() = Box::new(|_| {});
}

#[test]
fn an_interrupted_drill_goes_on_and_is_not_begun_again() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    interrupted(&mut exercise);
    let before = exercise.asked();
    let all = exercise.once().unwrap();
    assert!(all[0].is_well(), "{}", all[0].says);
    assert_eq!(exercise.asked(), before + 1, "only the deletion");
    assert_eq!(exercise.left_behind(), BTreeSet::new());
}

#[test]
fn what_outlives_its_deadline_is_removed_by_its_own_listing_and_not_before() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = interrupted(&mut exercise);
    assert!(exercise.clean().is_empty(), "its drill may still live");
    exercise.world.world().pass(SignedDuration::from_hours(6));
    let cleaned = exercise.clean();
    assert!(
        matches!(&cleaned[..], [(of, Removal::Gone)] if *of == name),
        "{cleaned:?}"
    );
    assert_eq!(exercise.left_behind(), BTreeSet::new());
    let of = exercise.databases[1].resource_id.clone();
    let drills = now(exercise.world.world().drills(std::slice::from_ref(&of))).unwrap();
    let record = &drills[&of].drills.0[0];
    assert!(record.gone_at.is_some());
    assert!(
        matches!(&record.verdict, Some(Verdict::Failed(why)) if why[0].starts_with("deadline"))
    );
}

#[test]
fn where_the_table_lost_a_drill_it_is_removed_once_it_is_older_than_any_may_become() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = interrupted(&mut exercise);
    let of = exercise.databases[1].resource_id.clone();
    exercise.world.world().state_mut().table.lose_drills(&of);
    exercise.world.world().pass(SignedDuration::from_hours(7));
    assert!(
        exercise.clean().is_empty(),
        "it may still be a drill that lives"
    );
    exercise.world.world().pass(SignedDuration::from_hours(18));
    let cleaned = exercise.clean();
    assert!(
        matches!(&cleaned[..], [(of, Removal::Gone)] if *of == name),
        "{cleaned:?}"
    );
}

#[test]
fn a_freeze_begins_no_drill_and_stops_the_removal_of_drills_only_if_it_says_so() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = interrupted(&mut exercise);
    let mut freeze = Freeze {
        why: "the source region is lost".to_owned(),
        by: "ops".to_owned(),
        at: begin(),
        and_drills: true,
    };
    now(exercise.world.world().set_freeze(&freeze)).unwrap();
    let all = exercise.once().unwrap();
    assert!(all[0].says.contains("frozen by ops"), "{}", all[0].says);
    exercise.world.world().pass(SignedDuration::from_hours(7));
    let cleaned = exercise.clean();
    assert!(
        matches!(&cleaned[..], [(_, Removal::Frozen(_))]),
        "{cleaned:?}"
    );
    assert_eq!(exercise.left_behind(), [name].into());
    freeze.and_drills = false;
    now(exercise.world.world().set_freeze(&freeze)).unwrap();
    exercise.clean();
    assert_eq!(exercise.left_behind(), BTreeSet::new());
    exercise.names = vec!["orders".to_owned()];
    let plans = exercise.plans();
    assert_eq!(plans.rows[0].decision, Err(NotDrilled::Frozen));
}

#[test]
fn a_database_that_a_person_puts_in_a_drills_place_is_never_touched() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = interrupted(&mut exercise);
    let mut state = exercise.world.world().state_mut();
    let tags = state
        .rds
        .instance(&home(), &name)
        .unwrap()
        .spec
        .tags
        .clone();
    state.rds.remove_instance(&home(), &name);
    let mut foreign = InstanceSpec::postgres(&name);
    foreign.tags = tags;
    state.rds.add_instance(&home(), foreign.clone()).unwrap();
    drop(state);
    let before = exercise.asked();
    let all = exercise.once().unwrap();
    assert!(matches!(all[0].record.verdict, Some(Verdict::Failed(_))));
    exercise.world.world().pass(SignedDuration::from_hours(30));
    exercise.clean();
    assert_eq!(exercise.asked(), before, "no call");
    let state = exercise.world.world().state();
    assert_eq!(state.rds.instance(&home(), &name).unwrap().spec, foreign);
}

#[test]
fn what_a_person_has_taken_the_drills_tag_from_is_neither_changed_nor_deleted() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    exercise.names = vec!["orders".to_owned()];
    let name = exercise.name_of("orders");
    let taken = name.clone();
    *exercise.at_pause.borrow_mut() = Box::new(move |world| {
        let mut state = world.state_mut();
        let now = state.now;
        let arn = state.rds.instance(&home(), &taken).unwrap().arn.clone();
        let keys = [DRILL.to_owned()];
        let rds = &mut state.rds;
        rds.remove_tags_from_resource(&home(), &arn, &keys, now)
            .unwrap();
    });
    let all = exercise.once().unwrap();
    let why = why_failed(&all, "orders");
    assert!(why[0].contains("snapferry:drill"), "{why:?}");
    assert!(all[0].says.starts_with("stopped: "), "{}", all[0].says);
    assert_eq!(exercise.asked(), 1, "only the restore");
    assert_eq!(exercise.left_behind(), [name].into());
    // What a person keeps is noted, and the source is drilled again.
    let kept = all[0].record.kept.as_deref().unwrap();
    assert!(kept.contains("snapferry:drill"), "{kept}");
    let plans = exercise.plans();
    assert_eq!(plans.rows[0].decision, Ok(DrillReason::Asked));
}

#[test]
fn a_cluster_that_a_person_keeps_keeps_its_members() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    exercise.names = vec!["shop".to_owned()];
    let name = exercise.name_of("shop");
    let kept = name.clone();
    *exercise.at_pause.borrow_mut() = Box::new(move |world| {
        let mut state = world.state_mut();
        let now = state.now;
        let first = member_name(&kept, 1);
        if state.rds.instance(&home(), &first).is_none() {
            return;
        }
        let arn = state.rds.cluster(&home(), &kept).unwrap().arn.clone();
        let keys = [DRILL.to_owned()];
        let rds = &mut state.rds;
        rds.remove_tags_from_resource(&home(), &arn, &keys, now)
            .unwrap();
    });
    let all = exercise.once().unwrap();
    assert!(all[0].says.contains("its cluster stays"), "{}", all[0].says);
    exercise.world.world().pass(SignedDuration::from_hours(30));
    assert!(exercise.clean().is_empty());
    let deletes = [Operation::DeleteDbInstance, Operation::DeleteDbCluster];
    let sent = exercise.world.hook().sent.borrow();
    assert!(
        !sent
            .iter()
            .any(|(operation, _)| deletes.contains(operation)),
        "{sent:?}"
    );
    drop(sent);
    assert!(exercise.left_behind().contains(&member_name(&name, 1)));
}

#[test]
fn a_member_that_a_person_has_added_to_a_drills_cluster_stops_the_drill_an_hour_after_its_deadline()
{
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    exercise.names = vec!["shop".to_owned()];
    let name = exercise.name_of("shop");
    let cluster = name.clone();
    *exercise.at_pause.borrow_mut() = Box::new(move |world| {
        let state = world.state();
        let is_there = |name: &str| state.rds.instance(&home(), name).is_some();
        if !is_there(&member_name(&cluster, 1)) || is_there("of-a-person") {
            return;
        }
        drop(state);
        let parameters = [
            ("DBInstanceIdentifier", "of-a-person"),
            ("DBClusterIdentifier", &cluster),
            ("DBInstanceClass", "db.serverless"),
            ("Engine", "aurora-postgresql"),
        ];
        let call = DatabaseCall {
            operation: Operation::CreateDbInstance,
            parameters: parameters
                .map(|(name, value)| (name.to_owned(), Value::text(value)))
                .into(),
        };
        let region = Region::parse(HOME).unwrap();
        now(world.change_database(&region, &call)).unwrap();
    });
    let all = exercise.once().unwrap();
    let one = &all[0];
    assert!(
        one.says.contains("InvalidDBClusterStateFault"),
        "{}",
        one.says
    );
    assert!(one.says.starts_with("stopped: "), "{}", one.says);
    assert_eq!(one.record.gone_at, None);
    let past = exercise
        .world
        .world()
        .state()
        .now
        .duration_since(one.record.deadline);
    assert!(past >= SignedDuration::from_hours(1), "{past}");
    assert!(past < SignedDuration::from_mins(61), "{past}");
    assert_eq!(exercise.left_behind(), [name].into(), "the cluster alone");
    let state = exercise.world.world().state();
    assert!(state.rds.instance(&home(), "of-a-person").is_some());
}

#[test]
fn a_drill_whose_quiet_parameter_group_is_gone_does_not_go_on() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    interrupted(&mut exercise);
    exercise.apply(&POLICY.replace("\"*\" = \"quiet\"", "other = \"quiet\""));
    let before = exercise.asked();
    let all = exercise.once().unwrap();
    assert!(
        matches!(all[0].record.verdict, Some(Verdict::Incomplete(_))),
        "{}",
        all[0].says
    );
    assert_eq!(exercise.asked(), before + 1, "only the deletion");
    assert_eq!(exercise.left_behind(), BTreeSet::new());
}

#[test]
fn a_freeze_between_the_plan_and_the_restore_keeps_the_restore_from_being_asked_for() {
    let exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let started = exercise.world.world().state().now;
    let freeze = Freeze {
        why: "the source region is lost".to_owned(),
        by: "ops".to_owned(),
        at: begin(),
        and_drills: false,
    };
    let all = exercise.with(async |of| {
        let plans = plan_drills(&exercise.world, of, started).await.unwrap();
        exercise.world.world().set_freeze(&freeze).await.unwrap();
        let pause = async |pause: Pause| exercise.pause(pause).await;
        let all = carry_out_drills(&exercise.world, of, plans.rows, "tests", pause, |_| {});
        all.await.unwrap()
    });
    assert_eq!((all.len(), exercise.asked()), (3, 0));
    for one in &all {
        let verdict = one.record.verdict.as_ref();
        assert!(matches!(verdict, Some(Verdict::Incomplete(why)) if why.contains("ops")));
    }
}

#[test]
fn what_a_call_made_whose_answer_was_lost_is_removed_once_it_is_older_than_any_drill_may_become() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = interrupted(&mut exercise);
    let of = exercise.databases[1].resource_id.clone();
    now(async {
        let world = exercise.world.world();
        let ids = std::slice::from_ref(&of);
        let mut stored = world.drills(ids).await.unwrap().remove(&of).unwrap();
        stored.revision += 1;
        stored.drills.0[0].restore.made.clear();
        world.store_drills(&of, &stored).await.unwrap();
    });
    exercise.world.world().pass(SignedDuration::from_hours(7));
    assert!(exercise.clean().is_empty(), "it is too young");
    exercise.world.world().pass(SignedDuration::from_hours(18));
    let cleaned = exercise.clean();
    assert!(
        matches!(&cleaned[..], [(of, Removal::Gone)] if *of == name),
        "{cleaned:?}"
    );
}

#[test]
fn what_bears_a_drills_name_or_tags_without_being_one_is_never_touched() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = interrupted(&mut exercise);
    let of_drill = {
        let state = exercise.world.world().state();
        state
            .rds
            .instance(&home(), &name)
            .unwrap()
            .spec
            .tags
            .clone()
    };
    let mut all: Vec<InstanceSpec> = Vec::new();
    for (other, tags) in [
        ("sfd-of-somebody", tagged(&[])),
        (
            "sfd-orders-abcdefghij",
            tagged(&[(DRILL, "main"), (RESTORED, "main")]),
        ),
        ("copy-of-a-drill", of_drill.clone()),
        (&*member_name(&name, 1), of_drill),
    ] {
        let mut spec = InstanceSpec::postgres(other);
        spec.tags = tags;
        all.push(spec);
    }
    for spec in &all {
        let mut state = exercise.world.world().state_mut();
        state.rds.add_instance(&home(), spec.clone()).unwrap();
    }
    exercise.world.world().pass(SignedDuration::from_hours(30));
    let cleaned = exercise.clean();
    assert_eq!(cleaned.len(), 1, "{cleaned:?}");
    let state = exercise.world.world().state();
    for spec in &all {
        let found = state.rds.instance(&home(), &spec.identifier).unwrap();
        assert_eq!(found.spec, *spec);
    }
}

#[test]
fn the_users_function_proves_the_third_level_and_its_silence_fails_it() {
    let with_check = POLICY.replace(
        "deadline",
        "level = \"L3\"\ncheck = \"orders-check\"\ndeadline",
    );
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    exercise.names = vec!["orders".to_owned()];
    exercise.apply(&with_check);
    let all = exercise.once().unwrap();
    let why = why_failed(&all, "orders");
    assert!(why[0].contains("orders-check gave no answer"), "{why:?}");
    assert_eq!(exercise.left_behind(), BTreeSet::new());
    exercise.world.world().pass(SignedDuration::from_secs(2));
    let answer = "{\"ok\": true, \"newestRecordAt\": \"2026-11-22T02:59:00Z\"}";
    exercise.world.world().state_mut().operator.drill_check = Some(answer.to_owned());
    let all = exercise.once().unwrap();
    let record = &all[0].record;
    assert!(all[0].is_well(), "{}", all[0].says);
    assert_eq!(record.reached(), Some(Level::Checked));
    assert_eq!(record.newest_record_at, Some(time("2026-11-22T02:59:00Z")));
    assert!(record.previous.is_some());
    let state = exercise.world.world().state();
    let request = state.operator.drill_checks.last().unwrap();
    assert!(
        request.contains("\"endpoint\":") && request.contains("\"secretArn\":"),
        "{request}"
    );
}

#[test]
fn a_database_of_another_policy_is_a_row_with_its_reason() {
    let exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let (policy, _) = POLICY.split_once("[policy.default.drill]").unwrap();
    exercise.apply(policy);
    let plans = exercise.plans();
    assert_eq!(plans.rows.len(), 3);
    for row in &plans.rows {
        assert_eq!(row.decision, Err(NotDrilled::NoOptions));
        assert_eq!(row.policy, PolicyName::parse("default").unwrap());
    }
}
