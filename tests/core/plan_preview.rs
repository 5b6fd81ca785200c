//! The plan preview: verdicts, warnings, regions that do not answer, pages.

use snapferry::app::plan_preview::{Preview, Row, Verdict, preview};
use snapferry::domain::id::arn::{KeyArn, RdsArn};
use snapferry::domain::id::names::ExecutionName;
use snapferry::domain::operator::warning::{Warning, WarningContext, warnings};
use snapferry::domain::policy::choice::{ExclusionReason, Refusal};
use snapferry::domain::policy::cursor::Cursor;
use snapferry::domain::rds::copy_facts::CopyFacts;
use snapferry::domain::rds::database::Database;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::failure::Operation;
use snapferry::domain::run::manifest::Manifest;
use snapferry::ports::PlanCursor;

use crate::planner::{listed, planning};
use crate::world::{
    Call, Fixture, HOME, KEY, Name, OTHER_KEY, SOURCE, World, a_cluster_run, a_run, region, run,
    time,
};

const TAGGED: &[(&str, &str)] = &[("snapferry:policy", "default")];
fn show(world: &World) -> Preview {
    run(preview(world, &planning(&[]), &[region(SOURCE)])).unwrap()
}

fn only(database: Database) -> Row {
    let world = World::new();
    world.rds().databases.push(database);
    let mut shown = show(&world);
    assert_eq!(shown.rows.len(), 1);
    shown.rows.remove(0)
}

fn cluster(name: &str) -> Database {
    let database = a_cluster_run(name).database;
    Database {
        arn: database.arn,
        resource_id: database.resource_id,
        engine: "aurora-postgresql".to_owned(),
        copy_facts: CopyFacts::encrypted(),
        multi_az: None,
        ..listed(name, TAGGED)
    }
}

fn newest(key: &str, size_gib: i32) -> Manifest {
    let run = a_run("orders");
    let copy = format!("arn:aws:rds:{HOME}:111122223333:snapshot:sf-orders-x");
    Manifest {
        step: Step::Copy,
        snapshot: RdsArn::parse(&copy).unwrap(),
        source: None,
        database: run.database.arn,
        resource_id: run.database.resource_id,
        engine: "postgres".to_owned(),
        engine_version: "17.2".to_owned(),
        size_gib,
        key: Some(KeyArn::parse(key).unwrap()),
        taken_at: None,
    }
}

fn warned(database: &Database, automated: bool, newest: Option<&Manifest>) -> Vec<Warning> {
    let of = WarningContext {
        key: &KeyArn::parse(KEY).unwrap(),
        automated,
        copies_a_month: 30,
        newest,
    };
    warnings(database, &of)
}

#[test]
fn a_protected_database_names_its_policy_and_whether_it_is_due_now() {
    let world = World::new();
    world.rds().databases.push(listed("a", TAGGED));
    let shown = show(&world);
    let name = shown.policies.keys().next().unwrap().clone();
    let verdict = |due| Verdict::Selected {
        policy: name.clone(),
        due,
        own: Some(time("2026-11-23T03:00:00Z")),
        open: None,
        skipped: None,
        waits: None,
    };
    let due = time("2026-11-22T03:00:00Z");
    assert_eq!(shown.rows[0].verdict, verdict(Some(due)));
    let next = shown.policies[&name].next.as_ref().unwrap();
    assert_eq!(next.timestamp(), time("2026-11-23T03:00:00Z"));
    assert_eq!(shown.policies[&name].times_a_month, 30);

    let cursor = Cursor {
        until: due,
        kept: Vec::new(),
        spread: None,
    };
    run(world.set_plan_cursor(&name, &region(SOURCE), &cursor)).unwrap();
    assert_eq!(show(&world).rows[0].verdict, verdict(None));
}

