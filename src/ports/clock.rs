//! Time and randomness.

use jiff::Timestamp;

/// The clock.
pub trait Clock {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// Randomness, for spreading retries.
pub trait Jitter {
    /// A number from 0 to 1.
    fn jitter(&self) -> f64;
}

actions! {
    Clock: ;
    Jitter: ;
}
