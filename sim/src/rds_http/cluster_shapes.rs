//! The structures of AWS's service model for clusters and their snapshots, as far as this RDS
//! fills them.

use serde::Serialize;

use super::setting_shapes::{Capacity, ClusterPending, ClusterRoles, Secret, Texts, insights};
use super::shapes::{DomainMemberships, TagList};
use crate::rds::{Cluster, Region, SnapshotDescription, availability_zones, with_milliseconds};

#[derive(Serialize)]
pub(super) struct DbClusterSnapshots {
    #[serde(rename = "DBClusterSnapshot")]
    members: Vec<DbClusterSnapshot>,
}

#[derive(Serialize)]
pub(super) struct DbClusters {
    #[serde(rename = "DBCluster")]
    members: Vec<DbCluster>,
}

#[derive(Serialize)]
struct AvailabilityZones {
    #[serde(rename = "AvailabilityZone")]
    members: Vec<String>,
}

/// DBClusterSnapshot.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DbClusterSnapshot {
    availability_zones: AvailabilityZones,
    #[serde(rename = "DBClusterSnapshotIdentifier")]
    snapshot: String,
    #[serde(rename = "DBClusterIdentifier")]
    cluster: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_create_time: Option<String>,
    engine: String,
    engine_mode: &'static str,
    allocated_storage: u32,
    status: &'static str,
    port: u16,
    vpc_id: String,
    cluster_create_time: String,
    master_username: String,
    engine_version: String,
    license_model: String,
    snapshot_type: &'static str,
    percent_progress: u8,
    storage_encrypted: bool,
    storage_encryption_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
    #[serde(rename = "DBClusterSnapshotArn")]
    arn: String,
    #[serde(
        rename = "SourceDBClusterSnapshotArn",
        skip_serializing_if = "Option::is_none"
    )]
    source_arn: Option<String>,
    #[serde(rename = "IAMDatabaseAuthenticationEnabled")]
    iam_authentication: bool,
    tag_list: TagList,
    storage_type: String,
    db_cluster_resource_id: String,
}

impl From<SnapshotDescription> for DbClusterSnapshot {
    fn from(snapshot: SnapshotDescription) -> Self {
        let of = &snapshot.instance;
        // A copy keeps the zones of its cluster: all but the last letter of a zone is its region.
        let region = of.availability_zone.get(..of.availability_zone.len() - 1);
        let region: Option<Region> = region.and_then(|region| region.parse().ok());
        Self {
            availability_zones: AvailabilityZones {
                members: region.as_ref().map(availability_zones).unwrap_or_default(),
            },
            cluster: of.identifier.clone(),
            snapshot_create_time: snapshot.create_time.map(with_milliseconds),
            engine: of.engine.clone(),
            engine_mode: "provisioned",
            allocated_storage: of.allocated_storage,
            status: snapshot.stage.as_str(),
            port: of.port,
            vpc_id: of.vpc_id.clone(),
            cluster_create_time: with_milliseconds(of.created),
            master_username: of.master_username.clone(),
            engine_version: of.engine_version.clone(),
            license_model: of.license_model.clone(),
            snapshot_type: snapshot.kind.as_str(),
            percent_progress: snapshot.percent_progress,
            storage_encrypted: snapshot.kms_key.is_some(),
            storage_encryption_type: snapshot.encryption.as_str(),
            kms_key_id: snapshot.kms_key,
            arn: snapshot.arn,
            source_arn: snapshot.source_arn,
            iam_authentication: of.iam_authentication,
            tag_list: (&snapshot.tags).into(),
            storage_type: of.storage_type.clone(),
            db_cluster_resource_id: of.resource_id.clone(),
            snapshot: snapshot.name,
        }
    }
}

/// DBCluster.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DbCluster {
    allocated_storage: u32,
    availability_zones: AvailabilityZones,
    backup_retention_period: u16,
    #[serde(rename = "DBClusterIdentifier")]
    identifier: String,
    #[serde(rename = "DBClusterParameterGroup")]
    parameter_group: String,
    #[serde(rename = "DBSubnetGroup")]
    subnet_group: String,
    status: &'static str,
    endpoint: String,
    reader_endpoint: String,
    #[serde(rename = "MultiAZ")]
    multi_az: bool,
    engine: String,
    engine_version: String,
    port: u16,
    master_username: String,
    #[serde(rename = "DBClusterMembers")]
    members: Members,
    vpc_security_groups: VpcSecurityGroups,
    storage_encrypted: bool,
    storage_encryption_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    global_cluster_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replication_source_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clone_group_id: Option<String>,
    domain_memberships: DomainMemberships,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_scalability_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
    db_cluster_resource_id: String,
    #[serde(rename = "DBClusterArn")]
    arn: String,
    #[serde(rename = "IAMDatabaseAuthenticationEnabled")]
    iam_authentication: bool,
    cluster_create_time: String,
    engine_mode: &'static str,
    deletion_protection: bool,
    copy_tags_to_snapshot: bool,
    tag_list: TagList,
    #[serde(
        rename = "DBClusterInstanceClass",
        skip_serializing_if = "Option::is_none"
    )]
    instance_class: Option<String>,
    storage_type: String,
    preferred_backup_window: String,
    preferred_maintenance_window: String,
    pending_modified_values: ClusterPending,
    auto_minor_version_upgrade: bool,
    associated_roles: ClusterRoles,
    backtrack_window: u32,
    enabled_cloudwatch_logs_exports: Texts,
    http_endpoint_enabled: bool,
    monitoring_interval: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    monitoring_role_arn: Option<String>,
    performance_insights_enabled: bool,
    #[serde(
        rename = "PerformanceInsightsKMSKeyId",
        skip_serializing_if = "Option::is_none"
    )]
    performance_insights_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    performance_insights_retention_period: Option<u32>,
    database_insights_mode: String,
    #[serde(
        rename = "ServerlessV2ScalingConfiguration",
        skip_serializing_if = "Option::is_none"
    )]
    scaling: Option<Capacity>,
    network_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    master_user_secret: Option<Secret>,
    engine_lifecycle_support: String,
}

