//! Whether a database that is due gets its recovery point now, or waits for the next due time.

use std::fmt;

use jiff::Timestamp;

use super::in_force::Policy;
use super::rpo::rpo;
use super::spec::Source;
use crate::domain::id::text::ParseError;

/// When databases start that have no recovery point when they are first seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FirstRun {
    /// They wait for their policy's first due time.
    #[default]
    Wait,
    /// They start at once, as if the last due time were just over.
    Now,
}

impl FirstRun {
    /// Reads the word of the template's parameter.
    ///
    /// # Errors
    /// The word, and what is expected.
    pub fn parse(word: &str) -> Result<Self, ParseError> {
        match word {
            "wait" => Ok(Self::Wait),
            "now" => Ok(Self::Now),
            _ => Err(ParseError::new(
                word,
                "wait or now: what a database without a recovery point does",
            )),
        }
    }
}

/// The newest recovery point of a database, as the catalog knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newest {
    /// It has none.
    None,
    /// It has one, and nobody knows when its data was taken.
    Undated,
    /// Its data was taken at this time.
    At(Timestamp),
}

/// What the decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct DueDatabase<'a> {
    /// Its policy.
    pub policy: &'a Policy,
    /// Its own time of the due time.
    pub own: Timestamp,
    /// Its first own time after now.
    pub next: Option<Timestamp>,
    /// Whether the policy was planned in this region before.
    pub planned_before: bool,
    /// Its newest recovery point.
    pub newest: Newest,
}

/// Why a database waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsWhy {
    /// It has no recovery point yet, and the template's `FirstRun` says `wait`.
    FirstRun,
    /// The due time is longer ago than its policy's `catch_up`, and its recovery point is young enough until the next.
    TooLate,
    /// Its own time within its policy's `spread` has not come.
    OwnTime,
}

/// A database waits for this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// Its next own time.
    pub until: Timestamp,
    /// The reason.
    pub why: WaitsWhy,
}

impl WaitsWhy {
    /// Its name in JSON and in the planner's counts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstRun => "first-run",
            Self::TooLate => "too-late",
            Self::OwnTime => "own-time",
        }
    }
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waits until {}: ", self.until)?;
        f.write_str(match self.why {
            WaitsWhy::FirstRun => "it has no recovery point yet, and FirstRun is wait",
            WaitsWhy::TooLate => {
                "the due time is longer ago than its policy's catch_up, and its recovery point stays within its RPO"
            }
            WaitsWhy::OwnTime => "its own time within its policy's spread",
        })
    }
}

/// Whether a database waits; `None` if its run starts now.
///
/// A due time is made up for within its policy's `catch_up`. Later, only a database whose newest recovery point would
/// pass its RPO before the next due time is made up for, at any hour. A set that was applied before there was
/// `catch_up` makes up for every due time. Copying an automated snapshot asks nothing of the database, so it never
/// waits.
#[must_use]
pub fn waits(of: &DueDatabase<'_>, first_run: FirstRun, now: Timestamp) -> Option<Waits> {
    let options = &of.policy.options;
    if options.source == Source::Automated {
        return None;
    }
    let until = of.next?;
    let is_first = of.newest == Newest::None;
    if is_first && !of.planned_before {
        let why = WaitsWhy::FirstRun;
        return (first_run == FirstRun::Wait).then_some(Waits { until, why });
    }
    let catch_up = options.catch_up?.duration();
    if now.duration_since(of.own) <= catch_up {
        return None;
    }
    match of.newest {
        Newest::None => {
            let why = WaitsWhy::FirstRun;
            (first_run == FirstRun::Wait).then_some(Waits { until, why })
        }
        Newest::Undated => None,
        Newest::At(taken) => {
            let too_old_at = taken.checked_add(rpo(of.policy, now)).ok()?;
            let why = WaitsWhy::TooLate;
            (too_old_at > until).then_some(Waits { until, why })
        }
    }
}
