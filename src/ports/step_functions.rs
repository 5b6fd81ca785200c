//! Step Functions.

use super::error::PortError;
use super::pages::Page;
use crate::domain::id::names::ExecutionName;
use crate::domain::id::token::TaskToken;
use crate::domain::operator::redrive::{FailedExecution, FailedStatus, Inspection};
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::failure::Failure;
use crate::domain::run::manifest::Manifest;

/// What a token turned out to be.
#[derive(Debug)]
pub enum Probe {
    /// Somebody sleeps on it.
    Alive,
    /// Nobody does any more (`TaskTimedOut`, `TaskDoesNotExist`).
    Dead,
    /// It is no token of this account and region (`InvalidToken`).
    Invalid,
    /// Not known now: throttled, refused, broken. Never taken for dead.
    Unknown(PortError),
}

/// Probes tokens.
pub trait ProbeToken {
    /// `SendTaskHeartbeat`.
    async fn send_task_heartbeat(&self, token: &TaskToken) -> Probe;
}

/// What became of a callback.
#[derive(Debug)]
pub enum Delivery {
    /// Step Functions took it.
    Accepted,
    /// Nobody waits any more (`TaskTimedOut`, `TaskDoesNotExist`): settled before, or too late.
    NobodyWaits,
    /// The token is no token (`InvalidToken`), though we had stored it.
    Invalid,
    /// Not known: throttled, refused, broken. To be tried again.
    Unknown(PortError),
}

/// Sends tokens back.
pub trait Callbacks {
    /// `SendTaskSuccess` with the manifest as output.
    async fn send_task_success(&self, token: &TaskToken, manifest: &Manifest) -> Delivery;
    /// `SendTaskFailure` with the reason's name and cause.
    async fn send_task_failure(&self, token: &TaskToken, failure: &Failure) -> Delivery;
}

/// What became of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It runs, started now or by an earlier call with the same input.
    Running,
    /// An execution of this name exists already, ended or with other input.
    NameUsed,
}

/// How an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionState {
    /// It runs, or waits to be redriven by Step Functions itself.
    Running,
    /// It has succeeded.
    Succeeded,
    /// It has failed, timed out or was stopped.
    Failed,
    /// Step Functions knows none of this name.
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

/// Lists executions that ended without success.
pub trait ListEnded {
    /// `ListExecutions` of one status, the youngest first: one page.
    async fn list_executions(
        &self,
        ended: FailedStatus,
        from: Option<String>,
    ) -> Result<Page<FailedExecution>, PortError>;
}

/// Looks at one execution.
pub trait InspectExecution {
    /// `DescribeExecution`; nothing when Step Functions does not know it any more.
    async fn inspect_execution(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<Inspection>, PortError>;
}

/// Reads definitions, to compare them.
pub trait ReadDefinitions {
    /// `DescribeStateMachine`: the definition that an execution would follow now.
    async fn definition_now(&self) -> Result<String, PortError>;
    /// `DescribeStateMachineForExecution`: the one that an execution follows, also when it is redriven.
    async fn definition_of(&self, name: &ExecutionName) -> Result<String, PortError>;
}

/// What became of a redrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redriven {
    /// It runs again, from the state that failed.
    Running,
    /// Step Functions cannot redrive it, and why.
    NotRedrivable(String),
}

/// Redrives executions.
pub trait RedriveExecution {
    /// `RedriveExecution`.
    async fn redrive_execution(&self, name: &ExecutionName) -> Result<Redriven, PortError>;
}

actions! {
    ProbeToken: "states:SendTaskHeartbeat";
    Callbacks: "states:SendTaskSuccess" "states:SendTaskFailure";
    StartExecution: "states:StartExecution" "states:DescribeExecution";
    ListEnded: "states:ListExecutions";
    InspectExecution: "states:DescribeExecution";
    ReadDefinitions: "states:DescribeStateMachine" "states:DescribeStateMachineForExecution";
    RedriveExecution: "states:RedriveExecution";
}