#[derive(Serialize)]
struct Members {
    #[serde(rename = "DBClusterMember")]
    members: Vec<Member>,
}

#[derive(Serialize)]
struct Member {
    #[serde(rename = "DBInstanceIdentifier")]
    instance: String,
    #[serde(rename = "IsClusterWriter")]
    is_writer: bool,
    #[serde(rename = "DBClusterParameterGroupStatus")]
    parameter_group_status: &'static str,
}

#[derive(Serialize)]
struct VpcSecurityGroups {
    #[serde(rename = "VpcSecurityGroupMembership")]
    members: Vec<VpcSecurityGroup>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VpcSecurityGroup {
    vpc_security_group_id: String,
    status: &'static str,
}

impl From<Cluster> for DbCluster {
    fn from(cluster: Cluster) -> Self {
        let (endpoint, reader_endpoint) = (cluster.address(), cluster.reader_address());
        let zones = cluster.availability_zones();
        let (port, encryption) = (cluster.port(), cluster.encryption());
        let pending_modified_values = ClusterPending::from(&cluster.life);
        let parameter_group_status = match cluster.life.needs_reboot {
            true => "pending-reboot",
            false => "in-sync",
        };
        let spec = cluster.spec;
        let settings = spec.settings;
        let (performance_insights_enabled, insights_key, insights_retention) = insights(&settings);
        let has_writer = spec.replication_source.is_none();
        let member = |(number, instance)| Member {
            instance,
            is_writer: number == 0 && has_writer,
            parameter_group_status,
        };
        let security_group = |id| VpcSecurityGroup {
            vpc_security_group_id: id,
            status: "active",
        };
        Self {
            allocated_storage: spec.allocated_storage,
            availability_zones: AvailabilityZones { members: zones },
            backup_retention_period: spec.backup_retention_days,
            identifier: spec.identifier,
            parameter_group: spec.parameter_group,
            subnet_group: spec.subnet_group,
            status: cluster.status.as_str(),
            endpoint,
            reader_endpoint,
            multi_az: spec.multi_az,
            engine: spec.engine,
            engine_version: spec.engine_version,
            port,
            master_username: spec.master_username,
            members: Members {
                members: spec.members.into_iter().enumerate().map(member).collect(),
            },
            vpc_security_groups: VpcSecurityGroups {
                members: spec
                    .security_groups
                    .into_iter()
                    .map(security_group)
                    .collect(),
            },
            storage_encrypted: spec.kms_key.is_some(),
            storage_encryption_type: encryption.as_str(),
            global_cluster_identifier: spec.global_cluster,
            replication_source_identifier: spec.replication_source,
            clone_group_id: spec.clone_group,
            domain_memberships: spec.domain.into(),
            cluster_scalability_type: spec.is_limitless.then_some("limitless"),
            kms_key_id: spec.kms_key,
            db_cluster_resource_id: cluster.resource_id,
            arn: cluster.arn,
            iam_authentication: spec.iam_authentication,
            cluster_create_time: with_milliseconds(cluster.created),
            engine_mode: "provisioned",
            deletion_protection: spec.deletion_protection,
            copy_tags_to_snapshot: spec.copy_tags_to_snapshot,
            tag_list: (&spec.tags).into(),
            instance_class: spec.instance_class,
            storage_type: spec.storage_type,
            preferred_backup_window: settings.backup_window,
            preferred_maintenance_window: settings.maintenance_window,
            pending_modified_values,
            auto_minor_version_upgrade: settings.auto_minor_version_upgrade,
            associated_roles: settings.roles.into(),
            backtrack_window: settings.backtrack_window,
            enabled_cloudwatch_logs_exports: settings.log_exports.into(),
            http_endpoint_enabled: settings.http_endpoint,
            monitoring_interval: settings.monitoring_interval,
            monitoring_role_arn: settings.monitoring_role,
            performance_insights_enabled,
            performance_insights_key: insights_key,
            performance_insights_retention_period: insights_retention,
            database_insights_mode: settings.database_insights,
            scaling: settings.scaling.map(Into::into),
            network_type: settings.network_type,
            master_user_secret: settings.secret.map(Into::into),
            engine_lifecycle_support: settings.lifecycle_support,
        }
    }
}

impl FromIterator<SnapshotDescription> for DbClusterSnapshots {
    fn from_iter<I: IntoIterator<Item = SnapshotDescription>>(items: I) -> Self {
        Self {
            members: items.into_iter().map(Into::into).collect(),
        }
    }
}

impl FromIterator<Cluster> for DbClusters {
    fn from_iter<I: IntoIterator<Item = Cluster>>(items: I) -> Self {
        Self {
            members: items.into_iter().map(Into::into).collect(),
        }
    }
}
