//! What a caller may say of a database that is made or changed, and how the database takes it.

use std::collections::BTreeMap;

use super::RdsFault;
use super::cluster::ClusterSpec;
use super::instance::InstanceSpec;
use super::settings::{ManagedSecret, PerformanceInsights, Scaling, Settings};

/// The actions that make or change databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Making {
    /// RestoreDBInstanceFromDBSnapshot.
    RestoreInstance,
    /// RestoreDBClusterFromSnapshot.
    RestoreCluster,
    /// CreateDBInstance, which here makes members of clusters alone.
    CreateMember,
    /// ModifyDBInstance.
    ModifyInstance,
    /// ModifyDBCluster.
    ModifyCluster,
}

impl Making {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::RestoreInstance,
        Self::RestoreCluster,
        Self::CreateMember,
        Self::ModifyInstance,
        Self::ModifyCluster,
    ];

    /// The action's name.
    pub fn action(self) -> &'static str {
        match self {
            Self::RestoreInstance => "RestoreDBInstanceFromDBSnapshot",
            Self::RestoreCluster => "RestoreDBClusterFromSnapshot",
            Self::CreateMember => "CreateDBInstance",
            Self::ModifyInstance => "ModifyDBInstance",
            Self::ModifyCluster => "ModifyDBCluster",
        }
    }

    fn letter(self) -> char {
        match self {
            Self::RestoreInstance => 'i',
            Self::RestoreCluster => 'c',
            Self::CreateMember => 'm',
            Self::ModifyInstance => 'I',
            Self::ModifyCluster => 'C',
        }
    }

    /// The parameters that it takes.
    pub fn parameters(self) -> impl Iterator<Item = &'static str> {
        let letter = self.letter();
        let taken = PARAMETERS.iter().filter(move |(_, by)| by.contains(letter));
        taken.map(|(name, _)| *name)
    }
}

/// Every parameter, and the actions that take it: `i` and `c` restore an instance and a cluster, `m` makes a member, `I` and
/// `C` modify an instance and a cluster. A cluster owns its members' storage, network, backups and logs, so `m` takes none
/// of those. A test compares the table with AWS's service model.
const PARAMETERS: &[(&str, &str)] = &[
    ("Engine", "icm"),
    ("EngineVersion", "c"),
    ("EngineMode", "c"),
    ("DBInstanceClass", "imI"),
    ("LicenseModel", "i"),
    ("Port", "ic"),
    ("DBSubnetGroupName", "ic"),
    ("VpcSecurityGroupIds", "ic"),
    ("DBParameterGroupName", "imI"),
    ("DBClusterParameterGroupName", "cC"),
    ("OptionGroupName", "i"),
    ("MultiAZ", "iI"),
    ("PubliclyAccessible", "im"),
    ("NetworkType", "ic"),
    ("StorageType", "ic"),
    ("Iops", "i"),
    ("StorageThroughput", "i"),
    ("DedicatedLogVolume", "i"),
    ("MaxAllocatedStorage", "I"),
    ("KmsKeyId", "c"),
    ("ServerlessV2ScalingConfiguration.MinCapacity", "c"),
    ("ServerlessV2ScalingConfiguration.MaxCapacity", "c"),
    (
        "ServerlessV2ScalingConfiguration.SecondsUntilAutoPause",
        "c",
    ),
    ("BacktrackWindow", "c"),
    ("EnableIAMDatabaseAuthentication", "ic"),
    ("EnableCloudwatchLogsExports", "ic"),
    ("BackupRetentionPeriod", "icIC"),
    ("PreferredBackupWindow", "icIC"),
    ("PreferredMaintenanceWindow", "mIC"),
    ("DeletionProtection", "icIC"),
    ("CopyTagsToSnapshot", "icIC"),
    ("AutoMinorVersionUpgrade", "imI"),
    ("EngineLifecycleSupport", "ic"),
    ("CACertificateIdentifier", "imI"),
    ("PromotionTier", "m"),
    ("MonitoringInterval", "cmIC"),
    ("MonitoringRoleArn", "cmIC"),
    ("EnablePerformanceInsights", "cmIC"),
    ("PerformanceInsightsKMSKeyId", "cmIC"),
    ("PerformanceInsightsRetentionPeriod", "cmIC"),
    ("DatabaseInsightsMode", "IC"),
    ("ManageMasterUserPassword", "IC"),
    ("MasterUserSecretKmsKeyId", "IC"),
];

