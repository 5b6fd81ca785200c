//! What a file says about one policy.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::retention::Retention;
use super::schedule::Schedule;
use super::span::Span;
use super::spread::Spread;
use crate::domain::drill::options::DrillOptions;
use crate::domain::id::arn::{KeyAlias, KeyArn};
use crate::domain::id::names::OptionGroup;
use crate::domain::id::tags::TagKey;
use crate::domain::id::text::{ParseError, text_serde};
use crate::domain::restore::mapping::RestoreMapping;

/// The source of a recovery point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Source {
    /// A snapshot that Snapferry takes when the database is due.
    #[default]
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

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

text_serde!(Source);

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

impl Serialize for KeyName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        BTreeMap::from([("kms_key", self.to_string())]).serialize(serializer)
    }
}

/// A key as it was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedKey {
    /// The key.
    #[serde(rename = "kms_key")]
    pub arn: KeyArn,
    /// The alias that stood for it when the set was applied.
    #[serde(rename = "kms_alias", skip_serializing_if = "Option::is_none")]
    pub alias: Option<KeyAlias>,
}

/// The optional fields of a policy. This is their one list: for the file, for the stored set, and for the planner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyOptions {
    /// The source of its recovery points.
    pub source: Source,
    /// How long recovery points are kept. Its reader takes its fields out first: they are many.
    #[serde(flatten, skip_deserializing)]
    pub retention: Retention,
    /// How old the newest recovery point may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpo: Option<Span>,
    /// Which of a database's tags its recovery points carry, sorted and each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carry_tags: Vec<TagKey>,
    /// For each option group of a database, the recovery region's option group for its copy.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub option_groups: BTreeMap<OptionGroup, OptionGroup>,
    /// How many of its copies may be in flight.
    #[serde(
        default,
        deserialize_with = "slots",
        skip_serializing_if = "Option::is_none"
    )]
    pub copy_slots: Option<usize>,
    /// How many of its copies of cluster snapshots may be in flight.
    #[serde(
        default,
        deserialize_with = "slots",
        skip_serializing_if = "Option::is_none"
    )]
    pub cluster_copy_slots: Option<usize>,
    /// How long after a due time it is made up for. `None` in sets that an earlier version applied: they make up for every
    /// due time, however late. The usual length is not written, so that an earlier version can read the set; the item that
    /// holds the set says that it counts.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub catch_up: Option<Span>,
    /// Over how long a time its databases are spread after a due time. `None` in sets that an earlier version applied:
    /// there all of them begin at the due time. The usual length is not written, for the same reason as with `catch_up`.
    #[serde(default, skip_serializing_if = "is_usual_spread")]
    pub spread: Option<Spread>,
    /// Whether nothing of it is started: neither when it is due, nor for an automated snapshot, nor by `start`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Which names of the recovery region stand for which in a restore.
    #[serde(default, skip_serializing_if = "RestoreMapping::is_empty")]
    pub restore: RestoreMapping,
    /// How its recovery points are drilled. Without it, they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillOptions>,
}

#[expect(clippy::ref_option, reason = "serde hands the field over so")]
fn is_usual(catch_up: &Option<Span>) -> bool {
    catch_up.is_none_or(|span| span == Span::CATCH_UP)
}

#[expect(clippy::ref_option, reason = "serde hands the field over so")]
fn is_usual_spread(spread: &Option<Spread>) -> bool {
    spread.is_none_or(|spread| spread == Spread::USUAL)
}

/// Refuses zero slots: the copies of such a policy would never begin.
fn slots<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let slots = Option::<NonZeroUsize>::deserialize(deserializer)?;
    Ok(slots.map(NonZeroUsize::get))
}

/// One policy of a set. `K` is a key, as a file names it or as it was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicySpec<K> {
    /// When its databases are due.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// The recovery region's key. Without one, the stack's key is used.
    #[serde(flatten)]
    pub key: Option<K>,
    /// Everything else.
    #[serde(flatten)]
    pub options: PolicyOptions,
}

impl<K> PolicySpec<K> {
    /// A policy that only has a schedule.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            key: None,
            options: PolicyOptions::default(),
        }
    }
}
