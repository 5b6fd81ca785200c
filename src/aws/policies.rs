//! Sets of policies in the table: the one in force, and every one that was applied.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem};

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{self, Item, ItemError, PK, get_text, number, parsed, text, time};
use super::slots::condition_failed;
use crate::domain::policy::set::{Applied, Note, Stamp, Version};
use crate::json;
use crate::ports::{PortError, ReadPolicies, ReadPolicyHistory, StorePolicies, Written};

const CURRENT: &str = "policies#current";
const VERSION: &str = "version";
const AT: &str = "at";
const BY: &str = "by";
const NOTE: &str = "note";
const TEXT: &str = "text";
const SET: &str = "set";
/// Whether a version that knows `catch_up` applied the set. It is an attribute of its own, because an earlier version
/// refuses a set with a field that it does not know.
const CATCHES_UP: &str = "catches_up";

/// Whether a version that knows `spread` applied the set.
const SPREADS: &str = "spreads";

fn version_key(version: Version) -> AttributeValue {
    // A number is never equal to `current`.
    text(format!("policies#{version}"))
}

/// Writes a set as an item, under a key.
fn write(set: &Applied, key: AttributeValue) -> Item {
    let stamp = &set.stamp;
    let mut item = Item::from([
        (PK.to_owned(), key),
        (VERSION.to_owned(), number(stamp.version.number().into())),
        (AT.to_owned(), time(stamp.at)),
        (BY.to_owned(), text(&stamp.by)),
        (TEXT.to_owned(), text(&set.text)),
        (SET.to_owned(), text(json::policies::write(&set.set))),
    ]);
    if let Some(note) = &stamp.note {
        item.insert(NOTE.to_owned(), text(note.as_str()));
    }
    if set.set.catches_up() {
        item.insert(CATCHES_UP.to_owned(), number(1));
    }
    if set.set.spreads() {
        item.insert(SPREADS.to_owned(), number(1));
    }
    item
}

fn read(item: &Item) -> Result<Applied, Unreadable> {
    let stamp = read_stamp(item)?;
    let version = stamp.version;
    let set = json::policies::read(get_text(item, SET)?)
        .map_err(|source| Unreadable::Set { version, source })?;
    let set = if item.contains_key(CATCHES_UP) {
        set.catching_up()
    } else {
        set
    };
    let set = set.spreading(item.contains_key(SPREADS));
    Ok(Applied {
        stamp,
        text: get_text(item, TEXT)?.to_owned(),
        set,
    })
}

fn read_stamp(item: &Item) -> Result<Stamp, ItemError> {
    let version = items::get_number(item, VERSION)?;
    let version = u32::try_from(version)
        .ok()
        .and_then(|number| Version::new(number).ok())
        .ok_or_else(|| ItemError::new(VERSION, "a version from 1"))?;
    Ok(Stamp {
        version,
        at: items::get_time(item, AT)?,
        by: get_text(item, BY)?.to_owned(),
        note: item
            .contains_key(NOTE)
            .then(|| parsed(NOTE, Note::parse(get_text(item, NOTE)?)))
            .transpose()?,
    })
}

/// Why a stored set cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("the stored set of policies: {0}")]
    Item(#[from] ItemError),
    #[error("version {version} of the policies: {source}")]
    Set {
        version: Version,
        source: json::JsonError,
    },
}

const GET: &str = "dynamodb:GetItem";

impl<Extra> Aws<Extra> {
    async fn policies<T, E>(
        &self,
        key: AttributeValue,
        read: impl Fn(&Item) -> Result<T, E>,
    ) -> Result<Option<T>, PortError>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let item = self.item(key).await?;
        let read = item.as_ref().map(read).transpose();
        read.map_err(|error| unusable(GET, error))
    }
}

impl<Extra> ReadPolicies for Aws<Extra> {
    async fn current_policies(&self) -> Result<Option<Applied>, PortError> {
        self.policies(text(CURRENT), read).await
    }
}

impl<Extra> ReadPolicyHistory for Aws<Extra> {
    async fn current_stamp(&self) -> Result<Option<Stamp>, PortError> {
        self.policies(text(CURRENT), read_stamp).await
    }

    async fn policy_version(&self, version: Version) -> Result<Option<Applied>, PortError> {
        self.policies(version_key(version), read).await
    }

    async fn policy_stamps(&self, versions: &[Version]) -> Result<Vec<Stamp>, PortError> {
        const ACTION: &str = "dynamodb:BatchGetItem";
        if versions.is_empty() {
            return Ok(Vec::new());
        }
        let keys = versions
            .iter()
            .map(|version| HashMap::from([(PK.to_owned(), version_key(*version))]));
        let asked = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .consistent_read(true)
            .projection_expression("#version, #at, #by, #note")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_names("#at", AT)
            .expression_attribute_names("#by", BY)
            .expression_attribute_names("#note", NOTE)
            .build()
            .map_err(|error| unusable(ACTION, error))?;
        let items = self.batch_get(asked).await?;
        let stamps = items.iter().map(read_stamp).collect::<Result<_, _>>();
        stamps.map_err(|error| unusable(ACTION, error))
    }
}

impl<Extra> StorePolicies for Aws<Extra> {
    async fn store_policies(&self, set: &Applied) -> Result<Written, PortError> {
        const ACTION: &str = "dynamodb:TransactWriteItems";
        let (kept, current) = self.puts(set).map_err(|error| unusable(ACTION, error))?;
        let request = self
            .dynamodb()
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(kept).build())
            .transact_items(TransactWriteItem::builder().put(current).build());
        match request.send().await {
            Ok(_) => Ok(Written::Stored),
            Err(error) if error.as_service_error().is_some_and(condition_failed) => {
                Ok(Written::Conflict)
            }
            Err(error) => Err(port_error(ACTION, &error, &[])),
        }
    }
}

impl<Extra> Aws<Extra> {
    /// Two writes: of the version, which is never changed, and of the set in force.
    fn puts(&self, set: &Applied) -> Result<(Put, Put), BuildError> {
        let version = set.stamp.version;
        let kept = Put::builder()
            .table_name(&self.table)
            .set_item(Some(write(set, version_key(version))))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .build()?;
        let current = Put::builder()
            .table_name(&self.table)
            .set_item(Some(write(set, text(CURRENT))));
        let current = match version.previous() {
            None => current
                .condition_expression("attribute_not_exists(#pk)")
                .expression_attribute_names("#pk", PK),
            Some(previous) => current
                .condition_expression("#version = :previous")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":previous", number(previous.number().into())),
        };
        Ok((kept, current.build()?))
    }
}
