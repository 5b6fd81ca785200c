//! Copy slots: one item whose set names the copies that hold a slot.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem, Update};

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{
    HOLDERS, HOLDERS_OF, OPEN, OPEN_WAIT, PHASE, PK, SINCE, SLOTS_KEY, number, old_wait_key, text,
    time, wait_key,
};
use super::waits::is_conflict;
use crate::domain::id::arn::RdsArn;
use crate::domain::id::tags::PolicyName;
use crate::domain::run::naming::first_attempt;
use crate::domain::run::slot_limits::SlotLimits;
use crate::domain::run::wait::Phase;
use crate::ports::{Abandoned, ClaimSlot, FreeSlot, PortError};

fn set_of(copy: &RdsArn) -> AttributeValue {
    AttributeValue::Ss(vec![copy.to_string()])
}

/// The attribute with a policy's own holders. No character of a policy's name has a meaning in an attribute name.
fn holders_of(policy: &PolicyName) -> String {
    format!("{HOLDERS_OF}{policy}")
}

fn count(max: usize) -> AttributeValue {
    number(i64::try_from(max).unwrap_or(i64::MAX))
}

impl<Extra> ClaimSlot for Aws<Extra> {
    async fn claim_slot(&self, copy: &RdsArn, limits: &SlotLimits) -> Result<bool, PortError> {
        let copy = &first_attempt(copy);
        let mut add = "ADD #holders :copies".to_owned();
        let mut condition =
            "attribute_not_exists(#holders) OR size(#holders) < :most OR contains(#holders, :copy)"
                .to_owned();
        let mut request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, text(SLOTS_KEY))
            .expression_attribute_names("#holders", HOLDERS)
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#since", SINCE)
            .expression_attribute_values(":copies", set_of(copy))
            .expression_attribute_values(":copy", text(copy.to_string()))
            .expression_attribute_values(":most", count(limits.max))
            .expression_attribute_values(":wait", text(OPEN_WAIT))
            .expression_attribute_values(":zero", number(0));
        if let Some(bound) = &limits.of_policy {
            // Change both sets in one write, because neither is right without the other.
            add.push_str(", #of :copies");
            condition = "contains(#holders, :copy) OR (\
                (attribute_not_exists(#holders) OR size(#holders) < :most) AND \
                (attribute_not_exists(#of) OR size(#of) < :most_of OR contains(#of, :copy)))"
                .to_owned();
            request = request
                .expression_attribute_names("#of", holders_of(&bound.policy))
                .expression_attribute_values(":most_of", count(bound.max));
        }
        let request = request
            // Put the item first in the index of open items, so that the sweep gets the holders with its first page.
            .update_expression(format!("{add} SET #open = :wait, #since = :zero"))
            .condition_expression(condition);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => Ok(false),
            Err(error) => Err(port_error("UpdateItem", &error, &[])),
        }
    }
}

impl<Extra> FreeSlot for Aws<Extra> {
    async fn free_slot(
        &self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
        proof: &Abandoned,
    ) -> Result<bool, PortError> {
        const ACTION: &str = "TransactWriteItems";
        let build = || -> Result<_, aws_sdk_dynamodb::error::BuildError> {
            let check = self.abandoned(copy, proof)?;
            let update = self.release(copy, of_policy)?;
            Ok((check, update))
        };
        let (check, update) = build().map_err(|error| unusable(ACTION, error))?;
        let request = self
            .dynamodb()
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().condition_check(check).build())
            .transact_items(TransactWriteItem::builder().update(update).build());
        match request.send().await {
            Ok(_) => {
                self.close_slots().await?;
                Ok(true)
            }
            Err(error) if error.as_service_error().is_some_and(proof_is_gone) => Ok(false),
            Err(error) => Err(port_error(ACTION, &error, &[])),
        }
    }
}

/// Whether a transaction failed because of its conditions, and not because of a conflict with one that may still fail.
pub(super) fn proof_is_gone(error: &TransactWriteItemsError) -> bool {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => cancelled
            .cancellation_reasons()
            .iter()
            .any(|reason| reason.code() == Some("ConditionalCheckFailed")),
        _ => false,
    }
}

impl<Extra> Aws<Extra> {
    /// Removes a copy from the sets that it is in. This includes a copy that is only in its policy's set, because another
    /// version freed it.
    fn release(
        &self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
    ) -> Result<Update, aws_sdk_dynamodb::error::BuildError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key(PK, text(SLOTS_KEY))
            .expression_attribute_names("#holders", HOLDERS)
            .expression_attribute_values(":copies", set_of(copy))
            .expression_attribute_values(":copy", text(copy.to_string()));
        match of_policy {
            None => update
                .update_expression("DELETE #holders :copies")
                .condition_expression("contains(#holders, :copy)"),
            Some(policy) => update
                .update_expression("DELETE #holders :copies, #of :copies")
                .condition_expression("contains(#holders, :copy) OR contains(#of, :copy)")
                .expression_attribute_names("#of", holders_of(policy)),
        }
        .build()
    }

    fn abandoned(
        &self,
        copy: &RdsArn,
        proof: &Abandoned,
    ) -> Result<ConditionCheck, aws_sdk_dynamodb::error::BuildError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .key(PK, old_wait_key(copy).unwrap_or_else(|| wait_key(copy)));
        match proof {
            Abandoned::WaitGone => check
                .condition_expression("attribute_not_exists(#pk)")
                .expression_attribute_names("#pk", PK),
            Abandoned::RegisteredSince(since) => check
                .condition_expression("#phase = :registered AND #since = :since")
                .expression_attribute_names("#phase", PHASE)
                .expression_attribute_names("#since", SINCE)
                .expression_attribute_values(":registered", text(Phase::Registered.as_str()))
                .expression_attribute_values(":since", time(*since)),
        }
        .build()
    }

    /// Removes the slots' item from the index when no copy holds a slot, so that a sweep with nothing open reads nothing.
    /// DynamoDB drops a set with its last element. If somebody claims a slot in between, the item stays in the index.
    async fn close_slots(&self) -> Result<(), PortError> {
        let request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, text(SLOTS_KEY))
            .update_expression("REMOVE #open, #since")
            .condition_expression("attribute_not_exists(#holders)")
            .expression_attribute_names("#holders", HOLDERS)
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#since", SINCE);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => Ok(()),
            Err(error) => Err(port_error("UpdateItem", &error, &[])),
        }
    }
}
