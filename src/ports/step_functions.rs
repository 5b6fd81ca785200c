//! Step Functions.

use super::error::PortError;
use super::pages::Page;
use crate::domain::id::names::ExecutionName;
use crate::domain::id::token::TaskToken;
use crate::domain::operator::redrive::{FailedExecution, FailedStatus, Inspection};
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::failure::Failure;
use crate::domain::run::manifest::Manifest;

/// Whether a token is alive.
#[derive(Debug)]
pub enum Probe {
    /// An execution sleeps on it.
    Alive,
    /// No execution sleeps on it any more (`TaskTimedOut`, `TaskDoesNotExist`).
    Dead,
    /// It is not a token of this account and region (`InvalidToken`).
    Invalid,
    /// Unknown now: the call was throttled, refused or broken. Such a token never counts as dead.
    Unknown(PortError),
}

/// Probes tokens.
pub trait ProbeToken {
    /// `SendTaskHeartbeat`.
    async fn send_task_heartbeat(&self, token: &TaskToken) -> Probe;
}

/// The result of a callback.
#[derive(Debug)]
pub enum Delivery {
    /// Step Functions accepted it.
    Accepted,
    /// Nobody waits any more (`TaskTimedOut`, `TaskDoesNotExist`): the token was settled before, or its task timed out.
    NobodyWaits,
    /// The text is not a token (`InvalidToken`), though Snapferry had stored it as one.
    Invalid,
    /// Unknown: the call was throttled, refused or broken. Try again.
    Unknown(PortError),
}

/// Answers tokens.
pub trait Callbacks {
    /// `SendTaskSuccess` with the manifest as output.
    async fn send_task_success(&self, token: &TaskToken, manifest: &Manifest) -> Delivery;
    /// `SendTaskFailure` with the reason's name and cause.
    async fn send_task_failure(&self, token: &TaskToken, failure: &Failure) -> Delivery;
}

/// The result of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It is running, started by this call or by an earlier one with the same input.
    Running,
    /// An execution of this name exists already. It has ended, or has another input.
    NameUsed,
}

/// The state of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionState {
    /// It is running, or Step Functions is about to redrive it.
    Running,
    /// It has succeeded.
    Succeeded,
    /// It has failed, has timed out, or was stopped.
    Failed,
    /// Step Functions knows no execution of this name.
    Unknown,
}

/// Starts executions.
pub trait StartExecution {
    /// `StartExecution`.
    async fn start_execution(
        &self,
        name: &ExecutionName,
        run: &ProtectionRequest,
    ) -> Result<Started, PortError>;
    /// `DescribeExecution`.
    async fn describe_execution(&self, name: &ExecutionName) -> Result<ExecutionState, PortError>;
}

/// Lists failed executions.
pub trait ListEnded {
    /// `ListExecutions` of one status: one page, the newest first.
    async fn list_executions(
        &self,
        ended: FailedStatus,
        from: Option<String>,
    ) -> Result<Page<FailedExecution>, PortError>;
}

/// Looks at one execution.
pub trait InspectExecution {
    /// `DescribeExecution`. `None` if Step Functions no longer knows it.
    async fn inspect_execution(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<Inspection>, PortError>;
}

/// Reads definitions, to compare them.
pub trait ReadDefinitions {
    /// `DescribeStateMachine`: the definition that a new execution would follow.
    async fn definition_now(&self) -> Result<String, PortError>;
    /// `DescribeStateMachineForExecution`: the definition that this execution follows, even after a redrive.
    async fn definition_of(&self, name: &ExecutionName) -> Result<String, PortError>;
}

/// The result of a redrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redriven {
    /// It is running again, from the state that failed.
    Running,
    /// Step Functions cannot redrive it, for this reason.
    NotRedrivable(String),
}

/// Redrives executions.
pub trait RedriveExecution {
    /// `RedriveExecution`.
    async fn redrive_execution(&self, name: &ExecutionName) -> Result<Redriven, PortError>;
}

/// Lists executions that run.
pub trait ListRunning {
    /// `ListExecutions` of those that run: one page of names, the newest first.
    async fn list_running(&self, from: Option<String>) -> Result<Page<ExecutionName>, PortError>;
}

/// Stops executions.
pub trait StopExecution {
    /// `StopExecution`, with the error [`STOPPED`](crate::domain::operator::redrive::STOPPED) and this cause.
    async fn stop_execution(&self, name: &ExecutionName, cause: &str) -> Result<(), PortError>;
}

actions! {
    ProbeToken: "states:SendTaskHeartbeat";
    Callbacks: "states:SendTaskSuccess" "states:SendTaskFailure";
    StartExecution: "states:StartExecution" "states:DescribeExecution";
    ListEnded: "states:ListExecutions";
    InspectExecution: "states:DescribeExecution";
    ReadDefinitions: "states:DescribeStateMachine" "states:DescribeStateMachineForExecution";
    RedriveExecution: "states:RedriveExecution";
    ListRunning: "states:ListExecutions";
    StopExecution: "states:StopExecution";
}
