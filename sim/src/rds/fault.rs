//! The errors RDS answers with.

/// An error of the RDS API, with the wire code, status and wording that RDS uses.
///
/// The codes are those of the service model, which drops the suffix `Fault` for most instance
/// operations and keeps it for clusters. Wordings were taken from what users quote in public issue reports where there
/// was such a report; nothing should depend on them but where a variant says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RdsFault {
    /// A parameter's value is not acceptable.
    #[error("{0}")]
    InvalidParameterValue(String),
    /// Parameters that cannot be given together; carries the whole sentence.
    #[error("{0}")]
    InvalidParameterCombination(String),
    /// A required parameter is absent; carries its name.
    #[error("The request must contain the parameter {0}.")]
    MissingParameter(String),
    /// No such instance in this region; carries the identifier asked for.
    #[error("DBInstance {0} not found.")]
    DbInstanceNotFound(String),
    /// No such snapshot in this region; carries the identifier asked for.
    #[error("DBSnapshot {0} not found.")]
    DbSnapshotNotFound(String),
    /// The identifier is taken; carries it.
    #[error(
        "Cannot create the snapshot because a snapshot with the identifier {0} already exists."
    )]
    DbSnapshotAlreadyExists(String),
    /// The instance is busy or stopped; carries its identifier.
    #[error(
        "Cannot create a snapshot because the database instance {0} is not currently in the \
         available state."
    )]
    InvalidDbInstanceState(String),
    /// The snapshot's state forbids what was asked; carries the whole sentence.
    #[error("{0}")]
    InvalidDbSnapshotState(String),
    /// No such cluster in this region; carries the identifier asked for.
    #[error("DBCluster {0} not found.")]
    DbClusterNotFound(String),
    /// No such cluster snapshot in this region; carries the identifier asked for.
    #[error("DBClusterSnapshot {0} not found.")]
    DbClusterSnapshotNotFound(String),
    /// The identifier is taken; carries it.
    #[error(
        "Cannot create the cluster snapshot because one with the identifier {0} already exists."
    )]
    DbClusterSnapshotAlreadyExists(String),
    /// The cluster is busy or stopped; carries its identifier.
    #[error("Cluster {0} is not in the available state.")]
    InvalidDbClusterState(String),
    /// The cluster snapshot's state forbids what was asked; carries the whole sentence.
    #[error("{0}")]
    InvalidDbClusterSnapshotState(String),
    /// Manual snapshots of the region: all places are taken. Carries the quota.
    #[error("Cannot create more than {0} manual snapshots")]
    ManualSnapshotQuota(usize),
    /// Copies in flight to this region: all places are taken. Carries the limit.
    ///
    /// Same wire code as [`RdsFault::ManualSnapshotQuota`]; only the wording differs.
    #[error("Cannot copy more than {0} snapshots across regions")]
    CopiesInFlightQuota(usize),
    /// No such option group in this region; carries its name.
    #[error("Specified OptionGroupName: {0} not found.")]
    OptionGroupNotFound(String),
    /// A snapshot is shared with too many accounts already. Carries the limit.
    #[error("A snapshot cannot be shared with more than {0} accounts.")]
    SharedSnapshotQuota(usize),
    /// The key is unknown here, disabled, or of another region. Carries the whole sentence.
    #[error("{0}")]
    KmsKeyNotAccessible(String),
    /// A refusal that no other part of the model must tell from others.
    #[error("{message}")]
    Other {
        /// The `Code` of the answer.
        code: &'static str,
        /// The HTTP status of the answer.
        status: u16,
        /// The whole sentence.
        message: String,
    },
}

impl RdsFault {
    pub(super) fn other(code: &'static str, status: u16, message: String) -> Self {
        Self::Other {
            code,
            status,
            message,
        }
    }

    /// The `Code` of the answer.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidParameterValue(_) => "InvalidParameterValue",
            Self::InvalidParameterCombination(_) => "InvalidParameterCombination",
            Self::MissingParameter(_) => "MissingParameter",
            Self::DbInstanceNotFound(_) => "DBInstanceNotFound",
            Self::DbSnapshotNotFound(_) => "DBSnapshotNotFound",
            Self::DbSnapshotAlreadyExists(_) => "DBSnapshotAlreadyExists",
            Self::InvalidDbInstanceState(_) => "InvalidDBInstanceState",
            Self::InvalidDbSnapshotState(_) => "InvalidDBSnapshotState",
            Self::DbClusterNotFound(_) => "DBClusterNotFoundFault",
            Self::DbClusterSnapshotNotFound(_) => "DBClusterSnapshotNotFoundFault",
            Self::DbClusterSnapshotAlreadyExists(_) => "DBClusterSnapshotAlreadyExistsFault",
            Self::InvalidDbClusterState(_) => "InvalidDBClusterStateFault",
            Self::InvalidDbClusterSnapshotState(_) => "InvalidDBClusterSnapshotStateFault",
            Self::ManualSnapshotQuota(_) | Self::CopiesInFlightQuota(_) => "SnapshotQuotaExceeded",
            Self::OptionGroupNotFound(_) => "OptionGroupNotFoundFault",
            Self::SharedSnapshotQuota(_) => "SharedSnapshotQuotaExceeded",
            Self::KmsKeyNotAccessible(_) => "KMSKeyNotAccessibleFault",
            Self::Other { code, .. } => code,
        }
    }

    /// The HTTP status of the answer.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::DbInstanceNotFound(_)
            | Self::DbSnapshotNotFound(_)
            | Self::DbClusterNotFound(_)
            | Self::DbClusterSnapshotNotFound(_)
            | Self::OptionGroupNotFound(_) => 404,
            Self::Other { status, .. } => *status,
            _ => 400,
        }
    }
}
