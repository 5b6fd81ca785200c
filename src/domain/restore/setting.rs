//! The one table of settings. Capture, diff, restore plan and the printed templates are derived from it.
//!
//! Sources: the model of the API (`RestoreDBInstanceFromDBSnapshot`, `RestoreDBClusterFromSnapshot`, `CreateDBInstance`,
//! `ModifyDBInstance`, `ModifyDBCluster`), the CloudFormation schemas and the Terraform provider's pages.

use super::taken::NameKind::{Class, Key, OptionGroup, ParameterGroup, SecurityGroup, SubnetGroup};
use super::taken::Omitted::{Default, Snapshot};
use super::taken::{NO, Part, Taken, backups, fixed, make, mapped, modify, own, shown};
use crate::domain::run::failure::Operation::{
    AddRoleToDbCluster, AddRoleToDbInstance, EnableHttpEndpoint,
};

macro_rules! settings {
    ($($name:ident = $field:literal: $instance:expr, $cluster:expr, $member:expr;)+) => {
        /// A setting that RDS shows of a database.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each is RDS's field of this name")]
        pub enum Setting {
            $($name),+
        }

        impl Setting {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// RDS's name of the field.
            #[must_use]
            pub fn field(self) -> &'static str {
                match self {
                    $(Self::$name => $field),+
                }
            }

            /// How a restore takes it. `None` if such a part has no such setting.
            #[must_use]
            pub fn of(self, part: Part) -> Option<Taken> {
                let [instance, cluster, member] = match self {
                    $(Self::$name => const { [$instance, $cluster, $member] }),+
                };
                match part {
                    Part::Instance => instance,
                    Part::Cluster => cluster,
                    Part::Member => member,
                }
            }
        }
    };
}

const OFF: super::taken::Omitted = Default("off");

