//! The sweeper: settles what no event announced, and hands copy slots on.

use jiff::SignedDuration;
use snapferry::app::sweep::{SweepReport, sweep};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::failure::{Operation, Reason};
use snapferry::domain::run::look_times::{LastSweep, is_announced, is_due};
use snapferry::domain::run::wait::{Expectation, ExpectedCopy, Phase, Wait};

use crate::world::{
    Fixture, NEXT_LOOK, Name, SOURCE, TaskEnd, Token, World, a_cluster_run, a_run, command,
    copy_arn, ours, region, run, snapshot_arn, sweeper_config,
};

pub(crate) fn wait_for(world: &World, step: Step, name: &str, phase: Phase) -> Wait {
    let the_run = a_run(name);
    let (resource, expected) = match step {
        Step::Snapshot => (snapshot_arn(&the_run, 1), Expectation::Snapshot),
        Step::Copy => {
            let source = snapshot_arn(&the_run, 1);
            let expected = Expectation::Copy(ExpectedCopy {
                source,
                key: the_run.key.clone(),
                engine: "postgres".to_owned(),
                size_gib: 100,
                taken_at: None,
            });
            (copy_arn(&the_run, 1), expected)
        }
    };
    let mut wait = Wait::new(resource, command(step, name, name), expected, world.clock());
    wait.phase = phase;
    world.set_token(name, Token::Alive);
    world.store(wait.clone());
    wait
}

fn do_sweep(world: &World) -> SweepReport {
    run(sweep(world, &sweeper_config())).unwrap()
}

#[test]
fn with_nothing_open_it_is_one_read() {
    let world = World::new();
    assert_eq!(do_sweep(&world), SweepReport::default());
    assert_eq!(world.called(), [Name::ListOpen]);
}

#[test]
fn what_no_event_announced_is_settled() {
    let world = World::new();
    let good = wait_for(&world, Step::Copy, "good", Phase::Requested);
    let bad = wait_for(&world, Step::Copy, "bad", Phase::Requested);
    world.put_snapshot(ours(
        &good.resource,
        &a_run("good"),
        SnapshotStatus::Available,
    ));
    world.put_snapshot(ours(&bad.resource, &a_run("bad"), SnapshotStatus::Failed));
    assert_eq!(do_sweep(&world).settled, 2);
    assert!(world.waits().is_empty());
    let failed = world.answers().iter().any(
        |(token, answer)| matches!(answer, TaskEnd::Failure(f) if token == "bad" && f.reason == Reason::SnapshotFailed),
    );
    assert!(failed);
}

#[test]
fn it_costs_one_describe_for_so_many_waits_of_a_region() {
    let world = World::new();
    for n in 0..45 {
        let name = format!("db{n}");
        let wait = wait_for(&world, Step::Snapshot, &name, Phase::Requested);
        world.put_snapshot(ours(
            &wait.resource,
            &a_run(&name),
            SnapshotStatus::Creating,
        ));
    }
    do_sweep(&world);
    assert_eq!(world.calls_of("DescribeDBSnapshots"), 3);
    world.pass(NEXT_LOOK);
    do_sweep(&world);
    assert_eq!(world.calls_of("DescribeDBSnapshots"), 6);
    assert!(world.answers().is_empty());
}

/// A wait of a snapshot that RDS is making.
fn under_way(world: &World, name: &str) -> Wait {
    let wait = wait_for(world, Step::Snapshot, name, Phase::Seen);
    world.put_snapshot(ours(&wait.resource, &a_run(name), SnapshotStatus::Creating));
    wait
}

#[test]
fn a_sweep_asks_about_a_wait_every_two_minutes_and_later_more_seldom() {
    let world = World::new();
    under_way(&world, "orders");
    let looks = |minutes| {
        let asked = (0..minutes).map(|_| {
            world.pass(SignedDuration::from_mins(1));
            do_sweep(&world).asked
        });
        asked.sum::<usize>()
    };
    // The first sweep does not know what was asked before.
    assert_eq!(looks(1), 1);
    assert!((19..=20).contains(&looks(39)));
    looks(23 * 60 + 20);
    assert_eq!(looks(60), 1, "an hour is a twenty-fourth of a day");
}

