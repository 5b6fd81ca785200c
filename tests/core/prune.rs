//! The pruner: what it removes, when, and what stops it.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use snapferry::app::prune::{PruneError, PruneReport, PruneRequest, PrunerConfig, Stopped, prune};
use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::retention::bounds::Bounds;
use snapferry::domain::retention::capacity::DAYS_MAX;
use snapferry::domain::retention::check::Rule;
use snapferry::domain::retention::round::Freeze;
use snapferry::domain::retention::sightings::GRACE;
use snapferry::domain::run::command::{ProtectionRequest, Step};
use snapferry::domain::run::failure::Operation;
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::wait::{Expectation, Wait};
use snapferry::ports::SnapshotQuota;

use crate::planner::planning;
use crate::policies::applied;
use crate::prune_preview::copy_of;
use crate::world::{Fixture, HOME, Name, SOURCE, World, a_run, command, region, run, time};

/// The run of so many days ago.
fn run_of(name: &str, days: i64) -> ProtectionRequest {
    let mut request = a_run(name);
    request.planned_at -= SignedDuration::from_hours(24 * days);
    request
}

pub(crate) fn copies(name: &str, days: i64) -> Vec<Snapshot> {
    (0..days).map(|days| copy_of(&run_of(name, days))).collect()
}

pub(crate) fn config() -> PrunerConfig {
    let planning = planning(&[]);
    PrunerConfig {
        stack: planning.stack.rules.stack,
        home: planning.stack.home,
        source_regions: planning.source_regions,
        key: planning.key,
        built_in: planning.policies,
        removes: true,
        grace: GRACE,
        bounds: Bounds::default(),
    }
}

pub(crate) fn world(rules: &str, snapshots: Vec<Snapshot>) -> World {
    let world = World::new();
    applied(
        &world,
        &format!("[policy.default]\nschedule = \"0 3 * * *\"\n{rules}\n"),
    );
    for snapshot in snapshots {
        world.put_snapshot(snapshot);
    }
    world
}

pub(crate) fn try_round(
    world: &World,
    config: &PrunerConfig,
    order: Option<&PruneRequest>,
) -> Result<PruneReport, PruneError> {
    run(prune(world, config, order, "test"))
}

pub(crate) fn round(world: &World) -> PruneReport {
    try_round(world, &config(), None).unwrap()
}

/// Rounds of so many hours, the last one's report.
pub(crate) fn rounds(world: &World, hours: i64) -> PruneReport {
    let mut last = round(world);
    for _ in 0..hours {
        world.pass(SignedDuration::from_hours(1));
        last = round(world);
    }
    last
}

pub(crate) fn left(world: &World) -> BTreeSet<RdsArn> {
    world.rds().snapshots.keys().cloned().collect()
}

fn removed(report: &PruneReport) -> Vec<RdsArn> {
    let removed = report.removed.iter();
    removed.map(|one| one.snapshot.clone()).collect()
}

fn arns(snapshots: &[Snapshot]) -> Vec<RdsArn> {
    snapshots.iter().map(|one| one.arn.clone()).collect()
}

#[test]
fn what_may_go_is_noted_and_goes_a_grace_later_the_oldest_first() {
    let all = copies("orders", 30);
    let world = world("keep_last = 3", all.clone());
    let before = rounds(&world, 23);
    assert_eq!((before.removable, before.ripe), (27, 0));
    assert_eq!(left(&world).len(), 30);
    // A tenth of thirty.
    let report = rounds(&world, 1);
    assert_eq!(report.ripe, 27);
    let oldest = [29, 28, 27].map(|days| all[days].arn.clone());
    assert_eq!(removed(&report), oldest);
    assert_eq!(report.removed[0].why, "no rule keeps it");
    // The next round no longer finds them, and drops their entries.
    world.pass(SignedDuration::from_hours(1));
    let next = round(&world);
    assert_eq!(next.gone.len(), 3);
    // What was entered of them goes with them, months later.
    let calls = world.calls();
    let expired = calls
        .iter()
        .filter(|call| call.name() == Name::ExpireEntered);
    assert_eq!(expired.count(), 3);
    assert!(!world.table().is_being_removed(&oldest[0]));
    // C2: the backlog is larger than the bound, and drains to its end.
    rounds(&world, 40);
    assert_eq!(left(&world), arns(&all[..3]).into_iter().collect());
}

