//! How long a region's quota of manual snapshots lasts.

use jiff::{SignedDuration, Timestamp};

use super::forget::{ForgetRules, Point, forget};

/// How many whole days it lasts at the pace at which snapshots were made, if nothing is removed. `None` if none was
/// made.
#[must_use]
pub fn days_to_full(used: i64, max: i64, made: usize, in_days: i64) -> Option<i64> {
    let made = i64::try_from(made).ok().filter(|made| *made > 0)?;
    let free = max.saturating_sub(used).max(0);
    Some(free.saturating_mul(in_days) / made)
}

/// What a quota that lasts longer, or for ever, counts as.
pub const DAYS_MAX: i64 = 365;

/// How many whole days it lasts if so many snapshots more are kept after so many days.
#[must_use]
pub fn days_at_growth(used: i64, max: i64, growth: i64, in_days: i64) -> i64 {
    if growth <= 0 {
        return DAYS_MAX;
    }
    let free = max.saturating_sub(used).max(0);
    (free.saturating_mul(in_days) / growth).min(DAYS_MAX)
}

/// How many recovery points were made in the last days.
#[must_use]
pub fn made<I>(points: &[Point<I>], now: Timestamp, days: i64) -> i64 {
    let since = now - SignedDuration::from_hours(24 * days);
    let is_recent = |point: &&Point<I>| point.at.is_some_and(|at| at > since && at <= now);
    i64::try_from(points.iter().filter(is_recent).count()).unwrap_or(i64::MAX)
}

/// How many recovery points more the rules keep after so many days, if as many are made as in the days before.
#[must_use]
pub fn growth<I>(by: ForgetRules<'_>, points: &[Point<I>], now: Timestamp, days: i64) -> i64 {
    let span = SignedDuration::from_hours(24 * days);
    let numbered = points.iter().enumerate();
    let mut all: Vec<Point<usize>> = numbered
        .map(|(id, point)| Point {
            id,
            at: point.at,
            state: point.state.clone(),
            held: point.held,
        })
        .collect();
    let kept = |points: &[Point<usize>], at| {
        let decisions = forget(by, points, at);
        let kept = decisions.iter().filter(|decision| decision.keeps()).count();
        i64::try_from(kept).unwrap_or(i64::MAX)
    };
    let before = kept(&all, now);
    let coming = all.iter().filter_map(|point| {
        let at = point.at.filter(|at| *at > now - span && *at <= now)?;
        Some(Point::good(point.id + points.len(), at + span))
    });
    let coming: Vec<Point<usize>> = coming.collect();
    all.extend(coming);
    kept(&all, now + span) - before
}
