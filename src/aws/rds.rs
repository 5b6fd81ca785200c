//! RDS: lists databases and snapshots, takes and copies snapshots, reads quotas.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance, Filter, Tag};
use futures_util::TryFutureExt;
use tracing::warn;

use super::clients::Aws;
use super::presigned::presigned;
use super::rds_errors::{Call, Unusable};
use super::rds_rows::{cluster, cluster_snapshot, instance, instance_snapshot};
use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::names::{ResourceId, SnapshotId};
use crate::domain::id::tags::Tags;
use crate::domain::rds::database::{Database, UnreadableRow};
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::failure::Operation;
use crate::ports::{
    AutomatedSnapshots, CopySnapshot, CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest,
    DescribeQuota, DescribeSnapshots, FindDatabases, ListDatabases, Page, RdsError, SnapshotQuota,
    all_rows,
};

/// How many rows a describe call returns at most (`MaxRecords`, 20 to 100).
pub(super) const PAGE: i32 = 100;
/// The type of automated snapshots.
const AUTOMATED: &str = "automated";

/// The filter on snapshot identifiers. With it, an unknown identifier gives an empty answer and no error.
fn by_id(family: Family) -> &'static str {
    match family {
        Family::Instance => "db-snapshot-id",
        Family::Cluster => "db-cluster-snapshot-id",
    }
}

/// The filter on resource ids, which a rename does not change.
fn by_resource_id(family: Family) -> &'static str {
    match family {
        Family::Instance => "dbi-resource-id",
        Family::Cluster => "db-cluster-resource-id",
    }
}

/// RDS's name for the quota of a family's manual snapshots.
fn quota_of(family: Family) -> &'static str {
    match family {
        Family::Instance => "ManualSnapshots",
        Family::Cluster => "ManualClusterSnapshots",
    }
}

/// How to read one kind of value from the rows of both families.
pub(super) struct RowReaders<T> {
    pub(super) instance: fn(&DbInstance) -> Result<T, Unusable>,
    pub(super) cluster: fn(&DbCluster) -> Result<T, Unusable>,
}

const DATABASES: RowReaders<Database> = RowReaders { instance, cluster };

/// One page of a region's databases.
pub(super) async fn databases<T>(
    client: &Client,
    region: &Region,
    family: Family,
    readers: &RowReaders<T>,
    filters: Option<Vec<Filter>>,
    marker: Option<String>,
) -> Result<Page<T>, RdsError> {
    let call = Call {
        operation: Operation::describe_databases(family),
        region,
    };
    let (rows, next): (Vec<Result<T, UnreadableRow>>, _) = match family {
        Family::Instance => {
            let page = client
                .describe_db_instances()
                .set_filters(filters)
                .max_records(PAGE)
                .set_marker(marker)
                .send()
                .await
                .map_err(|error| call.refused(&error))?;
            let read = |row: &DbInstance| {
                (readers.instance)(row)
                    .map_err(|why| unreadable(row.db_instance_identifier(), &why))
            };
            (page.db_instances().iter().map(read).collect(), page.marker)
        }
        Family::Cluster => {
            let page = client
                .describe_db_clusters()
                .set_filters(filters)
                .max_records(PAGE)
                .set_marker(marker)
                .send()
                .await
                .map_err(|error| call.refused(&error))?;
            let read = |row: &DbCluster| {
                (readers.cluster)(row).map_err(|why| unreadable(row.db_cluster_identifier(), &why))
            };
            (page.db_clusters().iter().map(read).collect(), page.marker)
        }
    };
    let mut page = Page::new(Vec::new(), next.filter(|marker| !marker.is_empty()));
    for row in rows {
        match row {
            Ok(row) => page.items.push(row),
            Err(unreadable) => page.unreadable.push(unreadable),
        }
    }
    Ok(page)
}

/// A database whose row cannot be read must not cost the others of its page their protection.
fn unreadable(name: Option<&str>, why: &Unusable) -> UnreadableRow {
    UnreadableRow {
        name: name.unwrap_or_default().to_owned(),
        why: why.to_string(),
    }
}

/// Which snapshots to ask for.
#[derive(Default)]
pub(super) struct Selection {
    pub(super) snapshot_type: Option<String>,
    pub(super) database: Option<String>,
    pub(super) filters: Option<Vec<Filter>>,
}

