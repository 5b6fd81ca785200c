//! A queue with Lambda's event source mapping: batches of ten, and no more functions at once than it may.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use snapferry::app::queue::Record;
use snapferry::domain::limits::MAX_RECEIVES;
use snapferry::ports::ReceiptHandle;

use crate::compare::cloud::{REACTION, later};
use crate::compare::ledger::Ledger;

/// Records of one batch (`BatchSize` of the template).
const BATCH: usize = 10;
/// How long a message that failed and was not delayed stays away (`VisibilitySeconds`).
const VISIBILITY: SignedDuration = SignedDuration::from_secs(180);

struct Message {
    id: u64,
    body: String,
    receives: u32,
}

/// A queue, its function's concurrency and its dead letters.
pub(super) struct Queue {
    messages: BTreeMap<(Timestamp, u64), Message>,
    in_work: BTreeMap<u64, Message>,
    delays: BTreeMap<u64, Timestamp>,
    sent: u64,
    running: usize,
    concurrency: usize,
}

impl Queue {
    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            messages: BTreeMap::new(),
            in_work: BTreeMap::new(),
            delays: BTreeMap::new(),
            sent: 0,
            running: 0,
            concurrency,
        }
    }

    /// Sends a message; when its handler can be at it.
    pub(super) fn send(&mut self, body: String, at: Timestamp) -> Timestamp {
        self.sent += 1;
        let message = Message {
            id: self.sent,
            body,
            receives: 0,
        };
        self.messages.insert((at, self.sent), message);
        later(at, REACTION)
    }

    /// A batch, if one is due and a function is free. Messages received too often go to the dead letters.
    pub(super) fn receive(&mut self, now: Timestamp, ledger: &mut Ledger) -> Option<Vec<Record>> {
        if self.running >= self.concurrency {
            return None;
        }
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let Some(entry) = self.messages.first_entry() else {
                break;
            };
            if later(entry.key().0, REACTION) > now {
                break;
            }
            let mut message = entry.remove();
            if message.receives >= MAX_RECEIVES {
                ledger.dead_letters += 1;
                continue;
            }
            message.receives += 1;
            batch.push(Record {
                message_id: message.id.to_string(),
                body: message.body.clone(),
                receipt: ReceiptHandle(message.id.to_string()),
                receives: message.receives,
            });
            self.in_work.insert(message.id, message);
        }
        if batch.is_empty() {
            return None;
        }
        self.running += 1;
        Some(batch)
    }

    /// ChangeMessageVisibility.
    pub(super) fn delay(&mut self, receipt: &str, until: Timestamp) {
        if let Ok(id) = receipt.parse() {
            self.delays.insert(id, until);
        }
    }

    /// The batch is over: what is named stays. When each of those comes again.
    pub(super) fn settle(&mut self, kept: &[String], now: Timestamp) -> Vec<Timestamp> {
        let mut again = Vec::new();
        for id in kept.iter().filter_map(|id| id.parse().ok()) {
            if let Some(message) = self.in_work.remove(&id) {
                let at = self
                    .delays
                    .remove(&id)
                    .unwrap_or_else(|| later(now, VISIBILITY));
                self.messages.insert((at, id), message);
                again.push(later(at, REACTION));
            }
        }
        again
    }

    /// Takes the messages of a batch that did not stay out of the queue, once their invocation is over.
    pub(super) fn forget(&mut self, batch: &[String]) {
        for id in batch.iter().filter_map(|id| id.parse::<u64>().ok()) {
            self.in_work.remove(&id);
            self.delays.remove(&id);
        }
    }

    /// A function is free again.
    pub(super) fn ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }
}
