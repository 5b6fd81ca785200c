//! Reads the settings of instances and clusters from RDS's rows.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{
    DatabaseInsightsMode, DbCluster, DbInstance, DomainMembership, Endpoint, MasterUserSecret,
    VpcSecurityGroupMembership,
};

use crate::domain::id::tags::Tags;
use crate::domain::restore::configuration::{Captured, Member};
use crate::domain::restore::setting::Setting;
use crate::domain::restore::taken::Part;
use crate::domain::restore::value::{Thousandths, Value};

fn text(value: Option<&str>) -> Option<Value> {
    value.filter(|text| !text.is_empty()).map(Value::text)
}

fn flag(value: Option<bool>) -> Option<Value> {
    value.map(Value::Flag)
}

fn number(value: Option<impl Into<i64>>) -> Option<Value> {
    value.map(|number| Value::Number(number.into()))
}

fn decimal(value: Option<f64>) -> Option<Value> {
    value.map(|number| Value::Decimal(Thousandths::of(number)))
}

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Value> {
    let values: Vec<String> = values.into_iter().map(ToOwned::to_owned).collect();
    (!values.is_empty()).then(|| Value::texts(values))
}

type Record = BTreeMap<String, String>;

fn record<const N: usize>(parts: [(&str, Option<&str>); N]) -> Record {
    let set = parts.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|text| !text.is_empty())?;
        Some((name.to_owned(), value.to_owned()))
    });
    set.collect()
}

fn records(of: impl IntoIterator<Item = Record>) -> Option<Value> {
    let of: Vec<Record> = of.into_iter().collect();
    (!of.is_empty()).then(|| Value::records(of))
}

fn security_groups(of: &[VpcSecurityGroupMembership]) -> Option<Value> {
    texts(
        of.iter()
            .filter_map(VpcSecurityGroupMembership::vpc_security_group_id),
    )
}

fn domains(of: &[DomainMembership]) -> Option<Value> {
    records(of.iter().map(|domain| {
        record([
            ("Domain", domain.domain()),
            ("FQDN", domain.fqdn()),
            ("IAMRoleName", domain.iam_role_name()),
            ("OU", domain.ou()),
            ("AuthSecretArn", domain.auth_secret_arn()),
        ])
    }))
}

