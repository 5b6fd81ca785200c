//! The faults of Step Functions, DynamoDB and SQS, and of the functions' own processes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use fastrand::Rng;

use super::outage_window::OutageWindows;
use super::plan::{Behind, Plan};
use super::tally::Tally;
use super::{Fault, process};
use crate::proxy::{Action, Caller, Interference, Service};

/// How long a call that gets no answer is held, in milliseconds.
const HELD_MS: std::ops::Range<u64> = 300..1_200;

/// The faults behind the recording proxy in one run.
#[derive(Debug)]
pub(in super::super) struct Outages {
    tally: Tally,
    /// The process group of the functions, once they run.
    group: OnceLock<i32>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    windows: BTreeMap<(Behind, Fault), OutageWindows>,
    /// The calls of a worker or reactor during which its process is killed.
    kills: Vec<u64>,
    calls: u64,
}

impl Outages {
    #[must_use]
    pub(in super::super) fn new(plan: &Plan, seed: u64, tally: Tally) -> Self {
        let windows = plan
            .services
            .iter()
            .map(|(of, windows)| (*of, OutageWindows::new(windows.clone())));
        let state = State {
            rng: Rng::with_seed(seed ^ 0x0071),
            windows: windows.collect(),
            kills: plan.kills.clone(),
            calls: 0,
        };
        Self {
            tally,
            group: OnceLock::new(),
            state: Mutex::new(state),
        }
    }

    /// Sets the process group of the functions. Before this, none is killed.
    pub(in super::super) fn functions_run_in(&self, group: i32) {
        // It is set once. A second call would set the same value.
        let _ = self.group.set(group);
    }

    /// Kills the function that makes this call, if a kill is due. If the caller is unknown, the kill stays due.
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
        // A panicking thread can at worst have miscounted an outage window.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interference for Outages {
    fn before(&self, caller: &Caller) -> Action {
        let mut state = self.state();
        if self.kill(&mut state, caller) {
            // The function may have died before the service got the call, or after.
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
        // As with RDS, a window counts only the calls that earlier windows let pass.
        let mut windows = state.windows.iter_mut();
        let hit = windows.find_map(|((over, fault), windows)| {
            (*over == behind && windows.hit(now, chance)).then_some(*fault)
        });
        let Some(fault) = hit else {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::faults::outage_window::OutageWindow;

    fn caller(service: Service, app: &str) -> Caller {
        Caller {
            service,
            operation: "Any".to_owned(),
            app: Some(app.to_owned()),
            region: None,
            peer: None,
        }
    }

    fn one_call() -> Vec<OutageWindow> {
        vec![OutageWindow {
            from_call: 2,
            lasts: Duration::ZERO,
            share: 0.0,
        }]
    }

    #[test]
    fn a_storm_hits_its_own_service_and_counts_only_its_calls() {
        let plan = Plan {
            services: [((Behind::DynamoDb, Fault::Dynamodb500), one_call())].into(),
            ..Plan::default()
        };
        let tally = Tally::default();
        let outages = Outages::new(&plan, 1, tally.clone());
        let ask = |service| outages.before(&caller(service, "snapferry-sweeper"));
        assert_eq!(ask(Service::DynamoDb), Action::Forward);
        assert_eq!(ask(Service::Sqs), Action::Forward);
        assert_eq!(ask(Service::StepFunctions), Action::Forward);
        let Action::Refuse { status, error, .. } = ask(Service::DynamoDb) else {
            panic!("the second call of DynamoDB was not hit");
        };
        assert_eq!((status.as_u16(), &*error), (500, "InternalServerError"));
        assert_eq!(ask(Service::DynamoDb), Action::Forward);
        assert_eq!(tally.of(Fault::Dynamodb500), 1);
    }

    #[test]
    fn storms_that_begin_with_one_call_both_happen() {
        let faults = [Fault::Throttling, Fault::Dynamodb500, Fault::NoAnswer];
        let plan = Plan {
            services: faults
                .map(|fault| ((Behind::DynamoDb, fault), one_call()))
                .into(),
            ..Plan::default()
        };
        let tally = Tally::default();
        let outages = Outages::new(&plan, 1, tally.clone());
        for _ in 0..4 {
            outages.before(&caller(Service::DynamoDb, "snapferry-worker"));
        }
        assert_eq!(faults.map(|fault| tally.of(fault)), [1, 1, 1]);
    }

    #[test]
    fn a_kill_that_finds_no_process_is_not_counted_and_stays_due() {
        let plan = Plan {
            kills: vec![1],
            ..Plan::default()
        };
        let tally = Tally::default();
        let outages = Outages::new(&plan, 1, tally.clone());
        let worker = caller(Service::Sqs, "snapferry-worker");
        assert_eq!(outages.before(&worker), Action::Forward);
        outages.functions_run_in(0);
        let nowhere = Caller {
            peer: Some(([127, 0, 0, 1], 1).into()),
            ..worker
        };
        assert_eq!(outages.before(&nowhere), Action::Forward);
        assert_eq!(tally.of(Fault::FunctionKilled), 0);
        assert_eq!(outages.state().kills, [1]);
    }
}
