//! The table's items: how waits are written and read, the keys, and the helpers that every item needs.
//!
//! One table, keyed by `pk` alone:
//!
//! | `pk` | what it is | attributes |
//! | --- | --- | --- |
//! | `wait#<ARN of the first attempt>` | a wait | `attempt` of a later one, `open`, `since`, `opened_at`, `phase`, `token`, `step`, `execution`, `retry`, `run`, `expected`, `source_expires_at`, `absent`, `last_error`, `queue` and `turn` of a queued copy, `ttl` |
//! | `wait#<ARN of the first attempt>` | a removal, in the place of a wait | `removal`, `at`, `why`, `ttl` |
//! | `entered#<ARN of a copy>` | what the settling of its wait found | `source`, `key`, `at`, `snapshot_done_at`; `ttl` once the copy is gone; `mismatch`, `open`, `since` if it was wrong |
//! | `history#<region>#<resource id>#<policy>` | the outcome of the last due times | `due`, `ttl` |
//! | `noted#<region>#<resource id>` | what may go of a database | `rules`, `noted`, `ttl` |
//! | `prune#round` | the pruner's rounds before | `complete_at`, `removing`, `approved` (the rules that may remove) |
//! | `prune#lease` | who prunes | `holder`, `until` |
//! | `freeze` | a person has stopped all removal | `why`, `by`, `at`, `and_drills` if that of drills too |
//! | `listed#<region>` | when its databases were last listed to the end, and which with recovery points it did not show | `at`, `missing` (for each: since, counted at, how many listings) |
//! | `dead#<hash of a token>` | a token that was called dead | `occasion` of the first time, `ttl` |
//! | `slots#copy` | who holds a copy slot | `holders`, `clusters` for the clusters among them, `holders_of:<policy>` and `clusters_of:<policy>` of each bounded policy, `handed:<copy>` of each slot that was handed over and is not taken up yet (`at`, `times`), and `open`, `since` while there are any |
//! | `limit#<instance or cluster>` | what RDS's refusals have taught about that family's copies | `in_flight`, `since`, `step` |
//! | `database#<resource id>#<policy>` | the catalog's entry | `database`, `open_execution`, `claimed_at`, `open_input` (that execution's name and the hash of its input), `recovery_point`, `taken_at`, `refused` |
//! | `planned#<policy>#<region>` | the last due time that the planner has handled | `until`, `kept` (the databases that it could not start) |
//! | `selected#<policy>#<region>#<number>` | databases that it selects there | `parts` (how many such items there are), `second` (the number of the second one; without it 1), `list` (which list the item belongs to), `databases` |
//! | `restore#db#<name>`, `restore#cluster#<name>` | a restore | `restore` (JSON), `revision` |
//! | `drills#<resource id>` | the drill of a database that is under way, and the last ones | `drills` (JSON), `revision` |
//! | `policies#current` | the set of policies that holds | `version`, `at`, `by`, `note`, `text`, `set` |
//! | `policies#<version>` | one that was applied, never changed | the same |
//!
//! `open` and `since` are the keys of the index `open-waits`, `queue` and `turn` those of `copy-queue`. Times are numbers of milliseconds, except `ttl`, which
//! DynamoDB wants in seconds. The token is stored once, in an attribute of its own, where every condition compares it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::domain::id::arn::{ExecutionArn, Family, KeyArn, RdsArn};
use crate::domain::id::names::Attempt;
use crate::domain::id::text::ParseError;
use crate::domain::id::token::TaskToken;
use crate::domain::run::command::{Command, Step};
use crate::domain::run::failure::Remedy;
use crate::domain::run::last_error::LastError;
use crate::domain::run::naming::{first_attempt, nth_attempt};
use crate::domain::run::turn::Turn;
use crate::domain::run::wait::{Expectation, ExpectedCopy, Phase, Wait};
use crate::json;

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// The table's key.
pub(super) const PK: &str = "pk";
/// The hash key of the index of open items.
pub(super) const OPEN: &str = "open";
/// The value of `open`.
pub(super) const OPEN_WAIT: &str = "wait";
/// The same for a copy that is not what was asked for.
pub(super) const OPEN_MISMATCH: &str = "mismatch";
/// The range key of that index: the beginning of the phase.
pub(super) const SINCE: &str = "since";
/// The hash key of the index of queued copies: their family.
pub(super) const QUEUE: &str = "queue";
/// The range key of that index: the copy's place.
pub(super) const TURN: &str = "turn";
pub(super) const PHASE: &str = "phase";
pub(super) const TOKEN: &str = "token";
/// The number of a later attempt.
pub(super) const ATTEMPT: &str = "attempt";
/// The key of the item that holds the copy slots.
pub(super) const SLOTS_KEY: &str = "slots#copy";
pub(super) const HOLDERS: &str = "holders";
/// The prefix of the attributes with the holders of a policy that has slots of its own. The policy's name follows.
pub(super) const HOLDERS_OF: &str = "holders_of:";
/// The copies of cluster snapshots that hold a slot.
pub(super) const CLUSTERS: &str = "clusters";
/// The prefix of the attributes with those of a policy that has slots of its own for clusters.
pub(super) const CLUSTERS_OF: &str = "clusters_of:";
/// The prefix of the attribute with the stamp of a slot that was handed over. The copy's ARN follows.
pub(super) const HANDED: &str = "handed:";

