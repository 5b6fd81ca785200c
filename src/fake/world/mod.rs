//! Implements all ports over one state.

mod configurations;
mod drills;
mod operator;
mod queues;
mod rds;
mod restores;
mod retention;
mod selected;
mod step_functions;
mod table;

use std::cell::{Ref, RefCell, RefMut};

use jiff::{SignedDuration, Timestamp};

use super::operator::Operator;
use super::queue::Queue;
use super::step_functions::Executions;
use super::table::Table;
use crate::ports::{Clock, Jitter};

/// Everything that the ports reach. `N` is the owner's note about a message.
#[derive(Debug)]
pub struct State<R, S, N = ()> {
    /// The clock.
    pub now: Timestamp,
    /// The table.
    pub table: Table,
    /// RDS.
    pub rds: R,
    /// Step Functions.
    pub step_functions: S,
    /// The worker's queue.
    pub commands: Queue<N>,
    /// The reactor's queue.
    pub events: Queue<N>,
    /// The dead letters that the operator replays. Replayed messages go to the commands.
    pub dead_letters: Queue<N>,
    /// The answers to the operator's own calls.
    pub operator: Operator,
}

impl<R, S, N> State<R, S, N> {
    /// A state with an empty table and empty queues, at this time.
    #[must_use]
    pub fn new(now: Timestamp, rds: R, step_functions: S) -> Self {
        Self {
            now,
            table: Table::default(),
            rds,
            step_functions,
            commands: Queue::new("commands"),
            events: Queue::new("events"),
            dead_letters: Queue::new("dead-letters"),
            operator: Operator::default(),
        }
    }
}

/// The owner of the state: the fake itself, or a simulation that keeps more than this.
pub trait Holds {
    /// The model of RDS.
    type Rds;
    /// The model of Step Functions.
    type StepFunctions;
    /// The owner's note about a message.
    type Note: Default;

    /// Calls `act` with the state. Nothing else may use the state meanwhile.
    fn with<T>(
        &self,
        act: impl FnOnce(&mut State<Self::Rds, Self::StepFunctions, Self::Note>) -> T,
    ) -> T;
}

impl<R, S, N: Default> Holds for RefCell<State<R, S, N>> {
    type Rds = R;
    type StepFunctions = S;
    type Note = N;

    fn with<T>(&self, act: impl FnOnce(&mut State<R, S, N>) -> T) -> T {
        act(&mut self.borrow_mut())
    }
}

/// Every port, over the state that `L` holds.
#[derive(Debug)]
pub struct Ports<L>(pub L);

/// The fake that keeps its own state.
pub type World<R, S = Executions> = Ports<RefCell<State<R, S>>>;

impl<L: Holds> Ports<L> {
    fn with<T>(&self, act: impl FnOnce(&mut State<L::Rds, L::StepFunctions, L::Note>) -> T) -> T {
        self.0.with(act)
    }
}

impl<R, S> World<R, S> {
    /// A world at this time.
    #[must_use]
    pub fn new(now: Timestamp, rds: R, step_functions: S) -> Self {
        Self(RefCell::new(State::new(now, rds, step_functions)))
    }

    /// The state, to be looked at.
    #[must_use]
    pub fn state(&self) -> Ref<'_, State<R, S>> {
        self.0.borrow()
    }

    /// The state, to be changed.
    #[must_use]
    pub fn state_mut(&self) -> RefMut<'_, State<R, S>> {
        self.0.borrow_mut()
    }

    /// Moves the clock.
    pub fn pass(&self, span: SignedDuration) {
        let mut state = self.state_mut();
        state.now += span;
    }
}

impl<L: Holds> Clock for Ports<L> {
    fn now(&self) -> Timestamp {
        self.with(|state| state.now)
    }
}

/// Retries are not spread.
impl<L> Jitter for Ports<L> {
    fn jitter(&self) -> f64 {
        1.0
    }
}

/// How many keys one `BatchGetItem` takes.
const BATCH_MAX: usize = 100;

fn assert_batch<T>(keys: &[T]) {
    assert!(keys.len() <= BATCH_MAX, "BatchGetItem takes 100 keys");
}
