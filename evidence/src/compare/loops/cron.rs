//! One Lambda for the whole fleet, run by a cron, which lists everything and does what it can.

use jiff::{SignedDuration, Timestamp};

use super::LOOK;
use super::turn_of;
use crate::compare::cloud::{BEGIN, BOTO3, Called, Cloud, Operation, RDS_CALL, later, ms_between};
use crate::compare::drive::{Agenda, Design};
use crate::compare::ledger::{Hop, Processor};
use snapferry_sim::rds::EmittedEvent;

const EVERY: SignedDuration = SignedDuration::from_mins(30);
/// Rows of one describe page, at most.
const PAGE: usize = 100;

/// What sets one cron apart from another.
#[derive(Debug, Clone, Copy)]
pub(in crate::compare) struct Kind {
    /// If a run leaves something to be done: the delay before the next try, and the number of tries.
    retry: Option<(SignedDuration, u32)>,
    time_out: SignedDuration,
    megabytes: u64,
    processor: Processor,
    /// Whether a state machine runs the Lambda.
    by_step_functions: bool,
}

/// awslabs/rds-snapshot-tool (ff30fe8): a cron starts a state machine of one task every 30 minutes; its Lambda
/// lists all snapshots, asks each for its tags, asks for the copies that are missing and raises while any is
/// under way; the state is retried after 300 s, five times, then the execution fails and the next cron resumes.
///
/// In its kindest reading a copy that RDS refuses ends the run, instead of asking for all others in vain.
pub(in crate::compare) const CRON_WITH_RETRY_300: Kind = Kind {
    retry: Some((SignedDuration::from_secs(300), 5)),
    time_out: SignedDuration::from_secs(300),
    megabytes: 512,
    processor: Processor::X86_64,
    by_step_functions: true,
};

/// skyscrapers/terraform-rds, snapshot-cross-account-replicator (0bd2040), as it does Aurora: a cron runs a
/// Lambda every 30 minutes which lists all snapshots, asks each for its tags and asks for the copies that are
/// missing; the first that RDS refuses raises, and the next cron goes on. (Instances it copies by their events,
/// without a sweep behind.)
pub(in crate::compare) const CRON_EVERY_30_MINUTES: Kind = Kind {
    retry: None,
    time_out: SignedDuration::from_secs(120),
    megabytes: 128,
    processor: Processor::Arm64,
    by_step_functions: false,
};

/// The loop.
pub(in crate::compare) struct Cron {
    kind: Kind,
    asked: Vec<bool>,
}

/// What happens.
pub(in crate::compare) enum Event {
    Ask(usize),
    /// The cron's turn.
    Tick,
    /// A run, and how often its state has been retried.
    Invoke(u32),
}

impl Cron {
    pub(in crate::compare) fn new(kind: Kind, databases: usize) -> Self {
        Self {
            kind,
            asked: vec![false; databases],
        }
    }

    /// Lists and copies within the Lambda's time. Until when it ran, and whether anything is left to be done.
    fn run(&mut self, cloud: &mut Cloud, begun: Timestamp) -> (Timestamp, bool) {
        let end = later(begun, self.kind.time_out);
        let snapshots: Vec<usize> = (0..cloud.databases)
            .filter(|db| cloud.truth(Hop::Snapshot, *db).is_some())
            .collect();
        let copies = self.asked.iter().filter(|asked| **asked).count();
        let mut at = later(begun, LOOK);
        for (hop, rows) in [(Hop::Snapshot, snapshots.len()), (Hop::Copy, copies)] {
            for _ in 0..rows.div_ceil(PAGE).max(1) {
                match cloud.reach_rds(hop, Operation::DescribeSnapshots, at, BOTO3) {
                    Ok(done) => at = later(done, RDS_CALL),
                    Err(given_up) => return (given_up.min(end), true),
                }
            }
        }
        // Time passes in RDS though nothing is asked of the model for these lists.
        cloud.now = cloud.now.max(at.min(end));
        cloud.rds.advance(cloud.now);
        // The lists say how all of them stand, also those that its time is too short for.
        for hop in [Hop::Snapshot, Hop::Copy] {
            for database in 0..cloud.databases {
                if !cloud.ledger.is_noticed(hop, database) && cloud.is_ready(hop, database) {
                    cloud.notice(hop, database, at);
                }
            }
        }
        self.copy_what_is_missing(cloud, &snapshots, at, end)
    }

    fn copy_what_is_missing(
        &mut self,
        cloud: &mut Cloud,
        snapshots: &[usize],
        mut at: Timestamp,
        end: Timestamp,
    ) -> (Timestamp, bool) {
        let mut left = false;
        for &database in snapshots {
            match cloud.reach_rds(Hop::Snapshot, Operation::ListTags, at, BOTO3) {
                Ok(done) => at = later(done, RDS_CALL),
                Err(given_up) => return (given_up.min(end), true),
            }
            // The Lambda's time is up: it does not reach the rest of its list.
            if at > end {
                return (end, true);
            }
            cloud.now = cloud.now.max(at);
            if !cloud.is_ready(Hop::Snapshot, database) {
                continue;
            }
            if !self.asked[database] {
                match cloud.copy(database, at) {
                    Called::Done((), done) => {
                        self.asked[database] = true;
                        at = later(done, RDS_CALL);
                    }
                    Called::Refused(at) | Called::Throttled(at) => {
                        return (later(at, RDS_CALL).min(end), true);
                    }
                }
            }
            left |= !cloud.ledger.is_noticed(Hop::Copy, database);
        }
        (at, left)
    }
}

impl Design for Cron {
    type Event = Event;
    const LISTENS: bool = false;

    fn begin(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>) {
        for database in 0..cloud.databases {
            agenda.enter(turn_of(BEGIN, database), Event::Ask(database));
        }
        agenda.enter(later(BEGIN, EVERY), Event::Tick);
    }

    fn happen(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>, event: Event) {
        let retries = match event {
            Event::Ask(database) => {
                match cloud.create(database, cloud.now) {
                    Called::Done(..) => {}
                    Called::Refused(_) | Called::Throttled(_) => cloud.ledger.give_up(database),
                }
                return;
            }
            Event::Tick => {
                agenda.enter(later(cloud.now, EVERY), Event::Tick);
                if self.kind.by_step_functions {
                    // The start and the end of the execution.
                    cloud.ledger.transitions += 2;
                }
                0
            }
            Event::Invoke(retries) => retries,
        };
        let begun = cloud.now;
        let (until, left) = self.run(cloud, begun);
        let ms = ms_between(begun, until);
        cloud
            .ledger
            .lambda(self.kind.processor, self.kind.megabytes, ms);
        if self.kind.by_step_functions {
            cloud.ledger.transitions += 1;
        }
        if let Some((after, most)) = self.kind.retry
            && left
            && retries < most
        {
            agenda.enter(later(until, after), Event::Invoke(retries + 1));
        }
    }

    fn start_from_hints(&mut self, _: &mut Cloud, _: &mut Agenda<Event>, _: &EmittedEvent) {}
}
