//! Each database's own time after a due time.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use snapferry::app::planner::{Outcome, Planned, When, plan};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::cursor::Cursor;
use snapferry::domain::policy::in_force::Policy;
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::spread::{OpenSpread, Spread, offset};
use snapferry::domain::policy::timing::WaitsWhy;
use snapferry::settings::Planning;

use crate::planner::{listed, planning};
use crate::world::{Fixture, Name, SOURCE, World, a_run, region, run, time};

const TAGGED: &[(&str, &str)] = &[("snapferry:policy", "default")];
const LIST: &str = "DescribeDBInstances";
const DUE: &str = "2026-11-22T03:00:00Z";

fn id(text: &str) -> ResourceId {
    ResourceId::parse(text).unwrap()
}

fn policy(pattern: &str, zone: &str, spread: &str) -> Policy {
    let schedule = Schedule::parse(pattern, zone).unwrap();
    let mut policy = Policy::new(a_run("orders").policy, schedule, a_run("orders").key);
    policy.options.spread = Some(Spread::parse(spread).unwrap());
    policy
}

#[test]
fn an_own_time_never_changes() {
    let spread = SignedDuration::from_mins(30);
    let seconds =
        ["db-ORDERS", "db-STOCK", "cluster-WEB"].map(|one| offset(&id(one), spread).as_secs());
    assert_eq!(seconds, SECONDS);
}

/// Computed once, by another program.
const SECONDS: [i64; 3] = [601, 1356, 1159];

#[test]
fn own_times_are_spread_evenly() {
    let spread = SignedDuration::from_secs(1_000);
    let mut tenths = [0; 10];
    for n in 0..10_000 {
        let offset = offset(&id(&format!("db-{n:05}")), spread).as_secs();
        tenths[usize::try_from(offset).unwrap() / 100] += 1;
    }
    assert!(
        tenths.iter().all(|count| (880..1_120).contains(count)),
        "{tenths:?}"
    );
}

proptest! {
    #[test]
    fn an_own_time_lies_within_the_spread(text in "db-[A-Z0-9]{1,26}", seconds in 0_i64..1_000_000) {
        let spread = SignedDuration::from_secs(seconds);
        let offset = offset(&id(&text), spread);
        prop_assert!(!offset.is_negative() && offset <= spread);
        prop_assert!(seconds == 0 || offset < spread);
    }

    /// Also where the clock goes forward or back: of own times that follow each other none is passed over.
    #[test]
    fn the_next_own_time_is_the_first_one_after_now(
        pattern in prop::sample::select(vec!["0 3 * * *", "30 2 * * *", "*/20 * * * *", "0 1,2,3 * * *"]),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York"]),
        spread in prop::sample::select(vec!["0m", "10m", "30m", "1h", "1d"]),
        text in "db-[A-Z]{5}",
        minutes in 0_i64..525_600,
    ) {
        let (policy, id) = (policy(pattern, zone, spread), id(&text));
        let now = time("2026-01-01T00:00:00Z") + SignedDuration::from_mins(minutes);
        let next = policy.next_own_time(&id, now).unwrap();
        // One own time after the other, from days before on.
        let mut due = now - SignedDuration::from_hours(72);
        let mut own = due;
        while own <= now {
            due = policy.schedule.next(due).unwrap().timestamp();
            let last = own;
            own = policy.own_time(due, &id);
            prop_assert!(own > last, "{own} after {last}");
            let after = policy.schedule.next(due).unwrap().timestamp();
            prop_assert!(own >= due && own < after, "{own} of {due}, and {after}");
        }
        prop_assert_eq!(next, own);
    }
}

fn world_of(count: usize) -> World {
    let world = World::new();
    let names = (0..count).map(|n| format!("db-{n}"));
    let databases = names.map(|name| listed(&name, TAGGED));
    world.rds().databases.extend(databases);
    world
}

fn spreading(pattern: &str, spread: &str) -> Planning {
    let mut planning = planning(&[]);
    let one = &mut planning.policies.all[0];
    one.schedule = Schedule::parse(pattern, "UTC").unwrap();
    one.options.spread = Some(Spread::parse(spread).unwrap());
    planning
}

fn tick(world: &World, planning: &Planning) -> Planned {
    let mut planned = run(plan(world, planning, When::Due)).unwrap();
    assert_eq!(planned.len(), 1);
    planned.remove(0)
}

fn cursor(world: &World) -> Cursor {
    let policy = PolicyName::parse("default").unwrap();
    let table = world.table();
    table.plan_cursor(&policy, &region(SOURCE)).unwrap().clone()
}

fn own_times(planning: &Planning, world: &World, due: &str) -> BTreeMap<String, Timestamp> {
    let policy = &planning.policies.all[0];
    let all = world.rds().databases.clone().into_iter();
    all.map(|one| {
        let own = policy.own_time(time(due), &one.resource_id);
        (one.arn.name().to_owned(), own)
    })
    .collect()
}

fn started(world: &World) -> Vec<(String, Timestamp)> {
    let mut all: Vec<_> = world
        .runs()
        .into_iter()
        .map(|run| (run.database.arn.name().to_owned(), run.planned_at))
        .collect();
    all.sort();
    all
}

