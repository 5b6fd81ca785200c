//! The database that a snapshot is to be taken of.

use super::RdsFault;
use super::cluster::Cluster;
use super::family::Family;
use super::instance::{Instance, InstanceStatus};
use super::region::RegionState;
use super::snapshot::SourceInstance;
use super::tags::Tags;

/// A database that a snapshot is to be taken of.
pub(super) struct Subject {
    pub(super) source: SourceInstance,
    status: InstanceStatus,
    is_member: bool,
    is_sqlserver_replica: bool,
    pub(super) aws_owned_key: bool,
    /// How many days an automated snapshot is kept.
    pub(super) retention_days: u16,
    pub(super) kms_key: Option<String>,
    /// What a snapshot without tags of its own gets, if it gets any.
    pub(super) inheritable_tags: Option<Tags>,
}

impl Subject {
    pub(super) fn find(state: &RegionState, family: Family, asked: &str) -> Result<Self, RdsFault> {
        let identifier = asked.to_ascii_lowercase();
        let found = match family {
            Family::Instance => state.instances.get(&identifier).map(|instance| {
                let mut subject = Self::of_instance(instance);
                subject.source.persistent_options =
                    state.persistent_options(&instance.spec.option_group);
                subject
            }),
            Family::Cluster => state.clusters.get(&identifier).map(Self::of_cluster),
        };
        found.ok_or_else(|| family.database_not_found(asked))
    }

    fn of_instance(instance: &Instance) -> Self {
        let spec = &instance.spec;
        Self {
            source: SourceInstance::of(instance),
            status: instance.status,
            is_member: spec.cluster.is_some(),
            is_sqlserver_replica: instance.is_sqlserver_replica(),
            aws_owned_key: spec.aws_owned_key,
            retention_days: spec.backup_retention_days,
            kms_key: spec.kms_key.clone(),
            inheritable_tags: spec.copy_tags_to_snapshot.then(|| spec.tags.inheritable()),
        }
    }

    fn of_cluster(cluster: &Cluster) -> Self {
        let spec = &cluster.spec;
        Self {
            source: SourceInstance::of_cluster(cluster),
            status: cluster.status,
            is_member: false,
            is_sqlserver_replica: false,
            aws_owned_key: spec.aws_owned_key,
            retention_days: spec.backup_retention_days,
            kms_key: spec.kms_key.clone(),
            inheritable_tags: spec.copy_tags_to_snapshot.then(|| spec.tags.inheritable()),
        }
    }

    pub(super) fn lets_a_snapshot_begin(&self, family: Family) -> Result<(), RdsFault> {
        if self.is_member {
            return Err(invalid(
                "The specified instance is a member of a cluster and a snapshot cannot be created \
                 directly. Please use the CreateDBClusterSnapshot API instead."
                    .to_owned(),
            ));
        }
        // RDS User Guide, Differences between read replicas. The wording is ours.
        if self.is_sqlserver_replica {
            return Err(invalid(format!(
                "Snapshots of {}, a read replica of SQL Server, are not supported.",
                self.source.identifier
            )));
        }
        if self.status.lets_a_snapshot_begin() {
            Ok(())
        } else {
            Err(family.invalid_database_state(&self.source.identifier))
        }
    }
}

fn invalid(message: String) -> RdsFault {
    RdsFault::InvalidParameterValue(message)
}
