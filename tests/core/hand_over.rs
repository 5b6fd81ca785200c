//! The slot of a settled copy goes to the next in the queue at once, and to nobody twice.

use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use snapferry::app::react::react;
use snapferry::app::sweep::{SweepReport, sweep};
use snapferry::app::worker::{CommandOutcome, work};
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::learnt_limit::LearntLimit;
use snapferry::domain::run::slot_candidate::{SlotCandidate, WaitsFor};
use snapferry::domain::run::slot_limits::{CopySlots, SlotGroup, SlotLimits};
use snapferry::domain::run::taken_slots::{HandOver, PassedOver, TakenSlots};
use snapferry::domain::run::turn::Turn;
use snapferry::domain::run::wait::{Phase, Wait};

use crate::sweeper::wait_for;
use crate::world::{
    Fixture, Name, Token, World, a_cluster_run, a_run, backoff, copy_arn, ours, reactor_config,
    record, run, snapshot_arn, sweeper_config, worker_config,
};

/// A world whose two slots are held: RDS has finished `done`, and copies `busy`.
fn two_slots() -> (Rc<World>, Wait, Wait) {
    let world = World::new();
    let [done, busy] = [
        ("done", SnapshotStatus::Available),
        ("busy", SnapshotStatus::Copying),
    ]
    .map(|(name, status)| {
        let wait = wait_for(&world, Step::Copy, name, Phase::Requested);
        world.put_snapshot(ours(&wait.resource, &a_run(name), status));
        world.hold_slot(wait.resource.clone());
        wait
    });
    (Rc::new(world), done, busy)
}

/// Queues a copy, a second after the one before it.
fn queue(world: &World, name: &str) -> Wait {
    world.pass(SignedDuration::from_secs(1));
    wait_for(world, Step::Copy, name, Phase::Queued)
}

/// Queues copies of a policy that may have one slot.
fn queue_of_full_policy(world: &World, names: std::ops::Range<usize>) {
    for n in names {
        let mut wait = queue(world, &format!("full-{n}"));
        wait.command.run.options.policy_slots = Some(1);
        world.store(wait);
    }
}

fn finished(copy: &RdsArn) -> String {
    let detail = json!({
        "SourceType": "SNAPSHOT", "SourceArn": copy.to_string(), "EventID": "RDS-EVENT-0060",
        "Message": "finished", "SourceIdentifier": "any"
    });
    json!({
        "version": "0", "id": "e-1", "detail-type": "RDS DB Snapshot Event", "source": "aws.rds",
        "account": "111122223333", "time": "2026-11-22T03:04:05Z", "region": "eu-central-1",
        "resources": [copy.to_string()], "detail": detail,
    })
    .to_string()
}

/// The reactor gets the events of these copies.
fn react_to(world: &World, waits: &[&Wait]) {
    let records = waits.iter().enumerate();
    let records = records
        .map(|(n, wait)| record(&n.to_string(), finished(&wait.resource), 1))
        .collect();
    let failed = run(react(world, &reactor_config(), &backoff(), records));
    assert!(failed.is_empty(), "{failed:?}");
}

fn do_sweep(world: &World) -> SweepReport {
    run(sweep(world, &sweeper_config())).unwrap()
}

fn holders(of: &[&Wait]) -> std::collections::BTreeSet<RdsArn> {
    of.iter().map(|wait| wait.resource.clone()).collect()
}

#[test]
fn the_slot_of_a_settled_copy_goes_to_the_first_of_the_queue_at_once() {
    let (world, done, busy) = two_slots();
    let first = queue(&world, "z-first");
    queue(&world, "a-second");
    react_to(&world, &[&done]);
    assert_eq!(world.sent(), std::slice::from_ref(&first.command));
    assert_eq!(world.slots(), holders(&[&busy, &first]));
    assert_eq!(world.calls_of("DescribeDBSnapshots"), 1);
    let source = snapshot_arn(&a_run("z-first"), 1);
    world.put_snapshot(ours(&source, &a_run("z-first"), SnapshotStatus::Available));
    world.permit(&first.command);
    let worked = run(work(&*world, &worker_config(), &first.command, 1));
    assert_eq!(worked.unwrap(), CommandOutcome::Waiting);
    assert!(world.table().slots().handed.is_empty());
}

#[test]
fn without_a_queue_the_slot_is_free_at_once() {
    let (world, done, busy) = two_slots();
    react_to(&world, &[&done]);
    assert!(world.sent().is_empty());
    assert_eq!(world.slots(), holders(&[&busy]));
}

