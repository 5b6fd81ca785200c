//! Numbers that AWS sets, or that must fit together, each with its source.

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
/// How much of the last error a wait keeps, in characters. It is short because every sweep reads the whole item.
pub const TROUBLE_MAX: usize = 1_000;
/// Longest tag value that RDS stores.
pub const TAG_VALUE_MAX: usize = 256;
/// Longest tag key that RDS stores.
pub const TAG_KEY_MAX: usize = 128;
/// Most tags of one RDS resource (AddTagsToResource; RDS user guide, *Tagging*).
pub const TAGS_MAX: usize = 50;
/// How many of them are Snapferry's own: the keys of `domain::tags` that it sets on a copy.
pub const OWN_TAGS: usize = 7;
/// Most tags that a policy may carry over.
pub const CARRIED_TAGS_MAX: usize = TAGS_MAX - OWN_TAGS;
/// Most copies in flight to one region (RDS user guide, *Copying a DB snapshot*).
pub const COPY_SLOTS_MAX: usize = 20;
/// Most copies of cluster snapshots in flight to one region (Aurora, Neptune and DocumentDB guides, *Copying a DB cluster
/// snapshot*).
pub const CLUSTER_COPY_SLOTS: usize = 5;
/// Longest name of an option group (CreateOptionGroup).
pub const OPTION_GROUP_MAX: usize = 255;
/// Longest policy file, in bytes. One item holds the text and what was read from it, and DynamoDB allows 400 KB for an
/// item.
pub const POLICY_FILE_MAX: usize = 100_000;
/// Keys of one BatchGetItem (DynamoDB).
pub const BATCH_GET_MAX: usize = 100;
/// Events of one PutEvents call (EventBridge).
pub const PUT_EVENTS_MAX: usize = 10;
/// How many attempts ("-a2", "-a3", …) one source snapshot or copy may have, over all redrives.
///
/// The state machine allows three attempts in one go; a redrive allows three more.
pub const ATTEMPTS_MAX: u8 = 9;
/// How long a state of the state machine sleeps on its token: enough for a long weekend and a slow copy.
///
/// `TimeoutSeconds` in `statemachine/protect.asl.json` is the same number. A test compares the two.
pub const STATE_TIMEOUT: SignedDuration = SignedDuration::from_hours(4 * 24);
/// How long a wait is kept in the table: twice the state's timeout and two days.
pub const WAIT_TIME_TO_LIVE: SignedDuration = SignedDuration::from_hours(10 * 24);
/// Longest visibility timeout of a message (SQS, ChangeMessageVisibility), in seconds.
pub const VISIBILITY_SECONDS_MAX: u64 = 43_200;
/// Receives after which SQS moves a message to the dead-letter queue (`maxReceiveCount` in the template).
pub const MAX_RECEIVES: u32 = 10;
/// How long a wait may stay registered before the sweeper sends its command again. Ten receives with growing delays take
/// less time, so the queue no longer has a message with it: the message is a dead letter, or lost.
pub const COMMAND_LIFETIME: SignedDuration = SignedDuration::from_hours(3);
/// How long an execution that Step Functions does not know keeps its claim. No function runs longer (Lambda, function
/// timeout), so after this time nothing can still be about to start it.
pub const CLAIM_GRACE: SignedDuration = SignedDuration::from_mins(15);
/// How often the reactor looks again at a hint that RDS does not confirm, before it leaves the wait to the sweep.
pub const HINT_RECHECKS: u32 = 3;
/// How long after its end an execution can be redriven (RedriveExecution).
pub const REDRIVE_WINDOW: SignedDuration = SignedDuration::from_hours(14 * 24);

const _: () = assert!(WAIT_TIME_TO_LIVE.as_secs() == 2 * STATE_TIMEOUT.as_secs() + 2 * 86_400);
/// The copies of all attempts at a source are looked up at once.
const _: () = assert!((ATTEMPTS_MAX as usize) <= BATCH_GET_MAX);
