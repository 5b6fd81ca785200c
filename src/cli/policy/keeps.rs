//! `snapferry policy keeps`: what a policy of a file keeps of some recovery points, and why. No AWS.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use super::apply::{File, write_faults};
use super::arguments::KeepsArguments;
use crate::aws::SystemClock;
use crate::cli::arguments::StackArguments;
use crate::cli::outcome::{CliError, Ended};
use crate::cli::show::{table, write_json, write_table};
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::file::{self, hint};
use crate::domain::policy::keep_span::KeepSpan;
use crate::domain::policy::rules::Unit;
use crate::domain::retention::forget::{Decision, ForgetRules, Point, forget};
use crate::ports::Clock;

/// How many recovery points a pattern may stand for: an hourly one for ten years has 87,660.
const POINTS_MAX: usize = 100_000;

/// How many of them a line of the strip shows.
const STRIP_WIDTH: usize = 100;

/// Which recovery points there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PointList {
    /// When each was taken, as a file lists them.
    Times(Vec<Timestamp>),
    /// One each hour, day and so on, back from now over this span.
    Every(Unit, KeepSpan),
}

impl PointList {
    /// Reads a pattern such as `daily:400d`; `None` if it is none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let Some((unit, span)) = text.split_once(':') else {
            return Ok(None);
        };
        let units = [
            Unit::Hourly,
            Unit::Daily,
            Unit::Weekly,
            Unit::Monthly,
            Unit::Yearly,
        ];
        let Some(unit) = units.into_iter().find(|known| known.as_str() == unit) else {
            return Ok(None);
        };
        let span = KeepSpan::parse(span).map_err(|error| error.to_string())?;
        Ok(Some(Self::Every(unit, span)))
    }

    /// The times, the oldest first for a pattern. Days and longer are the calendar's, in the policy's zone.
    fn times(self, now: Timestamp, zone: &TimeZone) -> Result<Vec<Timestamp>, String> {
        let (unit, span) = match self {
            Self::Times(times) => return Ok(times),
            Self::Every(unit, span) => (unit, span),
        };
        let newest = now.to_zoned(zone.clone());
        let after = span.before(&newest);
        let mut times = Vec::new();
        for nth in 0.. {
            let back = match unit {
                Unit::Hourly => nth.hours(),
                Unit::Weekly => nth.weeks(),
                Unit::Monthly => nth.months(),
                Unit::Yearly => nth.years(),
                Unit::Daily | Unit::Last => nth.days(),
            };
            let Ok(at) = newest.checked_sub(back) else {
                break;
            };
            if at.timestamp() <= after {
                break;
            }
            if times.len() == POINTS_MAX {
                return Err(format!("these are more than {POINTS_MAX} recovery points"));
            }
            times.push(at.timestamp());
        }
        times.reverse();
        Ok(times)
    }

    fn read(text: &str) -> Result<Self, CliError> {
        let fault = |what| CliError::Argument {
            name: "--points",
            what,
        };
        if let Some(pattern) = Self::parse(text).map_err(fault)? {
            return Ok(pattern);
        }
        let path = Path::new(text);
        let unreadable = |source| CliError::File {
            path: path.to_owned(),
            source,
        };
        let mut json = String::new();
        if text == "-" {
            io::stdin().read_to_string(&mut json).map_err(unreadable)?;
        } else {
            json = fs::read_to_string(path).map_err(unreadable)?;
        }
        let times = serde_json::from_str(&json).map_err(|error| {
            fault(format!(
                "{text} is not a JSON array of RFC 3339 times, such as [\"2026-11-28T03:00:00Z\"]: {error}"
            ))
        })?;
        Ok(Self::Times(times))
    }
}

pub(super) fn execute(
    arguments: &StackArguments,
    options: &KeepsArguments,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let points = PointList::read(&options.points)?;
    let file = File::read(&options.file)?;
    let now = options.now.unwrap_or_else(|| SystemClock.now());
    run_keeps(
        &file,
        &options.policy,
        points,
        now,
        arguments.format.is_json(),
        out,
    )
}