#[test]
fn a_settled_snapshot_and_a_copy_without_a_slot_hand_nothing_on() {
    let (world, ..) = two_slots();
    let other = wait_for(&world, Step::Copy, "other", Phase::Requested);
    let copy = ours(&other.resource, &a_run("other"), SnapshotStatus::Available);
    world.put_snapshot(copy);
    queue(&world, "queued");
    react_to(&world, &[&other]);
    assert!(world.sent().is_empty());
    assert_eq!(world.slots().len(), 2);
}

/// Decision 34 names these calls.
#[test]
fn a_hand_over_makes_few_calls_and_fewer_without_a_queue() {
    let after_the_delete = |world: &World| -> Vec<Name> {
        let calls = world.called().into_iter();
        calls.skip_while(|name| *name != Name::Forget).collect()
    };
    let (world, done, _) = two_slots();
    for name in ["first", "second", "third"] {
        queue(&world, name);
    }
    react_to(&world, &[&done]);
    let whole = [
        Name::Forget,
        Name::TakenSlots,
        Name::ListQueue,
        Name::ListQueue,
        Name::LookUp,
        Name::LearntLimit,
        Name::ProbeToken,
        Name::HandOnSlot,
        Name::SendCommand,
    ];
    assert_eq!(after_the_delete(&world), whole);
    let (world, done, _) = two_slots();
    react_to(&world, &[&done]);
    let [delete, read, ask, ..] = whole;
    let without_a_queue = [delete, read, ask, ask, Name::FreeSlot];
    assert_eq!(after_the_delete(&world), without_a_queue);
    for (step, calls) in [(Step::Copy, &whole[..2]), (Step::Snapshot, &whole[..1])] {
        let (world, ..) = two_slots();
        let other = wait_for(&world, step, "other", Phase::Requested);
        let snapshot = ours(&other.resource, &a_run("other"), SnapshotStatus::Available);
        world.put_snapshot(snapshot);
        queue(&world, "queued");
        react_to(&world, &[&other]);
        assert_eq!(after_the_delete(&world), calls, "{step:?}");
    }
}

#[test]
fn of_two_that_settle_at_once_each_hands_its_slot_to_another() {
    let (world, done, busy) = two_slots();
    let copy = ours(&busy.resource, &a_run("busy"), SnapshotStatus::Available);
    world.put_snapshot(copy);
    let [first, second] = ["first", "second"].map(|name| queue(&world, name));
    // The other one is faster, once the first has read the slots.
    let (other, at) = (Rc::clone(&world), busy.clone());
    world.meanwhile(Name::HandOnSlot, move || react_to(&other, &[&at]));
    react_to(&world, &[&done]);
    assert_eq!(world.slots(), holders(&[&first, &second]));
    assert_eq!(world.sent(), [first.command, second.command]);
}

#[test]
fn only_who_has_deleted_the_wait_hands_its_slot_on() {
    let (world, done, busy) = two_slots();
    queue(&world, "queued");
    let (other, resource) = (Rc::clone(&world), done.resource.clone());
    world.meanwhile(Name::Forget, move || {
        let now = other.clock();
        other.table().remove_wait(&resource, now);
    });
    react_to(&world, &[&done]);
    assert!(world.sent().is_empty());
    assert_eq!(
        world.slots(),
        holders(&[&busy, &done]),
        "the other one does it"
    );
}

#[test]
fn nobody_who_may_not_be_awaited_any_more_gets_a_slot() {
    for token in [Token::Dead, Token::Unknown] {
        let (world, done, busy) = two_slots();
        let [_, second] = ["first", "second"].map(|name| queue(&world, name));
        world.set_token("first", token);
        react_to(&world, &[&done]);
        assert_eq!(world.slots(), holders(&[&busy, &second]));
        assert_eq!(world.waits().len(), 3, "the sweep decides about the first");
    }
}

#[test]
fn a_policy_whose_slots_are_taken_lets_another_pass() {
    let (world, done, busy) = two_slots();
    let default = a_run("any").policy;
    world.hold_slot_of(busy.resource.clone(), default);
    let mut first = queue(&world, "first");
    first.command.run.options.policy_slots = Some(1);
    world.store(first);
    let second = queue(&world, "second");
    react_to(&world, &[&done]);
    assert_eq!(world.slots(), holders(&[&busy, &second]));
}

