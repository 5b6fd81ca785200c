//! Copy slots. The sets of one item name the copies that hold a slot. One item for each family has the limit that
//! Snapferry learnt from RDS's refusals.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem, Update};

use tracing::warn;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{
    self, HOLDERS, Item, ItemError, OPEN, OPEN_WAIT, PHASE, PK, SINCE, SLOTS_KEY, number,
    old_wait_key, text, time, wait_key,
};
use super::slots_item::{attribute_of, handed_attribute, read_taken, swap, write_hand_over};
use super::waits::is_conflict;
use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::id::tags::PolicyName;
use crate::domain::run::learnt_limit::LearntLimit;
use crate::domain::run::naming::first_attempt;
use crate::domain::run::slot_limits::{SlotGroup, SlotLimits};
use crate::domain::run::taken_slots::{HandOver, SeenSlot, TakenSlots};
use crate::domain::run::wait::Phase;
use crate::error::chain;
use crate::ports::{
    Abandoned, ClaimSlot, FreeSlot, HandOnSlot, HandOutSlot, LearnLimits, PortError,
    ReadLearntLimit, ReadSlots, Written,
};

fn set_of(copy: &RdsArn) -> AttributeValue {
    AttributeValue::Ss(vec![copy.to_string()])
}

fn count(max: usize) -> AttributeValue {
    number(i64::try_from(max).unwrap_or(i64::MAX))
}

/// The placeholder of a group's attribute, and that of its limit.
fn placeholders_of(group: &SlotGroup) -> (&'static str, &'static str) {
    match group {
        SlotGroup::All => ("#holders", ":most"),
        SlotGroup::Clusters => ("#clusters", ":most_clusters"),
        SlotGroup::Policy(_) => ("#of", ":most_of"),
        SlotGroup::ClustersOf(_) => ("#group", ":most_of_clusters"),
    }
}

/// Every group that a copy of this family may count for.
fn groups_of(family: Family, policy: Option<&PolicyName>) -> Vec<SlotGroup> {
    let mut groups = vec![SlotGroup::All];
    groups.extend(policy.cloned().map(SlotGroup::Policy));
    if family == Family::Cluster {
        groups.push(SlotGroup::Clusters);
        groups.extend(policy.cloned().map(SlotGroup::ClustersOf));
    }
    groups
}

/// How many times a write of the slots' item is sent that meets another transaction on it. Each has ended by the time that
/// the refusal has come back.
const TRIES: usize = 5;

/// What a claim does with the slot's stamp.
enum Stamping<'a> {
    /// The claim ends the hand-over.
    Ends,
    /// The claim stamps the slot, if the slot is still as known.
    Stamps {
        known: &'a SeenSlot,
        new: &'a HandOver,
    },
}

impl<Extra> Aws<Extra> {
    async fn claim(
        &self,
        copy: &RdsArn,
        limits: &SlotLimits,
        stamping: Stamping<'_>,
    ) -> Result<bool, PortError> {
        let copy = &first_attempt(copy);
        let mut request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, text(SLOTS_KEY))
            .expression_attribute_names("#holders", HOLDERS)
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#since", SINCE)
            .expression_attribute_names("#handed", handed_attribute(copy))
            .expression_attribute_values(":copies", set_of(copy))
            .expression_attribute_values(":copy", text(copy.to_string()))
            .expression_attribute_values(":wait", text(OPEN_WAIT))
            .expression_attribute_values(":zero", number(0));
        // Change all sets in one write, so that they always agree.
        let (mut add, mut conditions) = (Vec::new(), Vec::new());
        for (group, max) in limits.iter() {
            let (set, most) = placeholders_of(group);
            let has_room = format!("attribute_not_exists({set}) OR size({set}) < {most}");
            conditions.push(match group {
                SlotGroup::All => format!("({has_room})"),
                _ => format!("({has_room} OR contains({set}, :copy))"),
            });
            add.push(format!("{set} :copies"));
            request = request
                .expression_attribute_names(set, attribute_of(group))
                .expression_attribute_values(most, count(max));
        }
        // AND binds more tightly than OR, and DynamoDB refuses redundant parentheses.
        let may_hold = format!("contains(#holders, :copy) OR {}", conditions.join(" AND "));
        // Put the item first in the index of open items, so that the sweep gets the holders with its first page.
        let set = format!("ADD {} SET #open = :wait, #since = :zero", add.join(", "));
        let request = match stamping {
            Stamping::Ends => request
                .update_expression(format!("{set} REMOVE #handed"))
                .condition_expression(may_hold),
            Stamping::Stamps { known, new } => {
                let request = request
                    .update_expression(format!("{set}, #handed = :handed"))
                    .expression_attribute_values(":handed", write_hand_over(new));
                match known {
                    // A worker that has claimed the slot meanwhile works on the copy.
                    SeenSlot::NotHeld => request.condition_expression(format!(
                        "({may_hold}) AND attribute_not_exists(#handed) AND \
                         NOT contains(#holders, :copy)"
                    )),
                    SeenSlot::Held => request.condition_expression(format!(
                        "({may_hold}) AND attribute_not_exists(#handed)"
                    )),
                    SeenSlot::Stamped(known) => request
                        .condition_expression(format!("({may_hold}) AND #handed = :known"))
                        .expression_attribute_values(":known", write_hand_over(known)),
                }
            }
        };
        update(&request).await
    }
}

