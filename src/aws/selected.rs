//! Which databases a policy selects in a region.

use aws_sdk_dynamodb::types::AttributeValue;

use super::clients::Aws;
use super::fault::port_error;
use super::items::{Item, ItemError, PK, get_number, get_text, number, parsed, text};
use crate::domain::id::arn::Region;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::selected::{SECOND_OF_EARLIER_VERSIONS, SelectedPart, UnreadablePart};
use crate::domain::run::fingerprint::Fingerprint;
use crate::error::chain;
use crate::json;
use crate::ports::{PortError, ReadSelected, StoreSelected};

const PARTS: &str = "parts";
const SECOND: &str = "second";
const LIST: &str = "list";
const DATABASES: &str = "databases";

fn key(policy: &PolicyName, region: &Region, part: usize) -> AttributeValue {
    text(format!("selected#{policy}#{region}#{part}"))
}

fn count(item: &Item, attribute: &'static str) -> Result<usize, ItemError> {
    let count = usize::try_from(get_number(item, attribute)?);
    count.map_err(|_| ItemError::new(attribute, "a count"))
}

fn selected(item: &Item) -> Result<SelectedPart, UnreadablePart> {
    let fault = |error: ItemError| UnreadablePart(chain(&error));
    let second = match item.contains_key(SECOND) {
        true => count(item, SECOND).map_err(fault)?,
        false => SECOND_OF_EARLIER_VERSIONS,
    };
    let list = match item.get(LIST) {
        Some(AttributeValue::S(list)) => {
            Some(parsed(LIST, Fingerprint::parse(list)).map_err(fault)?)
        }
        _ => None,
    };
    let databases = json::selected::read(get_text(item, DATABASES).map_err(fault)?);
    Ok(SelectedPart {
        parts: count(item, PARTS).map_err(fault)?,
        second,
        list,
        databases: databases.map_err(|error| UnreadablePart(chain(&error)))?,
    })
}

impl<Extra> ReadSelected for Aws<Extra> {
    async fn read_selected(
        &self,
        policy: &PolicyName,
        region: &Region,
        part: usize,
    ) -> Result<Option<Result<SelectedPart, UnreadablePart>>, PortError> {
        let item = self.item(key(policy, region, part)).await?;
        Ok(item.as_ref().map(selected))
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
        let count = |count: usize| number(i64::try_from(count).unwrap_or(i64::MAX));
        let list = selected.list.as_ref();
        let list = list.map_or(AttributeValue::Null(true), |list| text(list.as_str()));
        self.dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, key(policy, region, part))
            .update_expression(
                "SET #parts = :parts, #second = :second, #list = :list, #databases = :databases",
            )
            .expression_attribute_names("#parts", PARTS)
            .expression_attribute_names("#second", SECOND)
            .expression_attribute_names("#list", LIST)
            .expression_attribute_names("#databases", DATABASES)
            .expression_attribute_values(":parts", count(selected.parts))
            .expression_attribute_values(":second", count(selected.second))
            .expression_attribute_values(":list", list)
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
