//! The only connection between the product's types and the simulated RDS. It asks the model what the product's adapter asks
//! RDS, and reads the model's rows as the adapter does.

use jiff::Timestamp;
use snapferry::domain::id::arn::{Family, KeyArn, RdsArn};
use snapferry::domain::id::names::{OptionGroup, ResourceId, SnapshotId};
use snapferry::domain::id::tags::Tags;
use snapferry::domain::rds::copy_facts::{CopyFacts, StorageEncryption};
use snapferry::domain::rds::database::Database;
use snapferry::domain::rds::option_group::{self, is_tde};
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::restore::configuration::Captured;
use snapferry::ports::{CopySnapshotRequest, CreateSnapshotRequest, Page, SnapshotQuota};

use crate::rds::{
    Cluster, CopyDbSnapshot, CreateDbSnapshot, DescribeDbClusters, DescribeDbInstances,
    DescribeDbSnapshots, DescribeOptionGroups, Filter, Instance, Paging, Rds, RdsFault, Region,
    SnapshotDescription, SnapshotType,
};

/// An instance.
fn instance(instance: &Instance) -> Option<Database> {
    Some(Database {
        arn: RdsArn::parse(&instance.arn).ok()?,
        resource_id: ResourceId::parse(&instance.resource_id).ok()?,
        member_of: instance.spec.cluster.clone(),
        engine: instance.spec.engine.clone(),
        option_group: OptionGroup::parse(&instance.spec.option_group).ok(),
        copy_facts: CopyFacts {
            engine_version: Some(instance.spec.engine_version.clone()),
            encryption: encryption(instance.encryption()),
            replica_of: instance.spec.replica_of.clone(),
            backup_target: Some(instance.spec.backup_target.clone()),
            ..CopyFacts::default()
        },
        multi_az: Some(instance.spec.multi_az),
        backup_retention_days: Some(instance.spec.backup_retention_days.into()),
        status: instance.status.as_str().to_owned(),
        tags: tags(&instance.spec.tags),
        captured: Captured::default(),
    })
}

/// How storage is encrypted. As on the wire, `StorageEncrypted` holds for a key of KMS alone.
fn encryption(of: crate::rds::StorageEncryption) -> StorageEncryption {
    let storage_encrypted = of == crate::rds::StorageEncryption::SseKms;
    StorageEncryption::of(Some(of.as_str()), storage_encrypted)
}

/// A cluster.
fn cluster(cluster: &Cluster) -> Option<Database> {
    Some(Database {
        arn: RdsArn::parse(&cluster.arn).ok()?,
        resource_id: ResourceId::parse(&cluster.resource_id).ok()?,
        member_of: None,
        engine: cluster.spec.engine.clone(),
        option_group: None,
        copy_facts: CopyFacts {
            engine_version: Some(cluster.spec.engine_version.clone()),
            encryption: encryption(cluster.encryption()),
            multi_az_cluster: cluster.is_multi_az_cluster(),
            limitless: cluster.spec.is_limitless,
            replica_of: cluster
                .spec
                .replication_source
                .clone()
                .filter(|_| !cluster.is_global_secondary()),
            global_secondary: cluster.is_global_secondary(),
            backup_target: None,
            tde: false,
        },
        multi_az: None,
        backup_retention_days: Some(cluster.spec.backup_retention_days.into()),
        status: cluster.status.as_str().to_owned(),
        tags: tags(&cluster.spec.tags),
        captured: Captured::default(),
    })
}

/// A snapshot, of an instance or a cluster.
pub fn snapshot(row: &SnapshotDescription) -> Option<Snapshot> {
    let source = row
        .source_arn
        .as_deref()
        .map(RdsArn::parse)
        .transpose()
        .ok()?;
    let own_time = if source.is_none() {
        row.create_time
    } else {
        None
    };
    Some(Snapshot {
        arn: RdsArn::parse(&row.arn).ok()?,
        resource_id: row
            .is_detailed
            .then(|| ResourceId::parse(&row.instance.resource_id).ok())
            .flatten(),
        status: SnapshotStatus::parse(row.stage.as_str()),
        engine: row.instance.engine.clone(),
        engine_version: row.instance.engine_version.clone(),
        size_gib: i32::try_from(row.instance.allocated_storage).ok()?,
        encrypted: row.kms_key.is_some(),
        key: row.kms_key.as_deref().map(KeyArn::parse).transpose().ok()?,
        source,
        taken_at: row.original_create_time.or(own_time),
        created_at: row.create_time,
        percent: row.stage.is_under_way().then_some(row.percent_progress),
        tags: tags(&row.tags),
    })
}

