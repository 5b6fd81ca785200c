//! Takes one drill a step further: decides what is next by what RDS shows, and makes at most one call.
//!
//! As with restores, a call is stored before it is made, so a drill may stop anywhere and go on.

use jiff::SignedDuration;

use crate::app::drill::look::look_at_drills;
use crate::app::drill::remove::{self, Removal, remove_drilled};
use crate::app::restore::RestoreError;
use crate::domain::drill::judge::{Check, FailureEvent, judge};
use crate::domain::drill::next_step::{CHECK_TRIES_MAX, DrillStep, next_drill_step};
use crate::domain::drill::plan::DrillPlan;
use crate::domain::drill::record::{DrillRecord, Verdict};
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::StackId;
use crate::domain::restore::next_step::PATIENCE;
use crate::domain::restore::plan::StepKind;
use crate::domain::restore::refusal::RestoreRefusal;
use crate::domain::restore::restored::{RestoredDatabase, Seen};
use crate::domain::restore::setting::Setting;
use crate::domain::restore::value::Value;
use crate::error::chain;
use crate::json::drill::{CheckAnswer, CheckRequest, read_check, write_check};
use crate::ports::{
    ChangeDatabase, CheckDrill, Clock, DatabaseCall, DescribeRestored, PortError, RdsError,
    ReadDrills, ReadFailures, ReadFreeze, StoreDrills, StoredDrills, Written,
};

sum_of_ports! {
    /// What carrying a drill out to its result needs: what makes it, and what proves it. Nothing of it deletes.
    pub Proves: ChangeDatabase CheckDrill Clock DescribeRestored ReadDrills ReadFailures ReadFreeze StoreDrills
}

/// What carrying a drill out needs: what makes it, what proves it, and what removes it.
pub trait Permissions: Proves + remove::Permissions {}

impl<W: Proves + remove::Permissions> Permissions for W {}

/// Who removes what a drill made once it has its result.
#[allow(
    async_fn_in_trait,
    reason = "the use cases are generic and single-threaded; no future needs to be Send"
)]
pub trait Remover<W> {
    /// Removes this database, or leaves it.
    async fn remove(
        &self,
        world: &W,
        by: Acting<'_>,
        stored: &mut StoredDrills,
        record: DrillRecord,
        what: (Family, &str),
    ) -> Result<DrillOutcome, RestoreError>;
}

/// The process that carries the drill out removes it.
#[derive(Debug, Clone, Copy)]
pub struct ThisProcess;

impl<W: Permissions> Remover<W> for ThisProcess {
    async fn remove(
        &self,
        world: &W,
        by: Acting<'_>,
        stored: &mut StoredDrills,
        record: DrillRecord,
        (family, name): (Family, &str),
    ) -> Result<DrillOutcome, RestoreError> {
        delete(world, by, stored, record, family, name).await
    }
}

/// The function of restore.yaml removes it. This process cannot delete.
#[derive(Debug, Clone, Copy)]
pub struct TheFunction;

impl<W> Remover<W> for TheFunction {
    async fn remove(
        &self,
        _: &W,
        _: Acting<'_>,
        _: &mut StoredDrills,
        _: DrillRecord,
        _: (Family, &str),
    ) -> Result<DrillOutcome, RestoreError> {
        Ok(DrillOutcome::Left)
    }
}

/// What happened in one round of a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrillOutcome {
    /// A call was made.
    Acted(String),
    /// It waits.
    Waits(String),
    /// It is over, and nothing of it is there.
    Over,
    /// It has its result, and the remover deletes what it made.
    Left,
    /// Something of it stays until a person acts.
    Stuck(String),
}

/// What a drill is carried out with.
#[derive(Debug, Clone, Copy)]
pub struct Acting<'a> {
    /// The stack.
    pub stack: &'a StackId,
    /// The recovery region.
    pub home: &'a Region,
    /// How many names one question to RDS holds.
    pub width: usize,
    /// The plan. A drill that has begun may have none any more.
    pub plan: Option<&'a DrillPlan>,
}

/// Stores a drill's record as the newest state of it. If another process has stored something, that is taken over.
///
/// # Errors
/// If the table does not answer.
pub async fn save<W: ReadDrills + StoreDrills>(
    world: &W,
    stored: &mut StoredDrills,
    record: DrillRecord,
) -> Result<Written, PortError> {
    if stored.drills.find(&record.id) == Some(&record) {
        return Ok(Written::Stored);
    }
    let of: ResourceId = record.of.clone();
    let next = StoredDrills {
        revision: stored.revision + 1,
        drills: stored.drills.with(record),
    };
    let written = world.store_drills(&of, &next).await?;
    if written == Written::Stored {
        *stored = next;
    } else if let Some(of_another) = world.drills(std::slice::from_ref(&of)).await?.remove(&of) {
        *stored = of_another;
    }
    Ok(written)
}

