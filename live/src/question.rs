//! What a question is, and how it is judged.

use std::collections::BTreeMap;

use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::error::CheckError;
use crate::plan::Thing;

/// What was observed, in a few fixed words each: nothing here may identify anybody.
pub type Facts = BTreeMap<String, String>;

/// A fact, and the values of it that Snapferry relies on.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// Its name.
    pub fact: &'static str,
    /// Each of these is as assumed.
    pub one_of: &'static [&'static str],
}

/// Begins to ask a question. Facts that it has seen stay, even if it ends in error or is interrupted.
pub type Ask = for<'a> fn(&'a mut Bench) -> LocalBoxFuture<'a, Result<(), CheckError>>;

/// One question to AWS. A row of docs/UNPROVEN.md names it.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// Its name, for `--only` and for UNPROVEN.
    pub name: &'static str,
    /// What the check does to see the answer.
    pub does: &'static str,
    /// What Snapferry assumes, as a sentence.
    pub expects: &'static str,
    /// The same as facts. Facts that are not named here are recorded and not judged.
    pub facts: &'static [Expected],
    /// What must be made to ask it.
    pub needs: &'static [Thing],
    /// How it is asked.
    pub ask: Ask,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum Answer {
    /// AWS does what Snapferry assumes.
    AsAssumed,
    /// AWS does something else.
    Otherwise {
        /// The facts that are not as assumed.
        seen: Facts,
    },
    /// Nothing contradicts the assumption, and not all of it was seen.
    NotSeen {
        /// The facts that are missing.
        missing: Vec<String>,
    },
}

impl Answer {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::AsAssumed => "as assumed".to_owned(),
            Self::Otherwise { seen } => {
                let seen = seen.iter().map(|(fact, value)| format!("{fact}: {value}"));
                format!("OTHERWISE ({})", seen.collect::<Vec<_>>().join("; "))
            }
            Self::NotSeen { missing } => format!("not seen ({})", missing.join("; ")),
        }
    }
}

/// What the facts say to what was expected. One contradiction outweighs everything that is missing.
#[must_use]
pub fn judge(expected: &[Expected], facts: &Facts) -> Answer {
    let mut seen = Facts::new();
    let mut missing = Vec::new();
    for Expected { fact, one_of } in expected {
        match facts.get(*fact) {
            None => missing.push((*fact).to_owned()),
            Some(value) if one_of.contains(&value.as_str()) => {}
            Some(value) => {
                seen.insert((*fact).to_owned(), value.clone());
            }
        }
    }
    if !seen.is_empty() {
        Answer::Otherwise { seen }
    } else if !missing.is_empty() {
        Answer::NotSeen { missing }
    } else {
        Answer::AsAssumed
    }
}
