//! Reads items of the table by their keys.

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{Item, PK};
use crate::ports::PortError;

/// How often to ask BatchGetItem again for keys that DynamoDB left unprocessed, as it does when it throttles.
const ROUNDS: usize = 3;
const ACTION: &str = "dynamodb:BatchGetItem";

impl<Extra> Aws<Extra> {
    /// Reads one item consistently.
    pub(super) async fn item(&self, key: AttributeValue) -> Result<Option<Item>, PortError> {
        let request = self
            .dynamodb()
            .get_item()
            .table_name(&self.table)
            .key(PK, key)
            .consistent_read(true);
        let answer = request.send().await;
        let answer = answer.map_err(|error| port_error("dynamodb:GetItem", &error, &[]))?;
        Ok(answer.item)
    }

    /// The items that exist, in any order.
    pub(super) async fn batch_get(
        &self,
        mut asked: KeysAndAttributes,
    ) -> Result<Vec<Item>, PortError> {
        let mut items = Vec::new();
        for _ in 0..ROUNDS {
            let answer = self
                .dynamodb()
                .batch_get_item()
                .request_items(&self.table, asked)
                .send()
                .await
                .map_err(|error| port_error(ACTION, &error, &[]))?;
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            let left = answer.unprocessed_keys.unwrap_or_default();
            match left.into_values().find(|keys| !keys.keys().is_empty()) {
                Some(keys) => asked = keys,
                None => return Ok(items),
            }
        }
        Err(unusable(
            ACTION,
            "DynamoDB leaves keys unprocessed, as it does when it is throttled",
        ))
    }
}
