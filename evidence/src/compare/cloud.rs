//! The account that every design works in: the RDS model with a rate limit, and the ledger.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

use super::ledger::{Hop, Ledger};
use super::trace::Trace;
use snapferry_sim::rds::{
    CopyDbSnapshot, CreateDbSnapshot, DescribeDbSnapshots, DurationRange, Faults, InstanceSpec,
    KmsKey, Odds, PlannedWork, Rds, RdsConfig, Region, Snapshot, Stage, Tags, Timings,
};
use snapferry_sim::simulation::models::ModelledRds;

/// When the recovery points come due: 03:00 UTC.
pub(super) const BEGIN: Timestamp = Timestamp::constant(1_772_420_400, 0);
/// How long a recovery point may take: what Snapferry's states wait, and as long for everybody.
pub(super) const HORIZON: SignedDuration = SignedDuration::from_hours(4 * 24);
/// A design's idle costs count for at least this long.
pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);
/// From a message's arrival to what its handler does with it: the reaction that `cargo demo` measures between
/// an RDS event on the queue and the token's acceptance, at the median. Its RDS and its Step Functions are on
/// this machine, so AWS's own call times come on top of it, a tenth of a second or two.
pub(super) const REACTION: SignedDuration = SignedDuration::from_millis(52);
/// How long an RDS call takes, as far as a function is billed for it. An assumption, the same for all.
pub(super) const RDS_CALL: SignedDuration = SignedDuration::from_millis(100);

/// Calls of one operation in one region and minute. AWS publishes no rate; this is the one that users have
/// measured (for ListTagsForResource, awslabs/rds-snapshot-tool#29), taken for all.
pub const RDS_CALLS_PER_MINUTE: f64 = 700.0;
/// The rate holds in every stretch of this many seconds. An assumption.
const STRETCH_SECONDS: i64 = 10;

/// No function makes its calls further ahead of the shared clock: a sweep ends in this time.
const FURTHEST_AHEAD: SignedDuration = SignedDuration::from_mins(5);

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";

/// How RDS counts the calls of its rate. AWS does not say; a figure should not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateShape {
    /// In windows of ten seconds that begin with the run.
    Windows,
    /// The same, and the windows begin five seconds later.
    MovedWindows,
    /// By a bucket that holds the tokens of ten seconds and is refilled evenly.
    Bucket,
}

/// How RDS behaves: late and lost events, and its rate limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RdsOutages {
    /// From what happened to its event's arrival.
    pub event_delay: SignedDuration,
    /// The share of events that never arrive, from 0 to 1.
    pub events_lost: f64,
    /// Calls of one operation in one region and minute; those above it are throttled.
    pub rds_calls_per_minute: f64,
    /// How RDS counts them.
    pub rate_shape: RateShape,
}

impl RdsOutages {
    /// Events come at once and none is lost.
    pub const FAIR: Self = Self {
        event_delay: SignedDuration::ZERO,
        events_lost: 0.0,
        rds_calls_per_minute: RDS_CALLS_PER_MINUTE,
        rate_shape: RateShape::Windows,
    };
}

/// An RDS operation that a design calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Copy,
    DescribeSnapshots,
    DescribeInstances,
    DescribeClusters,
    DescribeAccount,
    ListTags,
}

impl Operation {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "CreateDBSnapshot",
            Self::Copy => "CopyDBSnapshot",
            Self::DescribeSnapshots => "DescribeDBSnapshots",
            Self::DescribeInstances => "DescribeDBInstances",
            Self::DescribeClusters => "DescribeDBClusters",
            Self::DescribeAccount => "DescribeAccountAttributes",
            Self::ListTags => "ListTagsForResource",
        }
    }
}

/// How an SDK tries again when it is throttled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sdk {
    /// Tries in all.
    pub(super) tries: u32,
    /// The longest wait before the second try; doubled each time.
    pub(super) first_wait: SignedDuration,
}

/// boto3 and the JavaScript SDK as they come: four retries, up to a second before the first.
pub(super) const BOTO3: Sdk = Sdk {
    tries: 5,
    first_wait: SignedDuration::from_secs(1),
};

/// The result of a call.
#[derive(Debug)]
pub(super) enum Called<T> {
    /// RDS did it, at this time.
    Done(T, Timestamp),
    /// RDS refused it, at this time.
    Refused(Timestamp),
    /// It was throttled as often as the SDK tries, until this time.
    Throttled(Timestamp),
}

