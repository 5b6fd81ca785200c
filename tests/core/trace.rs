//! The story of one recovery point: from Step Functions, the table and RDS, the oldest first.

use jiff::SignedDuration;
use snapferry::app::follow::Progress;
use snapferry::app::planner::{When, plan};
use snapferry::app::trace::{Found, Trace, trace};
use snapferry::domain::id::arn::ExecutionArn;
use snapferry::domain::id::names::ExecutionName;
use snapferry::domain::operator::redrive::{FailedExecution, FailedStatus};
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::retention::entered::Entered;
use snapferry::domain::run::command::{Command, ProtectionRequest, Step};
use snapferry::domain::run::failure::Remedy;
use snapferry::domain::run::last_error::LastError;
use snapferry::domain::run::wait::{Expectation, Phase, Wait};
use snapferry::ports::{EnterCopies, ExecutionState};

use crate::planner::{listed, planning};
use crate::world::{
    Fixture, SOURCE, World, command, copy_arn, ours, region, run, snapshot_arn, time,
};

const TOKEN: &str = "a-very-secret-token";

/// A world whose planner has started the database's run, with the run and its execution.
fn started(name: &str) -> (World, ProtectionRequest, ExecutionName) {
    let world = World::new();
    let tags = [("snapferry:policy", "default")];
    world.rds().databases.push(listed(name, &tags));
    run(plan(&world, &planning(&[]), When::Due)).unwrap();
    let of = world.parts().0.state_mut().step_functions.all.clone();
    let (execution, of) = of.into_iter().next().unwrap();
    (world, of.run.unwrap(), execution)
}

fn its_command(step: Step, of: &ProtectionRequest, execution: &ExecutionName) -> Command {
    let machine = "arn:aws:states:eu-central-1:111122223333:execution:protect";
    Command {
        run: of.clone(),
        execution: ExecutionArn::parse(&format!("{machine}:{execution}")).unwrap(),
        ..command(step, TOKEN, of.database.arn.name())
    }
}

fn traced(world: &World, wanted: &str) -> Trace {
    traced_by(world, &[], wanted)
}

fn traced_by(world: &World, settings: &[(&str, &str)], wanted: &str) -> Trace {
    match run(trace(world, &planning(settings), wanted)).unwrap() {
        Found::Trace(found) => *found,
        other => panic!("{other:?}"),
    }
}

fn kinds(trace: &Trace) -> Vec<&'static str> {
    trace.events.iter().map(|event| event.kind).collect()
}

#[test]
fn a_run_under_way_is_told_from_its_due_time_to_what_it_waits_for_now() {
    let (world, of, execution) = started("orders");
    let mut source = ours(&snapshot_arn(&of, 1), &of, SnapshotStatus::Available);
    source.created_at = Some(time("2026-11-22T03:05:30Z"));
    let mut copy = ours(&copy_arn(&of, 1), &of, SnapshotStatus::Copying);
    copy.created_at = Some(time("2026-11-22T03:12:05Z"));
    for snapshot in [source, copy.clone()] {
        world.rds().snapshots.insert(snapshot.arn.clone(), snapshot);
    }
    let opened = time("2026-11-22T03:12:00Z");
    let command = its_command(Step::Copy, &of, &execution);
    let mut wait = Wait::new(copy.arn.clone(), command, Expectation::Snapshot, opened);
    wait.phase = Phase::Seen;
    wait.since = time("2026-11-22T03:12:10Z");
    world.store(wait);
    for wanted in [
        "orders",
        execution.as_str(),
        of.database.resource_id.as_str(),
    ] {
        world.forget_calls();
        let trace = traced(&world, wanted);
        assert_eq!(world.calls_of("Query"), 1);
        assert_eq!(
            kinds(&trace),
            ["due", "snapshot", "wait", "copy", "phase", "started"],
            "{wanted}: the fake does not say when it was started"
        );
        let Some(Progress::Waits(now)) = &trace.progress else {
            panic!("{:?}", trace.progress);
        };
        assert_eq!(now.to_string(), "RDS is making the copy");
        assert_eq!(trace.copy, None, "a copy that RDS still makes");
        assert!(!format!("{trace:?}").contains(TOKEN));
    }
}

#[test]
fn a_copy_of_a_run_with_two_snapshots_is_told_once_by_calls_that_name_it_once() {
    let (world, of, execution) = started("orders");
    for attempt in [1, 2] {
        let source = ours(&snapshot_arn(&of, attempt), &of, SnapshotStatus::Available);
        world.put_snapshot(source);
    }
    let mut copy = ours(&copy_arn(&of, 1), &of, SnapshotStatus::Available);
    copy.source = Some(snapshot_arn(&of, 1));
    world.put_snapshot(copy);
    let one_a_call = [("SNAPFERRY_SWEEP_WIDTH", "1")];
    let trace = traced_by(&world, &one_a_call, execution.as_str());
    let copies = kinds(&trace).into_iter().filter(|kind| *kind == "copy");
    assert_eq!(copies.count(), 1);
}

