//! Virtual time for a service that lives in real time.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// Maps real time to virtual time: `start + real time since the clock was made × speed`.
#[derive(Clone, Copy, Debug)]
pub struct VirtualClock {
    start: Timestamp,
    origin: Instant,
    speed: f64,
}

impl VirtualClock {
    /// A clock that shows `start` now and runs `speed` times as fast as real time. A speed
    /// that is negative or no number stands still.
    pub fn starting_at(start: Timestamp, speed: f64) -> Self {
        let speed = if speed.is_finite() {
            speed.max(0.0)
        } else {
            0.0
        };
        Self {
            start,
            origin: Instant::now(),
            speed,
        }
    }

    /// What the clock shows now.
    pub fn now(&self) -> Timestamp {
        let seconds = self.origin.elapsed().as_secs_f64() * self.speed;
        let elapsed = SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX);
        self.start.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// How many virtual seconds pass in a real one.
    pub fn speed(&self) -> f64 {
        self.speed
    }
}
