//! `snapferry drill`: the plans and the history that it shows.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use snapferry::app::drill::plan::{DrillOf, plan_drills};
use snapferry::app::policies::apply;
use snapferry::cli::{
    CliError, DrillAction, Ended, Selected, clean_up, drill, make_report, show_status,
};
use snapferry::domain::drill::record::{DrillRecord, Drills, Verdict};
use snapferry::domain::id::arn::Family;
use snapferry::domain::id::tags::StackId;
use snapferry::ports::{Clock, StoreDrills, StoredDrills};

use crate::destroy::restored;
use crate::prune::planning;
use crate::restore_commands::{POLICIES, world};
use crate::world::{Call, Fixture, HOME, World, region, run};

const DRILL: &str = r#"
[policy.default.drill]
every = "30d"
subnet_group = "drills"
security_groups = ["sg-0d1e2f3a"]
cost_ceiling = 100
[policy.default.drill.parameter_groups]
"*" = "quiet"
"#;

fn drilled() -> World {
    let world = world();
    let policies = format!("{POLICIES}{DRILL}");
    run(apply(&world, &region(HOME), &policies, None)).unwrap();
    world.forget_calls();
    world
}

fn shown(
    world: &World,
    names: &[&str],
    action: DrillAction,
    json: bool,
) -> Result<(Ended, String), CliError> {
    let (stack, home) = (StackId::parse("prod").unwrap(), region(HOME));
    let databases: Vec<String> = names.iter().map(ToString::to_string).collect();
    let of = DrillOf {
        stack: &stack,
        home: &home,
        sources: &[],
        width: 20,
        databases: &databases,
        policy: None,
        only_due: true,
        level: None,
        leaves_removal: false,
    };
    let mut out = Vec::new();
    let ended = run(drill(world, of, action, json, &mut out));
    Ok((ended?, String::from_utf8(out).unwrap()))
}

#[test]
fn the_plan_says_why_each_database_is_drilled_what_is_called_and_what_it_costs() {
    let world = drilled();
    let (ended, out) = shown(&world, &[], DrillAction::DryRun, false).unwrap();
    assert_eq!(ended, Ended::Well, "{out}");
    for part in [
        "orders: it was never drilled to the level of its policy",
        "as sfd-orders-",
        "level L1",
        "1. RestoreDBInstanceFromDBSnapshot",
        "2 to drill (at most about $",
        "Nothing was changed",
    ] {
        assert!(out.contains(part), "no {part:?} in\n{out}");
    }
    assert!(world.calls().iter().all(|call| !call.writes()));
}

#[test]
fn json_has_a_row_for_each_database_with_its_reason() {
    let world = drilled();
    let text = format!("{POLICIES}{DRILL}").replace("cost_ceiling = 100", "cost_ceiling = 1");
    run(apply(&world, &region(HOME), &text, None)).unwrap();
    let (ended, out) = shown(&world, &[], DrillAction::DryRun, true).unwrap();
    assert_eq!(ended, Ended::Badly);
    let answer: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["schema"], 1);
    let rows = answer["databases"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert!(
        rows.iter().all(|row| row["code"] == "cost-ceiling"),
        "{out}"
    );
    assert!(rows.iter().all(|row| row["drilled"] == false));
}

#[test]
fn a_database_that_was_never_drilled_is_a_row_of_the_history() {
    let world = drilled();
    let (_, out) = shown(&world, &["orders"], DrillAction::History, true).unwrap();
    let answer: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["drills"].as_array().unwrap().len(), 0);
    let never = answer["never_drilled"].as_array().unwrap();
    assert!(
        never[0]["database"]
            .as_str()
            .unwrap()
            .ends_with(":db:orders")
    );
}

#[test]
fn an_unknown_database_is_refused_with_the_names_that_there_are() {
    let refused = shown(&drilled(), &["ordrs"], DrillAction::DryRun, false).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("orders"), "{text}");
}

#[test]
fn a_region_without_remains_of_drills_is_clean() {
    let world = drilled();
    let (stack, home) = (StackId::parse("prod").unwrap(), region(HOME));
    let mut out = Vec::new();
    let ended = run(clean_up(&world, (&stack, &home), true, false, &mut out)).unwrap();
    assert_eq!(ended, Ended::Well);
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("0 to remove, 0 stay."), "{out}");
    let deletes = |call: &Call| matches!(call, Call::DeleteDrilled { .. });
    assert!(!world.calls().iter().any(deletes));
}

#[test]
fn what_outlives_its_deadline_and_stays_is_shown_with_its_reason_and_in_the_exit_code() {
    let world = drilled();
    let now = world.now();
    let hours = |hours| now - SignedDuration::from_hours(hours);
    let cleaned = |deadline: Timestamp, made| {
        // The table knows no such drill.
        let mut found = restored(
            "sfd-orders-abcdefghij",
            &[
                ("snapferry:drill", "prod"),
                ("snapferry:restored", "prod"),
                ("snapferry:drill-id", "20261122t050000z"),
                ("snapferry:drill-of", "db-ORDERS"),
                ("snapferry:drill-deadline", &deadline.to_string()),
            ],
        );
        found.created_at = Some(made);
        world.world().state_mut().rds.restored = vec![(Family::Instance, found)];
        let (stack, home) = (StackId::parse("prod").unwrap(), region(HOME));
        [false, true].map(|acts| {
            let mut out = Vec::new();
            let ended = run(clean_up(&world, (&stack, &home), acts, false, &mut out));
            (ended.unwrap(), String::from_utf8(out).unwrap())
        })
    };
    for (ended, out) in cleaned(hours(1), hours(7)) {
        assert_eq!(ended, Ended::Badly, "{out}");
        assert!(
            out.contains("stays: the table knows no such drill"),
            "{out}"
        );
    }
    for (ended, out) in cleaned(hours(-1), hours(5)) {
        assert_eq!(ended, Ended::Well, "{out}");
        assert!(out.contains("stays: its drill may live until"), "{out}");
    }
    let deletes = |call: &Call| matches!(call, Call::DeleteDrilled { .. });
    assert!(!world.calls().iter().any(deletes));
}

