//! Everything that the pruner may do.

use crate::ports::doctor::ListManualSnapshots;
use crate::ports::{
    Clock, CorrectNewest, DeleteSnapshot, DescribeQuota, DescribeSnapshots, ExpireEntered,
    KeepHistories, KeepNotes, ListDatabases, ListOpen, PruneRounds, ReadEntered, ReadEntries,
    ReadFreeze, ReadHistories, ReadListings, ReadPlanCursor, ReadPolicies, ReadPolicyHistory,
    ReadRound, ReadSelected, RegisterRemovals, StoreListings,
};

permissions! {
    /// Everything that the pruner may do.
    Permissions:
        Clock CorrectNewest DeleteSnapshot DescribeQuota DescribeSnapshots ExpireEntered KeepHistories KeepNotes ListDatabases
        ListManualSnapshots ListOpen PruneRounds ReadEntered ReadEntries ReadFreeze ReadHistories ReadListings ReadRound
        ReadPlanCursor ReadPolicies ReadPolicyHistory ReadSelected RegisterRemovals StoreListings
}
