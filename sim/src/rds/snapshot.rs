//! Snapshots: their stages, and what they show at a given moment.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::agenda::SnapshotKey;
use super::cluster::{Cluster, is_multi_az_cluster};
use super::encryption::StorageEncryption;
use super::engine;
use super::family::Family;
use super::instance::{IN_THE_REGION, Instance};
use super::names::Region;
use super::planned_outcome::PlannedOutcome;
use super::tags::Tags;

/// Where a snapshot is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A copy from another region that RDS has not begun yet.
    Pending,
    /// Being taken from its instance, or queued to be copied.
    Creating,
    /// Being copied.
    Copying,
    /// Good.
    Available,
    /// Bad, for ever.
    Failed,
    /// Going away.
    Deleting,
    /// Only in the answer of DeleteDBSnapshot: describe answers show it as going away until it is gone.
    Deleted,
}

impl Stage {
    /// Status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Creating => "creating",
            Self::Copying => "copying",
            Self::Available => "available",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
        }
    }

    /// Whether work is still going on that makes the snapshot.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Pending | Self::Creating | Self::Copying)
    }
}

/// Who made a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotType {
    /// A caller, by CreateDBSnapshot or CopyDBSnapshot.
    Manual,
    /// RDS itself, which also removes it.
    Automated,
    /// AWS Backup, which alone removes it.
    AwsBackup,
}

impl SnapshotType {
    /// SnapshotType.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Automated => "automated",
            Self::AwsBackup => "awsbackup",
        }
    }
}

/// Where a snapshot's data comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Taken from an instance of the same region.
    Taken,
    /// Copied from another snapshot.
    Copied(CopySource),
}

/// The snapshot that a copy was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySource {
    /// Its ARN.
    pub arn: String,
    /// Its region.
    pub region: Region,
    /// Its identifier.
    pub name: String,
    /// Which snapshot of that name it was.
    pub(super) serial: u64,
    /// Whether that region is another one than the copy's.
    pub across_regions: bool,
}

impl CopySource {
    pub(super) fn key(&self, family: Family) -> SnapshotKey {
        SnapshotKey {
            family,
            region: self.region.clone(),
            name: self.name.clone(),
            serial: self.serial,
        }
    }
}

/// What a snapshot keeps of its instance or cluster, as it was then. Copies share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInstance {
    /// DBInstanceIdentifier or DBClusterIdentifier.
    pub identifier: String,
    /// DbiResourceId or DbClusterResourceId.
    pub resource_id: String,
    /// Engine.
    pub engine: String,
    /// EngineVersion.
    pub engine_version: String,
    /// LicenseModel.
    pub license_model: String,
    /// DBInstanceClass, which RDS knows although it does not show it; empty for a cluster.
    pub class: String,
    /// BackupRetentionPeriod, in days.
    pub backup_retention_days: u16,
    /// AllocatedStorage, in GiB.
    pub allocated_storage: u32,
    /// StorageType.
    pub storage_type: String,
    /// AvailabilityZone; for a cluster, its first.
    pub availability_zone: String,
    /// VpcId.
    pub vpc_id: String,
    /// Port.
    pub port: u16,
    /// MasterUsername.
    pub master_username: String,
    /// OptionGroupName; empty for a cluster.
    pub option_group: String,
    /// The options of that group that a copy cannot do without.
    pub persistent_options: Vec<String>,
    /// Timezone.
    pub timezone: Option<String>,
    /// SnapshotTarget: where its backups are kept.
    pub backup_target: String,
    /// IAMDatabaseAuthenticationEnabled.
    pub iam_authentication: bool,
    /// InstanceCreateTime or ClusterCreateTime.
    pub created: Timestamp,
}

impl SourceInstance {
    /// What a snapshot of this instance would keep.
    pub fn of(instance: &Instance) -> Self {
        let spec = &instance.spec;
        Self {
            identifier: spec.identifier.clone(),
            resource_id: instance.resource_id.clone(),
            engine: spec.engine.clone(),
            engine_version: spec.engine_version.clone(),
            license_model: spec.license_model.clone(),
            class: spec.class.clone(),
            backup_retention_days: spec.backup_retention_days,
            allocated_storage: spec.allocated_storage,
            storage_type: spec.storage_type.clone(),
            availability_zone: instance.availability_zone(),
            vpc_id: spec.vpc_id.clone(),
            port: instance.port(),
            master_username: spec.master_username.clone(),
            option_group: spec.option_group.clone(),
            persistent_options: Vec::new(),
            timezone: spec.timezone.clone(),
            backup_target: spec.backup_target.clone(),
            iam_authentication: spec.iam_authentication,
            created: spec.created,
        }
    }

