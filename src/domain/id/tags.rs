//! The tags that Snapferry sets, and the tags that people set.

use std::collections::BTreeMap;

use super::text::{text_newtype, text_serde};
use crate::domain::limits::{TAG_KEY_MAX, TAG_VALUE_MAX};

/// A resource's tags, as RDS reports them.
pub type Tags = BTreeMap<String, String>;

/// How the keys of Snapferry's own tags begin.
pub const PREFIX: &str = "snapferry:";

/// On every snapshot and copy of Snapferry: the stack that made it. Every check of ownership asks for it.
pub const STACK: &str = "snapferry:stack";
/// On every snapshot and copy of Snapferry: the database's ARN.
pub const DATABASE: &str = "snapferry:database";
/// On every snapshot and copy of Snapferry: the database's resource id, which a rename does not change.
pub const RESOURCE_ID: &str = "snapferry:resource-id";
/// On every snapshot and copy of Snapferry: the policy. On databases: the policy that a person chose.
pub const POLICY: &str = "snapferry:policy";
/// On every snapshot and copy of Snapferry: the name of the run.
pub const RUN: &str = "snapferry:run";
/// On a copy: the ARN of its source snapshot.
pub const SOURCE: &str = "snapferry:source";
/// On a copy: when its data was taken.
pub const TAKEN_AT: &str = "snapferry:taken-at";
/// On a copy: the name of the database's configuration at that time, in the table.
pub const CONFIGURATION: &str = "snapferry:configuration";
/// On what was restored: the stack whose recovery point it was made from.
pub const RESTORED: &str = "snapferry:restored";
/// On databases: which of them are restored together.
pub const RESTORE_GROUP: &str = "snapferry:restore-group";
/// On databases: a number; those with smaller ones are restored first.
pub const RESTORE_ORDER: &str = "snapferry:restore-order";
/// On databases: a person wants it left out. Any value but `false` counts.
pub const EXCLUDE: &str = "snapferry:exclude";

/// On what a drill made: the stack whose drill it was.
pub const DRILL: &str = "snapferry:drill";
/// On what a drill made: which drill of its database it was.
pub const DRILL_ID: &str = "snapferry:drill-id";
/// On what a drill made: the resource id of the database whose recovery point it was made from.
pub const DRILL_OF: &str = "snapferry:drill-of";
/// On what a drill made: when it must be gone.
pub const DRILL_DEADLINE: &str = "snapferry:drill-deadline";

/// On what we make: a person keeps it, whatever the tag's value but `false`.
pub const HOLD: &str = "snapferry:hold";

/// Whether these are characters that RDS allows in a tag.
fn is_tag_text(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
}

text_newtype!(
    /// The stable id of a deployed stack. A snapshot with this id in its tag `snapferry:stack` is ours.
    StackId,
    "a stack id of 1 to 128 letters, digits and hyphens",
    |text| !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
);
text_newtype!(
    /// The name of a policy.
    PolicyName,
    "a policy name of 1 to 64 letters, digits, dots, hyphens and underscores",
    |text| {
        !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    }
);
text_newtype!(
    /// The key of a tag that people set on their databases, and that a policy carries over to the recovery points.
    TagKey,
    "the key of a tag of yours: 1 to 128 letters, digits, spaces and _ . : / = + - @, not beginning with aws:, rds: or snapferry:",
    |text| {
        let characters = text.chars().count();
        (1..=TAG_KEY_MAX).contains(&characters)
            && is_tag_text(text)
            && !text.chars().any(char::is_control)
            && !is_reserved(text)
    }
);

text_serde!(PolicyName TagKey);

/// Prefixes of tag keys that AWS reserves, and Snapferry's own prefix.
const RESERVED: [&str; 3] = ["aws:", "rds:", PREFIX];

/// Whether AWS or Snapferry reserves a tag's key.
#[must_use]
pub fn is_reserved(key: &str) -> bool {
    RESERVED.iter().any(|beginning| {
        key.get(..beginning.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    })
}

/// Whether RDS accepts it as a tag's value.
#[must_use]
pub fn is_tag_value(text: &str) -> bool {
    text.chars().count() <= TAG_VALUE_MAX && is_tag_text(text)
}

const _: () = assert!(TAG_VALUE_MAX >= 128);
