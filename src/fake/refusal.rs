//! What a service answers instead of doing what was asked.

use crate::domain::id::arn::Region;
use crate::domain::run::failure::Operation;
use crate::ports::{PortError, RdsError};

/// What a service answers instead of doing what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// AWS's error code. `None` if no answer comes.
    pub code: Option<String>,
    /// AWS's message, or why no answer came.
    pub message: String,
}

impl Refusal {
    /// An answer with an error code and nothing else.
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

    /// The error as the table, the queues and Step Functions report it.
    #[must_use]
    pub fn of_port(self, action: &'static str) -> PortError {
        PortError {
            action,
            code: self.code,
            source: None,
        }
    }

    /// The error as RDS reports it.
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
