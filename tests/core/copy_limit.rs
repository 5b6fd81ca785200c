//! A refusal for RDS's limit on copies in flight: the copy gives its slot back, and the limit is learnt.

use jiff::SignedDuration;
use snapferry::app::worker::{CommandOutcome, WorkError, work};
use snapferry::domain::id::arn::Family;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::run::command::{Command, Step};
use snapferry::domain::run::failure::Operation;
use snapferry::domain::run::learnt_limit::LearntLimit;
use snapferry::domain::run::wait::Phase;

use crate::world::{
    Fixture, Name, Token, World, a_run, command, copy_arn, ours, run, snapshot_arn, worker_config,
};

const COPY: Operation = Operation::CopyDbSnapshot;
const LIMIT: &str = "Cannot copy more than 1 snapshots across regions";

/// A world with the source snapshots of these databases, and the commands to copy them.
fn ready<const N: usize>(names: [&str; N]) -> (World, [Command; N]) {
    let mut world = World::new();
    for name in names {
        world = world.with_token(name, Token::Alive);
        let of = a_run(name);
        let source = ours(&snapshot_arn(&of, 1), &of, SnapshotStatus::Available);
        world.put_snapshot(source);
    }
    (world, names.map(|name| command(Step::Copy, name, name)))
}

fn do_work(world: &World, command: &Command) -> Result<CommandOutcome, WorkError> {
    world.permit(command);
    run(work(world, &worker_config(), command, 1))
}

fn refuse(world: &World) {
    world.script(COPY, Some("SnapshotQuotaExceeded"), LIMIT);
}

fn learnt(world: &World) -> Option<LearntLimit> {
    let table = world.table();
    table.learnt_limit(Family::Instance).cloned()
}

fn copy(name: &str) -> snapferry::domain::id::arn::RdsArn {
    copy_arn(&a_run(name), 1)
}

#[test]
fn a_refused_copy_gives_its_slot_back_once_rds_shows_none_of_its_name() {
    let (world, [one, two]) = ready(["one", "two"]);
    assert_eq!(do_work(&world, &one).unwrap(), CommandOutcome::Waiting);
    refuse(&world);
    assert_eq!(do_work(&world, &two).unwrap(), CommandOutcome::Queued);
    assert_eq!(world.slots(), [copy("one")].into());
    assert_eq!(world.phase(&copy("two")), Some(Phase::Queued));
    assert_eq!(learnt(&world).unwrap().in_flight, 1);
}

#[test]
fn a_refused_copy_that_rds_makes_already_keeps_its_slot() {
    let (world, [one]) = ready(["one"]);
    let is_made = ours(&copy("one"), &a_run("one"), SnapshotStatus::Copying);
    world.put_snapshot(is_made);
    refuse(&world);
    assert_eq!(do_work(&world, &one).unwrap(), CommandOutcome::Waiting);
    assert_eq!(world.slots(), [copy("one")].into());
    assert_eq!(world.phase(&copy("one")), Some(Phase::Requested));
    assert_eq!(learnt(&world), None);
}

#[test]
fn a_refused_copy_keeps_its_slot_while_rds_does_not_say_what_it_has() {
    let (world, [one]) = ready(["one"]);
    // The source is found. Then RDS refuses the copy, and its next answer is lost.
    do_work(&world, &one).unwrap();
    let (world, [one]) = (World::new(), [one]);
    let world = world.with_token("one", Token::Alive);
    let source = ours(
        &snapshot_arn(&a_run("one"), 1),
        &a_run("one"),
        SnapshotStatus::Available,
    );
    world.put_snapshot(source);
    refuse(&world);
    world.script(
        Operation::DescribeDbSnapshots,
        Some("Throttling"),
        "slow down",
    );
    do_work(&world, &one).unwrap_err();
    refuse(&world);
    world.break_once(Name::FreeSlot);
    do_work(&world, &one).unwrap_err();
    assert_eq!(world.slots(), [copy("one")].into());
}

#[test]
fn no_further_copy_begins_until_one_ends_or_the_pause_is_over() {
    let (world, [one, two]) = ready(["one", "two"]);
    do_work(&world, &one).unwrap();
    refuse(&world);
    do_work(&world, &two).unwrap();
    let calls = world.calls_of("CopyDBSnapshot");
    assert_eq!(do_work(&world, &two).unwrap(), CommandOutcome::Queued);
    assert_eq!(world.calls_of("CopyDBSnapshot"), calls, "the pause goes on");

    world.pass(SignedDuration::from_mins(1));
    refuse(&world);
    assert_eq!(do_work(&world, &two).unwrap(), CommandOutcome::Queued);
    assert_eq!(world.calls_of("CopyDBSnapshot"), calls + 1, "one is tried");
    world.pass(SignedDuration::from_mins(1));
    assert_eq!(do_work(&world, &two).unwrap(), CommandOutcome::Queued);
    assert_eq!(
        world.calls_of("CopyDBSnapshot"),
        calls + 1,
        "two minutes now"
    );

    world.free_slots();
    assert_eq!(do_work(&world, &two).unwrap(), CommandOutcome::Waiting);
    assert_eq!(
        learnt(&world).unwrap().in_flight,
        1,
        "it was known to be allowed"
    );
}

#[test]
fn a_success_beyond_what_is_known_raises_it_by_one() {
    let (world, [one, two]) = ready(["one", "two"]);
    do_work(&world, &one).unwrap();
    refuse(&world);
    do_work(&world, &two).unwrap();
    world.pass(SignedDuration::from_mins(1));
    assert_eq!(do_work(&world, &two).unwrap(), CommandOutcome::Waiting);
    let learnt = learnt(&world).unwrap();
    assert_eq!((learnt.in_flight, learnt.step), (2, 0));
}

#[test]
fn of_two_that_would_try_one_more_only_the_first_does() {
    let (world, [one, two]) = ready(["one", "two"]);
    // Other tools take every place.
    for command in [&one, &two] {
        refuse(&world);
        do_work(&world, command).unwrap();
    }
    assert_eq!(world.calls_of("CopyDBSnapshot"), 1);
    assert_eq!(learnt(&world).unwrap().in_flight, 0);
    world.pass(SignedDuration::from_mins(1));
    assert_eq!(do_work(&world, &one).unwrap(), CommandOutcome::Queued);
    assert_eq!(do_work(&world, &two).unwrap(), CommandOutcome::Queued);
    assert_eq!(world.calls_of("CopyDBSnapshot"), 2);
}

#[test]
fn a_copy_without_a_refusal_costs_two_reads_of_the_table_and_no_call_to_rds() {
    let (world, [one]) = ready(["one"]);
    do_work(&world, &one).unwrap();
    assert_eq!(
        world.calls_of("GetItem"),
        2,
        "its claim, and what was learnt"
    );
    assert_eq!(world.calls_of("DescribeDBSnapshots"), 1, "its source");
    assert_eq!(world.calls_of("CopyDBSnapshot"), 1);
    assert_eq!(learnt(&world), None);
}