#[test]
fn the_execution_that_holds_the_claim_is_named() {
    let world = World::new();
    let database = listed("a", TAGGED);
    let id = database.resource_id.clone();
    world.rds().databases.push(database);
    let name = ExecutionName::parse("sf-a-20261122t0300z-abcdefghij").unwrap();
    world.enter(&id, |entry| entry.open = Some(name.clone()));
    let row = show(&world).rows.remove(0);
    assert!(
        matches!(&row.verdict, Verdict::Selected { open, .. } if *open == Some(name)),
        "{row:?}"
    );
}

#[test]
fn what_is_left_out_says_by_what() {
    let excluded = listed("a", &[("snapferry:exclude", "yes")]);
    assert_eq!(
        only(excluded).verdict,
        Verdict::Excluded(ExclusionReason::Excluded)
    );
    let bare = listed("a", &[]);
    assert_eq!(
        only(bare).verdict,
        Verdict::Excluded(ExclusionReason::NotTagged)
    );
}

#[test]
fn each_refusal_is_told_and_not_warned_of() {
    let multi_az = Database {
        copy_facts: CopyFacts {
            multi_az_cluster: true,
            ..CopyFacts::encrypted()
        },
        ..cluster("trio")
    };
    let custom = Database {
        engine: "custom-oracle-ee".to_owned(),
        ..listed("custom", TAGGED)
    };
    let cases = [
        (multi_az, Refusal::MultiAzCluster),
        (custom, Refusal::CustomOracle),
    ];
    for (database, refusal) in cases {
        let row = only(database);
        assert!(
            matches!(&row.verdict, Verdict::Refused(_, why) if *why == refusal),
            "{row:?}"
        );
        assert_eq!(row.warnings, []);
    }
}

#[test]
fn single_az_is_warned_of_and_a_standby_is_not_but_for_sql_server() {
    let with = |engine: &str, multi_az| Database {
        engine: engine.to_owned(),
        multi_az,
        ..listed("a", TAGGED)
    };
    let stops = |engine: &str, multi_az| {
        let engine = engine.to_owned();
        vec![Warning::IoStops { engine, multi_az }]
    };
    let single = with("postgres", Some(false));
    assert_eq!(warned(&single, false, None), stops("postgres", false));
    assert_eq!(warned(&single, true, None), [], "RDS stops it anyway");
    assert_eq!(warned(&with("postgres", Some(true)), false, None), []);
    assert_eq!(warned(&with("postgres", None), false, None), []);
    let server = with("sqlserver-se", Some(true));
    assert_eq!(warned(&server, false, None), stops("sqlserver-se", true));
}

#[test]
fn a_status_in_which_rds_takes_no_snapshot_is_warned_of() {
    let with = |status: &str| Database {
        status: status.to_owned(),
        ..listed("a", TAGGED)
    };
    for status in ["stopped", "failed", "inaccessible-encryption-credentials"] {
        let status_of = status.to_owned();
        let expected = [Warning::NotAvailable { status: status_of }];
        assert_eq!(warned(&with(status), false, None), expected);
    }
    for status in ["available", "storage-optimization", ""] {
        assert_eq!(warned(&with(status), false, None), []);
    }
}

#[test]
fn automated_snapshots_that_expire_before_a_copys_turn_are_warned_of() {
    let with = |days| Database {
        backup_retention_days: days,
        ..listed("a", TAGGED)
    };
    assert_eq!(warned(&with(Some(0)), true, None), [Warning::AutomatedOff]);
    let short = |days| Warning::ShortRetention { days, wait_days: 4 };
    assert_eq!(warned(&with(Some(1)), true, None), [short(1)]);
    assert_eq!(warned(&with(Some(4)), true, None), [short(4)]);
    assert_eq!(warned(&with(Some(5)), true, None), []);
    assert_eq!(warned(&with(None), true, None), []);
    assert_eq!(warned(&with(Some(0)), false, None), [], "not its source");
}

