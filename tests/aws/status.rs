//! `snapferry status` and `snapferry report`: what they print of the same fleet, and the page.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use snapferry::app::letters::waiting_letters;
use snapferry::cli::{Ended, Selected, make_report, show_status};
use snapferry::domain::doctor::region::Letters;
use snapferry::domain::id::arn::Family;
use snapferry::domain::id::tags;
use snapferry::domain::rds::copy_facts::CopyFacts;
use snapferry::domain::rds::database::Database;
use snapferry::domain::restore::configuration::Captured;
use snapferry::domain::retention::history::{DueOutcome, History, MadePoint, RemovedPoint};
use snapferry::domain::retention::round::Freeze;
use snapferry::ports::SetFreeze;

use crate::prune::{copy_of, planning};
use crate::world::{Fixture, Name, SOURCE, World, a_run, region, run, time};

pub(crate) fn database(name: &str) -> Database {
    let of = a_run(name).database;
    assert_eq!(of.arn.family(), Family::Instance);
    Database {
        arn: of.arn,
        resource_id: of.resource_id,
        member_of: None,
        engine: "postgres".to_owned(),
        option_group: None,
        copy_facts: CopyFacts::default(),
        multi_az: Some(true),
        backup_retention_days: Some(7),
        status: "available".to_owned(),
        tags: [("snapferry:policy".to_owned(), "default".to_owned())].into(),
        captured: Captured::default(),
    }
}

/// So many databases with a young recovery point each, and one whose recovery point is weeks old.
fn fleet(well: usize) -> World {
    let world = World::new();
    let names = (0..well).map(|number| format!("db{number}"));
    for name in names.chain(["forgotten".to_owned()]) {
        let days = if name == "forgotten" { 20 } else { 0 };
        world.rds().databases.push(database(&name));
        let copy = copy_of(&name, days);
        world.operator().manual_snapshots.push(copy);
    }
    world
}

fn put_history(world: &World, name: &str, due: BTreeMap<Timestamp, DueOutcome>) {
    let run = a_run(name);
    let group = (region(SOURCE), run.database.resource_id, run.policy);
    let history = History {
        due,
        ..History::default()
    };
    world
        .table()
        .retention_mut()
        .histories
        .insert(group, history);
}

/// The due times of three days, whose copies took these minutes and whose snapshots took three.
fn made_in(minutes: [i64; 3]) -> BTreeMap<Timestamp, DueOutcome> {
    let days = ["2026-11-19", "2026-11-20", "2026-11-21"];
    let made = days.into_iter().zip(minutes).map(|(day, minutes)| {
        let made = MadePoint {
            snapshot_took: Some(SignedDuration::from_mins(3)),
            copy_took: Some(SignedDuration::from_mins(minutes)),
            ..MadePoint::default()
        };
        (time(&format!("{day}T03:00:00Z")), DueOutcome::Made(made))
    });
    made.collect()
}

fn shown(world: &World, selected: &Selected, json: bool) -> (Ended, String) {
    let mut out = Vec::new();
    let ended = run(show_status(
        world,
        &planning(),
        vec![],
        selected,
        json,
        &mut out,
    ))
    .unwrap();
    (ended, String::from_utf8(out).unwrap())
}

#[test]
fn what_needs_a_person_comes_first_with_what_to_do_and_forty_of_the_others() {
    let (ended, text) = shown(&fleet(100), &Selected::default(), false);
    assert_eq!(ended, Ended::Badly);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "100 of 101 databases have a recovery point within their RPO. 1 overdue."
    );
    assert!(lines[2].starts_with("forgotten in eu-west-1: overdue"));
    assert!(
        text.contains("  what to do: run snapferry doctor"),
        "{text}"
    );
    assert_eq!(text.matches(" protected ").count(), 40, "{text}");
    assert!(text.contains("60 more are fine (--all shows them)"));
    let all = Selected {
        all: true,
        ..Selected::default()
    };
    let (_, text) = shown(&fleet(100), &all, false);
    assert_eq!(text.matches(" protected ").count(), 100);
}

