//! What a run costs and what it achieves, counted as it happens.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::prices;

/// The two things that a design waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hop {
    /// The snapshot, in the source region.
    Snapshot,
    /// Its copy, in the recovery region.
    Copy,
}

/// What a Lambda function runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Processor {
    /// arm64.
    Arm64,
    /// x86_64.
    X86_64,
}

/// Calls, costs and results.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    /// When it was opened.
    pub(super) opened_at: Timestamp,
    /// RDS calls that RDS answered, by operation.
    pub(super) answered: BTreeMap<&'static str, u64>,
    /// RDS calls that were throttled.
    pub(super) throttled: u64,
    /// RDS calls of every minute, throttled ones included.
    minutes: Vec<u32>,
    /// State transitions, the start and the end of each execution included.
    pub(super) transitions: u64,
    /// Lambda invocations.
    pub(super) invocations: u64,
    /// Megabyte-milliseconds on arm64 and on x86_64.
    megabyte_ms: [u64; 2],
    /// The longest invocation.
    pub(super) longest_ms: u64,
    /// SQS requests, empty receives included.
    pub(super) queue_requests: u64,
    /// Events that were sent to another region's bus.
    pub(super) forwarded_events: u64,
    /// Notifications of an RDS event subscription.
    pub(super) notifications: u64,
    /// Messages that were received too often.
    pub(super) dead_letters: u64,
    /// DynamoDB's read units, in halves.
    pub(super) half_read_units: u64,
    /// DynamoDB's write units.
    pub(super) write_units: u64,
    /// When each snapshot and copy was noticed.
    noticed: [Vec<Option<Timestamp>>; 2],
    /// From ready to noticed, of both hops.
    lags: Vec<SignedDuration>,
    given_up: Vec<bool>,
    open: usize,
    last_noticed_at: Timestamp,
}

impl Ledger {
    pub(super) fn new(now: Timestamp, databases: usize) -> Self {
        Self {
            opened_at: now,
            answered: BTreeMap::new(),
            throttled: 0,
            minutes: Vec::new(),
            transitions: 0,
            invocations: 0,
            megabyte_ms: [0; 2],
            longest_ms: 0,
            queue_requests: 0,
            forwarded_events: 0,
            notifications: 0,
            dead_letters: 0,
            half_read_units: 0,
            write_units: 0,
            noticed: [vec![None; databases], vec![None; databases]],
            lags: Vec::with_capacity(2 * databases),
            given_up: vec![false; databases],
            open: databases,
            last_noticed_at: now,
        }
    }

    pub(super) fn rds_call(&mut self, operation: &'static str, at: Timestamp, throttled: bool) {
        if throttled {
            self.throttled += 1;
        } else {
            *self.answered.entry(operation).or_default() += 1;
        }
        let minute = at.duration_since(self.opened_at).as_secs() / 60;
        let minute = usize::try_from(minute).unwrap_or(0);
        if self.minutes.len() <= minute {
            self.minutes.resize(minute + 1, 0);
        }
        self.minutes[minute] += 1;
    }

    pub(super) fn lambda(&mut self, processor: Processor, megabytes: u64, ms: u64) {
        self.invocations += 1;
        self.megabyte_ms[processor as usize] += megabytes * ms;
        self.longest_ms = self.longest_ms.max(ms);
    }

    pub(super) fn is_noticed(&self, hop: Hop, database: usize) -> bool {
        self.noticed[hop as usize][database].is_some()
    }

    /// A design has seen for the first time that something is ready.
    pub(super) fn notice(&mut self, hop: Hop, database: usize, ready: Timestamp, at: Timestamp) {
        let noticed = &mut self.noticed[hop as usize][database];
        if noticed.is_some() {
            return;
        }
        *noticed = Some(at);
        self.lags.push(at.duration_since(ready));
        if hop == Hop::Copy && !self.given_up[database] {
            self.open -= 1;
            self.last_noticed_at = self.last_noticed_at.max(at);
        }
    }

    /// A design will not look at a database again.
    pub(super) fn give_up(&mut self, database: usize) {
        let is_open = !self.is_noticed(Hop::Copy, database) && !self.given_up[database];
        if is_open {
            self.given_up[database] = true;
            self.open -= 1;
        }
    }

    /// How many databases are neither noticed nor given up.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// Recovery points that were made: copies that are good, and known to be.
    pub(super) fn made(&self) -> usize {
        let copies = self.noticed[Hop::Copy as usize].iter();
        copies
            .zip(&self.given_up)
            .filter(|(at, given_up)| at.is_some() && !**given_up)
            .count()
    }