/// Shows what a policy of a file keeps.
///
/// # Errors
/// When there is no such policy, or the answer cannot be written. Faults of the file are part of the answer.
pub fn run_keeps(
    file: &File,
    policy: &PolicyName,
    points: PointList,
    now: Timestamp,
    as_json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let read = match &file.text {
        Ok(text) => file::read(text, None),
        Err(fault) => Err(vec![fault.clone()]),
    };
    let set = match read {
        Ok(read) => read.set,
        Err(faults) => return write_faults(out, &file.name, &faults, as_json),
    };
    let Some(spec) = set.policies.get(policy) else {
        let known = set.policies.keys().map(PolicyName::as_str);
        return Err(CliError::Argument {
            name: "--policy",
            what: format!(
                "{} has no policy {policy}{}",
                file.name,
                hint(policy.as_str(), known)
            ),
        });
    };
    let zone = spec.schedule.time_zone();
    let times = points.times(now, zone).map_err(|what| CliError::Argument {
        name: "--points",
        what,
    })?;
    let retention = &spec.options.retention;
    let by = ForgetRules {
        rules: &retention.rules(),
        min_keep: retention.min_keep(),
        zone,
    };
    let points: Vec<Point<usize>> = times
        .iter()
        .enumerate()
        .map(|(place, at)| Point::good(place, *at))
        .collect();
    let decisions = forget(by, &points, now);
    if as_json {
        let points = times
            .iter()
            .zip(&decisions)
            .map(|(at, decision)| PointJson {
                at: *at,
                keep: decision.keeps(),
                reasons: keep_reasons(decision),
            });
        let answer = KeepsJson {
            policy: policy.as_str(),
            now,
            points: points.collect(),
        };
        write_json(out, &answer)?;
    } else {
        write_kept(out, policy, zone, &times, &decisions)?;
    }
    Ok(Ended::Well)
}

/// Why it stays. The others need no reason: no rule keeps them.
fn keep_reasons(decision: &Decision) -> Vec<String> {
    match decision {
        Decision::Keep(_) => decision.reasons(),
        Decision::Remove(_) => Vec::new(),
    }
}

#[derive(Serialize)]
struct KeepsJson<'a> {
    policy: &'a str,
    now: Timestamp,
    points: Vec<PointJson>,
}

#[derive(Serialize)]
struct PointJson {
    at: Timestamp,
    keep: bool,
    reasons: Vec<String>,
}

fn write_kept(
    out: &mut impl Write,
    policy: &PolicyName,
    zone: &TimeZone,
    times: &[Timestamp],
    decisions: &[Decision],
) -> Result<(), CliError> {
    let mut all: Vec<(Timestamp, &Decision)> = times.iter().copied().zip(decisions).collect();
    all.sort_by_key(|(at, _)| *at);
    let kept = all.iter().filter(|(_, decision)| decision.keeps());
    let mut rows = table(["TAKEN", "KEPT BY"]);
    for (at, decision) in kept.clone().rev() {
        let local = at.to_zoned(zone.clone());
        rows.add_row([
            local.strftime("%Y-%m-%d %H:%M %Z, %a").to_string(),
            decision.reasons().join(", "),
        ]);
    }
    write_table(out, &rows)?;
    let (number, of) = (kept.count(), all.len());
    writeln!(
        out,
        "\n{policy} keeps {number} of {of}; the oldest first, # stays and . goes:"
    )?;
    let marks: Vec<char> = all
        .iter()
        .map(|(_, decision)| if decision.keeps() { '#' } else { '.' })
        .collect();
    for line in marks.chunks(STRIP_WIDTH) {
        writeln!(out, "{}", line.iter().collect::<String>())?;
    }
    Ok(())
}
