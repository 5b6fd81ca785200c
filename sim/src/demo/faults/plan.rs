//! Plans what goes wrong in a run, and when. The plan is drawn from the seed before anything runs.
//!
//! Each requested fault is assigned to a database, and not left to chance, so that even a small fleet has all of them. No
//! execution can fail because of the plan: the state machine tries a step three times, and a database's step gets at most
//! [`MISFORTUNES_MAX`] faults.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use jiff::SignedDuration;

use super::outage_window::OutageWindow;
use super::{Choice, Fault};
use crate::demo::fleet::{Database, RECOVERY, SOURCES};
use crate::rds::{Ending, EventOutcome, Family, PlannedOutcome};

/// How often one step of one database may fail. The state machine tries it three times.
pub(super) const MISFORTUNES_MAX: usize = 2;

/// A service with a JSON protocol, behind the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Behind {
    StepFunctions,
    DynamoDb,
    Sqs,
}

/// What happens to one attempt at a snapshot or copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfortune {
    /// It ends as `failed`.
    Fails,
    /// It does not end, and somebody deletes it.
    Vanishes,
}

/// The planned faults of one step of one database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StepFaults {
    /// The faults of its first attempts. Every later attempt succeeds.
    pub(super) misfortunes: Vec<Misfortune>,
    /// What happens to the event that says "finished".
    pub(super) event: EventOutcome,
    /// How far describe answers lag behind, in RDS's time.
    pub(super) lag: SignedDuration,
}

impl StepFaults {
    /// The planned outcome of an attempt, counted from 0.
    pub(super) fn planned(&self, attempt: usize) -> PlannedOutcome {
        let ending = match self.misfortunes.get(attempt) {
            None => Ending::Available,
            Some(Misfortune::Fails) => Ending::Failed,
            Some(Misfortune::Vanishes) => Ending::Never,
        };
        PlannedOutcome {
            ending,
            done_event: self.event,
            describe_lag: self.lag,
            ..PlannedOutcome::default()
        }
    }
}

/// The whole plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in super::super) struct Plan {
    /// The snapshots, by the resource id of their database.
    pub(super) snapshots: BTreeMap<String, StepFaults>,
    /// The copies, by the resource id of their database.
    pub(super) copies: BTreeMap<String, StepFaults>,
    /// Outage windows of RDS.
    pub(super) rds: BTreeMap<Fault, Vec<OutageWindow>>,
    /// The region whose RDS is down for a while.
    pub(super) region_down: Option<(&'static str, OutageWindow)>,
    /// Outage windows of the other services.
    pub(super) services: BTreeMap<(Behind, Fault), Vec<OutageWindow>>,
    /// The operation that is denied, and from which call of it on.
    pub(super) denied: Option<(&'static str, u64)>,
    /// The request for a copy from which on the key is disabled.
    pub(super) key_disabled_at: Option<u64>,
    /// How long other people's copies fill RDS's limit, from Snapferry's first copy on.
    pub(super) third_parties: Option<Duration>,
    /// The calls of a worker or reactor during which its process is killed.
    pub(super) kills: Vec<u64>,
    /// Every nth event is held back until the next has passed.
    pub(super) hold_back_every: Option<u64>,
    /// Messages of garbage for each queue.
    pub(super) garbage: usize,
    /// Forged hints.
    pub(super) forged: usize,
}

impl Plan {
    /// Draws a plan for these databases. `speed` says how many seconds of RDS pass in a real second.
    ///
    /// # Errors
    /// A sentence, if the fleet is too small for a fault.
    pub(in super::super) fn draw(
        choice: &Choice,
        databases: &[Database],
        speed: f64,
        seed: u64,
    ) -> Result<Self, String> {
        let draw = Draw {
            choice,
            rng: Rng::with_seed(seed ^ 0xFA17),
            count: databases.len().max(1) as u64,
            speed,
        };
        draw.plan(databases)
    }

    /// Every nth event is held back until the next has passed.
    pub(in super::super) fn hold_back_every(&self) -> Option<u64> {
        self.hold_back_every
    }
}

struct Draw<'a> {
    choice: &'a Choice,
    rng: Rng,
    count: u64,
    speed: f64,
}

