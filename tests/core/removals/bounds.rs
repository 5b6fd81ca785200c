//! Bounds cut a plan, the oldest first, and never refuse it.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use proptest::prelude::*;
use snapferry::domain::retention::bounds::{Bounds, DatabaseId, Place, Removal, cut};

use crate::world::{HOME, SOURCE, a_run, copy_arn, region, time};

fn database(number: usize) -> DatabaseId {
    let run = a_run(&format!("db{number}"));
    (region(SOURCE), run.database.resource_id)
}

/// The recovery points of a database.
fn points_of(number: usize) -> (DatabaseId, Place) {
    (database(number), Place::Recovery)
}

/// The recovery point of so many days ago.
fn removal(number: usize, days: i64) -> Removal {
    let mut run = a_run(&format!("db{number}"));
    run.planned_at -= SignedDuration::from_hours(24 * days);
    let snapshot = copy_arn(&run, 1);
    assert_eq!(snapshot.region().as_str(), HOME);
    Removal {
        database: database(number),
        place: Place::Recovery,
        snapshot,
        at: Some(run.planned_at),
    }
}

fn days_ago(removals: &[Removal]) -> Vec<i64> {
    let today = time("2026-11-22T03:00:00Z");
    let days = |one: &Removal| today.duration_since(one.at.unwrap()).as_hours() / 24;
    removals.iter().map(days).collect()
}

#[test]
fn a_tenth_of_a_databases_recovery_points_goes_in_a_round_the_oldest_first() {
    let points = BTreeMap::from([(points_of(1), 35)]);
    let removals: Vec<Removal> = (10..30).map(|days| removal(1, days)).collect();
    let now = cut(Bounds::default(), &points, removals);
    assert_eq!(days_ago(&now), [29, 28, 27]);
}

#[test]
fn at_least_one_goes_of_each_database() {
    let points = BTreeMap::from([(points_of(1), 2), (points_of(2), 5)]);
    let removals = vec![removal(1, 1), removal(2, 3), removal(2, 4)];
    let now = cut(Bounds::default(), &points, removals);
    assert_eq!(days_ago(&now), [4, 1]);
    // A database that is not counted, too.
    assert_eq!(
        cut(Bounds::default(), &BTreeMap::new(), vec![removal(3, 1)]).len(),
        1
    );
}

#[test]
fn source_snapshots_take_nothing_from_recovery_points_and_add_nothing_to_them() {
    let points = BTreeMap::from([(points_of(1), 30), ((database(1), Place::Source), 300)]);
    let recovery_points = (10..30).map(|days| removal(1, days));
    let sources = (1..9).map(|days| Removal {
        place: Place::Source,
        ..removal(1, days)
    });
    let removals = recovery_points.chain(sources).collect();
    let now = cut(Bounds::default(), &points, removals);
    let at = |place| now.iter().filter(|one| one.place == place).count();
    assert_eq!((at(Place::Recovery), at(Place::Source)), (3, 8));
}

#[test]
fn the_stack_removes_so_many_a_round_the_oldest_of_all() {
    let points = (0..20).map(|number| (points_of(number), 10)).collect();
    let bounds = Bounds { share: 10, max: 3 };
    let removals = (0..20)
        .map(|number| removal(number, i64::try_from(number).unwrap()))
        .collect();
    assert_eq!(days_ago(&cut(bounds, &points, removals)), [19, 18, 17]);
}

#[test]
fn what_has_no_time_goes_first_and_a_failed_one_holds_nobody_up() {
    let mut failed = removal(1, 1);
    failed.at = None;
    let points = BTreeMap::from([(points_of(1), 20)]);
    let now = cut(
        Bounds::default(),
        &points,
        vec![removal(1, 9), failed.clone(), removal(1, 8)],
    );
    assert_eq!(now.len(), 2);
    assert_eq!(now[0], failed);
}

proptest! {
    /// C2: a backlog that is larger than every bound drains to its end.
    #[test]
    fn every_backlog_drains(
        backlog in prop::collection::vec((0_usize..6, 0_i64..400), 0..80),
        share in 0_usize..=100,
        max in 1_usize..20,
    ) {
        let mut left: Vec<Removal> = backlog.iter().map(|(number, days)| removal(*number, *days)).collect();
        left.sort_by(|a, b| a.snapshot.cmp(&b.snapshot));
        left.dedup();
        let mut rounds = 0;
        while !left.is_empty() {
            let mut points: BTreeMap<(DatabaseId, Place), usize> = BTreeMap::new();
            for one in &left {
                *points.entry((one.database.clone(), one.place)).or_default() += 1;
            }
            let now = cut(Bounds { share, max }, &points, left.clone());
            prop_assert!(!now.is_empty() && now.len() <= max);
            for ((database, _), points) in points {
                let of = now.iter().filter(|one| one.database == database).count();
                prop_assert!(of <= (points * share / 100).max(1));
            }
            left.retain(|one| !now.contains(one));
            rounds += 1;
            prop_assert!(rounds <= backlog.len());
        }
    }
}
