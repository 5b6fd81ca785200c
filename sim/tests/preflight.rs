//! Preflight against the model of RDS: it stops what RDS would refuse, and nothing else.

use snapferry::app::carry_out_all::Stage;
use snapferry::app::restore::Which;
use snapferry_sim::rds::{InstanceSpec, Rds, Tags};

use crate::restores::{Day, Fleet, Misfortunes, fleet, home, with_a_namesake};

/// What the recovery region lacks, the database that needs it, and what preflight says.
type Lack = (&'static str, fn(&mut Rds), &'static str);

/// The region has an instance, and the fleet needs four more: two of them are the members of its cluster, which comes last.
const LACKS: [Lack; 5] = [
    (
        "shop",
        |rds| rds.config_mut().max_instances = 4,
        "allows 4 instances",
    ),
    (
        "shop",
        |rds| rds.config_mut().max_clusters = 0,
        "allows 0 clusters",
    ),
    (
        "orders",
        |rds| {
            let classes = ["db.serverless", "db.r6g.xlarge"].map(ToOwned::to_owned);
            rds.config_mut().classes = Some(classes.into());
        },
        "does not offer db.",
    ),
    (
        "orders",
        |rds| rds.remove_parameter_group(&home(), "tuned-here"),
        "has no parameter group tuned-here",
    ),
    (
        "orders",
        |rds| {
            let mut spec = InstanceSpec::postgres("orders");
            spec.tags = Tags::default();
            rds.add_instance(&home(), spec).unwrap();
        },
        "orders is the name of another database",
    ),
];

fn version_of_shop() -> String {
    snapferry_sim::rds::ClusterSpec::aurora("shop").engine_version
}

fn day(breaks: fn(&mut Rds)) -> Day {
    let mut fleet: Fleet = fleet();
    breaks(&mut fleet.rds);
    Day::of(fleet, Misfortunes::none())
}

#[test]
fn a_region_that_has_everything_restores_everything() {
    let all = day(|_| {}).until_it_ends();
    assert!(all.iter().all(|one| one.stage == Stage::Done), "{all:?}");
}

#[test]
fn preflight_stops_what_rds_would_refuse() {
    for (name, breaks, words) in LACKS {
        let all = day(breaks).until_it_ends();
        let one = all.iter().find(|one| one.plan.name == name).unwrap();
        assert_eq!(one.stage, Stage::Stopped, "{words}: {}", one.says);
        let says = &one.says;
        assert!(
            says.contains("stopped by preflight") && says.contains(words),
            "{words}: {says}"
        );
        // Without preflight RDS itself refuses it, later.
        let mut unchecked = day(breaks);
        unchecked.options.skips_preflight = true;
        let all = unchecked.until_it_ends();
        assert!(
            all.iter().any(|one| one.stage == Stage::Stopped),
            "{words}: {all:?}"
        );
    }
}

#[test]
fn a_clusters_version_that_is_not_on_offer_is_left_to_rds() {
    let all = day(|rds| {
        let retired = ("aurora-postgresql".to_owned(), version_of_shop());
        rds.config_mut().retired_versions.insert(retired);
    })
    .until_it_ends();
    let shop = all.iter().find(|one| one.plan.name == "shop").unwrap();
    assert_eq!(shop.stage, Stage::Stopped);
    assert!(!shop.says.contains("preflight"), "{}", shop.says);
}

#[test]
fn of_two_databases_of_one_name_the_second_is_stopped_and_never_called_done() {
    for skips_preflight in [false, true] {
        let mut fleet = fleet();
        let both = with_a_namesake(&mut fleet, "billing");
        let mut day = Day::of(fleet, Misfortunes::none());
        day.which = Which::These(both);
        day.options.skips_preflight = skips_preflight;
        // Also when the command is run again and the first one is long done.
        for _ in 0..2 {
            let all = day.until_it_ends();
            let stages: Vec<Stage> = all.iter().map(|one| one.stage).collect();
            assert_eq!(stages, [Stage::Done, Stage::Stopped], "{}", all[1].says);
            assert!(all[1].says.contains("another database"), "{}", all[1].says);
        }
    }
}
