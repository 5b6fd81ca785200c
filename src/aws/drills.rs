//! What is stored of drills.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use super::clients::Aws;
use super::fault::unusable;
use super::items::{Item, ItemError, PK, get_number, get_text, parsed, text};
use super::revised::REVISION;
use crate::domain::id::names::ResourceId;
use crate::json;
use crate::ports::{PortError, ReadDrills, StoreDrills, StoredDrills, Written};

const PREFIX: &str = "drills#";
const DRILLS: &str = "drills";

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
