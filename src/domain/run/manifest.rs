//! The result that a finished step returns to its execution.

use jiff::Timestamp;

use super::command::Step;
use crate::domain::id::arn::{KeyArn, RdsArn};
use crate::domain::id::names::ResourceId;

/// The proof of a success: what RDS said about the snapshot when its wait was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Which step made it.
    pub step: Step,
    /// The snapshot or copy.
    pub snapshot: RdsArn,
    /// The source snapshot, if this is a copy.
    pub source: Option<RdsArn>,
    /// The database that it can restore.
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
