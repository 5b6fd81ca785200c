//! The queues of a world: their messages' notes, and what happens to messages that are received too often.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use snapferry::app::queue::Record;
use snapferry::domain::limits::MAX_RECEIVES;
use snapferry::fake;

/// How long a received message stays hidden (`VisibilitySeconds` of the template).
const VISIBILITY: Duration = Duration::from_secs(180);

/// What the simulation notes about a message.
#[derive(Debug, Clone, Default)]
pub(super) struct Note {
    /// What it is, for the trace.
    pub(super) text: Rc<str>,
    /// Nothing can be done with it: its token is garbage, or it cannot be read.
    pub(super) hopeless: bool,
    /// It was received while faults were on.
    pub(super) stained: bool,
}

impl Note {
    pub(super) fn new(text: impl Into<Rc<str>>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

pub(super) type Queue = fake::Queue<Note>;
pub(super) type Message = fake::queue::Message<Note>;

/// The dead letters of a queue, by their numbers.
pub(super) type DeadLetters = BTreeMap<u64, Message>;

/// Delivers some visible messages, in any order. Returns those that were received too often and are now dead letters.
pub(super) fn receive(
    queue: &mut Queue,
    dead: &mut DeadLetters,
    now: Timestamp,
    rng: &mut Rng,
    most: usize,
) -> (Vec<Record>, Vec<u64>) {
    let mut visible: Vec<u64> = queue.visible(now).collect();
    rng.shuffle(&mut visible);
    visible.truncate(rng.usize(1..=most));
    let (mut records, mut died) = (Vec::new(), Vec::new());
    for number in visible {
        let receives = queue.get(number).map_or(0, |message| message.receives);
        if receives >= MAX_RECEIVES {
            if let Some(message) = queue.remove(number) {
                dead.insert(number, message);
            }
            died.push(number);
            continue;
        }
        if let Some(received) = queue.receive(number, VISIBILITY, now) {
            records.push(Record {
                message_id: received.message_id,
                body: received.body.to_string(),
                receipt: received.receipt,
                receives: received.receives,
            });
        }
    }
    (records, died)
}

/// Sends all dead letters back to their queue, and returns how many there were.
pub(super) fn replay(queue: &mut Queue, dead: &mut DeadLetters, now: Timestamp) -> usize {
    let dead = std::mem::take(dead);
    let replayed = dead.len();
    for message in dead.into_values() {
        let note = Note {
            stained: false,
            ..message.note
        };
        queue.send(message.body, note, now);
    }
    replayed
}