#[test]
fn only_a_copy_that_is_available_and_was_found_good_is_the_recovery_point() {
    let (world, of, execution) = started("orders");
    let copies = [1, 2].map(|attempt| {
        let mut copy = ours(&copy_arn(&of, attempt), &of, SnapshotStatus::Available);
        copy.source = Some(snapshot_arn(&of, 1));
        copy
    });
    for copy in &copies {
        world.rds().snapshots.insert(copy.arn.clone(), copy.clone());
    }
    let recovery_point = || traced(&world, execution.as_str()).copy;
    assert_eq!(recovery_point(), None, "nothing says that they are good");
    let enter = |copy: &Snapshot, mismatch: Option<&str>| {
        let entered = Entered {
            copy: copy.arn.clone(),
            source: copy.source.clone().unwrap(),
            key: copy.key.clone(),
            at: world.clock(),
            snapshot_done_at: None,
            mismatch: mismatch.map(ToOwned::to_owned),
        };
        run(world.enter_copy(&entered)).unwrap();
    };
    enter(&copies[0], None);
    enter(&copies[1], Some("another key"));
    assert_eq!(recovery_point(), Some(copies[0].arn.clone()));
    for status in [SnapshotStatus::Failed, SnapshotStatus::Deleting] {
        world
            .rds()
            .snapshots
            .get_mut(&copies[0].arn)
            .unwrap()
            .status = status;
        assert_eq!(recovery_point(), None);
    }
}

#[test]
fn a_command_that_waits_for_a_person_is_told_with_its_trouble() {
    let (world, of, execution) = started("orders");
    let command = its_command(Step::Snapshot, &of, &execution);
    let opened = time("2026-11-22T03:05:10Z");
    let mut wait = Wait::new(snapshot_arn(&of, 1), command, Expectation::Snapshot, opened);
    let at = time("2026-11-22T03:06:00Z");
    wait.last_error = Some(LastError::new(
        Some(Remedy::FixKey),
        "the key is disabled",
        at,
    ));
    world.store(wait);
    let trace = traced(&world, "orders");
    assert!(matches!(trace.progress, Some(Progress::Parked(_))));
    let trouble = trace.events.iter().find(|event| event.kind == "trouble");
    let what = &trouble.unwrap().what;
    assert!(what.starts_with("the key is disabled (fix-key: "), "{what}");
}

#[test]
fn a_run_that_failed_is_told_with_its_error_and_when_it_ended() {
    let (world, _, execution) = started("orders");
    {
        let mut state = world.parts().0.state_mut();
        let failed = state.step_functions.all.get_mut(&execution).unwrap();
        failed.state = ExecutionState::Failed;
        failed.error = Some("Snapferry.Unsupported".to_owned());
        failed.cause = Some("RDS does not copy it".to_owned());
        failed.ended = Some(FailedExecution {
            name: execution.clone(),
            ended: FailedStatus::Failed,
            started_at: time("2026-11-22T03:05:01Z"),
            ended_at: time("2026-11-22T03:07:00Z"),
        });
    }
    let trace = traced(&world, "orders");
    assert_eq!(kinds(&trace), ["due", "started", "failed"]);
    let last = trace.events.last().unwrap();
    assert_eq!(last.at, Some(time("2026-11-22T03:07:00Z")));
    assert!(last.what.contains("RDS does not copy it"), "{}", last.what);
    assert!(matches!(trace.progress, Some(Progress::Failed(_))));
}

#[test]
fn a_region_that_does_not_answer_is_named_and_costs_only_its_own_part() {
    let (world, of, execution) = started("orders");
    world.parts().1.down.borrow_mut().insert(region(SOURCE));
    let copy = ours(&copy_arn(&of, 1), &of, SnapshotStatus::Available);
    world.rds().snapshots.insert(copy.arn.clone(), copy);
    let trace = traced(&world, execution.as_str());
    assert_eq!(trace.unreachable[0].region, region(SOURCE));
    assert!(kinds(&trace).contains(&"copy"));
}

#[test]
fn a_name_that_nothing_has_is_answered_with_the_databases_that_there_are() {
    let (world, ..) = started("orders");
    let found = run(trace(&world, &planning(&[]), "ordres")).unwrap();
    assert!(matches!(found, Found::Nothing(known) if known == ["orders"]));
}

#[test]
fn a_database_without_a_run_is_told_apart_from_an_unknown_one() {
    let world = World::new();
    let tags = [("snapferry:policy", "default")];
    world.rds().databases.push(listed("orders", &tags));
    let waiting = planning(&[("SNAPFERRY_FIRST_RUN", "wait")]);
    run(plan(&world, &waiting, When::Due)).unwrap();
    world.pass(SignedDuration::from_mins(1));
    let found = run(trace(&world, &planning(&[]), "orders")).unwrap();
    assert!(matches!(found, Found::NoRun(_)), "{found:?}");
}
