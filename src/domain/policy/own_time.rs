//! A policy's own times: when each of its databases begins after a due time.

use jiff::{SignedDuration, Timestamp};

use super::in_force::Policy;
use super::spec::Source;
use super::spread::{later, offset};
use crate::domain::id::names::ResourceId;

impl Policy {
    /// Over how long a time its databases are spread after this due time. It ends before the next due time: the schedule
    /// may have due times that are closer to each other than the spread is long, as where the clock goes forward. Automated
    /// snapshots are RDS's, and copying one asks nothing of the database, so nothing is spread.
    #[must_use]
    pub fn spread_at(&self, due: Timestamp) -> SignedDuration {
        let Some(spread) = self.options.spread else {
            return SignedDuration::ZERO;
        };
        if self.options.source == Source::Automated {
            return SignedDuration::ZERO;
        }
        let gap = self
            .schedule
            .next(due)
            .map(|next| next.timestamp().duration_since(due));
        gap.map_or(spread.duration(), |gap| gap.min(spread.duration()))
    }

    /// A database's own time of a due time.
    #[must_use]
    pub fn own_time(&self, due: Timestamp, database: &ResourceId) -> Timestamp {
        later(due, offset(database, self.spread_at(due)))
    }

    /// A database's first own time after `now`.
    #[must_use]
    pub fn next_own_time(&self, database: &ResourceId, now: Timestamp) -> Option<Timestamp> {
        let last = self.schedule.due(None, now);
        let of_last = last.map(|due| self.own_time(due, database));
        of_last.filter(|own| *own > now).or_else(|| {
            let next = self.schedule.next(now)?.timestamp();
            Some(self.own_time(next, database))
        })
    }
}
