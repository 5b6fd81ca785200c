//! Planted bugs: each breaks one rule of the design at the ports, and the simulation must find it.
//!
//! | rule of the design | planted bug | what it breaks |
//! | --- | --- | --- |
//! | register, then act | `ActsBeforeItRegisters`, `ConflictIsOverlooked` | `REGISTERED` |
//! | | `RequestedBeforeRdsAccepts`, `AbsenceFailsARegisteredWait`, `NoGraceForARequestedWait` | `TRUE_FAILURE` |
//! | | `OneAbsenceProves` | `TRUE_FAILURE` |
//! | the live token wins | `DeadProbeIsAlive`, `UnknownProbeIsDead`, `RivalCountsAsItself` | `AWAKE` |
//! | | `OneDeadIsBelieved` | `AWAKE` |
//! | | `GarbageTokenIsAlive` | `TRUE_SUCCESS` |
//! | | `RegisterOverwrites`, `ReplaceIgnoresTheToken` | `LIVE_WAIT` |
//! | | `PhaseIgnoresTheToken` | `OWN_WAIT` |
//! | one token, one wait | `NextAttemptLeavesItsWait` | `ONE_WAIT` |
//! | | `LaterAttemptIsForgotten` | `HEALTHY` |
//! | already exists is a question | `AlreadyExistsIsSuccess`, `WaitsForAFailedOne` | `REDRIVABLE` |
//! | | `AdoptsWhatIsForeign` | `TRUE_SUCCESS` |
//! | | `GoodOneCountsAsFailed` | `LIVE_WAIT` |
//! | hint, truth, settle | `TrustsTheHint`, `UnknownStatusIsAvailable`, `KeyIsOverlooked`, `SourceIsOverlooked` | `TRUE_SUCCESS` |
//! | | `UnknownStatusIsFailed` | `TRUE_FAILURE` |
//! | | `ManifestIsNotSent` | `RECOVERED` |
//! | settling twice is settling once | `DeletesFirst`, `ForgetIgnoresTheToken`, `UnknownDeliveryIsAccepted` | `LIVE_WAIT` |
//! | | `NobodyWaitsIsAnError` | `AWAKE` |
//! | | `InvalidTokenIsAnError` | `HEALTHY` |
//! | one owner for each failure | `ThrottlingIsPermanent`, `AccessDeniedIsPermanent`, `DisabledKeyIsPermanent` | `TRUE_FAILURE` |
//! | | `FullHouseIsParked` | `HEALTHY` |
//! | the sweep | `SweepLooksAtNothing` | `AWAKE` |
//! | copy slots | `SlotIsHandedOutTwice`, `SlotIsFreedWithoutProof`, `SlotIsGivenBackEarly` | `SLOTS` |
//! | | `PolicySlotsAreOverlooked` | `SLOTS` |
//! | | `SweepHandsNothingOut` | `IDLE` |
//! | | `QueueIsReadBackwards` | `OVERTAKEN` |
//! | | `HandOverIsNotStamped` | `SENT_TWICE` |
//! | | `RefusedCopyIsNotLookedFor` | `GIVEN_BACK` |
//! | | `LearntLimitIsIgnored` | `LEARNT` |
//! | | `SlotIsNeverFreed` | `GONE` |
//! | | `LaterAttemptHasItsOwnSlot`, `QueuedCommandIsLost` | `AWAKE` |
//! | batches | `FailedRecordIsAcked` | `AWAKE` |
//! | | `ThrottledCommandIsLost` | `AWAKE` |
//! | | `UnknownStatusPanics` | `SOUND` |
//! | | `PagesNeverEnd` | `AT_REST` |
//! | numbers that must agree | `TimeToLiveIsTooShort` | `LIVE_WAIT` |
//! | | `TimeToLiveIsMissing` | `GONE` |
//! | names | `UsedNameIsDone`, `FailedExecutionIsDone` | `TRUE_REPORT` |
//! | | `UnansweredStartIsStarted` | `PLANNED` |
//! | | `DoneIsStartedAgain` | `ONCE` |
//! | the planner's cursor | `LeftOverIsForgotten`, `OpenSpreadIsForgotten` | `PLANNED` |
//! | own times within a spread | `SpreadIsIgnored`, `RestOfTheSpreadIsStored` | `OWN_TIME` |
//! | the memory of the permanent | `RefusalIsForgotten` | `REMEMBERED` |
//! | | `RefusalLapsesAtOnce`, `RefusalHoldsForEver` | `TRIED_WEEKLY` |
//! | policies | `ExclusionIsOverlooked`, `HopelessClusterIsPlanned` | `SELECTED` |
//! | | `RefusedKindIsPlanned`, `StoppedIsPlanned`, `TdeIsOverlooked` | `SELECTED` |
//! | | `CarriedTagsAreForgotten`, `OptionGroupIsForgotten` | `AS_ASKED` |
//! | automated snapshots | `HintSaysWhoIsSelected` | `SELECTED` |
//! | | `OwnerIsOverlooked` | `NAMED` |
//! | the claim is the permission | `ClaimIsNotChecked` | `PERMITTED` |
//! | single flight | `ClaimIsAlwaysOurs`, `ClaimHasNoGrace` | `SINGLE_FLIGHT` |
//! | time of a recovery point | `CopysOwnTimeIsTaken` | `TRUE_SUCCESS` |
//! | | `RecoveryPointIsNotEntered`, `OlderCopyIsEntered` | `CATALOG` |
//! | removal | `HoldIsOverlooked`, `MismatchIsOverlooked`, `FutureIsOverlooked` | `HELD` |
//! | | `GoodIsTakenForFailed` | `LAST_GOOD` |
//! | | `LostPageIsEmpty` | `INVENTORY` |
//! | | `RemovalIsNotEntered` | `REGISTERED` |
//! | | `AwaitedIsRemoved` | `NEEDED` |
//! | | `EachSourceCountsAsCopied` | `COPIED` |
//! | races with a removal | `HoldSinceTheListIsOverlooked` | `HELD` |
//! | | `FreezeIsReadOnce` | `FROZEN` |
//! | | `RemovedNameIsUsedAgain` | `NEEDED` |
//! | | `FreezeIsOverlooked` | `FROZEN` |
//! | | `StricterRuleIsUsed` | `KEPT` |
//! | | `NotesAreNotKept` | `REMOVED` |
//! | drills | `DeletionIsForgotten` | `DRILLS_END` |
//! | | `ResourceIdIsNotCompared` | `OWN_ONLY` |
//! | restores | `TagsAreInherited` | `STAYS_OUT` |
//! | | `ProtectionIsDropped` | `AS_IT_WAS` |
//! | | `RestoreAsksTheSource` | `NO_SOURCE` |
//! | | `BackupsCountAsOn` | `BACKED_UP` |
//! | regions fail | `UnreachableIsEmpty` | `TRUE_FAILURE` |
//! | | `UnreachableHasNoDatabases` | `PLANNED` |
//!
//! No planted bug breaks `FOREIGN`: no simulated role has a port that changes or removes a snapshot of somebody else, so
//! there is no place to plant one. The rule is still judged in every world.

