//! Each database's own time after a due time.
//!
//! The databases of a policy need not begin all at once: within the policy's spread each begins at a time of its own. It
//! follows from the resource id, so that it is the same at every due time, and RPO and catching up count from it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::span::Span;
use crate::domain::id::names::ResourceId;
use crate::domain::id::text::{ParseError, text_serde};

/// Over how long a time the databases of a policy are spread after a due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spread(Option<Span>);

impl Spread {
    /// Half an hour, where a policy does not say.
    pub const USUAL: Self = Self(Some(Span::SPREAD));
    /// All databases begin at the due time.
    pub const NONE: Self = Self(None);
    const NOTHING: &str = "0m";

    /// Reads a length of time, or `0m`.
    ///
    /// # Errors
    /// The text, and the form that was expected.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match text {
            Self::NOTHING => Ok(Self::NONE),
            _ => Span::parse(text).map(|span| Self(Some(span))),
        }
    }

    /// As a duration.
    #[must_use]
    pub fn duration(self) -> SignedDuration {
        self.0.map_or(SignedDuration::ZERO, Span::duration)
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(span) => span.fmt(f),
            None => f.write_str(Self::NOTHING),
        }
    }
}

text_serde!(Spread);

/// How far a spread has come: the own times of one due time that were planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSpread {
    /// Over how long a time the databases are spread after this due time. A policy that is applied meanwhile counts from
    /// the next due time on.
    pub over: SignedDuration,
    /// The own times up to now that were planned.
    pub through: Timestamp,
}

impl OpenSpread {
    /// The spread of this due time once own times are planned up to now. `None` when it is over.
    #[must_use]
    pub fn at(self, due: Timestamp, now: Timestamp) -> Option<Self> {
        let goes_on = now < later(due, self.over);
        goes_on.then_some(Self {
            through: now,
            ..self
        })
    }
}

/// How long after a due time a database's own time is: a whole number of seconds below the spread.
#[must_use]
pub fn offset(database: &ResourceId, spread: SignedDuration) -> SignedDuration {
    let seconds = u64::try_from(spread.as_secs()).unwrap_or(0);
    // The product has 128 bits, and the first 64 of them are below the spread.
    let offset = (u128::from(hash(database.as_str())) * u128::from(seconds)) >> 64;
    SignedDuration::from_secs(i64::try_from(offset).unwrap_or(0))
}

/// FNV-1a, and then the last steps of MurmurHash3: resource ids that differ in a single character are far apart. It must
/// never change: every database would get another own time.
fn hash(text: &str) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    });
    let once = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let twice = (once ^ (once >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    twice ^ (twice >> 33)
}

/// The time from an instant on.
#[must_use]
pub fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
