//! A state machine of its own for each database: run a Lambda, look at what it says, wait, and again.

use jiff::{SignedDuration, Timestamp};

use super::{LOOK, turn_of};
use crate::compare::cloud::{BEGIN, Called, Cloud, RDS_CALL, later, ms_between};
use crate::compare::drive::{Agenda, Design};
use crate::compare::ledger::{Hop, Processor};
use snapferry_sim::rds::{EmittedEvent, Stage};

/// Most events of one standard execution's history (Step Functions' quotas): it fails beyond them.
const HISTORY_MAX: u32 = 25_000;
/// Events of one round: two of the Wait, five of the Lambda's task, two of the Choice.
const EVENTS_A_ROUND: u32 = 9;
/// Transitions of one round: task, choice, wait.
const TRANSITIONS_A_ROUND: u64 = 3;
/// The start and the end of an execution count as transitions too.
const START_AND_END: u64 = 2;
const MEGABYTES: u64 = 128;

/// What sets one such loop apart from another.
#[derive(Debug, Clone, Copy)]
pub(in crate::compare) struct Kind {
    /// What the Wait state waits.
    every: SignedDuration,
    /// How often it looks at one snapshot or copy, at most.
    polls_max: Option<u32>,
}

/// "Run lambda again and again": the loop of hands-on.cloud (Wait 60 s, status Lambda, Choice) and of "Extend
/// Lambda's functionality using AWS Step Functions" (Medium, onebyte-llc, 2021), which runs one Lambda until
/// it says that all has moved.
///
/// In its kindest reading: the Lambda can be run again at any time and takes every refusal as "not yet". Only Step
/// Functions' limit of 25,000 history events ends the loop.
pub(in crate::compare) const RERUN_60: Kind = Kind {
    every: SignedDuration::from_secs(60),
    polls_max: None,
};

/// aws-samples/aws-draco's `wait4copy` with patience that it does not have: Wait 300 s, 60 polls for each
/// snapshot and each copy, and a copy that RDS refuses is asked for again at the next poll.
///
/// [`EventThenWait`](super::EventThenWait) is the same loop as it is written, which drops what is refused. This
/// one makes more recovery points, so it is the one that promises are measured against.
pub(in crate::compare) const WAIT_300_PATIENT: Kind = Kind {
    every: SignedDuration::from_secs(300),
    polls_max: Some(60),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Ask,
    Snapshot,
    AskForCopy,
    Copy,
}

#[derive(Debug, Clone, Copy)]
struct Execution {
    phase: Phase,
    /// Looks at what it waits for now.
    polls: u32,
    rounds: u32,
}

/// The loop.
pub(in crate::compare) struct StepLoop {
    kind: Kind,
    executions: Vec<Execution>,
}

impl StepLoop {
    pub(in crate::compare) fn new(kind: Kind, databases: usize) -> Self {
        let new = Execution {
            phase: Phase::Ask,
            polls: 0,
            rounds: 0,
        };
        Self {
            kind,
            executions: vec![new; databases],
        }
    }
}

/// The Lambda's run: what it found, until when.
struct ProtectionRequest {
    phase: Phase,
    until: Timestamp,
}

fn run(cloud: &mut Cloud, database: usize, phase: Phase, at: Timestamp) -> ProtectionRequest {
    match phase {
        Phase::Ask => match cloud.create(database, at) {
            Called::Done((), at) => ProtectionRequest {
                phase: Phase::Snapshot,
                until: later(at, RDS_CALL),
            },
            Called::Refused(at) | Called::Throttled(at) => ProtectionRequest {
                phase,
                until: later(at, RDS_CALL),
            },
        },
        Phase::Snapshot => match cloud.describe(Hop::Snapshot, database, at) {
            Called::Done(Stage::Available, at) => {
                cloud.notice(Hop::Snapshot, database, at);
                run(cloud, database, Phase::AskForCopy, later(at, RDS_CALL))
            }
            Called::Done(_, at) | Called::Refused(at) | Called::Throttled(at) => {
                ProtectionRequest {
                    phase,
                    until: later(at, RDS_CALL),
                }
            }
        },
        Phase::AskForCopy => match cloud.copy(database, at) {
            Called::Done((), at) => ProtectionRequest {
                phase: Phase::Copy,
                until: later(at, RDS_CALL),
            },
            Called::Refused(at) | Called::Throttled(at) => ProtectionRequest {
                phase,
                until: later(at, RDS_CALL),
            },
        },
        Phase::Copy => {
            let until = match cloud.describe(Hop::Copy, database, at) {
                Called::Done(Stage::Available, at) => {
                    cloud.notice(Hop::Copy, database, at);
                    at
                }
                Called::Done(_, at) | Called::Refused(at) | Called::Throttled(at) => at,
            };
            ProtectionRequest {
                phase,
                until: later(until, RDS_CALL),
            }
        }
    }
}

impl Design for StepLoop {
    type Event = usize;
    const LISTENS: bool = false;

    fn begin(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<usize>) {
        for database in 0..cloud.databases {
            cloud.ledger.transitions += START_AND_END;
            agenda.enter(turn_of(BEGIN, database), database);
        }
    }

    /// One round of one execution.
    fn happen(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<usize>, database: usize) {
        let execution = &mut self.executions[database];
        let (begun, before) = (cloud.now, execution.phase);
        let ProtectionRequest { phase, until } = run(cloud, database, before, begun);
        let until = later(until, LOOK);
        cloud
            .ledger
            .lambda(Processor::X86_64, MEGABYTES, ms_between(begun, until));
        execution.rounds += 1;
        // A copy that is asked for again is still the copy's wait.
        let waits_on = matches!(
            (before, phase),
            (Phase::Snapshot, Phase::Snapshot) | (Phase::AskForCopy | Phase::Copy, _)
        );
        execution.polls = if waits_on { execution.polls + 1 } else { 0 };
        execution.phase = phase;
        if cloud.ledger.is_noticed(Hop::Copy, database) {
            cloud.ledger.transitions += TRANSITIONS_A_ROUND - 1;
            return;
        }
        let out_of_polls = self
            .kind
            .polls_max
            .is_some_and(|max| execution.polls >= max);
        let out_of_history = execution.rounds * EVENTS_A_ROUND + EVENTS_A_ROUND > HISTORY_MAX;
        if out_of_polls || out_of_history {
            cloud.ledger.transitions += TRANSITIONS_A_ROUND - 1;
            cloud.ledger.give_up(database);
            return;
        }
        cloud.ledger.transitions += TRANSITIONS_A_ROUND;
        agenda.enter(later(until, self.kind.every), database);
    }

    fn start_from_hints(&mut self, _: &mut Cloud, _: &mut Agenda<usize>, _: &EmittedEvent) {}
}
