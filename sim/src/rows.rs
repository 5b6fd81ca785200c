//! The simulated RDS's rows, as the product's adapter reads those of the real one.

use snapferry::domain::arn::{KeyArn, RdsArn};
use snapferry::domain::database::Database;
use snapferry::domain::names::{OptionGroup, ResourceId, SnapshotId};
use snapferry::domain::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::tags::Tags;

use crate::rds::{
    Cluster, DescribeDbSnapshots, Filter, Instance, SnapshotDescription, SnapshotType,
};

/// An instance.
pub fn database(instance: &Instance) -> Option<Database> {
    Some(Database {
        arn: RdsArn::parse(&instance.arn).ok()?,
        resource_id: ResourceId::parse(&instance.resource_id).ok()?,
        member_of: instance.spec.cluster.clone(),
        engine: instance.spec.engine.clone(),
        option_group: OptionGroup::parse(&instance.spec.option_group).ok(),
        encrypted: instance.spec.kms_key.is_some(),
        multi_az_cluster: false,
        multi_az: Some(instance.spec.multi_az),
        backup_retention_days: Some(instance.spec.backup_retention_days.into()),
        status: instance.status.as_str().to_owned(),
        tags: tags(&instance.spec.tags),
    })
}

/// A cluster.
pub fn cluster(cluster: &Cluster) -> Option<Database> {
    Some(Database {
        arn: RdsArn::parse(&cluster.arn).ok()?,
        resource_id: ResourceId::parse(&cluster.resource_id).ok()?,
        member_of: None,
        engine: cluster.spec.engine.clone(),
        option_group: None,
        encrypted: cluster.spec.kms_key.is_some(),
        multi_az_cluster: cluster.is_multi_az_cluster(),
        multi_az: None,
        backup_retention_days: Some(cluster.spec.backup_retention_days.into()),
        status: cluster.status.as_str().to_owned(),
        tags: tags(&cluster.spec.tags),
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
        resource_id: ResourceId::parse(&row.instance.resource_id).ok(),
        status: SnapshotStatus::parse(row.stage.as_str()),
        engine: row.instance.engine.clone(),
        engine_version: row.instance.engine_version.clone(),
        size_gib: i32::try_from(row.instance.allocated_storage).ok()?,
        encrypted: row.kms_key.is_some(),
        key: row.kms_key.as_deref().map(KeyArn::parse).transpose().ok()?,
        source,
        taken_at: row.original_create_time.or(own_time),
        tags: tags(&row.tags),
    })
}

/// A resource's tags.
pub fn tags(tags: &crate::rds::Tags) -> Tags {
    tags.iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// What asks for snapshots by their identifiers. RDS wants to be told the type of automated ones.
pub fn by_identifier(filter: &str, ids: &[SnapshotId]) -> DescribeDbSnapshots {
    let filter = Filter {
        name: filter.to_owned(),
        values: ids.iter().map(ToString::to_string).collect(),
    };
    let automated = ids.iter().any(SnapshotId::is_automated);
    DescribeDbSnapshots {
        filters: vec![filter],
        snapshot_type: automated.then(|| SnapshotType::Automated.as_str().to_owned()),
        ..DescribeDbSnapshots::default()
    }
}
