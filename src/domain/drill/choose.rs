//! Which databases are drilled now, and why each of the others is not.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::cost::dollars;
use super::options::DrillOptions;
use super::plan::DrillStop;
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::tags::PolicyName;

/// A database that may be drilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillCandidate {
    /// The database.
    pub database: DatabaseRef,
    /// The policy that protects it.
    pub policy: PolicyName,
    /// What the policy says of drills.
    pub options: Option<DrillOptions>,
    /// Whether it has a good recovery point.
    pub has_point: bool,
    /// When its last drill that came to a result at the level of its policy ended.
    pub last: Option<Timestamp>,
    /// Whether a drill of it has begun and is not over.
    pub is_open: bool,
    /// What stops its plan, if it has one.
    pub stops: Vec<DrillStop>,
    /// What its drill costs at most, in cents, if it can be told.
    pub cents: Option<u64>,
}

/// Why a database is drilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillReason {
    /// Its drill has begun and is not over.
    GoesOn,
    /// It never was, at the level of its policy.
    Never,
    /// Its last drill is this long ago.
    Due(Timestamp),
    /// A person asks for it.
    Asked,
}

impl fmt::Display for DrillReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GoesOn => f.write_str("its drill has begun and goes on"),
            Self::Never => f.write_str("it was never drilled to the level of its policy"),
            Self::Due(last) => write!(f, "it is due: its last drill ended at {last}"),
            Self::Asked => f.write_str("it was asked for"),
        }
    }
}

/// Why a database is not drilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotDrilled {
    /// Its policy says nothing of drills.
    NoOptions,
    /// It has no good recovery point.
    NoPoint,
    /// It is due at this time.
    NotDue(Timestamp),
    /// The policy's sample is full.
    Sample(usize),
    /// The policy's ceiling, in US dollars, would be passed.
    Ceiling(u32),
    /// Nobody can tell what it costs, and the policy has a ceiling.
    UnknownCost(u32),
    /// A person has frozen all removal, and no drill begins meanwhile.
    Frozen,
    /// Its plan is stopped.
    Stopped(Vec<DrillStop>),
}

impl NotDrilled {
    /// Its name in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoOptions => "no-drill-in-policy",
            Self::NoPoint => "no-recovery-point",
            Self::NotDue(_) => "not-due",
            Self::Sample(_) => "sample-full",
            Self::Ceiling(_) => "cost-ceiling",
            Self::UnknownCost(_) => "cost-unknown",
            Self::Frozen => "frozen",
            Self::Stopped(_) => "stopped",
        }
    }

    /// Whether a person must act before it can be drilled.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        match self {
            Self::NoPoint
            | Self::Frozen
            | Self::Ceiling(_)
            | Self::UnknownCost(_)
            | Self::Stopped(_) => true,
            Self::NoOptions | Self::NotDue(_) | Self::Sample(_) => false,
        }
    }
}

impl fmt::Display for NotDrilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOptions => {
                f.write_str("its policy has no table drill, so nothing says where and how")
            }
            Self::NoPoint => f.write_str("it has no good recovery point"),
            Self::NotDue(at) => write!(f, "it is due at {at}"),
            Self::Sample(number) => write!(
                f,
                "the policy's sample of {number} is full, and others were not drilled for longer"
            ),
            Self::Ceiling(ceiling) => write!(
                f,
                "with it the drills could cost more than the policy's ceiling of {}",
                dollars(u64::from(*ceiling) * 100)
            ),
            Self::UnknownCost(ceiling) => write!(
                f,
                "nobody can tell here what it costs, and the policy has a ceiling of {}",
                dollars(u64::from(*ceiling) * 100)
            ),
            Self::Frozen => f.write_str("a person has frozen all removal, so no drill begins"),
            Self::Stopped(stops) => {
                let stops: Vec<String> = stops.iter().map(ToString::to_string).collect();
                f.write_str(&stops.join("; "))
            }
        }
    }
}

/// When a database is due for its next drill.
#[must_use]
pub fn due_at(options: &DrillOptions, last: Option<Timestamp>) -> Option<Timestamp> {
    last.map(|last| last + options.every.duration())
}

/// Decides about each of these: which are drilled, in which order, and why. `is_asked` are those that a person names;
/// neither their time nor the policy's sample counts.
#[must_use]
pub fn choose_drills(
    candidates: &[DrillCandidate],
    is_asked: bool,
    now: Timestamp,
) -> Vec<(usize, Result<DrillReason, NotDrilled>)> {
    let mut by_age: Vec<usize> = (0..candidates.len()).collect();
    by_age.sort_by_key(|at| {
        let one = &candidates[*at];
        let name = (&one.database.arn, &one.database.resource_id);
        (!one.is_open, one.last, name.0.to_string(), name.1.clone())
    });
    let mut chosen: BTreeMap<&PolicyName, (usize, u64)> = BTreeMap::new();
    let mut decided = Vec::new();
    for at in by_age {
        let one = &candidates[at];
        let of_policy = chosen.entry(&one.policy).or_default();
        let decision = decide(one, *of_policy, is_asked, now);
        if decision.is_ok() {
            of_policy.0 += 1;
            of_policy.1 += one.cents.unwrap_or_default();
        }
        decided.push((at, decision));
    }
    decided
}

fn decide(
    one: &DrillCandidate,
    (number, cents): (usize, u64),
    is_asked: bool,
    now: Timestamp,
) -> Result<DrillReason, NotDrilled> {
    if one.is_open {
        return Ok(DrillReason::GoesOn);
    }
    let options = one.options.as_ref().ok_or(NotDrilled::NoOptions)?;
    if !one.has_point {
        return Err(NotDrilled::NoPoint);
    }
    let reason = match (is_asked, one.last) {
        (true, _) => DrillReason::Asked,
        (false, None) => DrillReason::Never,
        (false, Some(last)) => match due_at(options, one.last) {
            Some(due) if now < due => return Err(NotDrilled::NotDue(due)),
            _ => DrillReason::Due(last),
        },
    };
    if !one.stops.is_empty() {
        return Err(NotDrilled::Stopped(one.stops.clone()));
    }
    if !is_asked && number >= options.sample.limit() {
        return Err(NotDrilled::Sample(options.sample.limit()));
    }
    if let Some(ceiling) = options.cost_ceiling {
        let own = one.cents.ok_or(NotDrilled::UnknownCost(ceiling))?;
        if cents + own > u64::from(ceiling) * 100 {
            return Err(NotDrilled::Ceiling(ceiling));
        }
    }
    Ok(reason)
}
