//! How long a message stays away after a failure.

use std::time::Duration;

/// The growing delay of a queue message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The delay after the first receive.
    pub first: Duration,
    /// No delay is longer than this.
    pub max: Duration,
}

impl Backoff {
    /// The delay after the nth receive (from 1). It doubles each time, up to `max`. `jitter` (0 to 1) picks a
    /// value in its upper half, so that messages that failed together do not come back together.
    #[must_use]
    pub fn delay(&self, receives: u32, jitter: f64) -> Duration {
        let doublings = receives.saturating_sub(1).min(20);
        let full = self.first.saturating_mul(1 << doublings).min(self.max);
        full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
    }
}
