//! The configurations of databases.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use jiff::Timestamp;
use tracing::warn;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{self, Item, ItemError, PK, get_text, get_time, parsed, text, time};
use super::waits::is_conflict;
use crate::domain::id::arn::Region;
use crate::domain::id::names::ResourceId;
use crate::domain::restore::configuration::{Configuration, ConfigurationHash};
use crate::domain::restore::roster::Roster;
use crate::domain::restore::versions::Versions;
use crate::json;
use crate::ports::{
    PortError, ReadConfigurations, ReadRosters, RemoveConfigurations, StoreConfigurations,
    StoreRosters, Written,
};

const PREFIX: &str = "config#";
const CONFIGURATION: &str = "configuration";
const STORED_AT: &str = "stored_at";
const VERSIONS: &str = "versions";
const NEWEST: &str = "newest";
const ROSTER_PREFIX: &str = "roster#";
const AT: &str = "at";
/// The resource ids with a blank between them: a list of DynamoDB's takes more room. Without it there were too many.
const DATABASES: &str = "databases";
const ACTION: &str = "dynamodb:UpdateItem";

/// No resource id and no hash has a `#`.
fn versions_key(of: &ResourceId) -> AttributeValue {
    text(format!("{PREFIX}{of}"))
}

fn key(of: &ResourceId, hash: &ConfigurationHash) -> AttributeValue {
    text(format!("{PREFIX}{of}#{hash}"))
}

fn versions(item: &Item) -> Result<(ResourceId, Versions), ItemError> {
    let of = get_text(item, PK)?.strip_prefix(PREFIX);
    let of = of.ok_or_else(|| ItemError::new(PK, "the key of a configuration's versions"))?;
    let versions = json::configuration::read_versions(get_text(item, VERSIONS)?);
    let fault = |error| ItemError::new(VERSIONS, format!("versions: {error}"));
    Ok((parsed(PK, ResourceId::parse(of))?, versions.map_err(fault)?))
}

fn configuration(item: &Item) -> Result<Configuration, ItemError> {
    let read = json::configuration::read(get_text(item, CONFIGURATION)?);
    read.map_err(|error| ItemError::new(CONFIGURATION, format!("a configuration: {error}")))
}

fn roster(item: &Item) -> Result<Roster, ItemError> {
    let databases = match item.contains_key(DATABASES) {
        true => {
            let ids = get_text(item, DATABASES)?.split_ascii_whitespace();
            let ids = ids.map(|id| parsed(DATABASES, ResourceId::parse(id)));
            Some(ids.collect::<Result<BTreeSet<_>, _>>()?)
        }
        false => None,
    };
    Ok(Roster {
        at: get_time(item, AT)?,
        databases,
    })
}

/// What cannot be read counts as missing, and must not hide the others.
fn readable<T>(item: &Item, read: fn(&Item) -> Result<T, ItemError>) -> Option<T> {
    let fault = |fault: &ItemError| {
        warn!(item = items::key_of(item), %fault, "an item of the catalog that cannot be read");
    };
    read(item).inspect_err(fault).ok()
}

impl<Extra> ReadConfigurations for Aws<Extra> {
    async fn configuration_versions(
        &self,
        of: &[ResourceId],
    ) -> Result<BTreeMap<ResourceId, Versions>, PortError> {
        if of.is_empty() {
            return Ok(BTreeMap::new());
        }
        let keys = of
            .iter()
            .map(|of| HashMap::from([(PK.to_owned(), versions_key(of))]));
        let asked = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .consistent_read(true)
            .build()
            .map_err(|error| unusable("dynamodb:BatchGetItem", error))?;
        let found = self.batch_get(asked).await?;
        Ok(found
            .iter()
            .filter_map(|item| readable(item, versions))
            .collect())
    }

    async fn configuration(
        &self,
        of: &ResourceId,
        hash: &ConfigurationHash,
    ) -> Result<Option<Configuration>, PortError> {
        let item = self.item(key(of, hash)).await?;
        Ok(item.and_then(|item| readable(&item, configuration)))
    }
}

