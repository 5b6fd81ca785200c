//! DB clusters: Aurora's, and Multi-AZ DB clusters.

use jiff::Timestamp;

use super::encryption::StorageEncryption;
use super::engine;
use super::instance::{InstanceSpec, InstanceStatus};
use super::names::Region;
use super::region_groups::default_parameter_group;
use super::settings::{Life, Settings};
use super::tags::Tags;

/// A cluster as an operator asks for it, with its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSpec {
    /// DBClusterIdentifier.
    pub identifier: String,
    /// Engine, such as `aurora-postgresql`; `postgres` and `mysql` for a Multi-AZ DB cluster.
    pub engine: String,
    /// EngineVersion.
    pub engine_version: String,
    /// DBClusterInstanceClass: only a Multi-AZ DB cluster has one.
    pub instance_class: Option<String>,
    /// AllocatedStorage in GiB: 1 for Aurora, which grows by itself.
    pub allocated_storage: u32,
    /// StorageType.
    pub storage_type: String,
    /// The key it is encrypted under, in any form KMS takes; `None` for an unencrypted one.
    pub kms_key: Option<String>,
    /// Whether it is encrypted under a key that AWS owns; without effect beside `kms_key`.
    pub aws_owned_key: bool,
    /// GlobalClusterIdentifier: the Aurora global database that it belongs to.
    pub global_cluster: Option<String>,
    /// ReplicationSourceIdentifier: the ARN of the cluster that it replicates. None of its members writes then.
    pub replication_source: Option<String>,
    /// CloneGroupId.
    pub clone_group: Option<String>,
    /// The directory of the domain that it is a member of.
    pub domain: Option<String>,
    /// Whether it is an Aurora Limitless Database.
    pub is_limitless: bool,
    /// Its tags. Some may begin with `aws:`.
    pub tags: Tags,
    /// CopyTagsToSnapshot.
    pub copy_tags_to_snapshot: bool,
    /// MultiAZ.
    pub multi_az: bool,
    /// The identifiers of its members, which become instances; the first one is the writer.
    pub members: Vec<String>,
    /// DBClusterParameterGroup.
    pub parameter_group: String,
    /// DBSubnetGroup: its name.
    pub subnet_group: String,
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
    /// The settings that nothing here depends on.
    pub settings: Settings,
}

impl ClusterSpec {
    /// An unencrypted Aurora PostgreSQL cluster with a writer and a reader, without tags.
    pub fn aurora(identifier: impl Into<String>) -> Self {
        let identifier = identifier.into();
        Self {
            members: vec![format!("{identifier}-1"), format!("{identifier}-2")],
            identifier,
            engine: "aurora-postgresql".to_owned(),
            engine_version: "16.9".to_owned(),
            instance_class: None,
            allocated_storage: 1,
            storage_type: "aurora".to_owned(),
            kms_key: None,
            aws_owned_key: false,
            global_cluster: None,
            replication_source: None,
            clone_group: None,
            domain: None,
            is_limitless: false,
            tags: Tags::default(),
            copy_tags_to_snapshot: false,
            multi_az: true,
            parameter_group: "default.aurora-postgresql16".to_owned(),
            subnet_group: "private".to_owned(),
            vpc_id: "vpc-0a1b2c3d".to_owned(),
            security_groups: vec!["sg-0a1b2c3d".to_owned()],
            port: None,
            master_username: "operator".to_owned(),
            iam_authentication: false,
            backup_retention_days: 7,
            deletion_protection: true,
            settings: Settings::default(),
        }
    }

    /// An unencrypted Multi-AZ DB cluster of PostgreSQL with its three members, without tags.
    pub fn multi_az(identifier: impl Into<String>) -> Self {
        let aurora = Self::aurora(identifier);
        let member = |number| format!("{}-instance-{number}", aurora.identifier);
        Self {
            members: (1..=3).map(member).collect(),
            engine: "postgres".to_owned(),
            engine_version: "17.6".to_owned(),
            instance_class: Some("db.m6gd.large".to_owned()),
            allocated_storage: 100,
            storage_type: "io1".to_owned(),
            parameter_group: "default.postgres17".to_owned(),
            ..aurora
        }
    }

