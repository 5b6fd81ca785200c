//! The worker: it registers before it acts, the live token wins, it asks RDS what "already exists", and each failure has
//! one owner.

use jiff::SignedDuration;
use snapferry::app::conclude::Settlement;
use snapferry::app::worker::batch;
use snapferry::app::worker::{CommandOutcome, WorkError, work};
use snapferry::domain::id::arn::Family;
use snapferry::domain::id::names::OptionGroup;
use snapferry::domain::id::tags::{PolicyName, TagKey, Tags};
use snapferry::domain::limits::{ATTEMPTS_MAX, OWN_TAGS};
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::restore::configuration::ConfigurationHash;
use snapferry::domain::retention::round::RemovalEntry;
use snapferry::domain::run::command::{Command, RunOptions, Step};
use snapferry::domain::run::failure::{Failure, Operation, Reason, Remedy};
use snapferry::domain::run::wait::{Expectation, ExpectedCopy, Phase, Wait};
use snapferry::ports::{Occupant, RegisterRemovals, RegisterWaits, SnapshotQuota, Waits, Written};

use crate::world::{
    Fixture, Name, TaskEnd, Token, World, a_run, backoff, command, copy_arn, execution_arn, ours,
    record, run, snapshot_arn, token, worker_config,
};

const CREATE: Operation = Operation::CreateDbSnapshot;
const COPY: Operation = Operation::CopyDbSnapshot;

fn alive() -> World {
    World::new().with_token("token-1", Token::Alive)
}

fn snapshot_command() -> Command {
    command(Step::Snapshot, "token-1", "orders")
}

/// A world after the first step, and the command of the second.
fn ready_to_copy() -> (World, Command) {
    let world = alive();
    let the_run = a_run("orders");
    world.put_snapshot(ours(
        &snapshot_arn(&the_run, 1),
        &the_run,
        SnapshotStatus::Available,
    ));
    (world, command(Step::Copy, "token-1", "orders"))
}

fn do_work(world: &World, command: &Command) -> Result<CommandOutcome, WorkError> {
    received(world, command, 1)
}

fn received(world: &World, command: &Command, receives: u32) -> Result<CommandOutcome, WorkError> {
    world.permit(command);
    run(work(world, &worker_config(), command, receives))
}

fn failure(world: &World) -> Failure {
    match world.answers().as_slice() {
        [(_, TaskEnd::Failure(failure))] => failure.clone(),
        other => panic!("one failure was expected, not {other:?}"),
    }
}

#[test]
fn the_wait_is_stored_before_rds_is_called_and_requested_after() {
    let world = alive();
    assert_eq!(
        do_work(&world, &snapshot_command()).unwrap(),
        CommandOutcome::Waiting
    );
    let called = world.called();
    let position = |name| called.iter().position(|call| *call == name).unwrap();
    assert!(position(Name::Register) < position(Name::CreateSnapshot));
    assert!(position(Name::CreateSnapshot) < position(Name::SetPhase));
    assert_eq!(
        world.phase(&snapshot_arn(&a_run("orders"), 1)),
        Some(Phase::Requested)
    );
}

#[test]
fn a_wait_whose_call_never_came_through_stays_registered() {
    let world = alive();
    world.script(CREATE, None, "connection reset");
    assert!(
        do_work(&world, &snapshot_command())
            .unwrap_err()
            .is_retryable()
    );
    assert_eq!(
        world.phase(&snapshot_arn(&a_run("orders"), 1)),
        Some(Phase::Registered)
    );
}

#[test]
fn a_copy_costs_one_description_of_its_source_and_one_copy() {
    let (world, copy) = ready_to_copy();
    do_work(&world, &copy).unwrap();
    assert_eq!(world.calls_of("CopyDBSnapshot"), 1);
    assert_eq!(world.calls_of("DescribeDBSnapshots"), 1);
}

#[test]
fn a_command_whose_token_is_dead_is_dropped_and_nothing_else_happens() {
    let world = World::new().with_token("token-1", Token::Dead);
    let first = do_work(&world, &snapshot_command());
    assert!(matches!(first, Err(WorkError::HeardDeadOnce)), "{first:?}");
    assert_eq!(
        received(&world, &snapshot_command(), 2).unwrap(),
        CommandOutcome::Stale
    );
    let each = [Name::ProbeToken, Name::HearDead];
    assert_eq!(world.called(), [each, each].concat());
}

