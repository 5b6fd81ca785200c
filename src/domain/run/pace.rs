//! How fast one process calls RDS, so that RDS throttles neither it nor the account's other callers.
//!
//! RDS publishes no rate, so each process learns one for each region and operation: it is halved when RDS throttles a call,
//! and it grows by a fixed step with each call that had to wait for its turn and was answered. Below its first pace it also
//! grows with the time: what it learnt long ago says little about now. Processes share nothing. This is a value; the adapter
//! reads the clock and sleeps.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::failure::Operation;
use crate::domain::id::arn::Region;

/// The calls that were not made in a quiet time of this length may be made at once.
const QUIET: SignedDuration = SignedDuration::from_secs(1);
/// How long a throttled process makes no call, apart from its new pace. RDS has just run out of calls.
const PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// How many answered calls bring back what one throttled call has cost.
const STEPS: f64 = 128.0;
/// The fastest pace, in calls a second.
const FASTEST: f64 = 50.0;
/// How much smaller the steps are near the pace that RDS throttled last: RDS's rate is likely the same, and each try of a
/// faster pace costs a throttled call of every process.
const CARE: f64 = 8.0;
/// Which paces are near it, as shares of it.
const NEAR: std::ops::RangeInclusive<f64> = 0.9..=1.1;
/// The smallest step. With it even the slowest pace is the first again within twenty minutes.
const SMALLEST_STEP: f64 = 1.0 / 256.0;

/// The paces of one process.
#[derive(Debug, Default)]
pub struct Paces {
    all: BTreeMap<(Region, Operation), Pace>,
    sweeps: bool,
}

impl Paces {
    /// The sweeper's. It reads for many waits in a row, and nobody waits for it: so it leaves more than half of the rate to
    /// those that a hint or a command waits for.
    #[must_use]
    pub fn of_sweeps() -> Self {
        Self {
            all: BTreeMap::new(),
            sweeps: true,
        }
    }

    /// The pace of an operation in a region.
    pub fn of(&mut self, region: &Region, operation: Operation) -> &mut Pace {
        let pace = || match self.sweeps && operation.is_read() {
            true => Pace::new(5.0, Pace::READS_WAIT).at_most(5.0),
            false => Pace::of(operation),
        };
        let key = (region.clone(), operation);
        self.all.entry(key).or_insert_with(pace)
    }
}

/// How fast one process makes the calls of one operation in one region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    per_second: f64,
    /// The pace that it began with.
    first: f64,
    /// The fastest pace that it learns.
    fastest: f64,
    /// What an answered call adds.
    step: f64,
    /// The pace that RDS throttled last. 0 before the first time.
    throttled: f64,
    /// A call waits no longer for its turn. So no pace is slower than one call in this time: else a caller that makes one
    /// call after the other would not get its second turn, and nothing would be learnt.
    patience: SignedDuration,
    /// When the next call is due, if no quiet time is made up for.
    next: Timestamp,
    /// How many times it was halved.
    halved: u32,
}

/// When a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// In this time from now.
    pub wait: SignedDuration,
    /// How long no call had been due when it was given.
    quiet: SignedDuration,
    /// How many times the pace was halved by then.
    halved: u32,
}

impl Pace {
    /// How long a read waits for its turn. A function's timeout counts with it, and with that of a change.
    pub const READS_WAIT: SignedDuration = SignedDuration::from_secs(3);
    /// How long a change waits for its turn: as long as the last of ten that come to a new process.
    pub const CHANGES_WAIT: SignedDuration = SignedDuration::from_secs(5);

    /// Five workers at once, with ten commands each, ask for changes, so these begin at 600 a minute in all. Reads begin so
    /// fast that hints and sweeps need not wait until RDS throttles one.
    fn of(operation: Operation) -> Self {
        match operation.is_read() {
            true => Self::new(10.0, Self::READS_WAIT),
            false => Self::new(2.0, Self::CHANGES_WAIT),
        }
    }

    /// A pace that begins with this many calls a second. A call waits no longer for its turn than `patience`.
    #[must_use]
    pub fn new(per_second: f64, patience: SignedDuration) -> Self {
        Self {
            per_second,
            first: per_second,
            fastest: FASTEST,
            step: per_second / STEPS,
            throttled: 0.0,
            patience,
            next: Timestamp::MIN,
            halved: 0,
        }
    }

    /// The same pace, never faster than this.
    #[must_use]
    fn at_most(self, fastest: f64) -> Self {
        Self { fastest, ..self }
    }

    /// The turn of a call that was first asked for at `asked_at`. `None` if it would wait for longer than it may.
    pub fn turn(&mut self, asked_at: Timestamp, now: Timestamp) -> Option<Turn> {
        let due = self
            .next
            .saturating_sub(QUIET)
            .unwrap_or(Timestamp::MIN)
            .max(now);
        if due.duration_since(asked_at) > self.patience {
            return None;
        }
        let quiet = now.duration_since(self.next).max(SignedDuration::ZERO);
        self.next = self.after(self.next.max(now));
        Some(Turn {
            wait: due.duration_since(now),
            quiet,
            halved: self.halved,
        })
    }

    /// Whether a call may still be made in its turn. If the pace was halved while it waited, it needs another turn.
    #[must_use]
    pub fn still_has(&self, turn: Turn) -> bool {
        turn.halved == self.halved
    }

    /// Learns from what RDS answered. Of the calls that had their turns before it was halved, no second one halves it.
    pub fn learn(&mut self, turn: Turn, is_throttled: bool, now: Timestamp) {
        if !self.still_has(turn) {
            return;
        }
        if is_throttled {
            let half = self.per_second / 2.0;
            self.step = (half / STEPS).max(SMALLEST_STEP);
            self.throttled = self.per_second;
            self.per_second = half.max(1.0 / self.patience.as_secs_f64());
            self.halved = self.halved.wrapping_add(1);
            // A call that is asked for now may still have its turn.
            let pause = PAUSE.saturating_add(self.pause()).min(self.patience);
            let next = now.saturating_add(QUIET.saturating_add(pause));
            self.next = next.unwrap_or(Timestamp::MAX);
        } else if self.per_second < self.first {
            // As much as if all turns of the quiet time had been used. What was learnt before it says little.
            let quiet = self.per_second * turn.quiet.as_secs_f64() * self.step;
            self.per_second = (self.per_second + self.step() + quiet).min(self.first);
        } else if turn.wait.is_positive() {
            self.per_second = (self.per_second + self.step()).min(self.fastest);
        }
    }

    /// What an answered call adds now.
    fn step(&self) -> f64 {
        match NEAR.contains(&(self.per_second / self.throttled)) {
            true => self.step / CARE,
            false => self.step,
        }
    }

    /// When the call after one at this time is due.
    fn after(&self, at: Timestamp) -> Timestamp {
        at.saturating_add(self.pause()).unwrap_or(Timestamp::MAX)
    }

    /// How long it is from one call to the next.
    fn pause(&self) -> SignedDuration {
        SignedDuration::from_secs_f64(1.0 / self.per_second)
    }
}
