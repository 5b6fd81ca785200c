//! The ports that are RDS, for clusters. What stands between RDS and a caller is the same as for instances.

use snapferry::domain::arn::{RdsArn, Region};
use snapferry::domain::database::Database;
use snapferry::domain::failure::Operation;
use snapferry::domain::names::{ResourceId, SnapshotId};
use snapferry::domain::snapshot::Snapshot;
use snapferry::ports::{
    AutomatedClusterSnapshots, CopyClusterSnapshot, CopySnapshotRequest, CreateClusterSnapshot,
    CreateSnapshotRequest, DescribeClusterSnapshots, DescribeClusters, FindClusters, Page,
    RdsError,
};

use super::mutant::Mutant;
use super::port::Port;
use super::port_rds::{automated, of_values, shown, snapshot, values};
use super::world::rds_region;
use crate::rds::{CopyDbSnapshot, CreateDbSnapshot, DescribeDbClusters, Paging};
use crate::rows::{by_identifier, cluster};

impl DescribeClusters for Port {
    async fn describe_db_clusters(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        let at = rds_region(region);
        let operation = Operation::DescribeDbClusters;
        let page = self
            .rds(operation, region, String::new, move |w| {
                let paging = Paging {
                    max_records: Some(20),
                    marker,
                };
                let request = DescribeDbClusters {
                    paging,
                    ..DescribeDbClusters::default()
                };
                let now = w.now;
                let page = w.rds.describe_db_clusters(&at, &request, now)?;
                let items = page.items.iter().filter_map(cluster).collect();
                Ok(Page {
                    items,
                    next: page.marker,
                })
            })
            .await;
        match page {
            Err(_) if self.has(Mutant::UnreachableHasNoDatabases) => Ok(Page {
                items: Vec::new(),
                next: None,
            }),
            page => page.map(|page| self.as_listed(page)),
        }
    }
}

impl FindClusters for Port {
    async fn find_db_clusters(
        &self,
        region: &Region,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError> {
        let at = rds_region(region);
        let request = DescribeDbClusters {
            filters: vec![of_values("db-cluster-resource-id", ids)],
            ..DescribeDbClusters::default()
        };
        let operation = Operation::DescribeDbClusters;
        self.rds(
            operation,
            region,
            || values(ids),
            move |w| {
                let now = w.now;
                let page = w.rds.describe_db_clusters(&at, &request, now)?;
                Ok(page.items.iter().filter_map(cluster).collect())
            },
        )
        .await
        .map(|found| self.as_found(found))
    }
}

impl AutomatedClusterSnapshots for Port {
    async fn automated_db_cluster_snapshots(
        &self,
        region: &Region,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let at = rds_region(region);
        let request = automated(of, marker);
        let operation = Operation::DescribeDbClusterSnapshots;
        self.rds(
            operation,
            region,
            || "automated".to_owned(),
            move |w| {
                let now = w.now;
                let page = w.rds.describe_db_cluster_snapshots(&at, &request, now)?;
                Ok(Page {
                    items: page
                        .items
                        .iter()
                        .filter_map(crate::rows::snapshot)
                        .collect(),
                    next: page.marker,
                })
            },
        )
        .await
        .map(|page| self.as_owned(page))
    }
}

impl DescribeClusterSnapshots for Port {
    async fn describe_db_cluster_snapshots(
        &self,
        region: &Region,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        let at = rds_region(region);
        let request = by_identifier("db-cluster-snapshot-id", ids);
        let operation = Operation::DescribeDbClusterSnapshots;
        let found = self
            .rds(
                operation,
                region,
                || values(ids),
                move |w| {
                    let now = w.now;
                    let page = w.rds.describe_db_cluster_snapshots(&at, &request, now)?;
                    let odd = w.climate.odd_statuses && w.faults_are_on && w.rng.u8(..8) == 0;
                    let rows = page.items.iter();
                    let found: Vec<Snapshot> = rows.filter_map(|row| snapshot(row, odd)).collect();
                    w.note(|| format!("  shows {:?}", shown(&found)));
                    Ok(found)
                },
            )
            .await;
        match found {
            Ok(found) => Ok(found
                .into_iter()
                .map(|found| self.as_shown(found))
                .collect()),
            Err(_) if self.has(Mutant::UnreachableIsEmpty) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

impl CreateClusterSnapshot for Port {
    async fn create_db_cluster_snapshot(
        &self,
        request: &CreateSnapshotRequest,
    ) -> Result<(), RdsError> {
        let region = request.database.region();
        let (at, by, asked) = (rds_region(region), self.invocation, request.clone());
        let arn = request.database.sibling_snapshot(region, &request.id);
        self.shared.world.borrow_mut().judge_asking(by, &arn);
        let operation = Operation::CreateDbClusterSnapshot;
        let answer = self
            .rds(
                operation,
                region,
                || request.id.to_string(),
                move |w| {
                    let now = w.now;
                    let request = CreateDbSnapshot {
                        snapshot: asked.id.to_string(),
                        instance: asked.database.name().to_owned(),
                        tags: asked.tags.into_iter().collect(),
                    };
                    let answer = w.rds.create_db_cluster_snapshot(&at, &request, now);
                    w.answered(by, &arn, answer)
                },
            )
            .await;
        self.register_late();
        self.as_accepted(answer)
    }
}

impl CopyClusterSnapshot for Port {
    async fn copy_db_cluster_snapshot(
        &self,
        request: &CopySnapshotRequest,
    ) -> Result<(), RdsError> {
        let (at, by) = (rds_region(&request.region), self.invocation);
        let asked = request.clone();
        let arn = request
            .source
            .sibling_snapshot(&request.region, &request.id);
        let gives_back = self.has(Mutant::SlotIsGivenBackEarly);
        let operation = Operation::CopyDbClusterSnapshot;
        let answer = self
            .rds(
                operation,
                &request.region,
                || request.id.to_string(),
                move |w| {
                    let now = w.now;
                    let request = CopyDbSnapshot {
                        source: asked.source.to_string(),
                        target: asked.id.to_string(),
                        kms_key: Some(asked.key.to_string()),
                        copy_tags: false,
                        tags: asked.tags.into_iter().collect(),
                        option_group: None,
                    };
                    let answer = w.rds.copy_db_cluster_snapshot(&at, &request, now);
                    if gives_back {
                        w.table.drop_slot(&arn, None, now);
                    }
                    w.answered(by, &arn, answer)
                },
            )
            .await;
        self.register_late();
        self.as_accepted(answer)
    }
}
