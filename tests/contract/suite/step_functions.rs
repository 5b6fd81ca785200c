//! Step Functions: each token is ended once, and each execution is started once by its name.

use snapferry::domain::id::token::TaskToken;
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::domain::run::failure::{Failure, Reason};
use snapferry::ports::{
    Callbacks, Delivery, ExecutionState, ListRunning, Probe, ProbeToken, StartExecution, Started,
    StopExecution,
};

use super::samples::{execution, recovery_point, run, time};

/// A state machine behind the ports, whose executions sleep on one token each.
pub(crate) trait MachineUnderTest {
    /// The ports over it.
    type Ports: ProbeToken + Callbacks + StartExecution + ListRunning + StopExecution;

    /// The ports over it.
    fn ports(&self) -> &Self::Ports;
    /// Starts an execution, and returns the token that it sleeps on.
    async fn sleeping_token(&self) -> TaskToken;
    /// Ends the only sleeping execution with success or with an error.
    async fn end(&self, name: &str, well: bool);
}

async fn probe(machine: &impl MachineUnderTest, token: &TaskToken) -> Probe {
    machine.ports().send_task_heartbeat(token).await
}

async fn succeed(machine: &impl MachineUnderTest, token: &TaskToken) -> Delivery {
    let point = recovery_point("orders", Some("2026-11-22T03:01:00Z"));
    machine.ports().send_task_success(token, &point).await
}

async fn fail(machine: &impl MachineUnderTest, token: &TaskToken) -> Delivery {
    let failure = Failure::new(Reason::SnapshotFailed, "RDS says failed");
    machine.ports().send_task_failure(token, &failure).await
}

async fn start(machine: &impl MachineUnderTest, run: &ProtectionRequest) -> Started {
    let name = execution("run-of-orders");
    let started = machine.ports().start_execution(&name, run).await;
    started.unwrap()
}

async fn state(machine: &impl MachineUnderTest) -> ExecutionState {
    let name = execution("run-of-orders");
    machine.ports().describe_execution(&name).await.unwrap()
}

pub(crate) async fn a_token_that_somebody_sleeps_on_is_alive(machine: &impl MachineUnderTest) {
    let token = machine.sleeping_token().await;
    for _ in 0..2 {
        let probe = probe(machine, &token).await;
        assert!(matches!(probe, Probe::Alive), "{probe:?}");
    }
}

pub(crate) async fn a_success_is_accepted_once(machine: &impl MachineUnderTest) {
    let token = machine.sleeping_token().await;
    let first = succeed(machine, &token).await;
    assert!(matches!(first, Delivery::Accepted), "{first:?}");
    let second = succeed(machine, &token).await;
    assert!(matches!(second, Delivery::NobodyWaits), "{second:?}");
    let failure = fail(machine, &token).await;
    assert!(matches!(failure, Delivery::NobodyWaits), "{failure:?}");
}

pub(crate) async fn a_failure_is_accepted_once(machine: &impl MachineUnderTest) {
    let token = machine.sleeping_token().await;
    let first = fail(machine, &token).await;
    assert!(matches!(first, Delivery::Accepted), "{first:?}");
    let second = fail(machine, &token).await;
    assert!(matches!(second, Delivery::NobodyWaits), "{second:?}");
}

pub(crate) async fn a_token_is_dead_once_its_task_has_ended(machine: &impl MachineUnderTest) {
    let token = machine.sleeping_token().await;
    succeed(machine, &token).await;
    let probe = probe(machine, &token).await;
    assert!(matches!(probe, Probe::Dead), "{probe:?}");
}

pub(crate) async fn an_execution_is_unknown_before_it_is_started(machine: &impl MachineUnderTest) {
    assert_eq!(state(machine).await, ExecutionState::Unknown);
}

pub(crate) async fn an_execution_runs_once_it_is_started(machine: &impl MachineUnderTest) {
    assert_eq!(start(machine, &run("orders")).await, Started::Running);
    assert_eq!(state(machine).await, ExecutionState::Running);
}

pub(crate) async fn a_name_is_used_up_by_another_input(machine: &impl MachineUnderTest) {
    start(machine, &run("orders")).await;
    let other = ProtectionRequest {
        planned_at: time("2026-11-23T03:00:00Z"),
        ..run("orders")
    };
    assert_eq!(start(machine, &other).await, Started::NameUsed);
}

pub(crate) async fn a_name_is_used_up_by_an_execution_that_has_ended(
    machine: &impl MachineUnderTest,
) {
    start(machine, &run("orders")).await;
    machine.end("run-of-orders", true).await;
    assert_eq!(state(machine).await, ExecutionState::Succeeded);
    assert_eq!(start(machine, &run("orders")).await, Started::NameUsed);
}

pub(crate) async fn an_execution_whose_task_fails_has_failed(machine: &impl MachineUnderTest) {
    start(machine, &run("orders")).await;
    machine.end("run-of-orders", false).await;
    assert_eq!(state(machine).await, ExecutionState::Failed);
}

pub(crate) async fn a_stopped_execution_has_failed_and_is_listed_no_more(
    machine: &impl MachineUnderTest,
) {
    let name = execution("run-of-orders");
    start(machine, &run("orders")).await;
    let listed = machine.ports().list_running(None).await.unwrap();
    assert_eq!(listed.items, std::slice::from_ref(&name));
    let stopped = machine.ports().stop_execution(&name, "a person").await;
    stopped.unwrap();
    assert_eq!(state(machine).await, ExecutionState::Failed);
    let listed = machine.ports().list_running(None).await.unwrap();
    assert!(listed.items.is_empty(), "{listed:?}");
    assert_eq!(start(machine, &run("orders")).await, Started::NameUsed);
}

pub(crate) async fn an_execution_that_is_not_known_cannot_be_stopped(
    machine: &impl MachineUnderTest,
) {
    let name = execution("run-of-orders");
    let stopped = machine.ports().stop_execution(&name, "a person").await;
    let code = stopped.unwrap_err().code;
    assert_eq!(code.as_deref(), Some("ExecutionDoesNotExist"));
}
