//! Which names of the recovery region stand for which of the source region's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::taken::NameKind;
use crate::domain::id::text::ParseError;

/// Names of the source region, each with the one that stands for it. `*` is every other name.
pub type Names = BTreeMap<String, String>;

/// The name that stands for every other one.
pub const EVERY_OTHER: &str = "*";

/// Longest name of a thing that RDS lets people name.
const NAME_MAX: usize = 255;

/// What a policy says of restores in the recovery region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreMapping {
    /// Whether a database that is publicly accessible may be so again. If not, none is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub publicly_accessible: bool,
    /// Subnet groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subnet_groups: Names,
    /// Security groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub security_groups: Names,
    /// Parameter groups, of instances and of clusters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameter_groups: Names,
    /// Option groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub option_groups: Names,
    /// Keys of Performance Insights and of managed passwords.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: Names,
    /// Classes that the recovery region does not have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub classes: Names,
}

impl RestoreMapping {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The names of a kind.
    #[must_use]
    pub fn names(&self, kind: NameKind) -> &Names {
        match kind {
            NameKind::SubnetGroup => &self.subnet_groups,
            NameKind::SecurityGroup => &self.security_groups,
            NameKind::ParameterGroup => &self.parameter_groups,
            NameKind::OptionGroup => &self.option_groups,
            NameKind::Key => &self.keys,
            NameKind::Class => &self.classes,
        }
    }

    /// The same, to be changed.
    pub fn names_mut(&mut self, kind: NameKind) -> &mut Names {
        match kind {
            NameKind::SubnetGroup => &mut self.subnet_groups,
            NameKind::SecurityGroup => &mut self.security_groups,
            NameKind::ParameterGroup => &mut self.parameter_groups,
            NameKind::OptionGroup => &mut self.option_groups,
            NameKind::Key => &mut self.keys,
            NameKind::Class => &mut self.classes,
        }
    }

    /// The name that stands for this one, if the policy says so.
    #[must_use]
    pub fn stands_for(&self, kind: NameKind, name: &str) -> Option<&str> {
        let names = self.names(kind);
        let found = names.get(name).or_else(|| names.get(EVERY_OTHER));
        found.map(String::as_str)
    }
}

impl NameKind {
    /// All kinds, with their tables of a policy file.
    pub const TABLES: [(Self, &str); 6] = [
        (Self::SubnetGroup, "subnet_groups"),
        (Self::SecurityGroup, "security_groups"),
        (Self::ParameterGroup, "parameter_groups"),
        (Self::OptionGroup, "option_groups"),
        (Self::Key, "keys"),
        (Self::Class, "classes"),
    ];

    /// Checks a name of this kind.
    ///
    /// # Errors
    /// The text, and what is expected.
    pub fn parse(self, text: &str) -> Result<String, ParseError> {
        let is_short = !text.is_empty() && text.len() <= NAME_MAX;
        let is_name = is_short && text.bytes().all(|b| b.is_ascii_graphic() && b != b'*');
        let (is_right, expected) = match self {
            Self::SecurityGroup => (
                text.starts_with("sg-"),
                "the id of a security group, such as sg-0123456789abcdef0",
            ),
            Self::Class => (
                text.starts_with("db."),
                "a class of instances, such as db.r6g.large",
            ),
            Self::Key => (
                text.starts_with("alias/") || text.starts_with("arn:"),
                "a KMS key: alias/NAME, or the ARN of an alias or of a key",
            ),
            Self::SubnetGroup | Self::ParameterGroup | Self::OptionGroup => {
                (true, "a name of 1 to 255 characters without spaces")
            }
        };
        match is_name && is_right {
            true => Ok(text.to_owned()),
            false => Err(ParseError::new(text, expected)),
        }
    }
}
