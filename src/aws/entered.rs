//! What the settling of copies found, an item for each copy.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use jiff::Timestamp;
use tracing::warn;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{
    Item, ItemError, OPEN, OPEN_MISMATCH, PK, SINCE, TTL, get_text, get_time, key_of, number,
    parsed, text, time,
};
use super::waits::is_conflict;
use crate::domain::id::arn::{KeyArn, RdsArn};
use crate::domain::retention::entered::Entered;
use crate::ports::{EnterCopies, ExpireEntered, ListMismatches, Page, PortError, ReadEntered};

const SOURCE: &str = "source";
const KEY: &str = "key";
const AT: &str = "at";
const MISMATCH: &str = "mismatch";
const SNAPSHOT_DONE_AT: &str = "snapshot_done_at";
const PREFIX: &str = "entered#";

fn key(copy: &RdsArn) -> AttributeValue {
    text(format!("{PREFIX}{copy}"))
}

fn read(item: &Item) -> Result<Entered, ItemError> {
    let copy = get_text(item, PK)?
        .strip_prefix(PREFIX)
        .ok_or_else(|| ItemError::new(PK, "the key of what was entered of a copy"))?;
    let optional = |attribute| {
        let is_there = item.contains_key(attribute);
        is_there.then(|| get_text(item, attribute)).transpose()
    };
    Ok(Entered {
        copy: parsed(PK, RdsArn::parse(copy))?,
        source: parsed(SOURCE, RdsArn::parse(get_text(item, SOURCE)?))?,
        key: optional(KEY)?
            .map(|key| parsed(KEY, KeyArn::parse(key)))
            .transpose()?,
        at: get_time(item, AT)?,
        // Earlier versions did not store it.
        snapshot_done_at: get_time(item, SNAPSHOT_DONE_AT).ok(),
        mismatch: optional(MISMATCH)?.map(ToOwned::to_owned),
    })
}

impl<Extra> EnterCopies for Aws<Extra> {
    async fn enter_copy(&self, entered: &Entered) -> Result<(), PortError> {
        // A mismatch is in the index, so that all of them can be listed.
        let mut set = vec!["#source = :source", "#at = :at"];
        // Whatever let the entry of a copy before go: this one is there.
        let mut remove = vec!["#ttl"];
        let mut request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, key(&entered.copy))
            .expression_attribute_names("#source", SOURCE)
            .expression_attribute_names("#at", AT)
            .expression_attribute_names("#key", KEY)
            .expression_attribute_names("#mismatch", MISMATCH)
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#since", SINCE)
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_names("#done", SNAPSHOT_DONE_AT)
            .expression_attribute_values(":source", text(entered.source.to_string()))
            .expression_attribute_values(":at", time(entered.at));
        match &entered.key {
            Some(key) => {
                set.push("#key = :key");
                request = request.expression_attribute_values(":key", text(key.as_str()));
            }
            None => remove.push("#key"),
        }
        match entered.snapshot_done_at {
            Some(at) => {
                set.push("#done = :done");
                request = request.expression_attribute_values(":done", time(at));
            }
            None => remove.push("#done"),
        }
        match &entered.mismatch {
            Some(what) => {
                set.extend(["#mismatch = :mismatch", "#open = :open", "#since = :at"]);
                request = request
                    .expression_attribute_values(":open", text(OPEN_MISMATCH))
                    .expression_attribute_values(":mismatch", text(what))
                    // A run that asked for something else must not spoil what another run found right.
                    .condition_expression(
                        "attribute_not_exists(#at) OR attribute_exists(#mismatch)",
                    );
            }
            None => remove.extend(["#mismatch", "#open", "#since"]),
        }
        let mut update = format!("SET {}", set.join(", "));
        update.push_str(&format!(" REMOVE {}", remove.join(", ")));
        match request.update_expression(update).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => Ok(()),
            Err(error) => Err(port_error("dynamodb:UpdateItem", &error, &[])),
        }
    }
}

impl<Extra> ExpireEntered for Aws<Extra> {
    async fn expire_entered(&self, copy: &RdsArn, from: Timestamp) -> Result<(), PortError> {
        let request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, key(copy))
            .update_expression("SET #ttl = :ttl")
            .condition_expression("attribute_exists(#at)")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_names("#at", AT)
            .expression_attribute_values(":ttl", number(from.as_second()));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => Ok(()),
            Err(error) => Err(port_error("dynamodb:UpdateItem", &error, &[])),
        }
    }
}

impl<Extra> ListMismatches for Aws<Extra> {
    async fn list_mismatches(&self, marker: Option<String>) -> Result<Page<RdsArn>, PortError> {
        let (rows, next) = self.query_open(OPEN_MISMATCH, marker).await?;
        let copies = rows.iter().filter_map(|item| {
            let fault = |fault: &ItemError| {
                warn!(item = key_of(item), %fault, "an entered copy that cannot be read");
            };
            read(item).inspect_err(fault).ok()
        });
        Ok(Page::new(copies.map(|one| one.copy).collect(), next))
    }
}

impl<Extra> ReadEntered for Aws<Extra> {
    async fn read_entered(&self, copies: &[RdsArn]) -> Result<Vec<Entered>, PortError> {
        const ACTION: &str = "dynamodb:BatchGetItem";
        if copies.is_empty() {
            return Ok(Vec::new());
        }
        let keys = copies
            .iter()
            .map(|copy| HashMap::from([(PK.to_owned(), key(copy))]));
        let asked = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .build()
            .map_err(|error| unusable(ACTION, error))?;
        let found = self.batch_get(asked).await?;
        // What cannot be read is as if it had never been entered: then the copy's own tags and its policy decide.
        let readable = |item| {
            let fault = |fault: &ItemError| {
                warn!(item = key_of(item), %fault, "an entered copy that cannot be read");
            };
            read(item).inspect_err(fault).ok()
        };
        Ok(found.iter().filter_map(readable).collect())
    }
}