#[test]
fn many_copies_of_a_full_policy_at_the_head_switch_no_hand_over_off() {
    let (world, done, busy) = two_slots();
    world.hold_slot_of(busy.resource.clone(), a_run("any").policy);
    queue_of_full_policy(&world, 0..45);
    let next = queue(&world, "next");
    react_to(&world, &[&done]);
    assert_eq!(world.slots(), holders(&[&busy, &next]));
    assert_eq!(world.sent(), [next.command]);
}

#[test]
fn a_family_without_room_at_the_head_switches_no_hand_over_off() {
    let (world, done, busy) = two_slots();
    let cluster = copy_arn(&a_cluster_run("busy"), 1);
    let now = world.clock();
    world.table().change_slots(now, |slots| {
        slots.holders.remove(&busy.resource);
        slots.holders.insert(cluster.clone());
        let clusters = slots.groups.entry(SlotGroup::Clusters).or_default();
        clusters.insert(cluster.clone());
    });
    for n in 0..45 {
        let mut wait = queue(&world, &format!("cluster-{n}"));
        world.table().remove_wait(&wait.resource, now);
        wait.command.run = a_cluster_run(&format!("cluster-{n}"));
        wait.resource = copy_arn(&wait.command.run, 1);
        world.store(wait);
    }
    let next = queue(&world, "next");
    react_to(&world, &[&done]);
    assert_eq!(world.slots(), [cluster, next.resource].into());
    assert_eq!(
        world.calls_of("BatchGetItem"),
        3,
        "the reactor's own, five clusters, the next"
    );
}

#[test]
fn a_slot_stays_taken_until_the_sweep_where_somebody_may_be_next() {
    // Nobody who was looked at may have it, but the queue is longer.
    let (world, done, mut busy) = two_slots();
    busy.command.run.options.policy_slots = Some(1);
    world.store(busy.clone());
    world.hold_slot_of(busy.resource.clone(), a_run("any").policy);
    queue_of_full_policy(&world, 0..130);
    let next = queue(&world, "next");
    react_to(&world, &[&done]);
    assert_eq!(world.slots(), holders(&[&busy, &done]));
    assert_eq!(do_sweep(&world).handed_out, 1);
    assert_eq!(world.slots(), holders(&[&busy, &next]));
    // A token may be alive.
    for (token, left) in [(Token::Unknown, true), (Token::Dead, false)] {
        let (world, done, busy) = two_slots();
        queue(&world, "queued");
        world.set_token("queued", token);
        react_to(&world, &[&done]);
        assert_eq!(world.slots().contains(&done.resource), left);
        assert!(world.slots().contains(&busy.resource) && world.sent().is_empty());
    }
}

#[test]
fn the_smallest_limit_of_all_that_wait_holds_for_each_as_in_the_sweep() {
    for names in [["lowered", "next"], ["next", "lowered"]] {
        let (world, done, busy) = two_slots();
        for name in names {
            let mut wait = queue(&world, name);
            wait.command.run.options.copy_slots = (name == "lowered").then_some(1);
            world.store(wait);
        }
        react_to(&world, &[&done]);
        assert_eq!(world.slots(), holders(&[&busy]), "{names:?}");
        assert_eq!(do_sweep(&world).handed_out, 0, "{names:?}");
    }
}

#[test]
fn the_sweep_sends_no_command_of_a_copy_that_a_worker_has_claimed_for_meanwhile() {
    let world = Rc::new(World::new());
    let queued = queue(&world, "queued");
    let (other, copy) = (Rc::clone(&world), queued.resource.clone());
    world.meanwhile(Name::HandOutSlot, move || other.hold_slot(copy));
    assert_eq!(do_sweep(&world).handed_out, 0);
    assert!(world.sent().is_empty() && world.table().slots().handed.is_empty());
    // The worker has died before it said so in the wait.
    assert_eq!(do_sweep(&world).handed_out, 1);
    assert_eq!(world.sent(), [queued.command]);
}

#[test]
fn the_sweep_takes_no_copy_back_into_the_queue_that_a_worker_has_taken_up() {
    let world = Rc::new(World::new());
    let old = queue(&world, "old");
    let now = world.clock();
    world.table().put_queued_without_turn(&old, now);
    let taken_up = Wait {
        phase: Phase::Registered,
        ..old.clone()
    };
    let other = Rc::clone(&world);
    world.meanwhile(Name::GiveTurn, move || other.store(taken_up));
    do_sweep(&world);
    assert_eq!(world.phase(&old.resource), Some(Phase::Registered));
}

