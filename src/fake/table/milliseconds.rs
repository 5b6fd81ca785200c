//! The precision of times in items.

use jiff::Timestamp;

/// Items hold times in milliseconds.
#[must_use]
pub fn in_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}