#[test]
fn a_stack_whose_parameter_is_no_removes_nothing() {
    let world = world("keep_last = 1", copies("orders", 5));
    let config = PrunerConfig {
        removes: false,
        ..config()
    };
    for _ in 0..50 {
        world.pass(SignedDuration::from_hours(1));
        let report = try_round(&world, &config, None).unwrap();
        assert_eq!(report.stopped, Some(Stopped::RemovesNothing));
        assert_eq!(report.removable, 4);
    }
    let order = PruneRequest {
        plan: try_round(&world, &config, None).unwrap().plan,
        ..PruneRequest::default()
    };
    try_round(&world, &config, Some(&order)).unwrap();
    assert_eq!(left(&world).len(), 5);
    assert_eq!(world.calls_of("DeleteDBSnapshot"), 0);
}

#[test]
fn rules_that_an_earlier_version_applied_and_no_rules_remove_nothing() {
    let world = world("keep_last = 1", copies("orders", 5));
    let mut set = world.policies().pop().unwrap();
    for spec in set.set.policies.values_mut() {
        spec.options.retention.shown_only = true;
    }
    set.stamp.version = set.stamp.version.next();
    world.table().store_policies(&set);
    assert_eq!(rounds(&world, 50).removable, 0);
    applied(&world, "[policy.default]\nschedule = \"0 4 * * *\"\n");
    assert_eq!(rounds(&world, 50).removable, 0);
    applied(
        &world,
        "[policy.other]\nschedule = \"0 4 * * *\"\nkeep_last = 1\n",
    );
    assert_eq!(rounds(&world, 50).removable, 0);
    assert_eq!(left(&world).len(), 5);
}

#[test]
fn another_version_of_the_policies_begins_the_grace_anew() {
    let world = world("keep_last = 2", copies("orders", 8));
    rounds(&world, 20);
    applied(
        &world,
        "[policy.default]\nschedule = \"0 3 * * *\"\nkeep_last = 3\n",
    );
    assert_eq!(rounds(&world, 23).ripe, 0);
    assert_eq!(rounds(&world, 1).ripe, 5);
}

/// Rounds until something is ripe, with this before the last one.
fn ripe_then(world: &World, then: impl FnOnce(&World)) -> PruneReport {
    rounds(world, 23);
    world.pass(SignedDuration::from_hours(1));
    then(world);
    round(world)
}

#[test]
fn a_hold_that_comes_at_the_last_moment_is_heeded() {
    let all = copies("orders", 5);
    let world = world("keep_last = 1", all.clone());
    let report = ripe_then(&world, |world| {
        let oldest = all[4].arn.clone();
        let shared = world.clone();
        world.meanwhile(Name::DescribeSnapshots, move || {
            let mut rds = shared.rds();
            let found = rds.snapshots.get_mut(&oldest).unwrap();
            found
                .tags
                .insert("snapferry:hold".to_owned(), "audit".to_owned());
        });
    });
    assert_eq!(removed(&report), []);
    assert_eq!(report.refused[0].broken[0].rule, Rule::Held);
    assert_eq!(left(&world).len(), 5);
}

#[test]
fn what_is_awaited_stays_and_keeps_no_other_from_going() {
    let all = copies("orders", 6);
    let world = world("keep_last = 1", all.clone());
    world.store(wait_for(&all[5].arn));
    let report = rounds(&world, 24);
    assert_eq!(removed(&report), [all[4].arn.clone()]);
    // A wait that is registered after the list was read is seen by the write itself.
    let report = ripe_after(&world, &all, 3);
    assert_eq!(report.kept, [all[3].arn.clone()]);
    assert_eq!(world.rds().snapshots.len(), 5);
}

