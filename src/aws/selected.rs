//! Which databases a policy selects in a region.

use aws_sdk_dynamodb::types::AttributeValue;
use tracing::warn;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{self, Item, ItemError, PK, get_number, get_text, number, text};
use crate::domain::id::arn::Region;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::selected::SelectedPart;
use crate::error::chain;
use crate::json;
use crate::ports::{PortError, ReadSelected, StoreSelected};

const PARTS: &str = "parts";
const DATABASES: &str = "databases";

fn key(policy: &PolicyName, region: &Region, part: usize) -> AttributeValue {
    text(format!("selected#{policy}#{region}#{part}"))
}

fn selected(item: &Item) -> Result<SelectedPart, ItemError> {
    let parts = usize::try_from(get_number(item, PARTS)?);
    let parts = parts.map_err(|_| ItemError::new(PARTS, "a count"))?;
    let read = json::selected::read(get_text(item, DATABASES)?);
    let fault = |error: &json::JsonError| {
        let (item, fault) = (items::key_of(item), chain(error));
        warn!(item, fault, "selected databases that cannot be read");
    };
    Ok(SelectedPart {
        parts,
        databases: read.inspect_err(fault).unwrap_or_default(),
    })
}

impl<Extra> ReadSelected for Aws<Extra> {
    async fn read_selected(
        &self,
        policy: &PolicyName,
        region: &Region,
        part: usize,
    ) -> Result<Option<SelectedPart>, PortError> {
        let item = self.item(key(policy, region, part)).await?;
        let read = item.as_ref().map(selected).transpose();
        read.map_err(|error| unusable("dynamodb:GetItem", error))
    }
}

impl<Extra> StoreSelected for Aws<Extra> {
    async fn store_selected(
        &self,
        policy: &PolicyName,
        region: &Region,
        part: usize,
        selected: &SelectedPart,
    ) -> Result<(), PortError> {
        let parts = i64::try_from(selected.parts).unwrap_or(i64::MAX);
        self.dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, key(policy, region, part))
            .update_expression("SET #parts = :parts, #databases = :databases")
            .expression_attribute_names("#parts", PARTS)
            .expression_attribute_names("#databases", DATABASES)
            .expression_attribute_values(":parts", number(parts))
            .expression_attribute_values(
                ":databases",
                text(json::selected::write(&selected.databases)),
            )
            .send()
            .await
            .map(drop)
            .map_err(|error| port_error("dynamodb:UpdateItem", &error, &[]))
    }
}
