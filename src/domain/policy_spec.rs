//! What is said of one policy.

use std::collections::BTreeMap;
use std::fmt;

use super::arn::{KeyAlias, KeyArn};
use super::names::OptionGroup;
use super::schedule::Schedule;
use super::span::Span;
use super::tags::TagKey;
use super::text::ParseError;

/// What a recovery point is copied from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A snapshot that Snapferry takes when the database is due.
    Snapshot,
    /// RDS's own automated snapshots.
    Automated,
}

impl Source {
    /// The word in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Automated => "automated",
        }
    }

    /// Reads the word.
    ///
    /// # Errors
    /// The word, and what is expected.
    pub fn parse(word: &str) -> Result<Self, ParseError> {
        match word {
            "snapshot" => Ok(Self::Snapshot),
            "automated" => Ok(Self::Automated),
            _ => Err(ParseError::new(
                word,
                "\"snapshot\" or \"automated\": what recovery points are copied from",
            )),
        }
    }
}

/// A key as a file names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyName {
    /// The key itself.
    Arn(KeyArn),
    /// An alias, to be resolved when the file is applied.
    Alias(KeyAlias),
}

impl KeyName {
    /// Reads an alias or the ARN of a key.
    ///
    /// # Errors
    /// The text, and the forms that are expected.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if let Ok(alias) = KeyAlias::parse(text) {
            return Ok(Self::Alias(alias));
        }
        KeyArn::parse(text).map(Self::Arn).map_err(|_| {
            ParseError::new(
                text,
                "a KMS key: alias/NAME, or the ARN of an alias or of a key \
                 (arn:aws:kms:REGION:ACCOUNT:key/ID)",
            )
        })
    }

    /// The region that it names, if it names one.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        match self {
            Self::Arn(key) => Some(key.region()),
            Self::Alias(alias) => alias.region(),
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arn(key) => key.fmt(f),
            Self::Alias(alias) => alias.fmt(f),
        }
    }
}

/// A key as it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedKey {
    /// The key.
    pub arn: KeyArn,
    /// The alias that stood for it when the set was applied.
    pub alias: Option<KeyAlias>,
}

/// What is said of one policy; `K` is a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySpec<K> {
    /// When its databases are due.
    pub schedule: Schedule,
    /// What recovery points are copied from.
    pub source: Source,
    /// How long recovery points are kept. Nothing removes any yet.
    pub retention: Option<Span>,
    /// How old the newest recovery point may be.
    pub rpo: Option<Span>,
    /// The recovery region's key; without one the stack's.
    pub key: Option<K>,
    /// Which of a database's tags its recovery points carry, sorted and each once.
    pub carry_tags: Vec<TagKey>,
    /// The recovery region's option group, by the one that a database has.
    pub option_groups: BTreeMap<OptionGroup, OptionGroup>,
    /// How many of its copies may be in flight.
    pub copy_slots: Option<usize>,
}

impl<K> PolicySpec<K> {
    /// What is said when only the schedule is.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            source: Source::Snapshot,
            retention: None,
            rpo: None,
            key: None,
            carry_tags: Vec::new(),
            option_groups: BTreeMap::new(),
            copy_slots: None,
        }
    }
}
