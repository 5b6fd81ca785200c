//! The queue for slots, and slots that are handed out and handed on.

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::run::slot_candidate::SlotCandidate;
use snapferry::domain::run::slot_limits::{CopySlots, SlotGroup, SlotLimits};
use snapferry::domain::run::taken_slots::{HandOver, SeenSlot, TakenSlots};
use snapferry::domain::run::turn::Turn;
use snapferry::domain::run::wait::{Phase, Wait};
use snapferry::ports::{
    ClaimSlot, FreeSlot, HandOnSlot, HandOutSlot, ListOpen, ListQueue, QueueCopies, ReadSlots,
    RegisterWaits, Waits, Written,
};

use super::samples::{copy, policy, time, token, wait, wait_in};

table! {
    ClaimSlot FreeSlot HandOnSlot HandOutSlot ListOpen ListQueue QueueCopies ReadSlots RegisterWaits
    Waits
}

const SLOTS: CopySlots = CopySlots {
    all: 2,
    clusters: 1,
};

fn now() -> Timestamp {
    time("2026-11-22T04:00:00.250Z")
}

/// A queued copy that was stored this many seconds after the others.
async fn put_in_queue(table: &impl Table, name: &str, later: i64) -> Wait {
    let mut wait = wait(name, name);
    wait.opened_at += SignedDuration::from_secs(later);
    table.register(&wait).await.unwrap();
    let written = table.queue_copy(&wait, now()).await.unwrap();
    assert_eq!(written, Written::Stored);
    wait
}

/// The whole queue of a family.
async fn queue(table: &impl Table, family: Family) -> Vec<RdsArn> {
    let (mut copies, mut marker) = (Vec::new(), None);
    loop {
        let page = table.list_queue(family, marker).await.unwrap();
        copies.extend(page.items.into_iter().map(|one| one.copy));
        marker = page.next;
        if marker.is_none() {
            return copies;
        }
    }
}

pub(crate) async fn queued_copies_follow_each_other_by_their_turns(table: &impl Table) {
    assert_eq!(queue(table, Family::Instance).await, []);
    for (name, later) in [("c", 30), ("a", 10), ("d", 40), ("b", 20), ("e", 50)] {
        put_in_queue(table, name, later).await;
    }
    let mut soonest = wait("z", "z");
    soonest.source_expires_at = Some(time("2026-11-23T03:00:00Z"));
    table.register(&soonest).await.unwrap();
    table.queue_copy(&soonest, now()).await.unwrap();
    let order = ["z", "a", "b", "c", "d", "e"].map(copy);
    assert_eq!(queue(table, Family::Instance).await, order);
    assert_eq!(queue(table, Family::Cluster).await, []);
    let page = table.list_queue(Family::Instance, None).await.unwrap();
    assert_eq!(
        page.items.first().map(|one| one.turn),
        Some(Turn::of(&soonest))
    );
}

pub(crate) async fn a_queued_copy_has_its_phase_and_time_and_nothing_else_changes(
    table: &impl Table,
) {
    let before = put_in_queue(table, "a", 0).await;
    let page = table.list_open(None).await.unwrap();
    let queued = Wait {
        phase: Phase::Queued,
        since: now(),
        ..before
    };
    assert_eq!(page.waits, [queued]);
    assert!(page.without_turn.is_empty());
}

pub(crate) async fn a_copy_leaves_the_queue_when_it_comes_into_another_phase(table: &impl Table) {
    for name in ["a", "b"] {
        put_in_queue(table, name, 0).await;
    }
    let later = now() + SignedDuration::from_secs(1);
    let marked = table
        .set_phase(&copy("a"), &token("a"), Phase::Registered, later)
        .await;
    assert_eq!(marked.unwrap(), Written::Stored);
    assert!(table.forget(&copy("b"), &token("b")).await.unwrap());
    assert_eq!(queue(table, Family::Instance).await, []);
}

pub(crate) async fn a_copy_is_queued_only_by_its_token_and_while_rds_has_not_accepted_it(
    table: &impl Table,
) {
    let registered = wait("a", "t");
    table.register(&registered).await.unwrap();
    let other = wait("a", "other");
    let written = table.queue_copy(&other, now()).await.unwrap();
    assert_eq!(written, Written::Conflict);
    for phase in [Phase::Requested, Phase::Seen] {
        let name = phase.as_str();
        let wait = wait_in(phase, name, "t");
        table.register(&wait).await.unwrap();
        let written = table.queue_copy(&wait, now()).await.unwrap();
        assert_eq!(written, Written::Conflict, "{phase:?}");
    }
    assert_eq!(queue(table, Family::Instance).await, []);
}