/// One page of a region's snapshots.
pub(super) async fn snapshots(
    client: &Client,
    region: &Region,
    family: Family,
    selection: Selection,
    marker: Option<String>,
) -> Result<Page<Snapshot>, RdsError> {
    let call = Call {
        operation: Operation::describe_snapshots(family),
        region,
    };
    let (items, next): (Result<Vec<Snapshot>, Unusable>, _) = match family {
        Family::Instance => {
            let page = client
                .describe_db_snapshots()
                .set_snapshot_type(selection.snapshot_type)
                .set_db_instance_identifier(selection.database)
                .set_filters(selection.filters)
                .max_records(PAGE)
                .set_marker(marker)
                .send()
                .await
                .map_err(|error| call.refused(&error))?;
            let rows = page.db_snapshots().iter();
            (rows.map(instance_snapshot).collect(), page.marker)
        }
        Family::Cluster => {
            let page = client
                .describe_db_cluster_snapshots()
                .set_snapshot_type(selection.snapshot_type)
                .set_db_cluster_identifier(selection.database)
                .set_filters(selection.filters)
                .max_records(PAGE)
                .set_marker(marker)
                .send()
                .await
                .map_err(|error| call.refused(&error))?;
            let rows = page.db_cluster_snapshots().iter();
            (rows.map(cluster_snapshot).collect(), page.marker)
        }
    };
    Ok(Page::new(
        items.map_err(|answer| call.unusable(answer))?,
        next.filter(|marker| !marker.is_empty()),
    ))
}

/// How many pages to read at most: no identifier matches twice, so one page for each, and an empty last one.
fn pages_about<T>(ids: &[T]) -> usize {
    ids.len() + 1
}

impl<Extra> ListDatabases for Aws<Extra> {
    async fn list_databases(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        let client = self.rds_in_turn(region);
        let call = Call {
            operation: Operation::describe_databases(family),
            region,
        };
        let page = databases(&client, region, family, &DATABASES, None, marker);
        self.paced(call, page).await
    }
}

impl<Extra> FindDatabases for Aws<Extra> {
    async fn find_databases(
        &self,
        region: &Region,
        family: Family,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError> {
        if ids.is_empty() {
            // RDS ignores a filter without values, and would list the whole region.
            return Ok(Vec::new());
        }
        let client = self.rds_in_turn(region);
        let filters = vec![filter(by_resource_id(family), ids)];
        let operation = Operation::describe_databases(family);
        let endless = |endless| RdsError::endless(operation, region, endless);
        all_rows(pages_about(ids), endless, |marker| {
            let filters = Some(filters.clone());
            let page = databases(&client, region, family, &DATABASES, filters, marker);
            self.paced(Call { operation, region }, page)
                .inspect_ok(|page| {
                    for row in &page.unreadable {
                        warn!(
                            database = row.name,
                            why = row.why,
                            "a database that cannot be read"
                        );
                    }
                })
        })
        .await
    }
}

impl<Extra> AutomatedSnapshots for Aws<Extra> {
    async fn automated_snapshots(
        &self,
        region: &Region,
        family: Family,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let selection = Selection {
            snapshot_type: Some(AUTOMATED.to_owned()),
            database: of.map(|database| database.name().to_owned()),
            filters: None,
        };
        let client = self.rds_in_turn(region);
        let call = Call {
            operation: Operation::describe_snapshots(family),
            region,
        };
        let page = snapshots(&client, region, family, selection, marker);
        self.paced(call, page).await
    }
}

impl<Extra> DescribeSnapshots for Aws<Extra> {
    async fn describe_snapshots(
        &self,
        region: &Region,
        family: Family,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        if ids.is_empty() {
            // RDS ignores a filter without values, and would list the whole region.
            return Ok(Vec::new());
        }
        let client = self.rds_in_turn(region);
        let filters = vec![filter(by_id(family), ids)];
        let operation = Operation::describe_snapshots(family);
        let endless = |endless| RdsError::endless(operation, region, endless);
        all_rows(pages_about(ids), endless, |marker| {
            let selection = Selection {
                snapshot_type: type_of(ids),
                database: None,
                filters: Some(filters.clone()),
            };
            let page = snapshots(&client, region, family, selection, marker);
            self.paced(Call { operation, region }, page)
        })
        .await
    }
}

/// The type for the call: RDS finds automated snapshots only if the call names their type.
fn type_of(ids: &[SnapshotId]) -> Option<String> {
    let automated = ids.iter().any(SnapshotId::is_automated);
    automated.then(|| AUTOMATED.to_owned())
}

pub(super) fn filter<T: ToString>(name: &str, values: &[T]) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values.iter().map(ToString::to_string).collect()))
        .build()
}