/// Updates the slots' item, and tries again where a transaction is under way on it. Returns whether the condition was true.
async fn update(request: &UpdateItemFluentBuilder) -> Result<bool, PortError> {
    let mut tries = 1;
    loop {
        let error = match request.clone().send().await {
            Ok(_) => return Ok(true),
            Err(error) => error,
        };
        let meta = error.as_service_error().map(|e| e.meta());
        if is_conflict(meta) {
            return Ok(false);
        }
        if tries == TRIES || meta.and_then(|meta| meta.code()) != Some(IN_TRANSACTION) {
            return Err(port_error("dynamodb:UpdateItem", &error, &[]));
        }
        tries += 1;
    }
}

/// DynamoDB's code for an update that meets a transaction on its item.
const IN_TRANSACTION: &str = "TransactionConflictException";

impl<Extra> ClaimSlot for Aws<Extra> {
    async fn claim_slot(&self, copy: &RdsArn, limits: &SlotLimits) -> Result<bool, PortError> {
        self.claim(copy, limits, Stamping::Ends).await
    }
}

impl<Extra> HandOutSlot for Aws<Extra> {
    async fn hand_out_slot(
        &self,
        copy: &RdsArn,
        limits: &SlotLimits,
        known: &SeenSlot,
        new: &HandOver,
    ) -> Result<bool, PortError> {
        let stamping = Stamping::Stamps { known, new };
        self.claim(copy, limits, stamping).await
    }
}

impl<Extra> HandOnSlot for Aws<Extra> {
    async fn hand_on_slot(
        &self,
        settled: &RdsArn,
        known: &TakenSlots,
        after: &TakenSlots,
    ) -> Result<Written, PortError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key(PK, text(SLOTS_KEY));
        let build = || -> Result<_, BuildError> {
            let check = self.abandoned(settled, &Abandoned::WaitGone)?;
            Ok((check, swap(update, known, after)?))
        };
        let (check, update) = build().map_err(|error| unusable(TRANSACTION, error))?;
        let request = self
            .dynamodb()
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().condition_check(check).build())
            .transact_items(TransactWriteItem::builder().update(update).build());
        match request.send().await {
            Ok(_) => Ok(Written::Stored),
            // Another hand-over at the same moment is as good as one a moment before: the slots have changed.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| condition_failed(error) || met_another(error)) =>
            {
                Ok(Written::Conflict)
            }
            Err(error) => Err(port_error(TRANSACTION, &error, &[])),
        }
    }
}

const TRANSACTION: &str = "dynamodb:TransactWriteItems";

impl<Extra> FreeSlot for Aws<Extra> {
    async fn free_slot(
        &self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
        proof: &Abandoned,
    ) -> Result<bool, PortError> {
        let build = || -> Result<_, BuildError> {
            let check = self.abandoned(copy, proof)?;
            let update = self.release(copy, of_policy)?;
            Ok((check, update))
        };
        let (check, update) = build().map_err(|error| unusable(TRANSACTION, error))?;
        let request = self
            .dynamodb()
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().condition_check(check).build())
            .transact_items(TransactWriteItem::builder().update(update).build());
        // Hand-overs and claims change the same item all the time.
        let mut tries = 1;
        loop {
            let error = match request.clone().send().await {
                Ok(_) => {
                    self.remove_slots_from_index().await;
                    return Ok(true);
                }
                Err(error) => error,
            };
            if error.as_service_error().is_some_and(condition_failed) {
                return Ok(false);
            }
            if tries == TRIES || !error.as_service_error().is_some_and(met_another) {
                return Err(port_error(TRANSACTION, &error, &[]));
            }
            tries += 1;
        }
    }
}

/// Whether another transaction, or another write of one of its items, was under way.
fn met_another(error: &TransactWriteItemsError) -> bool {
    has_reason(error, "TransactionConflict")
}

/// Whether a condition made the transaction fail. A conflict with another transaction, which may itself fail, does not
/// count.
pub(super) fn condition_failed(error: &TransactWriteItemsError) -> bool {
    has_reason(error, "ConditionalCheckFailed")
}

