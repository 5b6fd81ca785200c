//! RDS: instances and their snapshots listed, snapshots taken and copied, quotas read.

use aws_sdk_rds::types::{DbInstance, DbSnapshot, Filter, Tag};
use tracing::warn;

use super::clients::Aws;
use super::rds_errors::{Answer, Call, Unusable};
use crate::domain::arn::{Family, KeyArn, RdsArn, Region};
use crate::domain::database::Database;
use crate::domain::failure::Operation;
use crate::domain::names::{OptionGroup, ResourceId, SnapshotId};
use crate::domain::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::tags::Tags;
use crate::ports::{
    AutomatedSnapshots, CopySnapshot, CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest,
    DescribeInstances, DescribeQuota, DescribeSnapshots, FindInstances, Page, RdsError,
    SnapshotQuota,
};

/// The most rows that a describe call answers with (`MaxRecords`, 20 to 100).
pub(super) const PAGE: i32 = 100;
/// The filter on identifiers. An identifier that is not there is then an empty answer and no error.
const BY_ID: &str = "db-snapshot-id";
/// The filter on resource ids, which a rename leaves alone.
const BY_RESOURCE_ID: &str = "dbi-resource-id";
/// The type of the snapshots that RDS takes by itself.
pub(super) const AUTOMATED: &str = "automated";

/// RDS's name for the quota of a family's manual snapshots.
fn quota_of(family: Family) -> &'static str {
    match family {
        Family::Instance => "ManualSnapshots",
        Family::Cluster => "ManualClusterSnapshots",
    }
}

impl<Also> DescribeInstances for Aws<Also> {
    async fn describe_db_instances(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        let call = Call {
            operation: Operation::DescribeDbInstances,
            region,
        };
        let page = self
            .rds(region)
            .describe_db_instances()
            .max_records(PAGE)
            .set_marker(marker)
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        let items: Result<Vec<Database>, Unusable> =
            page.db_instances().iter().map(database).collect();
        Ok(Page {
            items: items.map_err(|answer| call.unusable(answer))?,
            next: marker_of(page.marker()),
        })
    }
}

