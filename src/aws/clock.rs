//! The system's clock, and chance.

use jiff::Timestamp;

use super::clients::Aws;
use crate::ports::{Clock, Jitter};

/// The system's clock, in whole milliseconds: what the table keeps, so that a time read back is the time written.
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

impl<Also> Clock for Aws<Also> {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }
}

impl<Also> Jitter for Aws<Also> {
    fn jitter(&self) -> f64 {
        fastrand::f64()
    }
}