    /// What a snapshot of this cluster would keep.
    pub fn of_cluster(cluster: &Cluster) -> Self {
        let spec = &cluster.spec;
        Self {
            identifier: spec.identifier.clone(),
            resource_id: cluster.resource_id.clone(),
            engine: spec.engine.clone(),
            engine_version: spec.engine_version.clone(),
            license_model: engine::license_of_cluster(&spec.engine).to_owned(),
            class: String::new(),
            backup_retention_days: spec.backup_retention_days,
            allocated_storage: spec.allocated_storage,
            storage_type: spec.storage_type.clone(),
            availability_zone: format!("{}a", cluster.region),
            vpc_id: spec.vpc_id.clone(),
            port: cluster.port(),
            master_username: spec.master_username.clone(),
            option_group: String::new(),
            persistent_options: Vec::new(),
            timezone: None,
            backup_target: IN_THE_REGION.to_owned(),
            iam_authentication: spec.iam_authentication,
            created: cluster.created,
        }
    }
}

/// A snapshot of an instance or a cluster, as it is.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What it is a snapshot of.
    pub family: Family,
    /// DBSnapshotIdentifier or DBClusterSnapshotIdentifier.
    pub name: String,
    /// DBSnapshotArn or DBClusterSnapshotArn.
    pub arn: String,
    /// SnapshotType.
    pub kind: SnapshotType,
    /// Where its data comes from.
    pub origin: Origin,
    /// The instance or cluster whose data it holds.
    pub instance: Arc<SourceInstance>,
    /// The ARN of its key; `None` when it is not encrypted, or under a key that AWS owns.
    pub kms_key: Option<String>,
    /// Whether it is encrypted under a key that AWS owns; without effect beside `kms_key`.
    pub aws_owned_key: bool,
    /// Its tags now.
    pub tags: Tags,
    /// FullSnapshotSizeInBytes: the same for every copy.
    pub size: u64,
    /// The moment whose data it holds (OriginalSnapshotCreateTime): the same for every copy.
    pub taken_at: Timestamp,
    /// When this very snapshot was begun (SnapshotCreateTime): another for every copy.
    pub begun_at: Timestamp,
    /// The accounts that it is shared with, or `all`: the values of its attribute `restore`.
    pub shared_with: BTreeSet<String>,
    /// Its planned outcome.
    pub planned: PlannedOutcome,
    /// When the work on it is due to end; progress is measured against it.
    pub(super) ends_at: Timestamp,
    /// Tells it from an earlier snapshot of the same name.
    pub(super) serial: u64,
    /// Every stage it has reached, and when.
    pub(super) stages: Vec<(Timestamp, Stage)>,
}

impl Snapshot {
    /// Where it is now, in truth.
    pub fn stage(&self) -> Stage {
        self.stages
            .last()
            .map_or(Stage::Creating, |(_, stage)| *stage)
    }

    /// When it reached the stage it is in.
    pub fn since(&self) -> Timestamp {
        self.stages
            .last()
            .map_or(self.begun_at, |(since, _)| *since)
    }

    /// How it is encrypted.
    pub fn encryption(&self) -> StorageEncryption {
        StorageEncryption::of(self.kms_key.as_deref(), self.aws_owned_key)
    }

    pub(super) fn enter(&mut self, stage: Stage, now: Timestamp) {
        self.stages.push((now, stage));
    }

    /// Whether it is of a Multi-AZ DB cluster, which is never copied to another region.
    pub fn is_of_multi_az_cluster(&self) -> bool {
        self.family == Family::Cluster && is_multi_az_cluster(&self.instance.engine)
    }

    pub(super) fn key(&self, region: &Region) -> SnapshotKey {
        SnapshotKey {
            family: self.family,
            region: region.clone(),
            name: self.name.clone(),
            serial: self.serial,
        }
    }

