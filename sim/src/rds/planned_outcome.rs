//! The one place where things are made to go wrong.
//!
//! When a snapshot or a copy is accepted, its [`PlannedOutcome`] is fixed: how it ends, which events
//! it sends, and how far describe answers lag behind. A fate is either planned for
//! one snapshot by name or drawn by chance.

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::SignedDuration;

use super::family::Family;
use super::instance::InstanceStatus;
use super::names::Region;
use super::snapshot::Origin;
use crate::faults::Fault;

/// The planned outcome of one snapshot or copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlannedOutcome {
    /// How the work ends.
    pub ending: Ending,
    /// The outcome of the event that says the work began.
    pub begun_event: EventOutcome,
    /// The outcome of the event that says the work is done.
    pub done_event: EventOutcome,
    /// How far describe answers lag behind the truth. While a snapshot is younger than this,
    /// describe does not show it at all.
    pub describe_lag: SignedDuration,
}

impl PlannedOutcome {
    /// The faults that it brings to a snapshot of this origin.
    pub fn faults(&self, origin: &Origin) -> impl Iterator<Item = Fault> + use<> {
        let ending = match (self.ending, origin) {
            (Ending::Available, _) => None,
            (Ending::Failed, Origin::Taken) => Some(Fault::SnapshotFailed),
            (Ending::Failed, Origin::Copied(_)) => Some(Fault::CopyFailed),
            (Ending::Never, _) => Some(Fault::NeverEnds),
        };
        let event = match self.done_event {
            EventOutcome::Arrives => None,
            EventOutcome::Lost => Some(Fault::EventsLost),
            EventOutcome::Twice(_) => Some(Fault::EventsDoubled),
            EventOutcome::Late(_) => Some(Fault::EventsLate),
        };
        let lag = (!self.describe_lag.is_zero()).then_some(Fault::EventsEarly);
        [ending, event, lag].into_iter().flatten()
    }
}

/// How a snapshot or copy ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It becomes `available`.
    #[default]
    Available,
    /// It becomes `failed`, for which RDS has no event.
    Failed,
    /// It never ends.
    Never,
}

/// The outcome of one event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventOutcome {
    /// It arrives once, after the usual delay.
    #[default]
    Arrives,
    /// It never arrives.
    Lost,
    /// It arrives, and again so much later.
    Twice(SignedDuration),
    /// It arrives so much later than usual.
    Late(SignedDuration),
}

/// The planned outcome of a restore, or of the making of a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoreOutcome {
    /// RDS refuses it: there is no capacity.
    pub has_no_capacity: bool,
    /// RDS refuses its class, which the region does not have.
    pub refuses_class: bool,
    /// It ends in this status instead of `available`.
    pub ends_as: Option<InstanceStatus>,
    /// It never ends.
    pub never_ends: bool,
    /// A change of it is accepted, and has no effect.
    pub ignores_changes: bool,
}

/// How likely each misfortune is, from 0 (never) to 1 (always).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Odds {
    /// A snapshot or copy ends as `failed`.
    pub failed: f64,
    /// A snapshot or copy never ends.
    pub never_ends: f64,
    /// An event is lost.
    pub event_lost: f64,
    /// An event comes twice.
    pub event_twice: f64,
    /// An event is late.
    pub event_late: f64,
    /// By how much an event is late, or its double follows it: at most this.
    pub event_late_by: SignedDuration,
    /// Describe answers lag.
    pub describe_lags: f64,
    /// By how much describe answers lag: at most this.
    pub describe_lag: SignedDuration,
}

/// All misfortunes of one world. The default has none.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// What chance brings to snapshots that nothing is planned for.
    pub odds: Odds,
    planned: BTreeMap<(Family, Region, String), PlannedOutcome>,
    restores: BTreeMap<(Region, String), RestoreOutcome>,
}

impl Faults {
    /// Sets the outcome of the next instance snapshot of that name in that region, and of every later one of the
    /// same name.
    pub fn plan(&mut self, region: Region, snapshot: &str, planned: PlannedOutcome) {
        self.plan_of(Family::Instance, region, snapshot, planned);
    }

    /// As [`Faults::plan`], for a snapshot of either family.
    pub fn plan_of(
        &mut self,
        family: Family,
        region: Region,
        snapshot: &str,
        planned: PlannedOutcome,
    ) {
        self.planned
            .insert((family, region, snapshot.to_ascii_lowercase()), planned);
    }

    /// Sets the outcome of the next database of that name that is made in that region, and of every later one.
    pub fn plan_restore(&mut self, region: Region, database: &str, planned: RestoreOutcome) {
        let key = (region, database.to_ascii_lowercase());
        self.restores.insert(key, planned);
    }

    /// The outcome of a database that is made.
    pub(super) fn restore_of(&self, region: &Region, database: &str) -> RestoreOutcome {
        let key = (region.clone(), database.to_owned());
        self.restores.get(&key).copied().unwrap_or_default()
    }

    /// The fate of a snapshot that was just accepted.
    pub(super) fn fate_of(
        &self,
        family: Family,
        region: &Region,
        snapshot: &str,
        rng: &mut Rng,
    ) -> PlannedOutcome {
        let drawn = self.odds.draw(rng);
        if self.planned.is_empty() {
            return drawn;
        }
        let key = (family, region.clone(), snapshot.to_owned());
        self.planned.get(&key).cloned().unwrap_or(drawn)
    }
}

impl Odds {
    /// Always consumes the same amount of randomness, so that changing one probability leaves
    /// everything else of a seed's world as it was.
    fn draw(&self, rng: &mut Rng) -> PlannedOutcome {
        let (ends, lags, lag) = (rng.f64(), rng.f64(), rng.f64());
        let ending = if ends < self.failed {
            Ending::Failed
        } else if ends < self.failed + self.never_ends {
            Ending::Never
        } else {
            Ending::Available
        };
        let describe_lag = if lags < self.describe_lags {
            share(self.describe_lag, lag)
        } else {
            SignedDuration::ZERO
        };
        PlannedOutcome {
            ending,
            begun_event: self.draw_event(rng),
            done_event: self.draw_event(rng),
            describe_lag,
        }
    }

    fn draw_event(&self, rng: &mut Rng) -> EventOutcome {
        let (what, by) = (rng.f64(), share(self.event_late_by, rng.f64()));
        let twice = self.event_lost + self.event_twice;
        if what < self.event_lost {
            EventOutcome::Lost
        } else if what < twice {
            EventOutcome::Twice(by)
        } else if what < twice + self.event_late {
            EventOutcome::Late(by)
        } else {
            EventOutcome::Arrives
        }
    }
}

/// A part of a duration, to the millisecond.
fn share(whole: SignedDuration, part: f64) -> SignedDuration {
    SignedDuration::from_millis((whole.as_millis() as f64 * part) as i64)
}
