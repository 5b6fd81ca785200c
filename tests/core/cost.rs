//! What recovery points and their copies cost in a month at most.

use snapferry::app::status::{Gathered, gather};
use snapferry::domain::id::arn::Family;
use snapferry::domain::operator::cost::{MonthlyCost, MonthlyCosts};
use snapferry::domain::operator::orphans::Orphans;
use snapferry::domain::operator::pile::Pile;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::run::failure::Operation;

use crate::planner::{listed, planning};
use crate::policies::applied;
use crate::prune::copies;
use crate::world::{Fixture, World, a_cluster_run, copy_arn, ours, run};

const DAILY: &str = "schedule = \"0 3 * * *\"";

/// A database with this many daily recovery points of 100 GiB, in a world with one daily policy.
fn world(name: &str, points: i64) -> World {
    let world = World::new();
    applied(&world, &format!("[policy.default]\n{DAILY}\n"));
    add(&world, name, points);
    world
}

fn add(world: &World, name: &str, points: i64) {
    let tags = [("snapferry:policy", "default")];
    world.rds().databases.push(listed(name, &tags));
    let mut operator = world.operator();
    operator.manual_snapshots.extend(copies(name, points));
}

fn look(world: &World) -> Gathered {
    run(gather(world, &planning(&[]), &|_| {})).unwrap()
}

fn costs(world: &World) -> MonthlyCosts {
    let gathered = look(world);
    gathered.costs(&gathered.rows())
}

fn cents(dollars: Option<f64>) -> Option<i64> {
    dollars.map(|dollars| format!("{:.0}", dollars * 100.0).parse().unwrap())
}

fn of_cluster(engine: &str, size_gib: i32) -> Snapshot {
    let request = a_cluster_run("shop");
    Snapshot {
        engine: engine.to_owned(),
        size_gib,
        ..ours(&copy_arn(&request, 1), &request, SnapshotStatus::Available)
    }
}

fn pile(snapshots: &[Snapshot]) -> Pile {
    let mut pile = Pile::default();
    snapshots.iter().for_each(|one| pile.add(one));
    pile
}

#[test]
fn storage_is_that_of_all_recovery_points_and_transfer_that_of_the_copies_of_30_days() {
    let world = world("orders", 3);
    add(&world, "stock", 1);
    let found = costs(&world);
    // 400 GiB at $0.095, of which 200 are the newest ones; and 30 copies of both databases at $0.02 for a gigabyte.
    let total = found.total;
    assert_eq!((total.stored.count, total.stored.gib()), (4, 400));
    assert_eq!(cents(total.storage()), Some(3_800));
    assert_eq!(cents(total.storage_of_newest()), Some(1_900));
    assert_eq!((total.copied, total.transfer_gib), (2, 6_000));
    assert_eq!(cents(total.transfer()), Some(12_000));
    assert_eq!(found.by_policy.len(), 1);
    assert_eq!(found.by_policy.values().next(), Some(&total));
    assert_eq!(
        total.sentence(),
        "Cost a month by list prices of us-east-1 as known at 2026-11-23: storage at most $38.00 for 400 GiB (for the \
         newest of each database alone: $19.00); transfer at most $120.00 if all data changes between two copies."
    );
}

#[test]
fn a_database_without_a_recovery_point_has_an_unknown_size_and_no_free_copies() {
    let world = world("orders", 0);
    let total = costs(&world).total;
    assert_eq!((total.copied, total.of_unknown_size), (1, 1));
    assert_eq!(total.transfer(), None);
    let sentence = total.sentence();
    assert!(
        sentence
            .contains("storage nothing, because there is no recovery point; transfer not known."),
        "{sentence}"
    );
    assert!(
        sentence.ends_with(" Left out: databases of unknown size (1)."),
        "{sentence}"
    );
    add(&world, "stock", 1);
    assert_eq!(cents(costs(&world).total.transfer()), Some(6_000));
}

