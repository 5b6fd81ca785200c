//! Takes over what has begun: a restore that is not done goes on with its own recovery point, and with what a person accepted
//! for it, so that the same command goes on without being asked again.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::app::carry_out::{is_over, look};
use crate::app::restore::{self, RestoreError, RestoreOf, RestorePlans, Which, plan_restore};
use crate::domain::id::arn::RdsArn;
use crate::domain::restore::plan::{RestoreOptions, RestorePlan};
use crate::domain::restore::record::{RestoreKey, RestoreRecord};
use crate::ports::{Clock, DescribeRestored, ReadRestores};

permissions! {
    /// Everything that it may do: it only reads, and only in the recovery region.
    Permissions: Clock DescribeRestored ReadRestores
}

/// How many records are read at once.
const CONCURRENCY: usize = 16;

/// Plans the restore of some databases as it would be carried out: one that has begun and is not done is planned from its own
/// recovery point. So gaps and preflight are judged on the plan that is carried out.
///
/// # Errors
/// If the recovery region's snapshots or the table cannot be read.
pub async fn plan_or_resume<W: restore::Permissions + Permissions>(
    world: &W,
    of: RestoreOf<'_>,
) -> Result<RestorePlans, RestoreError> {
    let mut plans = plan_restore(world, of).await?;
    let begun: Vec<Option<RestoreRecord>> = stream::iter(&plans.plans)
        .map(|one| begun(world, of, &one.plan))
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    for (one, begun) in plans.plans.iter_mut().zip(begun) {
        let Some(record) = begun.filter(|record| record.point != one.plan.point) else {
            continue;
        };
        let planned = plan_from(world, of, &one.plan, &record.point, record.taken_at).await?;
        // One whose recovery point is gone is stopped when it would begin.
        if let Some(plan) = planned {
            one.plan = plan;
        }
    }
    keep_accepted(world, of, &mut plans).await?;
    Ok(plans)
}

/// What is stored of a restore that has begun under a plan's name, of the same database, and is not done.
async fn begun<W: Permissions>(
    world: &W,
    of: RestoreOf<'_>,
    plan: &RestorePlan,
) -> Result<Option<RestoreRecord>, RestoreError> {
    let key = RestoreKey {
        family: plan.database.family(),
        name: plan.name.clone(),
    };
    let Some(stored) = world.restore(&key).await? else {
        return Ok(None);
    };
    let record = stored.record;
    if record.done_at.is_some() || record.database != plan.database {
        return Ok(None);
    }
    let seen = look(world, of, &[plan]).await?.pop();
    let database = seen.and_then(|seen| seen.database);
    let is_over = is_over(&record, &plan.point, database.as_ref(), world.now());
    Ok((!is_over).then_some(record))
}

/// The same restore from another recovery point of its database. Nothing if that one is not to be found.
pub(super) async fn plan_from<W: restore::Permissions + Permissions>(
    world: &W,
    of: RestoreOf<'_>,
    plan: &RestorePlan,
    point: &RdsArn,
    taken_at: Option<Timestamp>,
) -> Result<Option<RestorePlan>, RestoreError> {
    let options = RestoreOptions {
        name: Some(plan.name.clone()),
        ..of.options.clone()
    };
    let which = Which::These(vec![plan.database.to_string()]);
    let again = RestoreOf {
        which: &which,
        up_to: taken_at.or(of.up_to),
        options: &options,
        ..of
    };
    let mut plans = plan_restore(world, again).await?;
    keep_accepted(world, again, &mut plans).await?;
    let mut found = plans.plans.into_iter().map(|one| one.plan);
    Ok(found.find(|plan| plan.point == *point))
}

/// Takes over what was accepted for restores that have begun and are not done. It asks about the plans alone that a gap
/// stops.
///
/// # Errors
/// If the table or RDS does not answer.
async fn keep_accepted<W: Permissions>(
    world: &W,
    of: RestoreOf<'_>,
    plans: &mut RestorePlans,
) -> Result<(), RestoreError> {
    for one in &mut plans.plans {
        let plan = &mut one.plan;
        if !plan.is_stopped() {
            continue;
        }
        let Some(record) = begun(world, of, plan).await? else {
            continue;
        };
        for gap in &mut plan.gaps {
            gap.keep_accepted(&record.accepted, record.began_at);
        }
    }
    Ok(())
}
