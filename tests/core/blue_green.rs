//! A blue/green switch-over: the name goes to another database, and nothing of the old one stays for ever.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use snapferry::app::prune::PruneRequest;
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::rds::snapshot::Snapshot;

use crate::planner::listed;
use crate::prune::{config, copies, left, round, rounds, try_round, world};
use crate::prune_preview::copy_of;
use crate::world::{Fixture, World, a_run, run};

const RULES: &str = "keep_last = 3\n\n[policy.default.when_gone]\nafter = \"1d\"\nkeep_last = 1";

fn green() -> ResourceId {
    ResourceId::parse("db-GREEN").unwrap()
}

/// The database that has the name `orders` after the switch-over has been backed up since.
fn copies_of_green(days: i64) -> Vec<Snapshot> {
    let copy = |days| {
        let mut request = a_run("orders");
        request.database.resource_id = green();
        request.planned_at -= SignedDuration::from_hours(24 * days);
        copy_of(&request)
    };
    (0..days).map(copy).collect()
}

fn arns(snapshots: &[Snapshot]) -> BTreeSet<RdsArn> {
    snapshots.iter().map(|one| one.arn.clone()).collect()
}

/// Three listings, a week apart, have shown the green one and not the blue one.
fn switched_over() -> (World, Vec<Snapshot>, Vec<Snapshot>) {
    let (blue, green_ones) = (copies("orders", 6), copies_of_green(2));
    let world = world(RULES, [blue.clone(), green_ones.clone()].concat());
    let mut database = listed("orders", &[]);
    database.resource_id = green();
    world.rds().databases.push(database);
    for _ in 0..3 {
        round(&world);
        world.pass(SignedDuration::from_hours(7 * 24));
    }
    (world, blue, green_ones)
}

#[test]
fn the_old_ones_recovery_points_age_by_themselves_although_another_database_has_the_name() {
    let (world, blue, green_ones) = switched_over();
    rounds(&world, 24 + 10);
    let mut expected = arns(&green_ones);
    expected.insert(blue[0].arn.clone());
    assert_eq!(left(&world), expected);
}

#[test]
fn a_person_who_names_it_by_its_name_removes_the_last_one_of_the_old_database_alone() {
    let (world, _, green_ones) = switched_over();
    rounds(&world, 24 + 10);
    let request = PruneRequest {
        databases: vec!["orders".to_owned()],
        gone: true,
        include_last: true,
        ..PruneRequest::default()
    };
    let plan = try_round(&world, &config(), Some(&request)).unwrap().plan;
    let request = PruneRequest { plan, ..request };
    try_round(&world, &config(), Some(&request)).unwrap();
    assert_eq!(left(&world), arns(&green_ones));
    // Later rounds forget what was noted of it.
    rounds(&world, 3);
    let blue = (
        a_run("orders").database.arn.region().clone(),
        a_run("orders").database.resource_id,
    );
    let table = world.table();
    let retention = table.retention();
    assert!(retention.removals.is_empty());
    let noted = retention.notes.get(&blue);
    // Nobody writes the notes of a database without recovery points any more: they go by their time-to-live.
    assert!(noted.is_none_or(|notes| notes.since.len() < 2));
    drop(table);
    let region = &blue.0;
    let listing = run(snapferry::ports::ReadListings::listing(&world, region));
    assert!(listing.unwrap().unwrap().missing.is_empty());
}
