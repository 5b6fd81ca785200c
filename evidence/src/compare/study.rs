//! All runs of a comparison: every design, every fleet, every delay and loss of events.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use serde::Serialize;
use snapferry::domain::policy::spread::Spread;

use super::bound::{bound, first_come_first_served};
use super::cloud::{Cloud, RateShape, RdsOutages};
use super::drive::drive;
use super::loops::{
    CRON_EVERY_30_MINUTES, CRON_WITH_RETRY_300, Cron, EventThenWait, RERUN_60, Sleeper, StepLoop,
    WAIT_300_PATIENT,
};
use super::trace::Trace;
use super::with_snapferry::Snapferry;
use snapferry_sim::rds::COPIES_IN_FLIGHT;

/// From what happened to its event's arrival, in seconds.
pub(super) const EVENT_DELAYS: [i64; 4] = [0, 5, 60, 300];
/// The shares of events that are lost.
pub(super) const LOSSES: [f64; 2] = [0.0, 0.05];

/// A design that makes recovery points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Design {
    /// This project.
    Snapferry,
    /// A Lambda that is run again every 60 s.
    #[serde(rename = "rerun-60")]
    Rerun60,
    /// Wait 300 s, 60 polls; a refused copy is asked for again at the next poll.
    #[serde(rename = "wait-300-patient")]
    Wait300Patient,
    /// Wait 300 s, 60 polls, as DRACO is written.
    #[serde(rename = "wait-300-as-written")]
    Wait300,
    /// A cron whose state is retried every 300 s.
    #[serde(rename = "cron-retry-300")]
    CronRetry300,
    /// A Lambda that sleeps 15 s between looks, for five hops.
    #[serde(rename = "sleep-15")]
    Sleep15,
    /// A cron every 30 minutes.
    #[serde(rename = "cron-30-min")]
    Cron30,
    /// This project, where the windows of RDS's rate begin five seconds later.
    SnapferryMovedWindows,
    /// This project, where RDS counts its rate by a bucket of tokens.
    SnapferryBucket,
    /// This project, whose policy spreads its databases over the usual half an hour.
    SnapferrySpread,
}

impl Design {
    /// All of them, Snapferry first.
    pub const ALL: [Self; 7] = [
        Self::Snapferry,
        Self::Rerun60,
        Self::Wait300Patient,
        Self::Wait300,
        Self::CronRetry300,
        Self::Sleep15,
        Self::Cron30,
    ];

    /// Snapferry once more, where RDS counts calls otherwise, or where its policy has a spread: each is run once for each
    /// fleet, with events at once and none lost.
    pub const VARIANTS: [Self; 3] = [
        Self::SnapferryMovedWindows,
        Self::SnapferryBucket,
        Self::SnapferrySpread,
    ];

    /// Its name in tables, charts and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Snapferry => "snapferry",
            Self::Rerun60 => "rerun-60",
            Self::Wait300Patient => "wait-300-patient",
            Self::Wait300 => "wait-300-as-written",
            Self::CronRetry300 => "cron-retry-300",
            Self::Sleep15 => "sleep-15",
            Self::Cron30 => "cron-30-min",
            Self::SnapferryMovedWindows => "snapferry-moved-windows",
            Self::SnapferryBucket => "snapferry-bucket",
            Self::SnapferrySpread => "snapferry-spread",
        }
    }

    fn rate_shape(self) -> RateShape {
        match self {
            Self::SnapferryMovedWindows => RateShape::MovedWindows,
            Self::SnapferryBucket => RateShape::Bucket,
            _ => RateShape::Windows,
        }
    }

    /// Whether RDS's events make any difference to it.
    #[must_use]
    pub fn listens(self) -> bool {
        matches!(self, Self::Snapferry | Self::Wait300)
    }
}