/// The settings of an instance, or of a member of a cluster.
pub(super) fn captured_instance(row: &DbInstance) -> Captured {
    use Setting as S;
    let is_member = row.db_cluster_identifier().is_some_and(|id| !id.is_empty());
    let part = if is_member {
        Part::Member
    } else {
        Part::Instance
    };
    let secret = row.master_user_secret();
    let subnet_group = row.db_subnet_group();
    let parameter_group = row.db_parameter_groups().first();
    let option_group = row.option_group_memberships().first();
    let insights = row.database_insights_mode();
    let endpoint = row.endpoint();
    let settings = [
        (S::Engine, text(row.engine())),
        (S::EngineVersion, text(row.engine_version())),
        (S::DbInstanceClass, text(row.db_instance_class())),
        (S::PromotionTier, number(row.promotion_tier())),
        (S::LicenseModel, text(row.license_model())),
        (S::Port, number(endpoint.and_then(Endpoint::port))),
        (
            S::DbSubnetGroupName,
            text(subnet_group.and_then(|group| group.db_subnet_group_name())),
        ),
        (
            S::VpcSecurityGroupIds,
            security_groups(row.vpc_security_groups()),
        ),
        (
            S::DbParameterGroupName,
            text(parameter_group.and_then(|group| group.db_parameter_group_name())),
        ),
        (
            S::OptionGroupName,
            text(option_group.and_then(|group| group.option_group_name())),
        ),
        (S::MultiAz, flag(row.multi_az())),
        (S::AvailabilityZone, text(row.availability_zone())),
        (S::PubliclyAccessible, flag(row.publicly_accessible())),
        (S::NetworkType, text(row.network_type())),
        (S::AllocatedStorage, number(row.allocated_storage())),
        (S::MaxAllocatedStorage, number(row.max_allocated_storage())),
        (S::StorageType, text(row.storage_type())),
        (S::Iops, number(row.iops())),
        (S::StorageThroughput, number(row.storage_throughput())),
        (S::AdditionalStorageVolumes, volumes(row)),
        (S::DedicatedLogVolume, flag(row.dedicated_log_volume())),
        (S::KmsKeyId, text(row.kms_key_id())),
        (S::StorageEncrypted, flag(row.storage_encrypted())),
        (S::MasterUsername, text(row.master_username())),
        (
            S::MasterUserSecretArn,
            text(secret.and_then(MasterUserSecret::secret_arn)),
        ),
        (
            S::MasterUserSecretKmsKeyId,
            text(secret.and_then(MasterUserSecret::kms_key_id)),
        ),
        (S::DbName, text(row.db_name())),
        (S::CharacterSetName, text(row.character_set_name())),
        (
            S::NcharCharacterSetName,
            text(row.nchar_character_set_name()),
        ),
        (S::Timezone, text(row.timezone())),
        (S::DbSystemId, text(row.db_system_id())),
        (S::MultiTenant, flag(row.multi_tenant())),
        (
            S::IamDatabaseAuthenticationEnabled,
            flag(row.iam_database_authentication_enabled()),
        ),
        (
            S::EnabledCloudwatchLogsExports,
            texts(
                row.enabled_cloudwatch_logs_exports()
                    .iter()
                    .map(String::as_str),
            ),
        ),
        (
            S::BackupRetentionPeriod,
            number(row.backup_retention_period()),
        ),
        (
            S::PreferredBackupWindow,
            text(row.preferred_backup_window()),
        ),
        (
            S::PreferredMaintenanceWindow,
            text(row.preferred_maintenance_window()),
        ),
        (S::DeletionProtection, flag(row.deletion_protection())),
        (S::CopyTagsToSnapshot, flag(row.copy_tags_to_snapshot())),
        (
            S::AutoMinorVersionUpgrade,
            flag(row.auto_minor_version_upgrade()),
        ),
        (
            S::EngineLifecycleSupport,
            text(row.engine_lifecycle_support()),
        ),
        (S::MonitoringInterval, number(row.monitoring_interval())),
        (S::MonitoringRoleArn, text(row.monitoring_role_arn())),
        (
            S::PerformanceInsightsEnabled,
            flag(row.performance_insights_enabled()),
        ),
        (
            S::PerformanceInsightsKmsKeyId,
            text(row.performance_insights_kms_key_id()),
        ),
        (
            S::PerformanceInsightsRetentionPeriod,
            number(row.performance_insights_retention_period()),
        ),
        (
            S::DatabaseInsightsMode,
            text(insights.map(DatabaseInsightsMode::as_str)),
        ),
        (
            S::CaCertificateIdentifier,
            text(row.ca_certificate_identifier()),
        ),
        (
            S::AssociatedRoles,
            records(row.associated_roles().iter().map(|role| {
                record([
                    ("RoleArn", role.role_arn()),
                    ("FeatureName", role.feature_name()),
                ])
            })),
        ),
        (S::DomainMemberships, domains(row.domain_memberships())),
        (
            S::ProcessorFeatures,
            records(
                row.processor_features()
                    .iter()
                    .map(|feature| record([("Name", feature.name()), ("Value", feature.value())])),
            ),
        ),
        (S::TdeCredentialArn, text(row.tde_credential_arn())),
        (
            S::ReadReplicas,
            texts(
                row.read_replica_db_instance_identifiers()
                    .iter()
                    .map(String::as_str),
            ),
        ),
        (S::Endpoint, text(endpoint.and_then(Endpoint::address))),
    ];
    Captured::of(part, settings)
}

fn volumes(row: &DbInstance) -> Option<Value> {
    records(row.additional_storage_volumes().iter().map(|volume| {
        let number = |number: Option<i32>| number.map(|number| number.to_string());
        let (size, iops) = (number(volume.allocated_storage()), number(volume.iops()));
        let throughput = number(volume.storage_throughput());
        record([
            ("VolumeName", volume.volume_name()),
            ("AllocatedStorage", size.as_deref()),
            ("IOPS", iops.as_deref()),
            ("StorageThroughput", throughput.as_deref()),
            ("StorageType", volume.storage_type()),
        ])
    }))
}

