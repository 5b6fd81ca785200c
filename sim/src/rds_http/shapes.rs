//! The structures of AWS's service model, as far as this RDS fills them.
//!
//! A list is an element of its own with one element per member inside, hence a struct per list.

use serde::Serialize;

use super::setting_shapes::{InstanceRoles, Pending, Secret, Texts, insights};
use crate::rds::{Instance, Quota, SnapshotDescription, Tags, with_milliseconds};

#[derive(Serialize)]
pub(super) struct DbSnapshots {
    #[serde(rename = "DBSnapshot")]
    members: Vec<DbSnapshot>,
}

#[derive(Serialize)]
pub(super) struct DbInstances {
    #[serde(rename = "DBInstance")]
    members: Vec<DbInstance>,
}

#[derive(Serialize)]
pub(super) struct TagList {
    #[serde(rename = "Tag")]
    members: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

#[derive(Serialize)]
pub(super) struct AccountQuotas {
    #[serde(rename = "AccountQuota")]
    members: Vec<AccountQuota>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccountQuota {
    account_quota_name: &'static str,
    used: usize,
    max: usize,
}

/// DBSnapshot.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DbSnapshot {
    #[serde(rename = "DBSnapshotIdentifier")]
    snapshot: String,
    #[serde(rename = "DBInstanceIdentifier")]
    instance: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_create_time: Option<String>,
    engine: String,
    allocated_storage: u32,
    status: &'static str,
    port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_id: Option<String>,
    instance_create_time: String,
    master_username: String,
    engine_version: String,
    license_model: String,
    snapshot_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    option_group_name: Option<String>,
    percent_progress: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_region: Option<String>,
    #[serde(
        rename = "SourceDBSnapshotIdentifier",
        skip_serializing_if = "Option::is_none"
    )]
    source_arn: Option<String>,
    storage_type: String,
    encrypted: bool,
    storage_encryption_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
    #[serde(rename = "DBSnapshotArn")]
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    #[serde(rename = "IAMDatabaseAuthenticationEnabled")]
    iam_authentication: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    dbi_resource_id: Option<String>,
    tag_list: TagList,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_snapshot_create_time: Option<String>,
    snapshot_target: String,
    dedicated_log_volume: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_snapshot_size_in_bytes: Option<u64>,
}

impl From<SnapshotDescription> for DbSnapshot {
    fn from(snapshot: SnapshotDescription) -> Self {
        let of = &snapshot.instance;
        let detail = |text: &String| snapshot.is_detailed.then(|| text.clone());
        Self {
            instance: of.identifier.clone(),
            snapshot_create_time: snapshot.create_time.map(with_milliseconds),
            engine: of.engine.clone(),
            allocated_storage: of.allocated_storage,
            status: snapshot.stage.as_str(),
            port: of.port,
            availability_zone: detail(&of.availability_zone),
            vpc_id: detail(&of.vpc_id),
            instance_create_time: with_milliseconds(of.created),
            master_username: of.master_username.clone(),
            engine_version: of.engine_version.clone(),
            license_model: of.license_model.clone(),
            snapshot_type: snapshot.kind.as_str(),
            option_group_name: detail(&of.option_group),
            percent_progress: snapshot.percent_progress,
            source_region: snapshot.source_region.map(|region| region.to_string()),
            source_arn: snapshot.source_arn,
            storage_type: of.storage_type.clone(),
            encrypted: snapshot.kms_key.is_some(),
            storage_encryption_type: snapshot.encryption.as_str(),
            timezone: of.timezone.clone(),
            kms_key_id: snapshot.kms_key,
            arn: snapshot.arn,
            iam_authentication: of.iam_authentication,
            dbi_resource_id: detail(&of.resource_id),
            tag_list: (&snapshot.tags).into(),
            original_snapshot_create_time: snapshot.original_create_time.map(with_milliseconds),
            snapshot_target: of.backup_target.clone(),
            dedicated_log_volume: false,
            full_snapshot_size_in_bytes: snapshot.size,
            snapshot: snapshot.name,
        }
    }
}