    /// Whether it takes one of the region's places for copies in flight.
    pub fn is_a_copy_in_flight(&self) -> bool {
        let from_elsewhere = matches!(&self.origin, Origin::Copied(from) if from.across_regions);
        from_elsewhere && self.stage().is_under_way()
    }

    /// What describe shows of it at `now`: the truth of a moment ago if answers lag. `None`
    /// while it is too young to be seen.
    pub fn seen_at(&self, now: Timestamp) -> Option<SnapshotDescription> {
        let moment = now
            .checked_sub(self.planned.describe_lag)
            .unwrap_or(Timestamp::MIN);
        self.described_at(moment)
    }

    /// What there is to show of it as of `moment`; `None` before it was asked for.
    pub(super) fn described_at(&self, moment: Timestamp) -> Option<SnapshotDescription> {
        let reached = |(since, _): &&(Timestamp, Stage)| *since <= moment;
        let (_, stage) = self.stages.iter().rev().find(reached)?;
        let begun = self.begun_at <= moment && *stage != Stage::Pending;
        let of_an_instance = self.family == Family::Instance;
        // An instance's snapshot shows its times when the data is taken or the copying begins. A cluster's shows when it
        // was asked for, from the first answer on.
        let asked_for = self.stages.first().map(|(at, _)| *at);
        let create_time = if of_an_instance {
            begun.then_some(self.begun_at)
        } else {
            asked_for
        };
        let from = match &self.origin {
            Origin::Copied(from) => Some(from),
            Origin::Taken => None,
        };
        Some(SnapshotDescription {
            family: self.family,
            name: self.name.clone(),
            arn: self.arn.clone(),
            kind: self.kind,
            stage: *stage,
            percent_progress: self.progress(*stage, moment),
            create_time,
            original_create_time: (begun && of_an_instance).then_some(self.taken_at),
            source_region: from
                .filter(|_| of_an_instance)
                .map(|from| from.region.clone()),
            source_arn: from.map(|from| from.arn.clone()),
            kms_key: self.kms_key.clone(),
            encryption: self.encryption(),
            is_detailed: *stage != Stage::Pending,
            size: (*stage == Stage::Available && of_an_instance).then_some(self.size),
            instance: Arc::clone(&self.instance),
            tags: self.tags.clone(),
        })
    }

    fn progress(&self, stage: Stage, moment: Timestamp) -> u8 {
        if !stage.is_under_way() {
            return if stage == Stage::Failed { 0 } else { 100 };
        }
        let whole = self
            .ends_at
            .duration_since(self.begun_at)
            .as_millis()
            .max(1);
        let done = moment.duration_since(self.begun_at).as_millis();
        // A snapshot that overruns, because it never ends, stays at 99.
        u8::try_from((done * 100 / whole).clamp(0, 99)).unwrap_or(99)
    }
}

/// A snapshot as a describe answer shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotDescription {
    /// What it is a snapshot of.
    pub family: Family,
    /// DBSnapshotIdentifier or DBClusterSnapshotIdentifier.
    pub name: String,
    /// DBSnapshotArn or DBClusterSnapshotArn.
    pub arn: String,
    /// SnapshotType.
    pub kind: SnapshotType,
    /// Status.
    pub stage: Stage,
    /// PercentProgress.
    pub percent_progress: u8,
    /// SnapshotCreateTime; absent on an instance's until the work has begun.
    pub create_time: Option<Timestamp>,
    /// OriginalSnapshotCreateTime; absent until the work has begun. Cluster snapshots never
    /// show it.
    pub original_create_time: Option<Timestamp>,
    /// SourceRegion; only on copies, and never on cluster snapshots.
    pub source_region: Option<Region>,
    /// SourceDBSnapshotIdentifier, or for clusters SourceDBClusterSnapshotArn: an ARN, only on copies.
    pub source_arn: Option<String>,
    /// KmsKeyId, an ARN.
    pub kms_key: Option<String>,
    /// StorageEncryptionType.
    pub encryption: StorageEncryption,
    /// Whether it shows its option group, VPC, zone and resource id, which a copy that is pending does not.
    pub is_detailed: bool,
    /// FullSnapshotSizeInBytes; absent until it is available. Cluster snapshots never show it.
    pub size: Option<u64>,
    /// What it keeps of its instance or cluster.
    pub instance: Arc<SourceInstance>,
    /// TagList.
    pub tags: Tags,
}