/// The calls of one operation in one region.
#[derive(Debug, Clone)]
enum Rate {
    /// How many were granted in each stretch of time. A function makes its sequential calls ahead of the shared clock,
    /// so calls come here out of order, and the counts must not depend on the order.
    Windows {
        /// From the beginning of the run to that of the second window.
        first: SignedDuration,
        granted: Vec<u32>,
    },
    /// A call that comes out of order is granted if the bucket holds a token at its time, and still one for each later call
    /// that was granted before.
    Bucket {
        /// Before the calls that are remembered.
        before: Level,
        /// When calls were granted in the last minutes, in order of time.
        granted: Vec<Timestamp>,
    },
}

impl Rate {
    fn new(shape: RateShape, per_minute: f64) -> Self {
        let windows = |seconds| Self::Windows {
            first: SignedDuration::from_secs(seconds),
            granted: Vec::new(),
        };
        match shape {
            RateShape::Windows => windows(STRETCH_SECONDS),
            RateShape::MovedWindows => windows(STRETCH_SECONDS / 2),
            RateShape::Bucket => Self::Bucket {
                before: Level {
                    tokens: room_of_a_stretch(per_minute),
                    at: BEGIN,
                },
                granted: Vec::new(),
            },
        }
    }

    fn take(&mut self, now: Timestamp, per_minute: f64) -> bool {
        let most = room_of_a_stretch(per_minute);
        match self {
            Self::Windows { first, granted } => {
                let since = now.duration_since(BEGIN).as_secs() + STRETCH_SECONDS - first.as_secs();
                let window = usize::try_from(since / STRETCH_SECONDS).unwrap_or(0);
                if granted.len() <= window {
                    granted.resize(window + 1, 0);
                }
                let is_granted = f64::from(granted[window]) + 1.0 <= most;
                granted[window] += u32::from(is_granted);
                is_granted
            }
            Self::Bucket { before, granted } => {
                let place = granted.partition_point(|earlier| *earlier <= now);
                granted.insert(place, now);
                let after = |level: Level, call: &Timestamp| level.after(*call, per_minute);
                let is_granted = granted.iter().try_fold(*before, after).is_some();
                if !is_granted {
                    granted.remove(place);
                }
                let latest = granted.last().copied().unwrap_or(now);
                let old =
                    granted.partition_point(|call| latest.duration_since(*call) > FURTHEST_AHEAD);
                *before = granted
                    .drain(..old)
                    .try_fold(*before, |level, call| after(level, &call))
                    .unwrap_or(*before);
                is_granted
            }
        }
    }
}

/// What a bucket of tokens holds at a time.
#[derive(Debug, Clone, Copy)]
struct Level {
    tokens: f64,
    at: Timestamp,
}

impl Level {
    /// What it holds after a call. `None` if it has no token for the call.
    fn after(self, call: Timestamp, per_minute: f64) -> Option<Self> {
        let passed = call.duration_since(self.at).as_secs_f64().max(0.0);
        let most = room_of_a_stretch(per_minute);
        let tokens = (self.tokens + passed * per_minute / 60.0).min(most) - 1.0;
        (tokens >= 0.0).then_some(Self {
            tokens,
            at: self.at.max(call),
        })
    }
}

/// How many calls one stretch of time, or a full bucket, has room for.
fn room_of_a_stretch(per_minute: f64) -> f64 {
    (per_minute * STRETCH_SECONDS as f64 / 60.0).max(1.0)
}

/// The account.
pub(super) struct Cloud {
    pub(super) now: Timestamp,
    pub(super) ledger: Ledger,
    pub(super) rng: Rng,
    pub(super) databases: usize,
    pub(super) rds: ModelledRds,
    pub(super) source: Region,
    pub(super) home: Region,
    rds_calls_per_minute: f64,
    /// By hop's region and operation.
    rates: [[Rate; 7]; 2],
}

impl Cloud {
    pub(super) fn new(trace: &Trace, outages: RdsOutages, seed: u64) -> Self {
        let region = |name: &str| name.parse().expect("a region's name");
        let (source, home): (Region, Region) = (region("eu-west-1"), region("eu-central-1"));
        let mut rds = Rds::new(config(trace, outages), seed);
        rds.add_key(
            &home,
            KmsKey {
                arn: KEY.to_owned(),
                aliases: Vec::new(),
                enabled: true,
            },
        );
        for database in 0..trace.rows.len() {
            let mut spec = InstanceSpec::postgres(identifier(database));
            spec.tags = Tags::of_system([("snapferry:policy", "default")]);
            let added = rds.add_instance(&source, spec);
            added.expect("the identifiers are good and each is another");
        }
        Self {
            now: BEGIN,
            ledger: Ledger::new(BEGIN, trace.rows.len()),
            rng: Rng::with_seed(seed),
            databases: trace.rows.len(),
            rds: ModelledRds::new(rds),
            source,
            home,
            rds_calls_per_minute: outages.rds_calls_per_minute,
            rates: std::array::from_fn(|_| {
                std::array::from_fn(|_| Rate::new(outages.rate_shape, outages.rds_calls_per_minute))
            }),
        }
    }

