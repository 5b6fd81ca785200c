//! The names that Snapferry gives to executions and snapshots.
//!
//! `sf-<slug>-<planned time>-<hash>[-aN]`, at most 62 characters: within Step Functions' 80,
//! cluster snapshots' 63 and RDS's grammar.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::command::ProtectionRequest;
use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{Attempt, ExecutionName, SnapshotId};
use crate::domain::id::tags::{PolicyName, StackId};

const SLUG_MAX: usize = 30;
const HASH_CHARACTERS: usize = 10;

impl Attempt {
    /// Which attempt an ARN names. A name that Snapferry did not give counts as a first attempt.
    #[must_use]
    pub fn of(arn: &RdsArn) -> Self {
        split_attempt(arn).1
    }
}

/// The name before the attempt's suffix, and the attempt.
fn split_attempt(arn: &RdsArn) -> (&str, Attempt) {
    let name = arn.name();
    let later = Attempt::all().filter(|attempt| *attempt != Attempt::FIRST);
    later
        .filter_map(|attempt| Some((name.strip_suffix(&attempt.suffix())?, attempt)))
        .find(|(base, _)| !base.is_empty())
        .unwrap_or((name, Attempt::FIRST))
}

/// The ARN of the first attempt, for the ARN of any attempt at the same snapshot or copy.
///
/// The wait and the copy slot are stored under it. So one token has one wait and one slot, whichever attempt it has
/// reached and however often SQS delivers its command.
#[must_use]
pub fn first_attempt(arn: &RdsArn) -> RdsArn {
    nth_attempt(arn, Attempt::FIRST)
}

/// The ARN of another attempt at the same snapshot or copy.
#[must_use]
pub fn nth_attempt(arn: &RdsArn, attempt: Attempt) -> RdsArn {
    let (base, named) = split_attempt(arn);
    if named == attempt {
        return arn.clone();
    }
    let id = SnapshotId::from_valid(format!("{base}{}", attempt.suffix()));
    arn.sibling_snapshot(arn.region(), &id)
}

/// The name of the execution that makes one recovery point of one database.
#[must_use]
pub fn execution(stack: &StackId, run: &ProtectionRequest, attempt: Attempt) -> ExecutionName {
    let source = run.options.automated.as_ref();
    let source = source.map_or("", |automated| automated.snapshot.name());
    ExecutionName::from_valid(NameParts::by(stack, run).name(source, attempt))
}

/// The identifier of a run's source snapshot.
#[must_use]
pub fn source_snapshot(stack: &StackId, run: &ProtectionRequest, attempt: Attempt) -> SnapshotId {
    SnapshotId::from_valid(NameParts::by(stack, run).name("", attempt))
}

/// The identifier of the copy of a source snapshot: the same for every execution that copies it.
#[must_use]
pub fn copy(
    stack: &StackId,
    run: &ProtectionRequest,
    source: &SnapshotId,
    attempt: Attempt,
) -> SnapshotId {
    SnapshotId::from_valid(NameParts::by(stack, run).name(source.as_str(), attempt))
}

/// The planned time of the copy that `copy` names, if it is the name that the other parts give it. A person's copy
/// of a copy carries its tags along, and never its name.
#[must_use]
pub fn planned_time_of_copy(
    copy: &RdsArn,
    stack: &StackId,
    database: &DatabaseRef,
    policy: &PolicyName,
    source: &SnapshotId,
) -> Option<Timestamp> {
    planned_time(copy, stack, database, policy, source.as_str())
}

/// The same for a snapshot that a run took itself, in its database's region.
#[must_use]
pub fn planned_time_of_source(
    snapshot: &RdsArn,
    stack: &StackId,
    database: &DatabaseRef,
    policy: &PolicyName,
) -> Option<Timestamp> {
    planned_time(snapshot, stack, database, policy, "")
}

fn planned_time(
    snapshot: &RdsArn,
    stack: &StackId,
    database: &DatabaseRef,
    policy: &PolicyName,
    source: &str,
) -> Option<Timestamp> {
    let (base, attempt) = split_attempt(snapshot);
    let (before, _hash) = base.rsplit_once('-')?;
    let (_, minute) = before.rsplit_once('-')?;
    let planned_at = DateTime::strptime("%Y%m%dt%H%Mz", minute)
        .and_then(|civil| civil.to_zoned(TimeZone::UTC))
        .ok()?
        .timestamp();
    let parts = NameParts {
        stack,
        database,
        policy,
        planned_at,
    };
    (parts.name(source, attempt) == snapshot.name()).then_some(planned_at)
}

/// Every name that a copy of a run's own snapshot can have in the recovery region. Nothing if `source` is no snapshot that a
/// run of these took itself.
#[must_use]
pub fn copies_of_source(
    source: &RdsArn,
    home: &Region,
    stack: &StackId,
    database: &DatabaseRef,
    policy: &PolicyName,
) -> Vec<RdsArn> {
    let Some(planned_at) = planned_time_of_source(source, stack, database, policy) else {
        return Vec::new();
    };
    let parts = NameParts {
        stack,
        database,
        policy,
        planned_at,
    };
    Attempt::all()
        .map(|attempt| {
            let id = SnapshotId::from_valid(parts.name(source.name(), attempt));
            source.sibling_snapshot(home, &id)
        })
        .collect()
}

/// What a name is made of.
struct NameParts<'a> {
    stack: &'a StackId,
    database: &'a DatabaseRef,
    policy: &'a PolicyName,
    planned_at: Timestamp,
}

impl<'a> NameParts<'a> {
    fn by(stack: &'a StackId, run: &'a ProtectionRequest) -> Self {
        Self {
            stack,
            database: &run.database,
            policy: &run.policy,
            planned_at: run.planned_at,
        }
    }

    fn name(&self, source: &str, attempt: Attempt) -> String {
        let database = self.database;
        let parts = [
            self.stack.as_str(),
            database.arn.partition(),
            database.arn.region().as_str(),
            database.arn.kind().as_str(),
            database.resource_id.as_str(),
            self.policy.as_str(),
            source,
        ];
        format!(
            "sf-{}-{}-{}{}",
            slug(database.arn.name()),
            minute(self.planned_at),
            hash(&parts),
            attempt.suffix()
        )
    }
}

/// The readable part: the database's identifier in RDS's grammar, cut to 30 characters.
pub(in crate::domain) fn slug(identifier: &str) -> String {
    let mut slug = String::with_capacity(SLUG_MAX);
    for c in identifier.chars() {
        if slug.len() == SLUG_MAX {
            break;
        }
        match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => slug.push(c),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    let trimmed = slug.trim_end_matches('-');
    if trimmed.is_empty() {
        "db".to_owned()
    } else {
        trimmed.to_owned()
    }
}

/// `yyyymmddthhmmz`, in UTC.
fn minute(time: Timestamp) -> String {
    time.strftime("%Y%m%dt%H%Mz").to_string()
}

/// Fifty bits of SHA-256 in base32. A byte that no part can contain separates the parts.
fn hash(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let mut text = data_encoding::BASE32_NOPAD.encode(&digest.finalize());
    text.truncate(HASH_CHARACTERS);
    text.to_ascii_lowercase()
}
