//! `snapferry catalog`: what it shows of a database's configurations, as words and as JSON.

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use snapferry::cli::{CliError, Ended, show_configuration, show_difference};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::restore::configuration::{Configuration, Member};
use snapferry::domain::restore::setting::Setting;
use snapferry::domain::restore::value::Value;
use snapferry::domain::restore::versions::Versions;
use snapferry::json::configuration::hash;
use snapferry::ports::StoreConfigurations;

use crate::commands::{bare, ran};
use crate::prune::copy_of;
use crate::world::{Fixture, HOME, Name, World, a_run, region, rules, run, time};

fn configuration(name: &str, class: &str) -> Configuration {
    let of = a_run(name).database;
    let member = Member {
        is_writer: true,
        settings: [(Setting::PromotionTier, Value::Number(1))].into(),
        tags: [].into(),
    };
    Configuration {
        database: of.arn,
        resource_id: of.resource_id,
        settings: [
            (Setting::DbInstanceClass, Value::text(class)),
            (Setting::MultiAz, Value::Flag(true)),
        ]
        .into(),
        members: [("one".to_owned(), member)].into(),
        tags: [("Team".to_owned(), "blue".to_owned())].into(),
    }
}

const FIRST: &str = "2026-11-20T03:00:00Z";
const SECOND: &str = "2026-11-22T03:00:00Z";

/// Stores the configurations of a database, each with the time since which it was in force.
pub(crate) fn keep_configurations(world: &World, all: &[(Configuration, &str)]) {
    let mut versions = Versions::default();
    for (configuration, since) in all {
        let name = hash(configuration);
        run(world.store_configuration(configuration, &name, time(since))).unwrap();
        let with = versions.with(name, time(since));
        let of = &configuration.resource_id;
        run(world.set_configuration_versions(of, &with, versions.newest())).unwrap();
        versions = with;
    }
}

fn world() -> World {
    let world = World::new();
    let all = [
        (configuration("orders", "db.r6g.large"), FIRST),
        (configuration("orders", "db.r6g.xlarge"), SECOND),
    ];
    keep_configurations(&world, &all);
    world.operator().manual_snapshots = vec![copy_of("orders", 0), copy_of("stock", 0)];
    world
}

fn shown(world: &World, name: &str, at: Option<&str>, json: bool) -> Result<String, CliError> {
    let mut out = Vec::new();
    let (stack, home) = (rules().stack, region(HOME));
    let at: Option<Timestamp> = at.map(time);
    let ended = run(show_configuration(
        world,
        (&stack, &home),
        name,
        at,
        json,
        &mut out,
    ))?;
    assert_eq!(ended, Ended::Well);
    Ok(String::from_utf8(out).unwrap())
}

fn difference(
    world: &World,
    (from, to): (Option<&str>, Option<&str>),
    json: bool,
) -> Result<String, CliError> {
    let mut out = Vec::new();
    let (stack, home) = (rules().stack, region(HOME));
    let times = (from.map(time), to.map(time));
    let of = (&stack, &home);
    run(show_difference(world, of, "orders", times, json, &mut out))?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn the_newest_configuration_is_shown_with_members_and_tags() {
    let out = shown(&world(), "orders", None, false).unwrap();
    for words in [
        "DB-ORDERS".to_lowercase().as_str(),
        "2 of 2 versions",
        "db.r6g.xlarge",
        "member one (writer)",
        "Team",
    ] {
        assert!(
            out.to_lowercase().contains(&words.to_lowercase()),
            "{words}: {out}"
        );
    }
}

#[test]
fn the_configuration_of_a_time_is_the_one_that_was_in_force_then() {
    let out = shown(&world(), "orders", Some("2026-11-21T03:00:00Z"), true).unwrap();
    let answer: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["of"]["settings"]["DBInstanceClass"], "db.r6g.large");
    assert_eq!(answer["since"], FIRST);
    assert_eq!(answer["versions"].as_array().unwrap().len(), 2);
    let too_early = shown(&world(), "orders", Some("2026-11-01T03:00:00Z"), true);
    let error = too_early.unwrap_err().to_string();
    assert!(error.contains("as old as 2026-11-01"), "{error}");
}

#[test]
fn a_resource_id_is_found_without_asking_rds() {
    let world = world();
    world.forget_calls();
    shown(&world, "db-ORDERS", None, false).unwrap();
    assert_eq!(world.calls_of("DescribeDBSnapshots"), 0);
}

#[test]
fn of_two_databases_of_one_name_the_one_with_the_newer_recovery_point_is_shown_and_said_so() {
    let world = world();
    let mut anew = configuration("orders", "db.t4g.micro");
    anew.resource_id = ResourceId::parse("db-OLD").unwrap();
    keep_configurations(&world, &[(anew, FIRST)]);
    let mut old = a_run("orders");
    old.database.resource_id = ResourceId::parse("db-OLD").unwrap();
    old.planned_at -= jiff::SignedDuration::from_hours(72);
    let older = crate::prune::copy_of_run(&old);
    world.operator().manual_snapshots.push(older);
    let out = shown(&world, "orders", None, false).unwrap();
    assert!(out.contains("db.r6g.xlarge"), "{out}");
    assert!(out.contains("2 databases had this name"), "{out}");
    let out = shown(&world, "db-OLD", None, false).unwrap();
    assert!(out.contains("db.t4g.micro"), "{out}");
}

#[test]
fn what_is_not_there_is_said_plainly() {
    let unknown = shown(&world(), "order", None, false)
        .unwrap_err()
        .to_string();
    assert!(unknown.contains("did you mean orders?"), "{unknown}");
    let none = shown(&world(), "stock", None, false)
        .unwrap_err()
        .to_string();
    assert!(none.contains("when its next run is started"), "{none}");
}

#[test]
fn the_last_two_versions_are_compared() {
    let out = difference(&world(), (None, None), false).unwrap();
    assert!(out.contains("DBInstanceClass"), "{out}");
    assert!(!out.contains("MultiAZ"), "{out}");
    let out = difference(&world(), (None, None), true).unwrap();
    let answer: Json = serde_json::from_str(&out).unwrap();
    let expected = json!([{
        "what": "setting", "name": "DBInstanceClass", "before": "db.r6g.large", "after": "db.r6g.xlarge"
    }]);
    assert_eq!(answer["differences"], expected);
}

#[test]
fn versions_of_two_times_are_compared() {
    let same = difference(&world(), (Some(SECOND), None), false).unwrap();
    assert!(same.contains("Nothing differs."), "{same}");
    let error = difference(&world(), (None, Some(FIRST)), false).unwrap_err();
    assert!(error.to_string().contains("no earlier"), "{error}");
}

#[test]
fn no_source_region_is_asked() {
    let world = world();
    world.forget_calls();
    shown(&world, "orders", None, false).unwrap();
    difference(&world, (None, None), false).unwrap();
    let allowed = [
        Name::ListManualSnapshots,
        Name::ConfigurationVersions,
        Name::Configuration,
    ];
    for call in world.calls() {
        assert!(allowed.contains(&call.name()), "{call:?}");
    }
}

#[test]
fn catalogs_help_has_examples() {
    let out = ran(&bare(&["catalog", "diff", "--help"]).output().unwrap(), 0);
    assert!(
        out.contains("snapferry catalog diff orders --from 30d"),
        "{out}"
    );
}
