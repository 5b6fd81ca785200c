//! Stop: a person ends a run, and nothing of it is left that would keep its database from being started anew.

use jiff::SignedDuration;
use snapferry::app::planner::{Outcome as Planned, When, plan};
use snapferry::app::redrive::{self, RedriveRequest, SkipReason, redrive};
use snapferry::app::stop::{
    Outcome, Selection, Stop, StopConfig, StopRequest, WaitOutcome, WaitRow, stop,
};
use snapferry::app::sweep::sweep;
use snapferry::domain::id::names::ExecutionName;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::failure::Operation;
use snapferry::domain::run::wait::{Phase, Wait};
use snapferry::fake::step_functions::Execution;
use snapferry::ports::{ClaimRun, ExecutionState, Waits};

use crate::planner::{listed, planning};
use crate::policies::applied;
use crate::sweeper::wait_for;
use crate::world::{
    Fixture, KEY, Name, OTHER_KEY, Token, World, a_run, ours, rules, run, sweeper_config, time,
};

fn config() -> StopConfig {
    StopConfig {
        rules: rules(),
        width: 20,
    }
}

fn name(of: &str) -> ExecutionName {
    ExecutionName::parse(&format!("run-of-{of}")).unwrap()
}

/// A run that holds its claim, and whose wait is in this phase.
fn running(world: &World, of: &str, step: Step, phase: Phase) -> Wait {
    let (run_of, execution) = (a_run(of), name(of));
    run(world.claim_run(&run_of, &execution, world.clock(), None)).unwrap();
    let started = Execution::new(ExecutionState::Running, Some(run_of));
    world.step_functions().all.insert(execution, started);
    wait_for(world, step, of, phase)
}

/// Longer than any function lives, so that no worker can be at work any more.
fn past_the_grace(world: &World) {
    world.pass(rules().grace + SignedDuration::from_secs(1));
}

fn of_database(database: &str) -> StopRequest {
    StopRequest {
        selection: Selection::Databases(vec![database.to_owned()]),
        why: "the key was wrong".to_owned(),
        act: true,
    }
}

fn of_execution(of: &str) -> StopRequest {
    StopRequest {
        selection: Selection::Executions(vec![name(of)]),
        ..of_database(of)
    }
}

/// Step Functions forgets the token of a stopped execution.
fn do_stop(world: &World, request: &StopRequest) -> Stop {
    let stopped = run(stop(world, &config(), request)).unwrap();
    for row in &stopped.rows {
        if row.outcome == Outcome::Stopped {
            world.set_token(
                row.execution.as_str().trim_start_matches("run-of-"),
                Token::Dead,
            );
        }
    }
    stopped
}

fn outcomes(stop: &Stop) -> Vec<&Outcome> {
    stop.rows.iter().map(|row| &row.outcome).collect()
}

fn only_wait(stop: &Stop) -> &WaitRow {
    let waits: Vec<&WaitRow> = stop.rows.iter().flat_map(|row| &row.waits).collect();
    assert_eq!(waits.len(), 1, "{stop:?}");
    waits[0]
}

fn claim_of(world: &World, of: &str) -> Option<ExecutionName> {
    world.entry(&a_run(of).database.resource_id)?.open
}

#[test]
fn a_name_that_no_open_run_has_is_answered_with_the_one_that_was_probably_meant() {
    let world = World::new();
    running(&world, "orders", Step::Copy, Phase::Queued);
    let said = |request: &StopRequest| {
        let shown = StopRequest {
            act: false,
            ..request.clone()
        };
        let stopped = do_stop(&world, &shown);
        let said = stopped.not_found.iter().map(ToString::to_string);
        said.collect::<Vec<_>>()
    };
    assert_eq!(said(&of_database("ordes")), ["ordes; did you mean orders?"]);
    assert_eq!(said(&of_database("x")), ["x"]);
    assert_eq!(said(&of_database("orders")), [""; 0]);
    assert_eq!(said(&of_execution("orders")), [""; 0]);
    let (known, slip) = (name("orders"), name("ordes"));
    let expected = format!("{slip}; did you mean {known}?");
    assert_eq!(said(&of_execution("ordes")), [expected]);
}

#[test]
fn without_yes_a_run_is_shown_with_what_it_waits_for_and_nothing_changes() {
    let world = World::new();
    let wait = running(&world, "orders", Step::Copy, Phase::Queued);
    for request in [of_database("orders"), of_execution("orders")] {
        let shown = do_stop(
            &world,
            &StopRequest {
                act: false,
                ..request
            },
        );
        assert_eq!(outcomes(&shown), [&Outcome::Running]);
        assert_eq!(only_wait(&shown).resource, wait.resource);
        assert_eq!(only_wait(&shown).outcome, WaitOutcome::Open);
        assert!(shown.is_complete());
    }
    assert_eq!(world.wait(&wait.resource), Some(wait));
    assert_eq!(claim_of(&world, "orders"), Some(name("orders")));
    assert_eq!(world.calls_of("StopExecution"), 0);
}

