//! Virtual time: what happens next, in the design's agenda or in RDS.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;

use super::cloud::{BEGIN, Cloud, DAY, HORIZON, later};
use snapferry_sim::rds::EmittedEvent;

struct Entry<E> {
    at: Timestamp,
    entered: u64,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.entered) == (other.at, other.entered)
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.entered).cmp(&(other.at, other.entered))
    }
}

/// What a design does, and when.
pub(super) struct Agenda<E> {
    entries: BinaryHeap<Reverse<Entry<E>>>,
    entered: u64,
}

impl<E> Agenda<E> {
    pub(super) fn new() -> Self {
        Self {
            entries: BinaryHeap::new(),
            entered: 0,
        }
    }

    /// What falls on the same moment happens in the order it was entered.
    pub(super) fn enter(&mut self, at: Timestamp, event: E) {
        self.entered += 1;
        let entered = self.entered;
        self.entries.push(Reverse(Entry { at, entered, event }));
    }

    fn next(&self) -> Option<Timestamp> {
        self.entries.peek().map(|Reverse(entry)| entry.at)
    }

    fn pop(&mut self) -> Option<(Timestamp, E)> {
        self.entries
            .pop()
            .map(|Reverse(entry)| (entry.at, entry.event))
    }
}

/// A design that makes recovery points.
pub(super) trait Design {
    /// What it does at a time.
    type Event;
    /// Whether RDS's events reach it.
    const LISTENS: bool;

    /// Enters what it does first.
    fn begin(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Self::Event>);

    /// Does what was entered.
    fn happen(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Self::Event>, event: Self::Event);

    /// Hears an event of RDS.
    fn start_from_hints(
        &mut self,
        cloud: &mut Cloud,
        agenda: &mut Agenda<Self::Event>,
        event: &EmittedEvent,
    );
}

/// Runs a design until every recovery point is made or lost and a day is over, or the horizon is reached.
pub(super) fn drive<D: Design>(design: &mut D, cloud: &mut Cloud) {
    let mut agenda = Agenda::new();
    design.begin(cloud, &mut agenda);
    let (day, horizon) = (later(BEGIN, DAY), later(BEGIN, HORIZON));
    loop {
        let heard = if D::LISTENS {
            cloud.rds.next_due()
        } else {
            None
        };
        let Some(next) = [agenda.next(), heard].into_iter().flatten().min() else {
            break;
        };
        if next > horizon || (next > day && cloud.ledger.open() == 0) {
            break;
        }
        cloud.now = cloud.now.max(next);
        // RDS first: what it has done by then can be seen.
        if heard == Some(next) {
            for event in cloud.rds.advance(next) {
                design.start_from_hints(cloud, &mut agenda, &event);
            }
        } else if let Some((_, event)) = agenda.pop() {
            design.happen(cloud, &mut agenda, event);
        }
    }
}