fn has_reason(error: &TransactWriteItemsError, code: &str) -> bool {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            let mut reasons = cancelled.cancellation_reasons().iter();
            reasons.any(|reason| reason.code() == Some(code))
        }
        _ => false,
    }
}

impl<Extra> Aws<Extra> {
    /// Removes a copy from the sets that it is in, also one that another version left only in a group's set.
    fn release(&self, copy: &RdsArn, of_policy: Option<&PolicyName>) -> Result<Update, BuildError> {
        let mut update = Update::builder()
            .table_name(&self.table)
            .key(PK, text(SLOTS_KEY))
            .expression_attribute_values(":copies", set_of(copy))
            .expression_attribute_values(":copy", text(copy.to_string()));
        let (mut delete, mut is_in) = (Vec::new(), Vec::new());
        for group in groups_of(copy.family(), of_policy) {
            let (set, _) = placeholders_of(&group);
            update = update.expression_attribute_names(set, attribute_of(&group));
            delete.push(format!("{set} :copies"));
            is_in.push(format!("contains({set}, :copy)"));
        }
        update
            .expression_attribute_names("#handed", handed_attribute(copy))
            .update_expression(format!("DELETE {} REMOVE #handed", delete.join(", ")))
            .condition_expression(is_in.join(" OR "))
            .build()
    }

    fn abandoned(&self, copy: &RdsArn, proof: &Abandoned) -> Result<ConditionCheck, BuildError> {
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

    /// Removes the slots' item from the index when no copy holds a slot, so that a sweep reads no item if nothing is open.
    /// DynamoDB removes an empty set. If somebody claims a slot in between, the item stays in the index. A failure is only
    /// logged, because the slot is free: the item stays in the index until the next slot is freed.
    async fn remove_slots_from_index(&self) {
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
        if let Err(error) = update(&request).await {
            warn!(error = chain(&error), "the slots' item stays in the index");
        }
    }
}

impl<Extra> ReadSlots for Aws<Extra> {
    async fn taken_slots(&self) -> Result<TakenSlots, PortError> {
        let item = self.item(text(SLOTS_KEY)).await?;
        Ok(item.as_ref().map(read_taken).unwrap_or_default())
    }
}

const IN_FLIGHT: &str = "in_flight";
const STEP: &str = "step";

fn limit_key(family: Family) -> AttributeValue {
    text(match family {
        Family::Instance => "limit#instance",
        Family::Cluster => "limit#cluster",
    })
}

fn read_limit(item: &Item) -> Result<LearntLimit, ItemError> {
    let whole = |attribute| {
        let number = items::get_number(item, attribute)?;
        usize::try_from(number).map_err(|_| ItemError::new(attribute, "a number from 0"))
    };
    Ok(LearntLimit {
        in_flight: whole(IN_FLIGHT)?,
        since: items::get_time(item, SINCE)?,
        step: whole(STEP)?,
    })
}

impl<Extra> ReadLearntLimit for Aws<Extra> {
    async fn learnt_limit(&self, family: Family) -> Result<Option<LearntLimit>, PortError> {
        let item = self.item(limit_key(family)).await?;
        item.map(|item| read_limit(&item))
            .transpose()
            .map_err(|error| unusable("dynamodb:GetItem", error))
    }
}

impl<Extra> LearnLimits for Aws<Extra> {
    async fn learn_limit(
        &self,
        family: Family,
        known: Option<&LearntLimit>,
        learnt: &LearntLimit,
    ) -> Result<Written, PortError> {
        let request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, limit_key(family))
            .update_expression("SET #in_flight = :in_flight, #since = :since, #step = :step")
            .expression_attribute_names("#in_flight", IN_FLIGHT)
            .expression_attribute_names("#since", SINCE)
            .expression_attribute_names("#step", STEP)
            .expression_attribute_values(":in_flight", count(learnt.in_flight))
            .expression_attribute_values(":since", time(learnt.since))
            .expression_attribute_values(":step", count(learnt.step));
        let request = match known {
            None => request.condition_expression("attribute_not_exists(#in_flight)"),
            Some(known) => request
                .condition_expression(
                    "#in_flight = :known AND #since = :known_since AND #step = :known_step",
                )
                .expression_attribute_values(":known", count(known.in_flight))
                .expression_attribute_values(":known_since", time(known.since))
                .expression_attribute_values(":known_step", count(known.step)),
        };
        match request.send().await {
            Ok(_) => Ok(Written::Stored),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => {
                Ok(Written::Conflict)
            }
            Err(error) => Err(port_error("dynamodb:UpdateItem", &error, &[])),
        }
    }
}