/// The result of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Whose.
    pub design: Design,
    /// How many databases.
    pub databases: usize,
    /// From what happened to its event's arrival.
    pub event_delay_seconds: i64,
    /// The share of events that were lost.
    pub events_lost: f64,
    /// Recovery points that are there and known to be.
    pub made: usize,
    /// Recovery points that are not.
    pub lost: usize,
    /// Of those, copies that RDS finished all the same, and nobody knows it.
    pub there_but_unnoticed: usize,
    /// From ready to noticed, snapshots and copies together: the median.
    pub lag_p50_seconds: Option<f64>,
    /// The same: the 99th percentile.
    pub lag_p99_seconds: Option<f64>,
    /// Snapferry's messages that ended in a dead-letter queue. The sweep sends their commands again.
    pub dead_letters: u64,
    /// The 99th percentile in another run, without a rate limit. Only where Snapferry lost events and was throttled.
    pub lag_p99_unthrottled_seconds: Option<f64>,
    /// Until the last recovery point was noticed.
    pub hours: f64,
    /// What no design can beat with RDS's places for copies, on these durations.
    pub bound_hours: f64,
    /// What a queue over the same places would need: first come, first served, each place handed on in no time.
    pub reference_hours: f64,
    /// State transitions.
    pub transitions: u64,
    /// Lambda invocations.
    pub invocations: u64,
    /// Lambda GB-seconds.
    pub gb_seconds: f64,
    /// The longest Lambda invocation.
    pub longest_invocation_seconds: f64,
    /// RDS calls that RDS answered.
    pub rds_calls: u64,
    /// RDS calls that were throttled, in addition.
    pub rds_throttled: u64,
    /// RDS calls for each recovery point made.
    pub rds_calls_per_made: Option<f64>,
    /// The most RDS calls of one minute, throttled ones included.
    pub rds_busiest_minute: u32,
    /// RDS calls by operation.
    pub rds_operations: BTreeMap<&'static str, u64>,
    /// DynamoDB's write units.
    pub write_units: u64,
    /// What all of it costs at list prices.
    pub dollars: f64,
    /// The same for 1,000 recovery points made.
    pub dollars_per_1000: Option<f64>,
}

/// Runs one design over the rows of a trace.
#[must_use]
pub fn run(design: Design, trace: &Trace, outages: RdsOutages, seed: u64) -> Figures {
    run_with(design, trace, outages, seed, false)
}

/// As [`run`]; `whole_queue` shows Snapferry's sweep the whole queue for copy slots.
pub(super) fn run_with(
    design: Design,
    trace: &Trace,
    outages: RdsOutages,
    seed: u64,
    whole_queue: bool,
) -> Figures {
    let outages = RdsOutages {
        rate_shape: design.rate_shape(),
        ..outages
    };
    let mut cloud = Cloud::new(trace, outages, seed);
    let n = trace.rows.len();
    match design {
        Design::Snapferry | Design::SnapferryMovedWindows | Design::SnapferryBucket => {
            drive(&mut Snapferry::new(whole_queue, Spread::NONE), &mut cloud)
        }
        Design::SnapferrySpread => {
            drive(&mut Snapferry::new(whole_queue, Spread::USUAL), &mut cloud)
        }
        Design::Rerun60 => drive(&mut StepLoop::new(RERUN_60, n), &mut cloud),
        Design::Wait300Patient => drive(&mut StepLoop::new(WAIT_300_PATIENT, n), &mut cloud),
        Design::Wait300 => drive(&mut EventThenWait::new(n), &mut cloud),
        Design::CronRetry300 => drive(&mut Cron::new(CRON_WITH_RETRY_300, n), &mut cloud),
        Design::Sleep15 => drive(&mut Sleeper::new(n), &mut cloud),
        Design::Cron30 => drive(&mut Cron::new(CRON_EVERY_30_MINUTES, n), &mut cloud),
    }
    figures(design, trace, outages, &mut cloud)
}