/// As an earlier version queues a copy.
pub(crate) async fn a_copy_without_a_turn_is_shown_and_gets_one(table: &impl Table) {
    let registered = wait("a", "t");
    table.register(&registered).await.unwrap();
    let marked = table
        .set_phase(&copy("a"), &token("t"), Phase::Queued, now())
        .await;
    marked.unwrap();
    assert_eq!(queue(table, Family::Instance).await, []);
    let page = table.list_open(None).await.unwrap();
    assert_eq!(page.without_turn, [copy("a")].into());
    let queued = page.waits.first().expect("it is open");
    assert_eq!(table.give_turn(queued).await.unwrap(), Written::Stored);
    assert_eq!(queue(table, Family::Instance).await, [copy("a")]);
    let page = table.list_open(None).await.unwrap();
    assert!(page.without_turn.is_empty());
}

pub(crate) async fn a_copy_that_has_left_the_queue_gets_no_turn(table: &impl Table) {
    let queued = Wait {
        phase: Phase::Queued,
        since: now(),
        ..put_in_queue(table, "a", 0).await
    };
    let later = now() + SignedDuration::from_secs(1);
    // A worker takes it up, and then queues it again.
    for phase in [Phase::Registered, Phase::Queued] {
        let marked = table.set_phase(&copy("a"), &token("a"), phase, later).await;
        assert_eq!(marked.unwrap(), Written::Stored);
        assert_eq!(table.give_turn(&queued).await.unwrap(), Written::Conflict);
        let page = table.list_open(None).await.unwrap();
        assert_eq!(page.waits.first().map(|wait| wait.phase), Some(phase));
    }
    assert_eq!(queue(table, Family::Instance).await, []);
    let another = Wait {
        since: later,
        ..wait("a", "other")
    };
    assert_eq!(table.give_turn(&another).await.unwrap(), Written::Conflict);
}

fn of_all(max: usize) -> SlotLimits {
    SlotLimits::new(max)
}

fn gold(max: usize) -> SlotLimits {
    of_all(max).with(SlotGroup::Policy(policy("gold")), 1)
}

/// The slots that are `known`, after the settled copy has handed its slot on to the next.
fn after(known: &TakenSlots, settled: &str, next: &Wait, limits: SlotLimits) -> TakenSlots {
    let next = SlotCandidate {
        limits,
        ..SlotCandidate::of(next, SLOTS)
    };
    known
        .handed_on(&copy(settled), &next, None, now())
        .expect("there is room")
}

async fn claim(table: &impl Table, name: &str, limits: &SlotLimits) {
    assert!(table.claim_slot(&copy(name), limits).await.unwrap());
}

pub(crate) async fn a_settled_copys_slot_goes_to_the_next_in_one_write(table: &impl Table) {
    let next = put_in_queue(table, "next", 0).await;
    claim(table, "busy", &gold(2)).await;
    claim(table, "done", &of_all(2)).await;
    let known = table.taken_slots().await.unwrap();
    let new = after(&known, "done", &next, of_all(2));
    let written = table.hand_on_slot(&copy("done"), &known, &new).await;
    assert_eq!(written.unwrap(), Written::Stored);
    let taken = table.taken_slots().await.unwrap();
    assert_eq!(taken, new);
    assert!(taken.holds(&copy("next")) && !taken.holds(&copy("done")));
    let stamp = HandOver::first(now());
    assert_eq!(taken.handed, [(copy("next"), stamp)].into());
    let page = table.list_open(None).await.unwrap();
    assert_eq!(page.slots, taken);
}

pub(crate) async fn a_slot_is_handed_on_between_policies(table: &impl Table) {
    let next = put_in_queue(table, "next", 0).await;
    claim(table, "done", &gold(1)).await;
    let known = table.taken_slots().await.unwrap();
    assert_eq!(known.policy_of(&copy("done")), Some(&policy("gold")));
    let silver = of_all(1).with(SlotGroup::Policy(policy("silver")), 1);
    let new = after(&known, "done", &next, silver);
    let written = table.hand_on_slot(&copy("done"), &known, &new).await;
    assert_eq!(written.unwrap(), Written::Stored);
    assert_eq!(table.taken_slots().await.unwrap(), new);
    assert_eq!(new.policy_of(&copy("next")), Some(&policy("silver")));
}

