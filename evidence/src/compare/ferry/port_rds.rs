//! The ports that are RDS.

use snapferry::domain::arn::{Family, Region};
use snapferry::domain::database::Database;
use snapferry::domain::failure::Operation as Action;
use snapferry::domain::names::SnapshotId;
use snapferry::domain::snapshot::Snapshot;
use snapferry::ports::{
    CopySnapshot, CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest, DescribeInstances,
    DescribeQuota, DescribeSnapshots, Page, RdsError, SnapshotQuota,
};

use super::port::Port;
use crate::compare::cloud::Operation;
use crate::compare::ledger::Hop;
use snapferry_sim::rds::{CopyDbSnapshot, CreateDbSnapshot, DescribeDbInstances, Paging};
use snapferry_sim::rows::{by_identifier, database, snapshot};

impl DescribeInstances for Port<'_> {
    async fn describe_db_instances(
        &self,
        _: &Region,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        let mut inner = self.rds();
        let action = Action::DescribeDbInstances;
        inner.reach(action, Hop::Snapshot, Operation::DescribeInstances)?;
        let request = DescribeDbInstances {
            paging: Paging {
                max_records: None,
                marker,
            },
            ..DescribeDbInstances::default()
        };
        let (at, now) = (inner.cloud.source.clone(), inner.now());
        match inner.cloud.rds.describe_db_instances(&at, &request, now) {
            Ok(page) => Ok(Page {
                items: page.items.iter().filter_map(database).collect(),
                next: page.marker,
            }),
            Err(fault) => Err(inner.refused(action, Hop::Snapshot, &fault)),
        }
    }
}

impl DescribeSnapshots for Port<'_> {
    async fn describe_db_snapshots(
        &self,
        region: &Region,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        let mut inner = self.rds();
        let action = Action::DescribeDbSnapshots;
        let hop = inner.hop_of(region);
        inner.reach(action, hop, Operation::DescribeSnapshots)?;
        let request = by_identifier("db-snapshot-id", ids);
        let (at, now) = (inner.cloud.region(hop).clone(), inner.now());
        match inner.cloud.rds.describe_db_snapshots(&at, &request, now) {
            Ok(page) => Ok(page.items.iter().filter_map(snapshot).collect()),
            Err(fault) => Err(inner.refused(action, hop, &fault)),
        }
    }
}

impl CreateSnapshot for Port<'_> {
    async fn create_db_snapshot(&self, request: &CreateSnapshotRequest) -> Result<(), RdsError> {
        let mut inner = self.rds();
        let action = Action::CreateDbSnapshot;
        inner.reach(action, Hop::Snapshot, Operation::Create)?;
        let (at, now) = (inner.cloud.source.clone(), inner.now());
        let asked = create_request(request);
        let answer = inner.cloud.rds.create_db_snapshot(&at, &asked, now);
        answer
            .map(drop)
            .map_err(|fault| inner.refused(action, Hop::Snapshot, &fault))
    }
}

impl CopySnapshot for Port<'_> {
    async fn copy_db_snapshot(&self, request: &CopySnapshotRequest) -> Result<(), RdsError> {
        let mut inner = self.rds();
        let action = Action::CopyDbSnapshot;
        inner.reach(action, Hop::Copy, Operation::Copy)?;
        let (at, now) = (inner.cloud.home.clone(), inner.now());
        let asked = copy_request(request);
        let answer = inner.cloud.rds.copy_db_snapshot(&at, &asked, now);
        answer
            .map(drop)
            .map_err(|fault| inner.refused(action, Hop::Copy, &fault))
    }
}

impl DescribeQuota for Port<'_> {
    async fn describe_snapshot_quota(
        &self,
        region: &Region,
        family: Family,
    ) -> Result<Option<SnapshotQuota>, RdsError> {
        let mut inner = self.rds();
        let hop = inner.hop_of(region);
        inner.reach(
            Action::DescribeAccountAttributes,
            hop,
            Operation::DescribeAccount,
        )?;
        let (at, now) = (inner.cloud.region(hop).clone(), inner.now());
        let quotas = inner.cloud.rds.describe_account_attributes(&at, now);
        let name = match family {
            Family::Instance => "ManualSnapshots",
            Family::Cluster => "ManualClusterSnapshots",
        };
        let quota = quotas.iter().find(|quota| quota.name == name);
        Ok(quota.map(|quota| SnapshotQuota {
            used: i64::try_from(quota.used).unwrap_or(i64::MAX),
            max: i64::try_from(quota.max).unwrap_or(i64::MAX),
        }))
    }
}

/// A look-up of so many by their identifiers.
pub(super) fn create_request(request: &CreateSnapshotRequest) -> CreateDbSnapshot {
    CreateDbSnapshot {
        snapshot: request.id.to_string(),
        instance: request.database.name().to_owned(),
        tags: request.tags.clone().into_iter().collect(),
    }
}

pub(super) fn copy_request(request: &CopySnapshotRequest) -> CopyDbSnapshot {
    CopyDbSnapshot {
        source: request.source.to_string(),
        target: request.id.to_string(),
        kms_key: Some(request.key.to_string()),
        copy_tags: false,
        tags: request.tags.clone().into_iter().collect(),
        option_group: request.option_group.as_ref().map(ToString::to_string),
    }
}
