//! Times on the command line: a time, or a span before now.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// A time as the operator gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeArgument {
    /// A time, such as `2026-11-22T03:00:00Z`, or the beginning of a day in UTC.
    At(Timestamp),
    /// A span before now, such as `2h` or `3d`.
    Ago(SignedDuration),
}

impl TimeArgument {
    /// Reads one. A day has 24 hours.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(time) = time(text) {
            return Ok(Self::At(time));
        }
        text.parse::<Span>()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
            .map(|span| Self::Ago(span.abs()))
            .map_err(|_| {
                "a time such as 2026-11-22T03:00:00Z, a day such as 2026-11-22 or a span such as 90m, 12h or 3d was expected"
                    .to_owned()
            })
    }

    /// The time itself.
    pub(super) fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(span) => now.checked_sub(span).unwrap_or(Timestamp::MIN),
        }
    }
}

/// Reads a time, or a day: its beginning in UTC.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    // A date's parser also takes a time of day without a zone, and drops it.
    let is_day = text.len() == "2026-11-22".len();
    let day = |day: Date| Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp());
    text.parse()
        .ok()
        .or_else(|| is_day.then(|| text.parse().ok().and_then(day))?)
        .ok_or_else(|| {
            "a time such as 2026-11-22T03:00:00Z or a day such as 2026-11-22 was expected"
                .to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_a_span_before_now() {
        let now: Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
        let cases = [
            ("2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z"),
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("90m", "2026-11-22T01:30:00Z"),
            ("12h", "2026-11-21T15:00:00Z"),
            ("3d", "2026-11-19T03:00:00Z"),
            ("1d 2h", "2026-11-21T01:00:00Z"),
        ];
        for (text, time) in cases {
            let moment = TimeArgument::parse(text).unwrap();
            assert_eq!(moment.before(now).to_string(), time, "{text}");
        }
        for text in [
            "",
            "yesterday",
            "3",
            "2 months",
            "2026-11-20T03:00:00",
            "2026-13-20",
        ] {
            TimeArgument::parse(text).unwrap_err();
        }
    }
}