#[test]
fn a_stopped_run_gives_up_its_claim_and_the_wait_of_its_parked_command() {
    let world = World::new();
    let wait = running(&world, "orders", Step::Copy, Phase::Registered);
    world.hold_slot(wait.resource.clone());
    past_the_grace(&world);
    let stopped = do_stop(&world, &of_database("orders"));
    assert_eq!(outcomes(&stopped), [&Outcome::Stopped]);
    assert_eq!(only_wait(&stopped).outcome, WaitOutcome::Forgotten);
    assert_eq!(claim_of(&world, "orders"), None);
    assert!(world.waits().is_empty());
    let state = world.executions()[&name("orders")];
    assert_eq!(state, ExecutionState::Failed);
    run(sweep(&world, &sweeper_config())).unwrap();
    assert!(world.slots().is_empty(), "the sweep frees its slot");
}

#[test]
fn a_queued_copy_of_a_stopped_run_is_forgotten_at_once() {
    let world = World::new();
    running(&world, "orders", Step::Copy, Phase::Queued);
    let stopped = do_stop(&world, &of_execution("orders"));
    assert_eq!(only_wait(&stopped).outcome, WaitOutcome::Forgotten);
    assert!(world.waits().is_empty());
}

#[test]
fn what_rds_makes_for_a_stopped_run_keeps_its_slot_and_becomes_a_recovery_point() {
    let world = World::new();
    let wait = running(&world, "orders", Step::Copy, Phase::Requested);
    world.hold_slot(wait.resource.clone());
    let stopped = do_stop(&world, &of_database("orders"));
    assert_eq!(only_wait(&stopped).outcome, WaitOutcome::UnderWay);
    assert_eq!(claim_of(&world, "orders"), None);
    assert_eq!(world.slots().len(), 1, "RDS still makes the copy");
    let copy = ours(&wait.resource, &a_run("orders"), SnapshotStatus::Available);
    world.put_snapshot(copy);
    run(sweep(&world, &sweeper_config())).unwrap();
    assert!(world.waits().is_empty());
    let entry = world.entry(&a_run("orders").database.resource_id).unwrap();
    assert_eq!(entry.newest.unwrap().snapshot, wait.resource);
    run(sweep(&world, &sweeper_config())).unwrap();
    assert!(world.slots().is_empty());
}

#[test]
fn what_rds_shows_stays_although_the_worker_had_not_noted_that_it_asked() {
    let world = World::new();
    let wait = running(&world, "orders", Step::Copy, Phase::Registered);
    let copy = ours(&wait.resource, &a_run("orders"), SnapshotStatus::Creating);
    world.put_snapshot(copy);
    past_the_grace(&world);
    let stopped = do_stop(&world, &of_database("orders"));
    assert_eq!(only_wait(&stopped).outcome, WaitOutcome::UnderWay);
    assert!(world.wait(&wait.resource).is_some());
}

#[test]
fn a_wait_that_a_worker_may_be_at_work_on_stays_for_the_grace() {
    let world = World::new();
    let wait = running(&world, "orders", Step::Snapshot, Phase::Registered);
    let until = world.clock() + rules().grace;
    let stopped = do_stop(&world, &of_database("orders"));
    assert_eq!(only_wait(&stopped).outcome, WaitOutcome::InUse(until));
    assert!(stopped.is_complete());
    // The same stop again, later.
    past_the_grace(&world);
    let again = do_stop(&world, &of_execution("orders"));
    assert_eq!(outcomes(&again), [&Outcome::Ended]);
    assert_eq!(only_wait(&again).outcome, WaitOutcome::Forgotten);
    assert_eq!(world.wait(&wait.resource), None);
}

#[test]
fn a_wait_that_a_worker_renews_while_it_is_looked_at_stays() {
    let world = World::new();
    let wait = running(&world, "orders", Step::Copy, Phase::Queued);
    past_the_grace(&world);
    let (worker, renewed) = (world.clone(), wait.clone());
    world.meanwhile(Name::ForgetIdle, move || {
        let (resource, token) = (&renewed.resource, &renewed.command.token);
        let now = worker.clock();
        run(worker.set_phase(resource, token, Phase::Registered, now)).unwrap();
    });
    let stopped = do_stop(&world, &of_database("orders"));
    let until = world.clock() + rules().grace;
    assert_eq!(only_wait(&stopped).outcome, WaitOutcome::InUse(until));
    assert_eq!(world.phase(&wait.resource), Some(Phase::Registered));
}

