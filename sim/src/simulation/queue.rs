//! A queue of SQS's standard kind: at least once, in no order, with a dead-letter queue.

use std::collections::BTreeMap;
use std::rc::Rc;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

use snapferry::app::queue::Record;
use snapferry::domain::limits::MAX_RECEIVES;
use snapferry::ports::ReceiptHandle;

/// How long a message in work stays hidden (`VisibilitySeconds` of the template).
pub(super) const VISIBILITY: SignedDuration = SignedDuration::from_secs(180);

/// A message.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) body: Rc<str>,
    /// What it is, for the trace.
    pub(super) note: Rc<str>,
    pub(super) visible_at: Timestamp,
    pub(super) receives: u32,
    /// Nobody can do anything with it: its token is garbage, or it cannot be read.
    pub(super) hopeless: bool,
    /// It has been received while things were going wrong.
    pub(super) stained: bool,
}

impl Message {
    pub(super) fn new(body: Rc<str>, note: Rc<str>, now: Timestamp) -> Self {
        Self {
            body,
            note,
            visible_at: now,
            receives: 0,
            hopeless: false,
            stained: false,
        }
    }
}

/// A queue and its dead letters.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) messages: BTreeMap<u64, Message>,
    pub(super) dead: BTreeMap<u64, Message>,
    sent: u64,
}

impl Queue {
    pub(super) fn send(&mut self, message: Message) {
        self.sent += 1;
        self.messages.insert(self.sent, message);
    }

    pub(super) fn has_visible(&self, now: Timestamp) -> bool {
        self.messages
            .values()
            .any(|message| message.visible_at <= now)
    }

    pub(super) fn next_visible(&self) -> Option<Timestamp> {
        self.messages
            .values()
            .map(|message| message.visible_at)
            .min()
    }

    /// Hands some visible messages over, in any order. Those received too often go to the dead letters,
    /// which are named.
    pub(super) fn receive(
        &mut self,
        now: Timestamp,
        rng: &mut Rng,
        most: usize,
    ) -> (Vec<Record>, Vec<u64>) {
        let mut visible: Vec<u64> = self
            .messages
            .iter()
            .filter(|(_, m)| m.visible_at <= now)
            .map(|(id, _)| *id)
            .collect();
        rng.shuffle(&mut visible);
        visible.truncate(rng.usize(1..=most));
        let (mut records, mut died) = (Vec::new(), Vec::new());
        for id in visible {
            let Some(message) = self.messages.get_mut(&id) else {
                continue;
            };
            if message.receives >= MAX_RECEIVES {
                if let Some(message) = self.messages.remove(&id) {
                    self.dead.insert(id, message);
                }
                died.push(id);
                continue;
            }
            message.receives += 1;
            message.visible_at = now.saturating_add(VISIBILITY).unwrap_or(Timestamp::MAX);
            records.push(Record {
                message_id: id.to_string(),
                body: message.body.to_string(),
                receipt: ReceiptHandle(id.to_string()),
                receives: message.receives,
            });
        }
        (records, died)
    }

    pub(super) fn delay(&mut self, receipt: &str, until: Timestamp) {
        if let Some(message) = receipt
            .parse()
            .ok()
            .and_then(|id: u64| self.messages.get_mut(&id))
        {
            message.visible_at = until;
        }
    }

    /// Sends all dead letters back to their queue.
    pub(super) fn replay(&mut self, now: Timestamp) -> usize {
        let dead = std::mem::take(&mut self.dead);
        let replayed = dead.len();
        for message in dead.into_values() {
            self.send(Message {
                visible_at: now,
                receives: 0,
                stained: false,
                ..message
            });
        }
        replayed
    }
}
