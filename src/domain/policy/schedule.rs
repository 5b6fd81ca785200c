//! When a policy is due: a cron pattern in a time zone.

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use serde::Serialize;
use thiserror::Error;

/// Why a schedule cannot be used.
#[derive(Debug, Error)]
pub enum ScheduleError {
    /// The pattern is not a cron pattern.
    #[error(
        "{pattern:?} is not a cron pattern of five fields (minute hour day month weekday){}",
        aws_form(.pattern)
    )]
    Pattern {
        /// What was given.
        pattern: String,
        /// What the parser said.
        source: croner::errors::CronError,
    },
    /// No day ever matches the pattern.
    #[error("{pattern:?} never comes due")]
    Never {
        /// What was given.
        pattern: String,
        /// What the search said.
        source: croner::errors::CronError,
    },
    /// The time zone is unknown.
    #[error("{zone:?} is not a time zone of the IANA database, such as Europe/Paris")]
    Zone {
        /// What was given.
        zone: String,
        /// What the database said.
        source: jiff::Error,
    },
}

/// What to change in a pattern of EventBridge's own form.
fn aws_form(pattern: &str) -> &'static str {
    if pattern.starts_with("rate(") || pattern.starts_with("cron(") {
        "; write EventBridge's cron(0 3 * * ? *) as 0 3 * * *, and its rate(6 hours) as 0 */6 * * *"
    } else if pattern.split_whitespace().count() == 6 {
        "; leave EventBridge's sixth field, the year, out"
    } else {
        ""
    }
}

/// A cron pattern of five fields in a time zone.
#[derive(Debug, Clone, Serialize)]
pub struct Schedule {
    #[serde(rename = "schedule")]
    pattern: String,
    #[serde(rename = "time_zone")]
    zone_name: String,
    #[serde(skip)]
    cron: Cron,
    #[serde(skip)]
    zone: TimeZone,
}

/// Two schedules are equal if their texts are.
impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        (&self.pattern, &self.zone_name) == (&other.pattern, &other.zone_name)
    }
}

impl Eq for Schedule {}

impl Schedule {
    /// Reads a pattern and an IANA zone name.
    ///
    /// # Errors
    /// Which of the two is wrong.
    pub fn parse(pattern: &str, zone: &str) -> Result<Self, ScheduleError> {
        let cron = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .build()
            .parse(pattern)
            .map_err(|source| ScheduleError::Pattern {
                pattern: pattern.to_owned(),
                source,
            })?;
        let zone_name = zone.to_owned();
        let zone = TimeZone::get(zone).map_err(|source| ScheduleError::Zone {
            zone: zone.to_owned(),
            source,
        })?;
        // The 30th of February is a valid pattern, but nothing would ever be due.
        let some_day = Timestamp::UNIX_EPOCH.to_zoned(zone.clone());
        if let Err(source) = cron.find_next_occurrence(&some_day, true) {
            return Err(ScheduleError::Never {
                pattern: pattern.to_owned(),
                source,
            });
        }
        Ok(Self {
            pattern: pattern.to_owned(),
            zone_name,
            cron,
            zone,
        })
    }

    /// The pattern, as it was written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The time zone's name, as it was written.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.zone_name
    }

    /// The time zone.
    #[must_use]
    pub fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first due time after `now`, in the schedule's zone.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Zoned> {
        let now = now.to_zoned(self.zone.clone());
        self.cron.find_next_occurrence(&now, false).ok()
    }

    /// How many due times it has in the 30 days after `now`.
    #[must_use]
    pub fn times_a_month(&self, now: Timestamp) -> usize {
        let now = now.to_zoned(self.zone.clone());
        let until = now.timestamp() + SignedDuration::from_hours(30 * 24);
        self.cron
            .iter_after(now)
            .take_while(|time| time.timestamp() <= until)
            .count()
    }

    /// The longest time between two due times that follow each other, from now on: of up to 60 due times.
    #[must_use]
    pub fn longest_gap(&self, now: Timestamp) -> SignedDuration {
        self.gaps(now)
            .into_iter()
            .max()
            .unwrap_or(SignedDuration::ZERO)
    }

    /// The shortest time between two due times that follow each other, likewise.
    #[must_use]
    pub fn shortest_gap(&self, now: Timestamp) -> SignedDuration {
        self.gaps(now)
            .into_iter()
            .min()
            .unwrap_or(SignedDuration::ZERO)
    }

    fn gaps(&self, now: Timestamp) -> Vec<SignedDuration> {
        let now = now.to_zoned(self.zone.clone());
        let times: Vec<Timestamp> = self
            .cron
            .iter_after(now)
            .take(60)
            .map(|time| time.timestamp())
            .collect();
        let gaps = times.windows(2).map(|pair| pair[1].duration_since(pair[0]));
        gaps.collect()
    }

    /// The last due times at or before `now`, the oldest first.
    #[must_use]
    pub fn last(&self, count: usize, now: Timestamp) -> Vec<Timestamp> {
        let now = now.to_zoned(self.zone.clone());
        let before = self.cron.iter_before(now).take(count);
        let mut times: Vec<Timestamp> = before.map(|time| time.timestamp()).collect();
        times.reverse();
        times
    }

    /// The last due time at or before `now`, if it is later than `planned`. After an outage only the last due time is
    /// planned, not those before it.
    #[must_use]
    pub fn due(&self, planned: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let last = self
            .cron
            .find_previous_occurrence(&now.to_zoned(self.zone.clone()), true)
            .ok()?
            .timestamp();
        planned.is_none_or(|planned| last > planned).then_some(last)
    }
}