#[test]
fn a_token_that_is_called_dead_by_mistake_loses_no_command() {
    let world = World::new();
    // What failed before, on the first receive, says nothing of the token.
    world.set_token("token-1", Token::Unknown);
    assert!(do_work(&world, &snapshot_command()).is_err());
    world.set_token("token-1", Token::Dead);
    let mistaken = received(&world, &snapshot_command(), 2);
    assert!(matches!(mistaken, Err(WorkError::HeardDeadOnce)));
    world.set_token("token-1", Token::Alive);
    let outcome = received(&world, &snapshot_command(), 3).unwrap();
    assert_eq!(outcome, CommandOutcome::Waiting);
}

#[test]
fn a_message_that_is_delivered_twice_at_once_hears_of_a_dead_token_once() {
    let world = World::new().with_token("token-1", Token::Dead);
    for _ in 0..3 {
        let outcome = do_work(&world, &snapshot_command());
        assert!(matches!(outcome, Err(WorkError::HeardDeadOnce)));
    }
}

/// A worker may give a slot back only under its own registration. If two had the same time, one would give back the
/// slot of a copy that RDS has just accepted from the other: world 7390685379234103940 of the simulation.
#[test]
fn a_message_that_is_delivered_twice_in_one_millisecond_is_registered_once() {
    let world = alive();
    let own = Wait::new(
        snapshot_arn(&a_run("orders"), 1),
        snapshot_command(),
        Expectation::Snapshot,
        world.clock(),
    );
    world.store(own.clone());
    world.pass(SignedDuration::from_secs(30));
    let other = world.clone();
    world.meanwhile(Name::SetPhase, move || {
        let (resource, token) = (&own.resource, &own.command.token);
        let now = other.clock();
        let renewed = run(other.set_phase(resource, token, Phase::Registered, now));
        assert_eq!(renewed.unwrap(), Written::Stored);
    });
    let outcome = do_work(&world, &snapshot_command());
    assert!(
        matches!(outcome, Err(WorkError::Contended(_))),
        "{outcome:?}"
    );
    assert_eq!(world.calls_of("CreateDBSnapshot"), 0);
}

#[test]
fn a_command_whose_token_cannot_be_probed_is_tried_again_and_nothing_is_written() {
    let world = World::new().with_token("token-1", Token::Unknown);
    assert!(matches!(
        do_work(&world, &snapshot_command()),
        Err(WorkError::Probe(_))
    ));
    assert!(world.waits().is_empty());
}

#[test]
fn a_command_with_an_invalid_token_is_for_a_person() {
    let world = World::new().with_token("token-1", Token::Invalid);
    assert!(
        !do_work(&world, &snapshot_command())
            .unwrap_err()
            .is_retryable()
    );
    assert!(world.waits().is_empty());
}

fn stored_wait(world: &World, token_text: &str, execution: &str) -> Wait {
    let mut other = snapshot_command();
    other.token = token(token_text);
    other.execution = execution_arn(execution);
    let mut wait = Wait::new(
        snapshot_arn(&a_run("orders"), 1),
        other,
        Expectation::Snapshot,
        world.clock(),
    );
    wait.phase = Phase::Requested;
    world.store(wait.clone());
    wait
}

#[test]
fn a_stored_token_that_is_dead_gives_way_to_the_live_one() {
    let world = alive().with_token("token-0", Token::Dead);
    let wait = stored_wait(&world, "token-0", "run-of-orders");
    let first = do_work(&world, &snapshot_command());
    assert!(matches!(first, Err(WorkError::HeardDeadOnce)), "{first:?}");
    assert_eq!(world.wait(&wait.resource), Some(wait.clone()));
    assert_eq!(
        received(&world, &snapshot_command(), 2).unwrap(),
        CommandOutcome::Waiting
    );
    assert_eq!(
        world.wait(&wait.resource).unwrap().command.token,
        token("token-1")
    );
}

#[test]
fn a_stored_token_that_is_alive_in_the_same_execution_makes_the_command_stale() {
    let world = alive().with_token("token-2", Token::Alive);
    let wait = stored_wait(&world, "token-2", "run-of-orders");
    assert_eq!(
        do_work(&world, &snapshot_command()).unwrap(),
        CommandOutcome::Stale
    );
    assert_eq!(world.wait(&wait.resource), Some(wait));
    assert!(world.answers().is_empty());
}

