//! RDS: clusters and cluster snapshots listed, cluster snapshots taken and copied.

use aws_sdk_rds::types::{DbCluster, DbClusterSnapshot};

use super::clients::Aws;
use super::rds::{AUTOMATED, PAGE, filter, from_sdk, known, marker_of, readable, to_sdk, type_of};
use super::rds_errors::{Answer, Call, Unusable};
use crate::domain::arn::{KeyArn, RdsArn, Region};
use crate::domain::database::Database;
use crate::domain::failure::Operation;
use crate::domain::names::{ResourceId, SnapshotId};
use crate::domain::snapshot::{Snapshot, SnapshotStatus};
use crate::ports::{
    AutomatedClusterSnapshots, CopyClusterSnapshot, CopySnapshotRequest, CreateClusterSnapshot,
    CreateSnapshotRequest, DescribeClusterSnapshots, DescribeClusters, FindClusters, Page,
    RdsError,
};

/// The filter on identifiers. An identifier that is not there is then an empty answer and no error.
const BY_ID: &str = "db-cluster-snapshot-id";
/// The filter on resource ids, which a rename leaves alone.
const BY_RESOURCE_ID: &str = "db-cluster-resource-id";
/// RDS's own engines. A cluster of one of them is a Multi-AZ DB cluster.
const NOT_AURORA: [&str; 2] = ["mysql", "postgres"];

impl<Also> DescribeClusters for Aws<Also> {
    async fn describe_db_clusters(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        let call = Call {
            operation: Operation::DescribeDbClusters,
            region,
        };
        let page = self
            .rds(region)
            .describe_db_clusters()
            .max_records(PAGE)
            .set_marker(marker)
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        let items: Result<Vec<Database>, Unusable> =
            page.db_clusters().iter().map(database).collect();
        Ok(Page {
            items: items.map_err(|answer| call.unusable(answer))?,
            next: marker_of(page.marker()),
        })
    }
}

