//! The functions of a stack, and the roles that the template makes.

use std::fmt;

use super::text::ParseError;

/// The functions of a stack, each with a role of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Starts executions.
    Planner,
    /// Carries commands out: it asks RDS for snapshots and copies.
    Worker,
    /// Settles waits after events.
    Reactor,
    /// Settles waits that no event announced.
    Sweeper,
    /// Removes what no rule of retention keeps. It alone may delete.
    Pruner,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Planner,
        Self::Worker,
        Self::Reactor,
        Self::Sweeper,
        Self::Pruner,
    ];

    /// The function's name, which is its handler as well.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Worker => "worker",
            Self::Reactor => "reactor",
            Self::Sweeper => "sweeper",
            Self::Pruner => "pruner",
        }
    }

    /// Reads the name.
    ///
    /// # Errors
    /// What was found instead.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| {
                ParseError::new(text, "one of planner, worker, reactor, sweeper, pruner")
            })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The IAM roles that the template makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IamRole {
    /// A function's role.
    Function(Role),
    /// The state machine's role.
    StateMachine,
}

impl IamRole {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Function(Role::Planner),
        Self::Function(Role::Worker),
        Self::Function(Role::Reactor),
        Self::Function(Role::Sweeper),
        Self::Function(Role::Pruner),
        Self::StateMachine,
    ];

    /// Its logical id in the template.
    #[must_use]
    pub fn logical_id(self) -> &'static str {
        match self {
            Self::Function(Role::Planner) => "PlannerRole",
            Self::Function(Role::Worker) => "WorkerRole",
            Self::Function(Role::Reactor) => "ReactorRole",
            Self::Function(Role::Sweeper) => "SweeperRole",
            Self::Function(Role::Pruner) => "PrunerRole",
            Self::StateMachine => "StateMachineRole",
        }
    }

    /// The variable of the command line that holds its ARN.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Function(Role::Planner) => "SNAPFERRY_PLANNER_ROLE_ARN",
            Self::Function(Role::Worker) => "SNAPFERRY_WORKER_ROLE_ARN",
            Self::Function(Role::Reactor) => "SNAPFERRY_REACTOR_ROLE_ARN",
            Self::Function(Role::Sweeper) => "SNAPFERRY_SWEEPER_ROLE_ARN",
            Self::Function(Role::Pruner) => "SNAPFERRY_PRUNER_ROLE_ARN",
            Self::StateMachine => "SNAPFERRY_STATE_MACHINE_ROLE_ARN",
        }
    }
}

impl fmt::Display for IamRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.logical_id())
    }
}
