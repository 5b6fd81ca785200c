//! The faults of Step Functions, DynamoDB and SQS, and of the functions' own processes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use fastrand::Rng;

use super::plan::{Behind, Plan};
use super::storm::Storms;
use super::tally::Tally;
use super::{Fault, process};
use crate::proxy::{Action, Caller, Interference, Service};

/// How long a call that gets no answer is held, in milliseconds.
const HELD_MS: std::ops::Range<u64> = 300..1_200;

/// The faults behind the recording proxy in one run.
#[derive(Debug)]
pub(in super::super) struct Outages {
    tally: Tally,
    /// The process group of the functions, once they are there.
    group: OnceLock<i32>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    storms: BTreeMap<(Behind, Fault), Storms>,
    /// In the middle of which calls of a worker or reactor its process is killed.
    kills: Vec<u64>,
    calls: u64,
}

impl Outages {
    #[must_use]
    pub(in super::super) fn new(plan: &Plan, seed: u64, tally: Tally) -> Self {
        let storms = plan
            .services
            .iter()
            .map(|(of, storms)| (*of, Storms::new(storms.clone())));
        let state = State {
            rng: Rng::with_seed(seed ^ 0x0071),
            storms: storms.collect(),
            kills: plan.kills.clone(),
            calls: 0,
        };
        Self {
            tally,
            group: OnceLock::new(),
            state: Mutex::new(state),
        }
    }

    /// Tells in which process group the functions run. Before, none is killed.
    pub(in super::super) fn functions_run_in(&self, group: i32) {
        // Told once; a second time would say the same.
        let _ = self.group.set(group);
    }

    /// Kills the function that makes this call, if one is due. A call that comes from nowhere leaves it due.
    fn kill(&self, state: &mut State, caller: &Caller) -> bool {
        let app = caller.app.as_deref();
        if !matches!(app, Some("snapferry-worker" | "snapferry-reactor")) {
            return false;
        }
        state.calls += 1;
        let Some(due) = state.kills.iter().position(|call| *call <= state.calls) else {
            return false;
        };
        let (Some(peer), Some(group)) = (caller.peer, self.group.get()) else {
            return false;
        };
        let killed = process::kill_owner(peer, *group);
        if killed {
            state.kills.swap_remove(due);
            self.tally.count(Fault::FunctionKilled);
        }
        killed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panicking thread left behind is a storm more or less.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interference for Outages {
    fn before(&self, caller: &Caller) -> Action {
        let mut state = self.state();
        if self.kill(&mut state, caller) {
            // It died while the service was at it, or before: either may be.
            return Action::NoAnswer {
                reaches_service: state.rng.bool(),
                held: Duration::ZERO,
            };
        }
        let behind = match caller.service {
            Service::StepFunctions => Behind::StepFunctions,
            Service::DynamoDb => Behind::DynamoDb,
            Service::Sqs => Behind::Sqs,
            Service::Other(_) => return Action::Forward,
        };
        let (now, chance) = (Instant::now(), state.rng.f64());
        let mut hits = Vec::new();
        for ((over, fault), storms) in &mut state.storms {
            if *over == behind && storms.hit(now, chance) {
                hits.push(*fault);
            }
        }
        let Some(fault) = hits.first().copied() else {
            return Action::Forward;
        };
        self.tally.count(fault);
        match fault {
            Fault::NoAnswer => Action::NoAnswer {
                reaches_service: state.rng.bool(),
                held: Duration::from_millis(state.rng.u64(HELD_MS)),
            },
            Fault::Throttling => refused(StatusCode::BAD_REQUEST, "ThrottlingException"),
            _ => refused(StatusCode::INTERNAL_SERVER_ERROR, internal_error(behind)),
        }
    }
}

fn refused(status: StatusCode, error: &str) -> Action {
    Action::Refuse {
        status,
        error: error.to_owned(),
        message: "a fault that was asked for".to_owned(),
    }
}

fn internal_error(behind: Behind) -> &'static str {
    match behind {
        Behind::StepFunctions => "InternalFailure",
        Behind::DynamoDb => "InternalServerError",
        Behind::Sqs => "InternalError",
    }
}
