//! `snapferry trace`: what it prints.

use serde_json::Value;
use snapferry::app::planner::{When, plan};
use snapferry::cli::{Ended, TraceForm, show_trace};

use crate::prune::planning;
use crate::status::database;
use crate::world::{Fixture, World, run};

fn shown(world: &World, form: TraceForm) -> (Ended, String) {
    let mut out = Vec::new();
    let planning = planning();
    let ended = run(show_trace(world, &planning, "orders", form, &mut out)).unwrap();
    (ended, String::from_utf8(out).unwrap())
}

fn started() -> World {
    let world = World::new();
    world.rds().databases.push(database("orders"));
    let again = run(plan(&world, &planning(), When::Again)).unwrap();
    assert_eq!(again[0].started(), 1);
    world
}

#[test]
fn a_story_fits_eighty_columns_and_ends_with_what_it_waits_for() {
    let form = TraceForm {
        width: Some(80),
        ..TraceForm::default()
    };
    let (ended, text) = shown(&started(), form);
    assert_eq!(ended, Ended::Well);
    assert!(
        text.starts_with("orders in eu-west-1, policy default\n"),
        "{text}"
    );
    assert!(text.contains("2026-11-22 03:00:00Z  0s"), "{text}");
    assert!(
        text.contains("Now: its command waits in the queue"),
        "{text}"
    );
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{text}");
}

#[test]
fn a_story_is_one_object_for_programs() {
    let form = TraceForm {
        json: true,
        ..TraceForm::default()
    };
    let (_, text) = shown(&started(), form);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["schema"], 1);
    assert_eq!(answer["outcome"], "running");
    assert_eq!(answer["policy"], "default");
    assert_eq!(answer["events"][0]["kind"], "due");
    assert_eq!(answer["events"][0]["at"], "2026-11-22T03:00:00Z");
    assert_eq!(answer["recovery_point"], Value::Null);
}
