//! Everything that the planner may do.

use crate::ports::{
    AutomatedSnapshots, ClaimRun, Clock, DescribeSnapshots, FindDatabases, ForgetRefusal,
    ListDatabases, PlanCursor, ReadConfigurations, ReadEntries, ReadPolicies, ReadSelected,
    StartExecution, StoreConfigurations, StoreSelected,
};

permissions! {
    /// Everything that the planner may do.
    Permissions:
        AutomatedSnapshots ClaimRun Clock DescribeSnapshots FindDatabases ForgetRefusal ListDatabases PlanCursor
        ReadConfigurations ReadEntries ReadPolicies ReadSelected StartExecution StoreConfigurations StoreSelected
}
