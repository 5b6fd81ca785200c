//! All ports over one state.

use std::cell::{Ref, RefCell, RefMut};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Refusal;
use super::operator::Operator;
use super::queue::Queue;
use super::rds::RdsModel;
use super::step_functions::{Executions, StepFunctionsModel, TaskEnd, Token};
use super::table::Table;
use crate::domain::arn::{ExecutionArn, Family, RdsArn, Region};
use crate::domain::command::{Command, DatabaseRef, Run};
use crate::domain::database::Database;
use crate::domain::failure::{Failure, Operation};
use crate::domain::manifest::Manifest;
use crate::domain::names::{ExecutionName, ResourceId, SnapshotId};
use crate::domain::policy_set::{Applied, Stamp, Version};
use crate::domain::redrive::{EndedBadly, EndedExecution, Inspection};
use crate::domain::slots::SlotLimits;
use crate::domain::snapshot::Snapshot;
use crate::domain::tags::PolicyName;
use crate::domain::token::TaskToken;
use crate::domain::trouble::Trouble;
use crate::domain::wait::{Phase, Wait};
use crate::ports::{
    Abandoned, AutomatedSnapshots, Callbacks, Claim, ClaimRun, ClaimSlot, Clock, CopySnapshot,
    CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest, DeadLetter, DelayMessage, Delivery,
    DescribeQuota, DescribeSnapshots, Entry, ExecutionState, FindDatabases, FreeSlot, Held,
    InspectExecution, Jitter, ListDatabases, ListEnded, ListOpen, LookUpWaits, NoteTrouble,
    OpenMarker, OpenPage, Page, PlanCursor, PortError, Probe, ProbeToken, RdsError,
    ReadDefinitions, ReadEntries, ReadPlanCursor, ReadPolicies, ReadPolicyHistory, ReceiptHandle,
    ReceiveDeadLetters, RecordRecoveryPoint, RedriveExecution, Redriven, RemoveDeadLetter,
    SendAgain, SendCommand, SnapshotQuota, StartExecution, Started, StorePolicies, Waits, Written,
};
use crate::wire;

/// Everything that the ports reach.
#[derive(Debug)]
pub struct State<R, S> {
    /// The clock.
    pub now: Timestamp,
    /// The table.
    pub table: Table,
    /// RDS.
    pub rds: R,
    /// Step Functions.
    pub step_functions: S,
    /// The worker's queue.
    pub commands: Queue,
    /// The reactor's queue.
    pub events: Queue,
    /// The dead letters that the operator replays. What is replayed goes to the commands.
    pub dead_letters: Queue,
    /// What the operator's own calls are answered with.
    pub operator: Operator,
}

/// The fake: every port, over one state.
#[derive(Debug)]
pub struct World<R, S = Executions> {
    state: RefCell<State<R, S>>,
}

impl<R, S> World<R, S> {
    /// A world at a time.
    #[must_use]
    pub fn new(now: Timestamp, rds: R, step_functions: S) -> Self {
        let state = State {
            now,
            table: Table::default(),
            rds,
            step_functions,
            commands: Queue::new("commands"),
            events: Queue::new("events"),
            dead_letters: Queue::new("dead-letters"),
            operator: Operator::default(),
        };
        Self {
            state: RefCell::new(state),
        }
    }

    /// The state, to be looked at.
    #[must_use]
    pub fn state(&self) -> Ref<'_, State<R, S>> {
        self.state.borrow()
    }

    /// The state, to be changed.
    #[must_use]
    pub fn state_mut(&self) -> RefMut<'_, State<R, S>> {
        self.state.borrow_mut()
    }

    /// Moves the clock.
    pub fn pass(&self, span: SignedDuration) {
        let mut state = self.state_mut();
        state.now += span;
    }

    /// Changes the table, at the time that it is.
    fn table<T>(&self, change: impl FnOnce(&mut Table, Timestamp) -> T) -> T {
        let mut state = self.state_mut();
        let now = state.now;
        change(&mut state.table, now)
    }

    fn rds<T>(
        &self,
        operation: Operation,
        region: &Region,
        ask: impl FnOnce(&mut R, Timestamp) -> Result<T, Refusal>,
    ) -> Result<T, RdsError> {
        let mut state = self.state_mut();
        let now = state.now;
        ask(&mut state.rds, now).map_err(|refusal| refusal.of_rds(operation, region))
    }
}

