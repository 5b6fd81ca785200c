//! What a policy says of drills.

use std::collections::BTreeMap;
use std::fmt;

use jiff::SignedDuration;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::id::text::{ParseError, text_serde};
use crate::domain::policy::span::Span;
use crate::domain::restore::mapping::EVERY_OTHER;

/// The longest deadline. What still lives later is removed even where the table knows nothing of it.
pub const DEADLINE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// How much a drill proves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// RDS runs it, with the settings of the catalog, and reports no failure.
    #[default]
    Runs,
    /// A function of the user's says that its data is right.
    Checked,
}

impl Level {
    /// Its name in a file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runs => "L1",
            Self::Checked => "L3",
        }
    }

    /// Reads the name.
    ///
    /// # Errors
    /// The text, and what is expected.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match text {
            "L1" => Ok(Self::Runs),
            "L3" => Ok(Self::Checked),
            "L2" => Err(ParseError::new(
                text,
                "a level that this version reaches: L2 asks the engine through the Data API, which it does not call; \
                 write L1, or L3 with a check of your own",
            )),
            _ => Err(ParseError::new(
                text,
                "a level of proof: L1 (RDS runs it, with the settings of the catalog) or L3 (a function of yours \
                 says that its data is right)",
            )),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

text_serde!(Level);

/// How many of the databases that are due are drilled at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sample {
    /// All of them.
    #[default]
    All,
    /// This many: those that were never drilled first, then those whose drill is longest ago.
    Oldest(u16),
}

impl Sample {
    /// The word for all of them.
    pub const ALL: &str = "all";

    /// The largest number.
    pub const MAX: u16 = 1_000;

    /// A number of databases, from 1.
    #[must_use]
    pub fn oldest(number: u64) -> Option<Self> {
        let number = u16::try_from(number).ok()?;
        (1..=Self::MAX)
            .contains(&number)
            .then_some(Self::Oldest(number))
    }

    /// The number, if it is one.
    #[must_use]
    pub fn limit(self) -> usize {
        match self {
            Self::All => usize::MAX,
            Self::Oldest(number) => number.into(),
        }
    }
}

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str(Self::ALL),
            Self::Oldest(number) => serializer.serialize_u16(*number),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SampleField {
    Number(u64),
    Word(String),
}

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = match SampleField::deserialize(deserializer)? {
            SampleField::Number(number) => Self::oldest(number),
            SampleField::Word(word) => (word == Self::ALL).then_some(Self::All),
        };
        read.ok_or_else(|| D::Error::custom("a sample is \"all\" or a number from 1"))
    }
}

/// What a policy says of the drills of its databases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillOptions {
    /// How long after a drill the next one is due.
    pub every: Span,
    /// How many of those that are due are drilled at once.
    #[serde(default)]
    pub sample: Sample,
    /// How much a drill proves.
    #[serde(default)]
    pub level: Level,
    /// The function that checks the data: its name or ARN, in the recovery region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The subnet group that the drill is made in.
    pub subnet_group: String,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// How long what a drill makes may live.
    #[serde(default = "usual_deadline")]
    pub deadline: Span,
    /// The most that the drills of one command may cost, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_ceiling: Option<u32>,
    /// How soon a database should be back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<Span>,
    /// Whether the engine's own jobs, events and subscriptions may run in a drill.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_jobs: bool,
    /// For each parameter group of a database, one of the recovery region that starts no jobs. `*` is every other.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameter_groups: BTreeMap<String, String>,
}

impl DrillOptions {
    /// The parameter group of drills that stands for this one.
    #[must_use]
    pub fn parameter_group(&self, name: &str) -> Option<&str> {
        let named = self.parameter_groups.get(name);
        let found = named.or_else(|| self.parameter_groups.get(EVERY_OTHER));
        found.map(String::as_str)
    }
}

/// The deadline, where a policy names none.
#[must_use]
pub fn usual_deadline() -> Span {
    Span::DRILL_DEADLINE
}