/// Whether the last sweep did not see the resource: there or not there.
pub(super) const ABSENT: &str = "absent";
/// When a token was first called dead.
pub(super) const OCCASION: &str = "occasion";
pub(super) const LAST_ERROR: &str = "trouble";

/// The snapshot that is being removed. No wait has this attribute.
pub(super) const REMOVAL: &str = "removal";

const WAIT_PREFIX: &str = "wait#";
const OPENED_AT: &str = "opened_at";
const STEP: &str = "step";
const EXECUTION: &str = "execution";
const RETRY: &str = "retry";
const RUN: &str = "run";
const EXPECTED: &str = "expected";
const SOURCE_EXPIRES_AT: &str = "source_expires_at";
pub(super) const TTL: &str = "ttl";

const KIND: &str = "kind";
const SNAPSHOT: &str = "snapshot";
const COPY: &str = "copy";
const SOURCE: &str = "source";
const KEY: &str = "key";
const ENGINE: &str = "engine";
const SIZE_GIB: &str = "size_gib";
const TAKEN_AT: &str = "taken_at";
const REMEDY: &str = "remedy";
const WHY: &str = "why";
pub(super) const AT: &str = "at";

/// Why an item cannot be read. It names the attribute and what was expected, and quotes nothing, because a broken item may
/// have its token anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the item's {attribute} is not {expected}")]
pub struct ItemError {
    attribute: &'static str,
    expected: String,
}

impl ItemError {
    pub(super) fn new(attribute: &'static str, expected: impl Into<String>) -> Self {
        Self {
            attribute,
            expected: expected.into(),
        }
    }
}

/// The key of the wait for a snapshot or copy, whichever attempt it is at.
pub(super) fn wait_key(resource: &RdsArn) -> AttributeValue {
    text(format!("{WAIT_PREFIX}{}", first_attempt(resource)))
}

/// The key under which version 0.1.0 stored the wait of a later attempt: that attempt's own ARN.
pub(super) fn old_wait_key(resource: &RdsArn) -> Option<AttributeValue> {
    (Attempt::of(resource) != Attempt::FIRST).then(|| text(format!("{WAIT_PREFIX}{resource}")))
}

/// The condition that the stored wait is at this attempt. A first attempt has no number, as in version 0.1.0.
pub(super) fn is_at_attempt(resource: &RdsArn) -> (&'static str, Option<AttributeValue>) {
    match Attempt::of(resource) {
        Attempt::FIRST => ("attribute_not_exists(#attempt)", None),
        later => ("#attempt = :attempt", Some(number(later.number().into()))),
    }
}

