//! The gate that every port call waits at until the scheduler lets it through.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;

use super::world::Shared;

/// How a call breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// It was throttled: refused, without an effect.
    Throttled,
    /// The service had an internal error.
    Internal,
    /// It was refused because a permission was missing, as happens for a moment when policies change.
    Denied,
    /// No answer came.
    NoAnswer,
}

/// The scheduler's decision about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is carried out and answered.
    Through,
    /// It breaks without an effect.
    FailBefore(Broken),
    /// It is carried out, and its answer is lost.
    FailAfter(Broken),
    /// It breaks for its caller, and is still carried out at this later time.
    FailLate(Broken, Timestamp),
    /// The code of the adapter panics.
    Panic,
}

/// A call that waits for its decision.
pub(super) struct Pending {
    pub(super) invocation: u64,
    pub(super) label: String,
    pub(super) mutates: bool,
    decision: Option<Decision>,
    waker: Waker,
}

/// All calls that wait.
#[derive(Default)]
pub(super) struct Calls {
    pending: BTreeMap<u64, Pending>,
    made: u64,
}

impl Calls {
    /// How many calls wait.
    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// The nth waiting call, with its number.
    pub(super) fn nth(&self, n: usize) -> Option<(u64, &Pending)> {
        self.pending.iter().nth(n).map(|(id, call)| (*id, call))
    }

    /// Decides a call and wakes its caller.
    pub(super) fn decide(&mut self, id: u64, decision: Decision) {
        if let Some(call) = self.pending.get_mut(&id) {
            call.decision = Some(decision);
            call.waker.wake_by_ref();
        }
    }
}

/// Waits for the scheduler's decision.
pub(super) struct Gate {
    shared: Rc<Shared>,
    state: State,
}

enum State {
    New {
        invocation: u64,
        label: String,
        mutates: bool,
    },
    Waiting(u64),
    Done,
}

impl Gate {
    pub(super) fn new(shared: Rc<Shared>, invocation: u64, label: String, mutates: bool) -> Self {
        Self {
            shared,
            state: State::New {
                invocation,
                label,
                mutates,
            },
        }
    }
}

impl Future for Gate {
    type Output = Decision;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Decision> {
        let shared = Rc::clone(&self.shared);
        let calls = &mut shared.world.borrow_mut().calls;
        match std::mem::replace(&mut self.state, State::Done) {
            State::New {
                invocation,
                label,
                mutates,
            } => {
                calls.made += 1;
                let id = calls.made;
                let waker = cx.waker().clone();
                calls.pending.insert(
                    id,
                    Pending {
                        invocation,
                        label,
                        mutates,
                        decision: None,
                        waker,
                    },
                );
                self.state = State::Waiting(id);
                Poll::Pending
            }
            State::Waiting(id) => match calls.pending.get_mut(&id) {
                Some(call) if call.decision.is_none() => {
                    call.waker.clone_from(cx.waker());
                    self.state = State::Waiting(id);
                    Poll::Pending
                }
                _ => {
                    let decided = calls.pending.remove(&id).and_then(|call| call.decision);
                    Poll::Ready(decided.unwrap_or(Decision::FailBefore(Broken::NoAnswer)))
                }
            },
            State::Done => Poll::Pending,
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // If an invocation is dropped, its calls go with it.
        if let State::Waiting(id) = self.state {
            self.shared.world.borrow_mut().calls.pending.remove(&id);
        }
    }
}