use super::rule;

macro_rules! mutants {
    ($($(#[doc = $doc:literal])* $name:ident breaks $rule:ident),+ $(,)?) => {
        /// A planted bug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutant {
            $($(#[doc = $doc])* $name),+
        }

        impl Mutant {
            /// Every planted bug.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name)),+
                }
            }

            /// The rule that it breaks. It may break others too.
            #[must_use]
            pub fn breaks(self) -> &'static str {
                match self {
                    $(Self::$name => rule::$rule),+
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
    /// RDS is called before the wait is stored.
    ActsBeforeItRegisters breaks REGISTERED,
    /// A write that was refused counts as done.
    ConflictIsOverlooked breaks REGISTERED,
    /// The wait says `requested` before RDS has accepted.
    RequestedBeforeRdsAccepts breaks TRUE_FAILURE,
    /// Absence fails a registered wait.
    AbsenceFailsARegisteredWait breaks TRUE_FAILURE,
    /// Absence fails a requested wait without a period of grace.
    NoGraceForARequestedWait breaks TRUE_FAILURE,
    /// What one sweep does not see counts as gone.
    OneAbsenceProves breaks TRUE_FAILURE,
    /// A command with a dead token is worked on.
    DeadProbeIsAlive breaks AWAKE,
    /// A probe without an answer counts as dead.
    UnknownProbeIsDead breaks AWAKE,
    /// A token that is called dead once counts as dead.
    OneDeadIsBelieved breaks AWAKE,
    /// A live token of another execution is taken for one's own.
    RivalCountsAsItself breaks AWAKE,
    /// The worker carries out a command with a token that Step Functions did not issue.
    GarbageTokenIsAlive breaks TRUE_SUCCESS,
    /// Registering overwrites what is stored.
    RegisterOverwrites breaks LIVE_WAIT,
    /// Replacing a dead token's wait overwrites whatever is stored by then. The claim is not checked beside it.
    ReplaceIgnoresTheToken breaks LIVE_WAIT,
    /// The phase is written whatever token is stored.
    PhaseIgnoresTheToken breaks OWN_WAIT,
    /// "Already exists" is taken for success.
    AlreadyExistsIsSuccess breaks REDRIVABLE,
    /// A failed one is waited for instead of taking the next suffix.
    WaitsForAFailedOne breaks REDRIVABLE,
    /// What is not ours is adopted.
    AdoptsWhatIsForeign breaks TRUE_SUCCESS,
    /// A good one is passed over for the next suffix.
    GoodOneCountsAsFailed breaks LIVE_WAIT,
    /// Whatever exists counts as available.
    TrustsTheHint breaks TRUE_SUCCESS,
    /// An unknown status counts as available.
    UnknownStatusIsAvailable breaks TRUE_SUCCESS,
    /// An unknown status counts as failed.
    UnknownStatusIsFailed breaks TRUE_FAILURE,
    /// A copy's key is not compared.
    KeyIsOverlooked breaks TRUE_SUCCESS,
    /// A copy's source is not compared.
    SourceIsOverlooked breaks TRUE_SUCCESS,
    /// A success carries nothing.
    ManifestIsNotSent breaks RECOVERED,
    /// The wait is deleted before the token is sent.
    DeletesFirst breaks LIVE_WAIT,
    /// The wait is deleted whatever token it holds.
    ForgetIgnoresTheToken breaks LIVE_WAIT,
    /// An unanswered callback counts as accepted.
    UnknownDeliveryIsAccepted breaks LIVE_WAIT,
    /// A dead token's wait is kept.
    NobodyWaitsIsAnError breaks AWAKE,
    /// The wait of a token that Step Functions no longer knows is kept.
    InvalidTokenIsAnError breaks HEALTHY,
    /// Throttling fails the execution.
    ThrottlingIsPermanent breaks TRUE_FAILURE,
    /// A refused permission fails the execution.
    AccessDeniedIsPermanent breaks TRUE_FAILURE,
    /// A disabled key fails the execution.
    DisabledKeyIsPermanent breaks TRUE_FAILURE,
    /// Too many copies in flight counts as a full quota.
    FullHouseIsParked breaks HEALTHY,
    /// The sweep takes every wait for one that the last sweep has asked about.
    SweepLooksAtNothing breaks AWAKE,
    /// A slot is handed out twice.
    SlotIsHandedOutTwice breaks SLOTS,
    /// A slot is freed without its proof.
    SlotIsFreedWithoutProof breaks SLOTS,
    /// A copy that RDS is making gives its slot back.
    SlotIsGivenBackEarly breaks SLOTS,
    /// A policy's own slots are not counted.
    PolicySlotsAreOverlooked breaks SLOTS,
    /// The sweep claims no slot for a queued copy.
    SweepHandsNothingOut breaks IDLE,
    /// The last copy of the queue gets a slot first.
    QueueIsReadBackwards breaks OVERTAKEN,
    /// The stamps of hand-overs are not stored.
    HandOverIsNotStamped breaks SENT_TWICE,
    /// A copy that RDS has refused for its limit gives its slot back, and RDS is not asked whether it makes the copy.
    RefusedCopyIsNotLookedFor breaks GIVEN_BACK,
    /// What RDS's refusals have taught about its limit is not read.
    LearntLimitIsIgnored breaks LEARNT,
    /// A slot is never freed.
    SlotIsNeverFreed breaks GONE,
    /// A command that comes again begins with the first attempt, whichever its wait is at.
    LaterAttemptIsForgotten breaks HEALTHY,
    /// The wait of the attempt before stays in the table.
    NextAttemptLeavesItsWait breaks ONE_WAIT,
    /// A later attempt at a copy claims a slot under its own name.
    LaterAttemptHasItsOwnSlot breaks AWAKE,
    /// A queued command is lost.
    QueuedCommandIsLost breaks AWAKE,
    /// A throttled command is not sent anew, and its message leaves the queue all the same.
    ThrottledCommandIsLost breaks AWAKE,
    /// A failed record leaves the queue with the others.
    FailedRecordIsAcked breaks AWAKE,
    /// A status that nobody knows makes the adapter panic.
    UnknownStatusPanics breaks SOUND,
    /// The list of what is open comes to its last page again and again.
    PagesNeverEnd breaks AT_REST,
    /// A wait is kept for an hour.
    TimeToLiveIsTooShort breaks LIVE_WAIT,
    /// A wait is kept for ever.
    TimeToLiveIsMissing breaks GONE,
    /// An execution's name that is used up counts as started.
    UsedNameIsDone breaks TRUE_REPORT,
    /// A failed execution counts as one that has succeeded.
    FailedExecutionIsDone breaks TRUE_REPORT,
    /// A start without an answer counts as started.
    UnansweredStartIsStarted breaks PLANNED,
    /// What a due time left over is not kept beside the cursor.
    LeftOverIsForgotten breaks PLANNED,
    /// An execution that has succeeded counts as one that has failed.
    DoneIsStartedAgain breaks ONCE,
    /// The cursor says that a due time is planned although own times are to come.
    OpenSpreadIsForgotten breaks PLANNED,
    /// All databases begin at the due time.
    SpreadIsIgnored breaks OWN_TIME,
    /// The cursor holds how much of the spread is left, and own times are counted from that.
    RestOfTheSpreadIsStored breaks OWN_TIME,
    /// What RDS has refused permanently is not remembered.
    RefusalIsForgotten breaks REMEMBERED,
    /// The planner takes each refusal for one of a week ago.
    RefusalLapsesAtOnce breaks TRIED_WEEKLY,
    /// The planner takes each refusal for one of this moment.
    RefusalHoldsForEver breaks TRIED_WEEKLY,
    /// The tag that excludes a database is overlooked.
    ExclusionIsOverlooked breaks SELECTED,
    /// A cluster that cannot be copied is taken for one that can.
    HopelessClusterIsPlanned breaks SELECTED,
    /// Instances that RDS can never protect count as others.
    RefusedKindIsPlanned breaks SELECTED,
    /// A database in a status that lasts counts as available.
    StoppedIsPlanned breaks SELECTED,
    /// An option group with transparent data encryption counts as one without.
    TdeIsOverlooked breaks SELECTED,
    /// A database whose snapshot is hinted at counts as selected.
    HintSaysWhoIsSelected breaks SELECTED,
    /// The newest automated snapshot counts as every database's.
    OwnerIsOverlooked breaks NAMED,
    /// The tags to carry over are left out.
    CarriedTagsAreForgotten breaks AS_ASKED,
    /// The option group is left out.
    OptionGroupIsForgotten breaks AS_ASKED,
    /// The pruner overlooks that a person holds a recovery point.
    HoldIsOverlooked breaks HELD,
    /// The pruner takes each recovery point for one under its policy's key.
    MismatchIsOverlooked breaks HELD,
    /// The pruner takes a time that lies ahead for one long ago.
    FutureIsOverlooked breaks HELD,
    /// The pruner takes each good recovery point for one that RDS gave up.
    GoodIsTakenForFailed breaks LAST_GOOD,
    /// A page of the inventory that cannot be read counts as empty.
    LostPageIsEmpty breaks INVENTORY,
    /// A removal is not entered before RDS is called.
    RemovalIsNotEntered breaks REGISTERED,
    /// The pruner sees no wait, and a removal goes on although one stands there.
    AwaitedIsRemoved breaks NEEDED,
    /// The pruner takes each source snapshot for one whose recovery point the table knows.
    EachSourceCountsAsCopied breaks COPIED,
    /// The pruner overlooks a hold that came after its inventory.
    HoldSinceTheListIsOverlooked breaks HELD,
    /// The pruner reads once whether a person has frozen removal, and not before each delete.
    FreezeIsReadOnce breaks FROZEN,
    /// The worker asks for an attempt again that the pruner is removing.
    RemovedNameIsUsedAgain breaks NEEDED,
    /// A person's freeze is not read.
    FreezeIsOverlooked breaks FROZEN,
    /// The pruner goes by another rule than the policy has.
    StricterRuleIsUsed breaks KEPT,
    /// What may go is not noted, so that nothing is ever seen twice.
    NotesAreNotKept breaks REMOVED,
    /// The worker acts for an execution that does not hold the claim.
    ClaimIsNotChecked breaks PERMITTED,
    /// Another open execution is overlooked.
    ClaimIsAlwaysOurs breaks SINGLE_FLIGHT,
    /// An execution that Step Functions does not know yet loses its place at once.
    ClaimHasNoGrace breaks SINGLE_FLIGHT,
    /// A copy's own creation time is taken.
    CopysOwnTimeIsTaken breaks TRUE_SUCCESS,
    /// A recovery point is not entered in the catalog.
    RecoveryPointIsNotEntered breaks CATALOG,
    /// The last copy that is entered counts as the newest.
    OlderCopyIsEntered breaks CATALOG,
    /// What a drill made is never really deleted.
    DeletionIsForgotten breaks DRILLS_END,
    /// A database of a drill's name counts as the drill's own.
    ResourceIdIsNotCompared breaks OWN_ONLY,
    /// A restore sends no tags, so that what is restored gets those of its recovery point.
    TagsAreInherited breaks STAYS_OUT,
    /// A restore leaves out that the database is protected from deletion.
    ProtectionIsDropped breaks AS_IT_WAS,
    /// A restore looks into the source region first.
    RestoreAsksTheSource breaks NO_SOURCE,
    /// A restored database without backups is taken for one that has them.
    BackupsCountAsOn breaks BACKED_UP,
    /// An unreachable region's snapshots count as gone.
    UnreachableIsEmpty breaks TRUE_FAILURE,
    /// An unreachable region counts as one without databases.
    UnreachableHasNoDatabases breaks PLANNED,
}
