//! The histories of due times.

use jiff::Timestamp;

use super::error::PortError;
use crate::domain::retention::history::{Histories, History};
use crate::domain::retention::inventory::Group;

/// Reads histories of due times.
pub trait ReadHistories {
    /// `BatchGetItem`, consistent: those that exist and can be read. At most 100, each once.
    async fn read_histories(&self, of: &[Group]) -> Result<Histories, PortError>;
}

/// Keeps them. Only the pruner writes, one round at a time.
pub trait KeepHistories: ReadHistories {
    /// `PutItem`, in place of the one before.
    async fn store_history(
        &self,
        of: &Group,
        history: &History,
        at: Timestamp,
    ) -> Result<(), PortError>;
}

actions! {
    ReadHistories: "dynamodb:BatchGetItem";
    KeepHistories: "dynamodb:BatchGetItem" "dynamodb:PutItem";
}
