//! Sets of policies: as they are written in a file, and as they were applied.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::arn::{KeyAlias, KeyArn};
use super::names::OptionGroup;
use super::policy::{Policies, Policy};
use super::schedule::Schedule;
use super::span::Span;
use super::tags::{PolicyName, TagKey};
use super::text::{ParseError, text_newtype};

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

/// A set of policies; `K` is a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySet<K> {
    /// The policy of databases that carry no `snapferry:policy`; without it they are left out.
    pub untagged: Option<PolicyName>,
    /// How many copies may be in flight, of all policies together.
    pub copy_slots: Option<usize>,
    /// The policies by name.
    pub policies: BTreeMap<PolicyName, PolicySpec<K>>,
}

impl<K> PolicySet<K> {
    /// The same set with other keys.
    ///
    /// # Errors
    /// All that `key` answers.
    pub fn with_keys<L, E>(
        &self,
        mut key: impl FnMut(&PolicyName, &K) -> Result<L, E>,
    ) -> Result<PolicySet<L>, Vec<E>> {
        let mut errors = Vec::new();
        let mut policies = BTreeMap::new();
        for (name, spec) in &self.policies {
            let key = spec
                .key
                .as_ref()
                .and_then(|of| key(name, of).map_err(|error| errors.push(error)).ok());
            let spec = PolicySpec {
                schedule: spec.schedule.clone(),
                source: spec.source,
                retention: spec.retention,
                rpo: spec.rpo,
                key,
                carry_tags: spec.carry_tags.clone(),
                option_groups: spec.option_groups.clone(),
                copy_slots: spec.copy_slots,
            };
            policies.insert(name.clone(), spec);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(PolicySet {
            untagged: self.untagged.clone(),
            copy_slots: self.copy_slots,
            policies,
        })
    }
}

impl PolicySet<AppliedKey> {
    /// The policies that it makes, with the stack's key for those that name none.
    #[must_use]
    pub fn policies(&self, key_of_the_stack: &KeyArn) -> Policies {
        let all = self.policies.iter().map(|(name, spec)| Policy {
            name: name.clone(),
            schedule: spec.schedule.clone(),
            source: spec.source,
            key: spec
                .key
                .as_ref()
                .map_or(key_of_the_stack, |key| &key.arn)
                .clone(),
            carry_tags: spec.carry_tags.clone(),
            option_groups: spec.option_groups.clone(),
            copy_slots: spec.copy_slots,
        });
        Policies {
            all: all.collect(),
            untagged: self.untagged.clone(),
            copy_slots: self.copy_slots,
        }
    }
}

/// The number of an applied set: 1, 2, 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32);

impl Version {
    /// The first.
    pub const FIRST: Self = Self(1);

    /// A number from 1.
    ///
    /// # Errors
    /// When it is 0.
    pub fn new(number: u32) -> Result<Self, ParseError> {
        if number == 0 {
            return Err(ParseError::new("0", "a version: 1, 2, 3"));
        }
        Ok(Self(number))
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The one before it, if it is not the first.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        (self.0 > 1).then(|| Self(self.0 - 1))
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_newtype!(
    /// Why a set was applied, in its author's words.
    Note,
    "a note of 1 to 500 characters on one line",
    |text| {
        (1..=500).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    }
);

/// When and by whom a set was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The set's version.
    pub version: Version,
    /// When.
    pub at: Timestamp,
    /// Who: the ARN that AWS knew the caller by.
    pub by: String,
    /// Why.
    pub note: Option<Note>,
}

/// A set that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// When and by whom.
    pub stamp: Stamp,
    /// The file, as it was.
    pub text: String,
    /// What it says, with its aliases resolved.
    pub set: PolicySet<AppliedKey>,
}