/// How long past the deadline a deletion that RDS refuses for now is asked for again.
const LATER_MAX: SignedDuration = SignedDuration::from_hours(1);

const ELSEWHERE: &str = "another process carries it out at the same time";

/// Takes a drill one step further.
///
/// # Errors
/// If the table or RDS does not answer.
pub async fn advance_drill<W: Proves, R: Remover<W>>(
    world: &W,
    (by, remover): (Acting<'_>, &R),
    stored: &mut StoredDrills,
    record: DrillRecord,
    seen: &Seen,
) -> Result<DrillOutcome, RestoreError> {
    let now = world.now();
    let mut next = record.clone();
    let said = match next_drill_step(by.plan, &record, seen, now) {
        DrillStep::Wait(what) => return Ok(DrillOutcome::Waits(what)),
        DrillStep::Send(at) => {
            // The calls go by name, and what RDS showed may be as old as all calls of this round.
            let mut seen = look_at_drills(world, (by.home, by.width), &[&record]).await?;
            let seen = seen.pop().unwrap_or_default();
            return match next_drill_step(by.plan, &record, &seen, world.now()) {
                DrillStep::Send(still) if still == at => send(world, by, stored, record, at).await,
                _ => Ok(DrillOutcome::Waits(
                    "RDS shows more of it than a moment ago".to_owned(),
                )),
            };
        }
        DrillStep::Delete(family, name) => {
            return remover
                .remove(world, by, stored, record, (family, &name))
                .await;
        }
        DrillStep::Note(name, id) => {
            let said = format!("RDS shows {name}, which an earlier call made");
            next.restore.made.insert(name, id);
            said
        }
        DrillStep::Judge => {
            let Some(plan) = by.plan else {
                return Ok(DrillOutcome::Waits("it has no plan".to_owned()));
            };
            let failures = failures(world, by.home, &record).await?;
            let judgement = judge(plan, seen, &failures);
            next.checks = judgement.checks;
            next.differs = judgement.differs;
            let is_right = next.checks.iter().all(|check| check.fault.is_none());
            if is_right {
                next.runs_at = Some(now);
            }
            "it is judged by what RDS shows".to_owned()
        }
        DrillStep::Check => check(world, by, &mut next, seen).await,
        DrillStep::Conclude(verdict) => {
            let said = verdict.to_string();
            next.verdict = Some(verdict);
            said
        }
        DrillStep::Gone => {
            next.gone_at = Some(now);
            if save(world, stored, next).await? == Written::Conflict {
                return Ok(DrillOutcome::Waits(ELSEWHERE.to_owned()));
            }
            return Ok(DrillOutcome::Over);
        }
    };
    Ok(match save(world, stored, next).await? {
        Written::Stored => DrillOutcome::Acted(said),
        Written::Conflict => DrillOutcome::Waits(ELSEWHERE.to_owned()),
    })
}

/// Makes the call of a step of the restore. That it is made is stored before, and what it made afterwards.
async fn send<W: Proves>(
    world: &W,
    by: Acting<'_>,
    stored: &mut StoredDrills,
    record: DrillRecord,
    at: usize,
) -> Result<DrillOutcome, RestoreError> {
    let Some(step) = by.plan.and_then(|plan| plan.restore.steps.get(at)) else {
        return Ok(DrillOutcome::Waits("it has no plan".to_owned()));
    };
    let mut next = record.clone();
    if step.kind == StepKind::Restore {
        match world.freeze().await {
            Ok(None) => {}
            Ok(Some(freeze)) => {
                let why = format!("frozen by {}: {}", freeze.by, freeze.why);
                next.verdict = Some(Verdict::Incomplete(why.clone()));
                save(world, stored, next).await?;
                return Ok(DrillOutcome::Acted(why));
            }
            Err(error) => {
                let why = chain(&error);
                let said = format!("whether there is a freeze cannot be read: {why}");
                return Ok(DrillOutcome::Waits(said));
            }
        }
    }
    let now = world.now();
    next.restore.note_sending(step.key(), now);
    if save(world, stored, next.clone()).await? == Written::Conflict {
        return Ok(DrillOutcome::Waits(ELSEWHERE.to_owned()));
    }
    let call = DatabaseCall::from(step);
    let error = match world.change_database(by.home, &call).await {
        Ok(made) => {
            next.restore.note_accepted(step, made);
            save(world, stored, next).await?;
            return Ok(DrillOutcome::Acted(format!(
                "RDS has accepted {}",
                step.action
            )));
        }
        Err(error) => error,
    };
    let refusal = RestoreRefusal::of(error.code.as_deref());
    let why = chain(&error).to_string();
    if RestoreRefusal::is_answer(error.code.as_deref()) {
        let before = record.restore.sent.get(&step.key()).copied();
        let notes = &mut next.restore;
        notes.note_refused(step.key(), refusal, before, now - PATIENCE);
        if refusal == RestoreRefusal::Person {
            next.verdict = Some(Verdict::Failed(vec![why.clone()]));
        }
        save(world, stored, next).await?;
    }
    Ok(match refusal {
        RestoreRefusal::Person => DrillOutcome::Acted(format!("RDS refuses: {why}")),
        _ => DrillOutcome::Waits(format!("again later: {why}")),
    })
}

async fn delete<W: Permissions>(
    world: &W,
    by: Acting<'_>,
    stored: &mut StoredDrills,
    record: DrillRecord,
    family: Family,
    name: &str,
) -> Result<DrillOutcome, RestoreError> {
    let mut next = record;
    next.deleted_at.get_or_insert(world.now());
    if save(world, stored, next.clone()).await? == Written::Conflict {
        return Ok(DrillOutcome::Waits(ELSEWHERE.to_owned()));
    }
    let which = (by.stack, by.home);
    let removal = remove_drilled(world, which, (family, name), Some(&next)).await?;
    let said = format!("{name}: {removal}");
    let since = next.deadline.max(next.deleted_at.unwrap_or(next.deadline));
    let is_hopeless = world.now().duration_since(since) >= LATER_MAX;
    Ok(match removal {
        Removal::Asked | Removal::Gone => DrillOutcome::Acted(said),
        Removal::Broken(rule) if rule.is_kept() => {
            next.kept = Some(said.clone());
            match save(world, stored, next).await? {
                Written::Stored => DrillOutcome::Stuck(said),
                Written::Conflict => DrillOutcome::Waits(ELSEWHERE.to_owned()),
            }
        }
        Removal::Later(_) if is_hopeless => DrillOutcome::Stuck(said),
        Removal::Later(_) | Removal::FreezeUnknown(_) => DrillOutcome::Waits(said),
        _ => DrillOutcome::Stuck(said),
    })
}

async fn failures<W: ReadFailures>(
    world: &W,
    home: &Region,
    record: &DrillRecord,
) -> Result<Vec<FailureEvent>, RdsError> {
    let since = record.restore.began_at;
    let family = record.family();
    let mut all = world
        .failure_events(home, family, &record.restore.name, since)
        .await?;
    for member in record.members() {
        let of_member = world.failure_events(home, Family::Instance, &member, since);
        all.extend(of_member.await?);
    }
    Ok(all)
}

/// Asks the user's function. Returns what happened.
async fn check<W: CheckDrill + Clock>(
    world: &W,
    by: Acting<'_>,
    record: &mut DrillRecord,
    seen: &Seen,
) -> String {
    const NAME: &str = "the check of the policy";
    let function = by.plan.and_then(|plan| plan.options.check.as_deref());
    let Some(function) = function else {
        let fault = "the policy names no function that checks the data".to_owned();
        record.checks.push(Check::new(NAME, Some(fault.clone())));
        return fault;
    };
    let request = check_request(record, seen);
    let answer = match world.check_drill(function, &request).await {
        Ok(answer) => read_check(&answer).map_err(|error| chain(&error).to_string()),
        Err(error) => Err(chain(&error).to_string()),
    };
    match answer {
        Ok(CheckAnswer {
            ok,
            detail,
            newest_record_at,
        }) => {
            record.newest_record_at = newest_record_at;
            let detail = detail.unwrap_or_else(|| "it gives no reason".to_owned());
            record
                .checks
                .push(Check::new(NAME, (!ok).then(|| detail.clone())));
            if ok {
                record.checked_at = Some(world.now());
            }
            format!("{function} says {}", if ok { "ok" } else { &detail })
        }
        Err(why) => {
            record.check_tries += 1;
            let fault = format!("{function} gave no answer: {why}");
            if record.check_tries >= CHECK_TRIES_MAX {
                record.checks.push(Check::new(NAME, Some(fault.clone())));
            }
            fault
        }
    }
}

fn check_request(record: &DrillRecord, seen: &Seen) -> String {
    let database = seen.database.as_ref();
    let text = |setting: Setting| database?.settings.get(&setting)?.as_text();
    let port = database.and_then(|found| found.settings.get(&Setting::Port)?.as_number());
    let point = &record.restore.point;
    write_check(&CheckRequest {
        drill: &record.restore.name,
        database: record.restore.database.to_string(),
        recovery_point: point.to_string(),
        taken_at: record.restore.taken_at,
        endpoint: database.and_then(RestoredDatabase::endpoint),
        port,
        engine: text(Setting::Engine),
        engine_version: text(Setting::EngineVersion),
        secret_arn: database
            .and_then(|found| found.settings.get(&Setting::MasterUserSecretArn))
            .and_then(Value::as_text),
    })
}
