//! One execution alone, as the simulation carries it out, for comparison with other interpreters.

use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use snapferry::domain::operator::redrive::four_days_are_over;
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::json;

use super::step_functions::{Execution, Status, StepFunctions};
use crate::asl::{AslError, StateMachine};

/// An execution of a definition in the simulation's Step Functions. Time passes by itself when nothing else can happen.
pub struct Walk {
    service: StepFunctions,
    name: &'static str,
    now: Timestamp,
}

/// A message that a state has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The state.
    pub state: String,
    /// The message's body. Its token is worthless outside this walk.
    pub body: String,
}

/// How a walk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With this output.
    Succeeded(Value),
    /// With an error of this name.
    Failed(String),
    /// Its state's four days were over. An interpreter that counts heartbeats says `States.HeartbeatTimeout`, and
    /// one that does not says `States.Timeout`.
    FourDaysAreOver,
}

impl End {
    /// By the name of the error.
    #[must_use]
    pub fn failed(error: &str) -> Self {
        if four_days_are_over(error) {
            Self::FourDaysAreOver
        } else {
            Self::Failed(error.to_owned())
        }
    }
}

impl Walk {
    /// Starts the execution of this ARN.
    ///
    /// # Errors
    /// When the definition cannot be read.
    pub fn start(
        definition: &str,
        execution: &str,
        run: &ProtectionRequest,
    ) -> Result<Self, AslError> {
        let machine = StateMachine::read(definition)?;
        let mut service = StepFunctions::new(Rc::new(machine));
        let (name, now) = ("walk", Timestamp::UNIX_EPOCH);
        let input = json::run::write(run);
        service.start(name, execution.to_owned(), run.clone(), input, now);
        Ok(Self { service, name, now })
    }

    /// The next message that a state sends; [`None`] when it sleeps, or has ended.
    pub fn next_command(&mut self) -> Option<Sent> {
        if let Status::Retrying { at } = self.execution()?.status {
            self.advance_to(at);
        }
        let body = self.service.outbox.pop_front()?.body;
        Some(Sent {
            state: self.execution()?.state.clone(),
            body: body.to_string(),
        })
    }

    /// SendTaskSuccess.
    pub fn succeed(&mut self, token: &str, output: &str) {
        self.service.succeed(token, output, self.now);
    }

    /// SendTaskFailure.
    pub fn fail(&mut self, token: &str, error: &str) {
        self.service.fail(token, error, self.now);
    }

    /// Lets the sleeping state time out.
    pub fn answer_nothing(&mut self) {
        let deadline = match self.execution().map(|one| &one.status) {
            Some(Status::Sleeping { deadline, .. }) => Some(deadline.at()),
            _ => None,
        };
        if let Some(deadline) = deadline {
            self.advance_to(deadline);
        }
    }

    /// SendTaskHeartbeat, this many seconds after what happened last.
    pub fn heartbeat_after(&mut self, seconds: i64, token: &str) {
        let by = SignedDuration::from_secs(seconds);
        self.advance_to(self.now.saturating_add(by).unwrap_or(Timestamp::MAX));
        self.service.heartbeat(token, self.now);
    }

    /// The name of the error that it ended with.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match &self.execution()?.status {
            Status::Failed { error } => Some(error),
            Status::Sleeping { .. } | Status::Retrying { .. } | Status::Succeeded => None,
        }
    }

    /// How it ended; [`None`] while it runs.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        let execution = self.execution()?;
        match &execution.status {
            Status::Sleeping { .. } | Status::Retrying { .. } => None,
            Status::Succeeded => Some(End::Succeeded(execution.whole_output().clone())),
            Status::Failed { error } => Some(End::failed(error)),
        }
    }

    fn advance_to(&mut self, time: Timestamp) {
        self.now = time;
        self.service.advance(time);
    }

    fn execution(&self) -> Option<&Execution> {
        self.service.executions.get(self.name)
    }
}
