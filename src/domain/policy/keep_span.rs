//! Lengths of time by the calendar, for retention: `35d`, `2w`, `1y6mo`.

use std::fmt;

use jiff::{Span, SpanFieldwise, Timestamp, Zoned};

use crate::domain::id::text::{ParseError, text_serde};

const EXPECTED: &str = "a length of time such as 35d, 24h, 90m, 2w or 1y6mo: whole numbers with the units \
     y, mo, w, d, h and m, the longest first";

const UNITS: [&str; 6] = ["y", "mo", "w", "d", "h", "m"];

/// The longest, in days: a hundred years.
const DAYS_MAX: i64 = 36_600;

/// A length of time, from a minute to a hundred years. A month is a month of the calendar, and a day a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepSpan(SpanFieldwise);

impl KeepSpan {
    /// Reads whole numbers, each with its unit: `y`, `mo`, `w`, `d`, `h` or `m` (minutes).
    ///
    /// # Errors
    /// The text, and the form that was expected.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let fail = || ParseError::new(text, EXPECTED);
        // Jiff also reads signs, blanks, whole words and ISO 8601, which a policy file has no need of.
        let mut words = text.split(|c: char| c.is_ascii_digit());
        let plain = words.next() == Some("")
            && words.all(|word| word.is_empty() || UNITS.contains(&word))
            && text.is_ascii();
        let span: Span = text.parse().map_err(|_| fail())?;
        if !plain || span.is_zero() {
            return Err(fail());
        }
        let days = 366 * i64::from(span.get_years())
            + 31 * i64::from(span.get_months())
            + 7 * i64::from(span.get_weeks())
            + i64::from(span.get_days())
            + i64::from(span.get_hours()) / 24
            + span.get_minutes() / 1_440;
        if days > DAYS_MAX {
            return Err(ParseError::new(text, "at most a hundred years (100y)"));
        }
        Ok(Self(span.fieldwise()))
    }

    /// The instant this span before another: years to days by that instant's calendar, in one step, then hours and
    /// minutes as they pass. Where the month is shorter, its last day counts.
    #[must_use]
    pub fn before(self, instant: &Zoned) -> Timestamp {
        instant
            .checked_sub(self.0.0)
            .map_or(Timestamp::MIN, |before| before.timestamp())
    }

    fn parts(self) -> [(i64, &'static str); 6] {
        let span = self.0.0;
        let numbers = [
            span.get_years().into(),
            span.get_months().into(),
            span.get_weeks().into(),
            span.get_days().into(),
            span.get_hours().into(),
            span.get_minutes(),
        ];
        std::array::from_fn(|at| (numbers[at], UNITS[at]))
    }
}

text_serde!(KeepSpan);

impl fmt::Display for KeepSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts()
            .into_iter()
            .filter(|(number, _)| *number != 0)
            .try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
    }
}
