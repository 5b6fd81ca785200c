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

/// How long an event is held back at most, even if no other has passed it.
const HELD_BACK: Duration = Duration::from_secs(2);

/// A running carrier; dropping it ends it.
pub(super) struct Carrier {
    notes: Arc<Mutex<Notes>>,
    task: JoinHandle<()>,
}

/// What the carrier remembers about the events.
#[derive(Debug, Default)]
struct Notes {
    /// When each event first reached the bus, by its ARN and its number.
    deliveries: BTreeMap<(String, &'static str), Timestamp>,
    /// The ids of all events that reached the bus.
    ids: BTreeSet<String>,
    /// What they said.
    texts: Vec<String>,
    refused: Vec<String>,
    /// Whether no event is on its way.
    is_idle: bool,
    /// The regions whose events are lost.
    cut_off: BTreeSet<String>,
}

impl Carrier {
    /// Carries every event at once. If set, every nth event is held back until the next has passed it.
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

    /// Whether a region's events are carried. Those of a region whose rule is switched off are lost.
    pub(super) fn forward(&self, region: &str, is_on: bool) {
        let mut notes = lock(&self.notes);
        if is_on {
            notes.cut_off.remove(region);
        } else {
            notes.cut_off.insert(region.to_owned());
        }
    }

    /// When an event reached the bus.
    #[must_use]
    pub(super) fn delivered(&self, arn: &str, event_id: &'static str) -> Option<Timestamp> {
        lock(&self.notes)
            .deliveries
            .get(&(arn.to_owned(), event_id))
            .copied()
    }

    /// Events that the bus refused, which is a fault of the local world.
    #[must_use]
    pub(super) fn refused(&self) -> Vec<String> {
        lock(&self.notes).refused.clone()
    }

    /// Whether no event was on its way at the last look. A very new event may not have been seen yet.
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

    fn is_lost(&self, event: &EmittedEvent) -> bool {
        let region = event.source_arn.split(':').nth(3).unwrap_or_default();
        lock(&self.notes).cut_off.contains(region)
    }

    async fn hand_over(&self, event: EmittedEvent) {
        // The time before the call: what the bus itself takes counts as reaction.
        let at = Timestamp::now();
        if self.is_lost(&event) {
            return;
        }
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
    // Each change is one insertion, so the record is still whole after a thread has panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
