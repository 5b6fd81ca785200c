//! Planted bugs: each breaks one rule at the ports, and the simulation must find it.

macro_rules! mutants {
    ($($(#[doc = $doc:literal])* $name:ident),+ $(,)?) => {
        /// A planted bug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutant {
            $($(#[doc = $doc])* $name),+
        }

        impl Mutant {
            /// Every planted bug there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name)),+
                }
            }

            /// Finds one by its name.
            #[must_use]
            pub fn by_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
            }
        }
    };
}

mutants! {
    /// Register, then act: RDS is called before the wait is stored.
    ActsBeforeItRegisters,
    /// Register, then act: the wait says `requested` before RDS has accepted.
    RequestedBeforeRdsAccepts,
    /// Register, then act: absence fails a registered wait.
    AbsenceFailsARegisteredWait,
    /// Register, then act: absence fails a requested wait without a period of grace.
    NoGraceForARequestedWait,
    /// The live token wins: a command with a dead token is worked on.
    DeadProbeIsAlive,
    /// The live token wins: a probe without an answer counts as dead.
    UnknownProbeIsDead,
    /// The live token wins: registering overwrites what is stored.
    RegisterOverwrites,
    /// The live token wins: the phase is written whatever token is stored.
    PhaseIgnoresTheToken,
    /// Already exists is a question: it is taken for success.
    AlreadyExistsIsSuccess,
    /// Already exists is a question: what is not ours is adopted.
    AdoptsWhatIsForeign,
    /// Already exists is a question: a failed one is waited for instead of taking the next suffix.
    WaitsForAFailedOne,
    /// Hint, truth, settle: whatever exists counts as available.
    TrustsTheHint,
    /// Hint, truth, settle: an unknown status counts as available.
    UnknownStatusIsAvailable,
    /// Hint, truth, settle: an unknown status counts as failed.
    UnknownStatusIsFailed,
    /// Hint, truth, settle: a copy's key and source are not compared.
    MismatchIsOverlooked,
    /// Settling twice is settling once: the wait is deleted before the token is sent.
    DeletesFirst,
    /// Settling twice is settling once: the wait is deleted whatever token it holds.
    ForgetIgnoresTheToken,
    /// Settling twice is settling once: an unanswered callback counts as accepted.
    UnknownDeliveryIsAccepted,
    /// Settling twice is settling once: a dead token's wait is kept.
    NobodyWaitsIsAnError,
    /// One owner for each failure: throttling counts as "no such database".
    ThrottlingIsPermanent,
    /// One owner for each failure: a refused permission fails the execution.
    AccessDeniedIsPermanent,
    /// One owner for each failure: too many copies in flight counts as a full quota.
    FullHouseIsParked,
    /// Copy slots: a slot is handed out twice.
    SlotIsHandedOutTwice,
    /// Copy slots: a slot is freed without its proof.
    SlotIsFreedWithoutProof,
    /// Copy slots: a slot is never freed.
    SlotIsNeverFreed,
    /// Copy slots: a copy that RDS is making gives its slot back.
    SlotIsGivenBackEarly,
    /// Copy slots: a queued command is lost.
    QueuedCommandIsLost,
    /// Batches: a failed record leaves the queue with the others.
    FailedRecordIsAcked,
    /// Numbers that must agree: a wait is kept for an hour.
    TimeToLiveIsTooShort,
    /// Numbers that must agree: a wait is kept for ever.
    TimeToLiveIsMissing,
    /// Names: an execution that exists is taken for done.
    UsedNameIsDone,
    /// Single flight: another open execution is overlooked.
    ClaimIsAlwaysOurs,
    /// Time of a recovery point: a copy's own creation time is taken.
    CopysOwnTimeIsTaken,
    /// Regions fail: an unreachable region's snapshots count as gone.
    UnreachableIsEmpty,
    /// Regions fail: an unreachable region counts as one without databases.
    UnreachableHasNoDatabases,
}
