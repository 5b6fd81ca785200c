//! The order of the queue for copy slots.

use std::fmt;

use jiff::Timestamp;

use super::wait::Wait;
use crate::domain::id::arn::RdsArn;

/// A source that RDS does not remove comes after all that it removes: no time has so many milliseconds.
const NEVER: i64 = 999_999_999_999_999;

/// A copy's place in the queue for slots. The copy whose source RDS removes soonest comes first, then the one whose due
/// time is the earliest, then the one that was stored first. So a copy that is tried again keeps its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn {
    expires_ms: i64,
    planned_ms: i64,
    opened_ms: i64,
}

impl Turn {
    /// The place of a copy by what it depends on, in milliseconds, as the table stores times.
    #[must_use]
    pub fn new(
        source_expires_at: Option<Timestamp>,
        planned_at: Timestamp,
        opened_at: Timestamp,
    ) -> Self {
        let since_1970 = |time: Timestamp| time.as_millisecond().clamp(0, NEVER);
        Self {
            expires_ms: source_expires_at.map_or(NEVER, since_1970),
            planned_ms: since_1970(planned_at),
            opened_ms: since_1970(opened_at),
        }
    }

    /// The place of the copy that this wait is for.
    #[must_use]
    pub fn of(wait: &Wait) -> Self {
        let planned_at = wait.command.run.planned_at;
        Self::new(wait.source_expires_at, planned_at, wait.opened_at)
    }

    /// Reads what [`Display`](fmt::Display) writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| part.parse().ok());
        let turn = Self {
            expires_ms: parts.next()??,
            planned_ms: parts.next()??,
            opened_ms: parts.next()??,
        };
        parts.next().is_none().then_some(turn)
    }
}

/// Texts follow each other as the places do, because every part has the same length.
impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            expires_ms,
            planned_ms,
            opened_ms,
        } = self;
        write!(f, "{expires_ms:015}.{planned_ms:015}.{opened_ms:015}")
    }
}

/// A copy in the queue for slots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueuedCopy {
    /// Its place.
    pub turn: Turn,
    /// The copy, at its first attempt.
    pub copy: RdsArn,
}
