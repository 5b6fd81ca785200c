//! A Lambda that sleeps beside what it waits for, and calls itself before its time is up.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::turn_of;
use crate::compare::cloud::{BEGIN, Called, Cloud, RDS_CALL, later, ms_between};
use crate::compare::drive::{Agenda, Design};
use crate::compare::ledger::{Hop, Processor};
use snapferry_sim::rds::{EmittedEvent, Stage};

const NAP: SignedDuration = SignedDuration::from_secs(15);
/// The function's timeout of 900 s, less the 20 s that it keeps in hand to call itself.
const AWAKE: SignedDuration = SignedDuration::from_secs(880);
const HOPS_MAX: u32 = 5;
const MEGABYTES: u64 = 128;
/// Lambda's default for an account and region: what comes above it waits in Lambda's own queue.
const CONCURRENT_MAX: usize = 1_000;

/// base2Services/shelvery-aws-backups (09b9c10): a Lambda describes, sleeps 15 s and describes again until 20 s
/// before its timeout of 900 s, then calls itself; after five hops it raises, and that backup is lost. A copy
/// that RDS refuses for lack of places is lost for the day (its issue #97).
pub(in crate::compare) struct Sleeper {
    chains: Vec<Chain>,
    running: usize,
    queue: VecDeque<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Chain {
    hop: Hop,
    hops: u32,
    begun: Timestamp,
}

/// What happens to one database's chain.
pub(in crate::compare) enum Event {
    Ask(usize),
    Look(usize),
    /// Its time is up: it calls itself, or gives up.
    Hop(usize),
}

impl Sleeper {
    pub(in crate::compare) fn new(databases: usize) -> Self {
        let new = Chain {
            hop: Hop::Snapshot,
            hops: 0,
            begun: BEGIN,
        };
        Self {
            chains: vec![new; databases],
            running: 0,
            queue: VecDeque::new(),
        }
    }

    fn invoke(&mut self, cloud: &Cloud, agenda: &mut Agenda<Event>, database: usize) {
        if self.running >= CONCURRENT_MAX {
            self.queue.push_back(database);
            return;
        }
        self.running += 1;
        self.chains[database].hops += 1;
        self.chains[database].begun = cloud.now;
        agenda.enter(cloud.now, Event::Look(database));
    }

    /// One invocation ends, and the next in Lambda's queue begins.
    fn end(
        &mut self,
        cloud: &mut Cloud,
        agenda: &mut Agenda<Event>,
        database: usize,
        at: Timestamp,
    ) {
        let ms = ms_between(self.chains[database].begun, at);
        cloud.ledger.lambda(Processor::X86_64, MEGABYTES, ms);
        self.running -= 1;
        if let Some(next) = self.queue.pop_front() {
            self.invoke(cloud, agenda, next);
        }
    }

    fn look(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>, database: usize) {
        let Chain { hop, begun, .. } = self.chains[database];
        match cloud.describe(hop, database, cloud.now) {
            Called::Done(Stage::Available, at) => {
                cloud.notice(hop, database, at);
                self.go_on(cloud, agenda, database, later(at, RDS_CALL));
            }
            Called::Done(_, at) | Called::Refused(at) | Called::Throttled(at) => {
                let next = later(later(at, RDS_CALL), NAP);
                let is_awake = next < later(begun, AWAKE);
                let event = if is_awake { Event::Look } else { Event::Hop };
                agenda.enter(next, event(database));
            }
        }
    }

    fn hop(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>, database: usize) {
        self.end(cloud, agenda, database, cloud.now);
        if self.chains[database].hops < HOPS_MAX {
            self.invoke(cloud, agenda, database);
        } else {
            cloud.ledger.give_up(database);
        }
    }

    fn go_on(
        &mut self,
        cloud: &mut Cloud,
        agenda: &mut Agenda<Event>,
        database: usize,
        at: Timestamp,
    ) {
        if self.chains[database].hop == Hop::Copy {
            return self.end(cloud, agenda, database, at);
        }
        let copied = cloud.copy(database, at);
        self.end(cloud, agenda, database, later(at, RDS_CALL));
        match copied {
            Called::Done(..) => {
                self.chains[database].hop = Hop::Copy;
                self.chains[database].hops = 0;
                self.invoke(cloud, agenda, database);
            }
            Called::Refused(_) | Called::Throttled(_) => cloud.ledger.give_up(database),
        }
    }
}

impl Design for Sleeper {
    type Event = Event;
    const LISTENS: bool = false;

    fn begin(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>) {
        for database in 0..cloud.databases {
            agenda.enter(turn_of(BEGIN, database), Event::Ask(database));
        }
    }

    fn happen(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>, event: Event) {
        match event {
            Event::Ask(database) => match cloud.create(database, cloud.now) {
                Called::Done((), _) => self.invoke(cloud, agenda, database),
                Called::Refused(_) | Called::Throttled(_) => cloud.ledger.give_up(database),
            },
            Event::Look(database) => self.look(cloud, agenda, database),
            Event::Hop(database) => self.hop(cloud, agenda, database),
        }
    }

    fn start_from_hints(&mut self, _: &mut Cloud, _: &mut Agenda<Event>, _: &EmittedEvent) {}
}
