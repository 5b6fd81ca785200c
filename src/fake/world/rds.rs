//! The ports of RDS.

use jiff::Timestamp;

use super::super::rds::RdsModel;
use super::{Holds, Ports};
use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::names::{ResourceId, SnapshotId};
use crate::domain::rds::database::Database;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::failure::Operation;
use crate::fake::refusal::Refusal;
use crate::ports::{
    AutomatedSnapshots, CopySnapshot, CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest,
    DescribeQuota, DescribeSnapshots, FindDatabases, ListDatabases, Page, RdsError, SnapshotQuota,
};

impl<L: Holds> Ports<L> {
    pub(super) fn rds<T>(
        &self,
        operation: Operation,
        region: &Region,
        ask: impl FnOnce(&mut L::Rds, Timestamp) -> Result<T, Refusal>,
    ) -> Result<T, RdsError> {
        self.with(|state| ask(&mut state.rds, state.now))
            .map_err(|refusal| refusal.of_rds(operation, region))
    }
}

impl<L: Holds<Rds: RdsModel>> ListDatabases for Ports<L> {
    async fn list_databases(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        let operation = Operation::describe_databases(family);
        self.rds(operation, region, |rds, now| {
            rds.list_databases(region, family, marker, now)
        })
    }
}

impl<L: Holds<Rds: RdsModel>> FindDatabases for Ports<L> {
    async fn find_databases(
        &self,
        region: &Region,
        family: Family,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError> {
        let operation = Operation::describe_databases(family);
        self.rds(operation, region, |rds, now| {
            rds.find_databases(region, family, ids, now)
        })
    }
}

impl<L: Holds<Rds: RdsModel>> DescribeSnapshots for Ports<L> {
    async fn describe_snapshots(
        &self,
        region: &Region,
        family: Family,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        let operation = Operation::describe_snapshots(family);
        self.rds(operation, region, |rds, now| {
            rds.describe_snapshots(region, family, ids, now)
        })
    }
}

impl<L: Holds<Rds: RdsModel>> AutomatedSnapshots for Ports<L> {
    async fn automated_snapshots(
        &self,
        region: &Region,
        family: Family,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let operation = Operation::describe_snapshots(family);
        self.rds(operation, region, |rds, now| {
            rds.automated_snapshots(region, family, of, marker, now)
        })
    }
}

impl<L: Holds<Rds: RdsModel>> CreateSnapshot for Ports<L> {
    async fn create_snapshot(&self, request: &CreateSnapshotRequest) -> Result<(), RdsError> {
        let database = &request.database;
        let operation = Operation::create_snapshot(database.family());
        self.rds(operation, database.region(), |rds, now| {
            rds.create_snapshot(request, now)
        })
    }
}

impl<L: Holds<Rds: RdsModel>> CopySnapshot for Ports<L> {
    async fn copy_snapshot(&self, request: &CopySnapshotRequest) -> Result<(), RdsError> {
        let operation = Operation::copy_snapshot(request.source.family());
        self.rds(operation, &request.region, |rds, now| {
            rds.copy_snapshot(request, now)
        })
    }
}

impl<L: Holds<Rds: RdsModel>> DescribeQuota for Ports<L> {
    async fn describe_snapshot_quota(
        &self,
        region: &Region,
        family: Family,
    ) -> Result<Option<SnapshotQuota>, RdsError> {
        Ok(self.with(|state| state.rds.snapshot_quota(region, family, state.now)))
    }
}