#[test]
fn a_stored_token_that_is_alive_in_another_execution_fails_this_one_as_already_awaited() {
    let world = alive().with_token("token-2", Token::Alive);
    let wait = stored_wait(&world, "token-2", "another-run");
    do_work(&world, &snapshot_command()).unwrap();
    assert_eq!(failure(&world).reason, Reason::AlreadyAwaited);
    assert_eq!(
        world.wait(&wait.resource),
        Some(wait),
        "the other execution's wait is not touched"
    );
}

#[test]
fn a_stored_token_that_cannot_be_probed_is_never_overwritten() {
    let world = alive().with_token("token-2", Token::Unknown);
    let wait = stored_wait(&world, "token-2", "run-of-orders");
    assert!(matches!(
        do_work(&world, &snapshot_command()),
        Err(WorkError::Probe(_))
    ));
    assert_eq!(world.wait(&wait.resource), Some(wait));
}

#[test]
fn the_same_command_again_does_not_call_rds_again() {
    let world = alive();
    do_work(&world, &snapshot_command()).unwrap();
    assert_eq!(
        do_work(&world, &snapshot_command()).unwrap(),
        CommandOutcome::Waiting
    );
    assert_eq!(world.calls_of("CreateDBSnapshot"), 1);
}

#[test]
fn a_worker_that_died_after_rds_accepted_finds_its_snapshot_again() {
    let world = alive();
    world.break_once(Name::SetPhase);
    assert!(do_work(&world, &snapshot_command()).is_err());
    assert_eq!(
        do_work(&world, &snapshot_command()).unwrap(),
        CommandOutcome::Waiting
    );
    assert_eq!(
        world.phase(&snapshot_arn(&a_run("orders"), 1)),
        Some(Phase::Requested)
    );
    assert_eq!(world.rds().snapshots.len(), 1);
}

#[test]
fn exists_and_not_ours_is_name_taken_and_stays_untouched() {
    let world = alive();
    let the_run = a_run("orders");
    let mut foreign = ours(
        &snapshot_arn(&the_run, 1),
        &the_run,
        SnapshotStatus::Available,
    );
    foreign.tags.clear();
    world.put_snapshot(foreign.clone());
    do_work(&world, &snapshot_command()).unwrap();
    assert_eq!(failure(&world).reason, Reason::NameTaken);
    assert_eq!(
        world.rds().snapshots.values().collect::<Vec<_>>(),
        [&foreign]
    );
}

#[test]
fn exists_available_and_right_is_settled_at_once() {
    let world = alive();
    let the_run = a_run("orders");
    world.put_snapshot(ours(
        &snapshot_arn(&the_run, 1),
        &the_run,
        SnapshotStatus::Available,
    ));
    assert_eq!(
        do_work(&world, &snapshot_command()).unwrap(),
        CommandOutcome::Settled(Settlement::Succeeded)
    );
    assert!(world.waits().is_empty());
}

#[test]
fn exists_available_and_wrong_is_a_mismatch_and_is_never_removed() {
    let (world, copy) = ready_to_copy();
    let the_run = a_run("orders");
    let mut wrong = ours(&copy_arn(&the_run, 1), &the_run, SnapshotStatus::Available);
    wrong.encrypted = false;
    wrong.key = None;
    world.put_snapshot(wrong);
    do_work(&world, &copy).unwrap();
    assert_eq!(failure(&world).reason, Reason::CopyMismatch);
    assert_eq!(world.rds().snapshots.len(), 2);
}

#[test]
fn exists_and_failed_takes_the_next_suffix() {
    let world = alive();
    let the_run = a_run("orders");
    world.put_snapshot(ours(
        &snapshot_arn(&the_run, 1),
        &the_run,
        SnapshotStatus::Failed,
    ));
    world.put_snapshot(ours(
        &snapshot_arn(&the_run, 2),
        &the_run,
        SnapshotStatus::Deleting,
    ));
    assert_eq!(
        do_work(&world, &snapshot_command()).unwrap(),
        CommandOutcome::Waiting
    );
    let third = snapshot_arn(&the_run, 3);
    assert!(third.name().ends_with("-a3"));
    let waits = world.waits();
    assert_eq!(waits.len(), 1, "one token has one wait");
    assert!(waits.values().all(|wait| wait.resource == third));
    assert!(world.rds().snapshots.contains_key(&third));
}

#[test]
fn suffixes_are_bounded() {
    let world = alive();
    let the_run = a_run("orders");
    for attempt in 1..=9 {
        world.put_snapshot(ours(
            &snapshot_arn(&the_run, attempt),
            &the_run,
            SnapshotStatus::Failed,
        ));
    }
    do_work(&world, &snapshot_command()).unwrap();
    assert_eq!(failure(&world).reason, Reason::AttemptsExhausted);
    assert!(world.waits().is_empty());
}

