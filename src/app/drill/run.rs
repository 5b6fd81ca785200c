//! Carries drills out and follows them until nothing of any of them is there any more.

use std::collections::BTreeMap;

use crate::app::carry_out_all::Pause;
use crate::app::drill::act::{self, Acting, DrillError, DrillOutcome, advance_drill, save};
use crate::app::drill::plan::{DrillOf, DrillRow};
use crate::domain::drill::plan::DrillPlan;
use crate::domain::drill::record::{DrillRecord, Verdict};
use crate::domain::id::arn::Family;
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::restore::refusal::RestoreRefusal;
use crate::domain::restore::restored::{RestoredDatabase, Seen};
use crate::json;
use crate::ports::{DescribeRestored, RdsError, StoredDrills, Written};

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
    /// Whether it is over: nothing of it is there, or a person must act.
    pub is_over: bool,
}

impl FollowedDrill {
    /// Whether it passed, and nothing of it was left behind.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.record.verdict == Some(Verdict::Passed) && self.record.gone_at.is_some()
    }
}

/// Begins the drills of these rows, or goes on with them, until each is over. One that fails stops no other.
///
/// # Errors
/// If the table or RDS does not answer. The drills go on when this is begun again.
pub async fn carry_out_drills<W: act::Permissions>(
    world: &W,
    of: DrillOf<'_>,
    rows: Vec<DrillRow>,
    who: &str,
    pause: impl AsyncFn(Pause),
    mut shown: impl FnMut(&FollowedDrill),
) -> Result<Vec<FollowedDrill>, DrillError> {
    let mut all = Vec::new();
    for row in rows {
        if let Some(one) = begin(world, row, who).await? {
            shown(&one);
            all.push(one);
        }
    }
    loop {
        let mut open: Vec<&mut FollowedDrill> = all.iter_mut().filter(|one| !one.is_over).collect();
        if open.is_empty() {
            return Ok(all);
        }
        match round(world, of, &mut open, &pause, &mut shown).await {
            Err(DrillError::Rds(error)) if is_passing(&error) => {}
            other => other?,
        }
        if !all.iter().all(|one| one.is_over) {
            pause(Pause::BetweenLooks).await;
        }
    }
}

fn is_passing(error: &RdsError) -> bool {
    RestoreRefusal::of(error.code.as_deref()) == RestoreRefusal::Later
}

/// Stores that a drill begins, or finds the one that has. Nothing if another process was faster and is over already.
async fn begin<W: act::Permissions>(
    world: &W,
    row: DrillRow,
    who: &str,
) -> Result<Option<FollowedDrill>, DrillError> {
    let mut stored = row.stored;
    let mut says = "it goes on".to_owned();
    if stored.drills.open().is_none() {
        let Some(plan) = &row.plan else {
            return Ok(None);
        };
        let mut record = DrillRecord::new(plan, who, row.rpo, world.now());
        record.previous = stored.drills.0.first().map(json::drill::hash);
        says = format!("it begins as {}", record.restore.name);
        if save(world, &mut stored, record).await? == Written::Conflict {
            "another process has begun one".clone_into(&mut says);
        }
    }
    let Some(record) = stored.drills.open().cloned() else {
        return Ok(None);
    };
    // The plan of a drill that another process began is another one.
    let plan = row.plan.filter(|plan| plan.id == record.id);
    let is_of_another = plan.is_none() && record.verdict.is_none() && says.starts_with("another");
    if is_of_another {
        return Ok(None);
    }
    Ok(Some(FollowedDrill {
        database: row.database,
        plan,
        stored,
        record,
        says,
        is_over: false,
    }))
}

async fn round<W: act::Permissions>(
    world: &W,
    of: DrillOf<'_>,
    open: &mut [&mut FollowedDrill],
    pause: &impl AsyncFn(Pause),
    shown: &mut impl FnMut(&FollowedDrill),
) -> Result<(), DrillError> {
    let records: Vec<&DrillRecord> = open.iter().map(|one| &one.record).collect();
    let seen = look_at_drills(world, of, &records).await?;
    for (one, seen) in open.iter_mut().zip(seen) {
        let by = Acting {
            stack: of.stack,
            home: of.home,
            plan: one.plan.as_ref(),
        };
        let record = one.record.clone();
        let outcome = advance_drill(world, by, &mut one.stored, record, &seen).await?;
        if let Some(record) = one.stored.drills.find(&one.record.id) {
            one.record = record.clone();
        }
        let before = one.says.clone();
        let acted = matches!(outcome, DrillOutcome::Acted(_));
        match outcome {
            DrillOutcome::Acted(said) | DrillOutcome::Waits(said) => one.says = said,
            DrillOutcome::Over => {
                let verdict = one.record.verdict.as_ref();
                let verdict = verdict.map(ToString::to_string).unwrap_or_default();
                one.says = format!("{verdict}; nothing of it is left");
                one.is_over = true;
            }
            DrillOutcome::Stuck(said) => {
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
    Ok(())
}

/// What RDS shows of some drills: one question for each family and as many names as it holds.
///
/// # Errors
/// If RDS does not say.
pub async fn look_at_drills<W: DescribeRestored>(
    world: &W,
    of: DrillOf<'_>,
    records: &[&DrillRecord],
) -> Result<Vec<Seen>, RdsError> {
    let mut shown: BTreeMap<(Family, String), RestoredDatabase> = BTreeMap::new();
    for family in Family::ALL {
        let mut names: Vec<String> = Vec::new();
        for record in records {
            if record.family() == family {
                names.push(record.restore.name.clone());
            }
            if family == Family::Instance {
                names.extend(record.members());
            }
        }
        for names in names.chunks(of.width) {
            for found in world.describe_restored(of.home, family, names).await? {
                shown.insert((family, found.name.clone()), found);
            }
        }
    }
    let seen = |record: &&DrillRecord| {
        let one = |family, name: &String| shown.get(&(family, name.clone())).cloned();
        let members = record.members();
        let members = members.iter().filter_map(|name| {
            let found = one(Family::Instance, name)?;
            Some((name.clone(), found))
        });
        Seen {
            database: one(record.family(), &record.restore.name),
            members: members.collect(),
        }
    };
    Ok(records.iter().map(seen).collect())
}
