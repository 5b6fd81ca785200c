//! Databases as RDS lists them.

use super::copy_facts::CopyFacts;
use crate::domain::id::arn::RdsArn;
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{OptionGroup, ResourceId};
use crate::domain::id::tags::Tags;
use crate::domain::restore::configuration::Captured;

/// A database as RDS lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Its ARN.
    pub arn: RdsArn,
    /// Its resource id.
    pub resource_id: ResourceId,
    /// The cluster it is a member of. Members are protected through their cluster.
    pub member_of: Option<String>,
    /// The engine.
    pub engine: String,
    /// Its option group, if RDS names one.
    pub option_group: Option<OptionGroup>,
    /// What decides whether it can be copied.
    pub copy_facts: CopyFacts,
    /// For an instance, whether it has a standby in another zone; `None` if RDS does not say.
    pub multi_az: Option<bool>,
    /// How many days RDS keeps its automated snapshots. 0 if RDS takes none; `None` if RDS does not say.
    pub backup_retention_days: Option<i32>,
    /// Its status, in RDS's word.
    pub status: String,
    /// Its tags.
    pub tags: Tags,
    /// Its settings, for the catalog.
    pub captured: Captured,
}

impl Database {
    /// What a run keeps of it.
    #[must_use]
    pub fn to_ref(&self) -> DatabaseRef {
        DatabaseRef {
            arn: self.arn.clone(),
            resource_id: self.resource_id.clone(),
        }
    }
}

/// A database of RDS's list that cannot be read. It costs the others of its page nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableRow {
    /// What RDS calls it, if it says so.
    pub name: String,
    /// What is wrong with its row.
    pub why: String,
}
