//! The claim is the permission: the worker acts only for the execution that holds it, with the input that was claimed.

use jiff::SignedDuration;
use snapferry::app::worker::{CommandOutcome, WorkError, work};
use snapferry::domain::id::arn::KeyArn;
use snapferry::domain::id::names::ExecutionName;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::run::command::{Command, Step};
use snapferry::domain::run::failure::Reason;
use snapferry::domain::run::permit::{InputHash, NotPermitted, OpenClaim, Permit, permit};
use snapferry::domain::run::wait::{Phase, Wait};
use snapferry::json;
use snapferry::ports::Waits;

use crate::sweeper::wait_for;
use crate::world::{
    Fixture, Name, TaskEnd, Token, World, a_run, command, execution_arn, ours, run, snapshot_arn,
    time, worker_config,
};

fn do_work(world: &World, command: &Command) -> Result<CommandOutcome, WorkError> {
    run(work(world, &worker_config(), command, 1))
}

/// A world with the source snapshot of a database whose run is claimed.
fn claimed() -> (World, Command) {
    let world = World::new().with_token("token-1", Token::Alive);
    let the_run = a_run("orders");
    let source = ours(
        &snapshot_arn(&the_run, 1),
        &the_run,
        SnapshotStatus::Available,
    );
    world.put_snapshot(source);
    let command = command(Step::Copy, "token-1", "orders");
    world.permit(&command);
    (world, command)
}

fn reasons(world: &World) -> Vec<Reason> {
    let answers = world.answers();
    let failures = answers.iter().filter_map(|(_, end)| match end {
        TaskEnd::Failure(failure) => Some(failure.reason),
        TaskEnd::Success(_) => None,
    });
    failures.collect()
}

fn is_refused(world: &World, command: &Command) {
    do_work(world, command).unwrap();
    assert_eq!(reasons(world), [Reason::NotPermitted]);
    let calls = [
        "CopyDBSnapshot",
        "CreateDBSnapshot",
        "PutItem",
        "StartExecution",
    ];
    for call in calls {
        assert_eq!(world.calls_of(call), 0, "{call}");
    }
}

#[test]
fn an_execution_with_its_claim_and_input_is_worked_for() {
    let (world, command) = claimed();
    assert_eq!(do_work(&world, &command).unwrap(), CommandOutcome::Waiting);
    assert_eq!(world.calls_of("CopyDBSnapshot"), 1);
}

#[test]
fn an_execution_that_nobody_claimed_is_refused() {
    let (world, command) = claimed();
    world.enter(&command.run.database.resource_id, |entry| entry.open = None);
    is_refused(&world, &command);
}

/// A copy that holds a slot and whose command is on its way, when its execution loses the claim.
fn unclaimed() -> (World, Wait) {
    let (world, _) = claimed();
    let wait = wait_for(&world, Step::Copy, "orders", Phase::Queued);
    world.hold_slot(wait.resource.clone());
    let database = &wait.command.run.database.resource_id;
    world.enter(database, |entry| entry.open = None);
    (world, wait)
}

/// One delivery of the command was permitted before the claim moved on, and the other one was not: world
/// 9470775373647453646 of the simulation.
#[test]
fn a_wait_that_a_permitted_delivery_renews_while_another_is_refused_stays() {
    let (world, wait) = unclaimed();
    world.pass(SignedDuration::from_secs(60));
    let (other, renewed) = (world.clone(), wait.clone());
    world.meanwhile(Name::ForgetIdle, move || {
        let (resource, token) = (&renewed.resource, &renewed.command.token);
        let now = other.clock();
        run(other.set_phase(resource, token, Phase::Registered, now)).unwrap();
    });
    is_refused(&world, &wait.command);
    assert_eq!(world.phase(&wait.resource), Some(Phase::Registered));
}

#[test]
fn a_wait_that_a_permitted_delivery_stores_while_another_is_refused_stays() {
    let (world, wait) = unclaimed();
    world.forget_waits();
    let (other, stored) = (world.clone(), wait.clone());
    world.meanwhile(Name::SendTaskFailure, move || other.store(stored));
    is_refused(&world, &wait.command);
    assert_eq!(world.wait(&wait.resource), Some(wait));
}

#[test]
fn a_wait_that_nobody_touches_goes_when_its_execution_is_refused() {
    let (world, wait) = unclaimed();
    is_refused(&world, &wait.command);
    assert_eq!(world.wait(&wait.resource), None);
}

#[test]
fn an_execution_beside_the_one_that_holds_the_claim_is_refused() {
    let (world, mut command) = claimed();
    command.execution = execution_arn("by-hand");
    is_refused(&world, &command);
}

#[test]
fn another_key_than_the_claimed_one_is_refused() {
    let (world, mut command) = claimed();
    let key = "arn:aws:kms:eu-central-1:111122223333:key/of-somebody-else";
    command.run.key = KeyArn::parse(key).unwrap();
    is_refused(&world, &command);
}

