//! How old the newest recovery points of the selected databases are: what the metrics say, from the table alone.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::ResourceId;
use crate::domain::policy::overdue::{Overdue, overdue, time_without};
use crate::domain::policy::selected::SelectedDatabase;
use crate::domain::policy::timing::Newest;
use crate::domain::run::refusal::RefusedForGood;

/// What the catalog says of a selected database.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// The database.
    pub selected: &'a SelectedDatabase,
    /// How old its newest recovery point may be.
    pub rpo: SignedDuration,
    /// When the data of its newest recovery point was taken.
    pub newest: Newest,
    /// What RDS refused for good since.
    pub refused: Option<&'a RefusedForGood>,
}

/// How old one database's newest recovery point is.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseAge {
    /// The database.
    pub database: RdsArn,
    /// The age of its data, or since when the database has waited for its first. `None` if nobody knows it.
    pub age: Option<SignedDuration>,
    /// The age as a share of what it may be: above one it is overdue.
    pub of_rpo: f64,
    /// Whether it is overdue, by the one rule for that.
    pub is_overdue: bool,
    /// Since when it is overdue, if it is and somebody knows.
    pub overdue_since: Option<Timestamp>,
    /// Whether it has a recovery point.
    pub has_point: bool,
}

impl DatabaseAge {
    fn of(known: &Known<'_>, now: Timestamp) -> Self {
        let age = time_without(known.newest, Some(known.selected.since), now);
        let of_rpo = age.map_or(0.0, |age| {
            age.as_secs_f64() / known.rpo.as_secs_f64().max(1.0)
        });
        let why = overdue(age, Some(known.rpo), known.refused);
        let overdue_since = why.as_ref().and_then(|why| match why {
            Overdue::RefusedForGood(refusal) => Some(refusal.at),
            Overdue::TooOld => now.checked_sub(age?).ok()?.checked_add(known.rpo).ok(),
        });
        Self {
            database: known.selected.database.arn.clone(),
            age,
            of_rpo,
            is_overdue: why.is_some(),
            overdue_since,
            has_point: known.newest != Newest::None,
        }
    }
}

/// How old the recovery points of a fleet are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FleetAges {
    /// How many databases are overdue.
    pub overdue: usize,
    /// How many have a recovery point within their RPO.
    pub within_rpo: usize,
    /// The greatest age as a share of what it may be.
    pub worst_of_rpo: f64,
    /// Each database.
    pub each: Vec<DatabaseAge>,
}

impl FleetAges {
    /// Measures every database. One that has just changed its policy stands in both policies' lists until the old one
    /// comes due: what is better of the two counts.
    #[must_use]
    pub fn of<'a>(all: impl IntoIterator<Item = Known<'a>>, now: Timestamp) -> Self {
        let mut each: BTreeMap<&ResourceId, DatabaseAge> = BTreeMap::new();
        for known in all {
            let age = DatabaseAge::of(&known, now);
            let id = &known.selected.database.resource_id;
            let is_better = |other: &DatabaseAge| {
                (age.is_overdue, age.of_rpo) < (other.is_overdue, other.of_rpo)
            };
            if each.get(id).is_none_or(is_better) {
                each.insert(id, age);
            }
        }
        let each: Vec<DatabaseAge> = each.into_values().collect();
        let count = |is: fn(&DatabaseAge) -> bool| each.iter().filter(|age| is(age)).count();
        Self {
            overdue: count(|age| age.is_overdue),
            within_rpo: count(|age| age.has_point && !age.is_overdue),
            worst_of_rpo: each.iter().map(|age| age.of_rpo).fold(0.0, f64::max),
            each,
        }
    }
}
