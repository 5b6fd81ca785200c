//! The ports that are RDS's clusters. The comparison's fleets have none, but the planner asks for them.

use snapferry::domain::arn::Region;
use snapferry::domain::database::Database;
use snapferry::domain::failure::Operation as Action;
use snapferry::domain::names::SnapshotId;
use snapferry::domain::snapshot::Snapshot;
use snapferry::ports::{
    CopyClusterSnapshot, CopySnapshotRequest, CreateClusterSnapshot, CreateSnapshotRequest,
    DescribeClusterSnapshots, DescribeClusters, Page, RdsError,
};

use super::port::Port;
use super::port_rds::{copy_request, create_request};
use crate::compare::cloud::Operation;
use crate::compare::ledger::Hop;
use snapferry_sim::rds::{DescribeDbClusters, Paging};
use snapferry_sim::rows::{by_identifier, cluster, snapshot};

impl DescribeClusters for Port<'_> {
    async fn describe_db_clusters(
        &self,
        _: &Region,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        let mut inner = self.rds();
        let action = Action::DescribeDbClusters;
        inner.reach(action, Hop::Snapshot, Operation::DescribeClusters)?;
        let request = DescribeDbClusters {
            paging: Paging {
                max_records: None,
                marker,
            },
            ..DescribeDbClusters::default()
        };
        let (at, now) = (inner.cloud.source.clone(), inner.now());
        match inner.cloud.rds.describe_db_clusters(&at, &request, now) {
            Ok(page) => Ok(Page {
                items: page.items.iter().filter_map(cluster).collect(),
                next: page.marker,
            }),
            Err(fault) => Err(inner.refused(action, Hop::Snapshot, &fault)),
        }
    }
}

impl DescribeClusterSnapshots for Port<'_> {
    async fn describe_db_cluster_snapshots(
        &self,
        region: &Region,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        let mut inner = self.rds();
        let action = Action::DescribeDbClusterSnapshots;
        let hop = inner.hop_of(region);
        inner.reach(action, hop, Operation::DescribeSnapshots)?;
        let request = by_identifier("db-cluster-snapshot-id", ids);
        let (at, now) = (inner.cloud.region(hop).clone(), inner.now());
        match inner
            .cloud
            .rds
            .describe_db_cluster_snapshots(&at, &request, now)
        {
            Ok(page) => Ok(page.items.iter().filter_map(snapshot).collect()),
            Err(fault) => Err(inner.refused(action, hop, &fault)),
        }
    }
}

impl CreateClusterSnapshot for Port<'_> {
    async fn create_db_cluster_snapshot(
        &self,
        request: &CreateSnapshotRequest,
    ) -> Result<(), RdsError> {
        let mut inner = self.rds();
        let action = Action::CreateDbClusterSnapshot;
        inner.reach(action, Hop::Snapshot, Operation::Create)?;
        let (at, now) = (inner.cloud.source.clone(), inner.now());
        let answer = inner
            .cloud
            .rds
            .create_db_cluster_snapshot(&at, &create_request(request), now);
        answer
            .map(drop)
            .map_err(|fault| inner.refused(action, Hop::Snapshot, &fault))
    }
}

impl CopyClusterSnapshot for Port<'_> {
    async fn copy_db_cluster_snapshot(
        &self,
        request: &CopySnapshotRequest,
    ) -> Result<(), RdsError> {
        let mut inner = self.rds();
        let action = Action::CopyDbClusterSnapshot;
        inner.reach(action, Hop::Copy, Operation::Copy)?;
        let (at, now) = (inner.cloud.home.clone(), inner.now());
        let answer = inner
            .cloud
            .rds
            .copy_db_cluster_snapshot(&at, &copy_request(request), now);
        answer
            .map(drop)
            .map_err(|fault| inner.refused(action, Hop::Copy, &fault))
    }
}
