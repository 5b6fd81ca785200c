//! The ports of Step Functions.

use jiff::Timestamp;

use super::super::step_functions::{
    Executions, StepFunctionsModel, StoppableModel, TaskEnd, Token,
};
use super::{Holds, Ports};
use crate::domain::id::names::ExecutionName;
use crate::domain::id::token::TaskToken;
use crate::domain::operator::redrive::{FailedExecution, FailedStatus, Inspection};
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::failure::Failure;
use crate::domain::run::manifest::Manifest;
use crate::ports::{
    Callbacks, Delivery, ExecutionState, InspectExecution, ListEnded, ListRunning, Page, PortError,
    Probe, ProbeToken, ReadDefinitions, RedriveExecution, Redriven, StartExecution, Started,
    StopExecution,
};

impl<L: Holds> Ports<L> {
    fn step_functions<T>(&self, ask: impl FnOnce(&mut L::StepFunctions, Timestamp) -> T) -> T {
        self.with(|state| ask(&mut state.step_functions, state.now))
    }
}

impl<L: Holds<StepFunctions: StepFunctionsModel>> ProbeToken for Ports<L> {
    async fn send_task_heartbeat(&self, token: &TaskToken) -> Probe {
        match self.step_functions(|model, now| model.token(token, now)) {
            Token::Alive => Probe::Alive,
            Token::Dead => Probe::Dead,
            Token::Invalid => Probe::Invalid,
            Token::Unknown(refusal) => Probe::Unknown(refusal.of_port("SendTaskHeartbeat")),
        }
    }
}

impl<L: Holds<StepFunctions: StepFunctionsModel>> Ports<L> {
    fn end_task(&self, action: &'static str, token: &TaskToken, end: TaskEnd) -> Delivery {
        match self.step_functions(|model, now| model.end_task(token, end, now)) {
            Token::Alive => Delivery::Accepted,
            Token::Dead => Delivery::NobodyWaits,
            Token::Invalid => Delivery::Invalid,
            Token::Unknown(refusal) => Delivery::Unknown(refusal.of_port(action)),
        }
    }
}

impl<L: Holds<StepFunctions: StepFunctionsModel>> Callbacks for Ports<L> {
    async fn send_task_success(&self, token: &TaskToken, manifest: &Manifest) -> Delivery {
        let end = TaskEnd::Success(Box::new(manifest.clone()));
        self.end_task("SendTaskSuccess", token, end)
    }

    async fn send_task_failure(&self, token: &TaskToken, failure: &Failure) -> Delivery {
        let end = TaskEnd::Failure(failure.clone());
        self.end_task("SendTaskFailure", token, end)
    }
}

impl<L: Holds<StepFunctions: StepFunctionsModel>> StartExecution for Ports<L> {
    async fn start_execution(
        &self,
        name: &ExecutionName,
        run: &ProtectionRequest,
    ) -> Result<Started, PortError> {
        Ok(self.step_functions(|model, now| model.start(name, run, now)))
    }

    async fn describe_execution(&self, name: &ExecutionName) -> Result<ExecutionState, PortError> {
        Ok(self.step_functions(|model, _| model.state(name)))
    }
}

impl<L: Holds<StepFunctions = Executions>> ListEnded for Ports<L> {
    async fn list_executions(
        &self,
        ended: FailedStatus,
        from: Option<String>,
    ) -> Result<Page<FailedExecution>, PortError> {
        Ok(self.step_functions(|model, _| model.list(ended, from)))
    }
}

impl<L: Holds<StepFunctions: StoppableModel>> InspectExecution for Ports<L> {
    async fn inspect_execution(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<Inspection>, PortError> {
        Ok(self.step_functions(|model, _| model.inspect(name)))
    }
}

impl<L: Holds<StepFunctions = Executions>> ReadDefinitions for Ports<L> {
    async fn definition_now(&self) -> Result<String, PortError> {
        Ok(self.step_functions(|model, _| model.definition.clone()))
    }

    async fn definition_of(&self, name: &ExecutionName) -> Result<String, PortError> {
        let found = self.step_functions(|model, _| model.definition_of(name));
        found.map_err(|refusal| refusal.of_port("DescribeStateMachineForExecution"))
    }
}

impl<L: Holds<StepFunctions = Executions>> RedriveExecution for Ports<L> {
    async fn redrive_execution(&self, name: &ExecutionName) -> Result<Redriven, PortError> {
        let redriven = self.step_functions(|model, _| model.redrive(name));
        redriven.map_err(|refusal| refusal.of_port("RedriveExecution"))
    }
}

impl<L: Holds<StepFunctions: StoppableModel>> ListRunning for Ports<L> {
    async fn list_running(&self, from: Option<String>) -> Result<Page<ExecutionName>, PortError> {
        Ok(self.step_functions(|model, _| model.list_running(from)))
    }
}

impl<L: Holds<StepFunctions: StoppableModel>> StopExecution for Ports<L> {
    async fn stop_execution(&self, name: &ExecutionName, cause: &str) -> Result<(), PortError> {
        let stopped = self.step_functions(|model, now| model.stop(name, cause, now));
        stopped.map_err(|refusal| refusal.of_port("StopExecution"))
    }
}