#[test]
fn each_database_begins_at_its_own_time_and_the_region_is_listed_once() {
    let (world, planning) = (world_of(60), spreading("0 3 * * *", "30m"));
    let own = own_times(&planning, &world, DUE);
    let mut listings = Vec::new();
    for _ in 0..8 {
        let before = world.calls_of("DescribeDBClusters");
        let planned = tick(&world, &planning);
        listings.push(world.calls_of("DescribeDBClusters") - before);
        assert_eq!(planned.error, None);
        let names: Vec<String> = started(&world).into_iter().map(|(name, _)| name).collect();
        let due: Vec<String> = own
            .iter()
            .filter(|(_, own)| **own <= world.clock())
            .map(|(name, _)| name.clone())
            .collect();
        assert_eq!(names, due, "at {}", world.clock());
        world.pass(SignedDuration::from_mins(5));
    }
    assert_eq!(listings, [1, 0, 0, 0, 0, 0, 0, 0], "the list of clusters");
    assert_eq!(started(&world).len(), 60);
    assert!(
        started(&world)
            .iter()
            .all(|(_, planned_at)| *planned_at == time(DUE))
    );
    assert_eq!(
        cursor(&world),
        Cursor {
            until: time(DUE),
            kept: Vec::new(),
            spread: None
        }
    );
    let before = world.calls_of(LIST);
    tick(&world, &planning);
    assert_eq!(world.calls_of(LIST), before, "nothing is due");
}

#[test]
fn whose_own_time_is_to_come_waits_and_is_selected_all_the_same() {
    let (world, planning) = (world_of(20), spreading("0 3 * * *", "30m"));
    let planned = tick(&world, &planning);
    let waits = |outcome: &Outcome| matches!(outcome, Outcome::Waits(waits) if waits.why == WaitsWhy::OwnTime);
    let waiting = planned
        .rows
        .iter()
        .filter(|row| waits(&row.outcome))
        .count();
    assert_eq!(planned.started() + waiting, 20);
    assert!(waiting > 10, "{waiting}");
    assert_eq!(planned.left_out(), format!("own-time {waiting}"));
}

/// The spread is as long as the schedule's period, so own times lie between the last tick and the next due time.
#[test]
fn an_own_time_between_the_last_tick_and_the_next_due_time_is_not_lost() {
    let (world, planning) = (world_of(80), spreading("0 * * * *", "1h"));
    let own = own_times(&planning, &world, DUE);
    let last = own.values().max().copied().unwrap();
    assert!(last > time("2026-11-22T03:57:00Z"), "{last}");
    for _ in 0..=13 {
        tick(&world, &planning);
        world.pass(SignedDuration::from_mins(5));
    }
    let of_first = started(&world)
        .into_iter()
        .filter(|(_, at)| *at == time(DUE));
    assert_eq!(of_first.count(), 80);
}

#[test]
fn a_spread_that_is_applied_meanwhile_counts_from_the_next_due_time_on() {
    for (before, after) in [("30m", "0m"), ("30m", "2m"), ("0m", "30m"), ("10m", "1h")] {
        let world = world_of(40);
        let planned = tick(&world, &spreading("0 3 * * *", before));
        let at_first = planned.started();
        let changed = spreading("0 3 * * *", after);
        for _ in 0..7 {
            world.pass(SignedDuration::from_mins(5));
            tick(&world, &changed);
        }
        assert_eq!(started(&world).len(), 40, "{before} and then {after}");
        assert!(at_first == 40 || before != "0m");
    }
}

#[test]
fn a_planner_that_was_off_within_a_spread_makes_up_for_it() {
    let (world, planning) = (world_of(40), spreading("0 3 * * *", "30m"));
    tick(&world, &planning);
    world.pass(SignedDuration::from_mins(90));
    tick(&world, &planning);
    assert_eq!(started(&world).len(), 40);
}

#[test]
fn a_selection_that_cannot_be_stored_or_read_costs_no_database_its_own_time() {
    let (world, planning) = (world_of(30), spreading("0 3 * * *", "30m"));
    world.break_once(Name::StoreSelected);
    assert!(tick(&world, &planning).error.is_some());
    world.pass(SignedDuration::from_mins(5));
    tick(&world, &planning);
    world.pass(SignedDuration::from_mins(5));
    world.break_once(Name::ReadSelected);
    assert!(tick(&world, &planning).error.is_some());
    for _ in 0..8 {
        tick(&world, &planning);
        world.pass(SignedDuration::from_mins(5));
    }
    assert_eq!(started(&world).len(), 30);
}

#[test]
fn a_database_that_is_stopped_at_its_own_time_is_kept_and_taken_once_it_is_available() {
    let (world, planning) = (world_of(20), spreading("0 3 * * *", "30m"));
    for database in &mut world.rds().databases {
        "stopped".clone_into(&mut database.status);
    }
    for _ in 0..7 {
        tick(&world, &planning);
        world.pass(SignedDuration::from_mins(5));
    }
    assert_eq!(started(&world), []);
    assert_eq!(cursor(&world).kept.len(), 20);
    for database in &mut world.rds().databases {
        "available".clone_into(&mut database.status);
    }
    tick(&world, &planning);
    assert_eq!(started(&world).len(), 20);
}

#[test]
fn a_person_starts_all_of_them_at_once() {
    let (world, planning) = (world_of(20), spreading("0 3 * * *", "30m"));
    run(plan(&world, &planning, When::Again)).unwrap();
    assert_eq!(started(&world).len(), 20);
}

#[test]
fn a_spread_ends_when_all_its_own_times_are_planned() {
    let open = OpenSpread {
        over: SignedDuration::from_mins(30),
        through: time(DUE),
    };
    let at = |text| open.at(time(DUE), time(text)).map(|open| open.through);
    let inside = "2026-11-22T03:29:59Z";
    assert_eq!(at(inside), Some(time(inside)));
    assert_eq!(at("2026-11-22T03:30:00Z"), None);
}