#[test]
fn a_stop_that_was_interrupted_is_made_up_for_by_the_next() {
    let world = World::new();
    running(&world, "orders", Step::Copy, Phase::Queued);
    world.break_once(Name::ReleaseRun);
    let broken = do_stop(&world, &of_execution("orders"));
    assert!(matches!(outcomes(&broken)[..], [Outcome::Failed(_)]));
    assert!(!broken.is_complete());
    assert_eq!(claim_of(&world, "orders"), Some(name("orders")));
    let again = do_stop(&world, &of_execution("orders"));
    assert_eq!(outcomes(&again), [&Outcome::Ended]);
    assert_eq!(claim_of(&world, "orders"), None);
    assert!(world.waits().is_empty());
}

#[test]
fn a_stop_of_one_database_leaves_the_others_and_a_stop_of_all_leaves_none() {
    let world = World::new();
    for of in ["a", "b", "c"] {
        running(&world, of, Step::Copy, Phase::Queued);
    }
    world.set_execution(&name("c"), ExecutionState::Succeeded);
    do_stop(&world, &of_database("A"));
    assert_eq!(claim_of(&world, "a"), None);
    assert_eq!(claim_of(&world, "b"), Some(name("b")));
    let none = do_stop(&world, &of_database("c"));
    assert!(none.rows.is_empty() && none.is_complete());
    let all = StopRequest {
        selection: Selection::All,
        ..of_database("a")
    };
    let stopped = do_stop(&world, &all);
    let names: Vec<&str> = stopped
        .rows
        .iter()
        .map(|row| row.execution.as_str())
        .collect();
    assert_eq!(names, ["run-of-b"]);
}

#[test]
fn an_execution_that_step_functions_does_not_know_is_reported() {
    let world = World::new();
    let stopped = do_stop(&world, &of_execution("orders"));
    assert_eq!(outcomes(&stopped), [&Outcome::Unknown]);
    assert!(!stopped.is_complete());
}

#[test]
fn a_region_that_does_not_answer_leaves_its_waits_as_they_are() {
    let world = World::new();
    let wait = running(&world, "orders", Step::Copy, Phase::Queued);
    world.script(Operation::DescribeDbSnapshots, None, "no answer");
    let stopped = do_stop(&world, &of_database("orders"));
    assert_eq!(outcomes(&stopped), [&Outcome::Stopped]);
    assert!(matches!(
        only_wait(&stopped).outcome,
        WaitOutcome::Failed(_)
    ));
    assert!(!stopped.is_complete());
    assert_eq!(world.wait(&wait.resource), Some(wait));
}

#[test]
fn a_run_that_a_person_stopped_is_not_redriven() {
    let world = World::new();
    running(&world, "orders", Step::Copy, Phase::Queued);
    do_stop(&world, &of_database("orders"));
    let request = RedriveRequest {
        since: time("2026-11-08T03:05:00Z"),
        until: None,
        databases: Vec::new(),
        act: true,
        restart: true,
        max: 200,
    };
    let done = run(redrive(&world, &rules().stack, &request)).unwrap();
    let outcomes: Vec<_> = done.rows.iter().map(|row| &row.outcome).collect();
    let skipped = redrive::Outcome::Skipped(SkipReason::Stopped);
    assert_eq!(outcomes, [&skipped]);
    assert!(world.step_functions().redriven.is_empty());
}

#[test]
fn a_database_starts_again_under_its_policys_new_key_after_a_stop() {
    let world = World::new();
    world
        .rds()
        .databases
        .insert(0, listed("orders", &[("snapferry:policy", "default")]));
    let policy = |key: &str| {
        applied(
            &world,
            &format!(
                "[policy.default]\nschedule = \"0 3 * * *\"\nspread = \"0m\"\nkms_key = \"{key}\"\n"
            ),
        )
    };
    policy(KEY);
    let start = |when| {
        let planned = run(plan(&world, &planning(&[]), when)).unwrap();
        planned[0].rows[0].outcome.clone()
    };
    assert!(matches!(start(When::Due), Planned::Started(_)));
    policy(OTHER_KEY);
    assert!(matches!(start(When::Again), Planned::StillRunning(_)));
    run(stop(&world, &config(), &of_database("orders"))).unwrap();
    assert!(matches!(start(When::Again), Planned::Started(name) if name.as_str().ends_with("-a2")));
    let keys: Vec<String> = world.runs().iter().map(|run| run.key.to_string()).collect();
    assert_eq!(keys, [KEY, OTHER_KEY]);
}