#[test]
fn dead_tokens_at_the_head_cost_the_next_copies_no_sweep() {
    let world = World::new();
    for n in 0..9 {
        let name = format!("dead-{n}");
        queue(&world, &name);
        world.set_token(&name, Token::Dead);
    }
    let next = ["first", "second", "third"].map(|name| queue(&world, name));
    assert_eq!(do_sweep(&world).handed_out, 2);
    assert_eq!(world.slots(), holders(&[&next[0], &next[1]]));
    assert_eq!(world.waits().len(), 12, "dead is heard twice");
}

#[test]
fn a_hand_over_that_fails_leaves_the_copy_settled_and_the_slot_to_the_sweep() {
    for name in [
        Name::TakenSlots,
        Name::ListQueue,
        Name::LookUp,
        Name::LearntLimit,
        Name::HandOnSlot,
    ] {
        let (world, done, busy) = two_slots();
        let queued = queue(&world, "queued");
        match name {
            // The reactor's own look-up comes first.
            Name::LookUp => {
                let other = Rc::clone(&world);
                world.meanwhile(Name::Forget, move || other.break_once(Name::LookUp));
            }
            name => world.break_once(name),
        }
        react_to(&world, &[&done]);
        assert!(world.sent().is_empty(), "{name:?}");
        assert_eq!(do_sweep(&world).handed_out, 1, "{name:?}");
        assert_eq!(world.slots(), holders(&[&busy, &queued]), "{name:?}");
        assert_eq!(world.sent(), [queued.command], "{name:?}");
    }
}

#[test]
fn a_hand_over_counts_as_lost_after_one_minute_and_then_after_two() {
    let (world, done, _) = two_slots();
    let queued = queue(&world, "queued");
    world.break_once(Name::SendCommand);
    react_to(&world, &[&done]);
    let mut handed_out = Vec::new();
    for _ in 0..8 {
        world.pass(SignedDuration::from_secs(30));
        handed_out.push(do_sweep(&world).handed_out);
    }
    assert_eq!(handed_out, [0, 1, 0, 0, 0, 1, 0, 0]);
    assert_eq!(world.sent(), [queued.command.clone(), queued.command]);
}

#[test]
fn a_queued_copy_of_an_earlier_version_gets_its_place_from_the_sweep() {
    let (world, done, busy) = two_slots();
    let old = queue(&world, "old");
    let now = world.clock();
    world.table().put_queued_without_turn(&old, now);
    let new = queue(&world, "new");
    do_sweep(&world);
    react_to(&world, &[&done]);
    assert_eq!(world.slots(), holders(&[&busy, &old]));
    assert_eq!(world.sent(), [old.command]);
    assert_eq!(world.phase(&new.resource), Some(Phase::Queued));
}

const SLOTS: CopySlots = CopySlots {
    all: 2,
    clusters: 1,
};

fn now() -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap()
}

fn copy(kind: &str, name: &str) -> RdsArn {
    RdsArn::parse(&format!(
        "arn:aws:rds:eu-central-1:111122223333:{kind}:{name}"
    ))
    .unwrap()
}

fn next(holder: &RdsArn) -> SlotCandidate {
    SlotCandidate {
        resource: holder.clone(),
        holder: holder.clone(),
        phase: Phase::Queued,
        turn: Turn::new(None, now(), now()),
        limits: SlotLimits::of_stack(SLOTS, holder.family()),
    }
}

fn taken(groups: &[(SlotGroup, &[&RdsArn])]) -> TakenSlots {
    let groups = groups.iter().map(|(group, copies)| {
        let copies = copies.iter().map(|copy| (*copy).clone());
        (group.clone(), copies.collect())
    });
    TakenSlots {
        groups: groups.collect(),
        ..TakenSlots::default()
    }
}

fn waits_for(group: SlotGroup) -> Result<TakenSlots, PassedOver> {
    Err(PassedOver::WaitsFor(WaitsFor::Slot(group)))
}

