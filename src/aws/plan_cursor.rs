//! The planner's cursors: up to when a policy is planned in a region, and which databases were left over.

use aws_sdk_dynamodb::types::AttributeValue;
use tracing::warn;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{self, Item, ItemError, PK, get_text, text, time};
use super::waits::is_conflict;
use crate::domain::id::arn::Region;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::cursor::{Cursor, Kept};
use crate::error::chain;
use crate::json;
use crate::ports::{PlanCursor, PortError, ReadPlanCursor};

const UNTIL: &str = "until";
const KEPT: &str = "kept";

fn cursor_key(policy: &PolicyName, region: &Region) -> AttributeValue {
    text(format!("planned#{policy}#{region}"))
}

fn cursor(item: &Item) -> Result<Cursor, ItemError> {
    Ok(Cursor {
        until: items::get_time(item, UNTIL)?,
        kept: kept(item),
    })
}

/// The databases that were left over. If they cannot be read, the next due time makes up for them, whereas an error
/// would keep the policy from being planned for ever.
fn kept(item: &Item) -> Vec<Kept> {
    if !item.contains_key(KEPT) {
        return Vec::new();
    }
    let read = get_text(item, KEPT)
        .map_err(|fault| fault.to_string())
        .and_then(|text| json::kept::read(text).map_err(|error| chain(&error)));
    let fault = |fault: &String| {
        warn!(item = items::key_of(item), %fault, "databases left over that cannot be read");
    };
    read.inspect_err(fault).unwrap_or_default()
}

impl<Extra> ReadPlanCursor for Aws<Extra> {
    async fn plan_cursor(
        &self,
        policy: &PolicyName,
        region: &Region,
    ) -> Result<Option<Cursor>, PortError> {
        let item = self.item(cursor_key(policy, region)).await?;
        let read = item.as_ref().map(cursor).transpose();
        read.map_err(|error| unusable("dynamodb:GetItem", error))
    }
}

impl<Extra> PlanCursor for Aws<Extra> {
    async fn set_plan_cursor(
        &self,
        policy: &PolicyName,
        region: &Region,
        cursor: &Cursor,
    ) -> Result<(), PortError> {
        const ACTION: &str = "dynamodb:UpdateItem";
        let request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, cursor_key(policy, region))
            .condition_expression("attribute_not_exists(#until) OR #until <= :due")
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_names("#kept", KEPT)
            .expression_attribute_values(":due", time(cursor.until));
        let request = match cursor.kept.as_slice() {
            [] => request.update_expression("SET #until = :due REMOVE #kept"),
            kept => request
                .update_expression("SET #until = :due, #kept = :kept")
                .expression_attribute_values(":kept", text(json::kept::write(kept))),
        };
        match request.send().await {
            Ok(_) => Ok(()),
            // A later time is stored already.
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => Ok(()),
            Err(error) => Err(port_error(ACTION, &error, &[])),
        }
    }
}
