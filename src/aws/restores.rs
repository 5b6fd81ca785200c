//! What is stored of restores.

use aws_sdk_dynamodb::types::AttributeValue;
use tracing::warn;

use super::clients::Aws;
use super::items::{self, Item, ItemError, get_number, get_text, text};
use super::revised::REVISION;
use crate::domain::restore::record::RestoreKey;
use crate::json;
use crate::ports::{PortError, ReadRestores, StoreRestores, StoredRestore, Written};

const PREFIX: &str = "restore#";
const RESTORE: &str = "restore";

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
        let value = json::restore_record::write(&restore.record);
        let key = key(&restore.record.key());
        self.store_revision(key, (RESTORE, value), restore.revision)
            .await
    }
}