#[test]
fn after_an_event_did_not_come_the_next_sweeps_ask_about_everything() {
    let world = World::new();
    under_way(&world, "orders");
    let missed = under_way(&world, "users");
    do_sweep(&world);
    world.put_snapshot(ours(
        &missed.resource,
        &a_run("users"),
        SnapshotStatus::Available,
    ));
    world.pass(NEXT_LOOK);
    assert_eq!(do_sweep(&world).settled, 1);
    for _ in 0..9 {
        world.pass(SignedDuration::from_mins(1));
        assert_eq!(do_sweep(&world).asked, 1);
    }
    world.pass(SignedDuration::from_mins(1));
    let asked = do_sweep(&world).asked;
    world.pass(SignedDuration::from_mins(1));
    assert_eq!(asked + do_sweep(&world).asked, 1);
}

#[test]
fn rds_announces_everything_but_copies_of_clusters() {
    let mut wait = wait_for(&World::new(), Step::Copy, "shop", Phase::Seen);
    assert!(is_announced(&wait));
    wait.resource = copy_arn(&a_cluster_run("shop"), 1);
    assert!(!is_announced(&wait));
    wait.command.step = Step::Snapshot;
    assert!(is_announced(&wait));
}

#[test]
fn what_a_sweep_could_not_ask_about_is_due_for_the_next_one() {
    let world = World::new();
    under_way(&world, "orders");
    do_sweep(&world);
    world.pass(NEXT_LOOK);
    let operation = Operation::DescribeDbSnapshots;
    world.script(operation, Some("Throttling"), "Rate exceeded");
    assert_eq!(do_sweep(&world).unreachable.len(), 1);
    assert_eq!(do_sweep(&world).asked, 1);
    assert_eq!(do_sweep(&world).asked, 0);
}

#[test]
fn a_clock_that_was_ahead_does_not_keep_later_sweeps_from_looking() {
    let world = World::new();
    let wait = under_way(&world, "orders");
    let ahead = LastSweep {
        complete_at: wait.since + SignedDuration::from_hours(1),
        missed_at: None,
    };
    assert!(is_due(&wait, Some(&ahead), wait.since, NEXT_LOOK));
}

#[test]
fn a_sweep_that_cannot_read_what_the_last_one_found_asks_about_everything() {
    let world = World::new();
    under_way(&world, "orders");
    do_sweep(&world);
    assert_eq!(do_sweep(&world).asked, 0);
    world.break_once(Name::LastSweep);
    assert_eq!(do_sweep(&world).asked, 1);
}

#[test]
fn absence_proves_nothing_for_registered_and_queued_waits() {
    let world = World::new();
    wait_for(&world, Step::Snapshot, "registered", Phase::Registered);
    wait_for(&world, Step::Copy, "queued", Phase::Queued);
    world.pass(SignedDuration::from_hours(90));
    do_sweep(&world);
    assert!(world.answers().is_empty());
    assert_eq!(world.waits().len(), 2);
}

#[test]
fn a_resource_that_was_seen_and_is_gone_has_vanished() {
    let world = World::new();
    wait_for(&world, Step::Snapshot, "orders", Phase::Seen);
    assert_eq!(do_sweep(&world).settled, 0, "a list may lag once");
    assert!(world.answers().is_empty());
    assert_eq!(do_sweep(&world).settled, 1);
    let answers = world.answers();
    assert!(matches!(&answers[0].1, TaskEnd::Failure(f) if f.reason == Reason::SnapshotVanished));
}

#[test]
fn a_requested_resource_may_stay_invisible_for_the_grace_period() {
    let world = World::new();
    wait_for(&world, Step::Snapshot, "orders", Phase::Requested);
    world.pass(SignedDuration::from_mins(10));
    assert_eq!(do_sweep(&world).settled, 0);
    world.pass(NEXT_LOOK);
    assert_eq!(do_sweep(&world).settled, 0, "the first look after it");
    world.pass(SignedDuration::from_secs(60));
    assert_eq!(do_sweep(&world).settled, 1);
}

#[test]
fn absences_that_do_not_follow_each_other_prove_nothing() {
    let world = World::new();
    let wait = wait_for(&world, Step::Snapshot, "orders", Phase::Seen);
    let shown = ours(&wait.resource, &a_run("orders"), SnapshotStatus::Creating);
    for _ in 0..3 {
        world.pass(NEXT_LOOK);
        assert_eq!(do_sweep(&world).settled, 0);
        assert!(world.wait(&wait.resource).unwrap().absent);
        world.put_snapshot(shown.clone());
        assert_eq!(do_sweep(&world).settled, 0);
        assert!(!world.wait(&wait.resource).unwrap().absent);
        world.rds().snapshots.clear();
    }
    assert!(world.answers().is_empty());
}

