//! Everything that the planner may do.

use crate::ports::{
    AutomatedSnapshots, ClaimRun, Clock, DescribeSnapshots, FindDatabases, ForgetRefusal,
    ListDatabases, ListOptionGroups, PlanCursor, ReadConfigurations, ReadEntries, ReadPolicies,
    ReadSelected, StartExecution, StoreConfigurations, StoreRosters, StoreSelected,
};

permissions! {
    /// Everything that the planner may do.
    Permissions:
        AutomatedSnapshots ClaimRun Clock DescribeSnapshots FindDatabases ForgetRefusal ListDatabases
        ListOptionGroups PlanCursor
        ReadConfigurations ReadEntries ReadPolicies ReadSelected StartExecution StoreConfigurations StoreRosters
        StoreSelected
}
