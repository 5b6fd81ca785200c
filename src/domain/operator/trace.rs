//! The story of one recovery point, put together from what Step Functions, the table and RDS say now.

use jiff::Timestamp;

use crate::domain::id::names::ExecutionName;
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::retention::entered::Entered;
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::refusal::RefusedForGood;
use crate::domain::run::wait::{Phase, Wait};

use super::redrive::{Inspection, cause_in_words};

/// Something that happened to a recovery point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When; `None` if nobody says.
    pub at: Option<Timestamp>,
    /// Its word in JSON.
    pub kind: &'static str,
    /// What happened, in a sentence.
    pub what: String,
}

/// Everything that a story is made of.
#[derive(Debug, Clone, Default)]
pub struct TraceFacts {
    /// The execution, with what Step Functions says of it; `None` if it knows none any more.
    pub execution: Option<(ExecutionName, Inspection)>,
    /// What was asked for.
    pub run: Option<ProtectionRequest>,
    /// Its open waits.
    pub waits: Vec<Wait>,
    /// Its snapshots that RDS shows, and the copies of them.
    pub snapshots: Vec<Snapshot>,
    /// What was noted when the waits for its copies were settled.
    pub entered: Vec<Entered>,
    /// What RDS has refused for good.
    pub refused: Option<RefusedForGood>,
}

/// What happened, the oldest first. What has no time comes last.
#[must_use]
pub fn story(facts: &TraceFacts) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(run) = &facts.run {
        events.push(Event {
            at: Some(run.planned_at),
            kind: "due",
            what: format!("a recovery point was due by the policy {}", run.policy),
        });
    }
    if let Some((name, inspection)) = &facts.execution {
        of_execution(&mut events, name, inspection);
    }
    events.extend(facts.snapshots.iter().map(of_snapshot));
    for wait in &facts.waits {
        of_wait(&mut events, wait);
    }
    events.extend(facts.entered.iter().map(|entered| {
        let name = entered.copy.name();
        let (kind, what) = match &entered.mismatch {
            None => (
                "settled",
                format!("the copy {name} was found good and entered"),
            ),
            Some(why) => (
                "mismatch",
                format!("the copy {name} is no recovery point: {why}"),
            ),
        };
        Event {
            at: Some(entered.at),
            kind,
            what,
        }
    }));
    events.extend(facts.refused.iter().map(|refused| Event {
        at: Some(refused.at),
        kind: "refused",
        what: refused.to_string(),
    }));
    events.sort_by_key(|event| (event.at.is_none(), event.at));
    events
}

fn of_execution(events: &mut Vec<Event>, name: &ExecutionName, inspection: &Inspection) {
    let redriven = match inspection.redrives {
        0 => String::new(),
        1 => "; it has been redriven once since".to_owned(),
        times => format!("; it has been redriven {times} times since"),
    };
    events.push(Event {
        at: inspection.started_at,
        kind: "started",
        what: format!("the execution {name} was started{redriven}"),
    });
    if inspection.running {
        return;
    }
    let (kind, what) = match (&inspection.error, &inspection.cause) {
        (None, None) => ("ended", "the execution ended".to_owned()),
        (error, cause) => {
            let why = cause_in_words(error.as_deref(), cause.as_deref());
            let error = error.as_deref().unwrap_or("it failed");
            ("failed", format!("the execution ended with {error}: {why}"))
        }
    };
    events.push(Event {
        at: inspection.ended_at,
        kind,
        what,
    });
}

fn of_snapshot(snapshot: &Snapshot) -> Event {
    let (kind, thing) = match snapshot.source {
        Some(_) => ("copy", "copy"),
        None => ("snapshot", "snapshot"),
    };
    let status = match &snapshot.status {
        SnapshotStatus::Creating => "RDS still makes it",
        SnapshotStatus::Copying => "RDS still copies its data",
        SnapshotStatus::Available => "it is available",
        SnapshotStatus::Failed => "RDS has given it up",
        SnapshotStatus::Deleting => "RDS is deleting it",
        SnapshotStatus::Other(word) => word,
    };
    Event {
        at: snapshot.created_at,
        kind,
        what: format!(
            "RDS began the {thing} {} in {}; {status}",
            snapshot.arn.name(),
            snapshot.arn.region()
        ),
    }
}

fn of_wait(events: &mut Vec<Event>, wait: &Wait) {
    let (thing, name) = (wait.command.step.as_str(), wait.resource.name());
    events.push(Event {
        at: Some(wait.opened_at),
        kind: "wait",
        what: format!("the worker took up the {thing} {name}"),
    });
    let phase = match wait.phase {
        Phase::Registered => None,
        Phase::Queued => Some("waits for a free copy slot"),
        Phase::Requested => Some("was accepted by RDS"),
        Phase::Seen => Some("was shown by RDS"),
    };
    events.extend(phase.map(|phase| Event {
        at: Some(wait.since),
        kind: "phase",
        what: format!("the {thing} {name} {phase}"),
    }));
    events.extend(wait.last_error.iter().map(|error| {
        let remedy = error.remedy.map_or_else(String::new, |remedy| {
            format!(" ({}: {})", remedy.as_str(), remedy.sentence())
        });
        Event {
            at: Some(error.at),
            kind: "trouble",
            what: format!("{}{remedy}", error.why),
        }
    }));
}