#[test]
fn nothing_is_transferred_for_a_paused_policy_or_a_database_that_is_gone() {
    let world = world("orders", 2);
    applied(
        &world,
        &format!("[policy.default]\n{DAILY}\npaused = true\n"),
    );
    let total = costs(&world).total;
    assert_eq!((total.copied, total.transfer_gib), (0, 0));
    assert!(
        total
            .sentence()
            .contains("transfer nothing, because no copy is due")
    );
    applied(&world, &format!("[policy.default]\n{DAILY}\n"));
    assert_eq!(costs(&world).total.copied, 1);
    world.rds().databases.clear();
    let total = costs(&world).total;
    assert_eq!((total.copied, total.stored.count), (0, 2));
}

#[test]
fn automated_snapshots_are_copied_once_a_day_whenever_the_policy_is_due() {
    let world = world("orders", 1);
    let hourly = "[policy.default]\nschedule = \"0 * * * *\"\n";
    applied(&world, hourly);
    assert_eq!(costs(&world).total.transfer_gib, 30 * 24 * 100);
    applied(&world, &format!("{hourly}source = \"automated\"\n"));
    assert_eq!(costs(&world).total.transfer_gib, 30 * 100);
}

#[test]
fn recovery_points_that_could_not_be_listed_make_the_cost_unknown_and_not_small() {
    let world = world("orders", 2);
    world.script(
        Operation::describe_snapshots(Family::Instance),
        Some("InternalFailure"),
        "try later",
    );
    let total = costs(&world).total;
    assert!(total.is_unread);
    assert_eq!((total.storage(), total.transfer()), (None, None));
    let sentence = total.sentence();
    assert!(
        sentence.contains("storage not known, because recovery points could not be listed"),
        "{sentence}"
    );
}

#[test]
fn the_size_of_a_cluster_s_snapshot_counts_only_where_rds_measures_it() {
    for size in [0, 1] {
        let pile = pile(&[of_cluster("aurora-postgresql", size)]);
        assert_eq!((pile.unpriced, pile.gib()), (1, 0));
        assert_eq!(pile.dollars_if_known(), None);
    }
    let measured = pile(&[
        of_cluster("aurora-postgresql", 200),
        of_cluster("aurora-postgresql", 1),
    ]);
    assert_eq!((measured.count, measured.unpriced), (2, 1));
    assert_eq!(cents(measured.dollars_if_known()), Some(420));
    // The one price for clusters is Aurora's.
    assert_eq!(pile(&[of_cluster("docdb", 200)]).dollars_if_known(), None);
    assert_eq!(cents(Pile::default().dollars_if_known()), Some(0));
}

#[test]
fn what_has_no_known_cost_is_named_beside_the_cost_of_the_others() {
    let stored = pile(&[
        of_cluster("aurora-postgresql", 200),
        of_cluster("aurora-postgresql", 0),
    ]);
    let cost = MonthlyCost {
        stored,
        newest: pile(&[of_cluster("aurora-postgresql", 0)]),
        copied: 1,
        of_unknown_size: 1,
        ..MonthlyCost::default()
    };
    let sentence = cost.sentence();
    assert!(
        sentence.contains(
            "storage at most $4.20 for 200 GiB (for the newest of each database alone: not known); transfer not known. \
             Left out: recovery points of unknown cost (1), databases of unknown size (1)."
        ),
        "{sentence}"
    );
}

#[test]
fn orphans_of_unknown_cost_are_not_told_as_free() {
    let orphans = |pile: Pile| Orphans {
        database_gone: pile,
        ..Orphans::default()
    };
    let unknown = of_cluster("aurora-postgresql", 1);
    let all = orphans(pile(std::slice::from_ref(&unknown))).sentences();
    assert!(all[0].contains("0 GiB: the cost is not known;"), "{all:?}");
    let some = pile(&[unknown, of_cluster("aurora-postgresql", 200)]);
    let some = orphans(some).sentences();
    assert!(
        some[0]
            .contains("200 GiB: at most $4.20 a month at list price, without 1 of unknown cost;"),
        "{some:?}"
    );
}
