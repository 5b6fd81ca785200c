//! The ports that are RDS. The comparison's fleets have no clusters and copy no automated snapshots, but the planner asks
//! for clusters all the same.

use snapferry::domain::arn::{Family, RdsArn, Region};
use snapferry::domain::database::Database;
use snapferry::domain::failure::Operation as Action;
use snapferry::domain::names::{ResourceId, SnapshotId};
use snapferry::domain::snapshot::Snapshot;
use snapferry::ports::{
    AutomatedSnapshots, CopySnapshot, CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest,
    DescribeQuota, DescribeSnapshots, FindDatabases, ListDatabases, Page, RdsError, SnapshotQuota,
};

use super::port::Port;
use crate::compare::cloud::Operation;
use crate::compare::ledger::Hop;
use snapferry_sim::rds::{Filter, Paging, Rds, RdsFault, Region as RdsRegion};
use snapferry_sim::rows;

impl Port<'_> {
    /// A call that reaches RDS unless RDS throttles it.
    fn ask<T>(
        &self,
        action: Action,
        hop: Hop,
        operation: Operation,
        effect: impl FnOnce(&mut Rds, &RdsRegion, jiff::Timestamp) -> Result<T, RdsFault>,
    ) -> Result<T, RdsError> {
        let mut inner = self.rds();
        inner.reach(action, hop, operation)?;
        let (at, now) = (inner.cloud.region(hop).clone(), inner.now());
        effect(&mut inner.cloud.rds, &at, now).map_err(|fault| inner.refused(action, hop, &fault))
    }

    fn databases(
        &self,
        family: Family,
        filters: Vec<Filter>,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        let operation = match family {
            Family::Instance => Operation::DescribeInstances,
            Family::Cluster => Operation::DescribeClusters,
        };
        let action = Action::describe_databases(family);
        self.ask(action, Hop::Snapshot, operation, |rds, at, now| {
            rows::databases(rds, at, family, filters, paging(marker), now)
        })
    }
}

fn paging(marker: Option<String>) -> Paging {
    Paging {
        max_records: None,
        marker,
    }
}

impl ListDatabases for Port<'_> {
    async fn list_databases(
        &self,
        _: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        self.databases(family, Vec::new(), marker)
    }
}

impl FindDatabases for Port<'_> {
    async fn find_databases(
        &self,
        _: &Region,
        family: Family,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError> {
        let filters = rows::by_resource_id(family, ids);
        Ok(self.databases(family, filters, None)?.items)
    }
}

impl AutomatedSnapshots for Port<'_> {
    async fn automated_snapshots(
        &self,
        _: &Region,
        family: Family,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let action = Action::describe_snapshots(family);
        let operation = Operation::DescribeSnapshots;
        self.ask(action, Hop::Snapshot, operation, |rds, at, now| {
            rows::automated(rds, at, family, of, paging(marker), now)
        })
    }
}

impl DescribeSnapshots for Port<'_> {
    async fn describe_snapshots(
        &self,
        region: &Region,
        family: Family,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        let hop = self.rds().hop_of(region);
        let action = Action::describe_snapshots(family);
        self.ask(action, hop, Operation::DescribeSnapshots, |rds, at, now| {
            let request = rows::by_identifier(family, ids);
            let page = rows::descriptions(rds, at, family, &request, now)?;
            Ok(page.items.iter().filter_map(rows::snapshot).collect())
        })
    }
}

impl CreateSnapshot for Port<'_> {
    async fn create_snapshot(&self, request: &CreateSnapshotRequest) -> Result<(), RdsError> {
        let action = Action::create_snapshot(request.database.family());
        self.ask(action, Hop::Snapshot, Operation::Create, |rds, at, now| {
            rows::create(rds, at, request, now).map(drop)
        })
    }
}

impl CopySnapshot for Port<'_> {
    async fn copy_snapshot(&self, request: &CopySnapshotRequest) -> Result<(), RdsError> {
        let action = Action::copy_snapshot(request.source.family());
        self.ask(action, Hop::Copy, Operation::Copy, |rds, at, now| {
            rows::copy(rds, at, request, now).map(drop)
        })
    }
}

impl DescribeQuota for Port<'_> {
    async fn describe_snapshot_quota(
        &self,
        region: &Region,
        family: Family,
    ) -> Result<Option<SnapshotQuota>, RdsError> {
        let hop = self.rds().hop_of(region);
        let action = Action::DescribeAccountAttributes;
        self.ask(action, hop, Operation::DescribeAccount, |rds, at, now| {
            Ok(rows::quota(rds, at, family, now))
        })
    }
}
