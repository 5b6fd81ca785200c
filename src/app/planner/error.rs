//! Why a list of databases could not be planned to its end.

use thiserror::Error;

use crate::ports::{PortError, RdsError};

/// Why a list of databases could not be planned to its end.
#[derive(Debug, Error)]
pub(super) enum PlanError {
    /// RDS did not answer.
    #[error(transparent)]
    Rds(#[from] RdsError),
    /// The table did not answer.
    #[error(transparent)]
    Table(#[from] PortError),
}
