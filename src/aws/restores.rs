//! What is stored of restores.

use aws_sdk_dynamodb::types::AttributeValue;
use tracing::warn;

use super::clients::Aws;
use super::fault::port_error;
use super::items::{self, Item, ItemError, PK, get_number, get_text, number, text};
use super::waits::is_conflict;
use crate::domain::restore::record::RestoreKey;
use crate::json;
use crate::ports::{PortError, ReadRestores, StoreRestores, StoredRestore, Written};

const PREFIX: &str = "restore#";
const RESTORE: &str = "restore";
const REVISION: &str = "revision";

fn key(of: &RestoreKey) -> AttributeValue {
    text(format!("{PREFIX}{of}"))
}

fn restore(item: &Item) -> Result<StoredRestore, ItemError> {
    let record = json::restore_record::read(get_text(item, RESTORE)?);
    let record = record.map_err(|error| ItemError::new(RESTORE, format!("a restore: {error}")))?;
    Ok(StoredRestore {
        revision: get_number(item, REVISION)?,
        record,
    })
}

impl<Extra> ReadRestores for Aws<Extra> {
    async fn restore(&self, of: &RestoreKey) -> Result<Option<StoredRestore>, PortError> {
        let Some(item) = self.item(key(of)).await? else {
            return Ok(None);
        };
        let fault = |fault: &ItemError| {
            warn!(item = items::key_of(&item), %fault, "a restore that cannot be read");
        };
        Ok(restore(&item).inspect_err(fault).ok())
    }
}

impl<Extra> StoreRestores for Aws<Extra> {
    async fn store_restore(&self, restore: &StoredRestore) -> Result<Written, PortError> {
        let before = restore.revision - 1;
        let condition = match before {
            0 => "attribute_not_exists(#revision)",
            _ => "#revision = :before",
        };
        let mut request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, key(&restore.record.key()))
            .update_expression("SET #restore = :restore, #revision = :revision")
            .condition_expression(condition)
            .expression_attribute_names("#restore", RESTORE)
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_values(
                ":restore",
                text(json::restore_record::write(&restore.record)),
            )
            .expression_attribute_values(":revision", number(restore.revision));
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