pub(crate) fn wait_for(copy: &RdsArn) -> Wait {
    let expected = Expectation::Snapshot;
    let command = command(Step::Copy, "t", "orders");
    Wait::new(
        copy.clone(),
        command,
        expected,
        time("2026-11-22T03:00:00Z"),
    )
}

/// One more round, in which a wait is registered right before the removal is.
fn ripe_after(world: &World, all: &[Snapshot], days: usize) -> PruneReport {
    world.pass(SignedDuration::from_hours(1));
    let wait = wait_for(&all[days].arn);
    let shared = world.clone();
    world.meanwhile(Name::RegisterRemoval, move || shared.store(wait));
    round(world)
}

#[test]
fn a_freeze_stops_all_removal_and_so_does_one_that_cannot_be_read() {
    let world = world("keep_last = 1", copies("orders", 5));
    let freeze = Freeze {
        why: "an audit".to_owned(),
        by: "ada".to_owned(),
        at: time("2026-11-22T03:00:00Z"),
        and_drills: false,
    };
    world.table().retention_mut().freeze = Some(freeze.clone());
    let report = rounds(&world, 30);
    assert_eq!(report.stopped, Some(Stopped::Frozen(freeze)));
    world.table().retention_mut().freeze = None;
    // The first to read it is the estimate of the quota, the second the removal.
    world.break_once(Name::ReadFreeze);
    world.break_once(Name::ReadFreeze);
    world.pass(SignedDuration::from_hours(1));
    let report = round(&world);
    assert!(matches!(report.stopped, Some(Stopped::FreezeUnknown(_))));
    assert_eq!(left(&world).len(), 5);
    // M15: after it, the backlog drains by the bound.
    rounds(&world, 5);
    assert_eq!(left(&world).len(), 1);
}

#[test]
fn half_an_inventory_removes_nothing() {
    let world = world("keep_last = 1", copies("orders", 5));
    let report = ripe_then(&world, |world| {
        world.script(Operation::DescribeDbClusterSnapshots, None, "no answer");
        assert!(try_round(world, &config(), None).is_err());
        assert_eq!(left(world).len(), 5);
    });
    assert_eq!(report.removed.len(), 1);
}

#[test]
fn a_row_that_cannot_be_read_leaves_its_database_alone_and_no_other() {
    let mut all = copies("orders", 5);
    all[2].status = SnapshotStatus::Other("RDS left Engine out".to_owned());
    all[2].engine.clear();
    let others = copies("stock", 5);
    let world = world("keep_last = 1", [all, others.clone()].concat());
    let report = rounds(&world, 24);
    assert_eq!(removed(&report), [others[4].arn.clone()]);
    assert_eq!(report.refused[0].broken[0].rule, Rule::Complete);
}

#[test]
fn nothing_goes_of_a_source_region_that_nobody_has_listed_for_a_day() {
    let world = world("keep_last = 1", copies("orders", 5));
    rounds(&world, 1);
    world.parts().1.down.borrow_mut().insert(region(SOURCE));
    let report = rounds(&world, 22);
    assert_eq!(report.left_alone, [], "it was listed within a day");
    let report = rounds(&world, 30);
    assert_eq!(report.left_alone.len(), 1);
    assert!(report.left_alone[0].why.contains(SOURCE));
    let left_before = left(&world).len();
    rounds(&world, 30);
    assert_eq!(left(&world).len(), left_before);
    // When it answers again, the grace begins again.
    world.parts().1.down.borrow_mut().clear();
    assert_eq!(rounds(&world, 23).ripe, 0);
    assert_eq!(rounds(&world, 1).removed.len(), 1);
}

