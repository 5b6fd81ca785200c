//! Carries out restores: for each one it asks RDS what there is, decides what is next, and makes at most one call.
//!
//! A restore may stop at any moment and begin again anywhere: what was asked of RDS is stored before the call, and everything
//! else is asked of RDS itself. It asks the recovery region alone.

use jiff::{SignedDuration, Timestamp};

use crate::app::look::{RestoredNames, look_at};
use crate::app::restore::{RestoreError, RestoreOf};
use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::restore::next_step::{NextStep, PATIENCE, RestoreFailure, WaitsFor, next_step};
use crate::domain::restore::plan::RestorePlan;
use crate::domain::restore::record::{RestoreKey, RestoreRecord};
use crate::domain::restore::refusal::RestoreRefusal;
use crate::domain::restore::restored::{RestoredDatabase, Seen};
use crate::domain::run::failure::Operation;
use crate::ports::{
    ChangeDatabase, Clock, DatabaseCall, DescribeRestored, PortError, RdsError, ReadRestores,
    StoreRestores, StoredRestore, Written,
};

permissions! {
    /// Everything that carrying out a restore may do. It deletes nothing.
    Permissions: ChangeDatabase DescribeRestored ReadRestores StoreRestores
}

/// How a restore begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It begins, or goes on where it was.
    Goes(Box<StoredRestore>),
    /// It was carried out before, and its database is there. Nothing of it is changed.
    IsDone(Box<StoredRestore>, Timestamp),
    /// A restore of another recovery point under this name has begun and is not done.
    OfAnotherPoint(RdsArn, Option<Timestamp>),
    /// Another database is restored under this name, or was.
    OfAnotherDatabase(RdsArn),
}

/// What happened in one round of a restore.
#[derive(Debug)]
pub enum Outcome {
    /// A call was made, and RDS has accepted it.
    Sent(Operation),
    /// The restore has found what an earlier call of its own made.
    Found(String),
    /// It waits.
    Waits(WaitsFor),
    /// RDS refused a call, and it is made again later.
    Refused(RdsError),
    /// RDS refused a call, and a person must act.
    Stopped(RdsError),
    /// Another process carries the same restore out.
    Elsewhere,
    /// Nothing is left to do.
    Done,
    /// It cannot go on.
    Failed(RestoreFailure),
}

impl Outcome {
    /// Whether further rounds are of no use until a person acts.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Stopped(_) | Self::Done | Self::Failed(_))
    }
}

/// One round of a restore.
#[derive(Debug)]
pub struct Round {
    /// What happened.
    pub outcome: Outcome,
    /// Whether its database counts as running.
    pub is_running: bool,
}

/// What RDS shows of some restores.
///
/// # Errors
/// If RDS does not say.
pub async fn look<W: DescribeRestored>(
    world: &W,
    of: RestoreOf<'_>,
    plans: &[&RestorePlan],
) -> Result<Vec<Seen>, RdsError> {
    let names = |plan: &&RestorePlan| RestoredNames {
        family: plan.database.family(),
        name: plan.name.clone(),
        members: plan.members.iter().map(|(name, _)| name.clone()).collect(),
    };
    look_at(
        world,
        (of.home, of.width),
        plans.iter().map(names).collect(),
    )
    .await
}

/// Begins a restore, or finds the one that has begun under its name.
///
/// # Errors
/// If the table or RDS does not answer.
pub async fn begin<W: Permissions + Clock>(
    world: &W,
    of: RestoreOf<'_>,
    plan: &RestorePlan,
) -> Result<Begun, RestoreError> {
    let key = RestoreKey {
        family: plan.database.family(),
        name: plan.name.clone(),
    };
    loop {
        let stored = world.restore(&key).await?;
        let mut seen = look(world, of, &[plan]).await?;
        let database = seen.pop().and_then(|seen| seen.database);
        let now = world.now();
        if let Some(stored) = &stored
            && !is_over(&stored.record, &plan.point, database.as_ref(), now)
        {
            let stored = stored.clone();
            let record = &stored.record;
            if record.database != plan.database {
                return Ok(Begun::OfAnotherDatabase(record.database.clone()));
            }
            return Ok(match record.done_at {
                Some(done_at) => Begun::IsDone(Box::new(stored), done_at),
                None if record.point == plan.point => {
                    let Some(stored) = with_accepted(world, stored, plan).await? else {
                        continue;
                    };
                    Begun::Goes(Box::new(stored))
                }
                None => Begun::OfAnotherPoint(record.point.clone(), record.taken_at),
            });
        }
        let stored = StoredRestore {
            revision: stored.map_or(0, |stored| stored.revision) + 1,
            record: RestoreRecord::new(plan, of.options.is_fast, now),
        };
        // Another process was faster, and its restore is the one that counts.
        if world.store_restore(&stored).await? == Written::Stored {
            return Ok(Begun::Goes(Box::new(stored)));
        }
    }
}

