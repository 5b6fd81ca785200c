//! The rules that every world is judged by.

macro_rules! rules {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)+) => {
        $($(#[doc = $doc])* pub const $name: &str = $text;)+

        /// Every rule there is.
        pub const ALL: &[&str] = &[$($name),+];
    };
}

rules! {
    /// A success, or an entry of the catalog, says what RDS has at that moment.
    TRUE_SUCCESS = "every success agrees with RDS's truth";
    /// Carried tags and the mapped option group.
    AS_ASKED = "a recovery point has what its policy asks for";
    /// A failure has its cause in RDS, or in another execution that is alive.
    TRUE_FAILURE = "every failure agrees with RDS's truth";
    /// What sleeps on a token is not lost sight of.
    LIVE_WAIT = "no live token's wait is deleted or overwritten";
    /// Whichever attempt it is at, and however often its command is delivered.
    ONE_WAIT = "one token has one wait";
    /// Every write of a wait names the token that it expects there.
    OWN_WAIT = "a wait is written only by the token it holds";
    /// Register, then act.
    REGISTERED = "RDS is asked only for what is registered";
    /// Copy slots.
    SLOTS = "never more copies in flight than slots";
    /// Single flight.
    SINGLE_FLIGHT = "one open execution for each database and policy";
    /// Who is selected by tags and can be protected is, and nobody else.
    SELECTED = "only what a policy selects is run";
    /// A run that takes no snapshot of its own names one that RDS took.
    NAMED = "an execution names its own database's automated snapshot, and no other names it";
    /// A region counts as planned only when it is.
    PLANNED = "what is planned has its execution";
    /// What a person reads of the planner is so.
    TRUE_REPORT = "the planner reports what is true";
    /// Once nothing goes wrong any more, every token is answered.
    AWAKE = "nothing sleeps for ever";
    /// A person is called only if there is something to fix.
    HEALTHY = "no command is parked without a cause";
    /// What has failed can be made good.
    REDRIVABLE = "a redrive succeeds once the cause of the failure is fixed";
    /// In the end every execution has its recovery point and says which.
    RECOVERED = "every recovery point is there";
    /// In the end the catalog can be restored from.
    CATALOG = "the catalog names the newest recovery point";
    /// Nothing is left behind in the table.
    GONE = "every wait and slot is gone in the end";
    /// What is not ours stays as it was.
    FOREIGN = "nothing foreign is touched";
    /// No step repeats itself for ever.
    AT_REST = "the world comes to rest";
    /// A panic that nobody planted is a bug.
    SOUND = "no handler panics";
}