impl<R, S> Clock for World<R, S> {
    fn now(&self) -> Timestamp {
        self.state().now
    }
}

/// Retries are spread as little as can be.
impl<R, S> Jitter for World<R, S> {
    fn jitter(&self) -> f64 {
        1.0
    }
}

impl<R: RdsModel, S> ListDatabases for World<R, S> {
    async fn list_databases(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        let operation = Operation::describe_databases(family);
        self.rds(operation, region, |rds, now| {
            rds.list_databases(region, family, marker, now)
        })
    }
}

impl<R: RdsModel, S> FindDatabases for World<R, S> {
    async fn find_databases(
        &self,
        region: &Region,
        family: Family,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError> {
        let operation = Operation::describe_databases(family);
        self.rds(operation, region, |rds, now| {
            rds.find_databases(region, family, ids, now)
        })
    }
}

impl<R: RdsModel, S> DescribeSnapshots for World<R, S> {
    async fn describe_snapshots(
        &self,
        region: &Region,
        family: Family,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        let operation = Operation::describe_snapshots(family);
        self.rds(operation, region, |rds, now| {
            rds.describe_snapshots(region, family, ids, now)
        })
    }
}

impl<R: RdsModel, S> AutomatedSnapshots for World<R, S> {
    async fn automated_snapshots(
        &self,
        region: &Region,
        family: Family,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let operation = Operation::describe_snapshots(family);
        self.rds(operation, region, |rds, now| {
            rds.automated_snapshots(region, family, of, marker, now)
        })
    }
}

impl<R: RdsModel, S> CreateSnapshot for World<R, S> {
    async fn create_snapshot(&self, request: &CreateSnapshotRequest) -> Result<(), RdsError> {
        let database = &request.database;
        let operation = Operation::create_snapshot(database.family());
        self.rds(operation, database.region(), |rds, now| {
            rds.create_snapshot(request, now)
        })
    }
}

impl<R: RdsModel, S> CopySnapshot for World<R, S> {
    async fn copy_snapshot(&self, request: &CopySnapshotRequest) -> Result<(), RdsError> {
        let operation = Operation::copy_snapshot(request.source.family());
        self.rds(operation, &request.region, |rds, now| {
            rds.copy_snapshot(request, now)
        })
    }
}

impl<R: RdsModel, S> DescribeQuota for World<R, S> {
    async fn describe_snapshot_quota(
        &self,
        region: &Region,
        family: Family,
    ) -> Result<Option<SnapshotQuota>, RdsError> {
        Ok(self.state_mut().rds.snapshot_quota(region, family))
    }
}

impl<R, S: StepFunctionsModel> ProbeToken for World<R, S> {
    async fn send_task_heartbeat(&self, token: &TaskToken) -> Probe {
        let mut state = self.state_mut();
        let now = state.now;
        match state.step_functions.token(token, now) {
            Token::Alive => Probe::Alive,
            Token::Dead => Probe::Dead,
            Token::Invalid => Probe::Invalid,
            Token::Unknown(refusal) => Probe::Unknown(refusal.of_port("SendTaskHeartbeat")),
        }
    }
}

impl<R, S: StepFunctionsModel> World<R, S> {
    fn end_task(&self, action: &'static str, token: &TaskToken, end: TaskEnd) -> Delivery {
        let mut state = self.state_mut();
        let now = state.now;
        match state.step_functions.end_task(token, end, now) {
            Token::Alive => Delivery::Accepted,
            Token::Dead => Delivery::NobodyWaits,
            Token::Invalid => Delivery::Invalid,
            Token::Unknown(refusal) => Delivery::Unknown(refusal.of_port(action)),
        }
    }
}

impl<R, S: StepFunctionsModel> Callbacks for World<R, S> {
    async fn send_task_success(&self, token: &TaskToken, manifest: &Manifest) -> Delivery {
        let end = TaskEnd::Success(Box::new(manifest.clone()));
        self.end_task("SendTaskSuccess", token, end)
    }

    async fn send_task_failure(&self, token: &TaskToken, failure: &Failure) -> Delivery {
        let end = TaskEnd::Failure(failure.clone());
        self.end_task("SendTaskFailure", token, end)
    }
}

impl<R, S: StepFunctionsModel> StartExecution for World<R, S> {
    async fn start_execution(&self, name: &ExecutionName, run: &Run) -> Result<Started, PortError> {
        let mut state = self.state_mut();
        let now = state.now;
        Ok(state.step_functions.start(name, run, now))
    }

