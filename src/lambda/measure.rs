//! The metrics that the functions print.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::announce::overdue;
use super::edge::{EdgeError, SweepAnswer, swept};
use crate::app::announce;
use crate::app::measure;
use crate::app::sweep::{self, SweeperConfig};
use crate::domain::id::arn::Family;
use crate::domain::operator::ages::{DatabaseAge, FleetAges};
use crate::domain::operator::metrics::{Metric, PERIOD};
use crate::json::metrics::line;
use crate::settings::Measuring;

/// How much earlier than `PERIOD` says it may measure: the schedule does not start the sweeper on the second, and a
/// measurement that slips into the next period leaves its own period without a value.
const EARLY: SignedDuration = SignedDuration::from_secs(30);

/// When this process measured last. A new process measures at once; two values in a period are one maximum.
#[derive(Debug)]
pub struct LastMeasured(AtomicI64);

impl Default for LastMeasured {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl LastMeasured {
    fn is_due(&self, now: Timestamp) -> bool {
        let last = self.0.load(Ordering::Relaxed);
        now.as_second().saturating_sub(last) >= (PERIOD - EARLY).as_secs()
    }

    /// When this process measured last. The process before it did so within a period, if the schedule runs.
    fn or_a_period_before(&self, now: Timestamp) -> Timestamp {
        let last = Timestamp::from_second(self.0.load(Ordering::Relaxed));
        last.unwrap_or_else(|_| now.saturating_sub(PERIOD).unwrap_or(Timestamp::MIN))
    }

    fn note(&self, now: Timestamp) {
        self.0.store(now.as_second(), Ordering::Relaxed);
    }
}

/// The sweeper: makes one sweep, and measures every five minutes, also where the sweep failed. If it `announces`, it then
/// publishes what has become overdue since it measured last. It does not read the event.
///
/// # Errors
/// If something could not be done.
pub async fn sweep<W>(
    world: &W,
    sweeper_config: &SweeperConfig,
    measuring: &Measuring,
    last: &LastMeasured,
    announces: bool,
    print: impl Fn(&str),
) -> Result<SweepAnswer, EdgeError>
where
    W: sweep::Permissions + measure::Permissions + announce::Permissions,
{
    let report = sweep::sweep(world, sweeper_config).await;
    let now = world.now();
    if !last.is_due(now) {
        return swept(report);
    }
    let namespace = &measuring.metrics.namespace;
    if let Ok(report) = &report {
        let oldest = report.oldest.map_or(SignedDuration::ZERO, |opened_at| {
            now.duration_since(opened_at)
        });
        let values = [
            (Metric::OpenWaits, count(report.open)),
            (Metric::OldestWait, oldest.as_secs_f64()),
        ];
        print(&line(namespace, now, &[], &values, &[]));
    }
    let ages = match measure::measure(world, measuring).await {
        Ok(ages) => ages,
        Err(error) => return swept(report).and(Err(EdgeError::MeasureFailed(error))),
    };
    print(&fleet_line(namespace, now, &ages));
    if measuring.metrics.per_database {
        for age in &ages.each {
            print(&database_line(namespace, now, age));
        }
    }
    if announces {
        let events = overdue(&ages, last.or_a_period_before(now));
        announce::announce(world, &sweeper_config.rules.stack, &events).await;
    }
    last.note(now);
    swept(report)
}

#[expect(clippy::cast_precision_loss, reason = "no fleet has 2^53 databases")]
fn count(number: usize) -> f64 {
    number as f64
}

fn fleet_line(namespace: &str, now: Timestamp, ages: &FleetAges) -> String {
    let oldest = ages.each.iter().filter_map(|age| age.age).max();
    let worst = ages
        .each
        .iter()
        .max_by(|a, b| a.of_rpo.total_cmp(&b.of_rpo))
        .map(|age| age.database.to_string());
    let overdue = ages.each.iter().filter(|age| age.is_overdue);
    let overdue: BTreeSet<String> = overdue.map(|age| age.database.to_string()).collect();
    let overdue: Vec<String> = overdue.into_iter().take(NAMED_MAX).collect();
    line(
        namespace,
        now,
        &[],
        &[
            (Metric::DatabasesOverdue, count(ages.overdue)),
            (Metric::DatabasesWithinRpo, count(ages.within_rpo)),
            (Metric::WorstAgeOfRpo, ages.worst_of_rpo),
        ],
        &[
            ("oldest_age_seconds", json!(oldest.map(|age| age.as_secs()))),
            ("worst_database", json!(worst)),
            ("overdue_databases", json!(overdue)),
        ],
    )
}

/// How many overdue databases a line names: CloudWatch takes 1 MB for a line, and a person reads fewer.
const NAMED_MAX: usize = 50;

fn database_line(namespace: &str, now: Timestamp, age: &DatabaseAge) -> String {
    let arn = &age.database;
    let name = match arn.family() {
        Family::Instance => arn.name().to_owned(),
        Family::Cluster => format!("cluster:{}", arn.name()),
    };
    let dimensions = [
        ("Region", arn.region().as_str()),
        ("Database", name.as_str()),
    ];
    let seconds = json!(age.age.map(|age| age.as_secs()));
    line(
        namespace,
        now,
        &dimensions,
        &[(Metric::AgeOfRpo, age.of_rpo)],
        &[("age_seconds", seconds)],
    )
}

/// The line of a round of the pruner: how long the quota lasts.
pub(super) fn quota_line(namespace: &str, now: Timestamp, days: i64) -> String {
    let days = u32::try_from(days).unwrap_or_default();
    let values = [(Metric::DaysToFullQuota, f64::from(days))];
    line(namespace, now, &[], &values, &[])
}