    /// A cluster of Amazon DocumentDB, which RDS lists among its own.
    pub fn docdb(identifier: impl Into<String>) -> Self {
        Self {
            engine: "docdb".to_owned(),
            engine_version: "5.0.0".to_owned(),
            storage_type: "standard".to_owned(),
            parameter_group: "default.docdb5.0".to_owned(),
            ..Self::aurora(identifier)
        }
    }

    /// A cluster of Amazon Neptune, which RDS lists among its own.
    pub fn neptune(identifier: impl Into<String>) -> Self {
        Self {
            engine: "neptune".to_owned(),
            engine_version: "1.4.5.0".to_owned(),
            storage_type: "standard".to_owned(),
            parameter_group: "default.neptune1.4".to_owned(),
            ..Self::aurora(identifier)
        }
    }

    /// Its member of that identifier, as an instance.
    pub(super) fn member(&self, identifier: &str) -> InstanceSpec {
        InstanceSpec {
            engine: self.engine.clone(),
            engine_version: self.engine_version.clone(),
            class: self
                .instance_class
                .clone()
                .unwrap_or_else(|| "db.r7g.large".to_owned()),
            allocated_storage: self.allocated_storage,
            storage_type: self.storage_type.clone(),
            kms_key: self.kms_key.clone(),
            aws_owned_key: self.aws_owned_key,
            cluster: Some(self.identifier.clone()),
            option_group: engine::default_option_group(&self.engine, &self.engine_version),
            parameter_group: default_parameter_group(&self.engine, &self.engine_version),
            settings: Settings {
                promotion_tier: Some(1),
                ..Settings::default()
            },
            subnet_group: self.subnet_group.clone(),
            vpc_id: self.vpc_id.clone(),
            security_groups: self.security_groups.clone(),
            port: self.port,
            master_username: self.master_username.clone(),
            iam_authentication: self.iam_authentication,
            backup_retention_days: self.backup_retention_days,
            deletion_protection: self.deletion_protection,
            ..InstanceSpec::postgres(identifier)
        }
    }
}

/// A cluster as it is: the truth, and also what describe answers show.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// What was asked for; identifiers in lower case, the key resolved to its ARN.
    pub spec: ClusterSpec,
    /// DBClusterArn.
    pub arn: String,
    /// DbClusterResourceId: stays the same when the cluster is renamed.
    pub resource_id: String,
    /// Where it lives.
    pub region: Region,
    /// Status. Clusters share these words with instances.
    pub status: InstanceStatus,
    /// ClusterCreateTime.
    pub created: Timestamp,
    /// What happens to it.
    pub life: Life,
}

impl Cluster {
    /// The zones its storage is in.
    pub fn availability_zones(&self) -> Vec<String> {
        availability_zones(&self.region)
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

    /// Whether it is a secondary cluster of an Aurora global database.
    pub fn is_global_secondary(&self) -> bool {
        self.spec.global_cluster.is_some() && self.spec.replication_source.is_some()
    }

    /// The name that clients who write connect to.
    pub fn address(&self) -> String {
        format!(
            "{}.cluster-c0ffee.{}.rds.amazonaws.com",
            self.spec.identifier, self.region
        )
    }

    /// The name that clients who only read connect to.
    pub fn reader_address(&self) -> String {
        format!(
            "{}.cluster-ro-c0ffee.{}.rds.amazonaws.com",
            self.spec.identifier, self.region
        )
    }

    /// Whether it is a Multi-AZ DB cluster: a cluster whose engine is not Aurora.
    pub fn is_multi_az_cluster(&self) -> bool {
        is_multi_az_cluster(&self.spec.engine)
    }
}

/// The three zones of a region that a cluster's storage spans.
pub fn availability_zones(region: &Region) -> Vec<String> {
    ["a", "b", "c"].map(|zone| format!("{region}{zone}")).into()
}

/// Of the clusters, RDS's own engines are those of Multi-AZ DB clusters.
pub(super) fn is_multi_az_cluster(engine: &str) -> bool {
    matches!(engine, "mysql" | "postgres")
}
