//! An event begins the copy, a Wait loop ends it.

use jiff::{SignedDuration, Timestamp};

use super::{LOOK, turn_of};
use crate::compare::cloud::{
    BEGIN, Called, Cloud, RDS_CALL, REACTION, database_of, later, ms_between,
};
use crate::compare::drive::{Agenda, Design};
use crate::compare::ledger::{Hop, Processor};
use snapferry_sim::rds::{EmittedEvent, Stage};

const WAIT: SignedDuration = SignedDuration::from_secs(300);
const POLLS_MAX: u32 = 60;
const MEGABYTES: u64 = 128;
/// Configure, then the start and the end.
const TRANSITIONS_ONCE: u64 = 2;
/// Wait, CheckStatus, Choice.
const TRANSITIONS_A_POLL: u64 = 3;

/// aws-samples/aws-draco (7cedbf4), as it is written.
///
/// An RDS event subscription tells a Lambda that a snapshot is there (RDS-EVENT-0042); it asks for the copy and
/// starts `wait4copy`: Wait 300 s, CheckStatus, Choice, at most 60 polls, then Fail. Its handlers catch every
/// error and answer as if nothing had happened, so nobody tries again: an event that is lost, a copy that RDS
/// refuses (the 21st in flight) and a describe call that fails each lose that recovery point. A second,
/// transit copy that it makes is left out.
pub(in crate::compare) struct EventThenWait {
    polls: Vec<u32>,
}

impl EventThenWait {
    pub(in crate::compare) fn new(databases: usize) -> Self {
        Self {
            polls: vec![0; databases],
        }
    }
}

/// What happens to one database.
pub(in crate::compare) enum Event {
    Ask(usize),
    Poll(usize),
}

fn bill(cloud: &mut Cloud, begun: Timestamp, called: Timestamp) -> Timestamp {
    let until = later(later(called, RDS_CALL), LOOK);
    cloud
        .ledger
        .lambda(Processor::X86_64, MEGABYTES, ms_between(begun, until));
    until
}

impl Design for EventThenWait {
    type Event = Event;
    const LISTENS: bool = true;

    fn begin(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>) {
        for database in 0..cloud.databases {
            agenda.enter(turn_of(BEGIN, database), Event::Ask(database));
        }
    }

    fn happen(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>, event: Event) {
        match event {
            // It does not matter who takes the snapshot: the loop begins with its event.
            Event::Ask(database) => match cloud.create(database, cloud.now) {
                Called::Done((), _) => {}
                Called::Refused(_) | Called::Throttled(_) => cloud.ledger.give_up(database),
            },
            Event::Poll(database) => self.poll(cloud, agenda, database),
        }
    }

    fn start_from_hints(
        &mut self,
        cloud: &mut Cloud,
        agenda: &mut Agenda<Event>,
        event: &EmittedEvent,
    ) {
        cloud.ledger.notifications += 1;
        let snapshot = cloud.rds.snapshot(&event.region, &event.source_identifier);
        let Some(database) = snapshot.and_then(|s| database_of(&s.instance.identifier)) else {
            return;
        };
        // It subscribes to creations only, so it does not hear of the copies' events.
        if event.event_id != "RDS-EVENT-0042" {
            return;
        }
        let begun = cloud.now;
        // The event reaches it as fast as Snapferry's reactor.
        cloud.notice(Hop::Snapshot, database, later(begun, REACTION));
        match cloud.copy(database, begun) {
            Called::Done((), at) => {
                let until = bill(cloud, begun, at);
                cloud.ledger.transitions += TRANSITIONS_ONCE;
                agenda.enter(later(until, WAIT), Event::Poll(database));
            }
            Called::Refused(at) | Called::Throttled(at) => {
                bill(cloud, begun, at);
                cloud.ledger.give_up(database);
            }
        }
    }
}

impl EventThenWait {
    fn poll(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>, database: usize) {
        let begun = cloud.now;
        cloud.ledger.transitions += TRANSITIONS_A_POLL;
        self.polls[database] += 1;
        match cloud.describe(Hop::Copy, database, begun) {
            Called::Done(Stage::Available, at) => {
                bill(cloud, begun, at);
                cloud.notice(Hop::Copy, database, at);
            }
            Called::Done(_, at) => {
                let until = bill(cloud, begun, at);
                if self.polls[database] < POLLS_MAX {
                    agenda.enter(later(until, WAIT), Event::Poll(database));
                } else {
                    cloud.ledger.give_up(database);
                }
            }
            // The iterator is dropped from the answer, and the Choice after it ends with States.Runtime.
            Called::Refused(at) | Called::Throttled(at) => {
                bill(cloud, begun, at);
                cloud.ledger.give_up(database);
            }
        }
    }
}
