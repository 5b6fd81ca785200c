//! What a caller may say of a database that is made or changed, and how the database takes it.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::RdsFault;
use super::cluster::ClusterSpec;
use super::family::Family;
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

    /// What it makes or changes.
    pub fn family(self) -> Family {
        match self {
            Self::RestoreInstance | Self::CreateMember | Self::ModifyInstance => Family::Instance,
            Self::RestoreCluster | Self::ModifyCluster => Family::Cluster,
        }
    }

    /// The parameter that names what it makes the database of.
    pub fn of_parameter(self) -> Option<&'static str> {
        match self {
            Self::RestoreInstance => Some("DBSnapshotIdentifier"),
            Self::RestoreCluster => Some("SnapshotIdentifier"),
            Self::CreateMember => Some("DBClusterIdentifier"),
            Self::ModifyInstance | Self::ModifyCluster => None,
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

    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, RdsFault> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let number = text.parse().map(Some);
        number.map_err(|_| invalid(format!("{text} is not a valid integer for {name}.")))
    }

    fn put_text(&self, field: &mut String, name: &str) {
        if let Some(value) = self.text(name) {
            value.clone_into(field);
        }
    }

    fn put_texts(&self, field: &mut Vec<String>, name: &str) {
        if let Some(values) = self.texts(name) {
            *field = values;
        }
    }

    fn put_flag(&self, field: &mut bool, name: &str) -> Result<(), RdsFault> {
        *field = self.flag(name)?.unwrap_or(*field);
        Ok(())
    }

    fn put_number<T: FromStr + Copy>(&self, field: &mut T, name: &str) -> Result<(), RdsFault> {
        *field = self.number(name)?.unwrap_or(*field);
        Ok(())
    }

    fn put_some_number<T: FromStr + Copy>(
        &self,
        field: &mut Option<T>,
        name: &str,
    ) -> Result<(), RdsFault> {
        *field = self.number(name)?.or(*field);
        Ok(())
    }

    /// Sets what an instance takes at once, or when a change of it is made. `secrets` is how the ARNs of the
    /// region's secrets begin.
    pub(super) fn apply_to_instance(
        &self,
        spec: &mut InstanceSpec,
        secrets: &str,
    ) -> Result<(), RdsFault> {
        self.put_text(&mut spec.class, "DBInstanceClass");
        self.put_text(&mut spec.license_model, "LicenseModel");
        self.put_text(&mut spec.parameter_group, "DBParameterGroupName");
        self.put_text(&mut spec.option_group, "OptionGroupName");
        self.put_text(&mut spec.storage_type, "StorageType");
        self.put_some_number(&mut spec.port, "Port")?;
        self.put_texts(&mut spec.security_groups, "VpcSecurityGroupIds");
        self.put_flag(&mut spec.multi_az, "MultiAZ")?;
        self.put_flag(
            &mut spec.iam_authentication,
            "EnableIAMDatabaseAuthentication",
        )?;
        self.put_number(&mut spec.backup_retention_days, "BackupRetentionPeriod")?;
        self.put_flag(&mut spec.deletion_protection, "DeletionProtection")?;
        self.put_flag(&mut spec.copy_tags_to_snapshot, "CopyTagsToSnapshot")?;
        let secret = format!("{secrets}:secret:rds!{}", spec.identifier);
        self.apply_to_settings(secret, &mut spec.settings)
    }

    /// The same for a cluster.
    pub(super) fn apply_to_cluster(
        &self,
        spec: &mut ClusterSpec,
        secrets: &str,
    ) -> Result<(), RdsFault> {
        self.put_text(&mut spec.engine_version, "EngineVersion");
        self.put_text(&mut spec.storage_type, "StorageType");
        self.put_text(&mut spec.parameter_group, "DBClusterParameterGroupName");
        self.put_some_number(&mut spec.port, "Port")?;
        self.put_texts(&mut spec.security_groups, "VpcSecurityGroupIds");
        self.put_flag(
            &mut spec.iam_authentication,
            "EnableIAMDatabaseAuthentication",
        )?;
        self.put_number(&mut spec.backup_retention_days, "BackupRetentionPeriod")?;
        self.put_flag(&mut spec.deletion_protection, "DeletionProtection")?;
        self.put_flag(&mut spec.copy_tags_to_snapshot, "CopyTagsToSnapshot")?;
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
        self.put_text(&mut settings.network_type, "NetworkType");
        self.put_text(&mut settings.backup_window, "PreferredBackupWindow");
        self.put_text(
            &mut settings.maintenance_window,
            "PreferredMaintenanceWindow",
        );
        self.put_text(&mut settings.lifecycle_support, "EngineLifecycleSupport");
        self.put_text(&mut settings.certificate, "CACertificateIdentifier");
        self.put_text(&mut settings.database_insights, "DatabaseInsightsMode");
        self.put_texts(&mut settings.log_exports, "EnableCloudwatchLogsExports");
        self.put_flag(&mut settings.publicly_accessible, "PubliclyAccessible")?;
        self.put_flag(&mut settings.dedicated_log_volume, "DedicatedLogVolume")?;
        self.put_flag(
            &mut settings.auto_minor_version_upgrade,
            "AutoMinorVersionUpgrade",
        )?;
        self.put_number(&mut settings.backtrack_window, "BacktrackWindow")?;
        self.put_number(&mut settings.monitoring_interval, "MonitoringInterval")?;
        self.put_some_number(&mut settings.iops, "Iops")?;
        self.put_some_number(&mut settings.storage_throughput, "StorageThroughput")?;
        self.put_some_number(&mut settings.max_allocated_storage, "MaxAllocatedStorage")?;
        self.put_some_number(&mut settings.promotion_tier, "PromotionTier")?;
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

fn invalid(message: String) -> RdsFault {
    RdsFault::InvalidParameterValue(message)
}
