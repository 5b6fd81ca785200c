//! The indexes: of open items (waits and copy slots, and copies that are not what was asked for), and of queued copies.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{Item, OPEN, text};
use crate::ports::PortError;

/// An index, and how many items a page of it has. Without a number, as many as fit into a megabyte.
pub(super) struct Index {
    pub(super) name: &'static str,
    /// Its hash key.
    pub(super) key: &'static str,
    pub(super) page: Option<i32>,
}

const OPEN_ITEMS: Index = Index {
    name: "open-waits",
    key: OPEN,
    page: None,
};

impl<Extra> Aws<Extra> {
    /// A page of the items whose attribute `open` has this value, and where the next one begins.
    pub(super) async fn query_open(
        &self,
        open: &str,
        marker: Option<String>,
    ) -> Result<(Vec<Item>, Option<String>), PortError> {
        self.query_index(&OPEN_ITEMS, text(open), marker).await
    }

    /// A page of the items whose hash key has this value, and where the next one begins.
    pub(super) async fn query_index(
        &self,
        index: &Index,
        value: AttributeValue,
        marker: Option<String>,
    ) -> Result<(Vec<Item>, Option<String>), PortError> {
        const ACTION: &str = "dynamodb:Query";
        let start = marker
            .map(|marker| read_marker(&marker))
            .transpose()
            .map_err(|error| unusable(ACTION, error))?;
        let answer = self
            .dynamodb()
            .query()
            .table_name(&self.table)
            .index_name(index.name)
            .set_limit(index.page)
            .key_condition_expression(format!("#{0} = :{0}", index.key))
            .expression_attribute_names(format!("#{}", index.key), index.key)
            .expression_attribute_values(format!(":{}", index.key), value)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| port_error(ACTION, &error, &[]))?;
        let next = answer
            .last_evaluated_key()
            .filter(|key| !key.is_empty())
            .map(write_marker)
            .transpose()
            .map_err(|error| unusable(ACTION, error))?;
        Ok((answer.items.unwrap_or_default(), next))
    }
}

fn write_marker(key: &Item) -> Result<String, &'static str> {
    let mut parts = BTreeMap::new();
    for (name, value) in key {
        let part = match value {
            AttributeValue::S(text) => ("S", text),
            AttributeValue::N(digits) => ("N", digits),
            _ => return Err("the index's key is of texts and numbers"),
        };
        parts.insert(name, part);
    }
    serde_json::to_string(&parts).map_err(|_| "the index's key cannot be written")
}

fn read_marker(marker: &str) -> Result<Item, &'static str> {
    let parts: BTreeMap<String, (String, String)> =
        serde_json::from_str(marker).map_err(|_| "the marker is not one of this list")?;
    parts
        .into_iter()
        .map(|(name, (kind, value))| match kind.as_str() {
            "S" => Ok((name, AttributeValue::S(value))),
            "N" => Ok((name, AttributeValue::N(value))),
            _ => Err("the marker is not one of this list"),
        })
        .collect()
}