#[test]
fn an_aurora_copy_is_stored_in_full_and_only_the_first_is_transferred_in_full() {
    let full = |gigabytes| Warning::FullEveryTime {
        copies_a_month: 30,
        gigabytes,
    };
    let shop = cluster("shop");
    assert_eq!(warned(&shop, false, None), [full(None)]);
    assert_eq!(warned(&shop, false, Some(&newest(KEY, 1))), [full(None)]);
    let known = warned(&shop, false, Some(&newest(KEY, 100)));
    assert_eq!(known, [full(Some(100))]);
    let words = known[0].to_string();
    assert!(
        words.contains("its size: 100 GiB: $2.00 to transfer the first copy"),
        "{words}"
    );
    assert!(words.contains("$63.00 for each month"), "{words}");
    let words = full(None).to_string();
    assert!(words.contains("not known; each 100 GiB: $2.00"), "{words}");
    let instance = listed("a", TAGGED);
    assert_eq!(warned(&instance, false, Some(&newest(KEY, 100))), []);
}

#[test]
fn a_key_that_changes_makes_the_next_copy_full() {
    let instance = listed("a", TAGGED);
    let expected = Warning::KeyChange {
        from: KeyArn::parse(OTHER_KEY).unwrap(),
        to: KeyArn::parse(KEY).unwrap(),
        gigabytes: 100,
    };
    let before = newest(OTHER_KEY, 100);
    assert_eq!(
        warned(&instance, false, Some(&before)),
        vec![expected.clone()]
    );
    assert_eq!(warned(&instance, false, None), []);

    let world = World::new();
    let id = instance.resource_id.clone();
    world.rds().databases.push(instance);
    world.enter(&id, |entry| entry.newest = Some(before));
    assert_eq!(show(&world).rows[0].warnings, [expected]);
}

#[test]
fn a_region_that_does_not_answer_costs_its_own_rows_alone() {
    let world = World::new();
    world.rds().databases.push(listed("a", TAGGED));
    let dead = region("eu-north-1");
    world.hook().down.borrow_mut().insert(dead.clone());
    let regions = [dead.clone(), region(SOURCE)];
    let shown = run(preview(&world, &planning(&[]), &regions)).unwrap();
    assert_eq!(shown.rows.len(), 1);
    assert_eq!(shown.unreachable.len(), 1);
    assert_eq!(shown.unreachable[0].region, dead);
    let calls = world.calls();
    let asked = calls.iter().filter(|call| match call {
        Call::ListDatabases { region, .. } => *region == dead,
        _ => false,
    });
    assert_eq!(asked.count(), 2);
}

#[test]
fn every_page_is_read_with_one_look_into_the_catalog_each_and_nothing_changes() {
    let world = World::new();
    let names = ["a", "b", "c", "d", "e"];
    let all = names.map(|name| listed(name, TAGGED));
    world.rds().databases.extend(all);
    assert_eq!(show(&world).rows.len(), 5);
    let calls = world.calls();
    let named = |name| calls.iter().filter(|call| call.name() == name).count();
    assert_eq!(world.calls_of("DescribeDBInstances"), 3);
    assert_eq!(named(Name::ReadEntries), 3);
    assert_eq!(calls.len(), 3 + 3 + 1 + 2, "{calls:?}");
}

#[test]
fn throttling_slows_the_plan_down_and_is_given_up_in_the_end() {
    let throttle = |world: &World, times: usize| {
        let of = (
            Operation::DescribeDbInstances,
            Some("Throttling"),
            "Rate exceeded",
        );
        world.hook().scripted.borrow_mut().extend(vec![of; times]);
    };
    let world = World::new();
    world.rds().databases.push(listed("a", TAGGED));
    throttle(&world, 9);
    let shown = show(&world);
    assert_eq!((shown.rows.len(), shown.unreachable.len()), (1, 0));
    throttle(&world, 10);
    let shown = show(&world);
    assert_eq!((shown.rows.len(), shown.unreachable.len()), (0, 1));
}
