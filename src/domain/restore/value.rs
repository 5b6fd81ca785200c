//! The values of settings.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::setting::Setting;

/// The settings of a database that RDS showed. One that is absent was not set.
pub type Settings = BTreeMap<Setting, Value>;

/// A number with up to three decimals, as Aurora's capacity units have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thousandths(i64);

impl Thousandths {
    /// The nearest number that this type can hold.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast saturates, and no capacity comes near"
    )]
    pub fn of(number: f64) -> Self {
        Self((number * 1000.0).round() as i64)
    }

    /// As a number of JSON.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "capacities are small numbers")]
    pub fn number(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl Serialize for Thousandths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.number())
    }
}

impl<'de> Deserialize<'de> for Thousandths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::of)
    }
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Another number.
    Decimal(Thousandths),
    /// A text: a name, an ARN, a window.
    Text(String),
    /// Several texts, sorted.
    Texts(Vec<String>),
    /// Several things with named parts, sorted.
    Records(Vec<BTreeMap<String, String>>),
}

impl Value {
    /// A text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// Texts in the order that equal lists share.
    pub fn texts(texts: impl IntoIterator<Item = String>) -> Self {
        let mut texts: Vec<String> = texts.into_iter().collect();
        texts.sort();
        texts.dedup();
        Self::Texts(texts)
    }

    /// Records in the order that equal lists share.
    pub fn records(records: impl IntoIterator<Item = BTreeMap<String, String>>) -> Self {
        let mut records: Vec<_> = records.into_iter().collect();
        records.sort();
        Self::Records(records)
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The names that it holds: one text, or several.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Text(text) => vec![text],
            Self::Texts(texts) => texts.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Decimal(number) => write!(f, "{}", number.number()),
            Self::Text(text) => f.write_str(text),
            Self::Texts(texts) => f.write_str(&texts.join(", ")),
            Self::Records(records) => {
                let of = |record: &BTreeMap<String, String>| {
                    let parts = record.iter().map(|(name, value)| format!("{name}={value}"));
                    parts.collect::<Vec<_>>().join(" ")
                };
                f.write_str(&records.iter().map(of).collect::<Vec<_>>().join(", "))
            }
        }
    }
}
