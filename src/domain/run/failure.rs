//! One owner for each failure: the errors that Step Functions sees, and who must fix what RDS refuses.
//!
//! `docs/errors.md` says the same in a table; a test holds the two together.

use std::fmt;

use crate::domain::id::arn::Family;
use crate::domain::limits::CAUSE_MAX;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $meaning:literal),+ $(,)?) => {
        /// Why an execution's step failed. Step Functions sees `Snapferry.<Reason>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* #[doc = $meaning] $name),+
        }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name that `ErrorEquals` matches.
            #[must_use]
            pub const fn error_name(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("Snapferry.", stringify!($name))),+
                }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning),+
                }
            }
        }
    };
}

reasons! {
    AlreadyAwaited => "Another execution that is still alive awaits the same snapshot or copy.",
    AttemptsExhausted => "Every attempt that the name allows has failed or is being deleted.",
    CopyMismatch => "A copy is available under our name but is not what was asked for; nothing of it is removed.",
    DatabaseBusy => "The database is not in a state that allows a snapshot; tried again for eight hours.",
    DatabaseNotFound => "RDS knows no database of this identifier.",
    NameTaken => "A snapshot that this stack did not make has the name.",
    SnapshotFailed => "RDS reports the snapshot or copy as failed; the next attempt gets a new suffix.",
    SnapshotMismatch => "A snapshot is available under our name but is of another database.",
    SnapshotVanished => "RDS had accepted or shown the snapshot or copy and no longer knows it.",
    SourceExpired => "The automated snapshot of this run was removed by RDS before it was copied; a newer one takes its place, if there is one.",
    SourceMissing => "No available source snapshot of this run is left to copy.",
    Unsupported => "RDS refuses the request as one that it can never carry out.",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error_name())
    }
}

/// A failure that ends a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The name that the state machine matches.
    pub reason: Reason,
    /// What happened, for a person.
    pub cause: String,
}

impl Failure {
    /// A failure; the cause is cut to what Step Functions takes.
    #[must_use]
    pub fn new(reason: Reason, cause: impl Into<String>) -> Self {
        let cause: String = cause.into();
        let cause = if cause.chars().count() > CAUSE_MAX {
            cause.chars().take(CAUSE_MAX).collect()
        } else {
            cause
        };
        Self { reason, cause }
    }
}

/// The RDS actions that we call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `DescribeDBInstances`
    DescribeDbInstances,
    /// `DescribeDBSnapshots`
    DescribeDbSnapshots,
    /// `DescribeAccountAttributes`
    DescribeAccountAttributes,
    /// `CreateDBSnapshot`
    CreateDbSnapshot,
    /// `CopyDBSnapshot`
    CopyDbSnapshot,
    /// `DescribeDBClusters`
    DescribeDbClusters,
    /// `DescribeDBClusterSnapshots`
    DescribeDbClusterSnapshots,
    /// `CreateDBClusterSnapshot`
    CreateDbClusterSnapshot,
    /// `CopyDBClusterSnapshot`
    CopyDbClusterSnapshot,
}

impl Operation {
    /// Lists a family's databases.
    #[must_use]
    pub const fn describe_databases(family: Family) -> Self {
        match family {
            Family::Instance => Self::DescribeDbInstances,
            Family::Cluster => Self::DescribeDbClusters,
        }
    }

    /// Lists a family's snapshots.
    #[must_use]
    pub const fn describe_snapshots(family: Family) -> Self {
        match family {
            Family::Instance => Self::DescribeDbSnapshots,
            Family::Cluster => Self::DescribeDbClusterSnapshots,
        }
    }

    /// Takes a snapshot of a family's database.
    #[must_use]
    pub const fn create_snapshot(family: Family) -> Self {
        match family {
            Family::Instance => Self::CreateDbSnapshot,
            Family::Cluster => Self::CreateDbClusterSnapshot,
        }
    }

    /// Copies a family's snapshot.
    #[must_use]
    pub const fn copy_snapshot(family: Family) -> Self {
        match family {
            Family::Instance => Self::CopyDbSnapshot,
            Family::Cluster => Self::CopyDbClusterSnapshot,
        }
    }

