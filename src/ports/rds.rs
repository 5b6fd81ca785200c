//! RDS.

use super::error::{PortError, RdsError};
use super::pages::Page;
pub use crate::domain::doctor::capacity::SnapshotQuota;
use crate::domain::id::arn::{Family, KeyArn, RdsArn, Region};
use crate::domain::id::names::{OptionGroup, ResourceId, SnapshotId};
use crate::domain::id::tags::Tags;
use crate::domain::rds::database::Database;
use crate::domain::rds::option_group;
use crate::domain::rds::snapshot::Snapshot;

/// Lists databases.
pub trait ListDatabases {
    /// `DescribeDBInstances` or `DescribeDBClusters`: one page of up to 100.
    async fn list_databases(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError>;
}

/// Finds databases by their resource ids.
pub trait FindDatabases {
    /// `DescribeDBInstances` or `DescribeDBClusters` with a filter on resource ids: the databases that exist, in any order,
    /// from all pages of the answer. Callers keep `ids` within the filter's width.
    async fn find_databases(
        &self,
        region: &Region,
        family: Family,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError>;
}

/// Asks RDS about snapshots.
pub trait DescribeSnapshots {
    /// `DescribeDBSnapshots` or `DescribeDBClusterSnapshots` with a filter on identifiers, so that an unknown identifier
    /// is not an error. All pages of the answer. Callers keep `ids` within the filter's width, and do not mix automated
    /// snapshots with others, because RDS lists them under another type.
    async fn describe_snapshots(
        &self,
        region: &Region,
        family: Family,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError>;
}

/// Lists automated snapshots.
pub trait AutomatedSnapshots {
    /// `DescribeDBSnapshots` or `DescribeDBClusterSnapshots` of the type `automated`: one page of up to 100, of one
    /// database or of all.
    async fn automated_snapshots(
        &self,
        region: &Region,
        family: Family,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError>;
}

/// Lists option groups.
pub trait ListOptionGroups {
    /// `DescribeOptionGroups`: one page of up to 100.
    async fn list_option_groups(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<option_group::OptionGroup>, PortError>;
}

/// A request for a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSnapshotRequest {
    /// The database.
    pub database: RdsArn,
    /// The snapshot's identifier.
    pub id: SnapshotId,
    /// Its tags.
    pub tags: Tags,
}

/// Takes snapshots.
pub trait CreateSnapshot {
    /// `CreateDBSnapshot` or `CreateDBClusterSnapshot`, as the database's ARN says, in its region.
    async fn create_snapshot(&self, request: &CreateSnapshotRequest) -> Result<(), RdsError>;
}

/// A request for a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySnapshotRequest {
    /// The region that the copy is made in.
    pub region: Region,
    /// The snapshot to copy.
    pub source: RdsArn,
    /// The copy's identifier.
    pub id: SnapshotId,
    /// The key of the copy.
    pub key: KeyArn,
    /// The recovery region's option group. Without one, RDS uses the engine's default. A cluster has none.
    pub option_group: Option<OptionGroup>,
    /// All tags of the copy.
    pub tags: Tags,
}

/// Copies snapshots.
pub trait CopySnapshot {
    /// `CopyDBSnapshot` or `CopyDBClusterSnapshot`, as the source's ARN says, in the recovery region.
    async fn copy_snapshot(&self, request: &CopySnapshotRequest) -> Result<(), RdsError>;
}

/// Asks for the account's quotas.
pub trait DescribeQuota {
    /// `DescribeAccountAttributes`: the quota `ManualSnapshots` or `ManualClusterSnapshots`. `None` if RDS does not report
    /// it.
    async fn describe_snapshot_quota(
        &self,
        region: &Region,
        family: Family,
    ) -> Result<Option<SnapshotQuota>, RdsError>;
}

// With tags, RDS also requires AddTagsToResource. It reads and encrypts a copy's data by grants that the caller creates.
actions! {
    ListDatabases: "rds:DescribeDBInstances" "rds:DescribeDBClusters";
    FindDatabases: "rds:DescribeDBInstances" "rds:DescribeDBClusters";
    DescribeSnapshots: "rds:DescribeDBSnapshots" "rds:DescribeDBClusterSnapshots" "rds:ListTagsForResource";
    AutomatedSnapshots: "rds:DescribeDBSnapshots" "rds:DescribeDBClusterSnapshots";
    ListOptionGroups: "rds:DescribeOptionGroups";
    CreateSnapshot: "rds:CreateDBSnapshot" "rds:CreateDBClusterSnapshot" "rds:AddTagsToResource";
    CopySnapshot: "rds:CopyDBSnapshot" "rds:CopyDBClusterSnapshot" "rds:AddTagsToResource" "kms:DescribeKey"
        "kms:CreateGrant";
    DescribeQuota: "rds:DescribeAccountAttributes";
}
