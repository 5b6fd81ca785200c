//! Carries the simulated RDS's events to the default bus of the recovery region, and notes when.
//!
//! On AWS an event of a source region reaches that bus through the rule of `source-region.yaml`. The emulator
//! does not carry events between regions, so the carrier stands in for that one hop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::faults::{Fault, tally::Tally};
use crate::local::{BusEvent, Client};
use crate::rds::EmittedEvent;

/// An event that is held back goes on after this, whether or not another has passed it.
const HELD_BACK: Duration = Duration::from_secs(2);

/// A running carrier; dropping it ends it.
pub(super) struct Carrier {
    notes: Arc<Mutex<Notes>>,
    task: JoinHandle<()>,
}

/// What is remembered of the events.
#[derive(Debug, Default)]
struct Notes {
    /// When each event was first handed to the bus, by the ARN it is about and its number.
    deliveries: BTreeMap<(String, &'static str), Timestamp>,
    /// The ids of all that were.
    ids: BTreeSet<String>,
    /// What they said.
    texts: Vec<String>,
    refused: Vec<String>,
    /// Nothing is on its way.
    is_idle: bool,
}

impl Carrier {
    /// Carries every event as it comes; of every so many one is held back until the next has passed it.
    #[must_use]
    pub(super) fn start(
        events: mpsc::UnboundedReceiver<EmittedEvent>,
        bus: Client,
        hold_back_every: Option<u64>,
        tally: Tally,
    ) -> Self {
        let notes = Arc::<Mutex<Notes>>::default();
        let road = Road {
            bus,
            notes: Arc::clone(&notes),
            tally,
        };
        let task = tokio::spawn(road.carry(events, hold_back_every));
        Self { notes, task }
    }

    /// When an event was handed to the bus.
    #[must_use]
    pub(super) fn delivered(&self, arn: &str, event_id: &'static str) -> Option<Timestamp> {
        lock(&self.notes)
            .deliveries
            .get(&(arn.to_owned(), event_id))
            .copied()
    }

    /// Events that the bus did not take: a fault of the local world.
    #[must_use]
    pub(super) fn refused(&self) -> Vec<String> {
        lock(&self.notes).refused.clone()
    }

    /// Whether nothing was on its way at the last look. An event that has come just now may not be seen yet.
    #[must_use]
    pub(super) fn is_idle(&self) -> bool {
        lock(&self.notes).is_idle
    }

    /// What all events said, for the leak test.
    #[must_use]
    pub(super) fn texts(&self) -> String {
        lock(&self.notes).texts.join("\n")
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The way of the events.
struct Road {
    bus: Client,
    notes: Arc<Mutex<Notes>>,
    tally: Tally,
}

impl Road {
    async fn carry(
        self,
        mut events: mpsc::UnboundedReceiver<EmittedEvent>,
        hold_back_every: Option<u64>,
    ) {
        let mut count = 0_u64;
        loop {
            lock(&self.notes).is_idle = events.is_empty();
            let Some(event) = events.recv().await else {
                return;
            };
            lock(&self.notes).is_idle = false;
            count += 1;
            if hold_back_every.is_none_or(|every| !count.is_multiple_of(every)) {
                self.hand_over(event).await;
                continue;
            }
            let next = tokio::time::timeout(HELD_BACK, events.recv()).await;
            if let Ok(Some(next)) = next {
                count += 1;
                self.hand_over(next).await;
                self.tally.count(Fault::EventsReordered);
            }
            self.hand_over(event).await;
        }
    }

    async fn hand_over(&self, event: EmittedEvent) {
        // The time before the call: what the bus itself takes counts as reaction.
        let at = Timestamp::now();
        let on_the_bus = on_the_bus(&event);
        if let Err(error) = self.bus.put_events(&[on_the_bus]).await {
            lock(&self.notes).refused.push(error.to_string());
            return;
        }
        let mut notes = lock(&self.notes);
        notes.texts.push(event.detail().to_string());
        // The demo's RDS sends its events at once, so any other arrival is a fault that was planned.
        if !notes.ids.insert(event.id.clone()) {
            self.tally.count(Fault::EventsDoubled);
        } else if event.at > event.date {
            self.tally.count(Fault::EventsLate);
        }
        notes
            .deliveries
            .entry((event.source_arn, event.event_id))
            .or_insert(at);
    }
}

fn on_the_bus(event: &EmittedEvent) -> BusEvent {
    BusEvent {
        source: "aws.rds".to_owned(),
        detail_type: event.detail_type.to_owned(),
        detail: event.detail(),
        resources: vec![event.source_arn.clone()],
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Each change is one insertion: what a panicking thread left is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
