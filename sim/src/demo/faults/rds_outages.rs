//! The faults of RDS: in its calls, with its key, with its limit for copies, and in the outcome of each attempt.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::outage_window::OutageWindows;
use super::plan::Plan;
use super::tally::Tally;
use super::{Fault, inject_fault};
use crate::demo::fleet::{RECOVERY, REGIONS, THIRD_PARTIES, region, snapshots};
use crate::demo::policies::STANDARD;
use crate::rds::{Ending, EventOutcome, Family, Origin, Rds, RdsArn, RdsFault, Request, Stage};
use crate::rds_http::{Action, Incoming, Interference};

/// How long a call without an answer is held, in milliseconds.
const HELD_MS: std::ops::Range<u64> = 300..1_200;

/// A person needs at least this long to notice a fault, find its cause and repair it.
const REPAIR_AFTER: Duration = Duration::from_secs(8);

/// The faults of RDS in one run.
#[derive(Debug)]
pub(in super::super) struct RdsOutages {
    plan: Plan,
    tally: Tally,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    windows: BTreeMap<Fault, OutageWindows>,
    region: OutageWindows,
    /// Calls so far, by operation.
    calls: BTreeMap<&'static str, u64>,
    /// Attempts that RDS accepted, by step and the database's resource id.
    accepted: BTreeMap<Attempt, usize>,
    denies: bool,
    key: Key,
    broken_since: Option<Instant>,
    third_parties: ThirdParties,
    most_of_ours: usize,
}

/// Which step of which database, by its resource id.
type Attempt = (Family, Step, String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Snapshot,
    Copy,
}

/// The recovery region's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// Not disabled yet.
    Good,
    /// Disabled, and no call has met it.
    Disabled,
    /// Disabled, and a call was refused for it.
    Noticed,
    /// Enabled again.
    Repaired,
}

/// Other people's copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ThirdParties {
    NotYet,
    Since(Instant),
    Gone,
}

impl RdsOutages {
    #[must_use]
    pub(in super::super) fn new(plan: Plan, seed: u64, tally: Tally) -> Self {
        let windows = plan
            .rds
            .iter()
            .map(|(fault, windows)| (*fault, OutageWindows::new(windows.clone())));
        let region = plan.region_down.iter().map(|(_, window)| window.clone());
        let state = State {
            rng: Rng::with_seed(seed ^ 0x5EA),
            windows: windows.collect(),
            region: OutageWindows::new(region.collect()),
            calls: BTreeMap::new(),
            accepted: BTreeMap::new(),
            denies: false,
            key: Key::Good,
            broken_since: None,
            third_parties: ThirdParties::NotYet,
            most_of_ours: 0,
        };
        Self {
            plan,
            tally,
            state: Mutex::new(state),
        }
    }

    /// How long something has been broken that only a person can repair.
    pub(super) fn broken_for(&self) -> Option<Duration> {
        self.state().broken_since.map(|since| since.elapsed())
    }