    /// AWS's name of it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DescribeDbInstances => "DescribeDBInstances",
            Self::DescribeDbSnapshots => "DescribeDBSnapshots",
            Self::DescribeAccountAttributes => "DescribeAccountAttributes",
            Self::CreateDbSnapshot => "CreateDBSnapshot",
            Self::CopyDbSnapshot => "CopyDBSnapshot",
            Self::DescribeDbClusters => "DescribeDBClusters",
            Self::DescribeDbClusterSnapshots => "DescribeDBClusterSnapshots",
            Self::CreateDbClusterSnapshot => "CreateDBClusterSnapshot",
            Self::CopyDbClusterSnapshot => "CopyDBClusterSnapshot",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a person must fix before a parked command can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remedy {
    /// Give the role the permission that RDS or KMS named.
    GrantAccess,
    /// Enable the key, or give its grants back.
    FixKey,
    /// Remove manual snapshots or have the quota raised.
    RaiseQuota,
}

impl Remedy {
    /// Every remedy there is.
    pub const ALL: [Self; 3] = [Self::GrantAccess, Self::FixKey, Self::RaiseQuota];

    /// The word in the table and in listings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GrantAccess => "grant-access",
            Self::FixKey => "fix-key",
            Self::RaiseQuota => "raise-quota",
        }
    }

    /// Reads the word again, also as version 0.1.0 wrote it.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let word = if word == "mend-key" { "fix-key" } else { word };
        Self::ALL.into_iter().find(|remedy| remedy.as_str() == word)
    }

    /// What to do, in a sentence.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::GrantAccess => {
                "give the worker's role the permission that the message names, then replay"
            }
            Self::FixKey => "enable the recovery region's KMS key or fix its policy, then replay",
            Self::RaiseQuota => "remove manual snapshots or have their quota raised, then replay",
        }
    }
}

/// Who owns a failure of RDS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The name is there already: ask what it is.
    AskWhatExists,
    /// Two things have this one code: ask for the account's figures.
    AskQuota,
    /// The state machine tries the step again.
    StateMachine(Reason),
    /// A person: the command rests in the dead-letter queue while its execution sleeps on.
    Park(Remedy),
    /// Time: RDS may not show everywhere yet what it has shown before. The message comes back a few times; then
    /// the execution fails.
    LookAgain(Reason),
    /// Nobody: the execution fails.
    Permanent(Reason),
    /// The queue: the message comes back after a growing delay, at most ten times.
    Transient,
}

/// Who owns what RDS answered to an operation, by AWS's error code and the message's class.
///
/// An unknown code goes back to the queue; after ten receives it rests with the dead letters. The codes of clusters
/// keep the suffix `Fault`, which most of those of instances have lost.
#[must_use]
pub fn owner(operation: Operation, code: &str, message: &str) -> Owner {
    use Operation::{
        CopyDbClusterSnapshot as CopyCluster, CopyDbSnapshot as CopyInstance,
        CreateDbClusterSnapshot as CreateCluster, CreateDbSnapshot as CreateInstance,
    };
    match (operation, code) {
        (CreateInstance | CopyInstance, "DBSnapshotAlreadyExists")
        | (CreateCluster | CopyCluster, "DBClusterSnapshotAlreadyExistsFault") => {
            Owner::AskWhatExists
        }
        (CreateInstance, "InvalidDBInstanceState")
        | (CreateCluster, "InvalidDBClusterStateFault") => {
            Owner::StateMachine(Reason::DatabaseBusy)
        }
        (CreateInstance, "DBInstanceNotFound") | (CreateCluster, "DBClusterNotFoundFault") => {
            Owner::Permanent(Reason::DatabaseNotFound)
        }
        (CreateInstance | CreateCluster, "SnapshotQuotaExceeded") => {
            Owner::Park(Remedy::RaiseQuota)
        }
        (CopyInstance | CopyCluster, "SnapshotQuotaExceeded") => Owner::AskQuota,
        (CopyInstance, "DBSnapshotNotFound") | (CopyCluster, "DBClusterSnapshotNotFoundFault") => {
            Owner::LookAgain(Reason::SourceMissing)
        }
        (
            CreateInstance | CopyInstance | CreateCluster | CopyCluster,
            "KMSKeyNotAccessibleFault",
        ) => Owner::Park(Remedy::FixKey),
        (
            _,
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "OptInRequired",
        ) => Owner::Park(Remedy::GrantAccess),
        (
            CreateInstance | CopyInstance | CreateCluster | CopyCluster,
            "InvalidParameterValue" | "InvalidParameterCombination",
        ) if mentions_key(message) => Owner::Park(Remedy::FixKey),
        (
            CreateInstance | CopyInstance | CreateCluster | CopyCluster,
            "InvalidParameterValue"
            | "InvalidParameterCombination"
            | "MissingParameter"
            | "UnsupportedOperation",
        ) => Owner::Permanent(Reason::Unsupported),
        _ => Owner::Transient,
    }
}

/// RDS reports some unusable keys as a bad parameter; the message names the key.
fn mentions_key(message: &str) -> bool {
    message.to_ascii_lowercase().contains("kms")
}
