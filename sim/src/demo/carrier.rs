//! Carries the simulated RDS's events to the default bus of the recovery region, and notes when.
//!
//! On AWS an event of a source region reaches that bus through the rule of `source-region.yaml`. The emulator
//! does not carry events between regions, so the carrier stands in for that one hop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::local::{BusEvent, Client};
use crate::rds::EmittedEvent;

/// When each event was handed to the bus, by the ARN it is about and its number.
pub(super) type Deliveries = Arc<Mutex<BTreeMap<(String, &'static str), Timestamp>>>;

/// A running carrier; dropping it ends it.
pub(super) struct Carrier {
    deliveries: Deliveries,
    refused: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Carrier {
    /// Carries every event as it comes.
    #[must_use]
    pub(super) fn start(mut events: mpsc::UnboundedReceiver<EmittedEvent>, bus: Client) -> Self {
        let deliveries = Deliveries::default();
        let refused = Arc::<Mutex<Vec<String>>>::default();
        let (noted, complaints) = (Arc::clone(&deliveries), Arc::clone(&refused));
        let task = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                // The time before the call: what the bus itself takes counts as reaction.
                let at = Timestamp::now();
                match bus.put_events(&[on_the_bus(&event)]).await {
                    Ok(()) => {
                        lock(&noted)
                            .entry((event.source_arn, event.event_id))
                            .or_insert(at);
                    }
                    Err(error) => lock(&complaints).push(error.to_string()),
                }
            }
        });
        Self {
            deliveries,
            refused,
            task,
        }
    }

    /// When an event was handed to the bus.
    #[must_use]
    pub(super) fn delivered(&self, arn: &str, event_id: &'static str) -> Option<Timestamp> {
        lock(&self.deliveries)
            .get(&(arn.to_owned(), event_id))
            .copied()
    }

    /// Events that the bus did not take: a fault of the local world.
    #[must_use]
    pub(super) fn refused(&self) -> Vec<String> {
        lock(&self.refused).clone()
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.task.abort();
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
