//! Step Functions: probes and answers tokens, starts and inspects executions.

use aws_sdk_sfn::types::ExecutionStatus;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::clients::{Aws, Machine};
use super::fault::port_error;
use crate::domain::id::names::ExecutionName;
use crate::domain::id::token::TaskToken;
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::failure::Failure;
use crate::domain::run::manifest::Manifest;
use crate::json;
use crate::ports::{
    Callbacks, Delivery, ExecutionState, PortError, Probe, ProbeToken, StartExecution, Started,
};

/// What an error says about the token itself. Every other error says nothing about it.
enum AboutToken {
    Dead,
    Invalid,
    Nothing,
}

/// `TaskTimedOut` means that the token has expired or that its task was closed before. `TaskDoesNotExist` means that the
/// task is gone. Throttling, a missing permission, a problem with a key or a broken answer say nothing about the token.
fn about_token<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> AboutToken {
    match error.code() {
        Some("TaskTimedOut" | "TaskDoesNotExist") => AboutToken::Dead,
        Some("InvalidToken") => AboutToken::Invalid,
        _ => AboutToken::Nothing,
    }
}

impl<Extra> ProbeToken for Aws<Extra> {
    async fn send_task_heartbeat(&self, token: &TaskToken) -> Probe {
        let request = self
            .step_functions()
            .send_task_heartbeat()
            .task_token(token.reveal());
        let Err(error) = request.send().await else {
            return Probe::Alive;
        };
        match about_token(&error) {
            AboutToken::Dead => Probe::Dead,
            AboutToken::Invalid => Probe::Invalid,
            AboutToken::Nothing => Probe::Unknown(port_error(
                "states:SendTaskHeartbeat",
                &error,
                &[token.reveal()],
            )),
        }
    }
}

impl<Extra> Callbacks for Aws<Extra> {
    async fn send_task_success(&self, token: &TaskToken, manifest: &Manifest) -> Delivery {
        let request = self
            .step_functions()
            .send_task_success()
            .task_token(token.reveal())
            .output(json::manifest::write(manifest));
        delivery("states:SendTaskSuccess", token, request.send().await)
    }

    async fn send_task_failure(&self, token: &TaskToken, failure: &Failure) -> Delivery {
        let request = self
            .step_functions()
            .send_task_failure()
            .task_token(token.reveal())
            .error(failure.reason.error_name())
            .cause(&failure.cause);
        delivery("states:SendTaskFailure", token, request.send().await)
    }
}

fn delivery<T, E>(
    action: &'static str,
    token: &TaskToken,
    answer: Result<T, SdkError<E, HttpResponse>>,
) -> Delivery
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let Err(error) = answer else {
        return Delivery::Accepted;
    };
    match about_token(&error) {
        AboutToken::Dead => Delivery::NobodyWaits,
        AboutToken::Invalid => Delivery::Invalid,
        AboutToken::Nothing => Delivery::Unknown(port_error(action, &error, &[token.reveal()])),
    }
}

impl<Extra: Machine> StartExecution for Aws<Extra> {
    async fn start_execution(
        &self,
        name: &ExecutionName,
        run: &ProtectionRequest,
    ) -> Result<Started, PortError> {
        let request = self
            .step_functions()
            .start_execution()
            .state_machine_arn(self.extra.machine().as_str())
            .name(name.as_str())
            .input(json::run::write(run));
        match request.send().await {
            Ok(_) => Ok(Started::Running),
            Err(error) if error.code() == Some("ExecutionAlreadyExists") => Ok(Started::NameUsed),
            Err(error) => Err(port_error("states:StartExecution", &error, &[])),
        }
    }

    async fn describe_execution(&self, name: &ExecutionName) -> Result<ExecutionState, PortError> {
        let execution = self.extra.machine().execution(name);
        let request = self
            .step_functions()
            .describe_execution()
            .execution_arn(execution.as_str());
        match request.send().await {
            Ok(described) => state(described.status()),
            Err(error) if error.code() == Some("ExecutionDoesNotExist") => {
                Ok(ExecutionState::Unknown)
            }
            Err(error) => Err(port_error("states:DescribeExecution", &error, &[])),
        }
    }
}

pub(super) fn state(status: &ExecutionStatus) -> Result<ExecutionState, PortError> {
    match status {
        ExecutionStatus::Running | ExecutionStatus::PendingRedrive => Ok(ExecutionState::Running),
        ExecutionStatus::Succeeded => Ok(ExecutionState::Succeeded),
        ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {
            Ok(ExecutionState::Failed)
        }
        // Fail on unknown statuses: "ended" would start a duplicate, "running" would block the database for ever.
        other => Err(super::fault::unusable(
            "states:DescribeExecution",
            format!("the execution has the unknown status {:?}", other.as_str()),
        )),
    }
}
