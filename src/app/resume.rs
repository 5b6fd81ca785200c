//! Takes over what a person accepted when a restore began, so that the same command goes on without being asked again.

use crate::app::carry_out::{is_over, look};
use crate::app::restore::{RestoreError, RestoreOf, RestorePlans};
use crate::domain::restore::record::RestoreKey;
use crate::ports::{Clock, DescribeRestored, ReadRestores};

permissions! {
    /// Everything that it may do: it only reads, and only in the recovery region.
    Permissions: Clock DescribeRestored ReadRestores
}

/// Takes over what was accepted for restores that have begun and are not done. It asks about the plans alone that a gap
/// stops.
///
/// # Errors
/// If the table or RDS does not answer.
pub async fn keep_accepted<W: Permissions>(
    world: &W,
    of: RestoreOf<'_>,
    plans: &mut RestorePlans,
) -> Result<(), RestoreError> {
    for one in &mut plans.plans {
        let plan = &mut one.plan;
        if !plan.is_stopped() {
            continue;
        }
        let key = RestoreKey {
            family: plan.database.family(),
            name: plan.name.clone(),
        };
        let Some(stored) = world.restore(&key).await? else {
            continue;
        };
        let record = stored.record;
        if record.done_at.is_some() || record.database != plan.database {
            continue;
        }
        let seen = look(world, of, &[plan]).await?.pop();
        let database = seen.and_then(|seen| seen.database);
        // What was accepted for a restore whose database is gone counts no more.
        if is_over(&record, database.as_ref(), world.now()) {
            continue;
        }
        for gap in &mut plan.gaps {
            gap.keep_accepted(&record.accepted, record.began_at);
        }
    }
    Ok(())
}
