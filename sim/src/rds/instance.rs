//! DB instances: what an operator puts there and what describe answers show of it.

use jiff::Timestamp;

use super::encryption::StorageEncryption;
use super::engine;
use super::names::Region;
use super::settings::{Life, Settings};
use super::tags::Tags;

/// 2025-01-01T00:00:00Z: when instances were created, unless their spec says otherwise.
pub(super) const LONG_AGO: Timestamp = Timestamp::constant(1_735_689_600, 0);

/// The BackupTarget of most instances.
pub(super) const IN_THE_REGION: &str = "region";

/// An instance as an operator asks for it. [`InstanceSpec::postgres`] has sensible values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSpec {
    /// DBInstanceIdentifier.
    pub identifier: String,
    /// Engine, such as `postgres`.
    pub engine: String,
    /// EngineVersion.
    pub engine_version: String,
    /// LicenseModel.
    pub license_model: String,
    /// DBInstanceClass.
    pub class: String,
    /// AllocatedStorage, in GiB.
    pub allocated_storage: u32,
    /// StorageType.
    pub storage_type: String,
    /// The key it is encrypted under, in any form KMS takes; `None` for an unencrypted one.
    pub kms_key: Option<String>,
    /// Whether it is encrypted under a key that AWS owns; without effect beside `kms_key`.
    pub aws_owned_key: bool,
    /// ReadReplicaSourceDBInstanceIdentifier: of which instance it is a read replica. A name of its own region, or an ARN.
    pub replica_of: Option<String>,
    /// BackupTarget: `region`, `outposts` or `local`.
    pub backup_target: String,
    /// Timezone, which only some engines have.
    pub timezone: Option<String>,
    /// The directory of the domain that it is a member of.
    pub domain: Option<String>,
    /// Its tags. Some may begin with `aws:`.
    pub tags: Tags,
    /// CopyTagsToSnapshot.
    pub copy_tags_to_snapshot: bool,
    /// MultiAZ.
    pub multi_az: bool,
    /// DBClusterIdentifier, for a member of a cluster.
    pub cluster: Option<String>,
    /// The name of its option group.
    pub option_group: String,
    /// The name of its parameter group.
    pub parameter_group: String,
    /// The name of its subnet group.
    pub subnet_group: String,
    /// The subnets of that group.
    pub subnets: Vec<String>,
    /// The VPC of that group.
    pub vpc_id: String,
    /// VPC security group ids.
    pub security_groups: Vec<String>,
    /// The port it listens on; `None` for that of its engine.
    pub port: Option<u16>,
    /// MasterUsername.
    pub master_username: String,
    /// IAMDatabaseAuthenticationEnabled.
    pub iam_authentication: bool,
    /// BackupRetentionPeriod, in days.
    pub backup_retention_days: u16,
    /// DeletionProtection.
    pub deletion_protection: bool,
    /// InstanceCreateTime.
    pub created: Timestamp,
    /// The settings that nothing here depends on.
    pub settings: Settings,
}

impl InstanceSpec {
    /// An unencrypted PostgreSQL instance of 100 GiB without tags.
    pub fn postgres(identifier: impl Into<String>) -> Self {
        Self {
            identifier: identifier.into(),
            engine: "postgres".to_owned(),
            engine_version: "17.6".to_owned(),
            license_model: "postgresql-license".to_owned(),
            class: "db.m7g.large".to_owned(),
            allocated_storage: 100,
            storage_type: "gp3".to_owned(),
            kms_key: None,
            aws_owned_key: false,
            replica_of: None,
            backup_target: IN_THE_REGION.to_owned(),
            timezone: None,
            domain: None,
            tags: Tags::default(),
            copy_tags_to_snapshot: false,
            multi_az: false,
            cluster: None,
            option_group: "default:postgres-17".to_owned(),
            parameter_group: "default.postgres17".to_owned(),
            subnet_group: "private".to_owned(),
            subnets: vec!["subnet-0a1".to_owned(), "subnet-0b2".to_owned()],
            vpc_id: "vpc-0a1b2c3d".to_owned(),
            security_groups: vec!["sg-0a1b2c3d".to_owned()],
            port: None,
            master_username: "operator".to_owned(),
            iam_authentication: false,
            backup_retention_days: 7,
            deletion_protection: true,
            created: LONG_AGO,
            settings: Settings::default(),
        }
    }
}