#[test]
fn a_name_that_nothing_has_is_not_found_and_the_likely_one_is_named() {
    let selected = Selected {
        databases: vec!["forgoten".to_owned()],
        ..Selected::default()
    };
    let refused = run(show_status(
        &fleet(1),
        &planning(),
        vec![],
        &selected,
        false,
        &mut Vec::new(),
    ));
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("not found"), "{said}");
    assert!(said.contains("did you mean"), "{said}");
    let selected = Selected {
        policy: Some("gold".to_owned()),
        ..Selected::default()
    };
    let refused = run(show_status(
        &fleet(1),
        &planning(),
        vec![],
        &selected,
        false,
        &mut Vec::new(),
    ));
    assert!(refused.unwrap_err().to_string().contains("not found"));
}

#[test]
fn the_report_says_of_each_database_what_status_says() {
    let world = fleet(3);
    let selected = Selected {
        all: true,
        ..Selected::default()
    };
    let (_, status) = shown(&world, &selected, true);
    let mut report = Vec::new();
    run(make_report(&world, &planning(), None, &mut report)).unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    for key in ["schema", "databases", "attention", "summary"] {
        assert_eq!(status[key], report[key], "{key}");
    }
    assert_eq!(report["due_times"].as_array().unwrap().len(), 4);
    assert_eq!(report["orphans"]["database_gone"]["snapshots"], 0);
    assert_eq!(status["databases"][0]["id"], "forgotten");
    assert_eq!(status["databases"][0]["overdue"], true);
}

#[test]
fn the_report_tells_missed_and_pruned_apart_by_the_history() {
    let world = fleet(1);
    let at = |hours: i64| time("2026-11-22T03:00:00Z") - SignedDuration::from_hours(hours);
    let pruned = MadePoint {
        taken_at: Some(at(71)),
        snapshot_took: Some(SignedDuration::from_secs(61)),
        copy_took: Some(SignedDuration::from_secs(62)),
        removed: Some(RemovedPoint {
            at: at(1),
            why: Some("no rule keeps it".to_owned()),
        }),
    };
    let due = [
        (at(48), DueOutcome::Missed),
        (at(72), DueOutcome::Made(pruned)),
    ];
    put_history(&world, "db0", due.into());
    let mut report = Vec::new();
    run(make_report(&world, &planning(), None, &mut report)).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let of = report["due_times"].as_array().unwrap().iter();
    let of = of
        .filter(|one| one["arn"].as_str().unwrap().ends_with(":db0"))
        .flat_map(|one| one["due_times"].as_array().unwrap());
    let of: Vec<&Value> = of.collect();
    let marks = |mark: &str| of.iter().filter(|due| due["mark"] == mark).count();
    assert_eq!((marks("missed"), marks("pruned")), (1, 1), "{of:?}");
    let pruned = of.iter().find(|due| due["mark"] == "pruned").unwrap();
    assert_eq!(pruned["snapshot_seconds"], 61);
    assert_eq!(pruned["copy_seconds"], 62);
    assert_eq!(pruned["removed_why"], "no rule keeps it");
    let database = report["databases"].as_array().unwrap().iter();
    let missed = |id: &str| {
        let mut database = database.clone();
        database.find(|one| one["id"] == id).unwrap()["missed"].clone()
    };
    assert_eq!(missed("db0"), 1);
    assert_eq!(missed("forgotten"), Value::Null);
}