/// The settings of a cluster, and what its row says of its members.
pub(super) fn captured_cluster(row: &DbCluster) -> Captured {
    use Setting as S;
    let secret = row.master_user_secret();
    let insights = row.database_insights_mode();
    let serverless = row.serverless_v2_scaling_configuration();
    let settings = [
        (S::Engine, text(row.engine())),
        (S::EngineVersion, text(row.engine_version())),
        (S::EngineMode, text(row.engine_mode())),
        (S::Port, number(row.port())),
        (S::DbSubnetGroupName, text(row.db_subnet_group())),
        (
            S::VpcSecurityGroupIds,
            security_groups(row.vpc_security_groups()),
        ),
        (
            S::DbClusterParameterGroupName,
            text(row.db_cluster_parameter_group()),
        ),
        (S::NetworkType, text(row.network_type())),
        (S::StorageType, text(row.storage_type())),
        (S::KmsKeyId, text(row.kms_key_id())),
        (S::StorageEncrypted, flag(row.storage_encrypted())),
        (
            S::ServerlessMinCapacity,
            decimal(serverless.and_then(|one| one.min_capacity())),
        ),
        (
            S::ServerlessMaxCapacity,
            decimal(serverless.and_then(|one| one.max_capacity())),
        ),
        (
            S::ServerlessSecondsUntilAutoPause,
            number(serverless.and_then(|one| one.seconds_until_auto_pause())),
        ),
        (S::BacktrackWindow, number(row.backtrack_window())),
        (S::MasterUsername, text(row.master_username())),
        (
            S::MasterUserSecretArn,
            text(secret.and_then(MasterUserSecret::secret_arn)),
        ),
        (
            S::MasterUserSecretKmsKeyId,
            text(secret.and_then(MasterUserSecret::kms_key_id)),
        ),
        (S::DatabaseName, text(row.database_name())),
        (S::DbSystemId, text(row.db_system_id())),
        (
            S::IamDatabaseAuthenticationEnabled,
            flag(row.iam_database_authentication_enabled()),
        ),
        (
            S::EnabledCloudwatchLogsExports,
            texts(
                row.enabled_cloudwatch_logs_exports()
                    .iter()
                    .map(String::as_str),
            ),
        ),
        (
            S::BackupRetentionPeriod,
            number(row.backup_retention_period()),
        ),
        (
            S::PreferredBackupWindow,
            text(row.preferred_backup_window()),
        ),
        (
            S::PreferredMaintenanceWindow,
            text(row.preferred_maintenance_window()),
        ),
        (S::DeletionProtection, flag(row.deletion_protection())),
        (S::CopyTagsToSnapshot, flag(row.copy_tags_to_snapshot())),
        (
            S::EngineLifecycleSupport,
            text(row.engine_lifecycle_support()),
        ),
        (S::MonitoringInterval, number(row.monitoring_interval())),
        (S::MonitoringRoleArn, text(row.monitoring_role_arn())),
        (
            S::PerformanceInsightsEnabled,
            flag(row.performance_insights_enabled()),
        ),
        (
            S::PerformanceInsightsKmsKeyId,
            text(row.performance_insights_kms_key_id()),
        ),
        (
            S::PerformanceInsightsRetentionPeriod,
            number(row.performance_insights_retention_period()),
        ),
        (
            S::DatabaseInsightsMode,
            text(insights.map(DatabaseInsightsMode::as_str)),
        ),
        (
            S::AssociatedRoles,
            records(row.associated_roles().iter().map(|role| {
                record([
                    ("RoleArn", role.role_arn()),
                    ("FeatureName", role.feature_name()),
                ])
            })),
        ),
        (S::HttpEndpointEnabled, flag(row.http_endpoint_enabled())),
        (S::DomainMemberships, domains(row.domain_memberships())),
        (
            S::GlobalClusterIdentifier,
            text(row.global_cluster_identifier()),
        ),
        (
            S::CustomEndpoints,
            texts(row.custom_endpoints().iter().map(String::as_str)),
        ),
        (S::Endpoint, text(row.endpoint())),
        (S::ReaderEndpoint, text(row.reader_endpoint())),
    ];
    let members = row.db_cluster_members().iter().filter_map(|member| {
        let tier = number(member.promotion_tier());
        let captured = Captured::of(Part::Member, [(S::PromotionTier, tier)]);
        let is_writer = member.is_cluster_writer().unwrap_or_default();
        let member_of = Member {
            is_writer,
            settings: captured.settings,
            tags: Tags::new(),
        };
        Some((member.db_instance_identifier()?.to_owned(), member_of))
    });
    Captured {
        members: members.collect(),
        ..Captured::of(Part::Cluster, settings)
    }
}