/// The parameters of one call, by their names. A list has several values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, Vec<String>>);

impl Parameters {
    /// Adds a value. The parts of a list have the list's name.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.entry(name.into()).or_default().push(value.into());
    }

    /// The names of the parameters that were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Refuses what the action does not take.
    pub(super) fn check(&self, making: Making) -> Result<(), RdsFault> {
        for name in self.names() {
            if !making.parameters().any(|taken| taken == name) {
                return Err(invalid(format!(
                    "{} does not take the parameter {name}.",
                    making.action()
                )));
            }
        }
        Ok(())
    }

    /// The text of a parameter.
    pub fn text(&self, name: &str) -> Option<&str> {
        let values = self.0.get(name)?;
        values.first().map(String::as_str)
    }

    /// The values of a list, sorted.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        self.0.get(name).map(|values| {
            let mut values = values.clone();
            values.sort();
            values
        })
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, RdsFault> {
        match self.text(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(text) => Err(invalid(format!(
                "{text} is not a valid boolean for {name}."
            ))),
        }
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, RdsFault> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let number = text.parse().map(Some);
        number.map_err(|_| invalid(format!("{text} is not a valid integer for {name}.")))
    }

    /// Sets what an instance takes at once, or when a change of it is made. `secrets` is how the ARNs of the
    /// region's secrets begin.
    pub(super) fn apply_to_instance(
        &self,
        spec: &mut InstanceSpec,
        secrets: &str,
    ) -> Result<(), RdsFault> {
        set(&mut spec.class, self.text("DBInstanceClass"));
        set(&mut spec.license_model, self.text("LicenseModel"));
        set(&mut spec.parameter_group, self.text("DBParameterGroupName"));
        set(&mut spec.option_group, self.text("OptionGroupName"));
        set(&mut spec.storage_type, self.text("StorageType"));
        if let Some(port) = self.number("Port")? {
            spec.port = Some(port);
        }
        if let Some(groups) = self.texts("VpcSecurityGroupIds") {
            spec.security_groups = groups;
        }
        put(&mut spec.multi_az, self.flag("MultiAZ")?);
        put(
            &mut spec.iam_authentication,
            self.flag("EnableIAMDatabaseAuthentication")?,
        );
        put(
            &mut spec.backup_retention_days,
            self.number("BackupRetentionPeriod")?,
        );
        put(
            &mut spec.deletion_protection,
            self.flag("DeletionProtection")?,
        );
        put(
            &mut spec.copy_tags_to_snapshot,
            self.flag("CopyTagsToSnapshot")?,
        );
        let secret = format!("{secrets}:secret:rds!{}", spec.identifier);
        self.apply_to_settings(secret, &mut spec.settings)
    }

    /// The same for a cluster.
    pub(super) fn apply_to_cluster(
        &self,
        spec: &mut ClusterSpec,
        secrets: &str,
    ) -> Result<(), RdsFault> {
        set(&mut spec.engine_version, self.text("EngineVersion"));
        set(&mut spec.storage_type, self.text("StorageType"));
        set(
            &mut spec.parameter_group,
            self.text("DBClusterParameterGroupName"),
        );
        if let Some(port) = self.number("Port")? {
            spec.port = Some(port);
        }
        if let Some(groups) = self.texts("VpcSecurityGroupIds") {
            spec.security_groups = groups;
        }
        put(
            &mut spec.iam_authentication,
            self.flag("EnableIAMDatabaseAuthentication")?,
        );
        put(
            &mut spec.backup_retention_days,
            self.number("BackupRetentionPeriod")?,
        );
        put(
            &mut spec.deletion_protection,
            self.flag("DeletionProtection")?,
        );
        put(
            &mut spec.copy_tags_to_snapshot,
            self.flag("CopyTagsToSnapshot")?,
        );
        let capacity = |part| self.text(&format!("ServerlessV2ScalingConfiguration.{part}"));
        if let (Some(min), Some(max)) = (capacity("MinCapacity"), capacity("MaxCapacity")) {
            let pause = "ServerlessV2ScalingConfiguration.SecondsUntilAutoPause";
            spec.settings.scaling = Some(Scaling {
                min: min.to_owned(),
                max: max.to_owned(),
                pause_after: self.number(pause)?,
            });
        }
        let secret = format!("{secrets}:secret:rds!{}", spec.identifier);
        self.apply_to_settings(secret, &mut spec.settings)
    }

    fn apply_to_settings(&self, secret: String, settings: &mut Settings) -> Result<(), RdsFault> {
        set(&mut settings.network_type, self.text("NetworkType"));
        set(
            &mut settings.backup_window,
            self.text("PreferredBackupWindow"),
        );
        set(
            &mut settings.maintenance_window,
            self.text("PreferredMaintenanceWindow"),
        );
        set(
            &mut settings.lifecycle_support,
            self.text("EngineLifecycleSupport"),
        );
        set(
            &mut settings.certificate,
            self.text("CACertificateIdentifier"),
        );
        set(
            &mut settings.database_insights,
            self.text("DatabaseInsightsMode"),
        );
        if let Some(exports) = self.texts("EnableCloudwatchLogsExports") {
            settings.log_exports = exports;
        }
        put(
            &mut settings.publicly_accessible,
            self.flag("PubliclyAccessible")?,
        );
        put(
            &mut settings.dedicated_log_volume,
            self.flag("DedicatedLogVolume")?,
        );
        put(
            &mut settings.auto_minor_version_upgrade,
            self.flag("AutoMinorVersionUpgrade")?,
        );
        put(
            &mut settings.backtrack_window,
            self.number("BacktrackWindow")?,
        );
        put(
            &mut settings.monitoring_interval,
            self.number("MonitoringInterval")?,
        );
        let iops = self.number("Iops")?;
        settings.iops = iops.or(settings.iops);
        let throughput = self.number("StorageThroughput")?;
        settings.storage_throughput = throughput.or(settings.storage_throughput);
        let max = self.number("MaxAllocatedStorage")?;
        settings.max_allocated_storage = max.or(settings.max_allocated_storage);
        let tier = self.number("PromotionTier")?;
        settings.promotion_tier = tier.or(settings.promotion_tier);
        if let Some(role) = self.text("MonitoringRoleArn") {
            settings.monitoring_role = Some(role.to_owned());
        }
        match self.flag("EnablePerformanceInsights")? {
            Some(true) => {
                let key = self.text("PerformanceInsightsKMSKeyId");
                settings.performance_insights = Some(PerformanceInsights {
                    key: key.map(ToOwned::to_owned),
                    retention: self
                        .number("PerformanceInsightsRetentionPeriod")?
                        .unwrap_or(7),
                });
            }
            Some(false) => settings.performance_insights = None,
            None => {}
        }
        if self.flag("ManageMasterUserPassword")? == Some(true) {
            let key = self.text("MasterUserSecretKmsKeyId");
            settings.secret = Some(ManagedSecret {
                arn: secret,
                key: key.map(ToOwned::to_owned),
            });
        }
        Ok(())
    }
}

fn set(field: &mut String, value: Option<&str>) {
    if let Some(value) = value {
        value.clone_into(field);
    }
}

fn put<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn invalid(message: String) -> RdsFault {
    RdsFault::InvalidParameterValue(message)
}
