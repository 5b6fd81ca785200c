//! Everything that the worker may do.

use crate::ports::{
    AutomatedSnapshots, Callbacks, ClaimRun, ClaimSlot, Clock, CopySnapshot, CreateSnapshot,
    DescribeQuota, DescribeSnapshots, LookUpWaits, NoteTrouble, ProbeToken, RecordRecoveryPoint,
    StartExecution, Waits,
};

permissions! {
    /// Everything that the worker may do.
    Permissions:
        AutomatedSnapshots Callbacks ClaimRun ClaimSlot Clock CopySnapshot CreateSnapshot DescribeQuota
        DescribeSnapshots LookUpWaits NoteTrouble ProbeToken RecordRecoveryPoint StartExecution Waits
}