/// Stores a drill of each database: that of orders passed, and that of shop failed.
fn drilled_before(world: &World) {
    let home = region(HOME);
    let stack = StackId::parse("prod").unwrap();
    let of = DrillOf {
        stack: &stack,
        home: &home,
        sources: &[],
        width: 20,
        databases: &[],
        policy: None,
        only_due: true,
        level: None,
        leaves_removal: false,
    };
    let plans = run(plan_drills(world, of, world.now())).unwrap();
    for row in plans.rows {
        let now = world.now();
        let mut record = DrillRecord::new(row.plan.as_ref().unwrap(), "ops", None, now);
        record.runs_at = Some(now + SignedDuration::from_secs(812));
        record.gone_at = Some(now + SignedDuration::from_secs(1_000));
        record.verdict = Some(match row.database.arn.name() {
            "orders" => Verdict::Passed,
            _ => Verdict::Failed(vec!["MultiAZ: it is false and should be true".to_owned()]),
        });
        let stored = StoredDrills {
            revision: 1,
            drills: Drills(vec![record]),
        };
        let of = &row.database.resource_id;
        run(world.store_drills(of, &stored)).unwrap();
    }
}

#[test]
fn status_and_report_say_how_the_drills_stand_and_a_failed_one_needs_a_person() {
    let world = drilled();
    let shown = |json| {
        let mut out = Vec::new();
        let selected = Selected::default();
        let ended = run(show_status(
            &world,
            &planning(),
            vec![],
            &selected,
            json,
            &mut out,
        ))
        .unwrap();
        (ended, String::from_utf8(out).unwrap())
    };
    let (_, never) = shown(false);
    assert!(
        never.contains("drill of orders: it was never drilled"),
        "{never}"
    );
    drilled_before(&world);
    let (ended, out) = shown(false);
    assert_eq!(ended, Ended::Badly);
    assert!(out.contains("1 of 2 databases passed a drill"), "{out}");
    assert!(
        out.contains("FAILED at ") && out.contains("MultiAZ: it is false"),
        "{out}"
    );
    let (_, out) = shown(true);
    let answer: Json = serde_json::from_str(&out).unwrap();
    let mut rows = answer["databases"].as_array().unwrap().iter();
    let orders = &rows.find(|row| row["id"] == "orders").unwrap()["drill"];
    assert_eq!(orders["result"], "passed");
    assert_eq!(orders["level"], "L1");
    assert_eq!(orders["rto_seconds"], 812);
    let mut out = Vec::new();
    run(make_report(&world, &planning(), None, &mut out)).unwrap();
    let report: Json = serde_json::from_slice(&out).unwrap();
    assert_eq!(report["databases"][0]["drill"]["due"], false);
    let page = Path::new(env!("CARGO_TARGET_TMPDIR")).join("drills.html");
    run(make_report(
        &world,
        &planning(),
        Some(&page),
        &mut Vec::new(),
    ))
    .unwrap();
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<h2 id=\"drills\">Drills</h2>") && page.contains("FAILED at "));
}

#[test]
fn the_history_is_evidence_with_everything_that_an_auditor_asks_for() {
    let world = drilled();
    drilled_before(&world);
    let (_, out) = shown(&world, &["shop"], DrillAction::History, true).unwrap();
    let answer: Json = serde_json::from_str(&out).unwrap();
    let drill = &answer["drills"][0];
    for key in [
        "drill",
        "name",
        "stack",
        "region",
        "account",
        "started_by",
        "policy",
        "database",
        "resource_id",
        "recovery_point",
        "taken_at",
        "data_age_seconds",
        "requested_at",
        "runs_at",
        "gone_at",
        "rto",
        "level_asked",
        "level_reached",
        "cost_at_most",
        "deadline",
        "tool",
        "hash",
    ] {
        assert!(!drill[key].is_null(), "{key}: {drill}");
    }
    assert_eq!(drill["result"], "failed");
    assert_eq!(drill["why"][0], "MultiAZ: it is false and should be true");
    assert_eq!(drill["left_behind"], false);
    let (_, text) = shown(&world, &["shop"], DrillAction::History, false).unwrap();
    assert!(text.contains("L1 after 812 s"), "{text}");
}

#[test]
fn no_drills_are_read_where_no_policy_has_any() {
    let world = world();
    let selected = Selected::default();
    run(show_status(
        &world,
        &planning(),
        vec![],
        &selected,
        true,
        &mut Vec::new(),
    ))
    .unwrap();
    let reads = |call: &Call| matches!(call, Call::ReadDrills { .. });
    assert!(!world.calls().iter().any(reads));
}