    /// Recovery points that were not made.
    pub(super) fn lost(&self) -> usize {
        self.given_up.len() - self.made()
    }

    /// All RDS calls that RDS answered, refusals other than throttling included.
    pub(super) fn rds_calls(&self) -> u64 {
        self.answered.values().sum()
    }

    /// The most RDS calls of one minute, throttled ones included.
    pub(super) fn busiest_minute(&self) -> u32 {
        self.minutes.iter().copied().max().unwrap_or(0)
    }

    /// A percentile of the times from ready to noticed.
    pub(super) fn lag(&self, share: f64) -> Option<SignedDuration> {
        let mut lags = self.lags.clone();
        lags.sort_unstable();
        let last = lags.len().checked_sub(1)?;
        let rank = (share * lags.len() as f64).ceil() as usize;
        Some(lags[rank.saturating_sub(1).min(last)])
    }

    /// From the beginning until the last recovery point was noticed.
    pub(super) fn took(&self) -> SignedDuration {
        self.last_noticed_at.duration_since(self.opened_at)
    }

    /// Lambda's gigabyte-seconds.
    pub(super) fn gb_seconds(&self) -> f64 {
        self.megabyte_ms.iter().sum::<u64>() as f64 / 1_024_000.0
    }

    /// What all of it costs at list prices, in US dollars.
    pub(super) fn dollars(&self) -> f64 {
        let gb_seconds = |p: Processor| self.megabyte_ms[p as usize] as f64 / 1_024_000.0;
        prices::TRANSITION.of(self.transitions as f64)
            + prices::INVOCATION.of(self.invocations as f64)
            + prices::GB_SECOND_ARM64.of(gb_seconds(Processor::Arm64))
            + prices::GB_SECOND_X86_64.of(gb_seconds(Processor::X86_64))
            + prices::QUEUE_REQUEST.of(self.queue_requests as f64)
            + prices::FORWARDED_EVENT.of(self.forwarded_events as f64)
            + prices::NOTIFICATION.of(self.notifications as f64)
            + prices::READ_UNIT.of(self.half_read_units as f64 / 2.0)
            + prices::WRITE_UNIT.of(self.write_units as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::cloud::{BEGIN, later};

    fn seconds(n: i64) -> SignedDuration {
        SignedDuration::from_secs(n)
    }

    #[test]
    fn a_lag_is_the_one_that_a_share_of_all_does_not_exceed() {
        let mut ledger = Ledger::new(BEGIN, 100);
        assert_eq!(ledger.lag(0.5), None);
        for database in 0..100 {
            let lag = seconds(100 - database as i64);
            ledger.notice(Hop::Copy, database, BEGIN, later(BEGIN, lag));
        }
        assert_eq!(ledger.lag(0.5), Some(seconds(50)));
        assert_eq!(ledger.lag(0.99), Some(seconds(99)));
        assert_eq!(ledger.lag(1.0), Some(seconds(100)));
    }

    #[test]
    fn what_is_noticed_twice_counts_once_and_what_is_given_up_is_lost() {
        let mut ledger = Ledger::new(BEGIN, 3);
        ledger.notice(Hop::Copy, 0, BEGIN, later(BEGIN, seconds(1)));
        ledger.notice(Hop::Copy, 0, BEGIN, later(BEGIN, seconds(9)));
        ledger.give_up(0);
        ledger.give_up(1);
        ledger.notice(Hop::Copy, 1, BEGIN, later(BEGIN, seconds(5)));
        assert_eq!((ledger.made(), ledger.lost(), ledger.open()), (1, 2, 1));
        assert_eq!(ledger.took(), seconds(1));
    }

    #[test]
    fn the_price_is_the_sum_of_what_each_thing_costs() {
        let mut ledger = Ledger::new(BEGIN, 1);
        ledger.transitions = 1_000;
        ledger.queue_requests = 1_000_000;
        ledger.half_read_units = 2_000_000;
        ledger.write_units = 1_000_000;
        // A gigabyte for a second on each processor.
        ledger.lambda(Processor::Arm64, 1_024, 1_000);
        ledger.lambda(Processor::X86_64, 512, 2_000);
        let lambda = 2.0 * 0.20e-6 + 13.3334e-6 + 16.6667e-6;
        let expected = 0.025 + 0.40 + 0.125 + 0.625 + lambda;
        assert!(
            (ledger.dollars() - expected).abs() < 1e-9,
            "{}",
            ledger.dollars()
        );
        assert_eq!(ledger.gb_seconds(), 2.0);
        assert_eq!(ledger.longest_ms, 2_000);
    }
}
