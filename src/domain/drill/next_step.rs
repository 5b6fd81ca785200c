//! What a drill does next, given its plan, what is stored of it, and what RDS shows now.
//!
//! restore → prove → delete → wait until it is gone. Whatever goes wrong before, the end is the same: what the drill made
//! is deleted, each by the resource id that its own call brought, and RDS shows it no more.

use jiff::{SignedDuration, Timestamp};

use super::options::Level;
use super::plan::DrillPlan;
use super::record::{DrillRecord, Verdict};
use crate::domain::id::arn::Family;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{DRILL, DRILL_ID, DRILL_OF};
use crate::domain::restore::next_step::{NextStep, PATIENCE, next_step};
use crate::domain::restore::plan::StepKind;
use crate::domain::restore::record::Sending;
use crate::domain::restore::restored::{RestoredDatabase, Seen};

/// How often the user's function is asked before its silence is a fault.
pub const CHECK_TRIES_MAX: u32 = 3;

/// How much the clocks of RDS and of this process may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What a drill does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrillStep {
    /// It sends the call of this step of its restore.
    Send(usize),
    /// An earlier call of its own made this database: its resource id is stored.
    Note(String, ResourceId),
    /// It waits for this.
    Wait(String),
    /// It is judged by what RDS shows.
    Judge,
    /// The user's function is asked.
    Check,
    /// This is how it ends. What it made is deleted next.
    Conclude(Verdict),
    /// RDS is asked to delete this.
    Delete(Family, String),
    /// Nothing of it is there any more.
    Gone,
}

/// What a drill does next. Without a plan, because its recovery point or its policy is gone, it can only end.
#[must_use]
pub fn next_drill_step(
    plan: Option<&DrillPlan>,
    record: &DrillRecord,
    seen: &Seen,
    now: Timestamp,
) -> DrillStep {
    if record.verdict.is_some() {
        return removal(record, seen, now);
    }
    if now >= record.deadline {
        let why = format!("deadline: it was not done by {}", record.deadline);
        // What RDS was never asked for says nothing of the recovery point.
        let was_asked = record.restore.sent.contains_key("restore");
        return DrillStep::Conclude(match was_asked || !record.restore.made.is_empty() {
            true => Verdict::Failed(vec![why]),
            false => Verdict::Incomplete(why),
        });
    }
    let Some(plan) = plan else {
        let why = "it can no longer be planned: its recovery point, its policy, its configuration or its drills' parameter group is gone";
        return DrillStep::Conclude(Verdict::Incomplete(why.to_owned()));
    };
    match next_step(&plan.restore, &record.restore, seen, now).next {
        NextStep::Send(at) if may_change(plan, at, seen) => DrillStep::Send(at),
        NextStep::Send(_) => {
            let why = format!(
                "{DRILL}: {} no longer bears the tag of its drill, so nothing of it is changed",
                plan.restore.name
            );
            DrillStep::Conclude(Verdict::Failed(vec![why]))
        }
        NextStep::Note(name, id) => match is_proven(record, seen, &name, now) {
            true => DrillStep::Note(name, id),
            false => DrillStep::Conclude(Verdict::Failed(vec![format!(
                "restore: nothing proves that {name} is what the call of this drill made, so nothing of it is changed"
            )])),
        },
        NextStep::Wait(what) => DrillStep::Wait(what.to_string()),
        NextStep::Fail(failure) => {
            DrillStep::Conclude(Verdict::Failed(vec![format!("restore: {failure}")]))
        }
        NextStep::Done => proof(record),
    }
}

/// Only what bears the tag of its drill is changed. The restore itself changes nothing that is there.
fn may_change(plan: &DrillPlan, at: usize, seen: &Seen) -> bool {
    let makes = plan
        .restore
        .steps
        .get(at)
        .is_none_or(|step| step.kind == StepKind::Restore);
    let mark = plan.restore.tags.get(DRILL);
    let found = seen.database.as_ref().and_then(|one| one.tags.get(DRILL));
    makes || mark.is_some() && found == mark
}

fn proof(record: &DrillRecord) -> DrillStep {
    if record.checks.is_empty() {
        return DrillStep::Judge;
    }
    let faults = || record.checks.iter().filter_map(|check| check.complaint());
    if record.level == Level::Checked && record.checked_at.is_none() && faults().next().is_none() {
        return DrillStep::Check;
    }
    let faults: Vec<String> = faults().collect();
    DrillStep::Conclude(match faults.is_empty() {
        true => Verdict::Passed,
        false => Verdict::Failed(faults),
    })
}

/// Members are deleted before their cluster. What is not the drill's own is left alone.
fn removal(record: &DrillRecord, seen: &Seen, now: Timestamp) -> DrillStep {
    let restore = &record.restore;
    let mut waits = None;
    let mut may_show_more = false;
    let mut all: Vec<(Family, String, Option<&RestoredDatabase>, String)> = record
        .members()
        .into_iter()
        .map(|name| {
            let found = seen.members.get(&name);
            let key = format!("member:{name}");
            (Family::Instance, name, found, key)
        })
        .collect();
    let database = seen.database.as_ref();
    all.push((
        record.family(),
        restore.name.clone(),
        database,
        "restore".to_owned(),
    ));
    for (family, name, found, key) in all {
        let sent = restore.sent.get(&key);
        let Some(found) = found else {
            // RDS may not show yet what it made, also where it has given its resource id.
            let is_young = sent.is_some_and(|sent| now.duration_since(sent.last) < PATIENCE);
            let may_be_deleted = record.deleted_at.is_some() && restore.made.contains_key(&name);
            if is_young && !may_be_deleted {
                waits = Some(format!("RDS may show {name} yet"));
                may_show_more = true;
            }
            continue;
        };
        match restore.made.get(&name) {
            Some(made) if *made == found.resource_id => {}
            Some(_) => continue,
            None if sent.is_some_and(|sent| is_from(record, found, *sent, now)) => {
                return DrillStep::Note(name, found.resource_id.clone());
            }
            None => continue,
        }
        if found.status == "deleting" {
            waits = Some(format!("{name} is being deleted"));
        } else if family == Family::Cluster && may_show_more {
            break;
        } else {
            return DrillStep::Delete(family, name);
        }
    }
    waits.map_or(DrillStep::Gone, DrillStep::Wait)
}

/// Whether what bears this name is what a call of this drill made.
fn is_proven(record: &DrillRecord, seen: &Seen, name: &str, now: Timestamp) -> bool {
    let (found, key) = match name == record.restore.name {
        true => (seen.database.as_ref(), "restore".to_owned()),
        false => (seen.members.get(name), format!("member:{name}")),
    };
    let sent = record.restore.sent.get(&key);
    found
        .zip(sent)
        .is_some_and(|(found, sent)| is_from(record, found, *sent, now))
}

/// Whether this drill's own call made a database of its name: the answer was lost, or was an error. It was made soon after
/// the call, or is being made soon after it. What is younger may be a person's: tags can be copied, and a drill deletes.
/// The remover takes what is left here once it is older than any drill may become.
fn is_from(record: &DrillRecord, found: &RestoredDatabase, sent: Sending, now: Timestamp) -> bool {
    let id = found.tags.get(DRILL_ID);
    let of = found.tags.get(DRILL_OF);
    let made = found.created_at.unwrap_or(now);
    id.is_some_and(|id| id == record.id.as_str())
        && of.is_some_and(|of| of == record.of.as_str())
        && made >= record.restore.began_at - CLOCK_SKEW
        && made <= sent.last + PATIENCE
}
