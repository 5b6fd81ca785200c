//! The item of the copy slots: how it is read, and the update that hands a slot on.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use tracing::error;

use super::items::{
    self, AT, CLUSTERS, CLUSTERS_OF, HANDED, HOLDERS, HOLDERS_OF, Item, ItemError, number, time,
};
use crate::domain::id::arn::RdsArn;
use crate::domain::id::tags::PolicyName;
use crate::domain::run::slot_limits::SlotGroup;
use crate::domain::run::taken_slots::{HandOver, TakenSlots};

const TIMES: &str = "times";

/// The attribute with the copies of a group.
pub(super) fn attribute_of(group: &SlotGroup) -> String {
    match group {
        SlotGroup::All => HOLDERS.to_owned(),
        SlotGroup::Clusters => CLUSTERS.to_owned(),
        // A policy's name contains no character that is special in an attribute name.
        SlotGroup::Policy(policy) => format!("{HOLDERS_OF}{policy}"),
        SlotGroup::ClustersOf(policy) => format!("{CLUSTERS_OF}{policy}"),
    }
}

/// The attribute with the stamp of a copy's slot.
pub(super) fn handed_attribute(holder: &RdsArn) -> String {
    format!("{HANDED}{holder}")
}

pub(super) fn write_hand_over(hand_over: &HandOver) -> AttributeValue {
    AttributeValue::M(Item::from([
        (AT.to_owned(), time(hand_over.at)),
        (TIMES.to_owned(), number(hand_over.times.into())),
    ]))
}

fn read_hand_over(value: &AttributeValue) -> Result<HandOver, ItemError> {
    let AttributeValue::M(map) = value else {
        return Err(ItemError::new(HANDED, "a map"));
    };
    Ok(HandOver {
        at: items::get_time(map, AT)?,
        times: u32::try_from(items::get_number(map, TIMES)?)
            .map_err(|_| ItemError::new(TIMES, "a number from 1"))?,
    })
}

/// The group of an attribute. `None` if the attribute has no set of copies, or a policy's name cannot be read.
fn group_of(attribute: &str) -> Option<SlotGroup> {
    let policy = |name| PolicyName::parse(name).ok();
    match attribute {
        HOLDERS => Some(SlotGroup::All),
        CLUSTERS => Some(SlotGroup::Clusters),
        other => match other.strip_prefix(HOLDERS_OF) {
            Some(name) => policy(name).map(SlotGroup::Policy),
            None => policy(other.strip_prefix(CLUSTERS_OF)?).map(SlotGroup::ClustersOf),
        },
    }
}

fn read_copies(names: &[String]) -> BTreeSet<RdsArn> {
    let copies = names.iter().filter_map(|name| match RdsArn::parse(name) {
        Ok(copy) => Some(copy),
        Err(error) => {
            error!(%error, "a holder of a copy slot that is no snapshot");
            None
        }
    });
    copies.collect()
}

/// Reads the item. What cannot be read is logged and left out. A copy that is only in the set of a group is a holder too, so
/// that the sweeper frees it when it has no wait.
pub(super) fn read_taken(item: &Item) -> TakenSlots {
    let mut taken = TakenSlots::default();
    for (attribute, value) in item {
        if let (AttributeValue::Ss(names), Some(group)) = (value, group_of(attribute)) {
            taken.groups.insert(group, read_copies(names));
        }
        let Some(holder) = attribute.strip_prefix(HANDED) else {
            continue;
        };
        match (RdsArn::parse(holder), read_hand_over(value)) {
            (Ok(holder), Ok(hand_over)) => {
                taken.handed.insert(holder, hand_over);
            }
            _ => error!("a stamp of a copy slot that cannot be read"),
        }
    }
    taken
}

fn write_copies(copies: &BTreeSet<RdsArn>) -> AttributeValue {
    AttributeValue::Ss(copies.iter().map(ToString::to_string).collect())
}

/// The update that makes of the `known` slots those `after` a hand-over, under the condition that every set that changes is
/// as known, and every stamp that is new or renewed too. Each set is written whole: DynamoDB refuses an update that adds to
/// a set and takes from it.
pub(super) fn swap(
    update: UpdateBuilder,
    known: &TakenSlots,
    after: &TakenSlots,
) -> Result<Update, BuildError> {
    let (mut update, mut set, mut remove, mut conditions) =
        (update, Vec::new(), Vec::new(), Vec::new());
    for (n, group) in known.changes(after).enumerate() {
        let name = format!("#set{n}");
        update = update.expression_attribute_names(&name, attribute_of(group));
        match known.groups.get(group) {
            Some(copies) => {
                conditions.push(format!("{name} = :known{n}"));
                update =
                    update.expression_attribute_values(format!(":known{n}"), write_copies(copies));
            }
            None => conditions.push(format!("attribute_not_exists({name})")),
        }
        match after.groups.get(group) {
            Some(copies) => {
                set.push(format!("{name} = :after{n}"));
                update =
                    update.expression_attribute_values(format!(":after{n}"), write_copies(copies));
            }
            None => remove.push(name),
        }
    }
    let gone = known.handed.keys();
    let gone = gone.filter(|holder| !after.handed.contains_key(holder));
    for (n, holder) in gone.enumerate() {
        let name = format!("#gone{n}");
        update = update.expression_attribute_names(&name, handed_attribute(holder));
        remove.push(name);
    }
    for (n, (holder, hand_over)) in known.new_stamps(after).enumerate() {
        let (name, value) = (format!("#new{n}"), format!(":new{n}"));
        match known.handed.get(holder) {
            Some(stamp) => {
                conditions.push(format!("{name} = :old{n}"));
                update =
                    update.expression_attribute_values(format!(":old{n}"), write_hand_over(stamp));
            }
            None => conditions.push(format!("attribute_not_exists({name})")),
        }
        set.push(format!("{name} = {value}"));
        update = update
            .expression_attribute_names(&name, handed_attribute(holder))
            .expression_attribute_values(value, write_hand_over(hand_over));
    }
    let parts = [("SET", set), ("REMOVE", remove)];
    let parts = parts.iter().filter(|(_, paths)| !paths.is_empty());
    let parts: Vec<String> = parts
        .map(|(word, paths)| format!("{word} {}", paths.join(", ")))
        .collect();
    update
        .update_expression(parts.join(" "))
        .condition_expression(conditions.join(" AND "))
        .build()
}
