//! The product's ports over the account of the comparison. Nothing breaks here but what RDS throttles: each
//! call has its effect at once and is entered in the ledger.

use std::cell::{RefCell, RefMut};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::arn::{Region, StateMachineArn};
use snapferry::domain::command::{Command, Run, Step};
use snapferry::domain::failure::{Failure, Operation as Action};
use snapferry::domain::manifest::Manifest;
use snapferry::domain::names::ExecutionName;
use snapferry::domain::token::TaskToken;
use snapferry::json;
use snapferry::ports::{
    Callbacks, Clock, DelayMessage, Delivery, ExecutionState, Jitter, PortError, Probe, ProbeToken,
    RdsError, ReceiptHandle, SendCommand, StartExecution, Started,
};

use super::queue::Queue;
use super::table::Table;
use crate::compare::cloud::{Cloud, Operation, RDS_CALL, Sdk, database_of, later};
use crate::compare::ledger::Hop;
use snapferry_sim::rds::RdsFault;
use snapferry_sim::simulation::step_functions::{AboutToken, Status, StepFunctions};

/// The product's SDK: two tries, a fifth of a second between them (`src/aws/connect.rs`).
const SDK: Sdk = Sdk {
    tries: 2,
    first_wait: SignedDuration::from_millis(200),
};
/// How long a call of another service takes, as far as a function is billed for it. An assumption.
pub(super) const OTHER_CALL: SignedDuration = SignedDuration::from_millis(10);
/// How many calls of one batch, page or sweep a function has under way at once (`app::queue::CONCURRENCY`).
pub(super) const AT_ONCE: i32 = 10;

/// Everything of the stack that keeps a state.
pub(super) struct State {
    pub(super) sfn: StepFunctions,
    pub(super) machine: StateMachineArn,
    pub(super) table: Table,
    pub(super) commands: Queue,
    pub(super) events: Queue,
    /// When a worker can be at a command that was sent.
    pub(super) commands_due: Vec<Timestamp>,
    /// Which queue the invocation under way is fed by.
    pub(super) fed_by_events: bool,
}

/// One invocation's view.
pub(super) struct Inner<'a> {
    pub(super) cloud: &'a mut Cloud,
    pub(super) state: &'a mut State,
    pub(super) rds_calls: u32,
    pub(super) other_calls: u32,
    /// Whether its RDS calls come one after the other, and not beside each other.
    one_after_the_other: bool,
    pub(super) elapsed: SignedDuration,
}

/// The ports of one invocation.
pub(super) struct Port<'a> {
    inner: RefCell<Inner<'a>>,
}

impl<'a> Port<'a> {
    pub(super) fn new(
        cloud: &'a mut Cloud,
        state: &'a mut State,
        one_after_the_other: bool,
    ) -> Self {
        Self {
            inner: RefCell::new(Inner {
                cloud,
                state,
                rds_calls: 0,
                other_calls: 0,
                one_after_the_other,
                elapsed: SignedDuration::ZERO,
            }),
        }
    }

    /// How many calls of RDS and of others it has made.
    pub(super) fn calls(self) -> (u32, u32) {
        let inner = self.inner.into_inner();
        (inner.rds_calls, inner.other_calls)
    }

    pub(super) fn rds(&self) -> RefMut<'_, Inner<'a>> {
        self.inner.borrow_mut()
    }

    /// A call of another service than RDS.
    pub(super) fn other(&self) -> RefMut<'_, Inner<'a>> {
        let mut inner = self.inner.borrow_mut();
        inner.other_calls += 1;
        inner
    }
}

impl Inner<'_> {
    pub(super) fn now(&self) -> Timestamp {
        self.cloud.now
    }

    pub(super) fn reach(
        &mut self,
        action: Action,
        hop: Hop,
        operation: Operation,
    ) -> Result<(), RdsError> {
        self.rds_calls += 1;
        let at = later(self.now(), self.elapsed);
        if self.one_after_the_other {
            self.elapsed = self.elapsed.saturating_add(RDS_CALL);
        }
        let reached = self.cloud.reach_rds(hop, operation, at, SDK);
        reached.map(drop).map_err(|_| {
            let throttled = Some("Throttling".to_owned());
            self.error(action, hop, throttled, "Rate exceeded".to_owned())
        })
    }

    pub(super) fn error(
        &self,
        action: Action,
        hop: Hop,
        code: Option<String>,
        message: String,
    ) -> RdsError {
        let region = Region::parse(self.cloud.region(hop).as_str());
        RdsError {
            operation: action,
            region: region.expect("both models know the comparison's two regions"),
            code,
            message,
            source: None,
        }
    }

    pub(super) fn refused(&self, action: Action, hop: Hop, fault: &RdsFault) -> RdsError {
        self.error(
            action,
            hop,
            Some(fault.code().to_owned()),
            fault.to_string(),
        )
    }

    pub(super) fn hop_of(&self, region: &Region) -> Hop {
        if region.as_str() == self.cloud.home.as_str() {
            Hop::Copy
        } else {
            Hop::Snapshot
        }
    }

    /// Step Functions sends the commands of the states that it has entered.
    fn send_commands(&mut self) {
        let at = later(self.cloud.now, self.elapsed);
        self.state.send_commands(self.cloud, at);
    }

    pub(super) fn wrote(&mut self, kilobytes: u64) {
        self.cloud.ledger.write_units += kilobytes;
    }
}

