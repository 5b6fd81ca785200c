//! Settings of databases that nothing in the model depends on, but that a restore must bring back.

/// Settings of an instance or a cluster. Not every kind of database has all of them. The default is what RDS does when a
/// call leaves all of them out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// EnabledCloudwatchLogsExports.
    pub log_exports: Vec<String>,
    /// PreferredBackupWindow.
    pub backup_window: String,
    /// PreferredMaintenanceWindow.
    pub maintenance_window: String,
    /// AutoMinorVersionUpgrade.
    pub auto_minor_version_upgrade: bool,
    /// EngineLifecycleSupport.
    pub lifecycle_support: String,
    /// NetworkType.
    pub network_type: String,
    /// MonitoringInterval, in seconds.
    pub monitoring_interval: u32,
    /// MonitoringRoleArn.
    pub monitoring_role: Option<String>,
    /// Performance Insights, if it is on.
    pub performance_insights: Option<PerformanceInsights>,
    /// DatabaseInsightsMode.
    pub database_insights: String,
    /// MasterUserSecret, if RDS manages the password.
    pub secret: Option<ManagedSecret>,
    /// AssociatedRoles.
    pub roles: Vec<AssociatedRole>,
    /// CACertificateIdentifier, of instances.
    pub certificate: String,
    /// PubliclyAccessible, of instances.
    pub publicly_accessible: bool,
    /// MaxAllocatedStorage, of instances.
    pub max_allocated_storage: Option<u32>,
    /// Iops, of instances.
    pub iops: Option<u32>,
    /// StorageThroughput, of instances.
    pub storage_throughput: Option<u32>,
    /// DedicatedLogVolume, of instances.
    pub dedicated_log_volume: bool,
    /// PromotionTier, of members.
    pub promotion_tier: Option<u32>,
    /// ServerlessV2ScalingConfiguration, of clusters.
    pub scaling: Option<Scaling>,
    /// BacktrackWindow, of clusters.
    pub backtrack_window: u32,
    /// HttpEndpointEnabled, of clusters.
    pub http_endpoint: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log_exports: Vec::new(),
            backup_window: "04:12-04:42".to_owned(),
            maintenance_window: "tue:05:03-tue:05:33".to_owned(),
            auto_minor_version_upgrade: true,
            lifecycle_support: "open-source-rds-extended-support".to_owned(),
            network_type: "IPV4".to_owned(),
            monitoring_interval: 0,
            monitoring_role: None,
            performance_insights: None,
            database_insights: "standard".to_owned(),
            secret: None,
            roles: Vec::new(),
            certificate: "rds-ca-rsa2048-g1".to_owned(),
            publicly_accessible: false,
            max_allocated_storage: None,
            iops: None,
            storage_throughput: None,
            dedicated_log_volume: false,
            promotion_tier: None,
            scaling: None,
            backtrack_window: 0,
            http_endpoint: false,
        }
    }
}

/// Performance Insights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerformanceInsights {
    /// Its key, an ARN. Without one it is AWS's.
    pub key: Option<String>,
    /// For how many days it keeps what it sees.
    pub retention: u32,
}

/// A secret that RDS manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedSecret {
    /// SecretArn.
    pub arn: String,
    /// KmsKeyId, if it is not AWS's.
    pub key: Option<String>,
}

/// A role that a database may take on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssociatedRole {
    /// RoleArn.
    pub arn: String,
    /// FeatureName.
    pub feature: String,
    /// Whether it is `ACTIVE`, and not `PENDING`.
    pub is_active: bool,
}

/// The capacity of an Aurora cluster's serverless members, in RDS's own spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// MinCapacity.
    pub min: String,
    /// MaxCapacity.
    pub max: String,
    /// SecondsUntilAutoPause.
    pub pause_after: Option<u32>,
}

/// What happens to a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// The ARN of the snapshot that it was restored from.
    pub restored_from: Option<String>,
    /// What a change sets that is not in force yet.
    pub pending: Option<super::Parameters>,
    /// Whether its parameter group is in force only after a restart.
    pub needs_reboot: bool,
    /// Whether it has no endpoint yet.
    pub has_no_endpoint: bool,
    /// Since when, and until when, RDS loads its storage from the snapshot.
    pub loads: Option<(jiff::Timestamp, jiff::Timestamp)>,
    /// How much of that is done, in percent; only in answers.
    pub loaded: Option<u8>,
}

impl Life {
    /// The same as an answer at `now` shows it.
    pub(super) fn shown(&self, now: jiff::Timestamp) -> Self {
        let loaded = self.loads.filter(|(_, until)| now < *until);
        let percent = |(since, until): (jiff::Timestamp, jiff::Timestamp)| {
            let whole = until.duration_since(since).as_millis().max(1);
            let done = now.duration_since(since).as_millis();
            u8::try_from((done * 100 / whole).clamp(0, 99)).unwrap_or(99)
        };
        Self {
            loaded: loaded.map(percent),
            ..self.clone()
        }
    }
}
