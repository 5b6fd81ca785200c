//! Databases with transparent data encryption (TDE): RDS copies them only with an option group of the recovery region.

use jiff::SignedDuration;
use snapferry::app::plan_preview::{Preview, Verdict, preview};
use snapferry::app::planner::{Outcome, Planned, When, plan};
use snapferry::app::react::react;
use snapferry::app::status::gather;
use snapferry::domain::id::names;
use snapferry::domain::operator::status::State;
use snapferry::domain::policy::choice::Refusal;
use snapferry::domain::rds::database::Database;
use snapferry::domain::rds::option_group::{OptionGroup, is_tde};

use crate::automated::hinted_world;
use crate::planner::{listed, planning};
use crate::policies::applied;
use crate::world::{Fixture, Name, SOURCE, World, backoff, reactor_config, record, region, run};

const TAGGED: &[(&str, &str)] = &[("snapferry:policy", "default")];
const LIST: &str = "DescribeOptionGroups";
const UNMAPPED: &str = "[policy.default]\nschedule = \"0 3 * * *\"\nspread = \"0m\"\n";
const MAPPED: &str = "[policy.default]\nschedule = \"0 3 * * *\"\nspread = \"0m\"\n[policy.default.option_groups]\nsealed = \"home\"\n";

fn option_group(name: &str, has_tde: bool) -> OptionGroup {
    OptionGroup {
        name: name.to_owned(),
        engine: "oracle-ee".to_owned(),
        major_version: "19".to_owned(),
        binding: Vec::new(),
        has_tde,
    }
}

fn database(name: &str, engine: &str, group: &str) -> Database {
    Database {
        engine: engine.to_owned(),
        option_group: Some(names::OptionGroup::parse(group).unwrap()),
        ..listed(name, TAGGED)
    }
}

/// A world whose source region has four option groups, which is more than a page.
fn world(databases: Vec<Database>) -> World {
    let world = World::new();
    let groups = ["audited", "fast", "plain"].map(|name| option_group(name, false));
    let groups = groups
        .into_iter()
        .chain([option_group("sealed", true)])
        .collect();
    world.operator().option_groups = [(region(SOURCE), groups)].into();
    world.rds().databases.extend(databases);
    world
}

fn due(world: &World) -> Planned {
    let mut planned = run(plan(world, &planning(&[]), When::Due)).unwrap();
    assert_eq!(planned.len(), 1, "{planned:?}");
    planned.remove(0)
}

fn outcome<'a>(planned: &'a Planned, name: &str) -> &'a Outcome {
    let mut rows = planned.rows.iter();
    &rows
        .find(|row| row.database.name() == name)
        .unwrap()
        .outcome
}

fn show(world: &World) -> Preview {
    run(preview(world, &planning(&[]), &[region(SOURCE)])).unwrap()
}

fn refusal() -> Refusal {
    Refusal::Tde(names::OptionGroup::parse("sealed").unwrap())
}

#[test]
fn a_database_with_tde_is_refused_before_anything_is_taken_unless_its_policy_maps_its_option_group()
{
    let databases = || {
        vec![
            database("ledger", "oracle-ee", "sealed"),
            database("bank", "sqlserver-se", "sealed"),
            database("shop", "oracle-se2", "fast"),
        ]
    };
    let unmapped = world(databases());
    applied(&unmapped, UNMAPPED);
    let planned = due(&unmapped);
    for name in ["ledger", "bank"] {
        assert_eq!(*outcome(&planned, name), Outcome::Refused(refusal()));
    }
    assert!(matches!(outcome(&planned, "shop"), Outcome::Started(_)));
    assert_eq!(unmapped.executions().len(), 1);
    assert_eq!(planned.left_out(), "tde-unmapped 2");

    let mapped = world(databases());
    applied(&mapped, MAPPED);
    let planned = due(&mapped);
    for name in ["ledger", "bank", "shop"] {
        assert!(matches!(outcome(&planned, name), Outcome::Started(_)));
    }
}

#[test]
fn the_plan_and_the_status_say_so_too_and_what_to_do() {
    let world = world(vec![database("ledger", "oracle-ee", "sealed")]);
    applied(&world, UNMAPPED);
    let shown = show(&world);
    assert!(
        matches!(&shown.rows[0].verdict, Verdict::Refused(_, why) if *why == refusal()),
        "{shown:?}"
    );
    let gathered = run(gather(&world, &planning(&[]), &|_| {})).unwrap();
    let row = gathered.rows().remove(0);
    assert_eq!(row.state, State::Unprotected);
    let remedy = row.remedy.unwrap();
    assert!(
        row.reason.contains("option group sealed has TDE") && remedy.contains("option_groups"),
        "{}: {remedy}",
        row.reason
    );
}

