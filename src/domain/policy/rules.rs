//! Which recovery points are kept: restic's rules.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;

use serde::de::{self, Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::keep_span::KeepSpan;
use crate::domain::id::text::ParseError;

/// What is counted: recovery points, or hours, days, weeks, months and years that have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Recovery points.
    Last,
    /// Hours.
    Hourly,
    /// Days.
    Daily,
    /// Weeks from Monday on, as ISO 8601 numbers them.
    Weekly,
    /// Months.
    Monthly,
    /// Years.
    Yearly,
}

impl Unit {
    /// The word in a rule's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a rule is about, without its number or length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleKind {
    /// This many of a unit.
    Count(Unit),
    /// All that are younger than the newest minus this span.
    Within,
    /// Within this span, one for each of a unit.
    WithinEach(Unit),
}

/// Every rule's name, in the order in which people expect them.
pub const RULE_NAMES: [(&str, RuleKind); 12] = [
    ("keep_last", RuleKind::Count(Unit::Last)),
    ("keep_hourly", RuleKind::Count(Unit::Hourly)),
    ("keep_daily", RuleKind::Count(Unit::Daily)),
    ("keep_weekly", RuleKind::Count(Unit::Weekly)),
    ("keep_monthly", RuleKind::Count(Unit::Monthly)),
    ("keep_yearly", RuleKind::Count(Unit::Yearly)),
    ("keep_within", RuleKind::Within),
    ("keep_within_hourly", RuleKind::WithinEach(Unit::Hourly)),
    ("keep_within_daily", RuleKind::WithinEach(Unit::Daily)),
    ("keep_within_weekly", RuleKind::WithinEach(Unit::Weekly)),
    ("keep_within_monthly", RuleKind::WithinEach(Unit::Monthly)),
    ("keep_within_yearly", RuleKind::WithinEach(Unit::Yearly)),
];

/// How many are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// No matter how many.
    All,
    /// So many.
    Number(NonZeroU32),
}

impl Count {
    /// The word for no matter how many.
    pub const ALL: &'static str = "all";

    /// What a count may be.
    pub const EXPECTED: &'static str = "a whole number from 1, or \"all\"";
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str(Self::ALL),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str(Self::ALL),
            Self::Number(number) => serializer.serialize_u32(number.get()),
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Json {
            Number(NonZeroU32),
            Word(String),
        }
        match Json::deserialize(deserializer) {
            Ok(Json::Number(number)) => Ok(Self::Number(number)),
            Ok(Json::Word(word)) if word == Self::ALL => Ok(Self::All),
            Ok(Json::Word(word)) => Err(D::Error::custom(ParseError::new(&word, Self::EXPECTED))),
            Err(_) => Err(D::Error::custom(format!("expected {}", Self::EXPECTED))),
        }
    }
}

/// Rules that stand side by side: what any of them keeps stays. Without one, everything stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The newest of each of this many hours, days and so on.
    pub counts: BTreeMap<Unit, Count>,
    /// Everything that is not older than the newest minus this span.
    pub within: Option<KeepSpan>,
    /// Within this span before the newest, the newest of each hour, day and so on.
    pub within_each: BTreeMap<Unit, KeepSpan>,
}

impl Rules {
    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.within.is_none() && self.within_each.is_empty()
    }

    /// Each rule with its name and its number or length.
    pub fn by_name(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        RULE_NAMES.into_iter().filter_map(|(name, kind)| {
            let value = match kind {
                RuleKind::Count(unit) => self.counts.get(&unit)?.to_string(),
                RuleKind::Within => self.within.as_ref()?.to_string(),
                RuleKind::WithinEach(unit) => self.within_each.get(&unit)?.to_string(),
            };
            Some((name, value))
        })
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<String> = self
            .by_name()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        f.write_str(&rules.join(", "))
    }
}

impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, kind) in RULE_NAMES {
            match kind {
                RuleKind::Count(unit) => {
                    if let Some(count) = self.counts.get(&unit) {
                        map.serialize_entry(name, count)?;
                    }
                }
                RuleKind::Within => {
                    if let Some(span) = &self.within {
                        map.serialize_entry(name, span)?;
                    }
                }
                RuleKind::WithinEach(unit) => {
                    if let Some(span) = self.within_each.get(&unit) {
                        map.serialize_entry(name, span)?;
                    }
                }
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RulesVisitor)
    }
}

struct RulesVisitor;

impl<'de> Visitor<'de> for RulesVisitor {
    type Value = Rules;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the rules of a policy: keep_last, keep_daily and so on")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rules, A::Error> {
        let mut rules = Rules::default();
        while let Some(name) = map.next_key::<String>()? {
            // A fault inside a flattened struct has no path but this.
            let at = |error: A::Error| de::Error::custom(format!("{name}: {error}"));
            let known = RULE_NAMES.into_iter().find(|(known, _)| *known == name);
            match known.map(|(_, kind)| kind) {
                Some(RuleKind::Count(unit)) => {
                    rules.counts.insert(unit, map.next_value().map_err(at)?);
                }
                Some(RuleKind::Within) => rules.within = Some(map.next_value().map_err(at)?),
                Some(RuleKind::WithinEach(unit)) => {
                    rules
                        .within_each
                        .insert(unit, map.next_value().map_err(at)?);
                }
                None => {
                    return Err(de::Error::custom(ParseError::new(
                        &name,
                        "a rule of retention that this version knows",
                    )));
                }
            }
        }
        Ok(rules)
    }
}
