//! Forget: the recovery points of one database under one policy, each with every reason why it stays or goes.
//!
//! The rules are restic's (`restic forget`), with one time zone for each policy, with jiff's months, and with an
//! order among equal instants.

use std::collections::BTreeMap;
use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::domain::policy::keep_span::KeepSpan;
use crate::domain::policy::rules::{Count, Rules, Unit};

/// What RDS and the table say of a recovery point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PointState {
    /// A database can be restored from it.
    Good,
    /// RDS is still at work on it, or shows a status that proves nothing.
    Unfinished,
    /// RDS gave it up.
    Failed,
    /// It is there and is not what was asked for; what is wrong with it.
    Mismatch(String),
}

/// A recovery point as forget sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point<I> {
    /// What it is called. Of two that were taken at the same instant, the one with the greater name is the newer.
    pub id: I,
    /// When its data was taken, where that is known.
    pub at: Option<Timestamp>,
    /// How it stands.
    pub state: PointState,
    /// Whether a person holds it.
    pub held: bool,
}

impl<I> Point<I> {
    /// A good one that nobody holds.
    pub const fn good(id: I, at: Timestamp) -> Self {
        Self {
            id,
            at: Some(at),
            state: PointState::Good,
            held: false,
        }
    }
}

/// Why a recovery point stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeepReason {
    /// It is the newest of its hour, day and so on, or one of the last.
    Newest(Unit),
    /// It is the oldest of all, and the count of this rule is not used up.
    Oldest(Unit),
    /// It is younger than the newest minus this span.
    Within(KeepSpan),
    /// It is within this span, and the newest of its hour, day and so on.
    NewestWithin(Unit, KeepSpan),
    /// It is within this span, and the oldest of all.
    OldestWithin(Unit, KeepSpan),
    /// The policy has no rule.
    NoRule,
    /// It is one of the newest good ones: a fixed number of them always stays.
    MinKeep,
    /// A person holds it.
    Held,
    /// Its time lies ahead of now.
    Future,
    /// Nobody knows when its data was taken.
    NoTime,
    /// It is not what was asked for. People remove these.
    Mismatch(String),
    /// RDS is still at work on it, or shows a status that proves nothing.
    Unfinished,
}

impl KeepReason {
    /// Whether it is a rule's word, and not a fact about the recovery point or about its policy.
    #[must_use]
    pub fn is_a_rules(&self) -> bool {
        match self {
            Self::Newest(_)
            | Self::Oldest(_)
            | Self::Within(_)
            | Self::NewestWithin(..)
            | Self::OldestWithin(..)
            | Self::MinKeep => true,
            Self::NoRule
            | Self::Held
            | Self::Future
            | Self::NoTime
            | Self::Mismatch(_)
            | Self::Unfinished => false,
        }
    }
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest(unit) => unit.fmt(f),
            Self::Oldest(unit) => write!(f, "oldest {unit}"),
            Self::Within(span) => write!(f, "within {span}"),
            Self::NewestWithin(unit, span) => write!(f, "{unit} within {span}"),
            Self::OldestWithin(unit, span) => write!(f, "oldest {unit} within {span}"),
            Self::NoRule => f.write_str("no rule"),
            Self::MinKeep => f.write_str("min_keep"),
            Self::Held => f.write_str("held"),
            Self::Future => f.write_str("later than now"),
            Self::NoTime => f.write_str("time unknown"),
            Self::Mismatch(what) => write!(f, "mismatch: {what}"),
            Self::Unfinished => f.write_str("unfinished"),
        }
    }
}

/// Why a recovery point may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveReason {
    /// No rule keeps it.
    NoRuleKeepsIt,
    /// RDS gave it up, so no rule counts it.
    Failed,
    /// Its database is gone, and a person wants even the last ones removed.
    LastOfGone,
}

impl fmt::Display for RemoveReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRuleKeepsIt => "no rule keeps it",
            Self::Failed => "RDS reports it as failed",
            Self::LastOfGone => "its database is gone, and a person said so",
        })
    }
}

/// The decision about a recovery point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It stays, for each of these reasons.
    Keep(Vec<KeepReason>),
    /// It may go.
    Remove(RemoveReason),
}

impl Decision {
    /// Whether it stays.
    #[must_use]
    pub fn keeps(&self) -> bool {
        matches!(self, Self::Keep(_))
    }

    /// The decision if a person wants even the last ones of a database that is gone removed. That overrides rules and
    /// nothing else.
    #[must_use]
    pub fn without_rules(self) -> Self {
        match self {
            Self::Keep(reasons) if reasons.iter().all(KeepReason::is_a_rules) => {
                Self::Remove(RemoveReason::LastOfGone)
            }
            other => other,
        }
    }

    /// Every reason, in words.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        match self {
            Self::Keep(reasons) => reasons.iter().map(ToString::to_string).collect(),
            Self::Remove(reason) => vec![reason.to_string()],
        }
    }
}

/// The rules by which recovery points stay.
#[derive(Debug, Clone, Copy)]
pub struct ForgetRules<'a> {
    /// The policy's rules.
    pub rules: &'a Rules,
    /// How many good ones always stay.
    pub min_keep: usize,
    /// The zone whose hours, days and weeks count.
    pub zone: &'a TimeZone,
}

