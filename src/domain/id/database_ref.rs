//! The database that a run protects, by its names.

use super::arn::RdsArn;
use super::names::ResourceId;

/// The database that a run protects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseRef {
    /// Its ARN when the run was planned. A rename changes the ARN.
    pub arn: RdsArn,
    /// Its resource id. A rename does not change it.
    pub resource_id: ResourceId,
}
