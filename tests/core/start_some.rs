//! `snapferry start` for some databases: what it leaves out stays due, a dry run changes nothing, and what was started is
//! followed to its end.

use snapferry::app::follow::{Followed, Progress, look};
use snapferry::app::planner::{Outcome, PlanScope, Planned, When, plan_some};
use snapferry::domain::id::names::ExecutionName;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::failure::Remedy;
use snapferry::domain::run::last_error::LastError;
use snapferry::domain::run::wait::{Expectation, Phase, Wait};
use snapferry::ports::ExecutionState;

use crate::planner::{listed, planning};
use crate::world::{Fixture, World, a_run, command, run, snapshot_arn};

const TAGGED: &[(&str, &str)] = &[("snapferry:policy", "default")];

fn world_with(names: &[&str]) -> World {
    let world = World::new();
    let databases = names.iter().map(|name| listed(name, TAGGED));
    world.rds().databases.extend(databases);
    world
}

fn start(world: &World, when: When, scope: &PlanScope) -> Vec<Planned> {
    run(plan_some(world, &planning(&[]), when, scope)).unwrap()
}

fn only(databases: &[&str]) -> PlanScope {
    PlanScope {
        databases: databases.iter().map(ToString::to_string).collect(),
        ..PlanScope::default()
    }
}

fn started(planned: &[Planned]) -> Vec<&str> {
    let rows = planned.iter().flat_map(|region| &region.rows);
    let started = rows.filter(|row| matches!(row.outcome, Outcome::Started(_)));
    started.map(|row| row.database.name()).collect()
}

#[test]
fn a_named_database_is_started_alone_and_the_others_stay_due() {
    let world = world_with(&["a", "b", "c"]);
    let planned = start(&world, When::Due, &only(&["b"]));
    assert_eq!(started(&planned), ["b"]);
    assert!(planned[0].names.contains("c"), "for a hint");
    let rest = start(&world, When::Due, &PlanScope::default());
    // The cursor was not moved, and the execution of b is the one that there is.
    assert_eq!(started(&rest), ["a", "b", "c"]);
    assert_eq!(world.executions().len(), 3);
}

#[test]
fn a_database_may_be_named_by_its_arn_or_resource_id() {
    let world = world_with(&["a", "b"]);
    let arn = a_run("a").database.arn.to_string();
    assert_eq!(started(&start(&world, When::Due, &only(&[&arn]))), ["a"]);
    assert_eq!(started(&start(&world, When::Due, &only(&["db-B"]))), ["b"]);
}

#[test]
fn another_policys_databases_are_left_alone() {
    let world = world_with(&["a"]);
    let scope = PlanScope {
        policies: vec!["gold".to_owned()],
        ..PlanScope::default()
    };
    assert_eq!(start(&world, When::Due, &scope), []);
    assert_eq!(world.executions().len(), 0);
}

#[test]
fn a_dry_run_starts_and_stores_nothing_and_says_what_a_start_would_do() {
    let world = world_with(&["a", "b"]);
    let dry = PlanScope {
        dry_run: true,
        ..PlanScope::default()
    };
    let would = |world: &World, when| {
        let planned = start(world, when, &dry);
        let rows = planned.into_iter().flat_map(|region| region.rows);
        rows.map(|row| row.outcome).collect::<Vec<_>>()
    };
    let outcomes = would(&world, When::Due);
    assert!(
        matches!(
            outcomes[..],
            [Outcome::WouldStart(_), Outcome::WouldStart(_)]
        ),
        "{outcomes:?}"
    );
    assert_eq!(world.executions().len(), 0);
    let planned = start(&world, When::Due, &PlanScope::default());
    assert_eq!(started(&planned), ["a", "b"], "it was still due");
    let Outcome::Started(name) = &planned[0].rows[0].outcome else {
        panic!("{planned:?}");
    };
    world.set_execution(name, ExecutionState::Succeeded);
    let outcomes = would(&world, When::Again);
    assert!(
        matches!(outcomes[..], [Outcome::Done(_), Outcome::StillRunning(_)]),
        "{outcomes:?}"
    );
}

#[test]
fn what_was_started_is_followed_to_its_end() {
    let world = world_with(&["a", "b"]);
    let planned = start(&world, When::Due, &PlanScope::default());
    let mut followed: Vec<Followed> = planned[0]
        .rows
        .iter()
        .map(|row| match &row.outcome {
            Outcome::Started(name) => Followed {
                execution: name.clone(),
                database: row.database.clone(),
                progress: Progress::Started,
            },
            other => panic!("{other:?}"),
        })
        .collect();
    let b = followed[1].execution.clone();
    let mut wait = Wait::new(
        snapshot_arn(&a_run("a"), 1),
        command(Step::Snapshot, "token", "a"),
        Expectation::Snapshot,
        world.clock(),
    );
    wait.phase = Phase::Registered;
    let execution = wait.command.execution.name().to_owned();
    followed[0].execution = ExecutionName::parse(&execution).unwrap();
    world.store(wait.clone());
    assert!(!run(look(&world, &mut followed)).unwrap());
    assert!(matches!(followed[0].progress, Progress::Waits(_)));
    assert_eq!(followed[1].progress, Progress::Started);
    wait.last_error = Some(LastError {
        remedy: Some(Remedy::FixKey),
        why: "the key is disabled".to_owned(),
        at: world.clock(),
    });
    world.store(wait);
    world.set_execution(&b, ExecutionState::Failed);
    assert!(!run(look(&world, &mut followed)).unwrap());
    let parked = followed[0].progress.to_string();
    assert!(parked.contains("the key is disabled"), "{parked}");
    assert!(matches!(followed[1].progress, Progress::Failed(_)));
}
