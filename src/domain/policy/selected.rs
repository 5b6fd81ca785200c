//! The databases that a policy selects in a region, as the planner last listed them to the end.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::ResourceId;

/// How many databases one item of the table names. With the longest names that RDS allows, the item stays below
/// DynamoDB's 400 KB.
pub const PART_MAX: usize = 1_000;

/// A database that a policy selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedDatabase {
    /// The database.
    pub database: DatabaseRef,
    /// When the planner first found it selected. The age of a database without a recovery point counts from here.
    pub since: Timestamp,
}

/// One of the items that name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedPart {
    /// How many items there are.
    pub parts: usize,
    /// The databases of this one.
    pub databases: Vec<SelectedDatabase>,
}

/// The databases that are selected now, each since it was first found. A database whose row could not be read may still be
/// selected, so with `keeps_unseen` those that are not among `found` stay.
#[must_use]
pub fn selected_now(
    before: &[SelectedDatabase],
    found: impl IntoIterator<Item = DatabaseRef>,
    keeps_unseen: bool,
    now: Timestamp,
) -> Vec<SelectedDatabase> {
    let known: BTreeMap<&ResourceId, &SelectedDatabase> = before
        .iter()
        .map(|one| (&one.database.resource_id, one))
        .collect();
    let mut selected: BTreeMap<ResourceId, SelectedDatabase> = BTreeMap::new();
    if keeps_unseen {
        let kept = before.iter().cloned();
        selected.extend(kept.map(|one| (one.database.resource_id.clone(), one)));
    }
    for database in found {
        let since = known
            .get(&database.resource_id)
            .map_or(now, |before| before.since);
        let id = database.resource_id.clone();
        selected.insert(id, SelectedDatabase { database, since });
    }
    selected.into_values().collect()
}

/// The items that name these databases: one at least, so that an empty selection is known to be empty.
#[must_use]
pub fn parts(databases: &[SelectedDatabase]) -> Vec<SelectedPart> {
    let chunks: Vec<&[SelectedDatabase]> = match databases {
        [] => vec![&[]],
        _ => databases.chunks(PART_MAX).collect(),
    };
    let parts = chunks.len();
    let part = |databases: &[SelectedDatabase]| SelectedPart {
        parts,
        databases: databases.to_vec(),
    };
    chunks.into_iter().map(part).collect()
}