fn page_of(world: &World, file: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    let mut out = Vec::new();
    let ended = run(make_report(world, &planning(), Some(&path), &mut out)).unwrap();
    assert_eq!((ended, out.len()), (Ended::Badly, 0));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_page_stands_by_itself_and_shows_every_database() {
    let page = page_of(&fleet(3), "report.html");
    assert!(page.contains("3 of 4 databases have a recovery point within their RPO."));
    assert_eq!(page.matches("data-state=\"protected\"").count(), 3);
    assert_eq!(page.matches("data-state=\"overdue\"").count(), 1);
    for loaded in ["<script", "http:", "https:", "@import", "url("] {
        assert!(!page.contains(loaded), "{loaded}");
    }
    // Each due time is drawn, and described for those who cannot see it.
    assert_eq!(page.matches("role=\"img\"").count(), 4);
    assert!(page.contains("1 of the last 30 due times have a recovery point"));
}

#[test]
fn the_report_says_how_long_snapshots_and_copies_take() {
    let world = fleet(1);
    put_history(&world, "db0", made_in([12, 40, 10]));
    let page = page_of(&world, "durations.html");
    let told = "snapshot usually 3 min, at most 3 min; copy usually 12 min, at most 40 min";
    assert_eq!(page.matches(told).count(), 1, "{page}");
    assert_eq!(page.matches("durations not known").count(), 1, "{page}");
    let mut report = Vec::new();
    run(make_report(&world, &planning(), None, &mut report)).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let durations = |id: &str| {
        let mut databases = report["databases"].as_array().unwrap().iter();
        databases.find(|one| one["id"] == id).unwrap()["durations"].clone()
    };
    assert_eq!(
        durations("db0"),
        json!({
            "snapshot": {"usual_seconds": 180, "longest_seconds": 180, "known": 3},
            "copy": {"usual_seconds": 720, "longest_seconds": 2400, "known": 3},
        })
    );
    let unknown = json!({"snapshot": null, "copy": null});
    assert_eq!(durations("forgotten"), unknown);
}

#[test]
fn the_report_says_what_recovery_points_cost_at_most_and_by_which_prices() {
    // Four recovery points of 100 GiB, copied once a day.
    let world = fleet(3);
    let page = page_of(&world, "cost.html");
    let told = "by list prices of us-east-1 as known at 2026-11-23: storage at most $38.00";
    assert_eq!(page.matches(told).count(), 1, "{page}");
    assert!(page.contains("transfer at most $240.00"), "{page}");
    let mut report = Vec::new();
    run(make_report(&world, &planning(), None, &mut report)).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let cost = &report["cost"];
    let total = json!({
        "recovery_points": 4,
        "gib": 400,
        "recovery_points_of_unknown_cost": 0,
        "storage_usd_a_month_at_most": 38.0,
        "storage_of_newest_usd_a_month_at_most": 38.0,
        "copied_databases": 4,
        "databases_of_unknown_size": 0,
        "transfer_gib_a_month_at_most": 12_000,
        "transfer_usd_a_month_at_most": 240.0,
    });
    assert_eq!(cost["total"], total);
    assert_eq!(cost["policies"], json!({"default": total}));
    assert_eq!(cost["prices"]["region"], "us-east-1");
    assert_eq!(cost["prices"]["list"].as_array().unwrap().len(), 3);
}

/// `.ci/browser` looks at this page in a browser, and compares it with this JSON.
#[test]
fn a_fleet_with_one_database_of_each_state_is_left_for_the_browser() {
    let world = fleet(40);
    let mut databases = world.rds().databases.clone();
    databases[0].status = "stopped".to_owned();
    databases[1]
        .tags
        .insert("snapferry:policy".to_owned(), "dialy".to_owned());
    databases[2]
        .tags
        .insert("snapferry:exclude".to_owned(), "true".to_owned());
    databases.push(database("brand-new"));
    databases.retain(|database| database.arn.name() != "db3");
    world.rds().databases = databases;
    for days in 1..25 {
        let copy = copy_of("db4", days * 2);
        world.operator().manual_snapshots.push(copy);
    }
    // Whole minutes below an hour, which the browser's check can read back.
    put_history(&world, "db4", made_in([12, 40, 10]));
    put_history(&world, "db5", made_in([55, 7, 58]));
    let page = page_of(&world, "fleet.html");
    assert_eq!(page.matches("data-state=\"orphaned\"").count(), 1);
    let mut report = Vec::new();
    run(make_report(&world, &planning(), None, &mut report)).unwrap();
    std::fs::write(
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet.json"),
        report,
    )
    .unwrap();
}

#[test]
fn nothing_that_rds_says_becomes_markup() {
    let world = fleet(1);
    let text = "<script>alert(1)</script>";
    world.rds().databases[1]
        .tags
        .insert("snapferry:policy".to_owned(), text.to_owned());
    let page = page_of(&world, "escaped.html");
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&#60;script&#62;"), "{page}");
}

#[test]
fn a_report_that_cannot_be_written_names_the_file() {
    let path = Path::new("/nowhere/report.html");
    let refused = run(make_report(
        &fleet(1),
        &planning(),
        Some(path),
        &mut Vec::new(),
    ));
    let said = refused.unwrap_err().to_string();
    assert!(
        said.contains("/nowhere/report.html cannot be written"),
        "{said}"
    );
}

#[test]
fn paused_policies_are_named_in_status_and_report() {
    let world = fleet(1);
    let text = "[policy.default]\nschedule = \"0 3 * * *\"\npaused = true\n[policy.gold]\nschedule = \"0 3 * * *\"\n";
    let home = crate::world::region(crate::world::HOME);
    run(snapferry::app::policies::apply(&world, &home, text, None)).unwrap();
    let (_, text) = shown(&world, &Selected::default(), false);
    assert!(
        text.contains("Paused, so that nothing of them is started: default."),
        "{text}"
    );
    let (_, json) = shown(&world, &Selected::default(), true);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["paused"], json!(["default"]));
}

