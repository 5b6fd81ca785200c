//! The due times of each database.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::app::status::Gathered;
use crate::domain::id::names::ResourceId;
use crate::domain::operator::status::{Row, State};
use crate::domain::operator::strip::{Due, due_times, strip};
use crate::domain::policy::in_force::Policy;
use crate::domain::policy::spread::offset;
use crate::domain::retention::history::History;

/// The due times of each database, by its resource id.
pub(super) type Strips = BTreeMap<ResourceId, Vec<Due>>;

/// The strips by what RDS lists now, and by the history of due times where that says more.
pub(super) fn strips(gathered: &Gathered, rows: &[Row]) -> Strips {
    let no_history = History::default();
    let times: BTreeMap<&str, (&Policy, Vec<Timestamp>)> = gathered
        .policies
        .all
        .iter()
        .map(|policy| {
            let times = due_times(policy, gathered.at);
            (policy.name.as_str(), (policy, times))
        })
        .collect();
    let of = |row: &Row| {
        let (policy, due) = times.get(row.policy.as_ref()?.as_str())?;
        if matches!(row.state, State::Excluded | State::Unprotected) {
            return None;
        }
        let taken = gathered.taken(row);
        let history = gathered.history(row).unwrap_or(&no_history);
        let spread = due.last().map(|due| policy.spread_at(*due));
        let own = offset(&row.resource_id, spread.unwrap_or_default());
        let strip = strip(due, own, taken, history, gathered.at);
        Some((row.resource_id.clone(), strip))
    };
    rows.iter().filter_map(of).collect()
}