/// Notes what a person has accepted since the restore began. Nothing if another process has stored something meanwhile.
async fn with_accepted<W: StoreRestores>(
    world: &W,
    stored: StoredRestore,
    plan: &RestorePlan,
) -> Result<Option<StoredRestore>, PortError> {
    let mut record = stored.record.clone();
    let accepted = plan.gaps.iter().filter(|gap| gap.is_accepted);
    record.accepted.extend(accepted.map(|gap| gap.kind));
    if record == stored.record {
        return Ok(Some(stored));
    }
    let next = StoredRestore {
        revision: stored.revision + 1,
        record,
    };
    let written = world.store_restore(&next).await?;
    Ok((written == Written::Stored).then_some(next))
}

/// For how long a restore that has made nothing keeps its recovery point and what was accepted for it.
const IDLE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// Whether an earlier restore under the name no longer counts: its database is gone, another one has the name, or it has made
/// nothing and a person comes back to it a day later, or for another recovery point.
pub(super) fn is_over(
    record: &RestoreRecord,
    point: &RdsArn,
    database: Option<&RestoredDatabase>,
    now: Timestamp,
) -> bool {
    let made = record.made.get(&record.name);
    let sent = record.sent.get("restore");
    let is_young = sent.is_some_and(|sent| now.duration_since(sent.last) < PATIENCE);
    match (made, database) {
        (Some(_), None) => !is_young,
        (Some(made), Some(database)) => record.done_at.is_some() && *made != database.resource_id,
        (None, _) => {
            let has_done_nothing = record.made.is_empty() && record.sent.is_empty();
            // Another process may be about to send the first call.
            let counts_for = match record.point == *point {
                true => IDLE_MAX,
                false => PATIENCE,
            };
            has_done_nothing && now.duration_since(record.began_at) >= counts_for
        }
    }
}

/// Decides what is next in a restore, given what RDS showed just now, and does it: at most one call of RDS.
///
/// # Errors
/// If the table does not answer. The restore is as it was.
pub async fn advance<W: Permissions + Clock>(
    world: &W,
    home: &Region,
    plan: &RestorePlan,
    stored: &mut StoredRestore,
    seen: &Seen,
) -> Result<Round, PortError> {
    let now = world.now();
    let decided = next_step(plan, &stored.record, seen, now);
    let is_running = decided.is_running;
    let mut record = stored.record.clone();
    if is_running && record.running_at.is_none() {
        record.running_at = Some(now);
    }
    let outcome = match decided.next {
        NextStep::Send(at) => {
            let outcome = send(world, home, plan, stored, record, at).await?;
            return Ok(Round {
                outcome,
                is_running,
            });
        }
        NextStep::Note(name, resource_id) => {
            record.made.insert(name.clone(), resource_id);
            Outcome::Found(name)
        }
        NextStep::Wait(what) => Outcome::Waits(what),
        NextStep::Done => {
            record.done_at.get_or_insert(now);
            Outcome::Done
        }
        NextStep::Fail(failure) => Outcome::Failed(failure),
    };
    let outcome = match save(world, stored, record).await? {
        Written::Stored => outcome,
        Written::Conflict => Outcome::Elsewhere,
    };
    Ok(Round {
        outcome,
        is_running,
    })
}

/// Makes the call of a step. That it is made is stored before, and what it made afterwards.
async fn send<W: Permissions + Clock>(
    world: &W,
    home: &Region,
    plan: &RestorePlan,
    stored: &mut StoredRestore,
    mut record: RestoreRecord,
    at: usize,
) -> Result<Outcome, PortError> {
    let step = &plan.steps[at];
    let before = record.sent.get(&step.key()).copied();
    let now = world.now();
    record.note_sending(step.key(), now);
    if save(world, stored, record.clone()).await? == Written::Conflict {
        return Ok(Outcome::Elsewhere);
    }
    let answer = world.change_database(home, &DatabaseCall::from(step)).await;
    let error = match answer {
        Ok(made) => {
            record.note_accepted(step, made);
            save(world, stored, record).await?;
            return Ok(Outcome::Sent(step.action));
        }
        Err(error) => error,
    };
    let refusal = RestoreRefusal::of(error.code.as_deref());
    if RestoreRefusal::is_answer(error.code.as_deref()) {
        record.note_refused(step.key(), refusal, before, now - PATIENCE);
        save(world, stored, record).await?;
    }
    Ok(match refusal {
        RestoreRefusal::Person => Outcome::Stopped(error),
        RestoreRefusal::Later | RestoreRefusal::AlreadyThere => Outcome::Refused(error),
    })
}

/// Stores the record if it has changed. If another process has stored one, that one is taken over.
async fn save<W: ReadRestores + StoreRestores>(
    world: &W,
    stored: &mut StoredRestore,
    record: RestoreRecord,
) -> Result<Written, PortError> {
    if record == stored.record {
        return Ok(Written::Stored);
    }
    let next = StoredRestore {
        revision: stored.revision + 1,
        record,
    };
    let written = world.store_restore(&next).await?;
    if written == Written::Stored {
        *stored = next;
    } else if let Some(of_another) = world.restore(&stored.record.key()).await? {
        *stored = of_another;
    }
    Ok(written)
}
