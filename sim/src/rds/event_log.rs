//! What RDS remembers of what happened: DescribeEvents.
//!
//! RDS keeps the events of the last 14 days, those too that never reached an event bus.

use jiff::{SignedDuration, Timestamp};

use super::event::EmittedEvent;
use super::names::Region;
use super::pages::{Listed, Pager};
use super::request::{DescribeEvents, Page};
use super::{Rds, RdsFault};

/// How long RDS keeps events.
const KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Duration's default, in minutes.
const DURATION: i64 = 60;

/// One event as RDS keeps it. They are listed in the order in which they happened.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Its number among all events of its region, with leading zeros, so that text has the order of numbers.
    number: String,
    event: EmittedEvent,
}

impl Listed for Kept {
    type Shown = EmittedEvent;

    fn name(&self) -> &str {
        &self.number
    }

    fn show(&self, _now: Timestamp) -> Option<EmittedEvent> {
        Some(self.event.clone())
    }
}

impl Rds {
    /// Keeps an event, and forgets those that are too old.
    pub(super) fn keep_event(&mut self, region: &Region, event: &EmittedEvent) {
        if !self.config.keeps_events {
            return;
        }
        let number = format!("{:020}", self.next_serial());
        let log = &mut self.region_mut(region).events;
        let oldest = event.date.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        while log.front().is_some_and(|kept| kept.event.date < oldest) {
            log.pop_front();
        }
        let event = event.clone();
        log.push_back(Kept { number, event });
    }

    /// DescribeEvents. Without times, those of the last hour.
    ///
    /// # Errors
    /// `InvalidParameterCombination` for a source without its type; `InvalidParameterValue` for an unknown type.
    pub fn describe_events(
        &mut self,
        region: &Region,
        request: &DescribeEvents,
        now: Timestamp,
    ) -> Result<Page<EmittedEvent>, RdsFault> {
        let now = self.run_until(now);
        if request.source.is_some() && request.source_type.is_none() {
            return Err(RdsFault::InvalidParameterCombination(
                "Cannot specify source identifier without source type".to_owned(),
            ));
        }
        if let Some(word) = request.source_type.as_deref()
            && !SOURCE_TYPES.contains(&word)
        {
            let message = format!("Unknown source type: {word}");
            return Err(RdsFault::InvalidParameterValue(message));
        }
        let minutes = request.minutes.unwrap_or(DURATION).max(0);
        let long = SignedDuration::from_mins(minutes.min(KEPT.as_mins()));
        let end = match (request.end, request.start) {
            (Some(end), _) => end,
            (None, Some(start)) if request.minutes.is_some() => {
                start.saturating_add(long).unwrap_or(now)
            }
            (None, _) => now,
        };
        let start = request
            .start
            .unwrap_or_else(|| end.saturating_sub(long).unwrap_or(Timestamp::MIN));
        let oldest = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        let span = start.max(oldest)..=end;
        let source = request.source.as_deref().map(str::to_ascii_lowercase);
        let fits = |kept: &&Kept| {
            let event = &kept.event;
            let word = source_type(event);
            span.contains(&event.date)
                && request.source_type.as_deref().is_none_or(|it| it == word)
                && source
                    .as_ref()
                    .is_none_or(|it| *it == event.source_identifier)
                && (request.categories.is_empty()
                    || request
                        .categories
                        .iter()
                        .any(|it| event.categories.contains(&it.as_str())))
        };
        let pager = Pager::new(&request.paging)?;
        Ok(pager.page(&self.region_mut(region).events, fits, now))
    }
}

/// SourceType in DescribeEvents, which has other words than the events on the bus.
pub fn source_type(event: &EmittedEvent) -> &'static str {
    match event.source_type {
        "CLUSTER_SNAPSHOT" => "db-cluster-snapshot",
        "DB_INSTANCE" => "db-instance",
        "CLUSTER" => "db-cluster",
        _ => "db-snapshot",
    }
}

/// The service model's source types.
const SOURCE_TYPES: [&str; 11] = [
    "db-instance",
    "db-parameter-group",
    "db-security-group",
    "db-snapshot",
    "db-cluster",
    "db-cluster-snapshot",
    "custom-engine-version",
    "db-proxy",
    "blue-green-deployment",
    "db-shard-group",
    "zero-etl",
];