fn figures(design: Design, trace: &Trace, outages: RdsOutages, cloud: &mut Cloud) -> Figures {
    // Work that is unfinished when the design has ended still comes to its end.
    cloud.rds.advance(jiff::Timestamp::MAX);
    let home = cloud.home.clone();
    let ready = cloud.rds.snapshots(&home).count();
    let ledger = &cloud.ledger;
    let made = ledger.made();
    let each = |total: f64| (made > 0).then(|| total / made as f64);
    let seconds = |share: f64| ledger.lag(share).map(|lag| lag.as_secs_f64());
    Figures {
        design,
        databases: cloud.databases,
        event_delay_seconds: outages.event_delay.as_secs(),
        events_lost: outages.events_lost,
        made,
        lost: ledger.lost(),
        there_but_unnoticed: ready.saturating_sub(made),
        lag_p50_seconds: seconds(0.5),
        lag_p99_seconds: seconds(0.99),
        lag_p99_unthrottled_seconds: None,
        dead_letters: ledger.dead_letters,
        hours: hours(ledger.took()),
        bound_hours: hours(bound(trace, COPIES_IN_FLIGHT)),
        reference_hours: hours(first_come_first_served(trace, COPIES_IN_FLIGHT)),
        transitions: ledger.transitions,
        invocations: ledger.invocations,
        gb_seconds: ledger.gb_seconds(),
        longest_invocation_seconds: ledger.longest_ms as f64 / 1_000.0,
        rds_calls: ledger.rds_calls(),
        rds_throttled: ledger.throttled,
        rds_calls_per_made: each(ledger.rds_calls() as f64),
        rds_busiest_minute: ledger.busiest_minute(),
        rds_operations: ledger.answered.clone(),
        write_units: ledger.write_units,
        dollars: ledger.dollars(),
        dollars_per_1000: each(ledger.dollars() * 1_000.0),
    }
}

fn hours(duration: SignedDuration) -> f64 {
    duration.as_secs_f64() / 3_600.0
}

/// All runs of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Study {
    /// The seed.
    pub seed: u64,
    /// How many calls RDS allows, as in [`RdsOutages`].
    pub rds_calls_per_minute: f64,
    /// Every design on every fleet, with every delay and loss of events. A design that events do not affect is run once
    /// for each fleet, and its figures count for every delay and loss. After each fleet's come those of
    /// [`Design::VARIANTS`].
    pub figures: Vec<Figures>,
}

impl Study {
    /// The figures of one run.
    #[must_use]
    pub fn of(&self, design: Design, databases: usize, delay: i64, lost: f64) -> Option<&Figures> {
        self.figures.iter().find(|f| {
            (f.design, f.databases) == (design, databases)
                && (f.event_delay_seconds, f.events_lost) == (delay, lost)
        })
    }

    /// The fleets there are, smallest first.
    #[must_use]
    pub fn fleets(&self) -> Vec<usize> {
        let mut fleets: Vec<usize> = self.figures.iter().map(|f| f.databases).collect();
        fleets.sort_unstable();
        fleets.dedup();
        fleets
    }
}

/// Every delay and loss of events, beginning with no delay and no loss.
pub(super) fn event_conditions(rds_calls_per_minute: f64) -> impl Iterator<Item = RdsOutages> {
    LOSSES.into_iter().flat_map(move |events_lost| {
        EVENT_DELAYS.into_iter().map(move |seconds| RdsOutages {
            event_delay: SignedDuration::from_secs(seconds),
            events_lost,
            rds_calls_per_minute,
            rate_shape: RateShape::Windows,
        })
    })
}

/// Runs everything, this many at once. The same for any number of threads. `progress` hears of each run that
/// is done.
#[must_use]
pub fn study(
    trace: Option<&Trace>,
    fleets: &[usize],
    seed: u64,
    rds_calls_per_minute: f64,
    threads: usize,
    progress: &(dyn Fn(&Figures) + Sync),
) -> Study {
    let fair = event_conditions(rds_calls_per_minute).next();
    let mut jobs = Vec::new();
    for &databases in fleets {
        for outages in event_conditions(rds_calls_per_minute) {
            let designs = Design::ALL
                .into_iter()
                .filter(|d| d.listens() || Some(outages) == fair);
            jobs.extend(designs.map(|design| (databases, outages, design)));
        }
        let others = Design::VARIANTS.into_iter();
        jobs.extend(fair.into_iter().flat_map(|outages| {
            let with = move |design| (databases, outages, design);
            others.clone().map(with)
        }));
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<BTreeMap<usize, Figures>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&(databases, outages, design)) = jobs.get(n) else {
                        break;
                    };
                    let rows = match trace {
                        Some(trace) => trace.of_fleet(databases),
                        None => Trace::drawn(seed, databases),
                    };
                    let mut figures = run(design, &rows, outages, seed);
                    figures.lag_p99_unthrottled_seconds =
                        unthrottled(&figures, &rows, outages, seed);
                    progress(&figures);
                    let mut done = done
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    done.insert(n, figures);
                }
            });
        }
    });
    let done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let run: Vec<Figures> = done.into_values().collect();
    Study {
        seed,
        rds_calls_per_minute,
        figures: in_every_weather(&run, fleets),
    }
}

