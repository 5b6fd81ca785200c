//! Step Functions for the operator's redrive: lists, inspects, compares and redrives executions.

use aws_sdk_sfn::types::{ExecutionListItem, ExecutionRedriveStatus, ExecutionStatus};
use aws_smithy_types::DateTime;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;
use tracing::warn;

use super::clients::{Aws, Machine, StateMachine};
use super::fault::port_error;
use super::step_functions::state;
use crate::domain::id::names::ExecutionName;
use crate::domain::operator::redrive::{
    FailedExecution, FailedStatus, Inspection, Redrivable, STOPPED,
};
use crate::json;
use crate::ports::{
    ExecutionState, InspectExecution, ListEnded, ListRunning, Page, PortError, ReadDefinitions,
    RedriveExecution, Redriven, StopExecution,
};

/// Executions of one page (ListExecutions).
const PAGE: i32 = 1_000;

impl<Extra: Machine> ListEnded for Aws<Extra> {
    async fn list_executions(
        &self,
        ended: FailedStatus,
        from: Option<String>,
    ) -> Result<Page<FailedExecution>, PortError> {
        let answer = self
            .step_functions()
            .list_executions()
            .state_machine_arn(self.extra.machine().as_str())
            .status_filter(match ended {
                FailedStatus::Failed => ExecutionStatus::Failed,
                FailedStatus::TimedOut => ExecutionStatus::TimedOut,
                FailedStatus::Aborted => ExecutionStatus::Aborted,
            })
            .max_results(PAGE)
            .set_next_token(from)
            .send()
            .await
            .map_err(|error| port_error("states:ListExecutions", &error, &[]))?;
        let rows = answer.executions.iter();
        Ok(Page::new(
            rows.filter_map(|row| row_of(row, ended)).collect(),
            answer.next_token,
        ))
    }
}

/// `None` if the name is not one that Snapferry gives, or if the execution has not ended.
fn row_of(row: &ExecutionListItem, ended: FailedStatus) -> Option<FailedExecution> {
    Some(FailedExecution {
        name: name_of(row)?,
        ended,
        started_at: time(row.start_date())?,
        ended_at: time(row.stop_date()?)?,
    })
}

fn name_of(row: &ExecutionListItem) -> Option<ExecutionName> {
    ExecutionName::parse(row.name())
        .map_err(|error| warn!(%error, "an execution that is not shown"))
        .ok()
}

fn time(of: &DateTime) -> Option<Timestamp> {
    Timestamp::from_millisecond(of.to_millis().ok()?).ok()
}

impl<Extra: Machine> InspectExecution for Aws<Extra> {
    async fn inspect_execution(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<Inspection>, PortError> {
        let execution = self.extra.machine().execution(name);
        let request = self
            .step_functions()
            .describe_execution()
            .execution_arn(execution.as_str());
        let found = match request.send().await {
            Ok(found) => found,
            Err(error) if error.code() == Some("ExecutionDoesNotExist") => return Ok(None),
            Err(error) => return Err(port_error("states:DescribeExecution", &error, &[])),
        };
        let redrivable = match found.redrive_status() {
            None => Redrivable::Unanswered,
            Some(ExecutionRedriveStatus::Redrivable) => Redrivable::Yes,
            Some(other) => {
                let reason = found.redrive_status_reason();
                Redrivable::No(reason.unwrap_or(other.as_str()).to_owned())
            }
        };
        Ok(Some(Inspection {
            running: state(found.status())? == ExecutionState::Running,
            started_at: time(found.start_date()),
            ended_at: found.stop_date().and_then(time),
            run: found.input().and_then(|text| json::run::read(text).ok()),
            error: found.error,
            cause: found.cause,
            redrives: found
                .redrive_count
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or_default(),
            redrivable,
        }))
    }
}

impl ReadDefinitions for Aws<StateMachine> {
    async fn definition_now(&self) -> Result<String, PortError> {
        let answer = self
            .step_functions()
            .describe_state_machine()
            .state_machine_arn(self.extra.0.as_str())
            .send()
            .await
            .map_err(|error| port_error("states:DescribeStateMachine", &error, &[]))?;
        Ok(answer.definition)
    }

    async fn definition_of(&self, name: &ExecutionName) -> Result<String, PortError> {
        let execution = self.extra.0.execution(name);
        let answer = self
            .step_functions()
            .describe_state_machine_for_execution()
            .execution_arn(execution.as_str())
            .send()
            .await
            .map_err(|error| port_error("states:DescribeStateMachineForExecution", &error, &[]))?;
        Ok(answer.definition)
    }
}

impl RedriveExecution for Aws<StateMachine> {
    async fn redrive_execution(&self, name: &ExecutionName) -> Result<Redriven, PortError> {
        let execution = self.extra.0.execution(name);
        let request = self
            .step_functions()
            .redrive_execution()
            .execution_arn(execution.as_str());
        match request.send().await {
            Ok(_) => Ok(Redriven::Running),
            Err(error) if error.code() == Some("ExecutionNotRedrivable") => {
                let why = error.message().unwrap_or("it gives no reason");
                Ok(Redriven::NotRedrivable(why.to_owned()))
            }
            Err(error) => Err(port_error("states:RedriveExecution", &error, &[])),
        }
    }
}

impl ListRunning for Aws<StateMachine> {
    async fn list_running(&self, from: Option<String>) -> Result<Page<ExecutionName>, PortError> {
        let answer = self
            .step_functions()
            .list_executions()
            .state_machine_arn(self.extra.0.as_str())
            .status_filter(ExecutionStatus::Running)
            .max_results(PAGE)
            .set_next_token(from)
            .send()
            .await
            .map_err(|error| port_error("states:ListExecutions", &error, &[]))?;
        let rows = answer.executions.iter();
        Ok(Page::new(
            rows.filter_map(name_of).collect(),
            answer.next_token,
        ))
    }
}

impl StopExecution for Aws<StateMachine> {
    async fn stop_execution(&self, name: &ExecutionName, cause: &str) -> Result<(), PortError> {
        let execution = self.extra.0.execution(name);
        self.step_functions()
            .stop_execution()
            .execution_arn(execution.as_str())
            .error(STOPPED)
            .cause(cause)
            .send()
            .await
            .map_err(|error| port_error("states:StopExecution", &error, &[]))?;
        Ok(())
    }
}
