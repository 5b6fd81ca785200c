//! The ports of automated snapshots. The comparison's policy copies none, and so nobody asks here.

use snapferry::domain::arn::{RdsArn, Region};
use snapferry::domain::database::Database;
use snapferry::domain::failure::Operation as Action;
use snapferry::domain::names::ResourceId;
use snapferry::domain::snapshot::Snapshot;
use snapferry::ports::{
    AutomatedClusterSnapshots, AutomatedSnapshots, FindClusters, FindInstances, Page, RdsError,
};

use super::port::Port;
use crate::compare::cloud::Operation;
use crate::compare::ledger::Hop;
use snapferry_sim::rds::{
    DescribeDbClusters, DescribeDbInstances, DescribeDbSnapshots, Family, Filter, Paging,
};
use snapferry_sim::rows::{cluster, database, snapshot};

fn by_resource_id(name: &str, ids: &[ResourceId]) -> Vec<Filter> {
    vec![Filter {
        name: name.to_owned(),
        values: ids.iter().map(ToString::to_string).collect(),
    }]
}

impl FindInstances for Port<'_> {
    async fn find_db_instances(
        &self,
        _: &Region,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError> {
        let mut inner = self.rds();
        let action = Action::DescribeDbInstances;
        inner.reach(action, Hop::Snapshot, Operation::DescribeInstances)?;
        let request = DescribeDbInstances {
            filters: by_resource_id("dbi-resource-id", ids),
            ..DescribeDbInstances::default()
        };
        let (at, now) = (inner.cloud.source.clone(), inner.now());
        match inner.cloud.rds.describe_db_instances(&at, &request, now) {
            Ok(page) => Ok(page.items.iter().filter_map(database).collect()),
            Err(fault) => Err(inner.refused(action, Hop::Snapshot, &fault)),
        }
    }
}

impl FindClusters for Port<'_> {
    async fn find_db_clusters(
        &self,
        _: &Region,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError> {
        let mut inner = self.rds();
        let action = Action::DescribeDbClusters;
        inner.reach(action, Hop::Snapshot, Operation::DescribeClusters)?;
        let request = DescribeDbClusters {
            filters: by_resource_id("db-cluster-resource-id", ids),
            ..DescribeDbClusters::default()
        };
        let (at, now) = (inner.cloud.source.clone(), inner.now());
        match inner.cloud.rds.describe_db_clusters(&at, &request, now) {
            Ok(page) => Ok(page.items.iter().filter_map(cluster).collect()),
            Err(fault) => Err(inner.refused(action, Hop::Snapshot, &fault)),
        }
    }
}

impl Port<'_> {
    fn automated(
        &self,
        action: Action,
        family: Family,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let mut inner = self.rds();
        inner.reach(action, Hop::Snapshot, Operation::DescribeSnapshots)?;
        let request = DescribeDbSnapshots {
            instance: of.map(|database| database.name().to_owned()),
            snapshot_type: Some("automated".to_owned()),
            paging: Paging {
                max_records: None,
                marker,
            },
            ..DescribeDbSnapshots::default()
        };
        let (at, now) = (inner.cloud.source.clone(), inner.now());
        let rds = &mut inner.cloud.rds;
        let page = match family {
            Family::Instance => rds.describe_db_snapshots(&at, &request, now),
            Family::Cluster => rds.describe_db_cluster_snapshots(&at, &request, now),
        };
        match page {
            Ok(page) => Ok(Page {
                items: page.items.iter().filter_map(snapshot).collect(),
                next: page.marker,
            }),
            Err(fault) => Err(inner.refused(action, Hop::Snapshot, &fault)),
        }
    }
}

impl AutomatedSnapshots for Port<'_> {
    async fn automated_db_snapshots(
        &self,
        _: &Region,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        self.automated(Action::DescribeDbSnapshots, Family::Instance, of, marker)
    }
}

impl AutomatedClusterSnapshots for Port<'_> {
    async fn automated_db_cluster_snapshots(
        &self,
        _: &Region,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let action = Action::DescribeDbClusterSnapshots;
        self.automated(action, Family::Cluster, of, marker)
    }
}
