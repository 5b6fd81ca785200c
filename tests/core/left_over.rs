//! What a due time leaves over: databases that are not now, could not be started, or whose run before still goes on.

use jiff::SignedDuration;
use snapferry::app::plan_preview::{Verdict, preview};
use snapferry::app::planner::{Outcome, Planned, When, plan};
use snapferry::domain::id::names::{Attempt, ExecutionName, ResourceId};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::cursor::{Cursor, KEPT_MAX, Kept, KeptWhy};
use snapferry::domain::run::naming;
use snapferry::ports::ExecutionState;

use crate::planner::{listed, planning};
use crate::world::{Fixture, Name, SOURCE, World, a_run, region, rules, run, time};

const TAGGED: &[(&str, &str)] = &[("snapferry:policy", "default")];
const DESCRIBE: &str = "DescribeDBInstances";
const DUE: &str = "2026-11-22T03:00:00Z";

fn world_of(count: usize) -> World {
    let world = World::new();
    let names = (0..count).map(|n| format!("db-{n}"));
    let databases = names.map(|name| listed(&name, TAGGED));
    world.rds().databases.extend(databases);
    world
}

fn tick(world: &World) -> Planned {
    let mut planned = run(plan(world, &planning(&[]), When::Due)).unwrap();
    assert_eq!(planned.len(), 1);
    planned.remove(0)
}

fn set_status(world: &World, n: usize, status: &str) {
    status.clone_into(&mut world.rds().databases[n].status);
}

fn name_at(database: &str, due: &str) -> ExecutionName {
    let mut request = a_run(database);
    request.planned_at = time(due);
    naming::execution(&rules().stack, &request, Attempt::FIRST)
}

fn cursor(world: &World) -> Cursor {
    let policy = PolicyName::parse("default").unwrap();
    let table = world.table();
    table.plan_cursor(&policy, &region(SOURCE)).unwrap().clone()
}

#[test]
fn one_stopped_database_of_a_hundred_costs_one_describe_a_tick_and_is_taken_once_it_is_available() {
    let world = world_of(100);
    set_status(&world, 7, "stopped");
    let planned = tick(&world);
    assert_eq!((planned.rows.len(), planned.started()), (100, 99));
    for _ in 0..3 {
        world.pass(SignedDuration::from_mins(5));
        let before = (
            world.calls_of(DESCRIBE),
            world.calls_of("DescribeDBClusters"),
        );
        let planned = tick(&world);
        let after = (
            world.calls_of(DESCRIBE),
            world.calls_of("DescribeDBClusters"),
        );
        assert_eq!(after, (before.0 + 1, before.1));
        assert!(matches!(planned.rows[0].outcome, Outcome::NotNow(_)));
        assert_eq!((planned.rows.len(), planned.due), (1, Some(time(DUE))));
    }
    set_status(&world, 7, "available");
    assert_eq!(
        tick(&world).rows[0].outcome,
        Outcome::Started(name_at("db-7", DUE))
    );
    let before = world.calls_of(DESCRIBE);
    assert_eq!(tick(&world).due, None);
    assert_eq!(world.calls_of(DESCRIBE), before);
}

#[test]
fn a_database_that_could_not_be_started_is_tried_again_without_listing_the_region() {
    let world = world_of(3);
    world.break_once(Name::StartExecution);
    assert!(!tick(&world).is_complete());
    let listed = world.calls_of(DESCRIBE);
    let planned = tick(&world);
    assert!(planned.is_complete() && planned.only_left_over);
    assert_eq!((planned.rows.len(), planned.started()), (1, 1));
    assert_eq!(world.calls_of(DESCRIBE), listed + 1);
    assert_eq!(cursor(&world).kept, []);
}

#[test]
fn the_next_due_time_drops_what_the_one_before_left_over() {
    let world = world_of(2);
    set_status(&world, 0, "stopped");
    tick(&world);
    world.pass(SignedDuration::from_hours(24));
    world.end_all_runs();
    set_status(&world, 0, "available");
    let planned = tick(&world);
    assert_eq!(planned.due, Some(time("2026-11-23T03:00:00Z")));
    assert_eq!((planned.started(), cursor(&world).kept), (2, Vec::new()));
    assert!(!world.executions().contains_key(&name_at("db-0", DUE)));
}