#[test]
fn one_that_fails_stops_no_other_and_is_tried_again() {
    let all = copies("orders", 30);
    let world = world("keep_last = 3", all.clone());
    let report = ripe_then(&world, |world| {
        let code = Some("InvalidDBSnapshotState");
        world.script(Operation::DeleteDbSnapshot, code, "it is being copied");
    });
    assert_eq!(report.failed.len(), 1);
    assert_eq!(report.failed[0].0, all[29].arn);
    assert!(report.failed[0].1.contains("it is being copied"));
    assert_eq!(report.removed.len(), 2);
    assert!(!world.table().is_being_removed(&all[29].arn));
    world.pass(SignedDuration::from_hours(1));
    assert_eq!(removed(&round(&world))[0], all[29].arn);
}

#[test]
fn a_throttled_round_leaves_the_rest_to_the_next() {
    let world = world("keep_last = 3", copies("orders", 30));
    let report = ripe_then(&world, |world| {
        world.script(
            Operation::DeleteDbSnapshot,
            Some("Throttling"),
            "Rate exceeded",
        );
    });
    assert_eq!(report.stopped, Some(Stopped::Throttled));
    assert_eq!(report.removed, []);
    world.pass(SignedDuration::from_hours(1));
    assert_eq!(round(&world).removed.len(), 3);
}

#[test]
fn a_removal_without_an_answer_keeps_its_entry_until_a_round_has_looked() {
    let all = copies("orders", 5);
    let world = world("keep_last = 1", all.clone());
    ripe_then(&world, |world| {
        world.script(Operation::DeleteDbSnapshot, None, "no answer");
    });
    assert!(world.table().is_being_removed(&all[4].arn));
    world.pass(SignedDuration::from_hours(1));
    // It is still there: it is removed once more, in the same round.
    assert_eq!(removed(&round(&world)), [all[4].arn.clone()]);
    world.pass(SignedDuration::from_hours(1));
    assert_eq!(round(&world).gone, [all[4].arn.clone()]);
}

#[test]
fn a_person_s_order_is_the_second_sighting_and_holds_for_the_same_plan_only() {
    let all = copies("orders", 5);
    let world = world("keep_last = 1", [all.clone(), copies("stock", 5)].concat());
    let plan = round(&world).plan;
    let order = |plan: &str, databases: &[&str]| PruneRequest {
        plan: plan.to_owned(),
        databases: databases.iter().map(ToString::to_string).collect(),
        ..PruneRequest::default()
    };
    let other = try_round(&world, &config(), Some(&order("another", &[]))).unwrap();
    assert_eq!(other.stopped, Some(Stopped::AnotherPlan));
    assert_eq!(left(&world).len(), 10);
    let report = try_round(&world, &config(), Some(&order(&plan, &[]))).unwrap();
    assert_eq!(report.removed.len(), 2, "the bound holds for orders too");
    // The plan has changed with it.
    let again = try_round(&world, &config(), Some(&order(&plan, &[]))).unwrap();
    assert_eq!(again.stopped, Some(Stopped::AnotherPlan));
    let of_one = order(&again.plan, &["orders"]);
    let other = try_round(&world, &config(), Some(&of_one)).unwrap();
    assert_eq!(other.stopped, Some(Stopped::AnotherPlan), "of one database");
    let of_one = order(&other.plan, &["orders"]);
    let report = try_round(&world, &config(), Some(&of_one)).unwrap();
    assert_eq!(removed(&report), [all[3].arn.clone()]);
}

#[test]
fn two_rounds_at_once_are_one() {
    let world = world("keep_last = 1", copies("orders", 5));
    let now = world.clock();
    world.table().retention_mut().lease =
        Some(("another".to_owned(), now + SignedDuration::from_mins(5)));
    assert_eq!(round(&world).stopped, Some(Stopped::AnotherRound));
    world.pass(SignedDuration::from_mins(5));
    assert_eq!(round(&world).stopped, None);
    assert_eq!(world.table().retention().lease, None);
}