/// DBInstance.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DbInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    identifier: String,
    #[serde(rename = "DBInstanceClass")]
    class: String,
    engine: String,
    #[serde(rename = "DBInstanceStatus")]
    status: &'static str,
    master_username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Endpoint>,
    allocated_storage: u32,
    instance_create_time: String,
    preferred_backup_window: String,
    backup_retention_period: u16,
    vpc_security_groups: VpcSecurityGroups,
    #[serde(rename = "DBParameterGroups")]
    parameter_groups: ParameterGroups,
    availability_zone: String,
    #[serde(rename = "DBSubnetGroup")]
    subnet_group: SubnetGroup,
    preferred_maintenance_window: String,
    pending_modified_values: Pending,
    #[serde(rename = "MultiAZ")]
    multi_az: bool,
    engine_version: String,
    auto_minor_version_upgrade: bool,
    license_model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    iops: Option<u32>,
    option_group_memberships: OptionGroupMemberships,
    publicly_accessible: bool,
    storage_type: String,
    #[serde(
        rename = "DBClusterIdentifier",
        skip_serializing_if = "Option::is_none"
    )]
    cluster: Option<String>,
    storage_encrypted: bool,
    storage_encryption_type: &'static str,
    #[serde(
        rename = "ReadReplicaSourceDBInstanceIdentifier",
        skip_serializing_if = "Option::is_none"
    )]
    replica_of: Option<String>,
    #[serde(rename = "ReadReplicaDBInstanceIdentifiers")]
    replicas: Replicas,
    backup_target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    domain_memberships: DomainMemberships,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
    dbi_resource_id: String,
    #[serde(rename = "CACertificateIdentifier")]
    certificate: String,
    copy_tags_to_snapshot: bool,
    monitoring_interval: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    monitoring_role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion_tier: Option<u32>,
    #[serde(rename = "DBInstanceArn")]
    arn: String,
    #[serde(rename = "IAMDatabaseAuthenticationEnabled")]
    iam_authentication: bool,
    performance_insights_enabled: bool,
    #[serde(
        rename = "PerformanceInsightsKMSKeyId",
        skip_serializing_if = "Option::is_none"
    )]
    performance_insights_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    performance_insights_retention_period: Option<u32>,
    database_insights_mode: String,
    enabled_cloudwatch_logs_exports: Texts,
    deletion_protection: bool,
    associated_roles: InstanceRoles,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_allocated_storage: Option<u32>,
    tag_list: TagList,
    network_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_throughput: Option<u32>,
    dedicated_log_volume: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    master_user_secret: Option<Secret>,
    engine_lifecycle_support: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_operation_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_operation_percent_progress: Option<u8>,
}

