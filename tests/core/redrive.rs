//! Redrive: a failed execution continues, or a new one does its work, and never two at once.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use snapferry::app::redrive::{Outcome, Redrive, RedriveRequest, SkipReason, redrive};
use snapferry::domain::id::names::{Attempt, ExecutionName};
use snapferry::domain::operator::redrive::{
    FailedExecution, FailedStatus, Redrivable, RestartReason, cause_in_words,
};
use snapferry::domain::restore::configuration::{Configuration, ConfigurationHash};
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::domain::run::naming;
use snapferry::fake::step_functions::Execution;
use snapferry::ports::{ClaimRun, ExecutionState, StoreConfigurations};

use crate::world::{Fixture, Name, World, a_run, rules, run, time};

/// An execution for a database that failed some hours ago.
fn failed(world: &World, run: &ProtectionRequest, attempt: u8, hours: i64) -> ExecutionName {
    let name = name(run, attempt);
    let ended_at = world.clock() - SignedDuration::from_hours(hours);
    let execution = Execution {
        ended: Some(FailedExecution {
            name: name.clone(),
            ended: FailedStatus::Failed,
            started_at: ended_at - SignedDuration::from_hours(1),
            ended_at,
        }),
        error: Some("Snapferry.SourceMissing".to_owned()),
        cause: Some("no available source".to_owned()),
        ..Execution::new(ExecutionState::Failed, Some(run.clone()))
    };
    let all = &mut world.step_functions().all;
    all.insert(name.clone(), execution);
    name
}

fn change(world: &World, name: &ExecutionName, change: impl FnOnce(&mut Execution)) {
    change(world.step_functions().all.get_mut(name).unwrap());
}

fn redriven(world: &World) -> Vec<ExecutionName> {
    world.step_functions().redriven.clone()
}

fn name(run: &ProtectionRequest, attempt: u8) -> ExecutionName {
    let attempt = Attempt::all().nth(usize::from(attempt) - 1).unwrap();
    naming::execution(&rules().stack, run, attempt)
}

fn shown() -> RedriveRequest {
    RedriveRequest {
        since: time("2026-11-08T03:05:00Z"),
        until: None,
        databases: Vec::new(),
        act: false,
        restart: false,
        max: 200,
    }
}

fn acted() -> RedriveRequest {
    RedriveRequest {
        act: true,
        ..shown()
    }
}

fn with_restart() -> RedriveRequest {
    RedriveRequest {
        restart: true,
        ..acted()
    }
}

fn do_redrive(world: &World, order: &RedriveRequest) -> Redrive {
    run(redrive(world, &rules().stack, order)).unwrap()
}

fn only(redrive: &Redrive) -> &Outcome {
    assert_eq!(redrive.rows.len(), 1, "{redrive:?}");
    &redrive.rows[0].outcome
}

