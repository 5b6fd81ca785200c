//! The rules that every world is judged by.

macro_rules! rules {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)+) => {
        $($(#[doc = $doc])* pub const $name: &str = $text;)+

        /// Every rule there is.
        pub const ALL: &[&str] = &[$($name),+];
    };
}

rules! {
    /// A success, or an entry of the catalog, agrees with RDS at that moment.
    TRUE_SUCCESS = "every success agrees with RDS's truth";
    /// Carried tags and the mapped option group.
    AS_ASKED = "a recovery point has what its policy asks for";
    /// A failure has its cause in RDS or in another live execution.
    TRUE_FAILURE = "every failure agrees with RDS's truth";
    /// Every sleeping token keeps its wait.
    LIVE_WAIT = "no live token's wait is deleted or overwritten";
    /// A token has one wait, whichever attempt it is at and however often its command is delivered.
    ONE_WAIT = "one token has one wait";
    /// Every write of a wait names the token that it expects.
    OWN_WAIT = "a wait is written only by the token it holds";
    /// Register, then act.
    REGISTERED = "RDS is asked only for what is registered";
    /// Copy slots.
    SLOTS = "never more copies in flight than slots";
    /// What a settled copy did not hand on, the sweep does.
    IDLE = "no slot is idle for longer than a sweep and a half while a copy waits for it";
    /// A settled copy's slot goes to the first of the queue.
    OVERTAKEN = "no copy of the queue is overtaken by another of its policy";
    /// The stamp of a hand-over.
    SENT_TWICE = "no command of a queued copy is sent again while its hand-over counts";
    /// A refusal says nothing about an earlier call.
    GIVEN_BACK = "a refused copy gives its slot back only after RDS has shown none";
    /// RDS's own limit is learnt from its refusals.
    LEARNT = "no more copies begin than RDS is known to allow, but one more after a pause";
    /// The claim is the permission.
    PERMITTED = "RDS is asked only for what an execution with the claim asks for";
    /// Single flight.
    SINGLE_FLIGHT = "one open execution for each database and policy";
    /// A database is protected if, and only if, its tags select it and RDS can protect it.
    SELECTED = "only what a policy selects is run";
    /// A run that takes no snapshot itself names one that RDS took.
    NAMED = "an execution names its own database's automated snapshot, and no other names it";
    /// A region counts as planned only when it is.
    PLANNED = "what is planned has its execution";
    /// A policy's spread.
    OWN_TIME = "no database begins before its own time";
    /// A due time's name belongs to one recovery point.
    ONCE = "no due time of a database that has its recovery point gets another execution";
    /// No snapshot is taken every night for a copy that RDS has refused permanently.
    REMEMBERED = "a copy that RDS refuses for good costs few snapshots";
    /// RDS learns, and a refusal may have been a passing fault under the wrong code.
    TRIED_WEEKLY = "what RDS refuses for good is tried again after a week and not before";
    /// What the planner reports is true.
    TRUE_REPORT = "the planner reports what is true";
    /// After the faults have stopped, every token is answered.
    AWAKE = "nothing sleeps for ever";
    /// A person is called only if there is something to fix.
    HEALTHY = "no command is parked without a cause";
    /// A redrive brings a failed execution to success.
    REDRIVABLE = "a redrive succeeds once the cause of the failure is fixed";
    /// In the end every execution has its recovery point and says which.
    RECOVERED = "every recovery point is there";
    /// In the end the catalog can be restored from.
    CATALOG = "the catalog names the newest recovery point";
    /// What a person holds, what is not what was asked for, and what lies ahead, is never removed.
    HELD = "nothing held, mismatched or future is removed";
    /// Whatever is removed, the newest good recovery point of a database stays.
    LAST_GOOD = "the last good recovery point is never removed";
    /// What a wait stands for or copies from is not removed.
    NEEDED = "nothing that is needed is removed";
    /// The rules of the policy.
    KEPT = "what a policy keeps is not removed";
    /// A source snapshot stays until its recovery point is there.
    COPIED = "no source snapshot is removed before it is copied";
    /// A person's freeze stops removal.
    FROZEN = "nothing is removed while removal is frozen";
    /// An incomplete inventory does not show what stays.
    INVENTORY = "nothing is removed by a partial inventory";
    /// A backlog that is larger than the bounds drains.
    REMOVED = "everything removable is removed in the end";
    /// The remover keeps up, and whatever an answer said.
    DRILLS_END = "no drill is left after its deadline";
    /// A name says nothing; a resource id that the call's own answer brought does.
    OWN_ONLY = "only what a restore or a drill made itself is changed or deleted";
    /// Tags and lists of what was restored.
    STAYS_OUT = "nothing restored is selected, pruned or taken for a recovery point";
    /// Settings and members.
    AS_IT_WAS = "a restored database equals its catalog";
    /// On the day it would not answer.
    NO_SOURCE = "a restore never touches a source region";
    /// Backups are a part of the restore.
    BACKED_UP = "no database without backups is called running";
    /// Nothing is left behind in the table.
    GONE = "every wait and slot is gone in the end";
    /// Snapshots of other people stay unchanged.
    FOREIGN = "nothing foreign is touched";
    /// No step repeats itself for ever.
    AT_REST = "the world comes to rest";
    /// A panic that nobody planted is a bug.
    SOUND = "no handler panics";
}
