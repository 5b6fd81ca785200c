//! Recovery points that nobody answers for.

use snapferry::app::prune_preview::{PreviewOf, prune_preview};
use snapferry::domain::operator::orphans::Orphans;
use snapferry::domain::operator::pile::Pile;
use snapferry::domain::retention::gone::{Listing, Missing};
use snapferry::ports::StoreListings;

use crate::prune::{config, copies, rounds, world};
use crate::world::{Fixture, SOURCE, World, a_run, region, run, time};

fn orphans(world: &World) -> Orphans {
    let config = config();
    let of = PreviewOf {
        stack: &config.stack,
        home: &config.home,
        source_regions: &[],
        key: &config.key,
        built_in: &config.built_in,
    };
    run(prune_preview(world, of)).unwrap().orphans()
}

#[test]
fn they_are_counted_by_what_is_missing_with_what_they_cost_at_most() {
    let mut others = copies("stock", 2);
    for one in &mut others {
        one.tags
            .insert("snapferry:stack".to_owned(), "old".to_owned());
    }
    let world = world("", [copies("orders", 3), others].concat());
    let of = |count, instances_gib| Pile {
        count,
        instances_gib,
        ..Pile::default()
    };
    let found = orphans(&world);
    assert_eq!(found.database_gone, Pile::default());
    assert_eq!(found.no_policy, Pile::default());
    assert_eq!(found.other_stacks["old"], of(2, 200));
    let now = world.clock();
    let missing = Missing {
        since: time("2026-10-22T03:00:00Z"),
        counted_at: now,
        listings: 3,
    };
    let listing = Listing {
        at: now,
        missing: [(a_run("orders").database.resource_id, missing)].into(),
    };
    run(world.store_listing(&region(SOURCE), &listing)).unwrap();
    let found = orphans(&world);
    assert_eq!(found.database_gone, of(3, 300));
    let sentences = found.sentences();
    assert!(
        sentences[0].starts_with(
            "3 recovery points of databases that are gone, 300 GiB: at most $28.50 a month"
        ),
        "{sentences:?}"
    );
    assert!(sentences[1].contains("another stack, old"), "{sentences:?}");
}

#[test]
fn those_whose_policy_is_not_in_force_are_counted_and_no_round_removes_them() {
    let mut all = copies("orders", 3);
    for one in &mut all {
        let mut request = a_run("orders");
        request.policy = snapferry::domain::id::tags::PolicyName::parse("lost").unwrap();
        request.planned_at = one.taken_at.unwrap() - jiff::SignedDuration::from_mins(1);
        *one = crate::prune_preview::copy_of(&request);
    }
    let world = world("keep_last = 1", all);
    assert_eq!(orphans(&world).no_policy.count, 3);
    rounds(&world, 50);
    assert_eq!(orphans(&world).no_policy.count, 3);
}
