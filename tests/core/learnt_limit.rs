//! RDS's own limit is learnt from its refusals.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use snapferry::domain::doctor::{Level, capacity};
use snapferry::domain::id::arn::Family;
use snapferry::domain::run::learnt_limit::{LearntLimit, Room, after_acceptance, after_refusal};

use crate::world::time;

fn start() -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap()
}

fn learnt(in_flight: usize) -> LearntLimit {
    LearntLimit {
        in_flight,
        since: start(),
        step: 0,
    }
}

#[test]
fn pauses_grow_from_one_minute_to_fifteen() {
    let mut limit = learnt(5);
    let mut pauses = Vec::new();
    for _ in 0..7 {
        let at = limit.retry_at();
        pauses.push(at.duration_since(limit.since).as_mins());
        assert_eq!(
            limit.room_for_another(5, at - SignedDuration::from_secs(1)),
            Room::Full(at)
        );
        let Room::OneMore(next) = limit.room_for_another(5, at) else {
            panic!("one more is tried at {at}");
        };
        assert_eq!((next.since, next.in_flight), (at, 5));
        limit = next;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 15, 15, 15]);
}

#[test]
fn one_of_ours_that_ends_makes_room_before_the_pause_is_over() {
    assert_eq!(learnt(5).room_for_another(4, start()), Room::Within);
    assert!(matches!(
        learnt(5).room_for_another(5, start()),
        Room::Full(_)
    ));
}

#[test]
fn where_others_take_every_place_one_is_tried_after_each_pause() {
    let none = learnt(0);
    assert!(matches!(none.room_for_another(0, start()), Room::Full(_)));
    assert!(matches!(
        none.room_for_another(0, none.retry_at()),
        Room::OneMore(_)
    ));
}

/// RDS may have accepted a copy whose acceptance could not be stored. If that copy never ends, the others must not wait for
/// it: world 16587577640982523812 of the simulation.
#[test]
fn one_is_tried_after_each_pause_also_where_more_are_in_flight_than_is_known() {
    let none = learnt(0);
    let Room::OneMore(next) = none.room_for_another(1, none.retry_at()) else {
        panic!("one more is tried")
    };
    assert_eq!((next.in_flight, next.step), (0, 1));
    assert_eq!(none.allows(1, none.retry_at()), 2);
    let before = none.retry_at() - SignedDuration::from_secs(1);
    assert!(matches!(none.room_for_another(1, before), Room::Full(_)));
}

#[test]
fn a_refused_try_teaches_nothing_new_and_a_smaller_number_begins_the_pauses_anew() {
    let now = start() + SignedDuration::from_mins(9);
    let tried = LearntLimit {
        step: 3,
        ..learnt(5)
    };
    assert_eq!(after_refusal(Some(&tried), 5, now), None);
    let lower = LearntLimit {
        in_flight: 3,
        since: now,
        step: 0,
    };
    assert_eq!(after_refusal(Some(&tried), 3, now), Some(lower.clone()));
    assert_eq!(after_refusal(None, 3, now), Some(lower));
}

#[test]
fn each_success_beyond_what_is_known_raises_it_by_one() {
    let now = start() + SignedDuration::from_mins(9);
    assert_eq!(after_acceptance(&learnt(5), 5, now), None);
    let raised = after_acceptance(&learnt(5), 6, now).unwrap();
    assert_eq!((raised.in_flight, raised.since, raised.step), (6, now, 0));
    let many = after_acceptance(&learnt(5), 9, now).unwrap();
    assert_eq!(many.in_flight, 6);
}

proptest! {
    #[test]
    fn no_more_than_one_beyond_what_is_known_or_held_ever_gets_room(in_flight in 0_usize..30, step in 0_usize..9, holding in 0_usize..40, passed in 0_i64..2_000) {
        let limit = LearntLimit { step, ..learnt(in_flight) };
        let now = start() + SignedDuration::from_secs(passed);
        let has_room = !matches!(limit.room_for_another(holding, now), Room::Full(_));
        let is_over = now >= limit.retry_at();
        prop_assert_eq!(has_room, holding < in_flight || is_over);
        prop_assert_eq!(has_room, holding < limit.allows(holding, now));
        prop_assert!(limit.allows(holding, now) <= in_flight.max(holding) + usize::from(is_over));
    }
}

#[test]
fn the_doctor_shows_the_learnt_limit_and_warns_where_there_are_more_slots() {
    let known = LearntLimit {
        in_flight: 5,
        since: time("2026-11-22T03:00:00Z"),
        step: 1,
    };
    let now = time("2026-11-22T03:01:00Z");
    let finding = capacity::learnt(Family::Cluster, 20, &known, now);
    assert_eq!(finding.level, Level::Warning);
    for part in ["allowed 5 copies", "after 2026-11-22T03:02:00Z", "20 slots"] {
        assert!(finding.what.contains(part), "{part}: {finding:?}");
    }
    assert!(finding.remedy.unwrap().contains("ClusterCopySlots"));
    let fits = capacity::learnt(Family::Instance, 5, &known, time("2026-11-22T03:02:00Z"));
    assert_eq!(fits.level, Level::Ok);
    assert!(fits.what.contains("one more may be tried"), "{fits:?}");
}
