//! What follows from RDS's refusal of a call that restores or changes a database.

/// What follows from a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RestoreRefusal {
    /// What was asked for may be there: RDS is asked what it shows.
    AlreadyThere,
    /// Time may help: the same call is sent again.
    Later,
    /// A person must fix something. The restore stops, and goes on when it is started again.
    Person,
}

/// Codes that say that it is there.
const ALREADY_THERE: [&str; 4] = [
    "DBInstanceAlreadyExists",
    "DBClusterAlreadyExistsFault",
    "DBInstanceRoleAlreadyExists",
    "DBClusterRoleAlreadyExists",
];

/// Codes that time may turn: a state that changes, capacity that comes free, and a service that answers again.
const LATER: [&str; 12] = [
    "InvalidDBSnapshotState",
    "InvalidDBClusterSnapshotStateFault",
    "InvalidDBInstanceState",
    "InvalidDBClusterStateFault",
    "InvalidResourceStateFault",
    "InsufficientDBInstanceCapacity",
    "InsufficientDBClusterCapacityFault",
    "InsufficientStorageClusterCapacity",
    "ProvisionedIopsNotAvailableInAZFault",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "InternalFailure",
];

/// The code of a call of which RDS itself does not know whether it took effect.
const NO_ANSWER: &str = "InternalFailure";

impl RestoreRefusal {
    /// Whether RDS has answered: an error code says that this try of the call has no effect. An earlier try of it may
    /// have one all the same, for the SDK sends a call again by itself.
    #[must_use]
    pub fn is_answer(code: Option<&str>) -> bool {
        code.is_some_and(|code| code != NO_ANSWER)
    }

    /// What follows from an error code. Without one no answer came.
    #[must_use]
    pub fn of(code: Option<&str>) -> Self {
        match code {
            None => Self::Later,
            Some(code) if ALREADY_THERE.contains(&code) => Self::AlreadyThere,
            Some(code) if LATER.contains(&code) || code.starts_with("Throttling") => Self::Later,
            Some(_) => Self::Person,
        }
    }
}
