//! One owner for each failure: the errors that Step Functions sees, and who must fix what RDS refuses.
//!
//! `docs/errors.md` has the same in a table. A test compares the two.

use std::fmt;

use super::rds_message::{self, Key, Limit};
use crate::domain::id::arn::{Family, Region};
use crate::domain::limits::CAUSE_MAX;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $meaning:literal),+ $(,)?) => {
        /// Why an execution's step failed. Step Functions sees `Snapferry.<Reason>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* #[doc = $meaning] $name),+
        }

        impl Reason {
            /// Every reason.
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
    NotPermitted => "The execution does not hold the claim of its database and policy, or its input is not the one that was claimed.",
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
    /// A failure. The cause is cut to the length that Step Functions accepts.
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

/// The RDS actions that Snapferry calls.
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
    /// `DeleteDBSnapshot`
    DeleteDbSnapshot,
    /// `DeleteDBClusterSnapshot`
    DeleteDbClusterSnapshot,
    /// `AddTagsToResource`
    AddTagsToResource,
    /// `RemoveTagsFromResource`
    RemoveTagsFromResource,
    /// `RestoreDBInstanceFromDBSnapshot`
    RestoreDbInstanceFromDbSnapshot,
    /// `RestoreDBClusterFromSnapshot`
    RestoreDbClusterFromSnapshot,
    /// `CreateDBInstance`
    CreateDbInstance,
    /// `ModifyDBInstance`
    ModifyDbInstance,
    /// `ModifyDBCluster`
    ModifyDbCluster,
    /// `RebootDBInstance`
    RebootDbInstance,
    /// `AddRoleToDBInstance`
    AddRoleToDbInstance,
    /// `AddRoleToDBCluster`
    AddRoleToDbCluster,
    /// `EnableHttpEndpoint`
    EnableHttpEndpoint,
    /// `DeleteDBInstance`
    DeleteDbInstance,
    /// `DeleteDBCluster`
    DeleteDbCluster,
    /// `DescribeEvents`
    DescribeEvents,
    /// `DescribeOrderableDBInstanceOptions`
    DescribeOrderableDbInstanceOptions,
    /// `DescribeDBEngineVersions`
    DescribeDbEngineVersions,
    /// `DescribeDBSubnetGroups`
    DescribeDbSubnetGroups,
    /// `DescribeDBParameterGroups`
    DescribeDbParameterGroups,
    /// `DescribeDBClusterParameterGroups`
    DescribeDbClusterParameterGroups,
    /// `DescribeOptionGroups`
    DescribeOptionGroups,
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

    /// Deletes a family's snapshot.
    #[must_use]
    pub const fn delete_snapshot(family: Family) -> Self {
        match family {
            Family::Instance => Self::DeleteDbSnapshot,
            Family::Cluster => Self::DeleteDbClusterSnapshot,
        }
    }

    /// Deletes a family's database.
    #[must_use]
    pub const fn delete_database(family: Family) -> Self {
        match family {
            Family::Instance => Self::DeleteDbInstance,
            Family::Cluster => Self::DeleteDbCluster,
        }
    }

    /// Whether it only reads.
    #[must_use]
    pub fn is_read(self) -> bool {
        self.as_str().starts_with("Describe")
    }

    /// AWS's name for it.
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
            Self::DeleteDbSnapshot => "DeleteDBSnapshot",
            Self::DeleteDbClusterSnapshot => "DeleteDBClusterSnapshot",
            Self::AddTagsToResource => "AddTagsToResource",
            Self::RemoveTagsFromResource => "RemoveTagsFromResource",
            Self::RestoreDbInstanceFromDbSnapshot => "RestoreDBInstanceFromDBSnapshot",
            Self::RestoreDbClusterFromSnapshot => "RestoreDBClusterFromSnapshot",
            Self::CreateDbInstance => "CreateDBInstance",
            Self::ModifyDbInstance => "ModifyDBInstance",
            Self::ModifyDbCluster => "ModifyDBCluster",
            Self::RebootDbInstance => "RebootDBInstance",
            Self::AddRoleToDbInstance => "AddRoleToDBInstance",
            Self::AddRoleToDbCluster => "AddRoleToDBCluster",
            Self::EnableHttpEndpoint => "EnableHttpEndpoint",
            Self::DeleteDbInstance => "DeleteDBInstance",
            Self::DeleteDbCluster => "DeleteDBCluster",
            Self::DescribeEvents => "DescribeEvents",
            Self::DescribeOrderableDbInstanceOptions => "DescribeOrderableDBInstanceOptions",
            Self::DescribeDbEngineVersions => "DescribeDBEngineVersions",
            Self::DescribeDbSubnetGroups => "DescribeDBSubnetGroups",
            Self::DescribeDbParameterGroups => "DescribeDBParameterGroups",
            Self::DescribeDbClusterParameterGroups => "DescribeDBClusterParameterGroups",
            Self::DescribeOptionGroups => "DescribeOptionGroups",
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
    /// Enable the region for the account, or use regional credentials.
    EnableRegion,
    /// Make the recovery region's key usable.
    FixKey,
    /// Make the key of the source usable.
    FixSourceKey,
    /// Find out which of the two keys it is.
    CheckKeys,
    /// Have the policy name an option group for the copy.
    NameOptionGroup,
    /// Remove manual snapshots or have the quota raised.
    RaiseQuota,
}

