//! The calls that make and change databases.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{ProcessorFeature, ServerlessV2ScalingConfiguration, Tag};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::future::BoxFuture;

use super::clients::Aws;
use super::rds_errors::Call;
use crate::domain::id::arn::Region;
use crate::domain::id::names::ResourceId;
use crate::domain::restore::value::Value;
use crate::domain::run::failure::Operation;
use crate::ports::{ChangeDatabase, DatabaseCall, RdsError};

/// The error for a call of a plan that this adapter cannot make. A test makes every call that a plan may have.
fn not_made(call: Call<'_>, message: String) -> RdsError {
    RdsError {
        operation: call.operation,
        region: call.region.clone(),
        code: Some("NotMade".to_owned()),
        message,
        source: None,
    }
}

/// The parameters that are not taken yet. Whatever is left in the end would have been lost.
struct Parameters(BTreeMap<String, Value>);

impl Parameters {
    /// A value of another kind is not taken, and so it is left in the end.
    fn take<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let taken = read(self.0.get(name)?)?;
        self.0.remove(name);
        Some(taken)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.take(name, |value| value.as_text().map(ToOwned::to_owned))
    }

    fn number(&mut self, name: &str) -> Option<i32> {
        self.take(name, |value| i32::try_from(value.as_number()?).ok())
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        self.take(name, |value| match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        })
    }

    fn decimal(&mut self, name: &str) -> Option<f64> {
        self.take(name, |value| match value {
            Value::Decimal(number) => Some(number.number()),
            _ => None,
        })
    }

    fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        self.take(name, |value| match value {
            Value::Texts(texts) => Some(texts.clone()),
            _ => None,
        })
    }

    fn records(&mut self, name: &str) -> Option<Vec<BTreeMap<String, String>>> {
        self.take(name, |value| match value {
            Value::Records(records) => Some(records.clone()),
            _ => None,
        })
    }

    fn tags(&mut self) -> Option<Vec<Tag>> {
        let tag = |record: BTreeMap<String, String>| {
            Tag::builder()
                .set_key(record.get("Key").cloned())
                .set_value(record.get("Value").cloned())
                .build()
        };
        Some(self.records("Tags")?.into_iter().map(tag).collect())
    }

    fn processor_features(&mut self) -> Option<Vec<ProcessorFeature>> {
        let feature = |record: BTreeMap<String, String>| {
            ProcessorFeature::builder()
                .set_name(record.get("Name").cloned())
                .set_value(record.get("Value").cloned())
                .build()
        };
        let features = self.records("ProcessorFeatures")?;
        Some(features.into_iter().map(feature).collect())
    }

    fn scaling(&mut self) -> Option<ServerlessV2ScalingConfiguration> {
        let min = self.decimal("ServerlessV2ScalingConfiguration.MinCapacity");
        let max = self.decimal("ServerlessV2ScalingConfiguration.MaxCapacity");
        let pause = self.number("ServerlessV2ScalingConfiguration.SecondsUntilAutoPause");
        if min.is_none() && max.is_none() && pause.is_none() {
            return None;
        }
        Some(
            ServerlessV2ScalingConfiguration::builder()
                .set_min_capacity(min)
                .set_max_capacity(max)
                .set_seconds_until_auto_pause(pause)
                .build(),
        )
    }

    /// Refuses the call if something of it would be lost.
    fn are_all_taken(self, call: Call<'_>) -> Result<(), RdsError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = self.0.into_keys().collect();
        let message = format!("it would be sent without {}", names.join(", "));
        Err(not_made(call, message))
    }
}

/// Sends a request. `made` reads the resource id of the database that it makes.
async fn sent<T, E>(
    call: Call<'_>,
    sending: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    made: impl FnOnce(&T) -> Option<&str>,
) -> Result<Option<ResourceId>, RdsError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let answer = sending.await.map_err(|error| call.refused(&error))?;
    Ok(made(&answer).and_then(|id| ResourceId::parse(id).ok()))
}

