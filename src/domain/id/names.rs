//! The names of executions, snapshots, databases and option groups.

use super::text::{text_newtype, text_serde};
use crate::domain::limits::{ATTEMPTS_MAX, EXECUTION_NAME_MAX, OPTION_GROUP_MAX, SNAPSHOT_ID_MAX};

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
    /// The identifier of a snapshot, ours or somebody else's (`rds:…` for an automated one).
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
    /// The name of an option group as RDS stores it, in lower case. `default:…` is one of RDS's own.
    OptionGroup,
    "the name of an option group: 1 to 255 lower-case letters, digits and single hyphens, beginning with a letter",
    is_option_group
);

text_serde!(OptionGroup);

/// The names of RDS's own groups have a dot if the engine's version has one.
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

impl ExecutionName {
    /// Takes a text that is known to have the right form.
    pub(in crate::domain) fn from_valid(text: String) -> Self {
        Self(text)
    }
}

impl SnapshotId {
    /// Takes a text that is known to have the right form.
    pub(in crate::domain) fn from_valid(text: String) -> Self {
        Self(text)
    }

    /// Whether RDS took this snapshot by itself. Only the names of such snapshots begin with `rds:`.
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

    /// The next attempt. `None` after the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        (self.0 < ATTEMPTS_MAX).then(|| Self(self.0 + 1))
    }

    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// The attempt of this number, if that many are allowed.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::all().find(|attempt| i64::from(attempt.0) == number)
    }

    /// The end of the names of this attempt.
    pub(in crate::domain) fn suffix(self) -> String {
        match self {
            Self::FIRST => String::new(),
            Self(number) => format!("-a{number}"),
        }
    }
}
