//! The planner's cursors: up to when a policy is planned in a region, and which databases were left over.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{self, Item, ItemError, PK, get_text, number, text, time};
use super::waits::is_conflict;
use crate::domain::id::arn::Region;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::cursor::{Cursor, Kept};
use crate::domain::policy::spread::OpenSpread;
use crate::error::chain;
use crate::json;
use crate::ports::{PlanCursor, PortError, ReadPlanCursor};

const UNTIL: &str = "until";
const KEPT: &str = "kept";
/// Over how many seconds the databases are spread, and up to which own time they are planned, while the spread goes on.
const SPREAD_OVER: &str = "spread_over";
const SPREAD_THROUGH: &str = "spread_through";

fn cursor_key(policy: &PolicyName, region: &Region) -> AttributeValue {
    text(format!("planned#{policy}#{region}"))
}

fn cursor(item: &Item) -> Result<Cursor, ItemError> {
    let until = items::get_time(item, UNTIL)?;
    Ok(Cursor {
        until,
        kept: kept(item, until),
        spread: open_spread(item),
    })
}

/// The databases that were left over. If they cannot be read, the next due time makes up for them, whereas an error
/// would keep the policy from being planned for ever.
fn kept(item: &Item, until: Timestamp) -> Vec<Kept> {
    if !item.contains_key(KEPT) {
        return Vec::new();
    }
    let read = get_text(item, KEPT)
        .map_err(|fault| fault.to_string())
        .and_then(|text| json::kept::read(text, until).map_err(|error| chain(&error)));
    let fault = |fault: &String| {
        warn!(item = items::key_of(item), %fault, "databases left over that cannot be read");
    };
    read.inspect_err(fault).unwrap_or_default()
}

/// How far the spread has come. Both are written together; if one cannot be read, the due time counts as planned, as for
/// an earlier version, and the next one plans every database.
fn open_spread(item: &Item) -> Option<OpenSpread> {
    if !item.contains_key(SPREAD_OVER) {
        return None;
    }
    let read = || {
        Ok(OpenSpread {
            over: SignedDuration::from_secs(items::get_number(item, SPREAD_OVER)?),
            through: items::get_time(item, SPREAD_THROUGH)?,
        })
    };
    let fault = |fault: &ItemError| {
        warn!(item = items::key_of(item), %fault, "a spread that cannot be read");
    };
    read().inspect_err(fault).ok()
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
            .expression_attribute_names("#over", SPREAD_OVER)
            .expression_attribute_names("#through", SPREAD_THROUGH)
            .expression_attribute_values(":due", time(cursor.until));
        let (mut set, mut remove) = ("SET #until = :due".to_owned(), Vec::new());
        let request = match cursor.kept.as_slice() {
            [] => {
                remove.push("#kept");
                request
            }
            kept => {
                set.push_str(", #kept = :kept");
                let kept = json::kept::write(kept, cursor.until);
                request.expression_attribute_values(":kept", text(kept))
            }
        };
        let request = match &cursor.spread {
            None => {
                remove.extend(["#over", "#through"]);
                request
            }
            Some(open) => {
                set.push_str(", #over = :over, #through = :through");
                request
                    .expression_attribute_values(":over", number(open.over.as_secs()))
                    .expression_attribute_values(":through", time(open.through))
            }
        };
        if !remove.is_empty() {
            set.push_str(" REMOVE ");
            set.push_str(&remove.join(", "));
        }
        let request = request.update_expression(set);
        match request.send().await {
            Ok(_) => Ok(()),
            // A later time is stored already.
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => Ok(()),
            Err(error) => Err(port_error(ACTION, &error, &[])),
        }
    }
}
