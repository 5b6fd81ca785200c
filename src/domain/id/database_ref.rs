//! The database that a run protects, by its names.

use super::arn::RdsArn;
use super::names::ResourceId;

/// The database that a run protects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseRef {
    /// Its ARN when the run was planned; a rename changes it.
    pub arn: RdsArn,
    /// Its resource id, which a rename leaves alone.
    pub resource_id: ResourceId,
}