#[test]
fn a_region_that_does_not_answer_costs_only_its_own_rows() {
    let world = World::new();
    for n in 0..30 {
        wait_for(&world, Step::Snapshot, &format!("db{n}"), Phase::Requested);
    }
    let copy = wait_for(&world, Step::Copy, "copy", Phase::Requested);
    world.hold_slot(copy.resource.clone());
    world.put_snapshot(ours(
        &copy.resource,
        &a_run("copy"),
        SnapshotStatus::Available,
    ));
    world.hook().down.borrow_mut().insert(region(SOURCE));
    let swept = do_sweep(&world);
    assert_eq!(
        (swept.settled, swept.freed, swept.unreachable.len()),
        (1, 1, 1)
    );
    assert_eq!(
        world.calls_of("DescribeDBSnapshots"),
        2,
        "a region that is down is asked once a sweep"
    );
}

/// This many finished snapshots.
fn ready(count: usize) -> World {
    let world = World::new();
    for n in 0..count {
        let name = format!("db{n}");
        let wait = wait_for(&world, Step::Snapshot, &name, Phase::Requested);
        let shown = ours(&wait.resource, &a_run(&name), SnapshotStatus::Available);
        world.put_snapshot(shown);
    }
    world
}

#[test]
fn a_throttled_describe_leaves_only_its_own_waits_to_the_next_sweep() {
    let world = ready(40);
    let operation = Operation::DescribeDbSnapshots;
    world.script(operation, Some("Throttling"), "Rate exceeded");
    let swept = do_sweep(&world);
    assert_eq!((swept.settled, swept.unreachable.len()), (20, 1));
    assert_eq!(world.calls_of("DescribeDBSnapshots"), 2);
    let swept = do_sweep(&world);
    assert_eq!((swept.settled, swept.unreachable.len()), (20, 0));
}

#[test]
fn a_region_that_goes_on_throttling_is_left_alone_for_the_round() {
    let world = ready(300);
    for _ in 0..15 {
        let operation = Operation::DescribeDbSnapshots;
        world.script(operation, Some("Throttling"), "Rate exceeded");
    }
    assert_eq!(do_sweep(&world).settled, 0);
    assert_eq!(world.calls_of("DescribeDBSnapshots"), 10);
}

#[test]
fn what_a_person_must_fix_is_asked_once_a_sweep() {
    let world = ready(60);
    let operation = Operation::DescribeDbSnapshots;
    world.script(operation, Some("AccessDenied"), "no");
    assert_eq!(do_sweep(&world).settled, 0);
    assert_eq!(world.calls_of("DescribeDBSnapshots"), 1);
}

#[test]
fn the_slot_of_a_finished_copy_goes_to_the_oldest_in_the_queue() {
    let world = World::new();
    let done = wait_for(&world, Step::Copy, "done", Phase::Requested);
    world.put_snapshot(ours(
        &done.resource,
        &a_run("done"),
        SnapshotStatus::Available,
    ));
    let busy = wait_for(&world, Step::Copy, "busy", Phase::Requested);
    world.put_snapshot(ours(
        &busy.resource,
        &a_run("busy"),
        SnapshotStatus::Copying,
    ));
    let older = wait_for(&world, Step::Copy, "z-older", Phase::Queued);
    world.pass(SignedDuration::from_secs(1));
    wait_for(&world, Step::Copy, "a-younger", Phase::Queued);
    for holder in [&done, &busy] {
        world.hold_slot(holder.resource.clone());
    }

    let swept = do_sweep(&world);
    assert_eq!((swept.freed, swept.handed_out), (1, 1));
    assert_eq!(world.sent(), [older.command]);
    assert_eq!(
        world.slots(),
        [busy.resource, older.resource.clone()].into()
    );
    assert_eq!(
        world.phase(&older.resource),
        Some(Phase::Queued),
        "the worker, not the sweeper, moves it on"
    );
}