#[test]
fn exists_but_not_shown_yet_is_asked_again() {
    let world = alive();
    world.script(CREATE, Some("DBSnapshotAlreadyExists"), "");
    assert!(matches!(
        do_work(&world, &snapshot_command()),
        Err(WorkError::NotShownYet(_))
    ));
}

#[test]
fn a_copy_is_made_of_the_attempt_that_is_available() {
    let world = alive();
    let the_run = a_run("orders");
    world.put_snapshot(ours(
        &snapshot_arn(&the_run, 1),
        &the_run,
        SnapshotStatus::Failed,
    ));
    let second = snapshot_arn(&the_run, 2);
    world.put_snapshot(ours(&second, &the_run, SnapshotStatus::Available));
    do_work(&world, &command(Step::Copy, "token-1", "orders")).unwrap();
    let snapshots = world.rds().snapshots.clone();
    let copy = snapshots.values().find(|s| s.source.is_some()).unwrap();
    assert_eq!(copy.source.as_ref(), Some(&second));
}

#[test]
fn a_second_execution_adopts_the_first_ones_copy() {
    let (world, copy) = ready_to_copy();
    do_work(&world, &copy).unwrap();
    world.set_token("token-1", Token::Dead);
    world.set_token("token-2", Token::Alive);
    let mut second = copy;
    second.token = token("token-2");
    second.execution = execution_arn("run-of-orders-a2");
    world.enter(&second.run.database.resource_id, |entry| entry.open = None);
    assert!(matches!(
        do_work(&world, &second),
        Err(WorkError::HeardDeadOnce)
    ));
    let outcome = received(&world, &second, 2).unwrap();
    assert_eq!(outcome, CommandOutcome::Waiting);
    assert_eq!(
        world
            .rds()
            .snapshots
            .values()
            .filter(|s| s.source.is_some())
            .count(),
        1
    );
}

#[test]
fn the_copy_carries_when_its_data_was_taken_and_whose_it_is() {
    let (world, copy) = ready_to_copy();
    do_work(&world, &copy).unwrap();
    let snapshots = world.rds().snapshots.clone();
    let tags = &snapshots[&copy_arn(&a_run("orders"), 1)].tags;
    assert_eq!(tags["snapferry:taken-at"], "2026-11-22T03:01:00Z");
    assert_eq!(tags["snapferry:stack"], "prod");
    assert_eq!(
        tags["snapferry:source"],
        snapshot_arn(&a_run("orders"), 1).to_string()
    );
}

#[test]
fn a_source_that_rds_does_not_show_is_asked_for_again_before_it_counts_as_missing() {
    let world = alive();
    let copy = command(Step::Copy, "token-1", "orders");
    assert!(matches!(
        received(&world, &copy, 3),
        Err(WorkError::NotShownYet(_))
    ));
    received(&world, &copy, 4).unwrap();
    assert_eq!(failure(&world).reason, Reason::SourceMissing);
}

#[test]
fn a_busy_database_is_for_the_state_machine() {
    let world = alive();
    world.script(CREATE, Some("InvalidDBInstanceState"), "it is backing-up");
    do_work(&world, &snapshot_command()).unwrap();
    let failure = failure(&world);
    assert_eq!(failure.reason, Reason::DatabaseBusy);
    assert!(
        failure.cause.contains("it is backing-up"),
        "{}",
        failure.cause
    );
    assert!(world.waits().is_empty());
}

#[test]
fn what_a_person_must_fix_parks_with_the_wait_left_registered() {
    for (code, remedy) in [
        ("AccessDenied", Remedy::GrantAccess),
        ("KMSKeyNotAccessibleFault", Remedy::CheckKeys),
    ] {
        let (world, copy) = ready_to_copy();
        world.script(COPY, Some(code), "");
        match do_work(&world, &copy) {
            Err(WorkError::Parked { remedy: found, .. }) => assert_eq!(found, remedy),
            other => panic!("{code}: {other:?}"),
        }
        assert_eq!(
            world.phase(&copy_arn(&a_run("orders"), 1)),
            Some(Phase::Registered)
        );
        assert!(world.answers().is_empty(), "its execution sleeps on");
        assert_eq!(
            world.slots().len(),
            1,
            "another delivery may have RDS copying: the sweeper, which asks RDS, frees the slot"
        );
    }
}