#[test]
fn the_catalogs_newest_is_set_right_where_it_is_gone() {
    let all = copies("orders", 3);
    let world = world("", all.clone());
    let ghost = copy_of(&run_of("orders", -1));
    let database = a_run("orders").database;
    let manifest = |copy: &Snapshot| Manifest {
        step: Step::Copy,
        snapshot: copy.arn.clone(),
        source: copy.source.clone(),
        database: database.arn.clone(),
        resource_id: database.resource_id.clone(),
        engine: copy.engine.clone(),
        engine_version: copy.engine_version.clone(),
        size_gib: copy.size_gib,
        key: copy.key.clone(),
        taken_at: copy.taken_at,
    };
    world.enter(&database.resource_id, |entry| {
        entry.newest = Some(manifest(&ghost));
    });
    assert_eq!(round(&world).corrected, 1);
    let newest = world.entry(&database.resource_id).unwrap().newest;
    assert_eq!(newest, Some(manifest(&all[0])));
    assert_eq!(round(&world).corrected, 0);
}

#[test]
fn a_removal_costs_a_share_of_one_look_a_read_of_the_freeze_an_entry_and_the_delete() {
    let world = world("keep_last = 3", copies("orders", 300));
    rounds(&world, 23);
    world.pass(SignedDuration::from_hours(1));
    world.forget_calls();
    assert_eq!(round(&world).removed.len(), 30);
    assert_eq!(world.calls_of("DeleteDBSnapshot"), 30);
    let names = world.called();
    let count = |name: Name| names.iter().filter(|one| **one == name).count();
    assert_eq!(count(Name::DescribeSnapshots), 2, "twenty, then ten");
    assert_eq!(count(Name::RegisterRemoval), 30);
    let and_for_the_quota = 1;
    assert_eq!(count(Name::ReadFreeze), 30 + and_for_the_quota);
    assert_eq!(left(&world).len(), 270);
    assert_eq!(region(HOME), config().home);
}

#[test]
fn a_round_says_how_long_the_quota_lasts_by_what_its_rules_keep() {
    let quota = |world: &World, max| {
        world.set_quota(Family::Instance, Some(SnapshotQuota { used: 61, max }));
    };
    // One a day, kept for 35 days: ten days old, the stack still grows by one a day.
    let growing = world("keep_within = \"35d\"", copies("orders", 10));
    quota(&growing, 100);
    assert_eq!(round(&growing).days_to_full, Some(39));
    // Once the rules let go as much as is made, the quota is never full.
    let steady = world("keep_within = \"5d\"", copies("orders", 10));
    quota(&steady, 100);
    assert_eq!(round(&steady).days_to_full, Some(DAYS_MAX));
    // Where nothing is removed, all of it stays.
    let keeps_all = PrunerConfig {
        removes: false,
        ..config()
    };
    let report = try_round(&steady, &keeps_all, None).unwrap();
    assert_eq!(report.days_to_full, Some(39));
    // M15: while removal is frozen, nothing is removed either.
    steady.table().retention_mut().freeze = Some(Freeze {
        why: "an audit".to_owned(),
        by: "ada".to_owned(),
        at: time("2026-11-22T03:00:00Z"),
        and_drills: false,
    });
    assert_eq!(round(&steady).days_to_full, Some(39));
}

#[test]
fn a_quota_that_is_not_known_is_no_news_and_no_recovery_point_needs_none() {
    let empty = world("keep_last = 1", Vec::new());
    assert_eq!(round(&empty).days_to_full, Some(DAYS_MAX));
    let world = world("keep_last = 1", copies("orders", 3));
    world.set_quota(Family::Instance, None);
    assert_eq!(round(&world).days_to_full, None);
    world.script(Operation::DescribeAccountAttributes, None, "no answer");
    let report = round(&world);
    assert_eq!((report.days_to_full, report.looked_at), (None, 3));
}
