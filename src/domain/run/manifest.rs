//! What a finished step hands back to its execution.

use jiff::Timestamp;

use super::command::Step;
use crate::domain::id::arn::{KeyArn, RdsArn};
use crate::domain::id::names::ResourceId;

/// The proof that comes with a success: what RDS said of the snapshot when it was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Which step made it.
    pub step: Step,
    /// The snapshot or copy.
    pub snapshot: RdsArn,
    /// For a copy, its source snapshot.
    pub source: Option<RdsArn>,
    /// The database it restores.
    pub database: RdsArn,
    /// The database's resource id.
    pub resource_id: ResourceId,
    /// The engine.
    pub engine: String,
    /// The engine's version.
    pub engine_version: String,
    /// Allocated storage in GiB.
    pub size_gib: i32,
    /// The key it is encrypted under.
    pub key: Option<KeyArn>,
    /// When the data was taken.
    pub taken_at: Option<Timestamp>,
}
