//! Schedules and delays.

use std::time::Duration;

use proptest::prelude::*;
use snapferry::domain::backoff::Backoff;
use snapferry::domain::schedule::Schedule;

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
        let backoff = Backoff { first: Duration::from_secs(30), most: Duration::from_mins(15) };
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
