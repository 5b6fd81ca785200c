//! Everything that the worker may do.

use crate::ports::{
    AutomatedClusterSnapshots, AutomatedSnapshots, Callbacks, ClaimRun, ClaimSlot, Clock,
    CopyClusterSnapshot, CopySnapshot, CreateClusterSnapshot, CreateSnapshot,
    DescribeClusterSnapshots, DescribeQuota, DescribeSnapshots, LookUpWaits, NoteTrouble,
    ProbeToken, RecordRecoveryPoint, StartExecution, Waits,
};

permissions! {
    /// Everything that the worker may do.
    Permissions:
        AutomatedClusterSnapshots AutomatedSnapshots Callbacks ClaimRun ClaimSlot Clock CopyClusterSnapshot
        CopySnapshot CreateClusterSnapshot CreateSnapshot DescribeClusterSnapshots DescribeQuota
        DescribeSnapshots LookUpWaits NoteTrouble ProbeToken RecordRecoveryPoint StartExecution Waits
}
