//! A database's configuration, and the list of its versions, as the table holds them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JsonError, SCHEMA, list, object, part};
use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::Tags;
use crate::domain::restore::configuration::{Configuration, ConfigurationHash, Member};
use crate::domain::restore::setting::Setting;
use crate::domain::restore::value::{Settings, Value};
use crate::domain::restore::versions::{Version, Versions};

const WHAT: &str = "a database's configuration";
const VERSIONS: &str = "the versions of a database's configuration";

/// By RDS's field names. A later version may know more of them.
type SettingsJson = BTreeMap<String, Value>;

#[derive(Serialize, Deserialize)]
struct ConfigurationJson {
    schema: u32,
    database: String,
    resource_id: String,
    settings: SettingsJson,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    members: BTreeMap<String, MemberJson>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: Tags,
}

#[derive(Serialize, Deserialize)]
struct MemberJson {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_writer: bool,
    settings: SettingsJson,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: Tags,
}

fn write_settings(settings: &Settings) -> SettingsJson {
    let each = settings.iter();
    each.map(|(setting, value)| (setting.field().to_owned(), value.clone()))
        .collect()
}

/// Settings that this version does not know are left out: it could not restore them either.
fn read_settings(json: SettingsJson) -> Settings {
    let each = json.into_iter();
    each.filter_map(|(field, value)| Some((Setting::parse(&field)?, value)))
        .collect()
}

/// A configuration as JSON, also for other programs.
#[must_use]
pub fn json(configuration: &Configuration) -> serde_json::Value {
    let members = configuration.members.iter().map(|(name, member)| {
        let json = MemberJson {
            is_writer: member.is_writer,
            settings: write_settings(&member.settings),
            tags: member.tags.clone(),
        };
        (name.clone(), json)
    });
    serde_json::json!(ConfigurationJson {
        schema: SCHEMA,
        database: configuration.database.to_string(),
        resource_id: configuration.resource_id.to_string(),
        settings: write_settings(&configuration.settings),
        members: members.collect(),
        tags: configuration.tags.clone(),
    })
}

/// Writes a configuration. Equal ones give equal texts.
#[must_use]
pub fn write(configuration: &Configuration) -> String {
    json(configuration).to_string()
}

/// The hash that names a configuration.
#[must_use]
pub fn hash(configuration: &Configuration) -> ConfigurationHash {
    ConfigurationHash::of(&write(configuration))
}

/// Reads a configuration.
///
/// # Errors
/// If the text is not one.
pub fn read(text: &str) -> Result<Configuration, JsonError> {
    let json: ConfigurationJson = object(WHAT, text)?;
    JsonError::schema(WHAT, json.schema)?;
    let members = json.members.into_iter().map(|(name, member)| {
        let member = Member {
            is_writer: member.is_writer,
            settings: read_settings(member.settings),
            tags: member.tags,
        };
        (name, member)
    });
    Ok(Configuration {
        database: part("database", WHAT, RdsArn::parse(&json.database))?,
        resource_id: part("resource_id", WHAT, ResourceId::parse(&json.resource_id))?,
        settings: read_settings(json.settings),
        members: members.collect(),
        tags: json.tags,
    })
}

#[derive(Serialize, Deserialize)]
struct VersionJson {
    hash: String,
    since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unnamed_since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    removed: bool,
}

/// Writes the versions.
#[must_use]
pub fn write_versions(versions: &Versions) -> String {
    let all = versions.all.iter().map(|version| VersionJson {
        hash: version.hash.to_string(),
        since: version.since,
        unnamed_since: version.unnamed_since,
        removed: version.is_removed,
    });
    serde_json::json!(all.collect::<Vec<_>>()).to_string()
}

/// Reads the versions.
///
/// # Errors
/// If the text is no such list.
pub fn read_versions(text: &str) -> Result<Versions, JsonError> {
    let all: Vec<VersionJson> = list(VERSIONS, text)?;
    let version = |json: VersionJson| {
        Ok(Version {
            hash: part("hash", VERSIONS, ConfigurationHash::parse(&json.hash))?,
            since: json.since,
            unnamed_since: json.unnamed_since,
            is_removed: json.removed,
        })
    };
    let all = all.into_iter().map(version).collect::<Result<_, _>>()?;
    Ok(Versions { all })
}