    pub(super) fn region(&self, hop: Hop) -> &Region {
        match hop {
            Hop::Snapshot => &self.source,
            Hop::Copy => &self.home,
        }
    }

    /// Gets a call past the rate limit, as often as the SDK tries.
    pub(super) fn reach_rds(
        &mut self,
        hop: Hop,
        operation: Operation,
        at: Timestamp,
        sdk: Sdk,
    ) -> Result<Timestamp, Timestamp> {
        let mut at = at;
        for attempt in 0..sdk.tries {
            let rate = &mut self.rates[hop as usize][operation as usize];
            let granted = rate.take(at, self.rds_calls_per_minute);
            self.ledger.rds_call(operation.name(), at, !granted);
            if granted {
                return Ok(at);
            }
            if attempt + 1 < sdk.tries {
                let most = sdk.first_wait.as_millis() as f64 * f64::from(1_u32 << attempt);
                at = later_ms(at, (most * self.rng.f64()) as i64);
            }
        }
        Err(at)
    }

    /// CreateDBSnapshot, by a design that names its snapshots by the database.
    pub(super) fn create(&mut self, database: usize, at: Timestamp) -> Called<()> {
        let at = match self.reach_rds(Hop::Snapshot, Operation::Create, at, BOTO3) {
            Ok(at) => at,
            Err(at) => return Called::Throttled(at),
        };
        let request = CreateDbSnapshot {
            snapshot: name(Hop::Snapshot, database),
            instance: identifier(database),
            tags: Vec::new(),
        };
        let source = self.source.clone();
        match self.rds.create_db_snapshot(&source, &request, self.now) {
            Ok(_) => Called::Done((), at),
            Err(_) => Called::Refused(at),
        }
    }

    /// CopyDBSnapshot, likewise.
    pub(super) fn copy(&mut self, database: usize, at: Timestamp) -> Called<()> {
        let at = match self.reach_rds(Hop::Copy, Operation::Copy, at, BOTO3) {
            Ok(at) => at,
            Err(at) => return Called::Throttled(at),
        };
        let source = &self.source;
        let snapshot = name(Hop::Snapshot, database);
        let request = CopyDbSnapshot {
            source: format!("arn:aws:rds:{source}:{ACCOUNT}:snapshot:{snapshot}"),
            target: name(Hop::Copy, database),
            kms_key: Some(KEY.to_owned()),
            ..CopyDbSnapshot::default()
        };
        let home = self.home.clone();
        match self.rds.copy_db_snapshot(&home, &request, self.now) {
            Ok(_) => Called::Done((), at),
            Err(_) => Called::Refused(at),
        }
    }

    /// DescribeDBSnapshots of one snapshot or copy: its stage.
    pub(super) fn describe(&mut self, hop: Hop, database: usize, at: Timestamp) -> Called<Stage> {
        let at = match self.reach_rds(hop, Operation::DescribeSnapshots, at, BOTO3) {
            Ok(at) => at,
            Err(at) => return Called::Throttled(at),
        };
        let request = DescribeDbSnapshots {
            snapshot: Some(name(hop, database)),
            ..DescribeDbSnapshots::default()
        };
        let region = self.region(hop).clone();
        match self.rds.describe_db_snapshots(&region, &request, self.now) {
            Ok(page) => {
                let stage = page.items.first().map_or(Stage::Creating, |row| row.stage);
                Called::Done(stage, at)
            }
            Err(_) => Called::Refused(at),
        }
    }

    /// What RDS truly has of a design that names its snapshots by the database.
    pub(super) fn truth(&self, hop: Hop, database: usize) -> Option<&Snapshot> {
        self.rds.snapshot(self.region(hop), &name(hop, database))
    }

    /// Whether it is ready, as of the last call or event.
    pub(super) fn is_ready(&self, hop: Hop, database: usize) -> bool {
        let truth = self.truth(hop, database);
        truth.is_some_and(|snapshot| snapshot.stage() == Stage::Available)
    }

    /// Enters that a design has seen a snapshot or copy ready.
    pub(super) fn notice(&mut self, hop: Hop, database: usize, at: Timestamp) {
        if let Some(ready) = self.truth(hop, database).map(Snapshot::since) {
            self.ledger.notice(hop, database, ready, at);
        }
    }
}

