//! `snapferry start` for some databases, without acting, and to the end.

use std::time::Duration;

use serde_json::Value;
use snapferry::app::planner::{PlanScope, When};
use snapferry::cli::{CliError, Ended, StartRequest, run_start};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::rds::copy_facts::CopyFacts;
use snapferry::domain::rds::database::Database;
use snapferry::ports::ExecutionState;

use crate::prune::planning;
use crate::world::{Fixture, World, database, run};

fn world() -> World {
    let world = World::new();
    let listed = ["orders", "billing"].map(|name| Database {
        arn: database(name),
        resource_id: ResourceId::parse(&format!("db-{}", name.to_uppercase())).unwrap(),
        member_of: None,
        engine: "postgres".to_owned(),
        option_group: None,
        copy_facts: CopyFacts::default(),
        multi_az: Some(true),
        backup_retention_days: Some(7),
        status: "available".to_owned(),
        captured: Default::default(),
        tags: [("snapferry:policy".to_owned(), "default".to_owned())].into(),
    });
    world.rds().databases.extend(listed);
    world
}

fn request(scope: PlanScope, waits: bool) -> StartRequest {
    StartRequest {
        when: When::Again,
        scope,
        waits,
    }
}

fn only(database: &str) -> PlanScope {
    PlanScope {
        databases: vec![database.to_owned()],
        ..PlanScope::default()
    }
}

fn started(world: &World, request: &StartRequest, json: bool) -> Result<(Ended, String), CliError> {
    let mut out = Vec::new();
    let ended = run(run_start(world, &planning(), request, json, &mut out))?;
    Ok((ended, String::from_utf8(out).unwrap()))
}

#[test]
fn a_name_that_nothing_has_is_an_error_with_the_name_that_was_probably_meant() {
    let error = started(&world(), &request(only("order"), false), false).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("--database: order: not found"), "{error}");
    assert!(error.contains("orders"), "{error}");
    let scope = PlanScope {
        policies: vec!["defualt".to_owned()],
        ..PlanScope::default()
    };
    let world = world();
    let error = started(&world, &request(scope, false), false).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("--policy: defualt: not found"), "{error}");
    assert!(error.contains("default"), "{error}");
    assert_eq!(world.executions().len(), 0);
}

#[test]
fn a_wrong_name_hides_nothing_that_was_started() {
    for json in [false, true] {
        let world = world();
        let both = PlanScope {
            databases: vec!["orders".to_owned(), "bilings".to_owned()],
            ..PlanScope::default()
        };
        let (ended, out) = started(&world, &request(both, false), json).unwrap();
        assert_eq!((ended, world.executions().len()), (Ended::Badly, 1));
        assert!(out.contains("sf-orders-"), "{out}");
        assert!(out.contains("bilings: not found"), "{out}");
    }
}

#[test]
fn what_is_left_over_is_not_passed_over_in_silence() {
    let world = world();
    for database in &mut world.rds().databases {
        database.status = "stopped".to_owned();
    }
    let due = StartRequest {
        when: When::Due,
        ..request(PlanScope::default(), false)
    };
    started(&world, &due, false).unwrap();
    let scoped = StartRequest {
        scope: only("orders"),
        ..due
    };
    let (_, out) = started(&world, &scoped, false).unwrap();
    assert!(out.contains("has left databases over"), "{out}");
}

#[test]
fn a_dry_run_says_what_it_would_start_and_that_it_did_not() {
    let dry = PlanScope {
        dry_run: true,
        ..only("orders")
    };
    let world = world();
    let (ended, out) = started(&world, &request(dry.clone(), false), false).unwrap();
    assert_eq!(ended, Ended::Well);
    assert!(out.contains("would start sf-orders-"), "{out}");
    assert!(out.ends_with("dry run: nothing was started\n"), "{out}");
    let (_, out) = started(&world, &request(dry, false), true).unwrap();
    let answer: Value = serde_json::from_str(&out).unwrap();
    let rows = answer["regions"][0]["databases"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{out}");
    assert_eq!(rows[0]["outcome"], "would-start");
    assert_eq!(world.executions().len(), 0);
}

/// The executions end while the command waits: the first in this state, the second with success.
async fn waited(first: ExecutionState) -> (Ended, Value) {
    let world = world();
    let mut out = Vec::new();
    let (planning, request) = (planning(), request(PlanScope::default(), true));
    let follows = run_start(&world, &planning, &request, true, &mut out);
    let ends = async {
        tokio::time::sleep(Duration::from_secs(12)).await;
        let names: Vec<_> = world.executions().into_keys().collect();
        let states = [first, ExecutionState::Succeeded];
        for (name, state) in names.iter().zip(states) {
            world.set_execution(name, state);
        }
    };
    let (ended, ()) = tokio::join!(follows, ends);
    (ended.unwrap(), serde_json::from_slice(&out).unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_was_started_is_followed_until_all_of_it_has_ended() {
    let (ended, answer) = waited(ExecutionState::Succeeded).await;
    assert_eq!(ended, Ended::Well);
    let followed = answer["followed"].as_array().unwrap();
    assert_eq!(followed.len(), 2, "{answer}");
    assert!(followed.iter().all(|one| one["outcome"] == "succeeded"));
    let (ended, answer) = waited(ExecutionState::Failed).await;
    assert_eq!(ended, Ended::Badly, "{answer}");
    let failed = answer["followed"].as_array().unwrap().iter();
    assert_eq!(failed.filter(|one| one["outcome"] == "failed").count(), 1);
}
