//! A standard queue of SQS: it delivers at least once, in any order, and hides a received message for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::domain::operator::dead_letter::Undelivered;
use crate::ports::{DeadLetter, ReceiptHandle};

/// A message.
#[derive(Debug, Clone)]
pub struct Message<Note = ()> {
    /// The id that SQS gave it.
    pub id: String,
    /// Its text.
    pub body: Rc<str>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it can be received next.
    pub visible_at: Timestamp,
    /// How often it has been received.
    pub receives: u32,
    /// What EventBridge says about it, if EventBridge put it there.
    pub undelivered: Option<Undelivered>,
    /// What its owner notes about it. Nobody who receives the message sees this.
    pub note: Note,
}

/// A received message.
#[derive(Debug, Clone)]
pub struct Received {
    /// The id that SQS gave it.
    pub message_id: String,
    /// Its text.
    pub body: Rc<str>,
    /// The handle of this receive.
    pub receipt: ReceiptHandle,
    /// How often it has been received, from 1.
    pub receives: u32,
}

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue<Note = ()> {
    name: &'static str,
    messages: BTreeMap<u64, Message<Note>>,
    numbers: BTreeMap<String, u64>,
    /// The messages, by the time from which they can be received.
    by_time: BTreeSet<(Timestamp, u64)>,
    sent: u64,
}

/// SQS counts in whole seconds. Parts of a second are rounded up.
fn later(now: Timestamp, by: Duration) -> Timestamp {
    let seconds = by.as_secs() + u64::from(by.subsec_nanos() > 0);
    let by = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

impl<Note> Queue<Note> {
    /// An empty queue. The ids of its messages contain its name, so that queues cannot confuse their messages.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            messages: BTreeMap::new(),
            numbers: BTreeMap::new(),
            by_time: BTreeSet::new(),
            sent: 0,
        }
    }

    /// Sends a message, and returns its number.
    pub fn send(&mut self, body: impl Into<Rc<str>>, note: Note, now: Timestamp) -> u64 {
        let id = format!("{}-{}", self.name, self.sent + 1);
        self.put(Message {
            id,
            body: body.into(),
            sent_at: now,
            visible_at: now,
            receives: 0,
            undelivered: None,
            note,
        })
    }

    /// Sends a message that can be received after a while, and returns its number.
    pub fn send_later(
        &mut self,
        body: impl Into<Rc<str>>,
        note: Note,
        now: Timestamp,
        delay: Duration,
    ) -> u64 {
        let number = self.send(body, note, now);
        self.show_at(number, later(now, delay));
        number
    }

    /// Adds a message unchanged, as SQS does with dead letters, and returns its number.
    pub fn put(&mut self, message: Message<Note>) -> u64 {
        self.sent += 1;
        self.numbers.insert(message.id.clone(), self.sent);
        self.by_time.insert((message.visible_at, self.sent));
        self.messages.insert(self.sent, message);
        self.sent
    }

    /// Deletes a message.
    pub fn remove(&mut self, number: u64) -> Option<Message<Note>> {
        let removed = self.messages.remove(&number)?;
        self.numbers.remove(&removed.id);
        self.by_time.remove(&(removed.visible_at, number));
        Some(removed)
    }

    /// The number of the message with this id.
    #[must_use]
    pub fn number(&self, message_id: &str) -> Option<u64> {
        self.numbers.get(message_id).copied()
    }

    /// A message by its number.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<&Message<Note>> {
        self.messages.get(&number)
    }

    /// Makes a message receivable from a time on.
    pub fn show_at(&mut self, number: u64, at: Timestamp) {
        if let Some(message) = self.messages.get_mut(&number) {
            self.by_time.remove(&(message.visible_at, number));
            message.visible_at = at;
            self.by_time.insert((at, number));
        }
    }

    /// The number of the message that was sent last. 0 if none ever was.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.sent
    }

    /// The owner's note about a message, to be changed.
    pub fn note_mut(&mut self, number: u64) -> Option<&mut Note> {
        let message = self.messages.get_mut(&number)?;
        Some(&mut message.note)
    }

    /// The owner's note about each message, to be changed.
    pub fn notes_mut(&mut self) -> impl Iterator<Item = &mut Note> {
        self.messages.values_mut().map(|message| &mut message.note)
    }

    /// All messages with their numbers, including hidden ones.
    pub fn messages(&self) -> impl Iterator<Item = (u64, &Message<Note>)> {
        self.messages
            .iter()
            .map(|(number, message)| (*number, message))
    }

    /// Whether the queue has no message, not even a hidden one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The numbers of the messages that can be received now.
    pub fn visible(&self, now: Timestamp) -> impl Iterator<Item = u64> {
        self.messages()
            .filter(move |(_, message)| message.visible_at <= now)
            .map(|(number, _)| number)
    }

    /// Whether a message can be received now.
    #[must_use]
    pub fn has_visible(&self, now: Timestamp) -> bool {
        self.next_visible().is_some_and(|at| at <= now)
    }

    /// When the next message can be received.
    #[must_use]
    pub fn next_visible(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// The message that could be received first of all.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        self.by_time.first().map(|(_, number)| *number)
    }

    /// Receives one message and hides it for a while.
    pub fn receive(
        &mut self,
        number: u64,
        hidden_for: Duration,
        now: Timestamp,
    ) -> Option<Received> {
        self.show_at(number, later(now, hidden_for));
        let message = self.messages.get_mut(&number)?;
        message.receives += 1;
        Some(Received {
            message_id: message.id.clone(),
            receipt: ReceiptHandle(format!("{}/{}", message.id, message.receives)),
            body: Rc::clone(&message.body),
            receives: message.receives,
        })
    }

    /// Receives at most this many dead letters.
    pub(super) fn receive_dead_letters(
        &mut self,
        max: usize,
        hidden_for: Duration,
        now: Timestamp,
    ) -> Vec<DeadLetter> {
        let visible: Vec<u64> = self.visible(now).take(max).collect();
        let mut letters = Vec::new();
        for number in visible {
            let received = self.receive(number, hidden_for, now);
            let Some((received, message)) = received.zip(self.get(number)) else {
                continue;
            };
            letters.push(DeadLetter {
                message_id: received.message_id,
                body: received.body.to_string(),
                receipt: received.receipt,
                sent_at: Some(message.sent_at),
                receives: received.receives,
                undelivered: message.undelivered.clone(),
            });
        }
        letters
    }

    /// The message of a handle, if the handle is from its last receive. SQS promises nothing for an older handle.
    #[must_use]
    pub fn number_of(&self, receipt: &ReceiptHandle) -> Option<u64> {
        let (id, receives) = receipt.0.rsplit_once('/')?;
        let number = *self.numbers.get(id)?;
        let is_last = self.get(number)?.receives.to_string() == receives;
        is_last.then_some(number)
    }

    /// Whether a handle belongs to a message in this queue, from any of its receives.
    #[must_use]
    pub fn knows(&self, receipt: &ReceiptHandle) -> bool {
        let id = receipt.0.rsplit_once('/').map_or("", |(id, _)| id);
        self.numbers.contains_key(id)
    }

    /// Hides the message of a handle for a while.
    pub(super) fn delay(&mut self, receipt: &ReceiptHandle, by: Duration, now: Timestamp) {
        if let Some(number) = self.number_of(receipt) {
            self.show_at(number, later(now, by));
        }
    }
}
