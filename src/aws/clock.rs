//! The system's clock, and randomness.

use jiff::Timestamp;

use super::clients::Aws;
use crate::ports::{Clock, Jitter};

/// The system's clock, in whole milliseconds, as the table stores times. So a time that is read back equals the one that
/// was written.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one site of the system's clock"
    )]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

impl<Extra> Clock for Aws<Extra> {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }
}

impl<Extra> Jitter for Aws<Extra> {
    fn jitter(&self) -> f64 {
        fastrand::f64()
    }
}