/// The key of what was heard of a token: a hash, because a token is a secret.
pub(super) fn dead_key(token: &TaskToken) -> AttributeValue {
    let hash = Sha256::digest(token.reveal());
    text(format!("dead#{}", data_encoding::HEXLOWER.encode(&hash)))
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn time(value: Timestamp) -> AttributeValue {
    number(value.as_millisecond())
}

/// The snapshot whose removal stands in a wait's place.
pub(super) fn read_removal(item: &Item) -> Result<RdsArn, ItemError> {
    parsed(REMOVAL, RdsArn::parse(get_text(item, REMOVAL)?))
}

/// Whether an item under a wait's key is a removal.
pub(super) fn is_removal(item: &Item) -> bool {
    item.contains_key(REMOVAL)
}

/// The copy that the wait under this key is for, at its first attempt.
pub(super) fn resource_of_key(item: &Item) -> Result<RdsArn, ItemError> {
    let resource = get_text(item, PK)?
        .strip_prefix(WAIT_PREFIX)
        .ok_or_else(|| ItemError::new(PK, "the key of a wait"))?;
    snapshot(PK, resource)
}

/// The queue that a copy waits in: its family's.
pub(super) fn queue_of(copy: &RdsArn) -> AttributeValue {
    queue_of_family(copy.family())
}

pub(super) fn queue_of_family(family: Family) -> AttributeValue {
    text(match family {
        Family::Instance => "instance",
        Family::Cluster => "cluster",
    })
}

/// An item's key for the log.
pub(super) fn key_of(item: &Item) -> &str {
    match item.get(PK) {
        Some(AttributeValue::S(key)) => key,
        _ => "(no key)",
    }
}

/// Writes a wait as an item.
#[must_use]
pub fn write_wait(wait: &Wait) -> Item {
    let command = &wait.command;
    let mut item = Item::from([
        (PK.to_owned(), wait_key(&wait.resource)),
        (OPEN.to_owned(), text(OPEN_WAIT)),
        (SINCE.to_owned(), time(wait.since)),
        (OPENED_AT.to_owned(), time(wait.opened_at)),
        (PHASE.to_owned(), text(wait.phase.as_str())),
        (TOKEN.to_owned(), text(command.token.reveal())),
        (STEP.to_owned(), text(command.step.as_str())),
        (EXECUTION.to_owned(), text(command.execution.as_str())),
        (RETRY.to_owned(), number(command.retry.into())),
        (RUN.to_owned(), text(json::run::write(&command.run))),
        (EXPECTED.to_owned(), write_expectation(&wait.expected)),
        (TTL.to_owned(), number(wait.expires_at().as_second())),
    ]);
    let attempt = Attempt::of(&wait.resource);
    if attempt != Attempt::FIRST {
        item.insert(ATTEMPT.to_owned(), number(attempt.number().into()));
    }
    if let Some(expires) = wait.source_expires_at {
        item.insert(SOURCE_EXPIRES_AT.to_owned(), time(expires));
    }
    if wait.phase == Phase::Queued {
        item.insert(QUEUE.to_owned(), queue_of(&wait.resource));
        item.insert(TURN.to_owned(), text(Turn::of(wait).to_string()));
    }
    if wait.absent {
        item.insert(ABSENT.to_owned(), AttributeValue::Bool(true));
    }
    if let Some(last_error) = &wait.last_error {
        item.insert(LAST_ERROR.to_owned(), write_last_error(last_error));
    }
    item
}

pub(super) fn write_last_error(last_error: &LastError) -> AttributeValue {
    let mut map = Item::from([
        (WHY.to_owned(), text(&last_error.why)),
        (AT.to_owned(), time(last_error.at)),
    ]);
    if let Some(remedy) = last_error.remedy {
        map.insert(REMEDY.to_owned(), text(remedy.as_str()));
    }
    AttributeValue::M(map)
}

/// No decision depends on the last error, so if it cannot be read, only its text is lost and not the wait.
fn read_last_error(item: &Item) -> Option<LastError> {
    let Some(AttributeValue::M(map)) = item.get(LAST_ERROR) else {
        return None;
    };
    Some(LastError {
        remedy: get_text(map, REMEDY).ok().and_then(Remedy::parse),
        why: get_text(map, WHY).ok()?.to_owned(),
        at: get_time(map, AT).ok()?,
    })
}

fn write_expectation(expected: &Expectation) -> AttributeValue {
    let map = match expected {
        Expectation::Snapshot => Item::from([(KIND.to_owned(), text(SNAPSHOT))]),
        Expectation::Copy(copy) => write_copy(copy),
    };
    AttributeValue::M(map)
}

fn write_copy(copy: &ExpectedCopy) -> Item {
    let mut map = Item::from([
        (KIND.to_owned(), text(COPY)),
        (SOURCE.to_owned(), text(copy.source.to_string())),
        (KEY.to_owned(), text(copy.key.as_str())),
        (ENGINE.to_owned(), text(&copy.engine)),
        (SIZE_GIB.to_owned(), number(copy.size_gib.into())),
    ]);
    if let Some(taken_at) = copy.taken_at {
        // Store RDS's time in full, not in milliseconds: the copy's tag must equal the source's time.
        map.insert(TAKEN_AT.to_owned(), text(taken_at.to_string()));
    }
    map
}

/// Reads a wait.
///
/// # Errors
/// If an attribute is missing or has another form: which one.
pub fn read_wait(item: &Item) -> Result<Wait, ItemError> {
    let mut resource = resource_of_key(item)?;
    let step = match get_text(item, STEP)? {
        word if word == Step::Snapshot.as_str() => Step::Snapshot,
        word if word == Step::Copy.as_str() => Step::Copy,
        _ => return Err(ItemError::new(STEP, "snapshot or copy")),
    };
    let retry = u32::try_from(get_number(item, RETRY)?)
        .map_err(|_| ItemError::new(RETRY, "a number of retries"))?;
    let phase = Phase::parse(get_text(item, PHASE)?)
        .ok_or_else(|| ItemError::new(PHASE, "a phase of a wait"))?;
    let run = json::run::read(get_text(item, RUN)?)
        .map_err(|_| ItemError::new(RUN, "an execution's input that this version reads"))?;
    if item.contains_key(ATTEMPT) {
        let attempt = Attempt::from_number(get_number(item, ATTEMPT)?)
            .ok_or_else(|| ItemError::new(ATTEMPT, "the number of an attempt"))?;
        resource = nth_attempt(&resource, attempt);
    }
    Ok(Wait {
        resource,
        command: Command {
            step,
            token: parsed(TOKEN, TaskToken::parse(get_text(item, TOKEN)?))?,
            execution: parsed(EXECUTION, ExecutionArn::parse(get_text(item, EXECUTION)?))?,
            retry,
            run,
        },
        expected: read_expectation(item)?,
        phase,
        since: get_time(item, SINCE)?,
        opened_at: get_time(item, OPENED_AT)?,
        source_expires_at: item
            .contains_key(SOURCE_EXPIRES_AT)
            .then(|| get_time(item, SOURCE_EXPIRES_AT))
            .transpose()?,
        absent: matches!(item.get(ABSENT), Some(AttributeValue::Bool(true))),
        last_error: read_last_error(item),
    })
}

fn read_expectation(item: &Item) -> Result<Expectation, ItemError> {
    let Some(AttributeValue::M(map)) = item.get(EXPECTED) else {
        return Err(ItemError::new(EXPECTED, "a map"));
    };
    match get_text(map, KIND)? {
        SNAPSHOT => Ok(Expectation::Snapshot),
        COPY => read_copy(map).map(Expectation::Copy),
        _ => Err(ItemError::new(KIND, "snapshot or copy")),
    }
}

fn read_copy(map: &Item) -> Result<ExpectedCopy, ItemError> {
    Ok(ExpectedCopy {
        source: snapshot(SOURCE, get_text(map, SOURCE)?)?,
        key: parsed(KEY, KeyArn::parse(get_text(map, KEY)?))?,
        engine: get_text(map, ENGINE)?.to_owned(),
        size_gib: i32::try_from(get_number(map, SIZE_GIB)?)
            .map_err(|_| ItemError::new(SIZE_GIB, "a size in GiB"))?,
        taken_at: map
            .contains_key(TAKEN_AT)
            .then(|| get_text(map, TAKEN_AT))
            .transpose()?
            .map(|time| time.parse().map_err(|_| ItemError::new(TAKEN_AT, "a time")))
            .transpose()?,
    })
}

/// Reads the ARN of a snapshot. Waits and copies are only about snapshots, and RDS would never show a database among them.
fn snapshot(attribute: &'static str, arn: &str) -> Result<RdsArn, ItemError> {
    let arn = parsed(attribute, RdsArn::parse(arn))?;
    if arn.kind().is_snapshot() {
        Ok(arn)
    } else {
        Err(ItemError::new(
            attribute,
            "the ARN of a snapshot, and not of a database",
        ))
    }
}

pub(super) fn get_text<'a>(item: &'a Item, attribute: &'static str) -> Result<&'a str, ItemError> {
    match item.get(attribute) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(ItemError::new(attribute, "a text")),
    }
}

pub(super) fn get_number(item: &Item, attribute: &'static str) -> Result<i64, ItemError> {
    match item.get(attribute) {
        Some(AttributeValue::N(digits)) => digits
            .parse()
            .map_err(|_| ItemError::new(attribute, "a whole number")),
        _ => Err(ItemError::new(attribute, "a number")),
    }
}

pub(super) fn get_time(item: &Item, attribute: &'static str) -> Result<Timestamp, ItemError> {
    Timestamp::from_millisecond(get_number(item, attribute)?)
        .map_err(|_| ItemError::new(attribute, "a time in milliseconds"))
}

pub(super) fn parsed<T>(
    attribute: &'static str,
    result: Result<T, ParseError>,
) -> Result<T, ItemError> {
    result.map_err(|error| ItemError::new(attribute, error.expected))
}