#[test]
fn a_due_time_that_was_skipped_is_counted_and_planned_when_the_run_before_has_ended() {
    const NEXT: &str = "2026-11-23T03:00:00Z";
    let world = world_of(1);
    tick(&world);
    world.pass(SignedDuration::from_hours(24));
    let planned = tick(&world);
    assert_eq!(planned.due, Some(time(NEXT)));
    assert_eq!(
        planned.rows[0].outcome,
        Outcome::StillRunning(name_at("db-0", DUE))
    );
    assert_eq!(planned.skipped(), 1);
    let shown = run(preview(&world, &planning(&[]), &[region(SOURCE)])).unwrap();
    let Verdict::Selected { due, skipped, .. } = &shown.rows[0].verdict else {
        panic!("{:?}", shown.rows[0])
    };
    assert_eq!((*due, *skipped), (Some(time(NEXT)), Some(time(NEXT))));

    world.set_execution(&name_at("db-0", DUE), ExecutionState::Succeeded);
    let planned = tick(&world);
    assert_eq!(
        planned.rows[0].outcome,
        Outcome::Started(name_at("db-0", NEXT))
    );
    assert_eq!((planned.skipped(), cursor(&world).kept), (0, Vec::new()));
}

#[test]
fn a_run_of_the_same_due_time_skips_nothing() {
    let world = world_of(1);
    tick(&world);
    let planned = run(plan(&world, &planning(&[]), When::Again))
        .unwrap()
        .remove(0);
    assert_eq!((planned.started(), planned.skipped()), (1, 0));
    assert_eq!(cursor(&world).kept, []);
}

#[test]
fn a_region_that_does_not_answer_or_a_list_that_lags_loses_nothing_that_is_left_over() {
    let world = world_of(2);
    set_status(&world, 0, "stopped");
    tick(&world);
    let left_over = cursor(&world);
    world.hook().down.borrow_mut().insert(region(SOURCE));
    assert!(tick(&world).error.is_some());
    world.hook().down.borrow_mut().clear();
    let gone = world.rds().databases.remove(0);
    assert_eq!(tick(&world).rows, []);
    assert_eq!(cursor(&world), left_over);
    world.rds().databases.push(gone);
    set_status(&world, 1, "available");
    assert_eq!(tick(&world).started(), 1);
}

#[test]
fn a_database_that_its_policy_no_longer_selects_is_dropped() {
    let world = world_of(1);
    set_status(&world, 0, "stopped");
    tick(&world);
    let exclude = ("snapferry:exclude".to_owned(), String::new());
    world.rds().databases[0].tags.extend([exclude]);
    assert_eq!(tick(&world).rows, []);
    assert_eq!(cursor(&world).kept, []);
}

fn kept(n: usize, why: KeptWhy) -> Kept {
    let mut database = a_run(&format!("db-{n:04}")).database;
    database.resource_id = ResourceId::parse(&format!("db-{n:04}")).unwrap();
    let due = time(DUE);
    Kept { database, why, due }
}

#[test]
fn what_is_kept_is_bounded_and_what_is_owed_goes_before_what_was_skipped() {
    let due = time(DUE);
    let mut all: Vec<Kept> = (0..KEPT_MAX)
        .map(|n| kept(n, KeptWhy::StillRunning))
        .collect();
    all.push(kept(KEPT_MAX, KeptWhy::NotNow));
    let behind = Cursor::behind(due, all, None).unwrap();
    assert_eq!(behind.kept.len(), KEPT_MAX);
    assert_eq!(behind.kept[0].why, KeptWhy::NotNow);

    let all = (0..=KEPT_MAX).map(|n| kept(n, KeptWhy::NotNow)).collect();
    let behind = Cursor::behind(due, all, None);
    assert_eq!(behind, None, "the region is listed again");
}

#[test]
fn a_region_with_more_than_can_be_kept_is_listed_again() {
    let world = world_of(KEPT_MAX + 1);
    for n in 0..=KEPT_MAX {
        set_status(&world, n, "stopped");
    }
    tick(&world);
    assert!(world.nothing_is_planned());
    assert_eq!(tick(&world).rows.len(), KEPT_MAX + 1);
}
