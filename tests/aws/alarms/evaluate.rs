//! How CloudWatch evaluates an alarm, by its user guide:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>.

use std::collections::BTreeMap;

/// What an alarm does with periods that have no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingData {
    AsMissing,
    Ignore,
    Breaching,
    NotBreaching,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Ok,
    Alarm,
    InsufficientData,
}

/// CloudWatch fetches more periods than it evaluates. The user guide's examples fetch two more.
const MORE: usize = 2;

/// The state by the periods of the evaluation range, the oldest first: whether each breaches; `None` if it has no value. `of` periods are evaluated, and `needed` of them must breach.
pub(crate) fn decide(
    range: &[Option<bool>],
    of: usize,
    needed: usize,
    missing: MissingData,
    before: State,
) -> State {
    let real: Vec<bool> = range.iter().flatten().copied().collect();
    let evaluated = &real[real.len().saturating_sub(of)..];
    let breaching = evaluated.iter().filter(|breaches| **breaches).count();
    let filled = of - evaluated.len();
    let by_count = |breaching| match breaching >= needed {
        true => State::Alarm,
        false => State::Ok,
    };
    if filled == 0 {
        return by_count(breaching);
    }
    let all_breach = breaching == real.len();
    match missing {
        MissingData::Breaching => by_count(breaching + filled),
        MissingData::NotBreaching => by_count(breaching),
        MissingData::AsMissing if real.is_empty() => State::InsufficientData,
        // The oldest value breaches, is old enough, and nothing since says otherwise.
        MissingData::AsMissing if all_breach => {
            let oldest = range.iter().position(Option::is_some).unwrap_or_default();
            match range.len() - oldest >= needed {
                true => State::Alarm,
                false => before,
            }
        }
        MissingData::Ignore if all_breach => before,
        MissingData::AsMissing | MissingData::Ignore => by_count(breaching),
    }
}

/// A value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) second: i64,
    pub(crate) namespace: String,
    pub(crate) metric: String,
    pub(crate) dimensions: BTreeMap<String, String>,
    pub(crate) value: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statistic {
    Maximum,
    Minimum,
    Sum,
}

/// An alarm of the template, with its parameters filled in.
#[derive(Debug, Clone)]
pub(crate) struct Alarm {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) metric: String,
    pub(crate) dimensions: BTreeMap<String, String>,
    pub(crate) statistic: Statistic,
    pub(crate) period: i64,
    pub(crate) of: usize,
    pub(crate) needed: usize,
    pub(crate) threshold: f64,
    pub(crate) rings_above: bool,
    pub(crate) missing: MissingData,
}

impl Alarm {
    /// The values of the alarm's own series.
    pub(crate) fn series<'a>(&self, points: &'a [Point]) -> Vec<&'a Point> {
        let is_its = |point: &&Point| {
            point.namespace == self.namespace
                && point.metric == self.metric
                && point.dimensions == self.dimensions
        };
        let mut series: Vec<&Point> = points.iter().filter(is_its).collect();
        series.sort_by_key(|point| point.second);
        series
    }

    /// The state at a second: CloudWatch evaluates once a minute, over periods that end at that minute.
    pub(crate) fn evaluate(&self, series: &[&Point], second: i64, before: State) -> State {
        let periods = i64::try_from(self.of + MORE).unwrap();
        let range: Vec<Option<bool>> = (0..periods)
            .rev()
            .map(|ago| {
                let end = second - ago * self.period;
                self.breaches(series, end - self.period, end)
            })
            .collect();
        decide(&range, self.of, self.needed, self.missing, before)
    }

    fn breaches(&self, series: &[&Point], from: i64, until: i64) -> Option<bool> {
        let begin = series.partition_point(|point| point.second < from);
        let end = series.partition_point(|point| point.second < until);
        let values = series[begin..end].iter().map(|point| point.value);
        let value = match self.statistic {
            Statistic::Maximum => values.reduce(f64::max)?,
            Statistic::Minimum => values.reduce(f64::min)?,
            Statistic::Sum => values.reduce(|a, b| a + b)?,
        };
        Some(match self.rings_above {
            true => value > self.threshold,
            false => value < self.threshold,
        })
    }
}