impl<Extra> CreateSnapshot for Aws<Extra> {
    async fn create_snapshot(&self, request: &CreateSnapshotRequest) -> Result<(), RdsError> {
        let (region, family) = (request.database.region(), request.database.family());
        let call = Call {
            operation: Operation::create_snapshot(family),
            region,
        };
        let client = self.rds_for_changes_in_turn(region);
        self.paced(call, create(&client, call, request)).await
    }
}

async fn create(
    client: &Client,
    call: Call<'_>,
    request: &CreateSnapshotRequest,
) -> Result<(), RdsError> {
    let tags = Some(to_sdk(&request.tags));
    match request.database.family() {
        Family::Instance => client
            .create_db_snapshot()
            .db_instance_identifier(request.database.name())
            .db_snapshot_identifier(request.id.as_str())
            .set_tags(tags)
            .send()
            .await
            .map(drop)
            .map_err(|error| call.refused(&error)),
        Family::Cluster => client
            .create_db_cluster_snapshot()
            .db_cluster_identifier(request.database.name())
            .db_cluster_snapshot_identifier(request.id.as_str())
            .set_tags(tags)
            .send()
            .await
            .map(drop)
            .map_err(|error| call.refused(&error)),
    }
}

impl<Extra> CopySnapshot for Aws<Extra> {
    async fn copy_snapshot(&self, request: &CopySnapshotRequest) -> Result<(), RdsError> {
        let call = Call {
            operation: Operation::copy_snapshot(request.source.family()),
            region: &request.region,
        };
        self.paced(call, self.copy(call, request)).await
    }
}

impl<Extra> Aws<Extra> {
    async fn copy(&self, call: Call<'_>, request: &CopySnapshotRequest) -> Result<(), RdsError> {
        let client = self.rds_for_changes_in_turn(&request.region);
        let tags = Some(to_sdk(&request.tags));
        let presigned = presigned(&self.sdk, request)
            .await
            .map_err(|error| call.not_made(error))?;
        let url = presigned.as_ref().map(|url| url.reveal().to_owned());
        let secrets = presigned
            .as_ref()
            .map_or_else(Vec::new, |url| url.secrets());
        match request.source.family() {
            Family::Instance => client
                .copy_db_snapshot()
                .source_db_snapshot_identifier(request.source.to_string())
                .target_db_snapshot_identifier(request.id.as_str())
                .kms_key_id(request.key.as_str())
                .set_option_group_name(request.option_group.as_ref().map(ToString::to_string))
                .copy_tags(false)
                .set_tags(tags)
                .set_pre_signed_url(url)
                .send()
                .await
                .map(drop)
                .map_err(|error| call.refused_with(&error, &secrets)),
            Family::Cluster => client
                .copy_db_cluster_snapshot()
                .source_db_cluster_snapshot_identifier(request.source.to_string())
                .target_db_cluster_snapshot_identifier(request.id.as_str())
                .kms_key_id(request.key.as_str())
                .copy_tags(false)
                .set_tags(tags)
                .set_pre_signed_url(url)
                .send()
                .await
                .map(drop)
                .map_err(|error| call.refused_with(&error, &secrets)),
        }
    }
}

impl<Extra> DescribeQuota for Aws<Extra> {
    async fn describe_snapshot_quota(
        &self,
        region: &Region,
        family: Family,
    ) -> Result<Option<SnapshotQuota>, RdsError> {
        let call = Call {
            operation: Operation::DescribeAccountAttributes,
            region,
        };
        let answer = self
            .rds(region)
            .describe_account_attributes()
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        let quota = answer
            .account_quotas()
            .iter()
            .find(|quota| quota.account_quota_name() == Some(quota_of(family)));
        Ok(quota.and_then(|quota| {
            Some(SnapshotQuota {
                used: quota.used()?,
                max: quota.max()?,
            })
        }))
    }
}

fn to_sdk(tags: &Tags) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}
