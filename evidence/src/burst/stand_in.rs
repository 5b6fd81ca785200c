//! Plays Step Functions for tokens that belong to no execution.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use serde::Deserialize;

use snapferry_sim::proxy::{Action, Caller, Interference, Service};

/// Answers for the tokens it was given, as Step Functions does: the first call that settles a token succeeds, and every
/// later one is told that the task has timed out. Calls for other tokens go on to the emulator.
#[derive(Debug, Default)]
pub struct StandIn {
    /// Whether the token's task still sleeps.
    asleep: Mutex<BTreeMap<String, bool>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    task_token: String,
}

impl StandIn {
    /// From now on these tokens are known, and their tasks asleep.
    pub fn put_to_sleep(&self, tokens: impl IntoIterator<Item = String>) {
        let mut asleep = self.asleep();
        asleep.extend(tokens.into_iter().map(|token| (token, true)));
    }

    fn asleep(&self) -> MutexGuard<'_, BTreeMap<String, bool>> {
        // Each change is one write: what a panicking thread left is whole.
        self.asleep.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interference for StandIn {
    fn before(&self, _: &Caller) -> Action {
        Action::Forward
    }

    fn on_request(&self, caller: &Caller, request: &[u8]) -> Action {
        if caller.service != Service::StepFunctions {
            return Action::Forward;
        }
        let Ok(Request { task_token }) = serde_json::from_slice(request) else {
            return Action::Forward;
        };
        let mut all = self.asleep();
        let Some(asleep) = all.get_mut(&task_token) else {
            return Action::Forward;
        };
        if !*asleep {
            return Action::Refuse {
                status: StatusCode::BAD_REQUEST,
                error: "TaskTimedOut".to_owned(),
                message: "Task Timed Out".to_owned(),
            };
        }
        *asleep = !caller.settles();
        Action::Accept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str) -> Caller {
        Caller {
            service: Service::StepFunctions,
            operation: operation.to_owned(),
            app: None,
            region: None,
            peer: None,
        }
    }

    #[test]
    fn a_token_is_settled_once_and_probed_until_then() {
        let stand_in = StandIn::default();
        stand_in.put_to_sleep(["ours".to_owned()]);
        let ask = |operation: &str, token: &str| {
            let body = format!(r#"{{"taskToken":"{token}"}}"#);
            stand_in.on_request(&call(operation), body.as_bytes())
        };
        assert_eq!(ask("SendTaskHeartbeat", "ours"), Action::Accept);
        assert_eq!(ask("SendTaskSuccess", "ours"), Action::Accept);
        for late in ["SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"] {
            assert!(matches!(ask(late, "ours"), Action::Refuse { .. }), "{late}");
        }
        assert_eq!(ask("SendTaskSuccess", "an execution's"), Action::Forward);
    }
}