#[test]
fn a_first_snapshot_without_a_claim_is_refused_too() {
    let world = World::new().with_token("token-1", Token::Alive);
    is_refused(&world, &command(Step::Snapshot, "token-1", "orders"));
}

#[test]
fn a_claim_that_an_earlier_version_made_counts_by_the_name_alone() {
    let (world, command) = claimed();
    world.enter(&command.run.database.resource_id, |entry| {
        entry.input = None
    });
    assert_eq!(do_work(&world, &command).unwrap(), CommandOutcome::Waiting);
}

#[test]
fn what_rds_makes_already_keeps_its_wait_when_the_claim_moves_on() {
    let (world, command) = claimed();
    do_work(&world, &command).unwrap();
    let id = &command.run.database.resource_id;
    world.enter(id, |entry| entry.open = ExecutionName::parse("other").ok());
    assert_eq!(do_work(&world, &command).unwrap(), CommandOutcome::Waiting);
    assert!(reasons(&world).is_empty());
    assert_eq!(world.waits().len(), 1);
    assert_eq!(world.slots().len(), 1);
}

#[test]
fn a_copy_whose_acceptance_could_not_be_stored_keeps_its_slot_when_the_claim_moves_on() {
    let (world, command) = claimed();
    world.break_once(Name::SetPhase);
    assert!(do_work(&world, &command).is_err());
    assert_eq!(world.calls_of("CopyDBSnapshot"), 1);
    let id = &command.run.database.resource_id;
    world.enter(id, |entry| entry.open = ExecutionName::parse("other").ok());
    assert_eq!(do_work(&world, &command).unwrap(), CommandOutcome::Waiting);
    assert!(reasons(&world).is_empty());
    let phases: Vec<Phase> = world.waits().values().map(|wait| wait.phase).collect();
    assert_eq!(phases, [Phase::Requested]);
    assert_eq!(world.slots().len(), 1);
}

#[test]
fn what_rds_may_not_show_yet_is_looked_for_again_before_the_execution_fails() {
    let (world, command) = claimed();
    world.break_once(Name::ClaimSlot);
    assert!(do_work(&world, &command).is_err());
    let id = &command.run.database.resource_id;
    world.enter(id, |entry| entry.open = ExecutionName::parse("other").ok());
    let again = do_work(&world, &command);
    assert!(matches!(again, Err(WorkError::NotShownYet(_))), "{again:?}");
    assert!(reasons(&world).is_empty());
    world.pass(worker_config().rules.grace + SignedDuration::from_secs(1));
    do_work(&world, &command).unwrap();
    assert_eq!(reasons(&world), [Reason::NotPermitted]);
}

#[test]
fn a_claim_that_cannot_be_read_is_asked_for_again() {
    let (world, command) = claimed();
    world.break_once(Name::CheckClaim);
    assert!(matches!(do_work(&world, &command), Err(WorkError::Port(_))));
    assert!(reasons(&world).is_empty());
    do_work(&world, &command).unwrap();
    assert_eq!(world.calls_of("CopyDBSnapshot"), 1);
}

#[test]
fn the_claim_decides_by_name_and_input() {
    let execution = ExecutionName::parse("this").unwrap();
    let input = InputHash::of("input");
    let claim = |input| OpenClaim {
        by: execution.clone(),
        input,
    };
    let of = |claim: Option<&OpenClaim>, name: &str| permit(claim, name, &input);
    let whole = claim(Some(input.clone()));
    assert_eq!(of(Some(&whole), "this"), Permit::Given);
    assert_eq!(of(Some(&claim(None)), "this"), Permit::ByNameAlone);
    let refused = |why| Permit::Refused(why);
    assert_eq!(of(None, "this"), refused(NotPermitted::Unclaimed));
    let other = claim(Some(InputHash::of("other")));
    assert_eq!(of(Some(&other), "this"), refused(NotPermitted::OtherInput));
    for claim in [&whole, &other, &claim(None)] {
        let by_this = NotPermitted::ClaimedBy(execution.clone());
        assert_eq!(of(Some(claim), "that"), refused(by_this));
    }
}

#[test]
fn the_hash_is_the_same_after_the_input_has_passed_through_the_state_machine() {
    let mut the_run = a_run("orders");
    the_run.planned_at = time("2026-11-22T03:00:00.250Z");
    let text = json::run::write(&the_run);
    // Step Functions and SQS lay JSON out in their own way.
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let laid_out = serde_json::to_string_pretty(&value).unwrap();
    let read = json::run::read(&laid_out).unwrap();
    assert_eq!(json::run::hash(&read), json::run::hash(&the_run));
    let mut other = the_run.clone();
    other.options.policy_slots = Some(3);
    assert_ne!(json::run::hash(&other), json::run::hash(&the_run));
}