impl Remedy {
    /// Every remedy there is.
    pub const ALL: [Self; 7] = [
        Self::GrantAccess,
        Self::EnableRegion,
        Self::FixKey,
        Self::FixSourceKey,
        Self::CheckKeys,
        Self::NameOptionGroup,
        Self::RaiseQuota,
    ];

    /// The word in the table and in listings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GrantAccess => "grant-access",
            Self::EnableRegion => "enable-region",
            Self::FixKey => "fix-key",
            Self::FixSourceKey => "fix-source-key",
            Self::CheckKeys => "check-keys",
            Self::NameOptionGroup => "name-option-group",
            Self::RaiseQuota => "raise-quota",
        }
    }

    /// Reads the word, and the word that version 0.1.0 wrote.
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
            Self::EnableRegion => {
                "the region may not be enabled for this account, or the credentials come from the global STS \
                 endpoint: enable the region or use a regional endpoint, then replay"
            }
            Self::FixKey => {
                "enable the recovery region's KMS key or fix its policy, then replay; a run keeps its key, so if it is \
                 the wrong one, apply the right one, then stop the run (snapferry stop) and start its database again"
            }
            Self::FixSourceKey => {
                "enable the KMS key of the source database or snapshot and have its policy allow the worker's role, \
                 then replay"
            }
            Self::CheckKeys => {
                "RDS does not say which KMS key it means: check the source's and the recovery region's, then replay"
            }
            Self::NameOptionGroup => {
                "create an option group in the recovery region, name it in the policy and apply that, then stop the run \
                 (snapferry stop) and start its database again"
            }
            Self::RaiseQuota => "remove manual snapshots or have their quota raised, then replay",
        }
    }
}

/// Who must act on a refusal or failure of RDS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The name is taken: the worker asks RDS what has it.
    AskWhatExists,
    /// Too many copies are in flight: the copy waits for a slot.
    CopyLimit,
    /// One code means two things, and RDS's words are new: ask for the account's figures.
    AskQuota,
    /// The state machine tries the step again.
    StateMachine(Reason),
    /// A person: the command stays in the dead-letter queue while its execution sleeps on.
    Park(Remedy),
    /// Time: RDS has shown the resource before, and its answers may lag. The message comes back a few times; then the
    /// execution fails.
    LookAgain(Reason),
    /// Nobody: the execution fails.
    Permanent(Reason),
    /// The queue: the message comes back after a growing delay, at most ten times.
    Transient,
}

impl Owner {
    /// Whether RDS said by its own code that it can never carry the request out. A database that is gone is not that: it
    /// is no longer planned.
    #[must_use]
    pub fn is_for_good(self) -> bool {
        self == Self::Permanent(Reason::Unsupported)
    }
}

/// Who must act on RDS's answer to an operation, by AWS's error code and by the class of the message.
///
/// A command with an unknown code goes back to the queue, and after ten receives to the dead-letter queue. The codes for
/// clusters end in `Fault`; most of those for instances do not.
#[must_use]
pub fn owner(operation: Operation, asked: &Region, code: &str, message: &str) -> Owner {
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
        (CopyInstance | CopyCluster, "SnapshotQuotaExceeded") => {
            match rds_message::limit(message) {
                Limit::CopiesInFlight => Owner::CopyLimit,
                Limit::Snapshots => Owner::Park(Remedy::RaiseQuota),
                Limit::Unnamed => Owner::AskQuota,
            }
        }
        (CopyInstance, "DBSnapshotNotFound") | (CopyCluster, "DBClusterSnapshotNotFoundFault") => {
            Owner::LookAgain(Reason::SourceMissing)
        }
        // To take a snapshot, RDS uses the database's own key and no other.
        (CreateInstance | CreateCluster, "KMSKeyNotAccessibleFault") => {
            Owner::Park(Remedy::FixSourceKey)
        }
        (CopyInstance | CopyCluster, "KMSKeyNotAccessibleFault") => {
            let key = rds_message::key_of_copy(message, asked);
            Owner::Park(key_remedy(key.unwrap_or(Key::Unnamed)))
        }
        (_, "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation") => {
            Owner::Park(Remedy::GrantAccess)
        }
        (_, "InvalidClientTokenId" | "OptInRequired") => Owner::Park(Remedy::EnableRegion),
        (CopyInstance | CopyCluster, "OptionGroupNotFoundFault") => {
            Owner::Park(Remedy::NameOptionGroup)
        }
        (CopyInstance | CopyCluster, "InvalidParameterValue" | "InvalidParameterCombination")
            if rds_message::asks_for_an_option_group(message) =>
        {
            Owner::Park(Remedy::NameOptionGroup)
        }
        (
            CopyInstance | CopyCluster,
            "InvalidParameterValue" | "InvalidParameterCombination" | "MissingParameter",
        ) if rds_message::is_about_the_presigned_url(message) => Owner::Transient,
        (
            CreateInstance | CreateCluster,
            "InvalidParameterValue" | "InvalidParameterCombination",
        ) if rds_message::is_about_a_key(message) => Owner::Park(Remedy::FixSourceKey),
        (CopyInstance | CopyCluster, "InvalidParameterValue" | "InvalidParameterCombination")
            if rds_message::is_about_a_key(message) =>
        {
            let key = rds_message::key_of_copy(message, asked);
            Owner::Park(key_remedy(key.unwrap_or(Key::Unnamed)))
        }
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

fn key_remedy(key: Key) -> Remedy {
    match key {
        Key::Source => Remedy::FixSourceKey,
        Key::Target => Remedy::FixKey,
        Key::Unnamed => Remedy::CheckKeys,
    }
}