#[test]
fn option_groups_are_listed_once_a_region_and_only_where_a_choice_depends_on_them() {
    let none = [
        database("a", "postgres", "sealed"),
        database("b", "oracle-ee", "default:oracle-ee-19"),
        Database {
            tags: [("snapferry:exclude".to_owned(), "yes".to_owned())].into(),
            ..database("c", "oracle-ee", "sealed")
        },
    ];
    let world_without = world(none.to_vec());
    applied(&world_without, UNMAPPED);
    due(&world_without);
    show(&world_without);
    run(gather(&world_without, &planning(&[]), &|_| {})).unwrap();
    assert_eq!(world_without.calls_of(LIST), 0);

    let many = ["a", "b", "c", "d", "e"].map(|name| database(name, "oracle-ee", "fast"));
    let world_with = world(many.to_vec());
    applied(&world_with, UNMAPPED);
    due(&world_with);
    let pages = world_with.calls_of(LIST);
    assert_eq!(pages, 2, "the region's four groups are two pages");
    due(&world_with);
    assert_eq!(world_with.calls_of(LIST), pages, "nothing is due");
}

#[test]
fn option_groups_are_not_listed_again_for_a_database_that_stays_stopped() {
    let world = world(vec![database("ledger", "oracle-ee", "fast")]);
    world.rds().databases[0].status = "stopped".to_owned();
    applied(&world, UNMAPPED);
    due(&world);
    let pages = world.calls_of(LIST);
    for _ in 0..3 {
        world.pass(SignedDuration::from_mins(5));
        assert!(matches!(
            outcome(&due(&world), "ledger"),
            Outcome::NotNow(_)
        ));
    }
    assert_eq!(world.calls_of(LIST), pages);
    world.rds().databases[0].status = "available".to_owned();
    let started = due(&world);
    assert!(matches!(outcome(&started, "ledger"), Outcome::Started(_)));
    assert_eq!(world.calls_of(LIST), pages + 2);
}

#[test]
fn where_rds_does_not_say_whether_a_database_has_tde_it_is_tried_and_the_views_say_why() {
    for code in ["AccessDenied", "Throttling"] {
        let world = world(vec![database("ledger", "oracle-ee", "sealed")]);
        applied(&world, UNMAPPED);
        world.refuse_once(Name::ListOptionGroups, code);
        let shown = show(&world);
        assert!(matches!(shown.rows[0].verdict, Verdict::Selected { .. }));
        let error = &shown.unreachable[0].error;
        assert!(
            error.contains("TDE is not known") && error.contains(code),
            "{error}"
        );

        world.refuse_once(Name::ListOptionGroups, code);
        let gathered = run(gather(&world, &planning(&[]), &|_| {})).unwrap();
        assert_eq!(gathered.unreachable[0].error, *error);

        world.refuse_once(Name::ListOptionGroups, code);
        let planned = due(&world);
        assert!(matches!(outcome(&planned, "ledger"), Outcome::Started(_)));
        assert!(planned.is_complete());
    }
}

#[test]
fn a_hint_about_an_automated_snapshot_starts_no_run_of_such_a_database() {
    let (world, hint) = hinted_world();
    let groups = vec![option_group("sealed", true)];
    world.operator().option_groups = [(region(SOURCE), groups)].into();
    for database in &mut world.rds().databases {
        "oracle-ee".clone_into(&mut database.engine);
        database.option_group = Some(names::OptionGroup::parse("sealed").unwrap());
    }
    let records = vec![record("m-0", hint, 1)];
    let failed = run(react(&world, &reactor_config(), &backoff(), records));
    assert_eq!(failed, Vec::<String>::new());
    assert!(world.executions().is_empty());
}

#[test]
fn every_name_that_rds_has_for_tde_counts() {
    for name in ["TDE", "TDE_HSM", "TRANSPARENT_DATA_ENCRYPTION"] {
        assert!(is_tde(name), "{name}");
    }
    for name in ["Timezone", "SQLSERVER_AUDIT", "NATIVE_NETWORK_ENCRYPTION"] {
        assert!(!is_tde(name), "{name}");
    }
}