impl<Extra> ChangeDatabase for Aws<Extra> {
    async fn change_database(
        &self,
        region: &Region,
        asked: &DatabaseCall,
    ) -> Result<Option<ResourceId>, RdsError> {
        let call = Call {
            operation: asked.operation,
            region,
        };
        let mut p = Parameters(asked.parameters.clone());
        let client = self.rds_for_changes(region);
        // A request is sent only when its future is awaited.
        let sending: BoxFuture<'_, _> = match asked.operation {
            Operation::RestoreDbInstanceFromDbSnapshot => {
                let request = client
                    .restore_db_instance_from_db_snapshot()
                    .set_db_instance_identifier(p.text("DBInstanceIdentifier"))
                    .set_db_snapshot_identifier(p.text("DBSnapshotIdentifier"))
                    .set_engine(p.text("Engine"))
                    .set_db_instance_class(p.text("DBInstanceClass"))
                    .set_license_model(p.text("LicenseModel"))
                    .set_port(p.number("Port"))
                    .set_db_subnet_group_name(p.text("DBSubnetGroupName"))
                    .set_vpc_security_group_ids(p.texts("VpcSecurityGroupIds"))
                    .set_db_parameter_group_name(p.text("DBParameterGroupName"))
                    .set_option_group_name(p.text("OptionGroupName"))
                    .set_multi_az(p.flag("MultiAZ"))
                    .set_publicly_accessible(p.flag("PubliclyAccessible"))
                    .set_network_type(p.text("NetworkType"))
                    .set_storage_type(p.text("StorageType"))
                    .set_iops(p.number("Iops"))
                    .set_storage_throughput(p.number("StorageThroughput"))
                    .set_dedicated_log_volume(p.flag("DedicatedLogVolume"))
                    .set_enable_iam_database_authentication(
                        p.flag("EnableIAMDatabaseAuthentication"),
                    )
                    .set_enable_cloudwatch_logs_exports(p.texts("EnableCloudwatchLogsExports"))
                    .set_backup_retention_period(p.number("BackupRetentionPeriod"))
                    .set_preferred_backup_window(p.text("PreferredBackupWindow"))
                    .set_deletion_protection(p.flag("DeletionProtection"))
                    .set_copy_tags_to_snapshot(p.flag("CopyTagsToSnapshot"))
                    .set_auto_minor_version_upgrade(p.flag("AutoMinorVersionUpgrade"))
                    .set_engine_lifecycle_support(p.text("EngineLifecycleSupport"))
                    .set_ca_certificate_identifier(p.text("CACertificateIdentifier"))
                    .set_processor_features(p.processor_features())
                    .set_tags(p.tags());
                Box::pin(sent(call, request.send(), |answer| {
                    answer.db_instance()?.dbi_resource_id()
                }))
            }
            Operation::RestoreDbClusterFromSnapshot => {
                let request = client
                    .restore_db_cluster_from_snapshot()
                    .set_db_cluster_identifier(p.text("DBClusterIdentifier"))
                    .set_snapshot_identifier(p.text("SnapshotIdentifier"))
                    .set_engine(p.text("Engine"))
                    .set_engine_version(p.text("EngineVersion"))
                    .set_engine_mode(p.text("EngineMode"))
                    .set_port(p.number("Port"))
                    .set_db_subnet_group_name(p.text("DBSubnetGroupName"))
                    .set_vpc_security_group_ids(p.texts("VpcSecurityGroupIds"))
                    .set_db_cluster_parameter_group_name(p.text("DBClusterParameterGroupName"))
                    .set_network_type(p.text("NetworkType"))
                    .set_storage_type(p.text("StorageType"))
                    .set_serverless_v2_scaling_configuration(p.scaling())
                    .set_backtrack_window(p.number("BacktrackWindow").map(Into::into))
                    .set_enable_iam_database_authentication(
                        p.flag("EnableIAMDatabaseAuthentication"),
                    )
                    .set_enable_cloudwatch_logs_exports(p.texts("EnableCloudwatchLogsExports"))
                    .set_backup_retention_period(p.number("BackupRetentionPeriod"))
                    .set_preferred_backup_window(p.text("PreferredBackupWindow"))
                    .set_deletion_protection(p.flag("DeletionProtection"))
                    .set_copy_tags_to_snapshot(p.flag("CopyTagsToSnapshot"))
                    .set_engine_lifecycle_support(p.text("EngineLifecycleSupport"))
                    .set_monitoring_interval(p.number("MonitoringInterval"))
                    .set_monitoring_role_arn(p.text("MonitoringRoleArn"))
                    .set_enable_performance_insights(p.flag("EnablePerformanceInsights"))
                    .set_performance_insights_kms_key_id(p.text("PerformanceInsightsKMSKeyId"))
                    .set_performance_insights_retention_period(
                        p.number("PerformanceInsightsRetentionPeriod"),
                    )
                    .set_tags(p.tags());
                Box::pin(sent(call, request.send(), |answer| {
                    answer.db_cluster()?.db_cluster_resource_id()
                }))
            }
            Operation::CreateDbInstance => {
                let request = client
                    .create_db_instance()
                    .set_db_instance_identifier(p.text("DBInstanceIdentifier"))
                    .set_db_cluster_identifier(p.text("DBClusterIdentifier"))
                    .set_engine(p.text("Engine"))
                    .set_db_instance_class(p.text("DBInstanceClass"))
                    .set_promotion_tier(p.number("PromotionTier"))
                    .set_db_parameter_group_name(p.text("DBParameterGroupName"))
                    .set_publicly_accessible(p.flag("PubliclyAccessible"))
                    .set_preferred_maintenance_window(p.text("PreferredMaintenanceWindow"))
                    .set_auto_minor_version_upgrade(p.flag("AutoMinorVersionUpgrade"))
                    .set_ca_certificate_identifier(p.text("CACertificateIdentifier"))
                    .set_monitoring_interval(p.number("MonitoringInterval"))
                    .set_monitoring_role_arn(p.text("MonitoringRoleArn"))
                    .set_enable_performance_insights(p.flag("EnablePerformanceInsights"))
                    .set_performance_insights_kms_key_id(p.text("PerformanceInsightsKMSKeyId"))
                    .set_performance_insights_retention_period(
                        p.number("PerformanceInsightsRetentionPeriod"),
                    )
                    .set_tags(p.tags());
                Box::pin(sent(call, request.send(), |answer| {
                    answer.db_instance()?.dbi_resource_id()
                }))
            }
            Operation::ModifyDbInstance => {
                let request = client
                    .modify_db_instance()
                    .set_db_instance_identifier(p.text("DBInstanceIdentifier"))
                    .set_apply_immediately(p.flag("ApplyImmediately"))
                    .set_max_allocated_storage(p.number("MaxAllocatedStorage"))
                    .set_preferred_maintenance_window(p.text("PreferredMaintenanceWindow"))
                    .set_monitoring_interval(p.number("MonitoringInterval"))
                    .set_monitoring_role_arn(p.text("MonitoringRoleArn"))
                    .set_enable_performance_insights(p.flag("EnablePerformanceInsights"))
                    .set_performance_insights_kms_key_id(p.text("PerformanceInsightsKMSKeyId"))
                    .set_performance_insights_retention_period(
                        p.number("PerformanceInsightsRetentionPeriod"),
                    )
                    .set_database_insights_mode(
                        p.text("DatabaseInsightsMode")
                            .map(|mode| mode.as_str().into()),
                    )
                    .set_manage_master_user_password(p.flag("ManageMasterUserPassword"))
                    .set_master_user_secret_kms_key_id(p.text("MasterUserSecretKmsKeyId"))
                    .set_backup_retention_period(p.number("BackupRetentionPeriod"))
                    .set_preferred_backup_window(p.text("PreferredBackupWindow"));
                Box::pin(sent(call, request.send(), |_| None))
            }
            Operation::ModifyDbCluster => {
                let request = client
                    .modify_db_cluster()
                    .set_db_cluster_identifier(p.text("DBClusterIdentifier"))
                    .set_apply_immediately(p.flag("ApplyImmediately"))
                    .set_preferred_maintenance_window(p.text("PreferredMaintenanceWindow"))
                    .set_database_insights_mode(
                        p.text("DatabaseInsightsMode")
                            .map(|mode| mode.as_str().into()),
                    )
                    .set_manage_master_user_password(p.flag("ManageMasterUserPassword"))
                    .set_master_user_secret_kms_key_id(p.text("MasterUserSecretKmsKeyId"));
                Box::pin(sent(call, request.send(), |_| None))
            }
            Operation::RebootDbInstance => {
                let request = client
                    .reboot_db_instance()
                    .set_db_instance_identifier(p.text("DBInstanceIdentifier"));
                Box::pin(sent(call, request.send(), |_| None))
            }
            Operation::AddRoleToDbInstance => {
                let request = client
                    .add_role_to_db_instance()
                    .set_db_instance_identifier(p.text("DBInstanceIdentifier"))
                    .set_role_arn(p.text("RoleArn"))
                    .set_feature_name(p.text("FeatureName"));
                Box::pin(sent(call, request.send(), |_| None))
            }
            Operation::AddRoleToDbCluster => {
                let request = client
                    .add_role_to_db_cluster()
                    .set_db_cluster_identifier(p.text("DBClusterIdentifier"))
                    .set_role_arn(p.text("RoleArn"))
                    .set_feature_name(p.text("FeatureName"));
                Box::pin(sent(call, request.send(), |_| None))
            }
            Operation::EnableHttpEndpoint => {
                let request = client
                    .enable_http_endpoint()
                    .set_resource_arn(p.text("ResourceArn"));
                Box::pin(sent(call, request.send(), |_| None))
            }
            _ => {
                let why = "it makes and changes no database".to_owned();
                return Err(not_made(call, why));
            }
        };
        p.are_all_taken(call)?;
        sending.await
    }
}