#[test]
fn a_lost_hand_over_is_made_again_after_a_minute() {
    let world = World::new();
    let queued = wait_for(&world, Step::Copy, "orders", Phase::Queued);
    world.break_once(Name::SendCommand);
    assert_eq!(do_sweep(&world).broken, 1);
    assert_eq!(do_sweep(&world).handed_out, 0, "it may be on its way");
    world.pass(SignedDuration::from_mins(1));
    assert_eq!(do_sweep(&world).handed_out, 1);
    assert_eq!(world.sent(), [queued.command]);
    assert_eq!(world.slots().len(), 1);
}

#[test]
fn a_queued_copy_is_not_handed_out_beyond_the_slots_of_its_policies() {
    let world = World::new();
    let mut queued = wait_for(&world, Step::Copy, "orders", Phase::Queued);
    queued.command.run.options.copy_slots = Some(1);
    world.store(queued);
    wait_for(&world, Step::Copy, "other", Phase::Requested);
    world.hold_slot(copy_arn(&a_run("other"), 1));
    assert_eq!(do_sweep(&world).handed_out, 0);
    assert!(world.sent().is_empty());
}

#[test]
fn the_slot_of_a_copy_that_is_gone_is_freed_for_its_policy_too() {
    let world = World::new();
    let mut queued = wait_for(&world, Step::Copy, "orders", Phase::Queued);
    queued.command.run.options.policy_slots = Some(1);
    world.store(queued);
    // One copy is gone completely. Of another, a version without policies' slots has freed only the stack's slot.
    let default = PolicyName::parse("default").unwrap();
    let gone = copy_arn(&a_run("gone"), 1);
    let half = copy_arn(&a_run("half"), 1);
    world.hold_slot_of(gone.clone(), default.clone());
    world.count_for_policy(half.clone(), default);
    // Until they are freed, no copy of the policy gets a slot.
    let swept = do_sweep(&world);
    assert_eq!((swept.freed, swept.handed_out), (2, 1));
    let of = world.slots_of_policies();
    assert_eq!(of, [copy_arn(&a_run("orders"), 1)].into());
}

#[test]
fn a_queued_copy_that_nobody_awaits_any_more_gets_no_slot() {
    let world = World::new();
    wait_for(&world, Step::Copy, "orders", Phase::Queued);
    world.set_token("orders", Token::Dead);
    do_sweep(&world);
    assert_eq!(world.waits().len(), 1, "dead is heard twice");
    world.pass(SignedDuration::from_secs(60));
    do_sweep(&world);
    assert!(world.waits().is_empty() && world.slots().is_empty() && world.sent().is_empty());
}

#[test]
fn a_queued_copy_whose_token_cannot_be_probed_stays() {
    let world = World::new();
    wait_for(&world, Step::Copy, "orders", Phase::Queued);
    world.set_token("orders", Token::Unknown);
    assert_eq!(do_sweep(&world).broken, 1);
    assert_eq!(world.waits().len(), 1);
}

#[test]
fn the_slot_of_a_worker_that_died_before_rds_was_asked_is_freed_after_the_grace_period() {
    let world = World::new();
    let stuck = wait_for(&world, Step::Copy, "stuck", Phase::Registered);
    world.hold_slot(stuck.resource.clone());
    world.pass(SignedDuration::from_mins(10));
    assert_eq!(do_sweep(&world).freed, 0);
    world.pass(NEXT_LOOK);
    assert_eq!(do_sweep(&world).freed, 1);
    assert_eq!(
        world.wait(&stuck.resource),
        Some(stuck),
        "its execution sleeps on"
    );
}

/// Longer than ten receives of one message take.
const A_MESSAGES_LIFE: SignedDuration = SignedDuration::from_hours(3);

#[test]
fn the_command_of_a_registered_wait_is_sent_again_once_no_message_can_carry_it() {
    let world = World::new();
    let lost = wait_for(&world, Step::Snapshot, "orders", Phase::Registered);
    world.pass(A_MESSAGES_LIFE);
    assert_eq!(do_sweep(&world).sent_again, 0);
    world.pass(SignedDuration::from_mins(10));
    world.break_once(Name::SendCommand);
    let swept = do_sweep(&world);
    assert_eq!((swept.sent_again, swept.broken), (0, 1));
    assert_eq!(do_sweep(&world).sent_again, 1);
    assert_eq!(world.sent(), std::slice::from_ref(&lost.command));
    assert_eq!(world.phase(&lost.resource), Some(Phase::Registered));
    assert_eq!(do_sweep(&world).sent_again, 0, "once in a message's life");
}

