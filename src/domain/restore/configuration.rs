//! A database's whole configuration, as RDS showed it when a run was started.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::setting::Setting;
use super::taken::Part;
use super::value::{Settings, Value};
use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::Tags;
use crate::domain::id::text::text_newtype;

const CHARACTERS: usize = 26;

text_newtype!(
    /// The hash of a configuration's content. It names the configuration.
    ConfigurationHash,
    "the hash of a configuration: 26 lower-case letters and digits",
    |text| {
        text.len() == CHARACTERS
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    }
);

impl ConfigurationHash {
    /// The hash of the canonical text.
    #[must_use]
    pub fn of(canonical: &str) -> Self {
        let digest = Sha256::digest(canonical.as_bytes());
        let mut text = data_encoding::BASE32_NOPAD.encode(&digest);
        text.truncate(CHARACTERS);
        Self(text.to_ascii_lowercase())
    }
}

/// A member of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Member {
    /// Whether it writes.
    pub is_writer: bool,
    /// Its settings. Without a class, RDS showed only the cluster, and nothing was known of the member before.
    pub settings: Settings,
    /// Its tags.
    pub tags: Tags,
}

impl Member {
    /// Whether its own row was seen.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.settings.contains_key(&Setting::DbInstanceClass)
    }
}

/// What one row of RDS showed of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// Its settings.
    pub settings: Settings,
    /// For a cluster, what its row says of its members, by their identifiers.
    pub members: BTreeMap<String, Member>,
}

impl Captured {
    /// Keeps what the table knows of such a part. RDS shows some fields of members that belong to their cluster.
    #[must_use]
    pub fn of(part: Part, settings: impl IntoIterator<Item = (Setting, Option<Value>)>) -> Self {
        let known = settings
            .into_iter()
            .filter(|(setting, _)| setting.of(part).is_some())
            .filter_map(|(setting, value)| Some((setting, value?)));
        Self {
            settings: known.collect(),
            members: BTreeMap::new(),
        }
    }
}

/// A database's whole configuration. It holds no secret: of secrets only the ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// The database.
    pub database: RdsArn,
    /// Its resource id.
    pub resource_id: ResourceId,
    /// Its settings.
    pub settings: Settings,
    /// A cluster's members, by their identifiers.
    pub members: BTreeMap<String, Member>,
    /// Its tags.
    pub tags: Tags,
}

impl Configuration {
    /// The members in the order in which a restore makes them: the first becomes the writer.
    #[must_use]
    pub fn members_in_order(&self) -> Vec<(&str, &Member)> {
        let mut members: Vec<(&str, &Member)> = self
            .members
            .iter()
            .map(|(name, member)| (name.as_str(), member))
            .collect();
        let tier = |member: &Member| {
            let tier = member.settings.get(&Setting::PromotionTier);
            tier.and_then(Value::as_number).unwrap_or(i64::MAX)
        };
        members.sort_by_key(|(name, member)| (!member.is_writer, tier(member), *name));
        members
    }

    /// Fills in what RDS's answer about the cluster alone does not show of its members: from their own rows, or else from
    /// what was known before.
    pub fn know_members(
        &mut self,
        rows: &BTreeMap<String, Member>,
        before: Option<&Configuration>,
    ) {
        for (name, member) in &mut self.members {
            let before = || before.and_then(|before| before.members.get(name));
            let Some(known) = rows.get(name).or_else(before) else {
                continue;
            };
            let mut settings = known.settings.clone();
            // The cluster's row is newer than what was known before, and as new as the member's.
            settings.extend(std::mem::take(&mut member.settings));
            member.settings = settings;
            member.tags = known.tags.clone();
        }
    }
}
