//! `snapferry drill`: the plans and the history that it shows.

use serde_json::Value as Json;
use snapferry::app::drill::plan::DrillOf;
use snapferry::app::policies::apply;
use snapferry::cli::{CliError, DrillAction, Ended, clean_up, drill};
use snapferry::domain::id::tags::StackId;

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
        "orders: it was never drilled",
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
