//! Databases as RDS lists them.

use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{OptionGroup, ResourceId};
use crate::domain::id::tags::Tags;

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
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Whether it is a Multi-AZ DB cluster: a cluster of an engine other than Aurora, with instances of a fixed size.
    pub multi_az_cluster: bool,
    /// For an instance: whether it has a standby in another zone. Nothing if RDS does not say.
    pub multi_az: Option<bool>,
    /// How many days RDS keeps its automated snapshots. 0 if RDS takes none; nothing if RDS does not say.
    pub backup_retention_days: Option<i32>,
    /// Its status, in RDS's word.
    pub status: String,
    /// Its tags.
    pub tags: Tags,
}

/// The partition of AWS GovCloud (US).
const GOVCLOUD: &str = "aws-us-gov";

impl Database {
    /// Why RDS can never make the promised encrypted copy in another region. Nothing if it can.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        if self.arn.partition() == GOVCLOUD {
            return Some(Refusal::GovCloud);
        }
        if self.multi_az_cluster {
            return Some(Refusal::MultiAzCluster);
        }
        let is_cluster = self.arn.family() == Family::Cluster;
        (is_cluster && !self.encrypted).then_some(Refusal::UnencryptedCluster)
    }

    /// The names by which a run knows it.
    #[must_use]
    pub fn to_ref(&self) -> DatabaseRef {
        DatabaseRef {
            arn: self.arn.clone(),
            resource_id: self.resource_id.clone(),
        }
    }
}

/// Why RDS cannot protect a selected database. The plan says so before anything begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is a Multi-AZ DB cluster.
    MultiAzCluster,
    /// It is a cluster that is not encrypted.
    UnencryptedCluster,
    /// It is in AWS GovCloud (US), where a copy to another region needs a presigned URL.
    GovCloud,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::MultiAzCluster => {
                "it is a Multi-AZ DB cluster, whose snapshots RDS does not copy across regions"
            }
            Self::UnencryptedCluster => {
                "it is a cluster that is not encrypted, and RDS does not encrypt the copy of a cluster snapshot"
            }
            Self::GovCloud => {
                "it is in AWS GovCloud (US), where a copy to the other region needs a presigned URL, which Snapferry does not make"
            }
        })
    }
}
