//! Runs the contract of the ports against the fake in memory. `tests/emulator` runs the same cases against the adapters
//! over the AWS SDK.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod suite;

use std::time::Duration;

use futures_util::FutureExt;
use jiff::SignedDuration;
use snapferry::domain::id::token::TaskToken;
use snapferry::domain::run::command::Command;
use snapferry::fake::{Call, CallOutcome, Executions, Hook, Shelf, Through, Token, World};
use snapferry::json;
use snapferry::ports::{ExecutionState, ReceiptHandle, StartExecution, Started};

use crate::suite::letters::Queues;
use crate::suite::samples::{self, execution, time, token};
use crate::suite::step_functions::MachineUnderTest;

/// No case calls RDS.
fn fake() -> World<Shelf> {
    let shelf = Shelf::new(|_, _| panic!("no snapshot is taken here"));
    World::new(time("2026-11-22T03:05:00Z"), shelf, Executions::default())
}

fn run<T>(case: impl Future<Output = T>) -> T {
    case.now_or_never().expect("the fake makes nobody wait")
}

fn on_the_fake(case: impl AsyncFn(&World<Shelf>)) {
    run(case(&fake()));
}

suite::table_contract!(crate::on_the_fake);

/// The fake with a hook that does nothing, because a wrapper must not change what the ports do.
mod wrapped {
    use super::*;

    struct Nothing;

    impl Hook<World<Shelf>> for Nothing {
        async fn before(&self, _: &World<Shelf>, _: &Call) -> CallOutcome {
            CallOutcome::Proceeds
        }
    }

    fn on_the_wrapped_fake(case: impl AsyncFn(&Through<World<Shelf>, Nothing>)) {
        run(case(&Through::around(fake(), Nothing)));
    }

    suite::table_contract!(crate::wrapped::on_the_wrapped_fake);
}

/// The fake whose index lags, after the index has caught up.
mod lagging {
    use super::*;

    struct CatchesUp;

    impl Hook<World<Shelf>> for CatchesUp {
        async fn before(&self, world: &World<Shelf>, _: &Call) -> CallOutcome {
            world.state_mut().table.catch_up(|_| false);
            CallOutcome::Proceeds
        }
    }

    fn on_a_lagging_index(case: impl AsyncFn(&Through<World<Shelf>, CatchesUp>)) {
        let world = fake();
        let mut state = world.state_mut();
        state.table = state.table.clone().with_an_index_that_lags();
        drop(state);
        run(case(&Through::around(world, CatchesUp)));
    }

    suite::table_contract!(crate::lagging::on_a_lagging_index);
}

/// The queues of a fake.
struct FakeQueues(World<Shelf>);

impl Queues for FakeQueues {
    type Commands = World<Shelf>;
    type DeadLetters = World<Shelf>;

    fn commands(&self) -> &World<Shelf> {
        &self.0
    }

    fn dead_letters(&self) -> &World<Shelf> {
        &self.0
    }

    async fn receive_command(&self) -> Option<(Command, ReceiptHandle)> {
        let mut state = self.0.state_mut();
        let now = state.now;
        let number = state.commands.visible(now).next()?;
        let received = state
            .commands
            .receive(number, Duration::from_secs(180), now)?;
        Some((
            json::command::read(&received.body).unwrap(),
            received.receipt,
        ))
    }

    async fn put_dead_letter(&self, body: &str) {
        let mut state = self.0.state_mut();
        let now = state.now;
        state.dead_letters.send(body, (), now);
    }

    async fn sent_again(&self) -> Vec<String> {
        let state = self.0.state();
        let messages = state.commands.messages();
        messages.map(|(_, one)| one.body.to_string()).collect()
    }

    fn a_second_passes(&self) {
        self.0.pass(SignedDuration::from_secs(1));
    }
}

fn on_the_queues(case: impl AsyncFn(&FakeQueues)) {
    run(case(&FakeQueues(fake())));
}

suite::queue_contract!(crate::on_the_queues);

/// The state machine of a fake.
struct FakeMachine(World<Shelf>);

impl MachineUnderTest for FakeMachine {
    type Ports = World<Shelf>;

    fn ports(&self) -> &World<Shelf> {
        &self.0
    }

    async fn sleeping_token(&self) -> TaskToken {
        let executions = &mut self.0.state_mut().step_functions;
        executions.set_token("asleep", Token::Alive);
        token("asleep")
    }

    async fn end(&self, name: &str, well: bool) {
        let state = match well {
            true => ExecutionState::Succeeded,
            false => ExecutionState::Failed,
        };
        let executions = &mut self.0.state_mut().step_functions;
        executions.set_state(&execution(name), state);
    }
}

fn on_the_machine(case: impl AsyncFn(&FakeMachine)) {
    run(case(&FakeMachine(fake())));
}

suite::step_functions_contract!(crate::on_the_machine);

/// AWS documents this (StartExecution, *idempotency*). The emulator refuses it, so only the fake is tested.
#[test]
fn an_execution_that_runs_is_not_started_a_second_time() {
    let world = fake();
    let name = execution("run-of-orders");
    for _ in 0..2 {
        let started = run(world.start_execution(&name, &samples::run("orders")));
        assert_eq!(started.unwrap(), Started::Running);
    }
    assert_eq!(world.state().step_functions.started.len(), 1);
}