#[test]
fn no_answer_at_all_keeps_the_slot_because_rds_may_be_copying() {
    let (world, copy) = ready_to_copy();
    world.script(COPY, None, "timed out");
    assert!(matches!(do_work(&world, &copy), Err(WorkError::Rds(_))));
    assert_eq!(world.slots().len(), 1);
}

#[test]
fn a_quota_is_told_apart_by_rdss_words_without_a_call() {
    for (words, parks) in [
        ("Cannot copy more than 5 snapshots across regions", false),
        ("Cannot create more than 100 manual snapshots", true),
    ] {
        let (world, copy) = ready_to_copy();
        world.script(COPY, Some("SnapshotQuotaExceeded"), words);
        let outcome = do_work(&world, &copy);
        let raise = Remedy::RaiseQuota;
        assert_eq!(
            matches!(&outcome, Err(WorkError::Parked { remedy, .. }) if *remedy == raise),
            parks,
            "{words}: {outcome:?}"
        );
        let queued = matches!(outcome, Ok(CommandOutcome::Queued));
        assert_eq!(queued, !parks, "{words}");
        assert_eq!(world.calls_of("DescribeAccountAttributes"), 0);
    }
}

#[test]
fn a_quota_in_new_words_without_figures_is_tried_again() {
    let (world, copy) = ready_to_copy();
    world.set_quota(Family::Instance, None);
    world.script(COPY, Some("SnapshotQuotaExceeded"), "new words");
    assert!(matches!(do_work(&world, &copy), Err(WorkError::Rds(_))));
}

#[test]
fn a_quota_in_new_words_is_told_apart_by_the_accounts_figures() {
    let (world, copy) = ready_to_copy();
    let room = SnapshotQuota { used: 1, max: 100 };
    world.set_quota(Family::Instance, Some(room));
    world.script(COPY, Some("SnapshotQuotaExceeded"), "");
    assert_eq!(do_work(&world, &copy).unwrap(), CommandOutcome::Queued);
    assert_eq!(
        world.phase(&copy_arn(&a_run("orders"), 1)),
        Some(Phase::Queued)
    );
    assert_eq!(world.slots().len(), 0, "RDS makes no such copy");

    let (world, copy) = ready_to_copy();
    world.set_quota(
        Family::Instance,
        Some(SnapshotQuota {
            used: 100,
            max: 100,
        }),
    );
    world.script(COPY, Some("SnapshotQuotaExceeded"), "");
    assert!(matches!(
        do_work(&world, &copy),
        Err(WorkError::Parked {
            remedy: Remedy::RaiseQuota,
            ..
        })
    ));
}

#[test]
fn a_copy_without_a_slot_is_queued_whole_and_rds_is_not_called() {
    let (world, copy) = ready_to_copy();
    for name in ["a", "b"] {
        world.hold_slot(copy_arn(&a_run(name), 1));
    }
    assert_eq!(do_work(&world, &copy).unwrap(), CommandOutcome::Queued);
    let wait = world.wait(&copy_arn(&a_run("orders"), 1)).unwrap();
    assert_eq!((wait.phase, &wait.command), (Phase::Queued, &copy));
    assert_eq!(world.calls_of("CopyDBSnapshot"), 0);
    assert_eq!(world.slots().len(), 2);
}

#[test]
fn a_queued_command_that_is_refused_again_keeps_its_place_in_the_queue() {
    let (world, copy) = ready_to_copy();
    world.script(COPY, Some("SnapshotQuotaExceeded"), "");
    do_work(&world, &copy).unwrap();
    let opened_at = world
        .wait(&copy_arn(&a_run("orders"), 1))
        .unwrap()
        .opened_at;
    world.pass(SignedDuration::from_mins(5));
    world.script(COPY, Some("SnapshotQuotaExceeded"), "");
    do_work(&world, &copy).unwrap();
    assert_eq!(
        world
            .wait(&copy_arn(&a_run("orders"), 1))
            .unwrap()
            .opened_at,
        opened_at
    );
}

#[test]
fn a_queued_command_that_comes_again_finds_its_source_without_asking_rds_again() {
    let (world, copy) = ready_to_copy();
    for name in ["a", "b"] {
        world.hold_slot(copy_arn(&a_run(name), 1));
    }
    assert_eq!(do_work(&world, &copy).unwrap(), CommandOutcome::Queued);
    world.free_slots();
    assert_eq!(do_work(&world, &copy).unwrap(), CommandOutcome::Waiting);
    assert_eq!(world.calls_of("DescribeDBSnapshots"), 1);
    let snapshots = world.rds().snapshots.clone();
    let tags = &snapshots[&copy_arn(&a_run("orders"), 1)].tags;
    assert_eq!(tags["snapferry:taken-at"], "2026-11-22T03:01:00Z");
}