/// A resource's tags.
pub fn tags(tags: &crate::rds::Tags) -> Tags {
    tags.iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// One page of a region's option groups.
pub fn option_groups(
    rds: &mut Rds,
    at: &Region,
    paging: Paging,
    now: Timestamp,
) -> Result<Page<option_group::OptionGroup>, RdsFault> {
    let request = DescribeOptionGroups {
        paging,
        ..DescribeOptionGroups::default()
    };
    let page = rds.describe_option_groups(at, &request, now)?;
    let group = |group: &crate::rds::OptionGroup| option_group::OptionGroup {
        name: group.name.clone(),
        engine: group.engine.clone(),
        major_version: group.major_version.clone(),
        binding: {
            let binding = group.options.iter().filter(|one| one.is_persistent);
            binding.map(|one| one.name.clone()).collect()
        },
        has_tde: group.options.iter().any(|one| is_tde(&one.name)),
    };
    Ok(Page::new(
        page.items.iter().map(group).collect(),
        page.marker,
    ))
}

/// One page of a family's databases, filtered if there are filters.
pub fn databases(
    rds: &mut Rds,
    at: &Region,
    family: Family,
    filters: Vec<Filter>,
    paging: Paging,
    now: Timestamp,
) -> Result<Page<Database>, RdsFault> {
    Ok(match family {
        Family::Instance => {
            let request = DescribeDbInstances {
                filters,
                paging,
                ..DescribeDbInstances::default()
            };
            let page = rds.describe_db_instances(at, &request, now)?;
            Page::new(
                page.items.iter().filter_map(instance).collect(),
                page.marker,
            )
        }
        Family::Cluster => {
            let request = DescribeDbClusters {
                filters,
                paging,
                ..DescribeDbClusters::default()
            };
            let page = rds.describe_db_clusters(at, &request, now)?;
            Page::new(page.items.iter().filter_map(cluster).collect(), page.marker)
        }
    })
}

/// The filter that finds databases by their resource ids.
pub fn by_resource_id(family: Family, ids: &[ResourceId]) -> Vec<Filter> {
    vec![Filter {
        name: match family {
            Family::Instance => "dbi-resource-id".to_owned(),
            Family::Cluster => "db-cluster-resource-id".to_owned(),
        },
        values: ids.iter().map(ToString::to_string).collect(),
    }]
}

/// One page of a family's snapshots, as RDS describes them.
pub fn descriptions(
    rds: &mut Rds,
    at: &Region,
    family: Family,
    request: &DescribeDbSnapshots,
    now: Timestamp,
) -> Result<crate::rds::Page<SnapshotDescription>, RdsFault> {
    match family {
        Family::Instance => rds.describe_db_snapshots(at, request, now),
        Family::Cluster => rds.describe_db_cluster_snapshots(at, request, now),
    }
}

/// The request for snapshots by their identifiers. RDS finds automated ones only if the request names their type.
pub fn by_identifier(family: Family, ids: &[SnapshotId]) -> DescribeDbSnapshots {
    let filter = Filter {
        name: match family {
            Family::Instance => "db-snapshot-id".to_owned(),
            Family::Cluster => "db-cluster-snapshot-id".to_owned(),
        },
        values: ids.iter().map(ToString::to_string).collect(),
    };
    let automated = ids.iter().any(SnapshotId::is_automated);
    DescribeDbSnapshots {
        filters: vec![filter],
        snapshot_type: automated.then(|| SnapshotType::Automated.as_str().to_owned()),
        ..DescribeDbSnapshots::default()
    }
}

/// One page of a family's automated snapshots, of one database or of all.
pub fn automated(
    rds: &mut Rds,
    at: &Region,
    family: Family,
    of: Option<&RdsArn>,
    paging: Paging,
    now: Timestamp,
) -> Result<Page<Snapshot>, RdsFault> {
    let request = DescribeDbSnapshots {
        instance: of.map(|database| database.name().to_owned()),
        snapshot_type: Some(SnapshotType::Automated.as_str().to_owned()),
        paging,
        ..DescribeDbSnapshots::default()
    };
    let page = descriptions(rds, at, family, &request, now)?;
    Ok(Page::new(
        page.items.iter().filter_map(snapshot).collect(),
        page.marker,
    ))
}

/// Takes a snapshot.
pub fn create(
    rds: &mut Rds,
    at: &Region,
    request: &CreateSnapshotRequest,
    now: Timestamp,
) -> Result<SnapshotDescription, RdsFault> {
    let family = request.database.family();
    let request = CreateDbSnapshot {
        snapshot: request.id.to_string(),
        instance: request.database.name().to_owned(),
        tags: request.tags.clone().into_iter().collect(),
    };
    match family {
        Family::Instance => rds.create_db_snapshot(at, &request, now),
        Family::Cluster => rds.create_db_cluster_snapshot(at, &request, now),
    }
}

/// Copies a snapshot.
pub fn copy(
    rds: &mut Rds,
    at: &Region,
    request: &CopySnapshotRequest,
    now: Timestamp,
) -> Result<SnapshotDescription, RdsFault> {
    let family = request.source.family();
    let request = CopyDbSnapshot {
        source: request.source.to_string(),
        target: request.id.to_string(),
        kms_key: Some(request.key.to_string()),
        copy_tags: false,
        tags: request.tags.clone().into_iter().collect(),
        option_group: request.option_group.as_ref().map(ToString::to_string),
        pre_signed_url: None,
    };
    match family {
        Family::Instance => rds.copy_db_snapshot(at, &request, now),
        // The adapter sends none for a cluster, because a cluster has no option group.
        Family::Cluster => {
            let request = CopyDbSnapshot {
                option_group: None,
                ..request
            };
            rds.copy_db_cluster_snapshot(at, &request, now)
        }
    }
}

/// One page of a family's manual snapshots.
pub fn manual(
    rds: &mut Rds,
    at: &Region,
    family: Family,
    paging: Paging,
    now: Timestamp,
) -> Result<Page<Snapshot>, RdsFault> {
    let request = DescribeDbSnapshots {
        snapshot_type: Some(SnapshotType::Manual.as_str().to_owned()),
        paging,
        ..DescribeDbSnapshots::default()
    };
    let page = descriptions(rds, at, family, &request, now)?;
    Ok(Page::new(
        page.items.iter().filter_map(snapshot).collect(),
        page.marker,
    ))
}

/// Deletes a snapshot.
pub fn delete(
    rds: &mut Rds,
    at: &Region,
    snapshot: &RdsArn,
    now: Timestamp,
) -> Result<(), RdsFault> {
    let deleted = match snapshot.family() {
        Family::Instance => rds.delete_db_snapshot(at, snapshot.name(), now),
        Family::Cluster => rds.delete_db_cluster_snapshot(at, snapshot.name(), now),
    };
    deleted.map(drop)
}

/// Sets a tag of a snapshot, or takes it away.
pub fn set_tag(
    rds: &mut Rds,
    at: &Region,
    snapshot: &RdsArn,
    (key, value): (&str, Option<&str>),
    now: Timestamp,
) -> Result<(), RdsFault> {
    let arn = snapshot.to_string();
    match value {
        Some(value) => {
            rds.add_tags_to_resource(at, &arn, &[(key.to_owned(), value.to_owned())], now)
        }
        None => rds.remove_tags_from_resource(at, &arn, &[key.to_owned()], now),
    }
}

/// A family's quota of manual snapshots.
pub fn quota(rds: &mut Rds, at: &Region, family: Family, now: Timestamp) -> Option<SnapshotQuota> {
    let name = match family {
        Family::Instance => "ManualSnapshots",
        Family::Cluster => "ManualClusterSnapshots",
    };
    let quotas = rds.describe_account_attributes(at, now);
    let quota = quotas.iter().find(|quota| quota.name == name)?;
    Some(SnapshotQuota {
        used: i64::try_from(quota.used).unwrap_or(i64::MAX),
        max: i64::try_from(quota.max).unwrap_or(i64::MAX),
    })
}
