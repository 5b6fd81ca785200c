//! What stays whatever the rules say, one test each.

use serde_json::json;
use snapferry::domain::policy::rules::Rules;
use snapferry::domain::retention::forget::{
    Decision, ForgetRules, KeepReason, Point, PointState, RemoveReason, forget,
};

use super::{rules, zone};
use crate::world::time;

/// One a day at 03:00 from 1 May 2026 on, named by its day.
fn days(number: u8) -> Vec<Point<u8>> {
    (1..=number)
        .map(|day| Point::good(day, time(&format!("2026-05-{day:02}T03:00:00Z"))))
        .collect()
}

fn decide(rules: &Rules, min_keep: usize, points: &[Point<u8>]) -> Vec<Decision> {
    let by = ForgetRules {
        rules,
        min_keep,
        zone: &zone("UTC"),
    };
    forget(by, points, time("2026-06-01T00:00:00Z"))
}

fn kept(decisions: &[Decision]) -> Vec<bool> {
    decisions.iter().map(Decision::keeps).collect()
}

fn last(number: u32) -> Rules {
    rules(&json!({ "keep_last": number }))
}

#[test]
fn without_a_rule_everything_stays() {
    let mut points = days(3);
    points[0].state = PointState::Failed;
    let decisions = decide(&Rules::default(), 1, &points);
    assert!(
        decisions
            .iter()
            .all(|decision| *decision == Decision::Keep(vec![KeepReason::NoRule]))
    );
}

#[test]
fn what_a_person_holds_stays_and_still_counts() {
    let mut points = days(4);
    points[0].held = true;
    points[3].held = true;
    let decisions = decide(&last(1), 1, &points);
    assert_eq!(kept(&decisions), [true, false, false, true]);
    assert_eq!(decisions[0], Decision::Keep(vec![KeepReason::Held]));
}

#[test]
fn a_mismatch_takes_no_good_ones_place_and_stays() {
    let mut points = days(3);
    points[2].state = PointState::Mismatch("its key is another".to_owned());
    let decisions = decide(&last(1), 1, &points);
    assert_eq!(kept(&decisions), [false, true, true]);
    assert_eq!(
        decisions[2].reasons(),
        ["mismatch: its key is another".to_owned()]
    );
}

#[test]
fn what_is_unfinished_takes_no_good_ones_place_and_stays() {
    let mut points = days(3);
    points[2].state = PointState::Unfinished;
    let decisions = decide(&last(1), 1, &points);
    assert_eq!(kept(&decisions), [false, true, true]);
}

#[test]
fn what_failed_takes_no_good_ones_place_and_may_go() {
    let mut points = days(3);
    points[2].state = PointState::Failed;
    let decisions = decide(&last(1), 1, &points);
    assert_eq!(kept(&decisions), [false, true, false]);
    assert_eq!(decisions[2], Decision::Remove(RemoveReason::Failed));
}

#[test]
fn what_has_no_time_takes_no_others_place_and_stays() {
    let mut points = days(3);
    points[2].at = None;
    let decisions = decide(&last(1), 1, &points);
    assert_eq!(kept(&decisions), [false, true, true]);
    assert_eq!(decisions[2], Decision::Keep(vec![KeepReason::NoTime]));
}

#[test]
fn so_many_good_ones_stay_whatever_the_rules_say() {
    let decisions = decide(&last(1), 3, &days(5));
    assert_eq!(kept(&decisions), [false, false, true, true, true]);
    assert_eq!(decisions[2], Decision::Keep(vec![KeepReason::MinKeep]));
    let mut points = days(5);
    points[3].state = PointState::Failed;
    let decisions = decide(&last(1), 3, &points);
    assert_eq!(kept(&decisions), [false, true, true, false, true]);
}

#[test]
fn a_database_of_which_no_more_come_keeps_its_last_ones_for_ever() {
    let by = ForgetRules {
        rules: &rules(&json!({ "keep_within": "2d" })),
        min_keep: 1,
        zone: &zone("UTC"),
    };
    let decisions = forget(by, &days(5), time("2036-01-01T00:00:00Z"));
    assert_eq!(kept(&decisions), [false, false, false, true, true]);
}

#[test]
fn no_recovery_point_is_no_decision() {
    assert!(decide(&last(1), 1, &[]).is_empty());
}
