//! The two families of snapshots: those of DB instances, and those of DB clusters.
//!
//! Each has its own names, its own quota and its own operations. What they share is how they
//! come about, so that the model says it once and asks the family for the words.

use super::RdsFault;
use super::names::{CLUSTER_SNAPSHOT_NAME_MAX, SNAPSHOT_NAME_MAX};

/// What kind of database a snapshot is of. An instance and a cluster may have the same
/// identifier, and so may their snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// A DB instance.
    Instance,
    /// A DB cluster: Aurora's, or a Multi-AZ DB cluster.
    Cluster,
}

impl Family {
    /// The word in a snapshot's ARN.
    pub fn snapshot_kind(self) -> &'static str {
        match self {
            Self::Instance => "snapshot",
            Self::Cluster => "cluster-snapshot",
        }
    }

    /// The word in the database's ARN.
    pub fn database_kind(self) -> &'static str {
        match self {
            Self::Instance => "db",
            Self::Cluster => "cluster",
        }
    }

    /// The parameter that names the database.
    pub fn database_parameter(self) -> &'static str {
        match self {
            Self::Instance => "DBInstanceIdentifier",
            Self::Cluster => "DBClusterIdentifier",
        }
    }

    pub(super) fn name_max(self) -> usize {
        match self {
            Self::Instance => SNAPSHOT_NAME_MAX,
            Self::Cluster => CLUSTER_SNAPSHOT_NAME_MAX,
        }
    }

    /// The parameter that names a new snapshot.
    pub(super) fn name_parameter(self) -> &'static str {
        match self {
            Self::Instance => "DBSnapshotIdentifier",
            Self::Cluster => "DBClusterSnapshotIdentifier",
        }
    }

    pub(super) fn snapshot_not_found(self, name: &str) -> RdsFault {
        match self {
            Self::Instance => RdsFault::DbSnapshotNotFound(name.to_owned()),
            Self::Cluster => RdsFault::DbClusterSnapshotNotFound(name.to_owned()),
        }
    }

    pub(super) fn snapshot_exists(self, name: &str) -> RdsFault {
        match self {
            Self::Instance => RdsFault::DbSnapshotAlreadyExists(name.to_owned()),
            Self::Cluster => RdsFault::DbClusterSnapshotAlreadyExists(name.to_owned()),
        }
    }

    pub(super) fn database_not_found(self, name: &str) -> RdsFault {
        match self {
            Self::Instance => RdsFault::DbInstanceNotFound(name.to_owned()),
            Self::Cluster => RdsFault::DbClusterNotFound(name.to_owned()),
        }
    }

    pub(super) fn invalid_database_state(self, name: &str) -> RdsFault {
        match self {
            Self::Instance => RdsFault::InvalidDbInstanceState(name.to_owned()),
            Self::Cluster => RdsFault::InvalidDbClusterState(name.to_owned()),
        }
    }

    pub(super) fn invalid_snapshot_state(self, sentence: String) -> RdsFault {
        match self {
            Self::Instance => RdsFault::InvalidDbSnapshotState(sentence),
            Self::Cluster => RdsFault::InvalidDbClusterSnapshotState(sentence),
        }
    }
}