#[test]
fn the_command_of_a_copy_that_failed_before_anybody_saw_it_is_sent_again() {
    let world = World::new();
    let lost = wait_for(&world, Step::Copy, "orders", Phase::Registered);
    world.put_snapshot(ours(
        &lost.resource,
        &a_run("orders"),
        SnapshotStatus::Failed,
    ));
    world.pass(A_MESSAGES_LIFE + SignedDuration::from_secs(1));
    assert_eq!(do_sweep(&world).sent_again, 1);
    assert!(world.answers().is_empty());
}

#[test]
fn a_registered_wait_that_nobody_awaits_any_more_is_forgotten() {
    let world = World::new();
    wait_for(&world, Step::Copy, "orders", Phase::Registered);
    world.set_token("orders", Token::Dead);
    world.pass(A_MESSAGES_LIFE + SignedDuration::from_secs(1));
    do_sweep(&world);
    assert_eq!(world.waits().len(), 1, "dead is heard twice");
    // A twentieth of its age.
    world.pass(SignedDuration::from_mins(10));
    do_sweep(&world);
    assert!(world.waits().is_empty() && world.sent().is_empty());
}

#[test]
fn a_registered_wait_whose_token_cannot_be_probed_stays_as_it_is() {
    let world = World::new();
    let lost = wait_for(&world, Step::Snapshot, "orders", Phase::Registered);
    world.set_token("orders", Token::Unknown);
    world.pass(A_MESSAGES_LIFE + SignedDuration::from_secs(1));
    assert_eq!(do_sweep(&world).broken, 1);
    assert_eq!(world.wait(&lost.resource), Some(lost));
    assert!(world.sent().is_empty());
}

#[test]
fn the_slot_of_a_registered_copy_that_came_to_nothing_is_freed_and_that_of_one_under_way_is_not() {
    let grace = SignedDuration::from_mins(10) + SignedDuration::from_secs(1);
    for (status, freed) in [
        (SnapshotStatus::Failed, 1),
        (SnapshotStatus::Deleting, 1),
        (SnapshotStatus::Copying, 0),
        (SnapshotStatus::Other("upgrading".to_owned()), 0),
    ] {
        let world = World::new();
        let stuck = wait_for(&world, Step::Copy, "stuck", Phase::Registered);
        world.hold_slot(stuck.resource.clone());
        world.put_snapshot(ours(&stuck.resource, &a_run("stuck"), status.clone()));
        world.pass(grace);
        assert_eq!(do_sweep(&world).freed, freed, "{status:?}");
    }
}

#[test]
fn sweeping_twice_settles_once() {
    let world = World::new();
    let wait = wait_for(&world, Step::Snapshot, "orders", Phase::Requested);
    world.put_snapshot(ours(
        &wait.resource,
        &a_run("orders"),
        SnapshotStatus::Available,
    ));
    world.break_once(Name::Forget);
    do_sweep(&world);
    do_sweep(&world);
    assert_eq!(world.answers().len(), 1);
    assert!(world.waits().is_empty());
}

/// A world where `orders` has its snapshot and its token is in this state.
fn ready_with_token(state: Token) -> (World, Wait) {
    let world = World::new();
    let wait = wait_for(&world, Step::Snapshot, "orders", Phase::Requested);
    world.put_snapshot(ours(
        &wait.resource,
        &a_run("orders"),
        SnapshotStatus::Available,
    ));
    world.set_token("orders", state);
    (world, wait)
}

#[test]
fn a_token_that_is_dead_or_invalid_lets_the_wait_go() {
    for state in [Token::Dead, Token::Invalid] {
        let (world, _) = ready_with_token(state);
        assert_eq!(do_sweep(&world).settled, 1, "{state:?}");
        assert!(world.waits().is_empty(), "{state:?}");
        assert!(world.answers().is_empty(), "{state:?}");
    }
}

#[test]
fn a_throttled_callback_leaves_the_wait_to_the_next_sweep() {
    let (world, wait) = ready_with_token(Token::Unknown);
    let swept = do_sweep(&world);
    assert_eq!((swept.settled, swept.broken), (0, 1));
    assert_eq!(world.wait(&wait.resource), Some(wait));
    world.set_token("orders", Token::Alive);
    assert_eq!(do_sweep(&world).settled, 1);
    assert_eq!(world.answers().len(), 1);
}
