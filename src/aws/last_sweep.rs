//! What the last sweeps found.

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{self, Item, ItemError, PK, text, time};
use crate::domain::run::look_times::LastSweep;
use crate::ports::{NoteSweep, PortError, ReadLastSweep};

const KEY: &str = "swept";
const COMPLETE_AT: &str = "complete_at";
const MISSED_AT: &str = "missed_at";

fn read(item: &Item) -> Result<LastSweep, ItemError> {
    Ok(LastSweep {
        complete_at: items::get_time(item, COMPLETE_AT)?,
        missed_at: match item.contains_key(MISSED_AT) {
            true => Some(items::get_time(item, MISSED_AT)?),
            false => None,
        },
    })
}

impl<Extra> ReadLastSweep for Aws<Extra> {
    async fn last_sweep(&self) -> Result<Option<LastSweep>, PortError> {
        let item = self.item(text(KEY)).await?;
        let read = item.as_ref().map(read).transpose();
        read.map_err(|error| unusable("dynamodb:GetItem", error))
    }
}

impl<Extra> NoteSweep for Aws<Extra> {
    async fn note_sweep(&self, sweep: &LastSweep) -> Result<(), PortError> {
        let request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, text(KEY))
            .expression_attribute_names("#complete_at", COMPLETE_AT)
            .expression_attribute_names("#missed_at", MISSED_AT)
            .expression_attribute_values(":complete_at", time(sweep.complete_at));
        let request = match sweep.missed_at {
            None => request.update_expression("SET #complete_at = :complete_at REMOVE #missed_at"),
            Some(at) => request
                .update_expression("SET #complete_at = :complete_at, #missed_at = :missed_at")
                .expression_attribute_values(":missed_at", time(at)),
        };
        let sent = request.send().await;
        sent.map(drop)
            .map_err(|error| port_error("dynamodb:UpdateItem", &error, &[]))
    }
}
