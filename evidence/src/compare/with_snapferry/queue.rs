//! A queue's event source mapping: batches of ten, and no more functions at once than it may start.

use std::time::Duration;

use jiff::Timestamp;
use snapferry::app::queue::Record;
use snapferry::domain::limits::MAX_RECEIVES;
use snapferry::fake::Queue;

use crate::compare::cloud::{REACTION, later};
use crate::compare::ledger::Ledger;

/// Records of one batch (`BatchSize` of the template).
const BATCH: usize = 10;
/// How long a message that failed and was not delayed stays away (`VisibilitySeconds`).
const VISIBILITY: Duration = Duration::from_secs(360);

/// The functions that a queue feeds.
pub(super) struct Mapping {
    /// The execution environments, and whether each is busy. A batch goes to the first that is free.
    busy: Vec<bool>,
}

impl Mapping {
    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            busy: vec![false; concurrency],
        }
    }

    /// A batch and the number of its function, if one is due and a function is free. Messages received too often go to the
    /// dead letters.
    pub(super) fn receive(
        &mut self,
        queue: &mut Queue,
        now: Timestamp,
        ledger: &mut Ledger,
    ) -> Option<(usize, Vec<Record>)> {
        let free = self.busy.iter().position(|busy| !busy)?;
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some(number) = next_due(queue, now)
        {
            let receives = queue.get(number).map_or(0, |message| message.receives);
            if receives >= MAX_RECEIVES {
                queue.remove(number);
                ledger.dead_letters += 1;
                continue;
            }
            batch.extend(
                queue
                    .receive(number, VISIBILITY, now)
                    .map(|received| Record {
                        message_id: received.message_id,
                        body: received.body.to_string(),
                        receipt: received.receipt,
                        receives: received.receives,
                    }),
            );
        }
        if batch.is_empty() {
            return None;
        }
        self.busy[free] = true;
        Some((free, batch))
    }

    /// A function is free again.
    pub(super) fn ended(&mut self, function: usize) {
        self.busy[function] = false;
    }
}

/// The message that became visible first, if a function can be at it by now.
fn next_due(queue: &Queue, now: Timestamp) -> Option<u64> {
    let visible_at = queue.next_visible()?;
    queue.first().filter(|_| later(visible_at, REACTION) <= now)
}

/// A batch is over: what is not kept leaves the queue. When each of the others comes again.
pub(super) fn settle(queue: &mut Queue, batch: &[String], kept: &[String]) -> Vec<Timestamp> {
    let mut again = Vec::new();
    for id in batch {
        let Some(number) = queue.number(id) else {
            continue;
        };
        if kept.contains(id) {
            again.extend(queue.get(number).map(|one| later(one.visible_at, REACTION)));
        } else {
            queue.remove(number);
        }
    }
    again
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{MEGABYTES, PLAN_EVERY, REACTORS, SWEEP_EVERY, WORKERS};
    use super::*;
    use crate::idle_cost::Template;

    #[test]
    fn the_comparison_counts_with_the_templates_defaults() {
        let text = include_str!("../../../../template.yaml");
        let template = Template::read(text).unwrap();
        let default = |parameter: &str| template.text(&json!({ "Ref": parameter })).unwrap();
        let in_minutes = |count: i64| match count {
            1 => "rate(1 minute)".to_owned(),
            more => format!("rate({more} minutes)"),
        };
        let counted = [
            ("VisibilitySeconds", VISIBILITY.as_secs().to_string()),
            ("WorkerConcurrency", WORKERS.to_string()),
            ("ReactorConcurrency", REACTORS.to_string()),
            ("FunctionMemory", MEGABYTES.to_string()),
            ("SweeperRate", in_minutes(SWEEP_EVERY.as_mins())),
            ("PlannerRate", in_minutes(PLAN_EVERY.as_mins())),
        ];
        for (parameter, value) in counted {
            assert_eq!(default(parameter), value, "{parameter}");
        }
        assert_eq!(text.matches("BatchSize: ").count(), 2);
        assert_eq!(text.matches(&format!("BatchSize: {BATCH}\n")).count(), 2);
    }
}