fn config(trace: &Trace, outages: RdsOutages) -> RdsConfig {
    let planned = trace.rows.iter().enumerate().map(|(database, row)| {
        let work = PlannedWork {
            snapshot: row.snapshot,
            copy: row.copy,
        };
        (identifier(database), work)
    });
    let odds = Odds {
        event_lost: outages.events_lost,
        ..Odds::default()
    };
    let mut faults = Faults::default();
    faults.odds = odds;
    RdsConfig {
        account: ACCOUNT.to_owned(),
        // A fleet of this size needs a raised quota. The comparison does not model quotas of snapshots.
        manual_snapshot_quota: usize::MAX,
        // The trace says how long all of it takes, queue and first bytes included.
        timings: Timings {
            before_data_is_taken: DurationRange::exactly(SignedDuration::ZERO),
            copy_queued: DurationRange::exactly(SignedDuration::ZERO),
            event_delay: DurationRange::exactly(outages.event_delay),
            ..Timings::default()
        },
        planned: planned.collect(),
        faults,
        ..RdsConfig::default()
    }
}

/// A database's DBInstanceIdentifier.
pub(super) fn identifier(database: usize) -> String {
    format!("db-{database:05}")
}

/// Which database an identifier stands for.
pub(super) fn database_of(identifier: &str) -> Option<usize> {
    identifier.strip_prefix("db-")?.parse().ok()
}

fn name(hop: Hop, database: usize) -> String {
    match hop {
        Hop::Snapshot => format!("s-{database:05}"),
        Hop::Copy => format!("c-{database:05}"),
    }
}

pub(super) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

pub(super) fn later_ms(at: Timestamp, ms: i64) -> Timestamp {
    later(at, SignedDuration::from_millis(ms))
}

pub(super) fn ms_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_calls_does_not_matter_to_the_rate() {
        let at = |seconds: i64| later(BEGIN, SignedDuration::from_secs(seconds));
        let windows = || Rate::new(RateShape::Windows, 12.0);
        let (mut rate, mut backwards) = (windows(), windows());
        let seconds = [3, 61, 1, 2, 65, 4, 12];
        let granted = |rate: &mut Rate, seconds: &mut dyn Iterator<Item = i64>| {
            seconds.filter(|s| rate.take(at(*s), 12.0)).count()
        };
        // Two calls in each ten seconds: of four in the first, of two in the seventh, of one in the second.
        assert_eq!(granted(&mut rate, &mut seconds.into_iter()), 5);
        assert_eq!(granted(&mut backwards, &mut seconds.into_iter().rev()), 5);
    }

    #[test]
    fn moved_windows_begin_half_a_window_later() {
        let granted = |shape| {
            let mut rate = Rate::new(shape, 12.0);
            let mut at =
                |seconds| rate.take(later(BEGIN, SignedDuration::from_secs(seconds)), 12.0);
            [1, 2, 6, 7, 11].map(&mut at)
        };
        // Two calls in each ten seconds.
        assert_eq!(
            granted(RateShape::Windows),
            [true, true, false, false, true]
        );
        assert_eq!(
            granted(RateShape::MovedWindows),
            [true, true, true, true, false]
        );
    }

    #[test]
    fn a_bucket_grants_what_it_holds_and_then_what_flows_in() {
        let mut rate = Rate::new(RateShape::Bucket, 12.0);
        let mut at = |seconds| rate.take(later(BEGIN, SignedDuration::from_secs(seconds)), 12.0);
        // It holds two, and one more comes every five seconds.
        assert_eq!(
            [0, 0, 0, 4, 5, 6, 10, 30, 30, 30].map(&mut at),
            [
                true, true, false, false, true, false, true, true, true, false
            ]
        );
    }

    #[test]
    fn a_bucket_takes_calls_in_any_order_of_their_times() {
        let mut rate = Rate::new(RateShape::Bucket, 12.0);
        let mut at = |seconds| rate.take(later(BEGIN, SignedDuration::from_secs(seconds)), 12.0);
        // What is empty at 30 was full at 0, and a token of 28 is one of those that are gone at 30.
        assert_eq!(
            [30, 30, 30, 0, 0, 0, 28, 35, 35].map(&mut at),
            [true, true, false, true, true, false, false, true, false]
        );
    }

    #[test]
    fn an_sdk_that_is_throttled_tries_as_often_as_it_may_and_every_try_is_counted() {
        let scarce = RdsOutages {
            rds_calls_per_minute: 1.0,
            ..RdsOutages::FAIR
        };
        let mut cloud = Cloud::new(&Trace::drawn(1, 1), scarce, 1);
        let once = Sdk {
            tries: 3,
            first_wait: SignedDuration::from_millis(1),
        };
        let mut call = || cloud.reach_rds(Hop::Snapshot, Operation::ListTags, BEGIN, once);
        assert_eq!(call(), Ok(BEGIN));
        assert!(call().is_err());
        assert_eq!((cloud.ledger.rds_calls(), cloud.ledger.throttled), (1, 3));
        assert_eq!(cloud.ledger.busiest_minute(), 4);
    }
}
