//! Numbers that AWS sets or that must agree with each other, each with its source.

use jiff::SignedDuration;

/// Longest name of a Step Functions execution (StartExecution, `name`).
pub const EXECUTION_NAME_MAX: usize = 80;
/// Longest identifier of a DB cluster snapshot (CreateDBClusterSnapshot); instance snapshots may have 255.
pub const CLUSTER_SNAPSHOT_ID_MAX: usize = 63;
/// Longest identifier of a DB snapshot (CreateDBSnapshot).
pub const SNAPSHOT_ID_MAX: usize = 255;
/// Longest task token (Step Functions API model, `TaskToken`).
pub const TASK_TOKEN_MAX: usize = 2_048;
/// Longest `cause` of SendTaskFailure, in characters.
pub const CAUSE_MAX: usize = 32_768;
/// How much of a trouble is kept in its wait, in characters: an item is read whole by every sweep.
pub const TROUBLE_MAX: usize = 1_000;
/// Longest tag value that RDS stores.
pub const TAG_VALUE_MAX: usize = 256;
/// Longest tag key that RDS stores.
pub const TAG_KEY_MAX: usize = 128;
/// Most tags of one RDS resource (AddTagsToResource; RDS user guide, *Tagging*).
pub const TAGS_MAX: usize = 50;
/// How many of them are ours: the keys of `domain::tags` that are set on a copy.
pub const OWN_TAGS: usize = 7;
/// Most tags that a policy may carry over.
pub const CARRIED_TAGS_MAX: usize = TAGS_MAX - OWN_TAGS;
/// Most copies in flight to one region (RDS user guide, *Copying a DB snapshot*).
pub const COPY_SLOTS_MAX: usize = 20;
/// Longest name of an option group (CreateOptionGroup).
pub const OPTION_GROUP_MAX: usize = 255;
/// Longest policy file, in bytes: the text and what was read from it are kept in one item, and DynamoDB takes
/// 400 KB of one.
pub const POLICY_FILE_MAX: usize = 100_000;
/// Keys of one BatchGetItem (DynamoDB).
pub const BATCH_GET_MAX: usize = 100;
/// How many attempts ("-a2", "-a3", …) one source snapshot or copy may have, over all redrives.
///
/// The state machine allows three attempts in one go; a redrive allows three more.
pub const ATTEMPTS_MAX: u8 = 9;
/// How long a state of the state machine sleeps on its token: a long weekend and a slow copy.
///
/// The same number stands in `statemachine/protect.asl.json` as `TimeoutSeconds`; a test holds them together.
pub const STATE_TIMEOUT: SignedDuration = SignedDuration::from_hours(4 * 24);
/// How long a wait is kept in the table: twice the state's timeout and two days.
pub const WAIT_TIME_TO_LIVE: SignedDuration = SignedDuration::from_hours(10 * 24);
/// Longest visibility timeout of a message (SQS, ChangeMessageVisibility), in seconds.
pub const VISIBILITY_SECONDS_MAX: u64 = 43_200;
/// Receives after which SQS moves a message to the dead-letter queue (`maxReceiveCount` in the template).
pub const MAX_RECEIVES: u32 = 10;
/// How long a wait may stay registered before its command is sent again. Ten receives with growing delays take
/// less, so no message of it is in the queue any more: it rests with the dead letters, or is lost.
pub const COMMAND_LIFETIME: SignedDuration = SignedDuration::from_hours(3);
/// How long an execution that Step Functions does not know keeps the place that was claimed for it: no function
/// runs longer (Lambda, function timeout), so nobody is left who would still start it.
pub const CLAIM_GRACE: SignedDuration = SignedDuration::from_mins(15);
/// How often a hint that RDS does not bear out yet is looked at again before the sweep gets it.
pub const HINT_RECHECKS: u32 = 3;
/// How long after its end an execution can be redriven (RedriveExecution).
pub const REDRIVE_WINDOW: SignedDuration = SignedDuration::from_hours(14 * 24);

const _: () = assert!(WAIT_TIME_TO_LIVE.as_secs() == 2 * STATE_TIMEOUT.as_secs() + 2 * 86_400);
/// The copies of all attempts at a source are looked up at once.
const _: () = assert!((ATTEMPTS_MAX as usize) <= BATCH_GET_MAX);