pub(crate) async fn of_two_that_hand_on_at_once_the_second_must_look_again(table: &impl Table) {
    let next = put_in_queue(table, "next", 0).await;
    for name in ["one", "two"] {
        claim(table, name, &of_all(2)).await;
    }
    let known = table.taken_slots().await.unwrap();
    for (settled, written) in [("one", Written::Stored), ("two", Written::Conflict)] {
        let new = after(&known, settled, &next, of_all(2));
        let handed_on = table.hand_on_slot(&copy(settled), &known, &new).await;
        assert_eq!(handed_on.unwrap(), written, "{settled}");
    }
    let taken = table.taken_slots().await.unwrap();
    assert!(taken.holds(&copy("two")) && taken.holds(&copy("next")));
}

pub(crate) async fn a_slot_is_not_handed_on_while_a_wait_is_stored(table: &impl Table) {
    let next = put_in_queue(table, "next", 0).await;
    claim(table, "done", &of_all(1)).await;
    table.register(&wait("done", "newer")).await.unwrap();
    let known = table.taken_slots().await.unwrap();
    let new = after(&known, "done", &next, of_all(1));
    let written = table.hand_on_slot(&copy("done"), &known, &new).await;
    assert_eq!(written.unwrap(), Written::Conflict);
    assert_eq!(table.taken_slots().await.unwrap(), known);
}

pub(crate) async fn a_claim_ends_the_hand_over(table: &impl Table) {
    let stamp = HandOver::first(now());
    let handed = table
        .hand_out_slot(&copy("a"), &gold(1), &SeenSlot::NotHeld, &stamp)
        .await;
    assert!(handed.unwrap());
    assert_eq!(table.taken_slots().await.unwrap().handed.len(), 1);
    claim(table, "a", &gold(1)).await;
    let taken = table.taken_slots().await.unwrap();
    assert!(taken.holds(&copy("a")) && taken.handed.is_empty());
}

pub(crate) async fn a_slot_is_handed_out_again_only_by_who_knows_the_stamp(table: &impl Table) {
    let first = HandOver::first(now());
    let second = first.next(now() + SignedDuration::from_secs(61));
    let hand_out = async |seen: SeenSlot, new: &HandOver| {
        let held = table
            .hand_out_slot(&copy("a"), &of_all(1), &seen, new)
            .await;
        held.unwrap()
    };
    assert!(
        !hand_out(SeenSlot::Stamped(first), &second).await,
        "nobody has handed it out"
    );
    assert!(hand_out(SeenSlot::NotHeld, &first).await);
    for seen in [SeenSlot::NotHeld, SeenSlot::Held] {
        assert!(!hand_out(seen, &first).await, "somebody has");
    }
    assert!(hand_out(SeenSlot::Stamped(first), &second).await);
    assert!(!hand_out(SeenSlot::Stamped(first), &second).await);
    assert_eq!(
        table.taken_slots().await.unwrap().handed,
        [(copy("a"), second)].into()
    );
}

pub(crate) async fn a_slot_that_a_worker_has_claimed_since_is_not_handed_out(table: &impl Table) {
    claim(table, "a", &of_all(1)).await;
    let stamp = HandOver::first(now());
    let hand_out = async |seen: SeenSlot| {
        let held = table
            .hand_out_slot(&copy("a"), &of_all(1), &seen, &stamp)
            .await;
        held.unwrap()
    };
    assert!(!hand_out(SeenSlot::NotHeld).await);
    assert!(table.taken_slots().await.unwrap().handed.is_empty());
    assert!(hand_out(SeenSlot::Held).await);
}

pub(crate) async fn a_slot_is_handed_out_under_the_limits(table: &impl Table) {
    claim(table, "a", &gold(2)).await;
    let stamp = HandOver::first(now());
    let held = table
        .hand_out_slot(&copy("b"), &gold(2), &SeenSlot::NotHeld, &stamp)
        .await;
    assert!(!held.unwrap());
    let held = table
        .hand_out_slot(&copy("b"), &of_all(2), &SeenSlot::NotHeld, &stamp)
        .await;
    assert!(held.unwrap());
}

pub(crate) async fn a_freed_slot_leaves_no_stamp(table: &impl Table) {
    let stamp = HandOver::first(now());
    let held = table
        .hand_out_slot(&copy("a"), &of_all(1), &SeenSlot::NotHeld, &stamp)
        .await;
    assert!(held.unwrap());
    let proof = snapferry::ports::Abandoned::WaitGone;
    let freed = table.free_slot(&copy("a"), None, &proof).await;
    assert!(freed.unwrap());
    assert_eq!(table.taken_slots().await.unwrap(), TakenSlots::default());
}
