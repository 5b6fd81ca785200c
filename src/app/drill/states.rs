//! How the drills of databases stand, for status and report.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use crate::domain::drill::options::DrillOptions;
use crate::domain::drill::state::DrillState;
use crate::domain::id::names::ResourceId;
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::operator::status::{Row, State};
use crate::domain::policy::in_force::Policies;
use crate::error::chain;
use crate::ports::{PortError, ReadDrills};

/// How many batches are read at once.
const CONCURRENCY: usize = 8;

fn options<'p>(policies: &'p Policies, row: &Row) -> Option<&'p DrillOptions> {
    if row.state == State::Excluded {
        return None;
    }
    let policy = policies.get(row.policy.as_ref()?.as_str())?;
    policy.options.drill.as_ref()
}

/// How the drills of these rows' databases stand, of those whose policies have drills. They are additional: what cannot be
/// read is missing. Nothing is asked where no policy has drills.
pub(crate) async fn drill_states<W: ReadDrills>(
    world: &W,
    policies: &Policies,
    rows: &[Row],
    now: Timestamp,
) -> BTreeMap<ResourceId, DrillState> {
    let drilled: BTreeMap<&ResourceId, &DrillOptions> = rows
        .iter()
        .filter_map(|row| Some((&row.resource_id, options(policies, row)?)))
        .collect();
    let ids: BTreeSet<ResourceId> = drilled.keys().map(|id| (*id).clone()).collect();
    let ids: Vec<ResourceId> = ids.into_iter().collect();
    let read: Vec<_> = stream::iter(ids.chunks(BATCH_GET_MAX))
        .map(|ids| async move {
            let fault = |error: &PortError| {
                let error = chain(error);
                tracing::warn!(error, "the drills of databases could not be read");
            };
            let stored = world.drills(ids).await.inspect_err(fault).ok();
            stored.map(|stored| (ids, stored))
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let mut states = BTreeMap::new();
    for (ids, mut stored) in read.into_iter().flatten() {
        for id in ids {
            let drills = stored.remove(id).unwrap_or_default().drills;
            let state = DrillState::of(drilled.get(id).copied(), &drills, now);
            states.extend(state.map(|state| (id.clone(), state)));
        }
    }
    states
}
