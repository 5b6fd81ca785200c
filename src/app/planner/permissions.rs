//! Everything that the planner may do.

use crate::ports::{
    AutomatedSnapshots, ClaimRun, Clock, FindDatabases, ListDatabases, PlanCursor, ReadPolicies,
    StartExecution,
};

permissions! {
    /// Everything that the planner may do.
    Permissions:
        AutomatedSnapshots ClaimRun Clock FindDatabases ListDatabases PlanCursor ReadPolicies StartExecution
}
