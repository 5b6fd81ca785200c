//! Reads RDS's rows: instances and clusters, and the snapshots of both.

use aws_sdk_rds::types::{
    ClusterScalabilityType, DbCluster, DbClusterMember, DbClusterSnapshot, DbInstance, DbSnapshot,
    StorageEncryptionType, Tag,
};
use tracing::warn;

use super::rds_errors::{Answer, Unusable};
use super::rds_settings::{captured_cluster, captured_instance};
use crate::domain::id::arn::{KeyArn, RdsArn};
use crate::domain::id::names::{OptionGroup, ResourceId};
use crate::domain::id::tags::Tags;
use crate::domain::rds::copy_facts::{CopyFacts, StorageEncryption};
use crate::domain::rds::database::Database;
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};

/// The engines that are not Aurora's. A cluster of one of them is a Multi-AZ DB cluster.
const NOT_AURORA: [&str; 2] = ["mysql", "postgres"];

/// The engines of the services whose clusters RDS lists beside its own.
const OTHER_SERVICES: [&str; 2] = ["docdb", "neptune"];

/// Reads an instance.
pub(super) fn instance(row: &DbInstance) -> Result<Database, Unusable> {
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
        copy_facts: CopyFacts {
            engine_version: row.engine_version().map(ToOwned::to_owned),
            encryption: StorageEncryption::of(
                row.storage_encryption_type()
                    .map(StorageEncryptionType::as_str),
                row.storage_encrypted().unwrap_or_default(),
            ),
            replica_of: first_named([
                row.read_replica_source_db_instance_identifier(),
                row.read_replica_source_db_cluster_identifier(),
            ]),
            backup_target: first_named([row.backup_target()]),
            ..CopyFacts::default()
        },
        multi_az: row.multi_az(),
        backup_retention_days: row.backup_retention_period(),
        status: row.db_instance_status().unwrap_or_default().to_owned(),
        tags: tags(row.tag_list()),
        captured: captured_instance(row),
    })
}

/// The option group of an instance. While RDS changes it, the group that is already in sync. A name that cannot be read
/// counts as none, because no policy could map it.
fn option_group(row: &DbInstance) -> Option<OptionGroup> {
    let memberships = row.option_group_memberships();
    let arrived = memberships
        .iter()
        .find(|group| group.status() == Some("in-sync"));
    let name = arrived.or(memberships.first())?.option_group_name()?;
    OptionGroup::parse(&name.to_ascii_lowercase()).ok()
}

/// The first of these that RDS names.
fn first_named<const N: usize>(names: [Option<&str>; N]) -> Option<String> {
    let mut named = names.into_iter().flatten().filter(|name| !name.is_empty());
    named.next().map(ToOwned::to_owned)
}

/// Whether a cluster is a secondary one of an Aurora global database. RDS has no field for it: such a cluster has a
/// `GlobalClusterIdentifier`, and either a `ReplicationSourceIdentifier` or no writer among its members.
fn is_global_secondary(row: &DbCluster) -> bool {
    let is_global = row
        .global_cluster_identifier()
        .is_some_and(|id| !id.is_empty());
    let members = row.db_cluster_members();
    let writes = |member: &DbClusterMember| member.is_cluster_writer() == Some(true);
    let only_reads = !members.is_empty() && !members.iter().any(writes);
    is_global && (only_reads || first_named([row.replication_source_identifier()]).is_some())
}

/// Reads a cluster.
pub(super) fn cluster(row: &DbCluster) -> Result<Database, Unusable> {
    let answer = Answer {
        of: row.db_cluster_identifier().unwrap_or("a DB cluster"),
    };
    let arn = answer.required("DBClusterArn", row.db_cluster_arn())?;
    let resource_id = answer.required("DbClusterResourceId", row.db_cluster_resource_id())?;
    // These fields say whether RDS can copy its snapshots.
    let engine = answer.required("Engine", row.engine())?;
    let encrypted = answer.required("StorageEncrypted", row.storage_encrypted())?;
    let encryption_type = row.storage_encryption_type();
    let is_other_service = OTHER_SERVICES.contains(&engine);
    let global_secondary = is_global_secondary(row);
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
        copy_facts: CopyFacts {
            engine_version: row.engine_version().map(ToOwned::to_owned),
            encryption: StorageEncryption::of(
                encryption_type.map(StorageEncryptionType::as_str),
                encrypted,
            ),
            multi_az_cluster: NOT_AURORA.contains(&engine) || (has_class && !is_other_service),
            limitless: row.cluster_scalability_type() == Some(&ClusterScalabilityType::Limitless),
            replica_of: first_named([row.replication_source_identifier()])
                .filter(|_| !global_secondary),
            global_secondary,
            backup_target: None,
            tde: false,
        },
        multi_az: None,
        backup_retention_days: row.backup_retention_period(),
        status: row.status().unwrap_or_default().to_owned(),
        tags: tags(row.tag_list()),
        captured: captured_cluster(row),
    })
}

/// Reads an instance's snapshot.
pub(super) fn instance_snapshot(row: &DbSnapshot) -> Result<Snapshot, Unusable> {
    or_unknown(
        read_instance_snapshot(row),
        row.db_snapshot_arn(),
        row.tag_list(),
    )
}

/// Reads a cluster's snapshot.
pub(super) fn cluster_snapshot(row: &DbClusterSnapshot) -> Result<Snapshot, Unusable> {
    or_unknown(
        read_cluster_snapshot(row),
        row.db_cluster_snapshot_arn(),
        row.tag_list(),
    )
}

/// An unreadable row must not fail the page: treat it as a snapshot in an unknown status, which proves nothing. A row
/// without a readable ARN does fail the page, because its snapshot would otherwise seem to be gone.
fn or_unknown(
    read: Result<Snapshot, Unusable>,
    arn: Option<&str>,
    tag_list: &[Tag],
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
        created_at: None,
        percent: None,
        tags: tags(tag_list),
    })
}

/// Reads a field that `settle` compares. An available snapshot must have it. Before that, RDS may not know it yet.
fn read_instance_snapshot(row: &DbSnapshot) -> Result<Snapshot, Unusable> {
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
        created_at: answer.time("SnapshotCreateTime", row.snapshot_create_time())?,
        percent: percent(&status, row.percent_progress()),
        tags: tags(row.tag_list()),
        source,
        status,
    })
}

/// When the data was taken. A copy's `SnapshotCreateTime` is not used for this, because it says when the copy began.
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

/// As an instance's snapshot is read.
fn read_cluster_snapshot(row: &DbClusterSnapshot) -> Result<Snapshot, Unusable> {
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
        // `settle` does not compare it.
        size_gib: row.allocated_storage().unwrap_or_default(),
        encrypted: known(answer, "StorageEncrypted", row.storage_encrypted(), settled)?,
        key,
        // A copy's only time says when the copy began.
        taken_at: created_at.filter(|_| source.is_none()),
        created_at,
        percent: percent(&status, row.percent_progress()),
        tags: tags(row.tag_list()),
        source,
        status,
    })
}

/// RDS's percentage, while it is at work. Of what has ended it says 100 or nothing.
fn percent(status: &SnapshotStatus, progress: Option<i32>) -> Option<u8> {
    let percent = u8::try_from(progress?).ok()?;
    (!status.is_over() && percent <= 100).then_some(percent)
}

fn known<T: Default>(
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

pub(super) fn tags(tag_list: &[Tag]) -> Tags {
    tag_list
        .iter()
        .filter_map(|tag| {
            let value = tag.value().unwrap_or_default();
            Some((tag.key()?.to_owned(), value.to_owned()))
        })
        .collect()
}
