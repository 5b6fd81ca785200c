//! What Snapferry promises beside the loops, as docs/COMPARISON.md says it.

use serde::Serialize;

use super::cloud::RDS_CALLS_PER_MINUTE;
use super::report::seconds;
use super::study::{Design, Figures, Study};

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The promise.
    pub promise: &'static str,
    /// Where, and by what figures.
    pub by: String,
}

const FAR_BELOW: &str = "lag p50 at least 100 times below the 60 s loop's at an event delay of 0";
const BELOW: &str = "lag p50 below the 60 s loop's at every event delay up to 5 s";
/// Where RDS throttles nothing.
const TAIL: &str = "lag p99 within 180 s with 5 % of events lost, where RDS does not throttle";
const CALLS: &str = "RDS calls for each recovery point at least 10 times below the Wait 300 s loop's, at 1,000 databases";
/// Where events come at once and none is lost, however RDS counts.
const SELDOM: &str = "throttled calls under 1 % of all of Snapferry's, at 1,000 databases and more and the assumed rate";
const NONE_LOST: &str = "no recovery point lost by Snapferry";

/// The most that p99 may be with lost events.
const TAIL_SECONDS: f64 = 180.0;
/// The fleet that the promise of RDS calls is made for.
const FLEET_OF_CALLS: usize = 1_000;

/// The share of throttled calls that RDS may see.
const THROTTLED: f64 = 0.01;

/// Every promise that a study does not keep.
#[must_use]
pub fn broken(study: &Study) -> Vec<Broken> {
    let mut all = throttled(study);
    for figures in study
        .figures
        .iter()
        .filter(|f| f.design == Design::Snapferry)
    {
        let where_ = format!(
            "{} databases, event delay {} s, {} % of events lost",
            figures.databases,
            figures.event_delay_seconds,
            figures.events_lost * 100.0
        );
        let mut check = |promise: &'static str, kept: bool, by: String| {
            if !kept {
                all.push(Broken {
                    promise,
                    by: format!("{where_}: {by}"),
                });
            }
        };
        let (delay, lost) = (figures.event_delay_seconds, figures.events_lost);
        let rival = study.of(Design::Rerun60, figures.databases, delay, lost);
        let (ours, theirs) = (
            figures.lag_p50_seconds,
            rival.and_then(|f| f.lag_p50_seconds),
        );
        if lost == 0.0 && delay == 0 {
            check(
                FAR_BELOW,
                times_below(ours, theirs) >= 100.0,
                format!("{} and {}", seconds(ours), seconds(theirs)),
            );
        }
        if delay <= 5 {
            check(
                BELOW,
                times_below(ours, theirs) > 1.0,
                format!("{} and {}", seconds(ours), seconds(theirs)),
            );
        }
        if lost > 0.0 {
            let limited = figures.lag_p99_seconds;
            let tail = figures.lag_p99_unthrottled_seconds.or(limited);
            check(
                TAIL,
                tail.is_some_and(|tail| tail <= TAIL_SECONDS),
                seconds(tail),
            );
        }
        if figures.databases == FLEET_OF_CALLS {
            let rival = study.of(Design::Wait300Patient, FLEET_OF_CALLS, delay, lost);
            let ratio = rival.and_then(|rival| calls_ratio(figures, rival));
            check(
                CALLS,
                ratio.is_some_and(|ratio| ratio >= 10.0),
                ratio.map_or_else(
                    || "no figure".to_owned(),
                    |ratio| format!("{ratio:.1} times"),
                ),
            );
        }
        check(
            NONE_LOST,
            figures.lost == 0,
            format!("{} lost", figures.lost),
        );
    }
    all
}

/// Where Snapferry was throttled more often than is promised.
fn throttled(study: &Study) -> Vec<Broken> {
    if study.rds_calls_per_minute < RDS_CALLS_PER_MINUTE {
        return Vec::new();
    }
    let fleets = study.fleets().into_iter();
    let large = fleets.filter(|databases| *databases >= FLEET_OF_CALLS);
    let ours = |databases| {
        let designs = [Design::Snapferry].into_iter().chain(Design::VARIANTS);
        designs.filter_map(move |design| study.of(design, databases, 0, 0.0))
    };
    let too_many = |figures: &Figures| {
        let all = figures.rds_calls + figures.rds_throttled;
        let share = figures.rds_throttled as f64 / all.max(1) as f64;
        (share >= THROTTLED).then(|| Broken {
            promise: SELDOM,
            by: format!(
                "{} of {all} calls of {} with {} databases",
                figures.rds_throttled,
                figures.design.name(),
                figures.databases
            ),
        })
    };
    large.flat_map(ours).filter_map(too_many).collect()
}

/// The other design's figure divided by Snapferry's; 0 if either is missing.
fn times_below(ours: Option<f64>, theirs: Option<f64>) -> f64 {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours > 0.0 => theirs / ours,
        _ => 0.0,
    }
}

/// How many times more RDS calls another design makes for each recovery point that it makes.
pub(super) fn calls_ratio(ours: &Figures, theirs: &Figures) -> Option<f64> {
    Some(theirs.rds_calls_per_made? / ours.rds_calls_per_made?)
}

#[cfg(test)]
mod tests {
    use super::super::{Trace, study};
    use super::*;

    fn small() -> Study {
        study(Some(&Trace::drawn(3, 4)), &[4], 3, 700.0, 1, &|_| {})
    }

    #[test]
    fn a_promise_that_is_not_kept_is_named_with_its_figures() {
        let mut study = small();
        assert_eq!(broken(&study), []);
        for figures in &mut study.figures {
            if figures.design == Design::Snapferry && figures.events_lost > 0.0 {
                figures.lag_p99_seconds = Some(180.5);
                figures.lost = 1;
            }
        }
        let broken = broken(&study);
        assert_eq!(broken.len(), 8, "{broken:?}");
        assert!(
            broken
                .iter()
                .any(|b| b.promise == TAIL && b.by.contains("180.5"))
        );
        assert!(
            broken
                .iter()
                .any(|b| b.promise == NONE_LOST && b.by.contains("1 lost"))
        );
    }

    #[test]
    fn a_large_fleet_that_is_throttled_too_often_breaks_its_promise_in_every_shape_of_the_rate() {
        let mut study = small();
        for figures in &mut study.figures {
            (figures.rds_calls, figures.rds_throttled) = (9_900, 100);
        }
        assert_eq!(throttled(&study), [], "it is a small fleet");
        for figures in &mut study.figures {
            figures.databases = 1_000;
        }
        let found = throttled(&study);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(
            found[2]
                .by
                .contains("100 of 10000 calls of snapferry-bucket")
        );
        for figures in &mut study.figures {
            figures.rds_calls += 1;
        }
        assert_eq!(throttled(&study), []);
        for figures in &mut study.figures {
            figures.rds_throttled = 10_000;
        }
        study.rds_calls_per_minute = 699.0;
        assert_eq!(throttled(&study), [], "the rate is another one");
    }

    #[test]
    fn a_lag_without_a_figure_keeps_no_promise() {
        let mut study = small();
        for figures in &mut study.figures {
            if figures.design == Design::Snapferry {
                figures.lag_p50_seconds = None;
            }
        }
        assert!(broken(&study).iter().any(|b| b.promise == FAR_BELOW));
        assert!(broken(&study).iter().any(|b| b.promise == BELOW));
    }
}