#[test]
fn a_later_attempt_keeps_the_slot_of_the_first() {
    let (world, copy) = ready_to_copy();
    let the_run = a_run("orders");
    let (first, second) = (copy_arn(&the_run, 1), copy_arn(&the_run, 2));
    world.put_snapshot(ours(&first, &the_run, SnapshotStatus::Failed));
    world.hold_slot(copy_arn(&a_run("a"), 1));
    world.hold_slot(first.clone());

    assert_eq!(do_work(&world, &copy).unwrap(), CommandOutcome::Waiting);
    assert!(world.rds().snapshots.contains_key(&second));
    assert_eq!(world.phase(&second), Some(Phase::Requested));
    assert_eq!(world.slots().len(), 2);
}

#[test]
fn a_command_that_comes_again_goes_on_with_the_attempt_that_its_wait_is_at() {
    let (world, copy) = ready_to_copy();
    let the_run = a_run("orders");
    let (first, second) = (copy_arn(&the_run, 1), copy_arn(&the_run, 2));
    world.put_snapshot(ours(&first, &the_run, SnapshotStatus::Failed));
    world.script(COPY, Some("DBSnapshotAlreadyExists"), "");
    world.script(COPY, Some("AccessDenied"), "");
    do_work(&world, &copy).unwrap_err();
    assert_eq!(world.phase(&second), Some(Phase::Registered));

    let calls = world.calls_of("CopyDBSnapshot");
    assert_eq!(do_work(&world, &copy).unwrap(), CommandOutcome::Waiting);
    assert_eq!(world.calls_of("CopyDBSnapshot"), calls + 1);
    assert_eq!(world.phase(&second), Some(Phase::Requested));
    assert_eq!(world.waits().len(), 1, "one token has one wait");
}

/// The simulation found this in two of two million executions. One worker moved from the second attempt to the third in two
/// writes. Between them, another worker found no wait and queued the first attempt again. The token had two waits, and the
/// slot went to the one that no worker followed.
#[test]
fn a_delivery_that_falls_behind_another_never_takes_the_wait_back() {
    let (world, copy) = ready_to_copy();
    let the_run = a_run("orders");
    let expected = Expectation::Copy(ExpectedCopy {
        source: snapshot_arn(&the_run, 1),
        key: the_run.key.clone(),
        engine: "postgres".to_owned(),
        size_gib: 100,
        taken_at: None,
    });
    let wait = |attempt| {
        let resource = copy_arn(&the_run, attempt);
        Wait::new(resource, copy.clone(), expected.clone(), world.clock())
    };
    world.store(wait(3));
    let behind = run(world.replace(&wait(2), &wait(1))).unwrap();
    assert_eq!(behind, Written::Conflict);
    assert_eq!(
        run(world.register(&wait(1))).unwrap(),
        Some(Occupant::Wait(Box::new(wait(3))))
    );

    assert_eq!(do_work(&world, &copy).unwrap(), CommandOutcome::Waiting);
    assert_eq!(
        world.phase(&copy_arn(&the_run, 3)),
        Some(Phase::Requested),
        "the worker follows the attempt that has the wait"
    );
    assert_eq!(world.waits().len(), 1);
}

/// The pruner removes failed attempts too, and a removal stands until a later round has looked.
#[test]
fn a_command_goes_past_an_attempt_that_is_being_removed() {
    let (world, copy) = ready_to_copy();
    let the_run = a_run("orders");
    let (first, second) = (copy_arn(&the_run, 1), copy_arn(&the_run, 2));
    let removal = RemovalEntry {
        snapshot: first.clone(),
        at: world.clock(),
        why: "RDS reports it as failed".to_owned(),
    };
    run(world.register_removal(&removal)).unwrap();
    assert_eq!(do_work(&world, &copy).unwrap(), CommandOutcome::Waiting);
    assert_eq!(world.phase(&second), Some(Phase::Requested));
    // The removal of the first attempt goes on, and takes nothing of the second away.
    run(world.drop_removal(&first)).unwrap();
    assert_eq!(world.phase(&second), Some(Phase::Requested));
}