    async fn describe_execution(&self, name: &ExecutionName) -> Result<ExecutionState, PortError> {
        Ok(self.state().step_functions.state(name))
    }
}

impl<R, S> Waits for World<R, S> {
    async fn register(&self, wait: &Wait) -> Result<Option<Wait>, PortError> {
        Ok(self.table(|table, now| table.register(wait, now)))
    }

    async fn replace(&self, wait: &Wait, instead_of: &Wait) -> Result<Written, PortError> {
        Ok(self.table(|table, now| table.replace(wait, instead_of, now)))
    }

    async fn set_phase(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        phase: Phase,
        since: Timestamp,
    ) -> Result<Written, PortError> {
        Ok(self.table(|table, now| table.set_phase(resource, token, (phase, since), now)))
    }

    async fn forget(&self, resource: &RdsArn, token: &TaskToken) -> Result<(), PortError> {
        self.table(|table, now| table.forget(resource, token, now));
        Ok(())
    }
}

impl<R, S> NoteTrouble for World<R, S> {
    async fn note_trouble(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        trouble: &Trouble,
    ) -> Result<Written, PortError> {
        Ok(self.table(|table, now| table.note_trouble(resource, token, trouble, now)))
    }
}

/// How many keys one `BatchGetItem` takes.
const BATCH_MAX: usize = 100;

fn assert_batch<T>(keys: &[T]) {
    assert!(keys.len() <= BATCH_MAX, "BatchGetItem takes 100 keys");
}

impl<R, S> LookUpWaits for World<R, S> {
    async fn look_up(&self, resources: &[RdsArn]) -> Result<Vec<Wait>, PortError> {
        assert_batch(resources);
        Ok(self.state().table.look_up(resources))
    }
}

impl<R, S> ListOpen for World<R, S> {
    async fn list_open(&self, from: Option<OpenMarker>) -> Result<OpenPage, PortError> {
        Ok(self.state().table.list_open(from.as_ref()))
    }
}

impl<R, S> ClaimSlot for World<R, S> {
    async fn claim_slot(&self, copy: &RdsArn, limits: &SlotLimits) -> Result<bool, PortError> {
        Ok(self.table(|table, now| table.claim_slot(copy, limits, now)))
    }
}

impl<R, S> FreeSlot for World<R, S> {
    async fn free_slot(
        &self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
        proof: &Abandoned,
    ) -> Result<bool, PortError> {
        Ok(self.table(|table, now| table.free_slot(copy, of_policy, proof, now)))
    }
}

impl<R, S> ClaimRun for World<R, S> {
    async fn claim_run(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        execution: &ExecutionName,
        at: Timestamp,
        instead_of: Option<&Held>,
    ) -> Result<Claim, PortError> {
        Ok(self.table(|table, _| table.claim_run(database, policy, execution, at, instead_of)))
    }
}

impl<R, S> RecordRecoveryPoint for World<R, S> {
    async fn record_recovery_point(
        &self,
        run: &Run,
        execution: &ExecutionArn,
        copy: &Manifest,
    ) -> Result<(), PortError> {
        self.table(|table, _| {
            table.enter_recovery_point(run, copy);
            table.end_run(run, execution);
        });
        Ok(())
    }
}

impl<R, S> ReadEntries for World<R, S> {
    async fn read_entries(&self, of: &[(ResourceId, PolicyName)]) -> Result<Vec<Entry>, PortError> {
        assert_batch(of);
        Ok(self.state().table.read_entries(of))
    }
}

impl<R, S> ReadPlanCursor for World<R, S> {
    async fn planned_until(
        &self,
        policy: &PolicyName,
        region: &Region,
    ) -> Result<Option<Timestamp>, PortError> {
        Ok(self.state().table.planned_until(policy, region))
    }
}

impl<R, S> PlanCursor for World<R, S> {
    async fn set_planned_until(
        &self,
        policy: &PolicyName,
        region: &Region,
        due: Timestamp,
    ) -> Result<(), PortError> {
        self.table(|table, _| table.set_planned_until(policy, region, due));
        Ok(())
    }
}

impl<R, S> ReadPolicies for World<R, S> {
    async fn current_policies(&self) -> Result<Option<Applied>, PortError> {
        Ok(self.state().table.policies().last().cloned())
    }
}

impl<R, S> ReadPolicyHistory for World<R, S> {
    async fn current_stamp(&self) -> Result<Option<Stamp>, PortError> {
        let state = self.state();
        let current = state.table.policies().last();
        Ok(current.map(|set| set.stamp.clone()))
    }

