//! The histories of due times, an item for each database and policy.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use super::clients::Aws;
use super::fault::unusable;
use super::items::{Item, ItemError, PK, TTL, get_text, key_of, number, parsed, text};
use crate::domain::id::arn::Region;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::PolicyName;
use crate::domain::retention::history::{Histories, History};
use crate::domain::retention::inventory::Group;
use crate::error::chain;
use crate::json;
use crate::ports::{KeepHistories, PortError, ReadHistories};

const PREFIX: &str = "history#";
const DUE: &str = "due";

/// How long a history stays that nobody writes any more: a year, and a month to look at it.
const TIME_TO_LIVE: SignedDuration = SignedDuration::from_hours(24 * 396);

/// No region, resource id or policy has a `#`.
fn key((region, database, policy): &Group) -> AttributeValue {
    text(format!("{PREFIX}{region}#{database}#{policy}"))
}

fn read_group(item: &Item) -> Result<Group, ItemError> {
    let fault = || ItemError::new(PK, "the key of a history");
    let key = get_text(item, PK)?.strip_prefix(PREFIX).ok_or_else(fault)?;
    let mut parts = key.splitn(3, '#');
    let mut part = || parts.next().ok_or_else(fault);
    Ok((
        parsed(PK, Region::parse(part()?))?,
        parsed(PK, ResourceId::parse(part()?))?,
        parsed(PK, PolicyName::parse(part()?))?,
    ))
}

/// A history that cannot be read shows nothing, and is not written over: a later version may have stored it.
fn read(item: &Item) -> Result<(Group, History), ItemError> {
    let group = read_group(item)?;
    let unreadable = |fault: String| {
        warn!(
            item = key_of(item),
            fault, "a history that cannot be read, and is left as it is"
        );
        History {
            holds_more: true,
            ..History::default()
        }
    };
    let read = match get_text(item, DUE) {
        Ok(text) => json::history::read(text).map_err(|error| chain(&error)),
        Err(error) => Err(error.to_string()),
    };
    Ok((group, read.unwrap_or_else(unreadable)))
}

impl<Extra> ReadHistories for Aws<Extra> {
    async fn read_histories(&self, of: &[Group]) -> Result<Histories, PortError> {
        if of.is_empty() {
            return Ok(Histories::new());
        }
        let keys = of
            .iter()
            .map(|group| HashMap::from([(PK.to_owned(), key(group))]));
        let asked = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            // A round notes twice, and the second time it must not miss what it wrote the first time.
            .consistent_read(true)
            .build()
            .map_err(|error| unusable("dynamodb:BatchGetItem", error))?;
        let found = self.batch_get(asked).await?;
        let readable = |item| {
            let fault = |fault: &ItemError| {
                warn!(item = key_of(item), %fault, "a history that cannot be read");
            };
            read(item).inspect_err(fault).ok()
        };
        Ok(found.iter().filter_map(readable).collect())
    }
}

impl<Extra> KeepHistories for Aws<Extra> {
    async fn store_history(
        &self,
        of: &Group,
        history: &History,
        at: Timestamp,
    ) -> Result<(), PortError> {
        let expires = at + TIME_TO_LIVE;
        self.put(Item::from([
            (PK.to_owned(), key(of)),
            (DUE.to_owned(), text(json::history::write(history))),
            (TTL.to_owned(), number(expires.as_second())),
        ]))
        .await
    }
}