/// One database that is well.
fn well() -> World {
    let world = fleet(1);
    world.rds().databases.pop();
    world.operator().manual_snapshots.pop();
    world
}

/// Nothing goes while removals are frozen, and a quota fills: nobody should have to remember that.
#[test]
fn a_freeze_and_what_is_held_are_told_in_status_and_report() {
    let world = well();
    let shown_json = |world: &World| -> Value {
        serde_json::from_str(&shown(world, &Selected::default(), true).1).unwrap()
    };
    let json = shown_json(&world);
    assert_eq!(
        (&json["frozen"], &json["summary"]["held"]),
        (&Value::Null, &json!(0))
    );

    let freeze = Freeze {
        why: "an audit".to_owned(),
        by: "ann".to_owned(),
        at: "2026-11-20T08:00:00Z".parse().unwrap(),
        and_drills: false,
    };
    run(world.set_freeze(&freeze)).unwrap();
    let hold = (tags::HOLD.to_owned(), "the audit".to_owned());
    world.operator().manual_snapshots[0].tags.extend([hold]);

    let json = shown_json(&world);
    let frozen = json!({"why": "an audit", "by": "ann", "since": "2026-11-20T08:00:00Z", "and_drills": false});
    assert_eq!(
        (&json["frozen"], &json["summary"]["held"]),
        (&frozen, &json!(1))
    );
    let mut page = Vec::new();
    run(make_report(&world, &planning(), None, &mut page)).unwrap();
    let report: Value = serde_json::from_slice(&page).unwrap();
    assert_eq!(report["frozen"], frozen);
    let (ended, text) = shown(&world, &Selected::default(), false);
    let why =
        "Frozen by ann since 2026-11-20T08:00:00Z, so that no recovery point is removed: an audit.";
    assert!(text.contains(why), "{text}");
    assert!(text.contains("1 recovery point is held"), "{text}");
    assert_eq!(ended, Ended::Well, "both are what a person wants");
}

#[test]
fn dead_letters_need_a_person() {
    let (mut out, world) = (Vec::new(), well());
    world
        .operator()
        .messages
        .extend([("https://letters".to_owned(), 2)]);
    let queues = [(Letters::Commands, "https://letters".to_owned())];
    let home = crate::world::region(crate::world::HOME);
    let letters = run(waiting_letters(&world, &home, &queues));
    let selected = Selected::default();
    let ended = run(show_status(
        &world,
        &planning(),
        letters,
        &selected,
        false,
        &mut out,
    ))
    .unwrap();
    assert_eq!(ended, Ended::Badly);
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("dead letters, commands: 2 wait for a person"),
        "{text}"
    );
    assert!(text.contains("snapferry replay commands --yes"), "{text}");

    world
        .operator()
        .messages
        .extend([("https://letters".to_owned(), 0)]);
    assert_eq!(run(waiting_letters(&world, &home, &queues)), []);
    world.break_once(Name::CountMessages);
    assert_eq!(run(waiting_letters(&world, &home, &queues)), []);
}