impl<Also> FindInstances for Aws<Also> {
    async fn find_db_instances(
        &self,
        region: &Region,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError> {
        let call = Call {
            operation: Operation::DescribeDbInstances,
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
                .describe_db_instances()
                .filters(by_id.clone())
                .max_records(PAGE)
                .set_marker(marker)
                .send()
                .await
                .map_err(|error| call.refused(&error))?;
            for row in page.db_instances() {
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

impl<Also> AutomatedSnapshots for Aws<Also> {
    async fn automated_db_snapshots(
        &self,
        region: &Region,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let call = Call {
            operation: Operation::DescribeDbSnapshots,
            region,
        };
        let page = self
            .rds(region)
            .describe_db_snapshots()
            .snapshot_type(AUTOMATED)
            .set_db_instance_identifier(of.map(|database| database.name().to_owned()))
            .max_records(PAGE)
            .set_marker(marker)
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        let items: Result<Vec<Snapshot>, Unusable> = page
            .db_snapshots()
            .iter()
            .map(|row| readable(snapshot(row), row.db_snapshot_arn(), row.tag_list()))
            .collect();
        Ok(Page {
            items: items.map_err(|answer| call.unusable(answer))?,
            next: marker_of(page.marker()),
        })
    }
}

/// The type that RDS wants to be told beside the identifiers of automated snapshots.
pub(super) fn type_of(ids: &[SnapshotId]) -> Option<String> {
    let automated = ids.iter().any(SnapshotId::is_automated);
    automated.then(|| AUTOMATED.to_owned())
}

/// A filter of RDS's.
pub(super) fn filter(name: &str, values: impl Iterator<Item = String>) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values.collect()))
        .build()
}

impl<Also> DescribeSnapshots for Aws<Also> {
    async fn describe_db_snapshots(
        &self,
        region: &Region,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        let call = Call {
            operation: Operation::DescribeDbSnapshots,
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
                .describe_db_snapshots()
                .set_snapshot_type(type_of(ids))
                .filters(by_id.clone())
                .max_records(PAGE)
                .set_marker(marker)
                .send()
                .await
                .map_err(|error| call.refused(&error))?;
            for row in page.db_snapshots() {
                let read = readable(snapshot(row), row.db_snapshot_arn(), row.tag_list());
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

impl<Also> CreateSnapshot for Aws<Also> {
    async fn create_db_snapshot(&self, request: &CreateSnapshotRequest) -> Result<(), RdsError> {
        let region = request.database.region();
        let call = Call {
            operation: Operation::CreateDbSnapshot,
            region,
        };
        self.rds(region)
            .create_db_snapshot()
            .db_instance_identifier(request.database.name())
            .db_snapshot_identifier(request.id.as_str())
            .set_tags(Some(to_sdk(&request.tags)))
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        Ok(())
    }
}

impl<Also> CopySnapshot for Aws<Also> {
    /// Without `PreSignedUrl`: RDS ignores it but between GovCloud's regions, which are not supported.
    async fn copy_db_snapshot(&self, request: &CopySnapshotRequest) -> Result<(), RdsError> {
        let call = Call {
            operation: Operation::CopyDbSnapshot,
            region: &request.region,
        };
        self.rds(&request.region)
            .copy_db_snapshot()
            .source_db_snapshot_identifier(request.source.to_string())
            .target_db_snapshot_identifier(request.id.as_str())
            .kms_key_id(request.key.as_str())
            .set_option_group_name(request.option_group.as_ref().map(ToString::to_string))
            .copy_tags(false)
            .set_tags(Some(to_sdk(&request.tags)))
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        Ok(())
    }
}

impl<Also> DescribeQuota for Aws<Also> {
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

pub(super) fn marker_of(marker: Option<&str>) -> Option<String> {
    marker
        .filter(|marker| !marker.is_empty())
        .map(ToOwned::to_owned)
}

pub(super) fn to_sdk(tags: &Tags) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

pub(super) fn from_sdk(tags: &[Tag]) -> Tags {
    tags.iter()
        .filter_map(|tag| {
            let value = tag.value().unwrap_or_default();
            Some((tag.key()?.to_owned(), value.to_owned()))
        })
        .collect()
}

pub(super) fn database(row: &DbInstance) -> Result<Database, Unusable> {
    let answer = Answer {
        of: row.db_instance_identifier().unwrap_or("a DB instance"),
    };
    let arn = answer.required("DBInstanceArn", row.db_instance_arn())?;
    let resource_id = answer.required("DbiResourceId", row.dbi_resource_id())?;
    Ok(Database {
        arn: answer.parsed("DBInstanceArn", RdsArn::parse(arn))?,
        resource_id: answer.parsed("DbiResourceId", ResourceId::parse(resource_id))?,
        member_of: row
            .db_cluster_identifier()
            .filter(|cluster| !cluster.is_empty())
            .map(ToOwned::to_owned),
        engine: row.engine().unwrap_or_default().to_owned(),
        option_group: option_group(row),
        encrypted: row.storage_encrypted().unwrap_or_default(),
        multi_az_cluster: false,
        multi_az: row.multi_az(),
        backup_retention_days: row.backup_retention_period(),
        status: row.db_instance_status().unwrap_or_default().to_owned(),
        tags: from_sdk(row.tag_list()),
    })
}

/// What was read of a row. One that cannot be read proves nothing, and must not cost the others of its page their answer: it
/// counts as of a status that we have no rule for. One that does not say what it is of spoils the page, for the
/// snapshot that it is about would seem to be gone.
pub(super) fn readable(
    read: Result<Snapshot, Unusable>,
    arn: Option<&str>,
    tags: &[Tag],
) -> Result<Snapshot, Unusable> {
    let fault = match read {
        Ok(snapshot) => return Ok(snapshot),
        Err(fault) => fault,
    };
    let Some(arn) = arn.and_then(|arn| RdsArn::parse(arn).ok()) else {
        return Err(fault);
    };
    warn!(resource = %arn, %fault, "a snapshot that cannot be read");
    Ok(Snapshot {
        arn,
        resource_id: None,
        status: SnapshotStatus::Other(fault.to_string()),
        engine: String::new(),
        engine_version: String::new(),
        size_gib: 0,
        encrypted: false,
        key: None,
        source: None,
        taken_at: None,
        tags: from_sdk(tags),
    })
}

/// The option group that an instance has; where one is on its way in or out, the one that has arrived. A name
/// that cannot be read is none that a policy could map.
fn option_group(row: &DbInstance) -> Option<OptionGroup> {
    let memberships = row.option_group_memberships();
    let arrived = memberships
        .iter()
        .find(|group| group.status() == Some("in-sync"));
    let name = arrived.or(memberships.first())?.option_group_name()?;
    OptionGroup::parse(&name.to_ascii_lowercase()).ok()
}

/// Reads a row. What a snapshot is compared by must be there once it is available; before, RDS may not know it.
pub(super) fn snapshot(row: &DbSnapshot) -> Result<Snapshot, Unusable> {
    let answer = Answer {
        of: row.db_snapshot_identifier().unwrap_or("a DB snapshot"),
    };
    let arn = answer.required("DBSnapshotArn", row.db_snapshot_arn())?;
    let status = SnapshotStatus::parse(answer.required("Status", row.status())?);
    let settled = status == SnapshotStatus::Available;
    let source = row
        .source_db_snapshot_identifier()
        .filter(|source| !source.is_empty())
        .map(|source| answer.parsed("SourceDBSnapshotIdentifier", RdsArn::parse(source)))
        .transpose()?;
    let key = row
        .kms_key_id()
        .filter(|key| !key.is_empty())
        .map(|key| answer.parsed("KmsKeyId", KeyArn::parse(key)))
        .transpose()?;
    let resource_id = row
        .dbi_resource_id()
        .filter(|id| !id.is_empty())
        .map(|id| answer.parsed("DbiResourceId", ResourceId::parse(id)))
        .transpose()?;
    Ok(Snapshot {
        arn: answer.parsed("DBSnapshotArn", RdsArn::parse(arn))?,
        resource_id,
        engine: known(answer, "Engine", row.engine().map(str::to_owned), settled)?,
        engine_version: row.engine_version().unwrap_or_default().to_owned(),
        size_gib: known(answer, "AllocatedStorage", row.allocated_storage(), settled)?,
        encrypted: known(answer, "Encrypted", row.encrypted(), settled)?,
        key,
        taken_at: taken_at(answer, row, source.is_some())?,
        tags: from_sdk(row.tag_list()),
        source,
        status,
    })
}

pub(super) fn known<T: Default>(
    answer: Answer<'_>,
    field: &'static str,
    value: Option<T>,
    settled: bool,
) -> Result<T, Unusable> {
    if settled {
        answer.required(field, value)
    } else {
        Ok(value.unwrap_or_default())
    }
}

/// When the data was taken. A copy's `SnapshotCreateTime` says when the copying began, and is never taken for it.
fn taken_at(
    answer: Answer<'_>,
    row: &DbSnapshot,
    is_copy: bool,
) -> Result<Option<jiff::Timestamp>, Unusable> {
    let original = answer.time(
        "OriginalSnapshotCreateTime",
        row.original_snapshot_create_time(),
    )?;
    match original {
        None if !is_copy => answer.time("SnapshotCreateTime", row.snapshot_create_time()),
        original => Ok(original),
    }
}
