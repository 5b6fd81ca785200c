//! Measuring: the planner says which databases count, the catalog how old their recovery points are.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use snapferry::app::measure::measure;
use snapferry::app::planner::{When, plan};
use snapferry::app::policies::apply;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::operator::ages::FleetAges;
use snapferry::domain::policy::selected::{
    FIRST_PART, PART_MAX, SECOND_OF_EARLIER_VERSIONS, SelectedDatabase, SelectedPart, Selection,
    selected_now,
};
use snapferry::domain::run::command::Step;
use snapferry::domain::run::fingerprint::Fingerprint;
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::refusal::RefusedForGood;
use snapferry::ports::{RecordRecoveryPoint as _, RememberRefusal as _};
use snapferry::settings::{Measuring, Planning, Variables};

use crate::planner::{listed, planning};
use crate::world::{
    Fixture, HOME, KEY, SOURCE, World, a_run, copy_arn, execution_arn, region, run, snapshot_arn,
    time,
};

const TAGGED: &[(&str, &str)] = &[("snapferry:policy", "default")];

pub(crate) fn measuring() -> Measuring {
    let pairs = [
        ("SNAPFERRY_STACK_ID", "prod"),
        ("AWS_REGION", HOME),
        ("SNAPFERRY_SOURCE_REGIONS", SOURCE),
        ("SNAPFERRY_KMS_KEY", KEY),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut vars = Variables::new(pairs);
    Measuring::read(&mut vars).unwrap()
}

fn ages(world: &World) -> FleetAges {
    run(measure(world, &measuring())).unwrap()
}

fn do_plan(world: &World, planning: &Planning) {
    run(plan(world, planning, When::Due)).unwrap();
}

/// A world whose planner has listed these databases once, at noon.
fn planned(names: &[&str]) -> World {
    let world = World::new();
    let databases = names.iter().map(|name| listed(name, TAGGED));
    world.rds().databases.extend(databases);
    do_plan(&world, &planning(&[]));
    world
}

fn record(world: &World, name: &str, taken_at: &str) {
    let of = a_run(name);
    let point = Manifest {
        step: Step::Copy,
        snapshot: copy_arn(&of, 1),
        source: Some(snapshot_arn(&of, 1)),
        database: of.database.arn.clone(),
        resource_id: of.database.resource_id.clone(),
        engine: "postgres".to_owned(),
        engine_version: "17.2".to_owned(),
        size_gib: 100,
        key: Some(of.key.clone()),
        taken_at: Some(time(taken_at)),
    };
    run(world.record_recovery_point(&of, &execution_arn(name), &point)).unwrap();
}

#[test]
fn a_stack_without_databases_measures_nothing_and_nothing_is_overdue() {
    assert_eq!(ages(&World::new()), FleetAges::default());
}

#[test]
fn ages_grow_while_nothing_runs() {
    let world = planned(&["a", "b"]);
    record(&world, "a", "2026-11-22T03:00:00Z");
    record(&world, "b", "2026-11-21T15:00:00Z");
    let fresh = ages(&world);
    assert_eq!((fresh.overdue, fresh.within_rpo), (0, 2));
    // The built-in policy runs daily, so 48 hours are its RPO.
    world.pass(SignedDuration::from_hours(24));
    let day = ages(&world);
    assert!(day.worst_of_rpo > fresh.worst_of_rpo + 0.49);
    world.pass(SignedDuration::from_hours(24));
    let late = ages(&world);
    assert_eq!((late.overdue, late.within_rpo), (2, 0));
    assert!(late.worst_of_rpo > 1.0);
}

#[test]
fn a_new_database_counts_from_the_time_at_which_the_planner_first_found_it() {
    let world = planned(&["a"]);
    assert_eq!(
        (ages(&world).overdue, ages(&world).within_rpo),
        (0, 0),
        "it is new"
    );
    world.pass(SignedDuration::from_hours(47));
    do_plan(&world, &planning(&[]));
    assert_eq!(ages(&world).overdue, 0);
    world.pass(SignedDuration::from_hours(2));
    assert_eq!(ages(&world).overdue, 1, "it never got a recovery point");
}

#[test]
fn a_database_that_is_gone_or_excluded_counts_until_the_next_due_time_and_no_longer() {
    let world = planned(&["a", "b"]);
    world.rds().databases.retain(|one| one.arn.name() != "b");
    assert_eq!(ages(&world).each.len(), 2);
    world.pass(SignedDuration::from_hours(24));
    do_plan(&world, &planning(&[]));
    let left = ages(&world);
    assert_eq!(left.each.len(), 1);
    assert_eq!(left.each[0].database.name(), "a");
}

#[test]
fn what_rds_refused_for_good_is_overdue_at_once() {
    let world = planned(&["a"]);
    record(&world, "a", "2026-11-22T03:00:00Z");
    let of = a_run("a");
    let refusal = RefusedForGood {
        at: world.clock(),
        words: "no".to_owned(),
        fingerprint: Fingerprint::of(&["x"]),
        planned_at: of.planned_at,
        source: None,
    };
    run(world.remember_refusal(&of.database, &of.policy, &refusal)).unwrap();
    assert_eq!(ages(&world).overdue, 1);
}

#[test]
fn databases_of_a_paused_policy_are_not_late() {
    let world = planned(&["a"]);
    world.pass(SignedDuration::from_hours(49));
    assert_eq!(ages(&world).overdue, 1);
    let paused = "[policy.default]\nschedule = \"0 3 * * *\"\npaused = true\n";
    run(apply(&world, &region(HOME), paused, None)).unwrap();
    assert_eq!(ages(&world), FleetAges::default());
}

#[test]
fn each_database_is_known_since_it_was_first_found_and_an_unreadable_row_hides_none() {
    let reference = |name: &str| a_run(name).database;
    let morning = time("2026-11-22T03:00:00Z");
    let before = [SelectedDatabase {
        database: reference("a"),
        since: morning,
    }];
    let noon = time("2026-11-22T12:00:00Z");
    let now = selected_now(&before, [reference("b"), reference("a")], false, noon);
    let since: Vec<_> = now
        .iter()
        .map(|one| (one.database.arn.name(), one.since))
        .collect();
    assert_eq!(since, [("a", morning), ("b", noon)]);
    assert_eq!(
        selected_now(&before, [reference("b")], false, noon).len(),
        1
    );
    assert_eq!(selected_now(&before, [reference("b")], true, noon).len(), 2);
}

fn numbered(count: usize) -> Vec<SelectedDatabase> {
    let one = |number: usize| SelectedDatabase {
        database: a_run(&format!("db-{number:05}")).database,
        since: time("2026-11-22T03:00:00Z"),
    };
    (0..count).map(one).collect()
}

#[test]
fn a_large_fleet_is_stored_in_parts_and_an_empty_one_in_one() {
    let sizes = |databases: &[SelectedDatabase]| -> Vec<_> {
        let parts = Selection::default().replaced_by(databases);
        let sizes = parts
            .iter()
            .map(|(_, part)| (part.parts, part.databases.len()));
        sizes.collect()
    };
    // The first one is written last: it says where the others are.
    assert_eq!(sizes(&numbered(PART_MAX + 1)), [(2, 1), (2, PART_MAX)]);
    assert_eq!(sizes(&[]), [(1, 0)]);
}

/// Reads a list whose items stand in `items` as the application does.
fn read(items: &BTreeMap<usize, SelectedPart>) -> Selection {
    let mut selection = Selection::of_first(Ok(items[&FIRST_PART].clone()));
    for number in selection.further() {
        let part = items.get(&number).cloned().map(Ok);
        selection.add(number, part);
    }
    selection.compare();
    selection
}

/// It writes the databases and how many items there are, and leaves what it does not know as it stands.
#[test]
fn what_an_earlier_version_stored_after_a_rollback_is_no_mixture_with_what_it_left_standing() {
    for times in [1, 2] {
        let mut items = BTreeMap::new();
        let mut before = Selection::default();
        for _ in 0..times {
            items.extend(before.replaced_by(&numbered(2_500)));
            before = read(&items);
        }
        assert_eq!((before.fault, before.databases.len()), (None, 2_500));
        let later: Vec<SelectedDatabase> = numbered(2_600).split_off(100);
        for (number, databases) in later.chunks(PART_MAX).enumerate() {
            let part = items.entry(number).or_insert_with(|| SelectedPart {
                parts: 3,
                second: SECOND_OF_EARLIER_VERSIONS,
                list: None,
                databases: Vec::new(),
            });
            part.databases = databases.to_vec();
        }
        // So the planner stores it anew.
        assert!(read(&items).fault.is_some(), "{times}");
    }
}

#[test]
fn a_list_that_is_being_replaced_is_read_as_it_was_or_as_it_is_and_never_as_a_mixture() {
    let lists = [2_500, 999, 3_001, 1_001, 2_500].map(numbered);
    let mut items = BTreeMap::new();
    let mut before = Selection::default();
    let mut stored: &[SelectedDatabase] = &[];
    for list in &lists {
        for (number, part) in before.replaced_by(list) {
            if items.contains_key(&FIRST_PART) {
                let midway = read(&items);
                assert_eq!(midway.fault, None);
                assert_eq!(midway.databases, stored);
            }
            items.insert(number, part);
        }
        before = read(&items);
        assert_eq!((before.fault.as_ref(), &before.databases), (None, list));
        stored = list;
    }
}

#[test]
fn two_lists_that_are_stored_at_the_same_time_are_not_read_as_one() {
    let (ours, theirs) = (numbered(1_500), numbered(1_700));
    let before = Selection::default();
    let ours = before.replaced_by(&ours).into_iter();
    let theirs = before.replaced_by(&theirs).into_iter();
    let items = ours.chain(theirs.take(1)).collect();
    assert!(read(&items).fault.is_some());
}

fn spoil(world: &World) {
    let policy = PolicyName::parse("default").unwrap();
    let mut state = world.parts().0.state_mut();
    state
        .table
        .spoil_selected(&policy, &region(SOURCE), FIRST_PART);
}

#[test]
fn databases_that_cannot_be_read_are_not_taken_for_none_and_the_planner_stores_them_anew() {
    let world = planned(&["a"]);
    spoil(&world);
    assert!(run(measure(&world, &measuring())).is_err());
    world.pass(SignedDuration::from_hours(24));
    do_plan(&world, &planning(&[]));
    assert_eq!(ages(&world).each.len(), 1);
}
