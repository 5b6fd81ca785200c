//! The one implementation of the ports in memory, for tests and simulations.
//!
//! It refuses what AWS refuses: `tests/contract` runs one body of cases against it and against the adapters over the
//! AWS SDK on an emulator. Nothing here can fail or be late by itself: [`through::Through`] adds that, with a hook
//! around every call.
//!
//! | module | stands for |
//! | --- | --- |
//! | [`table`] | the DynamoDB table with its conditions, and its index, which may lag |
//! | [`queue`] | an SQS queue: visibility, receives, receipt handles |
//! | [`step_functions`] | task tokens and executions |
//! | [`rds`] | databases and snapshots of all regions |
//! | [`operator`] | what only the operator's commands ask |
//! | [`world`] | all ports over the four |
//! | [`through`] | any implementation of the ports, with a hook before and after each call |
//!
//! The module exists under the feature `fake` alone, which no shipped binary has.

mod call;
pub mod operator;
pub mod queue;
pub mod rds;
pub mod step_functions;
pub mod table;
pub mod through;
pub mod world;

pub use call::Action;
pub use operator::Operator;
pub use queue::Queue;
pub use rds::{RdsModel, Shelf};
pub use step_functions::{Execution, Executions, StepFunctionsModel, TaskEnd, Token};
pub use table::Table;
pub use through::{Answer, Call, CallOutcome, Effect, Hook, Name, Through};
pub use world::{Holds, Ports, State, World};

use crate::domain::id::arn::Region;
use crate::domain::run::failure::Operation;
use crate::ports::{PortError, RdsError};

/// What a service answers instead of doing what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// AWS's error code; nothing when no answer comes.
    pub code: Option<String>,
    /// AWS's message, or what went wrong on the way.
    pub message: String,
}

impl Refusal {
    /// An answer with an error code and no more.
    #[must_use]
    pub fn code(code: &str) -> Self {
        Self {
            code: Some(code.to_owned()),
            message: String::new(),
        }
    }

    /// No answer at all.
    #[must_use]
    pub fn no_answer() -> Self {
        Self {
            code: None,
            message: "timed out".to_owned(),
        }
    }

    /// As the table, the queues and Step Functions report it.
    #[must_use]
    pub fn of_port(self, action: &'static str) -> PortError {
        PortError {
            action,
            code: self.code,
            source: None,
        }
    }

    /// As RDS reports it.
    #[must_use]
    pub fn of_rds(self, operation: Operation, region: &Region) -> RdsError {
        RdsError {
            operation,
            region: region.clone(),
            code: self.code,
            message: self.message,
            source: None,
        }
    }
}