impl<Also> FindClusters for Aws<Also> {
    async fn find_db_clusters(
        &self,
        region: &Region,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError> {
        let call = Call {
            operation: Operation::DescribeDbClusters,
            region,
        };
        if ids.is_empty() {
            // RDS takes a filter without values for no filter, and would list the whole region.
            return Ok(Vec::new());
        }
        let by_id = filter(BY_RESOURCE_ID, ids.iter().map(ToString::to_string));
        let mut found = Vec::new();
        let mut marker = None;
        // No id matches twice, so there are at most as many pages as ids, and an empty last one.
        for _ in 0..=ids.len() {
            let page = self
                .rds(region)
                .describe_db_clusters()
                .filters(by_id.clone())
                .max_records(PAGE)
                .set_marker(marker)
                .send()
                .await
                .map_err(|error| call.refused(&error))?;
            for row in page.db_clusters() {
                found.push(database(row).map_err(|answer| call.unusable(answer))?);
            }
            marker = marker_of(page.marker());
            if marker.is_none() {
                return Ok(found);
            }
        }
        Err(call.unusable(Unusable::Endless))
    }
}

impl<Also> AutomatedClusterSnapshots for Aws<Also> {
    async fn automated_db_cluster_snapshots(
        &self,
        region: &Region,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let call = Call {
            operation: Operation::DescribeDbClusterSnapshots,
            region,
        };
        let page = self
            .rds(region)
            .describe_db_cluster_snapshots()
            .snapshot_type(AUTOMATED)
            .set_db_cluster_identifier(of.map(|database| database.name().to_owned()))
            .max_records(PAGE)
            .set_marker(marker)
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        let items: Result<Vec<Snapshot>, Unusable> = page
            .db_cluster_snapshots()
            .iter()
            .map(|row| readable(snapshot(row), row.db_cluster_snapshot_arn(), row.tag_list()))
            .collect();
        Ok(Page {
            items: items.map_err(|answer| call.unusable(answer))?,
            next: marker_of(page.marker()),
        })
    }
}

impl<Also> DescribeClusterSnapshots for Aws<Also> {
    async fn describe_db_cluster_snapshots(
        &self,
        region: &Region,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        let call = Call {
            operation: Operation::DescribeDbClusterSnapshots,
            region,
        };
        if ids.is_empty() {
            // RDS takes a filter without values for no filter, and would list the whole region.
            return Ok(Vec::new());
        }
        let client = self.rds(region);
        let by_id = filter(BY_ID, ids.iter().map(ToString::to_string));
        let mut found = Vec::new();
        let mut marker = None;
        // No identifier matches twice, so there are at most as many pages as identifiers, and an empty last one.
        for _ in 0..=ids.len() {
            let page = client
                .describe_db_cluster_snapshots()
                .set_snapshot_type(type_of(ids))
                .filters(by_id.clone())
                .max_records(PAGE)
                .set_marker(marker)
                .send()
                .await
                .map_err(|error| call.refused(&error))?;
            for row in page.db_cluster_snapshots() {
                let read = readable(snapshot(row), row.db_cluster_snapshot_arn(), row.tag_list());
                found.push(read.map_err(|answer| call.unusable(answer))?);
            }
            marker = marker_of(page.marker());
            if marker.is_none() {
                return Ok(found);
            }
        }
        Err(call.unusable(Unusable::Endless))
    }
}

impl<Also> CreateClusterSnapshot for Aws<Also> {
    async fn create_db_cluster_snapshot(
        &self,
        request: &CreateSnapshotRequest,
    ) -> Result<(), RdsError> {
        let region = request.database.region();
        let call = Call {
            operation: Operation::CreateDbClusterSnapshot,
            region,
        };
        self.rds(region)
            .create_db_cluster_snapshot()
            .db_cluster_identifier(request.database.name())
            .db_cluster_snapshot_identifier(request.id.as_str())
            .set_tags(Some(to_sdk(&request.tags)))
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        Ok(())
    }
}

impl<Also> CopyClusterSnapshot for Aws<Also> {
    /// Without `PreSignedUrl`, as for instances.
    async fn copy_db_cluster_snapshot(
        &self,
        request: &CopySnapshotRequest,
    ) -> Result<(), RdsError> {
        let call = Call {
            operation: Operation::CopyDbClusterSnapshot,
            region: &request.region,
        };
        self.rds(&request.region)
            .copy_db_cluster_snapshot()
            .source_db_cluster_snapshot_identifier(request.source.to_string())
            .target_db_cluster_snapshot_identifier(request.id.as_str())
            .kms_key_id(request.key.as_str())
            .copy_tags(false)
            .set_tags(Some(to_sdk(&request.tags)))
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        Ok(())
    }
}

pub(super) fn database(row: &DbCluster) -> Result<Database, Unusable> {
    let answer = Answer {
        of: row.db_cluster_identifier().unwrap_or("a DB cluster"),
    };
    let arn = answer.required("DBClusterArn", row.db_cluster_arn())?;
    let resource_id = answer.required("DbClusterResourceId", row.db_cluster_resource_id())?;
    // Without these it cannot be known whether RDS can copy its snapshots.
    let engine = answer.required("Engine", row.engine())?;
    let encrypted = answer.required("StorageEncrypted", row.storage_encrypted())?;
    // AWS documents the class as one of Multi-AZ DB clusters alone.
    let has_class = row
        .db_cluster_instance_class()
        .is_some_and(|class| !class.is_empty());
    Ok(Database {
        arn: answer.parsed("DBClusterArn", RdsArn::parse(arn))?,
        resource_id: answer.parsed("DbClusterResourceId", ResourceId::parse(resource_id))?,
        member_of: None,
        engine: engine.to_owned(),
        option_group: None,
        encrypted,
        multi_az_cluster: has_class || NOT_AURORA.contains(&engine),
        multi_az: None,
        backup_retention_days: row.backup_retention_period(),
        status: row.status().unwrap_or_default().to_owned(),
        tags: from_sdk(row.tag_list()),
    })
}

/// Reads a row. What a snapshot is compared by must be there once it is available; before, RDS may not know it.
pub(super) fn snapshot(row: &DbClusterSnapshot) -> Result<Snapshot, Unusable> {
    let answer = Answer {
        of: row
            .db_cluster_snapshot_identifier()
            .unwrap_or("a DB cluster snapshot"),
    };
    let arn = answer.required("DBClusterSnapshotArn", row.db_cluster_snapshot_arn())?;
    let status = SnapshotStatus::parse(answer.required("Status", row.status())?);
    let settled = status == SnapshotStatus::Available;
    let source = row
        .source_db_cluster_snapshot_arn()
        .filter(|source| !source.is_empty())
        .map(|source| answer.parsed("SourceDBClusterSnapshotArn", RdsArn::parse(source)))
        .transpose()?;
    let key = row
        .kms_key_id()
        .filter(|key| !key.is_empty())
        .map(|key| answer.parsed("KmsKeyId", KeyArn::parse(key)))
        .transpose()?;
    let resource_id = row
        .db_cluster_resource_id()
        .filter(|id| !id.is_empty())
        .map(|id| answer.parsed("DbClusterResourceId", ResourceId::parse(id)))
        .transpose()?;
    let created_at = answer.time("SnapshotCreateTime", row.snapshot_create_time())?;
    Ok(Snapshot {
        arn: answer.parsed("DBClusterSnapshotArn", RdsArn::parse(arn))?,
        resource_id,
        engine: known(answer, "Engine", row.engine().map(str::to_owned), settled)?,
        engine_version: row.engine_version().unwrap_or_default().to_owned(),
        // Nothing is compared by it: see `settle`.
        size_gib: row.allocated_storage().unwrap_or_default(),
        encrypted: known(answer, "StorageEncrypted", row.storage_encrypted(), settled)?,
        key,
        // A copy's own time says when the copying began, and there is no other.
        taken_at: created_at.filter(|_| source.is_none()),
        tags: from_sdk(row.tag_list()),
        source,
        status,
    })
}
