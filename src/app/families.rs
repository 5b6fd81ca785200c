//! Instances and clusters: one use case for both, and for each family the AWS action that is its own.

use crate::domain::arn::{Family, Region};
use crate::domain::database::Database;
use crate::domain::names::SnapshotId;
use crate::domain::snapshot::Snapshot;
use crate::ports::{
    CopyClusterSnapshot, CopySnapshot, CopySnapshotRequest, CreateClusterSnapshot, CreateSnapshot,
    CreateSnapshotRequest, DescribeClusterSnapshots, DescribeClusters, DescribeInstances,
    DescribeSnapshots, Page, RdsError,
};

/// One page of a family's databases.
pub(crate) async fn list<W: DescribeClusters + DescribeInstances>(
    world: &W,
    region: &Region,
    family: Family,
    marker: Option<String>,
) -> Result<Page<Database>, RdsError> {
    match family {
        Family::Instance => world.describe_db_instances(region, marker).await,
        Family::Cluster => world.describe_db_clusters(region, marker).await,
    }
}

/// What RDS says of a family's snapshots.
pub(crate) async fn describe<W: DescribeClusterSnapshots + DescribeSnapshots>(
    world: &W,
    region: &Region,
    family: Family,
    ids: &[SnapshotId],
) -> Result<Vec<Snapshot>, RdsError> {
    match family {
        Family::Instance => world.describe_db_snapshots(region, ids).await,
        Family::Cluster => world.describe_db_cluster_snapshots(region, ids).await,
    }
}

/// Asks for a snapshot, by the action of the database's family.
pub(crate) async fn create<W: CreateClusterSnapshot + CreateSnapshot>(
    world: &W,
    request: &CreateSnapshotRequest,
) -> Result<(), RdsError> {
    match request.database.family() {
        Family::Instance => world.create_db_snapshot(request).await,
        Family::Cluster => world.create_db_cluster_snapshot(request).await,
    }
}

/// Asks for a copy, by the action of the source's family.
pub(crate) async fn copy<W: CopyClusterSnapshot + CopySnapshot>(
    world: &W,
    request: &CopySnapshotRequest,
) -> Result<(), RdsError> {
    match request.source.family() {
        Family::Instance => world.copy_db_snapshot(request).await,
        Family::Cluster => world.copy_db_cluster_snapshot(request).await,
    }
}
