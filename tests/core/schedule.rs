//! Schedules and delays.

use std::time::Duration;

use proptest::prelude::*;
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::run::backoff::Backoff;

use crate::world::time;

#[test]
fn the_last_due_time_is_due_once() {
    let daily = Schedule::parse("0 3 * * *", "UTC").unwrap();
    let due = daily.due(None, time("2026-11-22T03:00:00Z"));
    assert_eq!(due, Some(time("2026-11-22T03:00:00Z")));
    assert_eq!(daily.due(due, time("2026-11-23T02:59:59Z")), None);
    assert_eq!(
        daily.due(due, time("2026-11-25T12:00:00Z")),
        Some(time("2026-11-25T03:00:00Z"))
    );
}

#[test]
fn a_zone_moves_the_due_time_with_its_clock() {
    let paris = Schedule::parse("30 2 * * *", "Europe/Paris").unwrap();
    assert_eq!(
        paris.due(None, time("2026-07-01T12:00:00Z")),
        Some(time("2026-07-01T00:30:00Z"))
    );
    assert_eq!(
        paris.due(None, time("2026-12-01T12:00:00Z")),
        Some(time("2026-12-01T01:30:00Z"))
    );
}

#[test]
fn a_bad_pattern_and_a_bad_zone_are_named() {
    assert!(
        Schedule::parse("at dawn", "UTC")
            .unwrap_err()
            .to_string()
            .contains("at dawn")
    );
    assert!(
        Schedule::parse("* * * * * *", "UTC").is_err(),
        "six fields would be seconds"
    );
    assert!(
        Schedule::parse("0 3 * * *", "Mars/Base")
            .unwrap_err()
            .to_string()
            .contains("Mars/Base")
    );
}

proptest! {
    #[test]
    fn a_due_time_is_never_in_the_future_and_always_after_the_planned_one(now in 1_600_000_000_i64..2_000_000_000, back in 0_i64..10_000_000) {
        let schedule = Schedule::parse("*/20 * * * *", "America/New_York").unwrap();
        let now = jiff::Timestamp::from_second(now).unwrap();
        let planned = now - jiff::SignedDuration::from_secs(back);
        if let Some(due) = schedule.due(Some(planned), now) {
            prop_assert!(planned < due && due <= now);
        }
    }

    #[test]
    fn a_delay_doubles_up_to_its_most_and_never_leaves_its_upper_half(receives in 0_u32..2_000, jitter in -1.0_f64..2.0) {
        let backoff = Backoff { first: Duration::from_secs(30), max: Duration::from_mins(15) };
        let delay = backoff.delay(receives, jitter);
        let full = 30_u64.saturating_mul(1 << receives.saturating_sub(1).min(10)).min(900);
        prop_assert!(delay <= Duration::from_secs(full) && delay >= Duration::from_secs(full) / 2);
    }
}

#[test]
fn a_pattern_that_no_day_ever_fits_is_refused() {
    let error = Schedule::parse("0 3 30 2 *", "UTC").unwrap_err();
    assert!(error.to_string().contains("never comes due"), "{error}");
    assert!(Schedule::parse("0 3 29 2 *", "UTC").is_ok());
}

/// All due times that a planner finds if it looks every five minutes.
fn dues(pattern: &str, zone: &str, from: &str, until: &str) -> Vec<String> {
    let schedule = Schedule::parse(pattern, zone).unwrap();
    let (mut now, until) = (time(from), time(until));
    let mut planned = schedule.due(None, now);
    let mut found = Vec::new();
    while now < until {
        now += jiff::SignedDuration::from_mins(5);
        if let Some(due) = schedule.due(planned, now) {
            found.push(due.to_string());
            planned = Some(due);
        }
    }
    found
}

#[test]
fn a_time_that_the_clock_skips_is_due_when_it_has_been_put_forward() {
    let found = dues(
        "30 2 * * *",
        "Europe/Paris",
        "2026-03-28T12:00:00Z",
        "2026-03-30T12:00:00Z",
    );
    assert_eq!(found, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
}

#[test]
fn a_time_that_the_clock_shows_twice_is_due_once() {
    let found = dues(
        "30 2 * * *",
        "Europe/Paris",
        "2026-10-24T12:00:00Z",
        "2026-10-26T12:00:00Z",
    );
    assert_eq!(found, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
}

#[test]
fn an_even_pattern_goes_on_evenly_when_the_clock_is_put_back() {
    let found = dues(
        "0 * * * *",
        "America/New_York",
        "2026-11-01T04:30:00Z",
        "2026-11-01T08:30:00Z",
    );
    let hours = [5, 6, 7, 8].map(|hour| format!("2026-11-01T0{hour}:00:00Z"));
    assert_eq!(found, hours);
}

proptest! {
    #[test]
    fn whenever_the_planner_looks_a_daily_time_is_due_once_for_each_day_of_its_zone(
        zone in prop::sample::select(vec!["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago"]),
        hour in 0_u32..24,
        minute in prop::sample::select(vec![0_u32, 15, 30, 59]),
        start in 1_750_000_000_i64..1_900_000_000,
        steps in prop::collection::vec(1_i64..30 * 3_600, 1..80),
    ) {
        let schedule = Schedule::parse(&format!("{minute} {hour} * * *"), zone).unwrap();
        let mut now = jiff::Timestamp::from_second(start).unwrap();
        let mut planned = None;
        let mut days = std::collections::BTreeSet::new();
        for step in steps {
            if let Some(due) = schedule.due(planned, now) {
                prop_assert!(due <= now && planned.is_none_or(|planned| planned < due));
                let day = due.in_tz(zone).unwrap().date();
                prop_assert!(days.insert(day), "{} in {} was due twice on {}", schedule.pattern(), zone, day);
                planned = Some(due);
            }
            // What has been planned is never due again.
            prop_assert_eq!(schedule.due(planned, now), None);
            now += jiff::SignedDuration::from_secs(step);
        }
    }
}
