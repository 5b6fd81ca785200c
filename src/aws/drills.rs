//! What is stored of drills.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{Item, ItemError, PK, get_number, get_text, number, parsed, text};
use super::waits::is_conflict;
use crate::domain::id::names::ResourceId;
use crate::json;
use crate::ports::{PortError, ReadDrills, StoreDrills, StoredDrills, Written};

const PREFIX: &str = "drills#";
const DRILLS: &str = "drills";
const REVISION: &str = "revision";

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
        let before = drills.revision - 1;
        let condition = match before {
            0 => "attribute_not_exists(#revision)",
            _ => "#revision = :before",
        };
        let mut request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, key(of))
            .update_expression("SET #drills = :drills, #revision = :revision")
            .condition_expression(condition)
            .expression_attribute_names("#drills", DRILLS)
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_values(":drills", text(json::drill::write(&drills.drills)))
            .expression_attribute_values(":revision", number(drills.revision));
        if before > 0 {
            request = request.expression_attribute_values(":before", number(before));
        }
        match request.send().await {
            Ok(_) => Ok(Written::Stored),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => {
                Ok(Written::Conflict)
            }
            Err(error) => Err(port_error("dynamodb:UpdateItem", &error, &[])),
        }
    }
}
