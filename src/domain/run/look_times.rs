//! When the sweep asks RDS about a wait.
//!
//! RDS's events settle most waits, and a sweep is for what they missed. It need not ask about everything each time: a wait
//! that has lasted for hours may be found a few minutes later. Which waits are due follows from the wait's own times and
//! from the last sweep, so that no look has to be stored.

use jiff::{SignedDuration, Timestamp};

use super::command::Step;
use super::wait::Wait;
use crate::domain::id::arn::Family;

/// How old a wait is, at least, for each second between two looks at it.
const SHARE: i64 = 20;

/// How long the sweep asks about everything after an event did not come: more may be lost.
const DISTRUST: SignedDuration = SignedDuration::from_mins(10);

/// What the last sweeps found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSweep {
    /// When the last sweep began that could ask about everything that was due.
    pub complete_at: Timestamp,
    /// When a sweep last settled a wait whose event had not come. `None` if none did since this is stored.
    pub missed_at: Option<Timestamp>,
}

impl LastSweep {
    /// What to store after a sweep; `None` if there is nothing to store. A sweep that could not do everything leaves all
    /// that was due to the next one.
    #[must_use]
    pub fn after(
        last: Option<Self>,
        began: Timestamp,
        is_complete: bool,
        has_missed: bool,
    ) -> Option<Self> {
        let complete_at = match is_complete {
            true => began,
            false => last?.complete_at,
        };
        let missed_at = match has_missed {
            true => Some(began),
            false => last.and_then(|last| last.missed_at),
        };
        let next = Self {
            complete_at,
            missed_at,
        };
        (last != Some(next)).then_some(next)
    }
}

/// Whether RDS announces that the resource of a wait is there. RDS has no event for the copy of a cluster snapshot.
#[must_use]
pub fn is_announced(wait: &Wait) -> bool {
    wait.command.step == Step::Snapshot || wait.resource.family() == Family::Instance
}

/// Whether this sweep asks RDS about a wait.
///
/// Between two looks at a wait lie at most `look`, which is rounded down to whole seconds, or a twentieth of its age if
/// that is more. A sweep that did not run, or was not complete, is made up for by the next one. Two things bring a look
/// forward: RDS did not show the resource last time, and a second look must agree; or an event did not come lately.
#[must_use]
pub fn is_due(wait: &Wait, last: Option<&LastSweep>, now: Timestamp, look: SignedDuration) -> bool {
    let Some(last) = last else {
        return true;
    };
    let is_distrusted = |at: Timestamp| now.duration_since(at) < DISTRUST;
    // A clock that was ahead must not keep later sweeps from looking.
    last.complete_at > now
        || wait.absent
        || last.missed_at.is_some_and(is_distrusted)
        || has_look_between(wait.since, last.complete_at, now, look)
}

/// Whether one of a wait's looks falls after the last sweep, and not after now. All looks fall on multiples of one number
/// of seconds, so that one call asks about many waits.
fn has_look_between(
    since: Timestamp,
    last: Timestamp,
    now: Timestamp,
    look: SignedDuration,
) -> bool {
    let grid = look.as_secs().max(1);
    let on_grid = |second: i64| second.div_euclid(grid) * grid;
    let (since, last, now) = (since.as_second(), last.as_second(), now.as_second());
    let mut next = on_grid(since) + grid;
    while next <= last {
        let pause = ((next - since) / SHARE).max(grid);
        next = on_grid(next + pause);
    }
    next <= now
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time of this century")
    }

    const BEGIN: i64 = 1_772_420_400;

    fn has_look(since: i64, last: i64, now: i64, look: i64) -> bool {
        let look = SignedDuration::from_secs(look);
        has_look_between(at(since), at(last), at(now), look)
    }

    #[test]
    fn only_a_complete_sweep_takes_looks_for_done() {
        let last = LastSweep {
            complete_at: at(BEGIN),
            missed_at: None,
        };
        let now = at(BEGIN + 60);
        let complete = LastSweep {
            complete_at: now,
            missed_at: None,
        };
        let missed = LastSweep {
            missed_at: Some(now),
            ..last
        };
        let after =
            |is_complete, has_missed| LastSweep::after(Some(last), now, is_complete, has_missed);
        assert_eq!(after(true, false), Some(complete));
        assert_eq!(after(false, true), Some(missed));
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
            look in 1_i64..400,
            pauses in proptest::collection::vec(1_i64..400, 1..400),
        ) {
            let since = BEGIN + offset;
            let (mut last, mut looked, mut now) = (since, since, since);
            for pause in pauses {
                now += pause;
                if has_look(since, last, now, look) {
                    looked = now;
                }
                let most = look.max((now - since) / SHARE) + pause;
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
                has_look(since, last, last + 60, 120)
            });
            // Twenty in the first forty minutes, and then a twentieth more of its age from one to the next.
            prop_assert!(looks.count() < 120);
        }
    }
}