#[test]
fn a_removal_of_the_last_attempt_ends_the_step() {
    let (world, copy) = ready_to_copy();
    let removal = RemovalEntry {
        snapshot: copy_arn(&a_run("orders"), ATTEMPTS_MAX),
        at: world.clock(),
        why: "RDS reports it as failed".to_owned(),
    };
    run(world.register_removal(&removal)).unwrap();
    do_work(&world, &copy).unwrap();
    assert_eq!(failure(&world).reason, Reason::AttemptsExhausted);
}

#[test]
fn a_callback_that_does_not_come_through_leaves_the_wait() {
    let world = alive();
    world.script(CREATE, Some("DBInstanceNotFound"), "");
    world.break_once(Name::SendTaskFailure);
    assert!(
        do_work(&world, &snapshot_command())
            .unwrap_err()
            .is_retryable()
    );
    assert_eq!(world.waits().len(), 1);
    world.script(CREATE, Some("DBInstanceNotFound"), "");
    do_work(&world, &snapshot_command()).unwrap();
    assert_eq!(failure(&world).reason, Reason::DatabaseNotFound);
}

#[test]
fn one_bad_record_of_a_batch_fails_alone_with_a_growing_delay() {
    let world = alive();
    let good = snapferry::json::command::write(&snapshot_command());
    let records = vec![
        record("1", "not json", 1),
        record("2", good, 1),
        record("3", "{}", 4),
    ];
    world.permit_all(&records);
    let mut failed = run(batch::work(&world, &worker_config(), &backoff(), records));
    failed.sort();
    assert_eq!(failed, ["1", "3"]);
    let mut delays = world.delays();
    delays.sort();
    let delays: Vec<_> = delays
        .iter()
        .map(|(receipt, delay)| (receipt.as_str(), delay.as_secs()))
        .collect();
    assert_eq!(delays, [("receipt-1", 30), ("receipt-3", 240)]);
}

#[test]
fn a_panic_is_one_records_failure() {
    let (world, copy) = ready_to_copy();
    world.set_token("token-2", Token::Alive);
    let mut other = command(Step::Snapshot, "token-2", "billing");
    other.run = a_run("billing");
    *world.hook().panics_on.borrow_mut() =
        Some(snapshot_arn(&a_run("orders"), 1).name().to_owned());
    let records = vec![
        record("1", snapferry::json::command::write(&copy), 1),
        record("2", snapferry::json::command::write(&other), 1),
    ];
    world.permit_all(&records);
    assert_eq!(
        run(batch::work(&world, &worker_config(), &backoff(), records)),
        ["1"]
    );
    assert_eq!(
        world.phase(&snapshot_arn(&a_run("billing"), 1)),
        Some(Phase::Requested)
    );
}

#[test]
fn a_describe_that_is_refused_parks_like_any_refusal() {
    let (world, copy) = ready_to_copy();
    world.script(
        Operation::DescribeDbSnapshots,
        Some("AccessDenied"),
        "not authorized to perform rds:DescribeDBSnapshots",
    );
    assert!(matches!(
        do_work(&world, &copy),
        Err(WorkError::Parked {
            remedy: Remedy::GrantAccess,
            ..
        })
    ));
}

#[test]
fn a_source_that_the_copying_rds_does_not_know_yet_is_asked_for_again_before_it_counts_as_missing()
{
    let (world, copy) = ready_to_copy();
    for receives in 1..=4 {
        world.script(COPY, Some("DBSnapshotNotFound"), "");
        let worked = received(&world, &copy, receives);
        assert_eq!(worked.is_err(), receives <= 3, "{receives}: {worked:?}");
    }
    assert_eq!(failure(&world).reason, Reason::SourceMissing);
}

#[test]
fn a_source_whose_status_proves_nothing_is_asked_for_until_it_does() {
    let (world, copy) = ready_to_copy();
    let the_run = a_run("orders");
    let source = snapshot_arn(&the_run, 1);
    let unreadable = SnapshotStatus::Other("without an engine".to_owned());
    world.put_snapshot(ours(&source, &the_run, unreadable));
    for receives in 1..=9 {
        let worked = received(&world, &copy, receives);
        assert!(
            matches!(worked, Err(WorkError::NotShownYet(_))),
            "{worked:?}"
        );
    }
    world.put_snapshot(ours(&source, &the_run, SnapshotStatus::Available));
    assert_eq!(do_work(&world, &copy).unwrap(), CommandOutcome::Waiting);
}

