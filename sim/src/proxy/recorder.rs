//! Records everything that passes the proxy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::token::tokens_in;
use super::{Call, Service, Settlement, Token};

/// The key by which calls are counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counter {
    /// The service called.
    pub service: Service,
    /// AWS's name of the operation.
    pub operation: String,
    /// The SDK's app id, if the caller set one.
    pub app: Option<String>,
}

/// The numbers of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that were answered, including with errors.
    pub calls: u64,
    /// Calls answered with an error.
    pub errors: u64,
}

/// Everything that has passed, in the order in which it was answered.
#[derive(Debug, Default)]
pub struct Recorder {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    settlements: Vec<Settlement>,
    tokens: BTreeSet<Token>,
}

impl Recorder {
    /// Every call so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Every `SendTaskSuccess` and `SendTaskFailure` so far, including refused ones.
    #[must_use]
    pub fn settlements(&self) -> Vec<Settlement> {
        self.state().settlements.clone()
    }

    /// The settlements that contain `text`, such as a snapshot's ARN.
    #[must_use]
    pub fn settlements_of(&self, text: &str) -> Vec<Settlement> {
        let state = self.state();
        let of_it = state.settlements.iter().filter(|one| one.mentions(text));
        of_it.cloned().collect()
    }

    /// Every task token seen so far.
    #[must_use]
    pub fn tokens(&self) -> BTreeSet<Token> {
        self.state().tokens.clone()
    }

    /// The calls so far, counted.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Counter, Tally> {
        let mut counts = BTreeMap::<Counter, Tally>::new();
        for call in &self.state().calls {
            let tally = counts
                .entry(Counter {
                    service: call.caller.service.clone(),
                    operation: call.caller.operation.clone(),
                    app: call.caller.app.clone(),
                })
                .or_default();
            tally.calls += 1;
            tally.errors += u64::from(!call.succeeded());
        }
        counts
    }

    pub(super) fn record(&self, call: Call, request: &[u8], answer: &[u8]) {
        let settlement = Settlement::of(&call, request);
        let mut tokens = BTreeSet::new();
        tokens_in(request, &mut tokens);
        tokens_in(answer, &mut tokens);

        let mut state = self.state();
        state.calls.push(call);
        state.settlements.extend(settlement);
        state.tokens.append(&mut tokens);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is a push, so the list is still whole after a thread has panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
