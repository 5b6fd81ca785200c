//! Carries drills out and follows them until nothing of any of them is there any more.

use crate::app::carry_out_all::{Pause, is_passing};
use crate::app::drill::act::{
    self, Acting, DrillOutcome, TheFunction, ThisProcess, advance_drill, save,
};
use crate::app::drill::look::look_at_drills;
use crate::app::drill::plan::{DrillOf, DrillRow};
use crate::app::restore::RestoreError;
use crate::domain::drill::plan::DrillPlan;
use crate::domain::drill::record::{DrillRecord, Verdict};
use crate::domain::id::database_ref::DatabaseRef;
use crate::error::chain;
use crate::json;
use crate::ports::{RdsError, StoredDrills, Written};

/// A drill that is followed.
#[derive(Debug)]
pub struct FollowedDrill {
    /// The database.
    pub database: DatabaseRef,
    /// The plan. A drill that had begun may have none any more.
    pub plan: Option<DrillPlan>,
    /// What is stored of the database's drills.
    pub stored: StoredDrills,
    /// What is stored of this one.
    pub record: DrillRecord,
    /// What happened last, in words.
    pub says: String,
    /// Whether it is over: nothing of it is there, or the remover or a person must act.
    pub is_over: bool,
    /// Whether it has its result, and the remover deletes what it made.
    pub is_left: bool,
}

impl FollowedDrill {
    /// Whether it passed, and nothing of it was left behind but to the remover.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let is_done = self.record.gone_at.is_some() || self.is_left;
        self.record.verdict == Some(Verdict::Passed) && is_done
    }
}

/// Begins the drills of these rows, or goes on with them, until each is over. One that fails, or of which a call of AWS
/// fails, stops no other.
///
/// # Errors
/// If the table or RDS did not answer for one of them: the first such error, once the others are over. If RDS does not say
/// what there is. The drills go on when this is begun again.
pub async fn carry_out_drills<W: act::Permissions>(
    world: &W,
    of: DrillOf<'_>,
    rows: Vec<DrillRow>,
    who: &str,
    pause: impl AsyncFn(Pause),
    shown: impl FnMut(&FollowedDrill),
) -> Result<Vec<FollowedDrill>, RestoreError> {
    // Boxed: the caller's future would have room for both.
    match of.leaves_removal {
        true => Box::pin(follow(world, (of, &TheFunction), rows, who, pause, shown)).await,
        false => Box::pin(follow(world, (of, &ThisProcess), rows, who, pause, shown)).await,
    }
}

/// The same, with this hand for what has its result.
async fn follow<W: act::Proves, R: act::Remover<W>>(
    world: &W,
    (of, remover): (DrillOf<'_>, &R),
    rows: Vec<DrillRow>,
    who: &str,
    pause: impl AsyncFn(Pause),
    mut shown: impl FnMut(&FollowedDrill),
) -> Result<Vec<FollowedDrill>, RestoreError> {
    let mut all = Vec::new();
    let mut first_error = None;
    for row in rows {
        match begin(world, row, who).await {
            Ok(Some(one)) => {
                shown(&one);
                all.push(one);
            }
            Ok(None) => {}
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    loop {
        let mut open: Vec<&mut FollowedDrill> = all.iter_mut().filter(|one| !one.is_over).collect();
        if open.is_empty() {
            return first_error.map_or(Ok(all), Err);
        }
        match round(world, (of, remover), &mut open, &pause, &mut shown).await {
            Ok(None) => {}
            Ok(Some(error)) => {
                first_error.get_or_insert(error);
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error.into()),
        }
        if !all.iter().all(|one| one.is_over) {
            pause(Pause::BetweenLooks).await;
        }
    }
}

/// Stores that a drill begins, or finds the one that has. Nothing if another process was faster and is over already.
async fn begin<W: act::Proves>(
    world: &W,
    row: DrillRow,
    who: &str,
) -> Result<Option<FollowedDrill>, RestoreError> {
    let mut stored = row.stored;
    let mut says = "it goes on".to_owned();
    let mut was_faster = false;
    if stored.drills.open().is_none() {
        let Some(plan) = &row.plan else {
            return Ok(None);
        };
        let mut record = DrillRecord::new(plan, who, row.rpo, world.now());
        record.previous = stored.drills.0.first().map(json::drill::hash);
        says = format!("it begins as {}", record.restore.name);
        if save(world, &mut stored, record).await? == Written::Conflict {
            was_faster = true;
            "another process has begun one".clone_into(&mut says);
        }
    }
    let Some(record) = stored.drills.open().cloned() else {
        return Ok(None);
    };
    // The plan of a drill that another process began is another one.
    let plan = row.plan.filter(|plan| plan.id == record.id);
    if was_faster && plan.is_none() && record.verdict.is_none() {
        return Ok(None);
    }
    Ok(Some(FollowedDrill {
        database: row.database,
        plan,
        stored,
        record,
        says,
        is_over: false,
        is_left: false,
    }))
}

/// One step of each drill. Returns the first error that has ended one of them for this command.
///
/// # Errors
/// If RDS does not say what there is.
async fn round<W: act::Proves, R: act::Remover<W>>(
    world: &W,
    (of, remover): (DrillOf<'_>, &R),
    open: &mut [&mut FollowedDrill],
    pause: &impl AsyncFn(Pause),
    shown: &mut impl FnMut(&FollowedDrill),
) -> Result<Option<RestoreError>, RdsError> {
    let mut first_error = None;
    let records: Vec<&DrillRecord> = open.iter().map(|one| &one.record).collect();
    let seen = look_at_drills(world, (of.home, of.width), &records).await?;
    for (one, seen) in open.iter_mut().zip(seen) {
        let by = Acting {
            stack: of.stack,
            home: of.home,
            width: of.width,
            plan: one.plan.as_ref(),
        };
        let record = one.record.clone();
        let by = (by, remover);
        let outcome = advance_drill(world, by, &mut one.stored, record, &seen).await;
        if let Some(record) = one.stored.drills.find(&one.record.id) {
            one.record = record.clone();
        }
        let before = one.says.clone();
        let acted = matches!(outcome, Ok(DrillOutcome::Acted(_)));
        match outcome {
            Err(RestoreError::Rds(error)) if is_passing(&error) => {
                one.says = format!("again later: {}", chain(&error));
            }
            Err(error) => {
                one.says = format!(
                    "stopped, and goes on with the next command: {}",
                    chain(&error)
                );
                one.is_over = true;
                first_error.get_or_insert(error);
            }
            Ok(DrillOutcome::Acted(said) | DrillOutcome::Waits(said)) => one.says = said,
            Ok(outcome @ (DrillOutcome::Over | DrillOutcome::Left)) => {
                let verdict = one.record.verdict.as_ref();
                let verdict = verdict.map(ToString::to_string).unwrap_or_default();
                one.is_left = outcome == DrillOutcome::Left;
                one.says = match one.is_left {
                    true => format!("{verdict}; the remover deletes what it made"),
                    false => format!("{verdict}; nothing of it is left"),
                };
                one.is_over = true;
            }
            Ok(DrillOutcome::Stuck(said)) => {
                one.says = format!("stopped: {said}");
                one.is_over = true;
            }
        }
        if before != one.says {
            shown(one);
        }
        if acted {
            pause(Pause::BetweenCalls).await;
        }
    }
    Ok(first_error)
}
