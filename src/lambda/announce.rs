//! Which of Snapferry's own events a function publishes: the reactor the ends of executions, the sweeper what has become
//! overdue, the pruner what it has removed. Each publishes after its work, and no failure of it changes the answer.

use jiff::Timestamp;
use tracing::warn;

use crate::app::prune::PruneReport;
use crate::app::queue::Record;
use crate::domain::operator::ages::FleetAges;
use crate::domain::operator::own_event::OwnEvent;
use crate::error::chain;
use crate::json::own_event::of_ended_execution;

/// The events that the ends of executions lead to, and the records that are left. An end that cannot be read is logged and
/// left out: it may be that of an execution that a person started with an input of their own.
pub(super) fn ended(records: Vec<Record>) -> (Vec<OwnEvent>, Vec<Record>) {
    let (mut events, mut left) = (Vec::new(), Vec::new());
    for record in records {
        match of_ended_execution(&record.body) {
            None => left.push(record),
            Some(Ok(event)) => events.push(event),
            Some(Err(error)) => {
                let message_id = record.message_id;
                warn!(message_id, error = chain(&error), "an end that is no event");
            }
        }
    }
    (events, left)
}

/// What has become overdue since this time. Each later measurement finds it overdue too, and says nothing.
pub(super) fn overdue(ages: &FleetAges, after: Timestamp) -> Vec<OwnEvent> {
    let each = ages.each.iter();
    let new = each.filter_map(|age| {
        let since = age.overdue_since.filter(|since| *since > after)?;
        Some(OwnEvent::Overdue {
            database: age.database.clone(),
            since,
            age: age.age,
        })
    });
    new.collect()
}

/// What a round has removed.
pub(super) fn removed(report: &PruneReport) -> Vec<OwnEvent> {
    let each = report.removed.iter().map(|one| OwnEvent::Removed {
        snapshot: one.snapshot.clone(),
        why: one.why.clone(),
    });
    each.collect()
}