impl State {
    pub(super) fn send_commands(&mut self, cloud: &mut Cloud, at: Timestamp) {
        while let Some(outgoing) = self.sfn.outbox.pop_front() {
            cloud.ledger.transitions += 1;
            cloud.ledger.queue_requests += 1;
            let due = self.commands.send(outgoing.body.to_string(), at);
            self.commands_due.push(due);
        }
    }
}

impl Clock for Port<'_> {
    fn now(&self) -> Timestamp {
        self.inner.borrow().now()
    }
}

impl Jitter for Port<'_> {
    fn jitter(&self) -> f64 {
        self.inner.borrow_mut().cloud.rng.f64()
    }
}

impl ProbeToken for Port<'_> {
    async fn send_task_heartbeat(&self, token: &TaskToken) -> Probe {
        match self.other().state.sfn.probe(token.reveal()) {
            AboutToken::Alive => Probe::Alive,
            AboutToken::Dead => Probe::Dead,
            AboutToken::Invalid => Probe::Invalid,
        }
    }
}

fn delivery(about: AboutToken) -> Delivery {
    match about {
        AboutToken::Alive => Delivery::Accepted,
        AboutToken::Dead => Delivery::NobodyWaits,
        AboutToken::Invalid => Delivery::Invalid,
    }
}

impl Callbacks for Port<'_> {
    async fn send_task_success(&self, token: &TaskToken, manifest: &Manifest) -> Delivery {
        let mut inner = self.other();
        let now = inner.now();
        let output = json::manifest::write(manifest);
        let about = inner.state.sfn.succeed(token.reveal(), &output, now);
        if about == AboutToken::Alive {
            let hop = match manifest.step {
                Step::Snapshot => Hop::Snapshot,
                Step::Copy => Hop::Copy,
            };
            let at = later(now, inner.elapsed);
            let region = inner.cloud.region(hop).clone();
            let truth = inner.cloud.rds.snapshot(&region, manifest.snapshot.name());
            let found = truth.map(|truth| (database_of(&truth.instance.identifier), truth.since()));
            if let Some((Some(database), ready)) = found {
                inner.cloud.ledger.notice(hop, database, ready, at);
            }
            inner.send_commands();
        }
        delivery(about)
    }

    async fn send_task_failure(&self, token: &TaskToken, failure: &Failure) -> Delivery {
        let mut inner = self.other();
        let now = inner.now();
        delivery(
            inner
                .state
                .sfn
                .fail(token.reveal(), failure.reason.error_name(), now),
        )
    }
}

impl StartExecution for Port<'_> {
    async fn start_execution(&self, name: &ExecutionName, run: &Run) -> Result<Started, PortError> {
        let mut inner = self.other();
        let input = json::run::write(run);
        if let Some(execution) = inner.state.sfn.executions.get(name.as_str()) {
            let same = execution.is_running() && *execution.input == *input;
            return Ok(if same {
                Started::Running
            } else {
                Started::NameUsed
            });
        }
        // Two calls a row, ten rows at once.
        inner.elapsed = inner
            .elapsed
            .saturating_add(OTHER_CALL.saturating_mul(2) / AT_ONCE);
        let arn = inner.state.machine.execution(name).to_string();
        let now = inner.now();
        inner
            .state
            .sfn
            .start(name.as_str(), arn, run.clone(), input, now);
        // The start, the choice of the source, and the end of the execution.
        inner.cloud.ledger.transitions += 3;
        inner.send_commands();
        Ok(Started::Running)
    }

    async fn describe_execution(&self, name: &ExecutionName) -> Result<ExecutionState, PortError> {
        let inner = self.other();
        let execution = inner.state.sfn.executions.get(name.as_str());
        Ok(match execution.map(|execution| &execution.status) {
            None => ExecutionState::Unknown,
            Some(Status::Sleeping { .. } | Status::Retrying { .. }) => ExecutionState::Running,
            Some(Status::Succeeded) => ExecutionState::Succeeded,
            Some(Status::Failed { .. }) => ExecutionState::Failed,
        })
    }
}

impl SendCommand for Port<'_> {
    async fn send_command(&self, command: &Command) -> Result<(), PortError> {
        let mut inner = self.other();
        let at = later(inner.now(), inner.elapsed);
        inner.cloud.ledger.queue_requests += 1;
        let due = inner.state.commands.send(json::command::write(command), at);
        inner.state.commands_due.push(due);
        Ok(())
    }
}

impl DelayMessage for Port<'_> {
    async fn delay_message(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<(), PortError> {
        let mut inner = self.other();
        inner.cloud.ledger.queue_requests += 1;
        // SQS takes whole seconds.
        let seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
        let whole = seconds + i64::from(delay.subsec_nanos() > 0);
        let until = later(inner.now(), SignedDuration::from_secs(whole));
        let state = &mut inner.state;
        let queue = if state.fed_by_events {
            &mut state.events
        } else {
            &mut state.commands
        };
        queue.delay(&receipt.0, until);
        Ok(())
    }
}