// A row: RDS's field, then how a restore takes it for an instance, for a cluster, and for a member of a cluster:
// the parameter, what RDS does without it, CloudFormation's name and Terraform's.
settings! {
    Engine = "Engine":
        make("Engine", Snapshot, "Engine", "engine"),
        make("Engine", Snapshot, "Engine", "engine"),
        make("Engine", Default("required"), "Engine", "engine");
    EngineVersion = "EngineVersion":
        fixed("EngineVersion", "engine_version"),
        make("EngineVersion", Default("the region's default version"), "EngineVersion", "engine_version"),
        NO;
    EngineMode = "EngineMode":
        NO, make("EngineMode", Default("provisioned"), "EngineMode", "engine_mode"), NO;
    DbInstanceClass = "DBInstanceClass":
        mapped(Class, make("DBInstanceClass", Snapshot, "DBInstanceClass", "instance_class")),
        NO,
        mapped(Class, make("DBInstanceClass", Default("required"), "DBInstanceClass", "instance_class"));
    PromotionTier = "PromotionTier":
        NO, NO, make("PromotionTier", Default("1"), "PromotionTier", "promotion_tier");
    LicenseModel = "LicenseModel":
        make("LicenseModel", Snapshot, "LicenseModel", "license_model"), NO, NO;
    Port = "Port":
        make("Port", Snapshot, "Port", "port"), make("Port", Snapshot, "Port", "port"), NO;
    DbSubnetGroupName = "DBSubnetGroupName":
        mapped(SubnetGroup, make("DBSubnetGroupName", Default("the default VPC"), "DBSubnetGroupName", "db_subnet_group_name")),
        mapped(SubnetGroup, make("DBSubnetGroupName", Default("the default VPC"), "DBSubnetGroupName", "db_subnet_group_name")),
        NO;
    VpcSecurityGroupIds = "VpcSecurityGroupIds":
        mapped(SecurityGroup, make("VpcSecurityGroupIds", Default("the VPC's default group"), "VPCSecurityGroups", "vpc_security_group_ids")),
        mapped(SecurityGroup, make("VpcSecurityGroupIds", Default("the VPC's default group"), "VpcSecurityGroupIds", "vpc_security_group_ids")),
        NO;
    DbParameterGroupName = "DBParameterGroupName":
        mapped(ParameterGroup, make("DBParameterGroupName", Default("the engine's default group"), "DBParameterGroupName", "parameter_group_name")),
        NO,
        mapped(ParameterGroup, make("DBParameterGroupName", Default("the engine's default group"), "DBParameterGroupName", "db_parameter_group_name"));
    DbClusterParameterGroupName = "DBClusterParameterGroupName":
        NO,
        mapped(ParameterGroup, make("DBClusterParameterGroupName", Default("the engine's default group"), "DBClusterParameterGroupName", "db_cluster_parameter_group_name")),
        NO;
    OptionGroupName = "OptionGroupName":
        mapped(OptionGroup, make("OptionGroupName", Default("the engine's default group"), "OptionGroupName", "option_group_name")),
        NO, NO;
    MultiAz = "MultiAZ":
        make("MultiAZ", Default("one zone"), "MultiAZ", "multi_az"), NO, NO;
    AvailabilityZone = "AvailabilityZone":
        shown("any zone"), NO, shown("any zone");
    PubliclyAccessible = "PubliclyAccessible":
        make("PubliclyAccessible", Default("depends on the subnet group"), "PubliclyAccessible", "publicly_accessible"),
        NO,
        make("PubliclyAccessible", Default("depends on the subnet group"), "PubliclyAccessible", "publicly_accessible");
    NetworkType = "NetworkType":
        make("NetworkType", Default("IPV4"), "NetworkType", "network_type"),
        make("NetworkType", Default("IPV4"), "NetworkType", "network_type"),
        NO;
    AllocatedStorage = "AllocatedStorage":
        fixed("AllocatedStorage", "allocated_storage"), NO, NO;
    MaxAllocatedStorage = "MaxAllocatedStorage":
        modify("MaxAllocatedStorage", "storage does not grow", "MaxAllocatedStorage", "max_allocated_storage"), NO, NO;
    StorageType = "StorageType":
        make("StorageType", Default("gp3, or io1 with Iops"), "StorageType", "storage_type"),
        make("StorageType", Default("aurora"), "StorageType", "storage_type"),
        NO;
    Iops = "Iops":
        make("Iops", Snapshot, "Iops", "iops"), NO, NO;
    StorageThroughput = "StorageThroughput":
        make("StorageThroughput", Snapshot, "StorageThroughput", "storage_throughput"), NO, NO;
    AdditionalStorageVolumes = "AdditionalStorageVolumes":
        shown("the snapshot's volumes"), NO, NO;
    DedicatedLogVolume = "DedicatedLogVolume":
        make("DedicatedLogVolume", OFF, "DedicatedLogVolume", "dedicated_log_volume"), NO, NO;
    KmsKeyId = "KmsKeyId":
        fixed("KmsKeyId", "kms_key_id"), fixed("KmsKeyId", "kms_key_id"), NO;
    StorageEncrypted = "StorageEncrypted":
        fixed("StorageEncrypted", "storage_encrypted"), fixed("StorageEncrypted", "storage_encrypted"), NO;
    ServerlessMinCapacity = "ServerlessV2ScalingConfiguration.MinCapacity":
        NO, make("ServerlessV2ScalingConfiguration.MinCapacity", Default("none: serverless members cannot start"), "ServerlessV2ScalingConfiguration.MinCapacity", "serverlessv2_scaling_configuration.min_capacity"), NO;
    ServerlessMaxCapacity = "ServerlessV2ScalingConfiguration.MaxCapacity":
        NO, make("ServerlessV2ScalingConfiguration.MaxCapacity", Default("none: serverless members cannot start"), "ServerlessV2ScalingConfiguration.MaxCapacity", "serverlessv2_scaling_configuration.max_capacity"), NO;
    ServerlessSecondsUntilAutoPause = "ServerlessV2ScalingConfiguration.SecondsUntilAutoPause":
        NO, make("ServerlessV2ScalingConfiguration.SecondsUntilAutoPause", Default("never pauses"), "ServerlessV2ScalingConfiguration.SecondsUntilAutoPause", "serverlessv2_scaling_configuration.seconds_until_auto_pause"), NO;
    BacktrackWindow = "BacktrackWindow":
        NO, make("BacktrackWindow", OFF, "BacktrackWindow", "backtrack_window"), NO;
    MasterUsername = "MasterUsername":
        fixed("MasterUsername", "username"), fixed("MasterUsername", "master_username"), NO;
    MasterUserSecretArn = "MasterUserSecret.SecretArn":
        modify("ManageMasterUserPassword", "the password is the one of the snapshot's time", "ManageMasterUserPassword", "manage_master_user_password"),
        modify("ManageMasterUserPassword", "the password is the one of the snapshot's time", "ManageMasterUserPassword", "manage_master_user_password"),
        NO;
    MasterUserSecretKmsKeyId = "MasterUserSecret.KmsKeyId":
        mapped(Key, modify("MasterUserSecretKmsKeyId", "aws/secretsmanager", "MasterUserSecret.KmsKeyId", "master_user_secret_kms_key_id")),
        mapped(Key, modify("MasterUserSecretKmsKeyId", "aws/secretsmanager", "MasterUserSecret.KmsKeyId", "master_user_secret_kms_key_id")),
        NO;
    DbName = "DBName": fixed("DBName", "db_name"), NO, NO;
    DatabaseName = "DatabaseName": NO, fixed("DatabaseName", "database_name"), NO;
    CharacterSetName = "CharacterSetName": fixed("CharacterSetName", "character_set_name"), NO, NO;
    NcharCharacterSetName = "NcharCharacterSetName":
        fixed("NcharCharacterSetName", "nchar_character_set_name"), NO, NO;
    Timezone = "Timezone": fixed("Timezone", "timezone"), NO, NO;
    DbSystemId = "DBSystemId": fixed("", ""), fixed("", ""), NO;
    MultiTenant = "MultiTenant": fixed("", ""), NO, NO;
    IamDatabaseAuthenticationEnabled = "IAMDatabaseAuthenticationEnabled":
        make("EnableIAMDatabaseAuthentication", OFF, "EnableIAMDatabaseAuthentication", "iam_database_authentication_enabled"),
        make("EnableIAMDatabaseAuthentication", OFF, "EnableIAMDatabaseAuthentication", "iam_database_authentication_enabled"),
        NO;
    EnabledCloudwatchLogsExports = "EnabledCloudwatchLogsExports":
        make("EnableCloudwatchLogsExports", Default("none"), "EnableCloudwatchLogsExports", "enabled_cloudwatch_logs_exports"),
        make("EnableCloudwatchLogsExports", Default("none"), "EnableCloudwatchLogsExports", "enabled_cloudwatch_logs_exports"),
        NO;
    BackupRetentionPeriod = "BackupRetentionPeriod":
        backups("BackupRetentionPeriod", Snapshot, "BackupRetentionPeriod", "backup_retention_period"),
        make("BackupRetentionPeriod", Snapshot, "BackupRetentionPeriod", "backup_retention_period"),
        NO;
    PreferredBackupWindow = "PreferredBackupWindow":
        backups("PreferredBackupWindow", Default("RDS chooses one"), "PreferredBackupWindow", "backup_window"),
        make("PreferredBackupWindow", Default("RDS chooses one"), "PreferredBackupWindow", "preferred_backup_window"),
        NO;
    PreferredMaintenanceWindow = "PreferredMaintenanceWindow":
        modify("PreferredMaintenanceWindow", "RDS chooses one", "PreferredMaintenanceWindow", "maintenance_window"),
        modify("PreferredMaintenanceWindow", "RDS chooses one", "PreferredMaintenanceWindow", "preferred_maintenance_window"),
        make("PreferredMaintenanceWindow", Default("RDS chooses one"), "PreferredMaintenanceWindow", "preferred_maintenance_window");
    DeletionProtection = "DeletionProtection":
        make("DeletionProtection", OFF, "DeletionProtection", "deletion_protection"),
        make("DeletionProtection", OFF, "DeletionProtection", "deletion_protection"),
        NO;
    CopyTagsToSnapshot = "CopyTagsToSnapshot":
        make("CopyTagsToSnapshot", OFF, "CopyTagsToSnapshot", "copy_tags_to_snapshot"),
        make("CopyTagsToSnapshot", OFF, "CopyTagsToSnapshot", "copy_tags_to_snapshot"),
        NO;
    AutoMinorVersionUpgrade = "AutoMinorVersionUpgrade":
        make("AutoMinorVersionUpgrade", Default("on"), "AutoMinorVersionUpgrade", "auto_minor_version_upgrade"),
        NO,
        make("AutoMinorVersionUpgrade", Default("on"), "AutoMinorVersionUpgrade", "auto_minor_version_upgrade");
    EngineLifecycleSupport = "EngineLifecycleSupport":
        make("EngineLifecycleSupport", Default("paid extended support"), "EngineLifecycleSupport", "engine_lifecycle_support"),
        make("EngineLifecycleSupport", Default("paid extended support"), "EngineLifecycleSupport", "engine_lifecycle_support"),
        NO;
    MonitoringInterval = "MonitoringInterval":
        modify("MonitoringInterval", "off", "MonitoringInterval", "monitoring_interval"),
        make("MonitoringInterval", OFF, "MonitoringInterval", "monitoring_interval"),
        make("MonitoringInterval", OFF, "MonitoringInterval", "monitoring_interval");
    MonitoringRoleArn = "MonitoringRoleArn":
        modify("MonitoringRoleArn", "none", "MonitoringRoleArn", "monitoring_role_arn"),
        make("MonitoringRoleArn", Default("none"), "MonitoringRoleArn", "monitoring_role_arn"),
        make("MonitoringRoleArn", Default("none"), "MonitoringRoleArn", "monitoring_role_arn");
    PerformanceInsightsEnabled = "PerformanceInsightsEnabled":
        modify("EnablePerformanceInsights", "off", "EnablePerformanceInsights", "performance_insights_enabled"),
        make("EnablePerformanceInsights", OFF, "PerformanceInsightsEnabled", "performance_insights_enabled"),
        make("EnablePerformanceInsights", OFF, "EnablePerformanceInsights", "performance_insights_enabled");
    PerformanceInsightsKmsKeyId = "PerformanceInsightsKMSKeyId":
        mapped(Key, modify("PerformanceInsightsKMSKeyId", "aws/rds", "PerformanceInsightsKMSKeyId", "performance_insights_kms_key_id")),
        mapped(Key, make("PerformanceInsightsKMSKeyId", Default("aws/rds"), "PerformanceInsightsKmsKeyId", "performance_insights_kms_key_id")),
        mapped(Key, make("PerformanceInsightsKMSKeyId", Default("aws/rds"), "PerformanceInsightsKMSKeyId", "performance_insights_kms_key_id"));
    PerformanceInsightsRetentionPeriod = "PerformanceInsightsRetentionPeriod":
        modify("PerformanceInsightsRetentionPeriod", "7 days", "PerformanceInsightsRetentionPeriod", "performance_insights_retention_period"),
        make("PerformanceInsightsRetentionPeriod", Default("7 days"), "PerformanceInsightsRetentionPeriod", "performance_insights_retention_period"),
        make("PerformanceInsightsRetentionPeriod", Default("7 days"), "PerformanceInsightsRetentionPeriod", "performance_insights_retention_period");
    DatabaseInsightsMode = "DatabaseInsightsMode":
        modify("DatabaseInsightsMode", "standard", "DatabaseInsightsMode", "database_insights_mode"),
        modify("DatabaseInsightsMode", "standard", "DatabaseInsightsMode", "database_insights_mode"),
        NO;
    CaCertificateIdentifier = "CACertificateIdentifier":
        make("CACertificateIdentifier", Default("the account's default authority"), "CACertificateIdentifier", "ca_cert_identifier"),
        NO,
        make("CACertificateIdentifier", Default("the account's default authority"), "CACertificateIdentifier", "ca_cert_identifier");
    AssociatedRoles = "AssociatedRoles":
        own(AddRoleToDbInstance, "none", "AssociatedRoles", ""),
        own(AddRoleToDbCluster, "none", "AssociatedRoles", ""),
        NO;
    HttpEndpointEnabled = "HttpEndpointEnabled":
        NO, own(EnableHttpEndpoint, "off", "EnableHttpEndpoint", "enable_http_endpoint"), NO;
    DomainMemberships = "DomainMemberships":
        shown("not joined"), shown("not joined"), NO;
    ProcessorFeatures = "ProcessorFeatures":
        make("ProcessorFeatures", Default("the class's own"), "ProcessorFeatures", ""), NO, NO;
    TdeCredentialArn = "TdeCredentialArn": shown("none"), NO, NO;
    ReadReplicas = "ReadReplicaDBInstanceIdentifiers":
        shown("replicas are not restored"), NO, NO;
    GlobalClusterIdentifier = "GlobalClusterIdentifier":
        NO, shown("the cluster stands alone"), NO;
    CustomEndpoints = "CustomEndpoints": NO, shown("none"), NO;
    Endpoint = "Endpoint": shown("RDS gives one"), shown("RDS gives one"), shown("RDS gives one");
    ReaderEndpoint = "ReaderEndpoint": NO, shown("RDS gives one"), NO;
}

impl Setting {
    /// The setting of this field, if the table has it.
    #[must_use]
    pub fn parse(field: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.field() == field)
    }
}
