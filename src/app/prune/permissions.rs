//! Everything that the pruner may do.

use crate::ports::doctor::ListManualSnapshots;
use crate::ports::{
    Clock, CorrectNewest, DeleteSnapshot, DescribeQuota, DescribeSnapshots, ExpireEntered,
    KeepHistories, KeepNotes, ListDatabases, ListOpen, LookUpWaits, PruneRounds,
    ReadConfigurations, ReadEntered, ReadEntries, ReadFreeze, ReadHistories, ReadListings,
    ReadPlanCursor, ReadPolicies, ReadPolicyHistory, ReadRound, ReadSelected, RegisterRemovals,
    RemoveConfigurations, StoreConfigurations, StoreListings,
};

permissions! {
    /// Everything that the pruner may do.
    Permissions:
        Clock CorrectNewest DeleteSnapshot DescribeQuota DescribeSnapshots ExpireEntered KeepHistories KeepNotes ListDatabases
        ListManualSnapshots ListOpen LookUpWaits PruneRounds ReadConfigurations ReadEntered ReadEntries ReadFreeze ReadHistories
        ReadListings ReadPlanCursor ReadPolicies ReadPolicyHistory ReadRound ReadSelected RegisterRemovals RemoveConfigurations
        StoreConfigurations StoreListings
}