impl Draw<'_> {
    fn plan(mut self, databases: &[Database]) -> Result<Plan, String> {
        let mut plan = Plan::default();
        for one in databases {
            let id = &one.resource_id;
            plan.snapshots.insert(id.clone(), StepFaults::default());
            plan.copies.insert(id.clone(), StepFaults::default());
        }
        self.misfortunes(&mut plan, databases)?;
        self.events(&mut plan, databases)?;
        self.windows(&mut plan);
        self.breakdowns(&mut plan);
        Ok(plan)
    }

    fn has(&self, fault: Fault) -> bool {
        self.choice.has(fault)
    }

    /// `mild` or `harsh` as asked for.
    fn either<T>(&self, mild: T, harsh: T) -> T {
        if self.choice.is_mild() { mild } else { harsh }
    }

    /// One in this many databases, but at least one.
    fn one_in(&self, parts: u64) -> usize {
        usize::try_from((self.count / parts).max(1)).unwrap_or(1)
    }

    fn misfortunes(&mut self, plan: &mut Plan, databases: &[Database]) -> Result<(), String> {
        // A copy that is running when the key is disabled fails once, at its end.
        let reserved = usize::from(self.has(Fault::KeyDisabled));
        let kinds = [
            (Fault::SnapshotFailed, Misfortune::Fails, MISFORTUNES_MAX),
            (
                Fault::CopyFailed,
                Misfortune::Fails,
                MISFORTUNES_MAX - reserved,
            ),
            (
                Fault::CopyVanished,
                Misfortune::Vanishes,
                MISFORTUNES_MAX - reserved,
            ),
        ];
        for (fault, misfortune, most) in kinds {
            if !self.has(fault) {
                continue;
            }
            let courses = match fault {
                Fault::SnapshotFailed => &mut plan.snapshots,
                _ => &mut plan.copies,
            };
            let mut hit = ids(databases);
            self.rng.shuffle(&mut hit);
            // Take the databases with the fewest faults first, so that two faults fit into a small fleet.
            hit.sort_by_key(|name| courses[*name].misfortunes.len());
            if hit
                .first()
                .is_none_or(|name| courses[*name].misfortunes.len() >= most)
            {
                return Err(no_place(fault, databases));
            }
            for name in hit.into_iter().take(self.one_in(self.either(8, 4))) {
                let Some(step_faults) = courses.get_mut(name) else {
                    continue;
                };
                let times = if self.choice.is_mild() {
                    1
                } else {
                    self.rng.usize(1..=2)
                };
                let room = most.saturating_sub(step_faults.misfortunes.len());
                step_faults
                    .misfortunes
                    .extend(std::iter::repeat_n(misfortune, times.min(room)));
            }
        }
        Ok(())
    }

    /// Gives each fault of events its own snapshots and copies in turn, so that source and recovery regions both have it. A
    /// cluster's copy has no events.
    fn events(&mut self, plan: &mut Plan, databases: &[Database]) -> Result<(), String> {
        let mut sources = ids(databases);
        let of_instances = databases
            .iter()
            .filter(|one| one.family == Family::Instance);
        let mut copies = ids(of_instances);
        self.rng.shuffle(&mut sources);
        self.rng.shuffle(&mut copies);
        let kinds = [
            Fault::EventsLost,
            Fault::EventsDoubled,
            Fault::EventsLate,
            Fault::EventsEarly,
        ];
        let asked: Vec<Fault> = kinds.into_iter().filter(|kind| self.has(*kind)).collect();
        for round in 0..self.one_in(self.either(12, 6)) {
            for (n, fault) in asked.iter().enumerate() {
                let of_source = (round + n) % 2 == 0;
                let name = if of_source {
                    sources.pop().map(|name| (name, &mut plan.snapshots))
                } else {
                    copies.pop().map(|name| (name, &mut plan.copies))
                };
                match name {
                    Some((name, courses)) => {
                        let real = Duration::from_millis(self.rng.u64(1_500..4_000));
                        if let Some(step_faults) = courses.get_mut(name) {
                            place(step_faults, *fault, self.of_rds(real));
                        }
                    }
                    None if round == 0 => {
                        return Err(no_place(*fault, databases));
                    }
                    None => {}
                }
            }
        }
        Ok(())
    }

    /// A real duration in RDS's time.
    fn of_rds(&self, real: Duration) -> SignedDuration {
        SignedDuration::try_from_secs_f64(real.as_secs_f64() * self.speed)
            .unwrap_or(SignedDuration::ZERO)
    }

    fn windows(&mut self, plan: &mut Plan) {
        let rds = [Fault::Throttling, Fault::Rds500, Fault::NoAnswer];
        for fault in rds {
            if self.has(fault) {
                // Two mutations a database are certain.
                let windows = self.storms_within(2 * self.count);
                plan.rds.insert(fault, windows);
            }
        }
        let certain = |behind| match behind {
            // Each of the two steps has a probe and a callback, and writes and deletes a wait.
            Behind::StepFunctions | Behind::DynamoDb => 4 * self.count,
            Behind::Sqs => 1,
        };
        let all = [
            (Behind::StepFunctions, Fault::States500),
            (Behind::StepFunctions, Fault::Throttling),
            (Behind::StepFunctions, Fault::NoAnswer),
            (Behind::DynamoDb, Fault::Dynamodb500),
            (Behind::DynamoDb, Fault::Throttling),
            (Behind::DynamoDb, Fault::NoAnswer),
            (Behind::Sqs, Fault::Sqs500),
            (Behind::Sqs, Fault::NoAnswer),
        ];
        let asked = all.map(|(behind, fault)| (behind, fault, certain(behind)));
        for (behind, fault, calls) in asked {
            if self.has(fault) {
                let windows = self.storms_within(calls);
                plan.services.insert((behind, fault), windows);
            }
        }
        if self.has(Fault::RegionDown) {
            let region = if self.rng.bool() {
                SOURCES[0]
            } else {
                RECOVERY
            };
            let window = OutageWindow {
                from_call: self.rng.u64(1..=self.count),
                lasts: self.lasting(4, 8),
                share: 1.0,
            };
            plan.region_down = Some((region, window));
        }
    }

    /// One outage window within the first `calls` calls. If many were requested, another one, in case there are twice as
    /// many calls.
    fn storms_within(&mut self, calls: u64) -> Vec<OutageWindow> {
        let share = self.either(0.5, 0.8);
        let first = self.rng.u64(1..=calls);
        let second = self.rng.u64(calls + 1..=4 * calls);
        let mut windows = vec![first];
        if !self.choice.is_mild() {
            windows.push(second);
        }
        let lasting = |from_call| OutageWindow {
            from_call,
            lasts: self.lasting(2, 4),
            share,
        };
        windows.into_iter().map(lasting).collect()
    }

    fn lasting(&self, mild: u64, harsh: u64) -> Duration {
        Duration::from_secs(self.either(mild, harsh))
    }

    fn breakdowns(&mut self, plan: &mut Plan) {
        let early = |rng: &mut Rng, count: u64| rng.u64(1..=(count / 3).max(1));
        if self.has(Fault::AccessDenied) {
            let operation = if self.rng.bool() {
                "CreateDBSnapshot"
            } else {
                "CopyDBSnapshot"
            };
            plan.denied = Some((operation, early(&mut self.rng, self.count)));
        }
        if self.has(Fault::KeyDisabled) {
            plan.key_disabled_at = Some(early(&mut self.rng, self.count));
        }
        if self.has(Fault::CopiesRefused) {
            plan.third_parties = Some(self.lasting(4, 8));
        }
        if self.has(Fault::FunctionKilled) {
            let times = self.either(1, 3);
            let certain = 8 * self.count;
            plan.kills = (0..times).map(|_| self.rng.u64(1..=certain)).collect();
        }
        if self.has(Fault::EventsReordered) {
            plan.hold_back_every = Some(self.rng.u64(2..=3));
        }
        if self.has(Fault::Garbage) {
            plan.garbage = self.either(1, 3);
        }
        if self.has(Fault::ForgedHint) {
            plan.forged = self.one_in(self.either(8, 2)).max(self.either(1, 3));
        }
    }
}

/// The resource ids.
fn ids<'a>(databases: impl IntoIterator<Item = &'a Database>) -> Vec<&'a String> {
    databases.into_iter().map(|one| &one.resource_id).collect()
}

fn no_place(fault: Fault, databases: &[Database]) -> String {
    format!(
        "{fault} has no place among {} databases with all the others: protect more of them",
        databases.len()
    )
}

fn place(step_faults: &mut StepFaults, fault: Fault, by: SignedDuration) {
    match fault {
        Fault::EventsLost => step_faults.event = EventOutcome::Lost,
        Fault::EventsDoubled => step_faults.event = EventOutcome::Twice(by),
        Fault::EventsLate => step_faults.event = EventOutcome::Late(by),
        _ => step_faults.lag = by,
    }
}

#[cfg(test)]
mod tests;