/// What the promise about lost events is measured by: the design makes it for calls that are not throttled.
fn unthrottled(limited: &Figures, rows: &Trace, outages: RdsOutages, seed: u64) -> Option<f64> {
    let asks = limited.design == Design::Snapferry
        && limited.events_lost > 0.0
        && limited.rds_throttled > 0;
    let free = RdsOutages {
        rds_calls_per_minute: f64::INFINITY,
        ..outages
    };
    asks.then(|| run(Design::Snapferry, rows, free, seed).lag_p99_seconds)?
}

/// The figures of a design that events do not affect count for every delay and loss.
fn in_every_weather(run: &[Figures], fleets: &[usize]) -> Vec<Figures> {
    let mut all = Vec::new();
    for &databases in fleets {
        for outages in event_conditions(0.0) {
            let (delay, lost) = (outages.event_delay.as_secs(), outages.events_lost);
            for design in Design::ALL {
                let found = run.iter().find(|f| {
                    let same = f.event_delay_seconds == delay && f.events_lost == lost;
                    (f.design, f.databases) == (design, databases) && (same || !design.listens())
                });
                all.extend(found.cloned().map(|figures| Figures {
                    event_delay_seconds: delay,
                    events_lost: lost,
                    ..figures
                }));
            }
        }
        let others =
            |f: &&Figures| f.databases == databases && Design::VARIANTS.contains(&f.design);
        all.extend(run.iter().filter(others).cloned());
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use snapferry_sim::faults::{Fault, World};

    use super::super::ledger::Hop;
    use super::*;

    #[test]
    fn the_cut_of_the_queue_changes_no_figure() {
        // A hundred databases pass through twenty slots: most of them queue.
        let trace = Trace::drawn(7, 100);
        let outages = RdsOutages {
            event_delay: SignedDuration::from_secs(5),
            events_lost: 0.05,
            ..RdsOutages::FAIR
        };
        let cut = run_with(Design::Snapferry, &trace, outages, 7, false);
        let whole = run_with(Design::Snapferry, &trace, outages, 7, true);
        assert_eq!(cut, whole);
        assert_eq!(cut.made, 100);
    }

    #[test]
    fn the_weathers_have_the_faults_that_the_list_says() {
        let mut faults = BTreeSet::new();
        for outages in event_conditions(30.0) {
            let RdsOutages {
                event_delay,
                events_lost,
                rds_calls_per_minute: _,
                rate_shape: _,
            } = outages;
            let figures = run(Design::Snapferry, &Trace::drawn(4, 150), outages, 4);
            let found = [
                (Fault::EventsLost, events_lost > 0.0),
                (Fault::EventsLate, event_delay.is_positive()),
                (Fault::Throttling, figures.rds_throttled > 0),
            ];
            let found = found.into_iter().filter(|(_, is_there)| *is_there);
            faults.extend(found.map(|(fault, _)| fault));
        }
        assert!(faults.into_iter().eq(Fault::of(World::Comparison)));
    }

    #[test]
    fn the_ledger_knows_both_hops() {
        let mut cloud = Cloud::new(&Trace::drawn(1, 3), RdsOutages::FAIR, 1);
        drive(&mut StepLoop::new(RERUN_60, 3), &mut cloud);
        for database in 0..3 {
            assert!(cloud.ledger.is_noticed(Hop::Snapshot, database));
            assert!(cloud.ledger.is_noticed(Hop::Copy, database));
        }
    }
}