impl<Extra> StoreConfigurations for Aws<Extra> {
    async fn store_configuration(
        &self,
        configuration: &Configuration,
        hash: &ConfigurationHash,
        at: Timestamp,
    ) -> Result<(), PortError> {
        let written = text(json::configuration::write(configuration));
        self.dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, key(&configuration.resource_id, hash))
            // The name is a hash of the content, so what is there is the same.
            .update_expression("SET #configuration = if_not_exists(#configuration, :configuration), #stored_at = :at")
            .expression_attribute_names("#configuration", CONFIGURATION)
            .expression_attribute_names("#stored_at", STORED_AT)
            .expression_attribute_values(":configuration", written)
            .expression_attribute_values(":at", time(at))
            .send()
            .await
            .map(drop)
            .map_err(|error| port_error(ACTION, &error, &[]))
    }

    async fn set_configuration_versions(
        &self,
        of: &ResourceId,
        versions: &Versions,
        known: Option<&ConfigurationHash>,
    ) -> Result<Written, PortError> {
        let Some(newest) = versions.newest() else {
            return Ok(Written::Conflict);
        };
        let condition = match known {
            None => "attribute_not_exists(#newest)",
            Some(_) => "#newest = :known",
        };
        let mut request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, versions_key(of))
            .update_expression("SET #newest = :newest, #versions = :versions")
            .condition_expression(condition)
            .expression_attribute_names("#newest", NEWEST)
            .expression_attribute_names("#versions", VERSIONS)
            .expression_attribute_values(":newest", text(newest.as_str()))
            .expression_attribute_values(
                ":versions",
                text(json::configuration::write_versions(versions)),
            );
        if let Some(known) = known {
            request = request.expression_attribute_values(":known", text(known.as_str()));
        }
        match request.send().await {
            Ok(_) => Ok(Written::Stored),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => {
                Ok(Written::Conflict)
            }
            Err(error) => Err(port_error(ACTION, &error, &[])),
        }
    }
}

impl<Extra> RemoveConfigurations for Aws<Extra> {
    async fn remove_configuration(
        &self,
        of: &ResourceId,
        hash: &ConfigurationHash,
        stored_before: Timestamp,
    ) -> Result<Written, PortError> {
        let request = self
            .dynamodb()
            .delete_item()
            .table_name(&self.table)
            .key(PK, key(of, hash))
            // An earlier version wrote no time.
            .condition_expression("attribute_not_exists(#stored_at) OR #stored_at < :before")
            .expression_attribute_names("#stored_at", STORED_AT)
            .expression_attribute_values(":before", time(stored_before));
        match request.send().await {
            Ok(_) => Ok(Written::Stored),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => {
                Ok(Written::Conflict)
            }
            Err(error) => Err(port_error("dynamodb:DeleteItem", &error, &[])),
        }
    }
}

impl<Extra> ReadRosters for Aws<Extra> {
    async fn roster(&self, region: &Region) -> Result<Option<Roster>, PortError> {
        let item = self.item(text(format!("{ROSTER_PREFIX}{region}"))).await?;
        Ok(item.and_then(|item| readable(&item, roster)))
    }
}

impl<Extra> StoreRosters for Aws<Extra> {
    async fn set_roster(&self, region: &Region, roster: &Roster) -> Result<(), PortError> {
        let databases = roster.databases.as_ref().map(|databases| {
            let ids = databases.iter().map(ResourceId::as_str);
            text(ids.collect::<Vec<_>>().join(" "))
        });
        let update = match databases {
            Some(_) => "SET #at = :at, #databases = :databases",
            None => "SET #at = :at REMOVE #databases",
        };
        self.dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, text(format!("{ROSTER_PREFIX}{region}")))
            .update_expression(update)
            .expression_attribute_names("#at", AT)
            .expression_attribute_names("#databases", DATABASES)
            .set_expression_attribute_values({
                let mut values = HashMap::from([(":at".to_owned(), time(roster.at))]);
                values.extend(databases.map(|ids| (":databases".to_owned(), ids)));
                Some(values)
            })
            .send()
            .await
            .map(drop)
            .map_err(|error| port_error(ACTION, &error, &[]))
    }
}
