//! The AWS action of a call.

use crate::domain::id::arn::Region;
use crate::domain::run::failure::Operation;

/// The AWS action of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// A call of RDS, in a region.
    Rds(Operation, &'a Region),
    /// A call of another service.
    Other(&'static str),
}

impl Action<'_> {
    /// AWS's name of it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Rds(operation, _) => operation.as_str(),
            Self::Other(name) => name,
        }
    }
}
