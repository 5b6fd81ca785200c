//! Everything that the worker may do.

use crate::ports::{
    AutomatedSnapshots, Callbacks, CheckClaim, ClaimRun, ClaimSlot, Clock, CopySnapshot,
    CreateSnapshot, DelayMessage, DescribeQuota, DescribeSnapshots, EnterCopies, ForgetIdle,
    FreeSlot, HearDead, Jitter, LearnLimits, LookUpWaits, NoteError, ProbeToken, QueueCopies,
    ReadSlots, RecordRecoveryPoint, RegisterWaits, RememberRefusal, SendLater, StartExecution,
    Waits,
};

permissions! {
    /// Everything that the worker may do.
    Permissions:
        AutomatedSnapshots Callbacks CheckClaim ClaimRun ClaimSlot Clock CopySnapshot CreateSnapshot DelayMessage
        DescribeQuota
        DescribeSnapshots EnterCopies ForgetIdle FreeSlot HearDead Jitter LearnLimits LookUpWaits NoteError ProbeToken
        QueueCopies ReadSlots RecordRecoveryPoint RegisterWaits RememberRefusal SendLater StartExecution Waits
}
