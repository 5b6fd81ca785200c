//! The ports of a person's commands. No bug is planted in them.

use snapferry::domain::id::names::ExecutionName;
use snapferry::domain::operator::redrive::Inspection;
use snapferry::domain::run::wait::Wait;
use snapferry::ports::{
    ForgetIdle, InspectExecution, ListRunning, Page, PortError, StopExecution, Written,
};

use super::Mutated;

impl ForgetIdle for Mutated {
    async fn forget_idle(&self, wait: &Wait) -> Result<Written, PortError> {
        self.inner.forget_idle(wait).await
    }
}

impl InspectExecution for Mutated {
    async fn inspect_execution(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<Inspection>, PortError> {
        self.inner.inspect_execution(name).await
    }
}

impl ListRunning for Mutated {
    async fn list_running(&self, from: Option<String>) -> Result<Page<ExecutionName>, PortError> {
        self.inner.list_running(from).await
    }
}

impl StopExecution for Mutated {
    async fn stop_execution(&self, name: &ExecutionName, cause: &str) -> Result<(), PortError> {
        self.inner.stop_execution(name, cause).await
    }
}