    async fn policy_version(&self, version: Version) -> Result<Option<Applied>, PortError> {
        Ok(self.state().table.policy_version(version).cloned())
    }

    async fn policy_stamps(&self, versions: &[Version]) -> Result<Vec<Stamp>, PortError> {
        assert_batch(versions);
        Ok(self.state().table.policy_stamps(versions))
    }
}

impl<R, S> StorePolicies for World<R, S> {
    async fn store_policies(&self, set: &Applied) -> Result<Written, PortError> {
        Ok(self.table(|table, _| table.store_policies(set)))
    }
}

impl<R, S> SendCommand for World<R, S> {
    async fn send_command(&self, command: &Command) -> Result<(), PortError> {
        let mut state = self.state_mut();
        let now = state.now;
        state.commands.send(wire::command::write(command), (), now);
        Ok(())
    }
}

impl<R, S> State<R, S> {
    /// The queue that a message lies in, by a handle of it.
    fn queue_of(&mut self, receipt: &ReceiptHandle) -> Option<&mut Queue> {
        let queues = [&mut self.commands, &mut self.events, &mut self.dead_letters];
        queues.into_iter().find(|queue| queue.knows(receipt))
    }
}

impl<R, S> DelayMessage for World<R, S> {
    async fn delay_message(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<(), PortError> {
        let mut state = self.state_mut();
        let now = state.now;
        let Some(queue) = state.queue_of(receipt) else {
            let refusal = Refusal::code("ReceiptHandleIsInvalid");
            return Err(refusal.of_port("ChangeMessageVisibility"));
        };
        queue.delay(receipt, delay, now);
        Ok(())
    }
}

impl<R, S> ReceiveDeadLetters for World<R, S> {
    async fn receive_dead_letters(
        &self,
        most: usize,
        hidden_for: Duration,
    ) -> Result<Vec<DeadLetter>, PortError> {
        assert!(
            (1..=10).contains(&most),
            "SQS hands over one to ten messages"
        );
        let mut state = self.state_mut();
        let now = state.now;
        Ok(state
            .dead_letters
            .receive_dead_letters(most, hidden_for, now))
    }
}

impl<R, S> SendAgain for World<R, S> {
    async fn send_again(&self, body: &str) -> Result<(), PortError> {
        let mut state = self.state_mut();
        let now = state.now;
        state.commands.send(body, (), now);
        Ok(())
    }
}

impl<R, S> RemoveDeadLetter for World<R, S> {
    async fn remove_dead_letter(&self, receipt: &ReceiptHandle) -> Result<(), PortError> {
        let queue = &mut self.state_mut().dead_letters;
        if let Some(number) = queue.number_of(receipt) {
            queue.remove(number);
        }
        Ok(())
    }
}

impl<R> ListEnded for World<R> {
    async fn list_executions(
        &self,
        ended: EndedBadly,
        from: Option<String>,
    ) -> Result<Page<EndedExecution>, PortError> {
        Ok(self.state().step_functions.list(ended, from))
    }
}

impl<R> InspectExecution for World<R> {
    async fn inspect_execution(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<Inspection>, PortError> {
        Ok(self.state().step_functions.inspect(name))
    }
}

impl<R> ReadDefinitions for World<R> {
    async fn definition_now(&self) -> Result<String, PortError> {
        Ok(self.state().step_functions.definition.clone())
    }

    async fn definition_of(&self, name: &ExecutionName) -> Result<String, PortError> {
        let found = self.state().step_functions.definition_of(name);
        found.map_err(|refusal| refusal.of_port("DescribeStateMachineForExecution"))
    }
}

impl<R> RedriveExecution for World<R> {
    async fn redrive_execution(&self, name: &ExecutionName) -> Result<Redriven, PortError> {
        let redriven = self.state_mut().step_functions.redrive(name);
        redriven.map_err(|refusal| refusal.of_port("RedriveExecution"))
    }
}