/// Decides about each recovery point, in the order in which they are given.
///
/// Only good ones whose time is known and has come count. `within` counts back from the newest of them and not from
/// now, so that a database of which no more come never loses its last ones by age alone.
#[must_use]
pub fn forget<I: Ord>(by: ForgetRules<'_>, points: &[Point<I>], now: Timestamp) -> Vec<Decision> {
    let mut reasons: Vec<Vec<KeepReason>> = points
        .iter()
        .map(|point| reasons_of_its_own(point, now))
        .collect();
    let counted = newest_first(points, now);
    for (at, kept) in keep_by_rules(by, &counted) {
        reasons[at].extend(kept);
    }
    let decide = |(point, mut reasons): (&Point<I>, Vec<KeepReason>)| match &point.state {
        _ if !reasons.is_empty() => {
            // A region has many thousands of these.
            reasons.shrink_to_fit();
            Decision::Keep(reasons)
        }
        _ if by.rules.is_empty() => Decision::Keep(vec![KeepReason::NoRule]),
        PointState::Failed => Decision::Remove(RemoveReason::Failed),
        PointState::Good | PointState::Unfinished | PointState::Mismatch(_) => {
            Decision::Remove(RemoveReason::NoRuleKeepsIt)
        }
    };
    points.iter().zip(reasons).map(decide).collect()
}

/// Why it stays, regardless of the rules.
fn reasons_of_its_own<I>(point: &Point<I>, now: Timestamp) -> Vec<KeepReason> {
    let held = point.held.then_some(KeepReason::Held);
    let state = match &point.state {
        PointState::Good => match point.at {
            None => Some(KeepReason::NoTime),
            Some(at) => (at > now).then_some(KeepReason::Future),
        },
        PointState::Failed => None,
        PointState::Unfinished => Some(KeepReason::Unfinished),
        PointState::Mismatch(what) => Some(KeepReason::Mismatch(what.clone())),
    };
    held.into_iter().chain(state).collect()
}

/// The places and times of those that count.
fn newest_first<I: Ord>(points: &[Point<I>], now: Timestamp) -> Vec<(usize, Timestamp)> {
    let mut counted: Vec<(usize, Timestamp)> = points
        .iter()
        .enumerate()
        .filter(|(_, point)| point.state == PointState::Good)
        .filter_map(|(place, point)| Some((place, point.at.filter(|at| *at <= now)?)))
        .collect();
    counted.sort_by(|(a, at_a), (b, at_b)| {
        at_b.cmp(at_a)
            .then_with(|| points[*b].id.cmp(&points[*a].id))
    });
    counted
}

fn keep_by_rules(
    by: ForgetRules<'_>,
    counted: &[(usize, Timestamp)],
) -> Vec<(usize, Vec<KeepReason>)> {
    let Some((_, newest)) = counted.first() else {
        return Vec::new();
    };
    let newest = newest.to_zoned(by.zone.clone());
    let rules = by.rules;
    let mut counts: Vec<(Unit, Count, Option<Bucket>)> = rules
        .counts
        .iter()
        .map(|(unit, count)| (*unit, *count, None))
        .collect();
    let within = rules.within.map(|span| (span, span.before(&newest)));
    let mut within_each: Vec<(Unit, KeepSpan, Timestamp, Option<Bucket>)> = rules
        .within_each
        .iter()
        .map(|(unit, span)| (*unit, *span, span.before(&newest), None))
        .collect();
    let mut used: BTreeMap<Unit, u32> = BTreeMap::new();
    let mut kept = Vec::with_capacity(counted.len());
    for (nth, (place, at)) in counted.iter().enumerate() {
        let is_oldest = nth + 1 == counted.len();
        let mut reasons = Vec::new();
        for (unit, count, last) in &mut counts {
            let used = used.entry(*unit).or_default();
            if matches!(count, Count::Number(number) if *used >= number.get()) {
                continue;
            }
            let bucket = Bucket::of(*unit, nth, *at, by.zone);
            let is_new = last.replace(bucket) != *last;
            if !is_new && !is_oldest {
                continue;
            }
            *used += 1;
            reasons.push(if is_new {
                KeepReason::Newest(*unit)
            } else {
                KeepReason::Oldest(*unit)
            });
        }
        if let Some((span, after)) = within
            && *at > after
        {
            reasons.push(KeepReason::Within(span));
        }
        for (unit, span, after, last) in &mut within_each {
            if *at <= *after {
                continue;
            }
            let bucket = Bucket::of(*unit, nth, *at, by.zone);
            let is_new = last.replace(bucket) != *last;
            if is_new {
                reasons.push(KeepReason::NewestWithin(*unit, *span));
            } else if is_oldest {
                reasons.push(KeepReason::OldestWithin(*unit, *span));
            }
        }
        if nth < by.min_keep && reasons.is_empty() && !rules.is_empty() {
            reasons.push(KeepReason::MinKeep);
        }
        kept.push((*place, reasons));
    }
    kept
}

/// What two recovery points share when a rule takes only one of them. Only buckets of one unit are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bucket {
    Nth(usize),
    /// A local hour that comes twice is one.
    Hour(i16, i8, i8, i8),
    Day(i16, i8, i8),
    /// The year is the week's own: the days around New Year belong to a week of one year.
    Week(i16, i8),
    Month(i16, i8),
    Year(i16),
}

impl Bucket {
    fn of(unit: Unit, nth: usize, at: Timestamp, zone: &TimeZone) -> Self {
        let local: Zoned = at.to_zoned(zone.clone());
        let (year, month, day) = (local.year(), local.month(), local.day());
        match unit {
            Unit::Last => Self::Nth(nth),
            Unit::Hourly => Self::Hour(year, month, day, local.hour()),
            Unit::Daily => Self::Day(year, month, day),
            Unit::Weekly => {
                let week = local.date().iso_week_date();
                Self::Week(week.year(), week.week())
            }
            Unit::Monthly => Self::Month(year, month),
            Unit::Yearly => Self::Year(year),
        }
    }
}
