//! What a policy says of the recovery points that it has made.

use std::borrow::Cow;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::keep_span::KeepSpan;
use super::rules::{RULE_NAMES, Rules};
use crate::domain::id::tags::PolicyName;

/// How long a policy keeps its recovery points.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// The short form of `keep_within`.
    #[serde(rename = "retention", skip_serializing_if = "Option::is_none")]
    pub short: Option<KeepSpan>,
    /// How many good recovery points of a database always stay; without it, one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_keep: Option<NonZeroU32>,
    /// Policies that no file has any more, whose recovery points this one takes over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<PolicyName>,
    /// What is kept of the snapshots that Snapferry took in the source region. Without it all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_retention: Option<Rules>,
    /// What is kept of a database that is gone. Without it, the same as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_gone: Option<WhenGone>,
    /// What is kept in the recovery region.
    #[serde(flatten)]
    pub keep: Rules,
    /// Whether it was only ever shown to people: the set was applied by a version that removed nothing. It removes
    /// nothing until somebody applies the set again.
    #[serde(skip)]
    pub shown_only: bool,
    /// The same for the source region alone.
    #[serde(skip)]
    pub source_shown_only: bool,
}

/// What is kept of a database that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhenGone {
    /// How long it must be gone.
    pub after: KeepSpan,
    /// What is kept then.
    #[serde(flatten)]
    pub keep: Rules,
}

/// The names of everything else that belongs to retention, beside the rules.
const OTHER_NAMES: [&str; 5] = [
    "retention",
    "min_keep",
    "also",
    "source_retention",
    "when_gone",
];

impl Retention {
    /// Whether a policy's field belongs to its retention.
    #[must_use]
    pub fn is_field(name: &str) -> bool {
        OTHER_NAMES.contains(&name) || RULE_NAMES.iter().any(|(known, _)| *known == name)
    }

    /// Whether the policy says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self
            == Self {
                shown_only: self.shown_only,
                source_shown_only: self.source_shown_only,
                ..Self::default()
            }
    }

    /// The rules for the recovery region, with the short form as the rule that it stands for.
    #[must_use]
    pub fn rules(&self) -> Cow<'_, Rules> {
        match self.short {
            None => Cow::Borrowed(&self.keep),
            Some(span) => Cow::Owned(Rules {
                within: Some(span),
                ..self.keep.clone()
            }),
        }
    }

    /// How many good recovery points of a database always stay.
    #[must_use]
    pub fn min_keep(&self) -> usize {
        let number = self.min_keep.map_or(1, NonZeroU32::get);
        usize::try_from(number).unwrap_or(usize::MAX)
    }
}