/// The second step's command, of a policy that sets every option.
fn copy_with_extras() -> (World, Command) {
    let (world, mut copy) = ready_to_copy();
    copy.run.options = RunOptions {
        tags: [("Team", "blue"), ("Cost", "7")]
            .map(|(key, value)| (TagKey::parse(key).unwrap(), value.to_owned()))
            .into(),
        option_group: Some(OptionGroup::parse("recovery-tde").unwrap()),
        ..RunOptions::default()
    };
    (world, copy)
}

#[test]
fn snapshot_and_copy_carry_the_databases_tags_beside_ours() {
    let (world, copy) = copy_with_extras();
    let snapshot = Command {
        step: Step::Snapshot,
        ..copy.clone()
    };
    world.rds().snapshots.clear();
    do_work(&world, &snapshot).unwrap();
    let source = snapshot_arn(&a_run("orders"), 1);
    world.rds().snapshots.get_mut(&source).unwrap().status = SnapshotStatus::Available;
    do_work(&world, &copy).unwrap();
    for arn in [source, copy_arn(&a_run("orders"), 1)] {
        let tags = world.rds().snapshots[&arn].tags.clone();
        assert_eq!((&*tags["Team"], &*tags["Cost"]), ("blue", "7"), "{arn}");
        assert_eq!(tags["snapferry:stack"], "prod", "{arn}");
    }
}

/// The tags of the copy of a run that names a configuration and carries so many tags.
pub(crate) fn copy_tags_of_a_named_run(carried: usize) -> Tags {
    let (world, mut copy) = ready_to_copy();
    let tag = |number| {
        (
            TagKey::parse(&format!("tag-{number}")).unwrap(),
            String::new(),
        )
    };
    copy.run.options = RunOptions {
        tags: (0..carried).map(tag).collect(),
        configuration: Some(ConfigurationHash::of("a")),
        ..RunOptions::default()
    };
    do_work(&world, &copy).unwrap();
    let copy = &world.rds().snapshots[&copy_arn(&a_run("orders"), 1)];
    copy.tags.clone()
}

#[test]
fn ours_are_as_many_tags_as_are_kept_free_for_them() {
    let (world, copy) = ready_to_copy();
    do_work(&world, &copy).unwrap();
    let tags = world.rds().snapshots[&copy_arn(&a_run("orders"), 1)]
        .tags
        .clone();
    assert_eq!(tags.len(), OWN_TAGS, "{tags:?}");
}

#[test]
fn the_copy_is_asked_for_with_the_policys_option_group() {
    let (world, copy) = copy_with_extras();
    do_work(&world, &copy).unwrap();
    let groups = world.rds().option_groups.clone();
    assert_eq!(*groups, [OptionGroup::parse("recovery-tde").ok()]);
}

#[test]
fn a_policy_has_no_more_copies_in_flight_than_its_slots_and_another_is_not_kept_back_by_it() {
    for (bounded, other, worked) in [
        (Some(1), "default", CommandOutcome::Queued),
        (Some(2), "default", CommandOutcome::Waiting),
        (Some(1), "another", CommandOutcome::Waiting),
        (None, "default", CommandOutcome::Waiting),
    ] {
        let (world, mut copy) = ready_to_copy();
        copy.run.options.policy_slots = bounded;
        let taken = copy_arn(&a_run("a"), 1);
        let of = PolicyName::parse(other).unwrap();
        world.hold_slot_of(taken, of);
        assert_eq!(
            do_work(&world, &copy).unwrap(),
            worked,
            "{bounded:?} {other}"
        );
        let counted = world.slots_of_policies().len();
        let claims = worked == CommandOutcome::Waiting && bounded.is_some();
        assert_eq!(counted, 1 + usize::from(claims), "{bounded:?} {other}");
    }
}

#[test]
fn a_set_of_policies_can_lower_the_slots_and_never_raise_them() {
    for (slots, taken, worked) in [
        (Some(1), 1, CommandOutcome::Queued),
        (Some(1), 0, CommandOutcome::Waiting),
        // The worker of these tests has two slots.
        (Some(20), 2, CommandOutcome::Queued),
        (None, 1, CommandOutcome::Waiting),
    ] {
        let (world, mut copy) = ready_to_copy();
        copy.run.options.copy_slots = slots;
        for name in ["a", "b"].iter().take(taken) {
            world.hold_slot(copy_arn(&a_run(name), 1));
        }
        assert_eq!(do_work(&world, &copy).unwrap(), worked, "{slots:?} {taken}");
    }
}
