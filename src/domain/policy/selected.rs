//! The databases that a policy selects in a region, as the planner last listed them to the end.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use thiserror::Error;

use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::ResourceId;
use crate::domain::run::fingerprint::Fingerprint;

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

/// The number of the first item. It is written last, and says where the others are.
pub const FIRST_PART: usize = 0;
/// Where the second item is if the first one does not say it, because an earlier version stored it.
pub const SECOND_OF_EARLIER_VERSIONS: usize = 1;
/// Where the further items are, in turn: a list never overwrites the items of the one that is in force, so a write that
/// ends midway leaves that one whole.
const PLACES: [usize; 2] = [SECOND_OF_EARLIER_VERSIONS, 100_001];

/// One of the items that name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedPart {
    /// How many items there are.
    pub parts: usize,
    /// The number of the second item. The others follow it.
    pub second: usize,
    /// The list that the item belongs to. `None` if a version stored it that did not say so.
    pub list: Option<Fingerprint>,
    /// The databases of this one.
    pub databases: Vec<SelectedDatabase>,
}

impl SelectedPart {
    /// The numbers of the items after the first one, if this is the first one.
    #[must_use]
    pub fn further(&self) -> Range<usize> {
        let further = self.parts.saturating_sub(1);
        self.second..self.second.saturating_add(further)
    }
}

/// An item that is there and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct UnreadablePart(pub String);

/// What is stored, put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The databases of the items that could be read.
    pub databases: Vec<SelectedDatabase>,
    /// Why databases may be missing.
    pub fault: Option<UnreadablePart>,
    /// The list that the first item names.
    list: Option<Fingerprint>,
    /// The numbers of the items after the first one.
    further: Range<usize>,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            databases: Vec::new(),
            fault: None,
            list: None,
            further: PLACES[0]..PLACES[0],
        }
    }
}

impl Selection {
    /// Begins with the first item.
    #[must_use]
    pub fn of_first(first: Result<SelectedPart, UnreadablePart>) -> Self {
        let mut all = Self::default();
        match first {
            Ok(first) => {
                all.further = first.further();
                all.list = first.list;
                all.databases = first.databases;
            }
            Err(fault) => all.fault = Some(fault),
        }
        all
    }

    /// The numbers of the items after the first one.
    #[must_use]
    pub fn further(&self) -> Range<usize> {
        self.further.clone()
    }

    /// Adds a further item of the list. It must be there, and belong to the list that the first one names.
    pub fn add(&mut self, number: usize, part: Option<Result<SelectedPart, UnreadablePart>>) {
        let fault = match part {
            Some(Ok(part)) if part.list == self.list => {
                self.databases.extend(part.databases);
                return;
            }
            Some(Ok(_)) => UnreadablePart(format!("item {number} belongs to another list")),
            Some(Err(fault)) => fault,
            None => UnreadablePart(format!("item {number} is missing")),
        };
        self.fault.get_or_insert(fault);
    }

    /// Compares what was put together, once all items are added, with the list that the first item names. An earlier version
    /// that is deployed again replaces the databases of the first item, and neither the name of their list nor where the
    /// further items are: then these are of another time.
    pub fn compare(&mut self) {
        let list = self.list.as_ref();
        let differs = || list.is_some_and(|list| fingerprint(&self.databases) != *list);
        if self.fault.is_none() && !self.further.is_empty() && differs() {
            let why = "the items do not make up the list that the first one names";
            self.fault = Some(UnreadablePart(why.to_owned()));
        }
    }

    /// The items, with their numbers, that put these databases in the place of what is stored: one at least, so that an
    /// empty selection is known to be empty. They must be written in this order.
    #[must_use]
    pub fn replaced_by(&self, databases: &[SelectedDatabase]) -> Vec<(usize, SelectedPart)> {
        let [one, other] = PLACES;
        let second = if self.further.start == one {
            other
        } else {
            one
        };
        let chunks: Vec<&[SelectedDatabase]> = match databases {
            [] => vec![&[]],
            _ => databases.chunks(PART_MAX).collect(),
        };
        let (parts, list) = (chunks.len(), fingerprint(databases));
        let part = |(nth, databases): (usize, &[SelectedDatabase])| {
            let number = match nth {
                0 => FIRST_PART,
                _ => second + nth - 1,
            };
            let part = SelectedPart {
                parts,
                second,
                list: Some(list.clone()),
                databases: databases.to_vec(),
            };
            (number, part)
        };
        chunks.into_iter().enumerate().map(part).rev().collect()
    }
}

fn fingerprint(databases: &[SelectedDatabase]) -> Fingerprint {
    let words: Vec<String> = databases
        .iter()
        .flat_map(|one| [one.database.resource_id.to_string(), one.since.to_string()])
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Fingerprint::of(&words)
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
