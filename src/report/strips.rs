//! The due times of each database.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::app::status::Gathered;
use crate::domain::id::names::ResourceId;
use crate::domain::operator::status::{Row, State};
use crate::domain::operator::strip::{Due, due_times, strip};
use crate::domain::retention::history::History;

/// The due times of each database, by its resource id.
pub(super) type Strips = BTreeMap<ResourceId, Vec<Due>>;

/// The strips by what RDS lists now, and by the history of due times where that says more.
pub(super) fn strips(gathered: &Gathered, rows: &[Row]) -> Strips {
    let no_history = History::default();
    let times: BTreeMap<&str, Vec<Timestamp>> = gathered
        .policies
        .all
        .iter()
        .map(|policy| (policy.name.as_str(), due_times(policy, gathered.at)))
        .collect();
    let of = |row: &Row| {
        let due = times.get(row.policy.as_ref()?.as_str())?;
        if matches!(row.state, State::Excluded | State::Unprotected) {
            return None;
        }
        let taken = gathered.taken(row);
        let history = gathered.history(row).unwrap_or(&no_history);
        let strip = strip(due, taken, history, gathered.at);
        Some((row.resource_id.clone(), strip))
    };
    rows.iter().filter_map(of).collect()
}