/// The states of an instance that matter here; RDS has more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceStatus {
    /// Snapshots may be taken.
    Available,
    /// Its storage is being optimized; snapshots may be taken (since 2024).
    StorageOptimization,
    /// A snapshot is being taken.
    BackingUp,
    /// It is being changed.
    Modifying,
    /// It is being made.
    Creating,
    /// It is being restarted.
    Rebooting,
    /// Its password is being changed.
    ResettingMasterCredentials,
    /// It is being started.
    Starting,
    /// It is being stopped.
    Stopping,
    /// It is stopped.
    Stopped,
    /// It has failed, and RDS cannot bring it back.
    Failed,
    /// It cannot start with its parameters.
    IncompatibleParameters,
    /// Its network does not let it live.
    IncompatibleNetwork,
    /// It could not be restored.
    IncompatibleRestore,
    /// It cannot have the options of its group.
    IncompatibleOptionGroup,
    /// Its zone has no capacity for it.
    InsufficientCapacity,
    /// Its key cannot be reached, and it can be brought back when it can.
    InaccessibleEncryptionCredentialsRecoverable,
    /// Its key cannot be reached.
    InaccessibleEncryptionCredentials,
    /// It is going away.
    Deleting,
}

impl InstanceStatus {
    /// DBInstanceStatus.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::StorageOptimization => "storage-optimization",
            Self::BackingUp => "backing-up",
            Self::Modifying => "modifying",
            Self::Creating => "creating",
            Self::Rebooting => "rebooting",
            Self::ResettingMasterCredentials => "resetting-master-credentials",
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::IncompatibleParameters => "incompatible-parameters",
            Self::IncompatibleNetwork => "incompatible-network",
            Self::IncompatibleRestore => "incompatible-restore",
            Self::IncompatibleOptionGroup => "incompatible-option-group",
            Self::InsufficientCapacity => "insufficient-capacity",
            Self::InaccessibleEncryptionCredentialsRecoverable => {
                "inaccessible-encryption-credentials-recoverable"
            }
            Self::InaccessibleEncryptionCredentials => "inaccessible-encryption-credentials",
            Self::Deleting => "deleting",
        }
    }

    pub(super) fn lets_a_snapshot_begin(self) -> bool {
        matches!(self, Self::Available | Self::StorageOptimization)
    }
}

/// An instance as it is: the truth, and also what describe answers show.
#[derive(Clone, Debug)]
pub struct Instance {
    /// What was asked for; the identifier in lower case, the key resolved to its ARN.
    pub spec: InstanceSpec,
    /// DBInstanceArn.
    pub arn: String,
    /// DbiResourceId: stays the same when the instance is renamed.
    pub resource_id: String,
    /// Where it lives.
    pub region: Region,
    /// DBInstanceStatus.
    pub status: InstanceStatus,
    /// ReadReplicaDBInstanceIdentifiers: its read replicas in its own region.
    pub replicas: Vec<String>,
    /// What happens to it.
    pub life: Life,
}

impl Instance {
    /// The zone of the (first) instance.
    pub fn availability_zone(&self) -> String {
        format!("{}a", self.region)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.spec
            .port
            .unwrap_or_else(|| engine::port(&self.spec.engine))
    }

    /// How its storage is encrypted.
    pub fn encryption(&self) -> StorageEncryption {
        StorageEncryption::of(self.spec.kms_key.as_deref(), self.spec.aws_owned_key)
    }

    /// Whether it is a read replica of SQL Server: RDS takes no snapshot of those.
    pub(super) fn is_sqlserver_replica(&self) -> bool {
        self.spec.replica_of.is_some() && self.spec.engine.starts_with("sqlserver")
    }

    /// The name clients connect to.
    pub fn address(&self) -> String {
        format!(
            "{}.c0ffee.{}.rds.amazonaws.com",
            self.spec.identifier, self.region
        )
    }
}
