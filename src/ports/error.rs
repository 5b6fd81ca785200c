//! The errors of calls.

use thiserror::Error;

use crate::domain::id::arn::Region;
use crate::domain::run::failure::{Operation, Owner, owner};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A call to the table, the queues or Step Functions failed. Another try may always succeed.
#[derive(Debug, Error)]
#[error("{action} did not succeed: {}", .code.as_deref().unwrap_or("no usable answer"))]
pub struct PortError {
    /// The AWS action with its service, such as `dynamodb:PutItem`.
    pub action: &'static str,
    /// AWS's error code, if an answer came.
    pub code: Option<String>,
    /// The transport's or the parser's own error.
    #[source]
    pub source: Option<Source>,
}

/// A call to RDS failed.
#[derive(Debug, Error)]
#[error("{operation} in {region}: {}: {message}", .code.as_deref().unwrap_or("no usable answer"))]
pub struct RdsError {
    /// The action.
    pub operation: Operation,
    /// The region that was asked.
    pub region: Region,
    /// AWS's error code. `None` if no answer came.
    pub code: Option<String>,
    /// AWS's message, or why no answer came.
    pub message: String,
    /// What the adapter also knows (HTTP status, request id, the transport's own error).
    #[source]
    pub source: Option<Source>,
}

impl RdsError {
    /// Whether RDS asks for fewer calls.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        let said = self
            .code
            .as_deref()
            .is_some_and(|code| code.starts_with("Throttling") || code == "RequestLimitExceeded");
        said && self.owner() == Owner::Transient
    }

    /// The same failure for another one that had asked with the same call, without what only the adapter knows.
    #[must_use]
    pub fn without_source(&self) -> Self {
        Self {
            operation: self.operation,
            region: self.region.clone(),
            code: self.code.clone(),
            message: self.message.clone(),
            source: None,
        }
    }

    /// Who owns this failure.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match &self.code {
            Some(code) => owner(self.operation, &self.region, code, &self.message),
            None => Owner::Transient,
        }
    }
}
