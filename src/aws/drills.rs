//! What is stored of drills.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use super::clients::Aws;
use super::fault::unusable;
use super::items::{Item, ItemError, PK, get_number, get_text, parsed, text};
use super::revised::REVISION;
use crate::domain::id::names::ResourceId;
use crate::json;
use crate::ports::{
    OpenRemovals, PortError, ReadDrills, ReadOpenRemovals, StoreDrills, StoreOpenRemovals,
    StoredDrills, Written,
};

const PREFIX: &str = "drills#";
const DRILLS: &str = "drills";
/// The key of the item that says which drills are being removed, and its attribute.
const REMOVALS: &str = "removals#drills";
const REMOVED: &str = "removals";

fn key(of: &ResourceId) -> AttributeValue {
    text(format!("{PREFIX}{of}"))
}

fn drills(item: &Item) -> Result<(ResourceId, StoredDrills), ItemError> {
    let of = get_text(item, PK)?.strip_prefix(PREFIX);
    let of = of.ok_or_else(|| ItemError::new(PK, "the key of a database's drills"))?;
    let drills = json::drill::read(get_text(item, DRILLS)?);
    let drills = drills.map_err(|error| ItemError::new(DRILLS, format!("drills: {error}")))?;
    let stored = StoredDrills {
        revision: get_number(item, REVISION)?,
        drills,
    };
    Ok((parsed(PK, ResourceId::parse(of))?, stored))
}

impl<Extra> ReadDrills for Aws<Extra> {
    async fn drills(
        &self,
        of: &[ResourceId],
    ) -> Result<BTreeMap<ResourceId, StoredDrills>, PortError> {
        const ACTION: &str = "dynamodb:BatchGetItem";
        if of.is_empty() {
            return Ok(BTreeMap::new());
        }
        let keys = of
            .iter()
            .map(|of| HashMap::from([(PK.to_owned(), key(of))]));
        let asked = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .consistent_read(true)
            .build()
            .map_err(|error| unusable(ACTION, error))?;
        let found = self.batch_get(asked).await?;
        let read = found.iter().map(drills);
        read.collect::<Result<_, _>>()
            .map_err(|error| unusable(ACTION, error))
    }
}

impl<Extra> StoreDrills for Aws<Extra> {
    async fn store_drills(
        &self,
        of: &ResourceId,
        drills: &StoredDrills,
    ) -> Result<Written, PortError> {
        let value = json::drill::write(&drills.drills);
        self.store_revision(key(of), (DRILLS, value), drills.revision)
            .await
    }
}

fn open_removals(item: &Item) -> Result<OpenRemovals, ItemError> {
    let drills = json::drill::read_removals(get_text(item, REMOVED)?);
    let drills = drills.map_err(|error| ItemError::new(REMOVED, error.to_string()))?;
    Ok(OpenRemovals {
        revision: get_number(item, REVISION)?,
        drills,
    })
}

impl<Extra> ReadOpenRemovals for Aws<Extra> {
    async fn open_removals(&self) -> Result<OpenRemovals, PortError> {
        let item = self.item(text(REMOVALS)).await?;
        let read = item.as_ref().map(open_removals).transpose();
        let read = read.map_err(|error| unusable("dynamodb:GetItem", error))?;
        Ok(read.unwrap_or_default())
    }
}

impl<Extra> StoreOpenRemovals for Aws<Extra> {
    async fn store_open_removals(&self, removals: &OpenRemovals) -> Result<Written, PortError> {
        let value = json::drill::write_removals(&removals.drills);
        self.store_revision(text(REMOVALS), (REMOVED, value), removals.revision)
            .await
    }
}