    /// Does what a person does about refusals: enables the key, grants the access. Returns what was done.
    pub(super) fn repair(&self, rds: &mut Rds) -> Vec<&'static str> {
        let mut done = Vec::new();
        let mut state = self.state();
        let is_fresh = |since: Instant| since.elapsed() < REPAIR_AFTER;
        if state.broken_since.is_none_or(is_fresh) {
            return done;
        }
        if state.key == Key::Noticed {
            rds.set_key_enabled(&region(RECOVERY), STANDARD.key, true);
            state.key = Key::Repaired;
            done.push("enabled the key");
        }
        if std::mem::take(&mut state.denies) {
            done.push("granted the access");
        }
        state.broken_since = None;
        done
    }

    /// Whether other people's copies have come and gone.
    pub(super) fn strangers_may_go(&self) -> bool {
        let mut state = self.state();
        let (ThirdParties::Since(since), Some(lasts)) =
            (state.third_parties, self.plan.third_parties)
        else {
            return false;
        };
        if since.elapsed() < lasts {
            return false;
        }
        state.third_parties = ThirdParties::Gone;
        true
    }

    /// The most copies by Snapferry that were in flight at once, without other people's.
    #[must_use]
    pub(in super::super) fn most_of_ours(&self) -> usize {
        self.state().most_of_ours
    }

    /// Counts what is only known at the end: how each attempt ended, and which events were never sent.
    pub(in super::super) fn count_fates(&self, rds: &Rds) {
        for place in REGIONS {
            for snapshot in snapshots(rds, place) {
                let planned = &snapshot.planned;
                match (snapshot.stage(), planned.ending) {
                    (Stage::Failed, Ending::Failed) => self.tally.count(match snapshot.origin {
                        Origin::Taken => Fault::SnapshotFailed,
                        Origin::Copied(_) => Fault::CopyFailed,
                    }),
                    (Stage::Available, _) if planned.done_event == EventOutcome::Lost => {
                        self.tally.count(Fault::EventsLost);
                    }
                    (Stage::Available, _) if !planned.describe_lag.is_zero() => {
                        self.tally.count(Fault::EventsEarly);
                    }
                    _ => {}
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panicking thread can at worst have miscounted an outage window.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interference for RdsOutages {
    fn before(&self, call: &Incoming<'_>, rds: &mut Rds) -> Action {
        let mut state = self.state();
        if let Some(action) = self.window(&mut state, call) {
            return action;
        }
        if let Some(action) = self.denial(&mut state, call) {
            return action;
        }
        self.before_copy(&mut state, rds, call);
        self.settle_fate(&state, call, rds);
        Action::Forward
    }

    fn after(&self, call: &Incoming<'_>, error: Option<&RdsFault>, rds: &Rds) {
        match error {
            None => {
                if let Some(attempt) = attempt(call, rds) {
                    let mut state = self.state();
                    let ours = |name: &str| !name.starts_with(THIRD_PARTIES);
                    let in_flight = snapshots(rds, RECOVERY)
                        .filter(|one| one.is_a_copy_in_flight() && ours(&one.name));
                    state.most_of_ours = state.most_of_ours.max(in_flight.count());
                    *state.accepted.entry(attempt).or_default() += 1;
                }
            }
            Some(RdsFault::KmsKeyNotAccessible(_)) => {
                self.state().key = Key::Noticed;
                self.tally.count(Fault::KeyDisabled);
            }
            Some(RdsFault::CopiesInFlightQuota(_)) => self.tally.count(Fault::CopiesRefused),
            Some(_) => {}
        }
    }
}

impl RdsOutages {
    fn window(&self, state: &mut State, call: &Incoming<'_>) -> Option<Action> {
        let (now, chance) = (Instant::now(), state.rng.f64());
        let held = Duration::from_millis(state.rng.u64(HELD_MS));
        let is_down = self.plan.region_down.as_ref();
        if is_down.is_some_and(|(region, _)| call.region.as_str() == *region)
            && state.region.hit(now, chance)
        {
            self.tally.count(Fault::RegionDown);
            return Some(Action::NoAnswer {
                reaches_rds: false,
                held,
            });
        }
        let refuse = |status, code, message: &str| Action::Refuse {
            status,
            code,
            message: message.to_owned(),
        };
        // A window counts only the calls that earlier windows let pass. Otherwise an earlier window could take away its
        // first call, which is the only one that is certain to fail.
        let mut windows = state.windows.iter_mut();
        let fault =
            windows.find_map(|(fault, windows)| windows.hit(now, chance).then_some(*fault))?;
        self.tally.count(fault);
        Some(match fault {
            Fault::Throttling => refuse(400, "Throttling", "Rate exceeded"),
            Fault::NoAnswer => Action::NoAnswer {
                reaches_rds: state.rng.bool(),
                held,
            },
            _ => refuse(500, "InternalFailure", "An internal error has occurred."),
        })
    }

    fn denial(&self, state: &mut State, call: &Incoming<'_>) -> Option<Action> {
        let operation = call.request.operation();
        let calls = state.calls.entry(operation).or_default();
        *calls += 1;
        let (denied, from_call) = self.plan.denied?;
        if operation != denied {
            return None;
        }
        if *calls == from_call {
            state.denies = true;
            state.broken_since.get_or_insert_with(Instant::now);
        }
        if !state.denies {
            return None;
        }
        self.tally.count(Fault::AccessDenied);
        Some(Action::Refuse {
            status: 403,
            code: "AccessDenied",
            message: format!("User is not authorized to perform: rds:{operation}"),
        })
    }

    /// Disables the key, and lets other people's copies in, when it is time for it.
    fn before_copy(&self, state: &mut State, rds: &mut Rds, call: &Incoming<'_>) {
        let (request, is_new) = match call.request {
            Request::CopyDbSnapshot(request) => (
                request,
                rds.snapshot(call.region, &request.target).is_none(),
            ),
            Request::CopyDbClusterSnapshot(request) => {
                let there = rds.cluster_snapshot(call.region, &request.target);
                (request, there.is_none())
            }
            _ => return,
        };
        let calls = |operation| state.calls.get(operation).copied().unwrap_or_default();
        let copies = calls("CopyDBSnapshot") + calls("CopyDBClusterSnapshot");
        let is_time = self.plan.key_disabled_at.is_some_and(|at| copies >= at);
        // A request for a copy that exists already, or under another key, would not be affected.
        let would_meet_key = is_new && request.kms_key.as_deref() == Some(STANDARD.key);
        if is_time && would_meet_key && state.key == Key::Good {
            rds.set_key_enabled(&region(RECOVERY), STANDARD.key, false);
            state.key = Key::Disabled;
            state.broken_since.get_or_insert_with(Instant::now);
        }
        // If the key is bad, RDS says so before it checks its limit.
        let would_meet_them = is_new && matches!(state.key, Key::Good | Key::Repaired);
        let is_due =
            self.plan.third_parties.is_some() && state.third_parties == ThirdParties::NotYet;
        if is_due && would_meet_them {
            // If their own source is not ready yet, they come with the next copy of ours.
            if inject_fault::let_third_parties_in(rds, call.now) {
                state.third_parties = ThirdParties::Since(Instant::now());
            }
        }
    }

    /// Decides the outcome of the attempt that this call requests.
    fn settle_fate(&self, state: &State, call: &Incoming<'_>, rds: &mut Rds) {
        let Some(attempt) = attempt(call, rds) else {
            return;
        };
        let (family, step, database) = &attempt;
        let courses = match step {
            Step::Snapshot => &self.plan.snapshots,
            Step::Copy => &self.plan.copies,
        };
        let name = match call.request {
            Request::CreateDbSnapshot(request) | Request::CreateDbClusterSnapshot(request) => {
                &request.snapshot
            }
            Request::CopyDbSnapshot(request) | Request::CopyDbClusterSnapshot(request) => {
                &request.target
            }
            _ => return,
        };
        if let Some(step_faults) = courses.get(database) {
            let planned =
                step_faults.planned(state.accepted.get(&attempt).copied().unwrap_or_default());
            rds.config_mut()
                .faults
                .plan_of(*family, call.region.clone(), name, planned);
        }
    }
}

/// Which step of which database a call is an attempt at.
fn attempt(call: &Incoming<'_>, rds: &Rds) -> Option<Attempt> {
    let (family, step, id) = match call.request {
        Request::CreateDbSnapshot(request) => {
            let of = rds.instance(call.region, &request.instance)?;
            (Family::Instance, Step::Snapshot, &of.resource_id)
        }
        Request::CreateDbClusterSnapshot(request) => {
            let of = rds.cluster(call.region, &request.instance)?;
            (Family::Cluster, Step::Snapshot, &of.resource_id)
        }
        Request::CopyDbSnapshot(request) => {
            let source = RdsArn::parse(&request.source)?;
            let source = rds.snapshot(&source.region, &source.name)?;
            (Family::Instance, Step::Copy, &source.instance.resource_id)
        }
        Request::CopyDbClusterSnapshot(request) => {
            let source = RdsArn::parse(&request.source)?;
            let source = rds.cluster_snapshot(&source.region, &source.name)?;
            (Family::Cluster, Step::Copy, &source.instance.resource_id)
        }
        _ => return None,
    };
    Some((family, step, id.clone()))
}

#[cfg(test)]
mod tests;
