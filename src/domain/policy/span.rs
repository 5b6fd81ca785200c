//! Lengths of time as people write them: `35d`, `24h`, `90m`, `2w`.

use std::fmt;

use jiff::SignedDuration;

use crate::domain::id::text::{ParseError, text_serde};

const EXPECTED: &str =
    "a length of time such as 35d, 24h, 90m or 2w: a whole number above 0 and one unit";

/// The units, the longest first, in seconds.
const UNITS: [(char, i64); 4] = [('w', 7 * 86_400), ('d', 86_400), ('h', 3_600), ('m', 60)];

/// The longest: ten years.
const MOST: i64 = 3_650 * 86_400;

/// A length of time from a minute to ten years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(i64);

impl Span {
    /// How long a due time is made up for, where a policy does not say: two hours.
    pub const CATCH_UP: Self = Self(2 * 3_600);
    /// Over how long a time databases are spread after a due time, where a policy does not say: half an hour.
    pub const SPREAD: Self = Self(30 * 60);
    /// How long what a drill makes may live, where a policy does not say: six hours.
    pub const DRILL_DEADLINE: Self = Self(6 * 3_600);

    /// Reads a number and a unit: `w`, `d`, `h` or `m`. A day is 24 hours.
    ///
    /// # Errors
    /// The text, and the form that was expected.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let fail = || ParseError::new(text, EXPECTED);
        let unit = text.chars().next_back().ok_or_else(fail)?;
        let digits = text.strip_suffix(unit).ok_or_else(fail)?;
        let (_, seconds) = *UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(fail)?;
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(fail());
        }
        let number: i64 = digits.parse().map_err(|_| fail())?;
        match number.checked_mul(seconds) {
            Some(0) => Err(fail()),
            Some(length) if length <= MOST => Ok(Self(length)),
            _ => Err(ParseError::new(text, "at most ten years (3650d)")),
        }
    }

    /// As a duration.
    #[must_use]
    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_secs(self.0)
    }
}

text_serde!(Span);

/// Written in the longest unit that divides it. Weeks can be read but are not written: 35 days stay `35d`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS
            .iter()
            .skip(1)
            .find(|(_, seconds)| self.0 % seconds == 0);
        match whole {
            Some((unit, seconds)) => write!(f, "{}{unit}", self.0 / seconds),
            None => write!(f, "{}s", self.0),
        }
    }
}