#[test]
fn a_slot_is_handed_on_within_all_limits() {
    let [one, two, three] = ["one", "two", "three"].map(|name| copy("snapshot", name));
    let [of_cluster, of_another] = ["a", "b"].map(|name| copy("cluster-snapshot", name));
    let full = taken(&[(SlotGroup::All, &[&one, &two])]);
    let after = full.handed_on(&one, &next(&three), None, now()).unwrap();
    assert!(after.holds(&three) && after.holds(&two) && !after.holds(&one));
    assert_eq!(
        after.handed,
        [(three.clone(), HandOver::first(now()))].into()
    );
    // It holds one already.
    assert_eq!(
        full.handed_on(&one, &next(&two), None, now()),
        Err(PassedOver::Holds)
    );
    // The limit was lowered meanwhile.
    let overfull = taken(&[(SlotGroup::All, &[&one, &two, &three])]);
    let four = copy("snapshot", "four");
    assert_eq!(
        overfull.handed_on(&one, &next(&four), None, now()),
        waits_for(SlotGroup::All)
    );
    // Another cluster's copy takes the cluster's place, and no instance's.
    let mixed = taken(&[
        (SlotGroup::All, &[&one, &of_cluster]),
        (SlotGroup::Clusters, &[&of_cluster]),
    ]);
    let another = next(&of_another);
    assert_eq!(
        mixed.handed_on(&one, &another, None, now()),
        waits_for(SlotGroup::Clusters)
    );
    let after = mixed.handed_on(&of_cluster, &another, None, now()).unwrap();
    assert_eq!(after.taken_of(&SlotGroup::Clusters), 1);
    let after = mixed
        .handed_on(&of_cluster, &next(&two), None, now())
        .unwrap();
    assert_eq!(after.taken_of(&SlotGroup::Clusters), 0);
}

#[test]
fn what_rds_is_known_to_allow_is_not_exceeded_by_a_hand_over() {
    let [one, two, three] = ["one", "two", "three"].map(|name| copy("snapshot", name));
    let full = taken(&[(SlotGroup::All, &[&one, &two])]);
    let allowed = |in_flight| {
        let learnt = LearntLimit {
            in_flight,
            // The pause is long over: whether one more is tried is decided by a claim.
            since: Timestamp::UNIX_EPOCH,
            step: 0,
        };
        full.handed_on(&one, &next(&three), Some(&learnt), now())
    };
    assert!(allowed(2).is_ok());
    let rds = WaitsFor::Rds(three.family());
    assert_eq!(allowed(1), Err(PassedOver::WaitsFor(rds)));
}

#[test]
fn a_stamp_that_is_left_over_is_renewed_or_removed() {
    let [one, two, gone] = ["one", "two", "gone"].map(|name| copy("snapshot", name));
    let mut full = taken(&[(SlotGroup::All, &[&one])]);
    let old = HandOver::first(Timestamp::UNIX_EPOCH);
    full.handed = [(two.clone(), old), (gone, old)].into();
    let after = full.handed_on(&one, &next(&two), None, now()).unwrap();
    let renewed = (two, HandOver::first(now()));
    assert_eq!(after.handed, [renewed.clone()].into());
    let new: Vec<_> = full.new_stamps(&after).collect();
    assert_eq!(new, [(&renewed.0, &renewed.1)]);
}

#[test]
fn a_hand_over_lasts_longer_each_time() {
    let mut hand_over = HandOver::first(now());
    let mut minutes = Vec::new();
    for _ in 0..6 {
        minutes.push(hand_over.lasts().as_mins());
        let ends = hand_over.at + hand_over.lasts();
        assert!(
            hand_over.is_lost(ends) && !hand_over.is_lost(ends - SignedDuration::from_nanos(1))
        );
        hand_over = hand_over.next(ends);
    }
    assert_eq!(minutes, [1, 2, 4, 8, 15, 15]);
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000_000).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
}

fn any_turn() -> impl Strategy<Value = Turn> {
    let expires = proptest::option::of(any_time());
    (expires, any_time(), any_time())
        .prop_map(|(expires, planned, opened)| Turn::new(expires, planned, opened))
}

proptest! {
    #[test]
    fn the_texts_of_turns_follow_each_other_as_the_turns_do(one in any_turn(), other in any_turn()) {
        prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.cmp(&other));
        prop_assert_eq!(Turn::parse(&one.to_string()), Some(one));
    }
}

#[test]
fn a_turn_is_by_expiry_then_due_time_then_age() {
    let at = |seconds| Timestamp::from_second(seconds).unwrap();
    let order = [
        Turn::new(Some(at(5)), at(9), at(9)),
        Turn::new(Some(at(6)), at(1), at(1)),
        Turn::new(None, at(1), at(9)),
        Turn::new(None, at(2), at(3)),
        Turn::new(None, at(2), at(4)),
    ];
    assert!(order.is_sorted());
    for text in ["", "1.2", "1.2.3.4", "1.x.3"] {
        assert_eq!(Turn::parse(text), None, "{text}");
    }
}
