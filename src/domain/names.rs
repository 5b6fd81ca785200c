//! The names that we give: executions and snapshots.
//!
//! `sf-<slug>-<planned time>-<hash>[-aN]`, at most 62 characters: within Step Functions' 80,
//! cluster snapshots' 63 and RDS's grammar.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::arn::{ParseError, RdsArn, text_newtype};
use super::command::Run;
use super::limits::{ATTEMPTS_MAX, EXECUTION_NAME_MAX, OPTION_GROUP_MAX, SNAPSHOT_ID_MAX};
use super::tags::StackId;

const SLUG_MAX: usize = 30;
const HASH_CHARACTERS: usize = 10;

text_newtype!(
    /// The name of an execution: unique for 90 days in its state machine.
    ExecutionName,
    "an execution name of 1 to 80 letters, digits, hyphens and underscores",
    |text| {
        !text.is_empty()
            && text.len() <= EXECUTION_NAME_MAX
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    }
);
text_newtype!(
    /// The identifier of a snapshot, ours or another's (`rds:…` for an automated one).
    SnapshotId,
    "the identifier of a snapshot",
    |text| !text.is_empty() && text.len() <= SNAPSHOT_ID_MAX && text.bytes().all(|b| b.is_ascii_graphic())
);
text_newtype!(
    /// A database's resource id (`DbiResourceId`, `DbClusterResourceId`): it outlives a rename.
    ResourceId,
    "a database's resource id such as db-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    |text| !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
);

text_newtype!(
    /// The name of an option group, as RDS keeps it: in lower case. `default:…` is one of RDS's own.
    OptionGroup,
    "the name of an option group: 1 to 255 lower-case letters, digits and single hyphens, beginning with a letter",
    is_option_group
);

/// RDS's own have a dot where an engine's version has one.
fn is_option_group(text: &str) -> bool {
    let (name, own) = match text.strip_prefix("default:") {
        Some(name) => (name, true),
        None => (text, false),
    };
    text.len() <= OPTION_GROUP_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--")
        && name.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || (own && b == b'.')
        })
}

impl SnapshotId {
    /// The identifier of the snapshot that an ARN names.
    #[must_use]
    pub fn of(arn: &RdsArn) -> Self {
        Self(arn.name().to_owned())
    }

    /// Whether RDS took it by itself: only their names begin with `rds:`.
    #[must_use]
    pub fn is_automated(&self) -> bool {
        self.0
            .strip_prefix("rds:")
            .is_some_and(|rest| !rest.is_empty())
    }
}

/// The number of an attempt: the first has no suffix, the second is `-a2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt(u8);

impl Attempt {
    /// The first attempt, without a suffix.
    pub const FIRST: Self = Self(1);

    /// All attempts, the first one first.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=ATTEMPTS_MAX).map(Self)
    }

    /// Which attempt an ARN names. What is not named by us counts as a first attempt.
    #[must_use]
    pub fn of(arn: &RdsArn) -> Self {
        split_attempt(arn).1
    }

    /// The attempt after this one; nothing after the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        (self.0 < ATTEMPTS_MAX).then(|| Self(self.0 + 1))
    }

    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// The attempt of this number, if there may be so many.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::all().find(|attempt| i64::from(attempt.0) == number)
    }

    fn suffix(self) -> String {
        match self {
            Self::FIRST => String::new(),
            Self(number) => format!("-a{number}"),
        }
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

/// The ARN of the first attempt at the snapshot or copy that `arn` names an attempt at.
///
/// The wait and the copy slot belong to it. So one token has one wait and one slot, whichever attempt it has
/// reached and however often its command is delivered.
#[must_use]
pub fn first_attempt(arn: &RdsArn) -> RdsArn {
    nth_attempt(arn, Attempt::FIRST)
}

/// The ARN of another attempt at the snapshot or copy that `arn` names an attempt at.
#[must_use]
pub fn nth_attempt(arn: &RdsArn, attempt: Attempt) -> RdsArn {
    let (base, named) = split_attempt(arn);
    if named == attempt {
        return arn.clone();
    }
    let id = SnapshotId(format!("{base}{}", attempt.suffix()));
    arn.sibling_snapshot(arn.region(), &id)
}

/// The name of the execution that makes one recovery point of one database.
#[must_use]
pub fn execution(stack: &StackId, run: &Run, attempt: Attempt) -> ExecutionName {
    let source = run.extras.automated.as_ref();
    let source = source.map_or("", |automated| automated.snapshot.name());
    ExecutionName(name(stack, run, source, attempt))
}

/// The identifier of the source snapshot that a run takes.
#[must_use]
pub fn source_snapshot(stack: &StackId, run: &Run, attempt: Attempt) -> SnapshotId {
    SnapshotId(name(stack, run, "", attempt))
}

/// The identifier of the copy of a source snapshot: the same for every execution that copies it.
#[must_use]
pub fn copy(stack: &StackId, run: &Run, source: &SnapshotId, attempt: Attempt) -> SnapshotId {
    SnapshotId(name(stack, run, source.as_str(), attempt))
}

fn name(stack: &StackId, run: &Run, source: &str, attempt: Attempt) -> String {
    let database = &run.database;
    let parts = [
        stack.as_str(),
        database.arn.partition(),
        database.arn.region().as_str(),
        database.arn.kind().as_str(),
        database.resource_id.as_str(),
        run.policy.as_str(),
        source,
    ];
    format!(
        "sf-{}-{}-{}{}",
        slug(database.arn.name()),
        minute(run.planned_at),
        hash(&parts),
        attempt.suffix()
    )
}

/// The readable part: the database's identifier in RDS's grammar, cut to 30 characters.
fn slug(identifier: &str) -> String {
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

/// Fifty bits of SHA-256 in base32. Parts are separated by a byte that none of them can hold.
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