#[test]
fn a_name_that_no_failed_execution_has_is_answered_with_the_one_that_was_probably_meant() {
    let world = World::new();
    let said = |databases: &[&str]| {
        let order = RedriveRequest {
            databases: databases.iter().map(ToString::to_string).collect(),
            ..shown()
        };
        let found = do_redrive(&world, &order).not_found;
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(said(&["ordes"]), ["ordes"], "nothing has failed");
    failed(&world, &a_run("orders"), 1, 2);
    assert_eq!(said(&["ordes", "orders"]), ["ordes; did you mean orders?"]);
    assert_eq!(said(&[]), [""; 0]);
}

#[test]
fn without_yes_everything_is_shown_and_nothing_is_done() {
    let world = World::new();
    let failed = failed(&world, &a_run("orders"), 1, 2);
    for restart in [false, true] {
        let shown = do_redrive(&world, &RedriveRequest { restart, ..shown() });
        assert_eq!(only(&shown), &Outcome::Redrivable);
        let row = &shown.rows[0];
        assert_eq!(row.execution.name, failed);
        assert_eq!(row.error.as_deref(), Some("Snapferry.SourceMissing"));
        assert_eq!(row.cause.as_deref(), Some("no available source"));
    }
    assert!(redriven(&world).is_empty());
    assert!(world.table().catalog().next().is_none());
    assert_eq!(world.calls_of("StartExecution"), 0);
}

#[test]
fn what_can_be_redriven_is_and_takes_its_databases_place() {
    let world = World::new();
    let failed = failed(&world, &a_run("orders"), 1, 2);
    let done = do_redrive(&world, &acted());
    assert_eq!(only(&done), &Outcome::Redriven);
    assert!(done.is_complete());
    assert_eq!(redriven(&world), std::slice::from_ref(&failed));
    let table = world.table();
    let open: Vec<_> = table
        .catalog()
        .map(|(_, _, entry)| entry.open.clone())
        .collect();
    assert_eq!(open, [Some(failed)]);
}

/// A redrive claims first, so it would permit what was refused.
#[test]
fn an_execution_that_never_held_the_claim_is_not_redriven_and_takes_no_other_ones_place() {
    let world = World::new();
    let real = failed(&world, &a_run("orders"), 1, 2);
    let mut forged = a_run("orders");
    forged.planned_at = time("2026-11-23T03:00:00Z");
    let forged = failed(&world, &forged, 1, 1);
    change(&world, &forged, |execution| {
        execution.error = Some("Snapferry.NotPermitted".to_owned());
    });
    let done = do_redrive(&world, &with_restart());
    let outcomes: Vec<&Outcome> = done.rows.iter().map(|row| &row.outcome).collect();
    let skipped = Outcome::Skipped(SkipReason::NeverClaimed);
    assert_eq!(outcomes, [&skipped, &Outcome::Redriven]);
    assert_eq!(redriven(&world), [real]);
}

#[test]
fn redriving_twice_is_redriving_once() {
    let world = World::new();
    failed(&world, &a_run("orders"), 1, 2);
    do_redrive(&world, &acted());
    let again = do_redrive(&world, &acted());
    assert_eq!(only(&again), &Outcome::Skipped(SkipReason::RunsAgain));
    assert_eq!(redriven(&world).len(), 1);
}

#[test]
fn nothing_is_redriven_beside_an_execution_that_is_open() {
    let world = World::new();
    let the_run = a_run("orders");
    failed(&world, &the_run, 1, 2);
    let mut newer = the_run.clone();
    newer.planned_at = time("2026-11-23T03:00:00Z");
    let open = name(&newer, 1);
    let now = world.clock();
    run(world.claim_run(&newer, &open, now, None)).unwrap();
    world.set_execution(&open, ExecutionState::Running);
    let done = do_redrive(&world, &with_restart());
    assert_eq!(
        only(&done),
        &Outcome::Skipped(SkipReason::StillRunning(open.clone()))
    );
    assert!(redriven(&world).is_empty());
    // It has ended unnoticed. The redrive asks for it and takes over its claim.
    world.set_execution(&open, ExecutionState::Succeeded);
    assert_eq!(only(&do_redrive(&world, &acted())), &Outcome::Redriven);
}

#[test]
fn a_place_that_is_claimed_anew_while_it_is_looked_at_is_not_taken() {
    let world = World::new();
    let the_run = a_run("orders");
    failed(&world, &the_run, 1, 2);
    let mut newer = the_run.clone();
    newer.planned_at = time("2026-11-23T03:00:00Z");
    let claimed = name(&newer, 1);
    let now = world.clock();
    // The planner of this old claim died, but its next run is going on.
    run(world.claim_run(&newer, &claimed, now, None)).unwrap();
    world.pass(SignedDuration::from_mins(16));
    // Its own planner claims again, to start it, while the redrive is asking about it.
    let (other, name) = (world.clone(), claimed.clone());
    world.meanwhile(Name::DescribeExecution, move || {
        run(other.claim_run(&newer, &name, other.clock(), None)).unwrap();
    });
    let done = do_redrive(&world, &acted());
    let Outcome::Failed(why) = only(&done) else {
        panic!("{done:?}");
    };
    assert!(why.contains(claimed.as_str()), "{why}");
    assert!(redriven(&world).is_empty());
}

#[test]
fn of_several_for_one_database_and_policy_only_the_latest_goes_on() {
    let world = World::new();
    let older = a_run("orders");
    let mut newer = older.clone();
    newer.planned_at = time("2026-11-23T03:00:00Z");
    let first = failed(&world, &older, 1, 30);
    let second = failed(&world, &older, 2, 20);
    let last = failed(&world, &newer, 1, 2);
    let other = failed(&world, &a_run("billing"), 1, 40);
    let done = do_redrive(&world, &acted());
    let outcomes: BTreeMap<_, _> = done
        .rows
        .iter()
        .map(|row| (row.execution.name.clone(), row.outcome.clone()))
        .collect();
    let superseded = Outcome::Skipped(SkipReason::Superseded(last.clone()));
    let expected = [
        (first, superseded.clone()),
        (second, superseded),
        (last, Outcome::Redriven),
        (other, Outcome::Redriven),
    ];
    assert_eq!(outcomes, expected.into());
}

#[test]
fn a_changed_definition_is_told_and_a_new_execution_is_offered() {
    let world = World::new();
    let failed = failed(&world, &a_run("orders"), 1, 2);
    change(&world, &failed, |past| {
        past.definition = "before".to_owned()
    });
    let needs_new = Outcome::NeedsNew(RestartReason::DefinitionChanged);
    assert_eq!(only(&do_redrive(&world, &shown())), &needs_new);
    let done = do_redrive(&world, &acted());
    assert_eq!(only(&done), &needs_new);
    assert!(!done.is_complete());
    assert!(redriven(&world).is_empty());
    assert_eq!(world.calls_of("StartExecution"), 0);
}

#[test]
fn a_new_execution_has_the_next_name_and_the_same_run_so_that_it_adopts_what_there_is() {
    let world = World::new();
    let the_run = a_run("orders");
    let failed = failed(&world, &the_run, 1, 2);
    change(&world, &failed, |past| {
        past.definition = "before".to_owned()
    });
    let second = name(&the_run, 2);
    let done = do_redrive(&world, &with_restart());
    assert_eq!(only(&done), &Outcome::Restarted(second.clone()));
    assert!(second.as_str().ends_with("-a2"));
    assert!(done.is_complete());
    let state = world.executions()[&second];
    assert_eq!(state, ExecutionState::Running);
    // Names of snapshots come only from the run, so both executions have the same copy.
    assert_eq!(
        naming::source_snapshot(&rules().stack, &the_run, Attempt::FIRST).as_str(),
        failed.as_str()
    );
}

#[test]
fn a_new_execution_names_its_configuration_only_if_the_catalog_still_has_it() {
    let hash = ConfigurationHash::of("orders");
    let started = |is_there: bool| {
        let world = World::new();
        let mut the_run = a_run("orders");
        the_run.options.configuration = Some(hash.clone());
        if is_there {
            let configuration = Configuration {
                database: the_run.database.arn.clone(),
                resource_id: the_run.database.resource_id.clone(),
                settings: [].into(),
                members: [].into(),
                tags: [].into(),
            };
            run(world.store_configuration(&configuration, &hash, world.clock())).unwrap();
        }
        let failed = failed(&world, &the_run, 1, 2);
        change(&world, &failed, |past| {
            past.definition = "before".to_owned()
        });
        do_redrive(&world, &with_restart());
        world.runs().pop().unwrap().options.configuration
    };
    assert_eq!(started(true), Some(hash.clone()));
    assert_eq!(started(false), None);
}

#[test]
fn a_window_that_is_over_is_told_before_anything_is_asked_of_step_functions() {
    let world = World::new();
    let ended = failed(&world, &a_run("orders"), 1, 14 * 24);
    change(&world, &ended, |past| {
        past.redrivable = Redrivable::Unanswered
    });
    let needs_new = Outcome::NeedsNew(RestartReason::WindowOver);
    assert_eq!(only(&do_redrive(&world, &acted())), &needs_new);
    assert!(redriven(&world).is_empty());
    failed(&world, &a_run("orders"), 1, 14 * 24 - 1);
    assert_eq!(only(&do_redrive(&world, &acted())), &Outcome::Redriven);
}

#[test]
fn step_functions_no_is_told_whether_it_comes_before_or_at_the_redrive() {
    let world = World::new();
    let failed = failed(&world, &a_run("orders"), 1, 2);
    let no = "Execution history event limit exceeded";
    change(&world, &failed, |past| {
        past.redrivable = Redrivable::No(no.to_owned())
    });
    let needs_new = Outcome::NeedsNew(RestartReason::Refused(no.to_owned()));
    assert_eq!(only(&do_redrive(&world, &acted())), &needs_new);
    change(&world, &failed, |past| {
        past.redrivable = Redrivable::Unanswered;
        past.refuses_redrive = Some(no.to_owned());
    });
    assert_eq!(only(&do_redrive(&world, &acted())), &needs_new);
    let second = name(&a_run("orders"), 2);
    let restarted = Outcome::Restarted(second);
    assert_eq!(only(&do_redrive(&world, &with_restart())), &restarted);
}

#[test]
fn no_new_execution_is_started_for_a_recovery_point_that_another_has_made() {
    let world = World::new();
    let the_run = a_run("orders");
    let failed = failed(&world, &the_run, 1, 2);
    change(&world, &failed, |past| {
        past.definition = "before".to_owned()
    });
    let second = name(&the_run, 2);
    world.set_execution(&second, ExecutionState::Succeeded);
    let done = do_redrive(&world, &with_restart());
    assert_eq!(only(&done), &Outcome::Skipped(SkipReason::Done(second)));
    assert!(done.is_complete());
}

#[test]
fn a_selection_is_by_the_time_of_the_end_and_by_database() {
    let world = World::new();
    for (name, hours) in [("a", 1), ("b", 5), ("c", 10), ("d", 24 * 20)] {
        failed(&world, &a_run(name), 1, hours);
    }
    let aborted = failed(&world, &a_run("e"), 1, 3);
    change(&world, &aborted, |past| {
        past.ended.as_mut().unwrap().ended = FailedStatus::Aborted
    });
    let databases = |order: RedriveRequest| {
        let redrive = do_redrive(&world, &order);
        let runs = redrive.rows.into_iter().filter_map(|row| row.run);
        let names = runs.map(|run| run.database.arn.name().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(
        databases(shown()),
        ["a", "e", "b", "c"],
        "the last end first"
    );
    let now = world.clock();
    let span = RedriveRequest {
        since: now - SignedDuration::from_hours(5),
        until: Some(now - SignedDuration::from_hours(3)),
        ..shown()
    };
    assert_eq!(databases(span), ["b"]);
    let named = RedriveRequest {
        databases: vec!["db-C".to_owned(), "A".to_owned()],
        ..shown()
    };
    assert_eq!(databases(named), ["a", "c"]);
    let first = RedriveRequest { max: 2, ..shown() };
    assert!(do_redrive(&world, &first).more);
    assert_eq!(databases(first), ["a", "e"]);
}

#[test]
fn an_execution_that_cannot_be_looked_at_is_told_and_the_others_go_on() {
    let world = World::new();
    failed(&world, &a_run("orders"), 1, 1);
    failed(&world, &a_run("billing"), 1, 2);
    world.refuse_once(Name::InspectExecution, "ThrottlingException");
    let done = do_redrive(&world, &acted());
    assert!(done.is_broken() && !done.is_complete());
    assert!(matches!(&done.rows[0].outcome, Outcome::Failed(why) if why.contains("Throttling")));
    assert_eq!(done.rows[1].outcome, Outcome::Redriven);
}

#[test]
fn an_execution_with_an_input_that_is_not_ours_is_left_alone() {
    let world = World::new();
    let foreign = failed(&world, &a_run("orders"), 1, 1);
    change(&world, &foreign, |past| past.run = None);
    let left = Outcome::Skipped(SkipReason::NotOurs);
    assert_eq!(only(&do_redrive(&world, &with_restart())), &left);
    assert!(redriven(&world).is_empty());
}

#[test]
fn where_nothing_failed_nothing_more_is_asked() {
    let world = World::new();
    let done = do_redrive(&world, &acted());
    assert!(done.rows.is_empty() && done.is_complete() && !done.more);
}

#[test]
fn both_names_of_a_time_out_say_that_four_days_are_over() {
    for error in ["States.Timeout", "States.HeartbeatTimeout"] {
        assert!(cause_in_words(Some(error), None).starts_with("four days are over"));
    }
    let other = cause_in_words(Some("Snapferry.SourceMissing"), Some("no available source"));
    assert_eq!(other, "no available source");
    assert_eq!(cause_in_words(Some("States.TaskFailed"), None), "");
}
