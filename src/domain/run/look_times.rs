//! When the sweep asks RDS about a wait.
//!
//! RDS's events settle most waits, and a sweep is for what they missed. It need not ask about everything each time: a wait
//! that has lasted for hours may be found a few minutes later. Which waits are due follows from the wait's own times and
//! from the last sweep, so that no look has to be stored.

use jiff::{SignedDuration, Timestamp};

use super::wait::Wait;

/// The longest time between two looks at a young wait, in seconds. All looks fall on its multiples, so that one call asks
/// about many waits.
const GRID: i64 = 120;

/// How old a wait is, at least, for each second between two looks at it.
const SHARE: i64 = 20;

/// How long the sweep asks about everything after it has settled a wait: RDS's event did not come, and more may be lost.
const DISTRUST: SignedDuration = SignedDuration::from_mins(10);

/// What the last sweeps found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSweep {
    /// When the last sweep began that could ask about everything that was due.
    pub complete_at: Timestamp,
    /// When a sweep last settled a wait. `None` if none did since this is stored.
    pub settled_at: Option<Timestamp>,
}

impl LastSweep {
    /// What to store after a sweep; `None` if there is nothing to store. A sweep that could not do everything leaves all
    /// that was due to the next one.
    #[must_use]
    pub fn after(
        last: Option<Self>,
        began: Timestamp,
        is_complete: bool,
        has_settled: bool,
    ) -> Option<Self> {
        let complete_at = match is_complete {
            true => began,
            false => last?.complete_at,
        };
        let settled_at = match has_settled {
            true => Some(began),
            false => last.and_then(|last| last.settled_at),
        };
        let next = Self {
            complete_at,
            settled_at,
        };
        (last != Some(next)).then_some(next)
    }
}

/// Whether this sweep asks RDS about a wait.
///
/// Between two looks at a wait lie two minutes at most, or a twentieth of its age if that is more. A sweep that did not
/// run, or was not complete, is made up for by the next one. Two things bring a look forward: RDS did not show the
/// resource last time, and a second look must agree; or a sweep has settled a wait lately.
#[must_use]
pub fn is_due(wait: &Wait, last: Option<&LastSweep>, now: Timestamp) -> bool {
    let Some(last) = last else {
        return true;
    };
    let is_distrusted = |at: Timestamp| now.duration_since(at) < DISTRUST;
    // A clock that was ahead must not keep later sweeps from looking.
    last.complete_at > now
        || wait.absent
        || last.settled_at.is_some_and(is_distrusted)
        || has_look_between(wait.since, last.complete_at, now)
}

/// Whether one of a wait's looks falls after the last sweep, and not after now.
fn has_look_between(since: Timestamp, last: Timestamp, now: Timestamp) -> bool {
    let (since, last, now) = (since.as_second(), last.as_second(), now.as_second());
    let mut look = on_grid(since) + GRID;
    while look <= last {
        let pause = ((look - since) / SHARE).max(GRID);
        look = on_grid(look + pause);
    }
    look <= now
}

fn on_grid(second: i64) -> i64 {
    second.div_euclid(GRID) * GRID
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time of this century")
    }

    const BEGIN: i64 = 1_772_420_400;

    #[test]
    fn only_a_complete_sweep_takes_looks_for_done() {
        let last = LastSweep {
            complete_at: at(BEGIN),
            settled_at: None,
        };
        let now = at(BEGIN + 60);
        let complete = LastSweep {
            complete_at: now,
            settled_at: None,
        };
        let settled = LastSweep {
            settled_at: Some(now),
            ..last
        };
        let after =
            |is_complete, has_settled| LastSweep::after(Some(last), now, is_complete, has_settled);
        assert_eq!(after(true, false), Some(complete));
        assert_eq!(after(false, true), Some(settled));
        assert_eq!(after(false, false), None, "nothing new");
        assert_eq!(LastSweep::after(None, now, false, true), None);
        assert_eq!(LastSweep::after(None, now, true, false), Some(complete));
    }

    proptest! {
        /// Whatever the rhythm of the sweeps: no wait goes without a look for longer than is promised, plus one pause
        /// between sweeps.
        #[test]
        fn no_wait_goes_without_a_look_for_longer_than_is_promised(
            offset in 0_i64..3_600,
            pauses in proptest::collection::vec(1_i64..400, 1..400),
        ) {
            let since = BEGIN + offset;
            let (mut last, mut looked, mut now) = (since, since, since);
            for pause in pauses {
                now += pause;
                if has_look_between(at(since), at(last), at(now)) {
                    looked = now;
                }
                let most = GRID.max((now - since) / SHARE) + pause;
                prop_assert!(now - looked <= most, "{} s without a look", now - looked);
                last = now;
            }
        }

        /// A sweep a minute asks about an old wait seldom.
        #[test]
        fn an_old_wait_is_asked_about_seldom(offset in 0_i64..3_600) {
            let since = BEGIN + offset;
            let minutes = 0..24 * 60;
            let looks = minutes.filter(|minute| {
                let last = since + minute * 60;
                has_look_between(at(since), at(last), at(last + 60))
            });
            // Twenty in the first forty minutes, and then a twentieth more of its age from one to the next.
            prop_assert!(looks.count() < 120);
        }
    }
}