#[derive(Serialize)]
struct Replicas {
    #[serde(rename = "ReadReplicaDBInstanceIdentifier")]
    members: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct DomainMemberships {
    #[serde(rename = "DomainMembership")]
    members: Vec<DomainMembership>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DomainMembership {
    domain: String,
    status: &'static str,
}

impl From<Option<String>> for DomainMemberships {
    fn from(domain: Option<String>) -> Self {
        let member = |domain| DomainMembership {
            domain,
            status: "joined",
        };
        Self {
            members: domain.map(member).into_iter().collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    address: String,
    port: u16,
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

#[derive(Serialize)]
struct ParameterGroups {
    #[serde(rename = "DBParameterGroup")]
    members: [ParameterGroup; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterGroup {
    #[serde(rename = "DBParameterGroupName")]
    name: String,
    parameter_apply_status: &'static str,
}

#[derive(Serialize)]
struct OptionGroupMemberships {
    #[serde(rename = "OptionGroupMembership")]
    members: [OptionGroup; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OptionGroup {
    option_group_name: String,
    status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubnetGroup {
    #[serde(rename = "DBSubnetGroupName")]
    name: String,
    #[serde(rename = "DBSubnetGroupDescription")]
    description: String,
    vpc_id: String,
    subnet_group_status: &'static str,
    subnets: Subnets,
}

#[derive(Serialize)]
struct Subnets {
    #[serde(rename = "Subnet")]
    members: Vec<Subnet>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Subnet {
    subnet_identifier: String,
    subnet_status: &'static str,
}

impl From<Instance> for DbInstance {
    fn from(instance: Instance) -> Self {
        let endpoint = (!instance.life.has_no_endpoint).then(|| Endpoint {
            address: instance.address(),
            port: instance.port(),
        });
        let encryption = instance.encryption();
        let pending_modified_values = Pending::from(&instance.life);
        let availability_zone = instance.availability_zone();
        let spec = instance.spec;
        let settings = spec.settings;
        let (performance_insights_enabled, insights_key, insights_retention) = insights(&settings);
        let subnet = |id| Subnet {
            subnet_identifier: id,
            subnet_status: "Active",
        };
        let security_group = |id| VpcSecurityGroup {
            vpc_security_group_id: id,
            status: "active",
        };
        Self {
            identifier: spec.identifier,
            class: spec.class,
            engine: spec.engine,
            status: instance.status.as_str(),
            master_username: spec.master_username,
            endpoint,
            allocated_storage: spec.allocated_storage,
            instance_create_time: with_milliseconds(spec.created),
            backup_retention_period: spec.backup_retention_days,
            vpc_security_groups: VpcSecurityGroups {
                members: spec
                    .security_groups
                    .into_iter()
                    .map(security_group)
                    .collect(),
            },
            parameter_groups: ParameterGroups {
                members: [ParameterGroup {
                    name: spec.parameter_group,
                    parameter_apply_status: match instance.life.needs_reboot {
                        true => "pending-reboot",
                        false => "in-sync",
                    },
                }],
            },
            availability_zone,
            subnet_group: SubnetGroup {
                description: spec.subnet_group.clone(),
                name: spec.subnet_group,
                vpc_id: spec.vpc_id,
                subnet_group_status: "Complete",
                subnets: Subnets {
                    members: spec.subnets.into_iter().map(subnet).collect(),
                },
            },
            multi_az: spec.multi_az,
            engine_version: spec.engine_version,
            license_model: spec.license_model,
            option_group_memberships: OptionGroupMemberships {
                members: [OptionGroup {
                    option_group_name: spec.option_group,
                    status: "in-sync",
                }],
            },
            publicly_accessible: settings.publicly_accessible,
            preferred_backup_window: settings.backup_window,
            preferred_maintenance_window: settings.maintenance_window,
            pending_modified_values,
            auto_minor_version_upgrade: settings.auto_minor_version_upgrade,
            iops: settings.iops,
            certificate: settings.certificate,
            monitoring_interval: settings.monitoring_interval,
            monitoring_role_arn: settings.monitoring_role,
            promotion_tier: settings.promotion_tier,
            performance_insights_enabled,
            performance_insights_key: insights_key,
            performance_insights_retention_period: insights_retention,
            database_insights_mode: settings.database_insights,
            enabled_cloudwatch_logs_exports: settings.log_exports.into(),
            associated_roles: settings.roles.into(),
            max_allocated_storage: settings.max_allocated_storage,
            network_type: settings.network_type,
            storage_throughput: settings.storage_throughput,
            dedicated_log_volume: settings.dedicated_log_volume,
            master_user_secret: settings.secret.map(Into::into),
            engine_lifecycle_support: settings.lifecycle_support,
            storage_operation_status: instance.life.loaded.map(|_| "Initializing"),
            storage_operation_percent_progress: instance.life.loaded,
            storage_type: spec.storage_type,
            cluster: spec.cluster,
            storage_encrypted: spec.kms_key.is_some(),
            storage_encryption_type: encryption.as_str(),
            replica_of: spec.replica_of,
            replicas: Replicas {
                members: instance.replicas,
            },
            backup_target: spec.backup_target,
            timezone: spec.timezone,
            domain_memberships: spec.domain.into(),
            kms_key_id: spec.kms_key,
            dbi_resource_id: instance.resource_id,
            copy_tags_to_snapshot: spec.copy_tags_to_snapshot,
            arn: instance.arn,
            iam_authentication: spec.iam_authentication,
            deletion_protection: spec.deletion_protection,
            tag_list: (&spec.tags).into(),
        }
    }
}

impl FromIterator<SnapshotDescription> for DbSnapshots {
    fn from_iter<I: IntoIterator<Item = SnapshotDescription>>(items: I) -> Self {
        Self {
            members: items.into_iter().map(Into::into).collect(),
        }
    }
}

impl FromIterator<Instance> for DbInstances {
    fn from_iter<I: IntoIterator<Item = Instance>>(items: I) -> Self {
        Self {
            members: items.into_iter().map(Into::into).collect(),
        }
    }
}

impl FromIterator<Quota> for AccountQuotas {
    fn from_iter<I: IntoIterator<Item = Quota>>(items: I) -> Self {
        let member = |quota: Quota| AccountQuota {
            account_quota_name: quota.name,
            used: quota.used,
            max: quota.max,
        };
        Self {
            members: items.into_iter().map(member).collect(),
        }
    }
}

impl From<&Tags> for TagList {
    fn from(tags: &Tags) -> Self {
        let member = |(key, value): (&str, &str)| Tag {
            key: key.into(),
            value: value.into(),
        };
        Self {
            members: tags.iter().map(member).collect(),
        }
    }
}
