//! Databases that are gone: when they count as gone, and which recovery points stay of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use snapferry::app::prune::PrunerConfig;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::policy::keep_span::KeepSpan;
use snapferry::domain::policy::retention::{Retention, WhenGone};
use snapferry::domain::policy::rules::Rules;
use snapferry::domain::retention::gone::{Listing, Missing, rules_when_gone};
use snapferry::domain::run::failure::Operation;
use snapferry::ports::{ReadListings, StoreListings};

use crate::planner::listed;
use crate::prune::{config, copies, left, round, rounds, try_round, world};
use crate::world::{Fixture, SOURCE, World, a_run, region, run, time};

fn orders() -> ResourceId {
    a_run("orders").database.resource_id
}

#[test]
fn a_database_is_gone_once_three_listings_a_week_apart_have_missed_it() {
    // H6: gone is what three complete listings of its region, a week apart, no longer showed.
    let (id, nobody) = (orders(), BTreeSet::new());
    let first = time("2026-11-01T03:00:00Z");
    let mut listing = None;
    let mut gone = Vec::new();
    for hours in (0..=16 * 24).step_by(24) {
        let at = first + SignedDuration::from_hours(hours);
        let next = Listing::after(listing.as_ref(), [&id], &nobody, at);
        gone.push(next.gone_since(&id, at).is_some());
        assert!(next.gone_since(&id, at).is_none_or(|since| since == first));
        listing = Some(next);
    }
    let day = gone.iter().position(|gone| *gone);
    assert_eq!(day, Some(14));
    // One listing that shows it begins all over again.
    let there = BTreeSet::from([id.clone()]);
    let seen = Listing::after(listing.as_ref(), [&id], &there, first);
    assert_eq!(seen.missing, BTreeMap::new());
}

#[test]
fn its_policy_says_for_how_long_it_must_be_gone() {
    let keep = Rules::default();
    let retention = Retention {
        when_gone: Some(WhenGone {
            after: KeepSpan::parse("1mo").unwrap(),
            keep: keep.clone(),
        }),
        ..Retention::default()
    };
    let since = time("2026-10-31T03:00:00Z");
    let rules = |retention, since, now| {
        rules_when_gone(retention, &TimeZone::UTC, since, time(now)).is_some()
    };
    assert!(!rules(&retention, Some(since), "2026-11-30T02:59:59Z"));
    assert!(rules(&retention, Some(since), "2026-12-01T03:00:00Z"));
    assert!(!rules(&retention, None, "2026-12-01T03:00:00Z"));
    let none = Retention::default();
    assert!(!rules(&none, Some(since), "2026-12-01T03:00:00Z"));
}

const RULES: &str = "keep_last = 5\n\n[policy.default.when_gone]\nafter = \"30d\"\nkeep_last = 1";

fn missing(world: &World, days: i64) {
    let now = world.clock();
    let since = now - SignedDuration::from_hours(24 * days);
    let missing = Missing {
        since,
        counted_at: now,
        listings: 3,
    };
    let listing = Listing {
        at: now,
        missing: BTreeMap::from([(orders(), missing)]),
    };
    run(world.store_listing(&region(SOURCE), &listing)).unwrap();
}

#[test]
fn of_a_database_that_is_gone_for_long_enough_its_other_rules_count() {
    let all = copies("orders", 10);
    let world = world(RULES, all.clone());
    missing(&world, 31);
    rounds(&world, 24 + 10);
    assert_eq!(left(&world), BTreeSet::from([all[0].arn.clone()]));
}

#[test]
fn before_that_its_ordinary_rules_count() {
    let world = world(RULES, copies("orders", 10));
    missing(&world, 27);
    rounds(&world, 24 + 10);
    assert_eq!(left(&world).len(), 5);
}

#[test]
fn a_database_that_is_there_again_is_left_alone_in_the_same_round_and_then_ruled_as_ever() {
    let world = world(RULES, copies("orders", 10));
    missing(&world, 31);
    rounds(&world, 23);
    let mut database = listed("orders", &[]);
    database.resource_id = orders();
    world.rds().databases.push(database);
    world.pass(SignedDuration::from_hours(1));
    let report = round(&world);
    assert_eq!(report.left_alone.len(), 1);
    assert!(report.left_alone[0].why.contains("there again"));
    let stored = run(world.listing(&region(SOURCE))).unwrap().unwrap();
    assert_eq!(stored.missing, BTreeMap::new());
    rounds(&world, 24 + 10);
    assert_eq!(left(&world).len(), 5);
}

#[test]
fn what_seemed_gone_is_left_alone_in_a_round_that_could_not_look_for_it() {
    let world = world(RULES, copies("orders", 10));
    missing(&world, 31);
    rounds(&world, 23);
    world.pass(SignedDuration::from_hours(2));
    world.script(Operation::DescribeDbInstances, None, "no answer");
    let report = round(&world);
    assert_eq!(report.left_alone.len(), 1, "{report:?}");
    assert!(report.left_alone[0].why.contains("could not be looked for"));
    assert_eq!(left(&world).len(), 10);
}

/// They may have counted as gone before somebody took their region out of the setting.
#[test]
fn databases_of_a_region_that_no_setting_names_never_count_as_gone() {
    let world = world(RULES, copies("orders", 10));
    missing(&world, 31);
    world.pass(SignedDuration::from_hours(25));
    let before = run(world.listing(&region(SOURCE))).unwrap();
    let nowhere = PrunerConfig {
        source_regions: Vec::new(),
        ..config()
    };
    for _ in 0..24 + 10 {
        try_round(&world, &nowhere, None).unwrap();
        world.pass(SignedDuration::from_hours(1));
    }
    // What the ordinary rules keep, and not the one that `when_gone` would leave.
    assert_eq!(left(&world).len(), 5);
    assert_eq!(run(world.listing(&region(SOURCE))).unwrap(), before);
}

#[test]
fn of_more_missing_databases_than_fit_into_their_item_some_count_as_if_nobody_had_looked() {
    let nobody = BTreeSet::new();
    let id = |number: usize| ResourceId::parse(&format!("db-{number:0>252}")).unwrap();
    let all: Vec<ResourceId> = (0..6_500).map(id).collect();
    let first = time("2026-11-01T03:00:00Z");
    let week = |number: i64| first + SignedDuration::from_hours(7 * 24 * number);
    // One is missing for longer than the others: it keeps its place.
    let last = all.last().unwrap().clone();
    let mut listing = Listing::after(None, [&last], &nobody, week(0));
    for number in 1..=3 {
        listing = Listing::after(Some(&listing), &all, &nobody, week(number));
        let bytes: usize = listing
            .missing
            .keys()
            .map(|id| id.as_str().len() + 40)
            .sum();
        assert!(bytes <= 300_000, "{bytes}");
    }
    assert_eq!(listing.gone_since(&last, week(3)), Some(first));
    assert!(listing.gone_since(&all[0], week(3)).is_some());
    let fits = listing.missing.len();
    assert!((1_000..1_100).contains(&fits), "{fits}");
    assert_eq!(listing.gone_since(&all[fits], week(3)), None);
    // As soon as there is room, its count begins.
    let fewer = &all[3_000..];
    let next = Listing::after(Some(&listing), fewer, &nobody, week(4));
    assert_eq!(next.missing[&all[3_000]].listings, 1);
}
