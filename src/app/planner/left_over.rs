//! The databases that are known by name: those that a due time left over, each until it has its execution or its next own
//! time comes, and those whose own time within a spread has come. They are asked about alone, without a list of the region.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use super::due_times::OwnDue;
use super::error::PlanError;
use super::outcome::{Outcome, Planned, Row};
use super::permissions::Permissions;
use super::row::{CONCURRENCY, DueNow, Known};
use crate::domain::id::arn::Family;
use crate::domain::id::names::ResourceId;
use crate::domain::policy::choice::{Choice, choose};
use crate::domain::policy::cursor::{Cursor, Kept, KeptWhy};
use crate::domain::policy::in_force::Policy;
use crate::domain::policy::selected::SelectedDatabase;
use crate::domain::policy::spread::{OpenSpread, later, offset};
use crate::error::chain;

/// Asks about the databases that are stored with the cursor and about those whose own time has come since, and starts what
/// can be started now. The cursor moves to `spread`.
pub(super) async fn plan_left_over<W: Permissions>(
    world: &W,
    due: &DueNow<'_>,
    cursor: &Cursor,
    KnownDatabases { all, spread }: &KnownDatabases,
    width: usize,
    planned: &mut Planned,
) {
    let mut errors = Vec::new();
    let mut unanswered = Vec::new();
    for family in Family::ALL {
        let of_it = |kept: &&Kept| kept.database.arn.family() == family;
        let kept: Vec<&Kept> = all.iter().filter(of_it).collect();
        for kept in kept.chunks(width) {
            match look(world, due, planned, family, kept).await {
                Ok(found) => {
                    // RDS's lists lag: one answer without a database does not prove that it is gone.
                    let missing = kept.iter().filter(|kept| !found.has(kept));
                    unanswered.extend(missing.map(|kept| (*kept).clone()));
                    planned.rows.extend(found.rows);
                }
                Err(error) => {
                    errors.push(chain(&error));
                    unanswered.extend(kept.iter().map(|kept| (*kept).clone()));
                }
            }
        }
    }
    planned.error = (!errors.is_empty()).then(|| errors.join("; "));
    let still_owed = planned.left_over().into_iter().chain(unanswered);
    if let Some(behind) = Cursor::behind(cursor.until, still_owed.collect(), *spread)
        && behind != *cursor
        && let Err(error) = world
            .set_plan_cursor(&planned.policy, &planned.region, &behind)
            .await
    {
        planned.error = Some(chain(&error));
    }
}

/// The databases that a tick asks about by name.
pub(super) struct KnownDatabases {
    /// Each with the due time that is owed to it.
    pub(super) all: Vec<Kept>,
    /// How far the spread has come once they are planned.
    pub(super) spread: Option<OpenSpread>,
}

impl KnownDatabases {
    /// What the cursor keeps by name, and of the databases that the policy selects those whose own times lie between what was
    /// planned and now. The due time of the latter takes the place of an earlier one that was left over.
    pub(super) fn of(cursor: &Cursor, selected: &[SelectedDatabase], now: Timestamp) -> Self {
        let Some(open) = cursor.spread else {
            return Self {
                all: cursor.kept.clone(),
                spread: None,
            };
        };
        let has_come = |one: &&SelectedDatabase| {
            let own = later(cursor.until, offset(&one.database.resource_id, open.over));
            own > open.through && own <= now
        };
        let come = selected.iter().filter(has_come).map(|one| Kept {
            database: one.database.clone(),
            why: KeptWhy::NotStarted,
            due: cursor.until,
        });
        let mut all: BTreeMap<ResourceId, Kept> = BTreeMap::new();
        for kept in cursor.kept.iter().cloned().chain(come) {
            all.insert(kept.database.resource_id.clone(), kept);
        }
        Self {
            all: all.into_values().collect(),
            spread: open.at(cursor.until, now),
        }
    }

    /// The due time of each, with its own time.
    pub(super) fn due_times(
        &self,
        policy: &Policy,
        cursor: &Cursor,
    ) -> BTreeMap<ResourceId, OwnDue> {
        let own = |kept: &Kept| {
            let id = &kept.database.resource_id;
            let own = match &cursor.spread {
                Some(open) if kept.due == cursor.until => later(kept.due, offset(id, open.over)),
                Some(_) | None => policy.own_time(kept.due, id),
            };
            (id.clone(), OwnDue { at: kept.due, own })
        };
        self.all.iter().map(own).collect()
    }
}

/// What RDS showed of the databases that were left over.
struct Found {
    ids: BTreeSet<ResourceId>,
    /// The rows of those that the policy still selects.
    rows: Vec<Row>,
}

impl Found {
    fn has(&self, kept: &Kept) -> bool {
        self.ids.contains(&kept.database.resource_id)
    }
}

/// Asks about some of a family in one filtered call.
async fn look<W: Permissions>(
    world: &W,
    due: &DueNow<'_>,
    planned: &Planned,
    family: Family,
    kept: &[&Kept],
) -> Result<Found, PlanError> {
    let ids: Vec<ResourceId> = kept
        .iter()
        .map(|kept| kept.database.resource_id.clone())
        .collect();
    let mut databases = world.find_databases(&planned.region, family, &ids).await?;
    // One that is stopped stays left over with or without TDE, and would have the groups listed every few minutes.
    let may_start = databases
        .iter_mut()
        .filter(|database| !matches!(choose(database, due.policies), Choice::NotNow(..)));
    due.note_tde(world, &planned.region, may_start).await;
    let entries = &due.entries(world, &databases).await?;
    let configurations = &due.configurations(world, &databases).await;
    let shown = databases.iter();
    let ids = shown.map(|database| database.resource_id.clone()).collect();
    let rows: Vec<Result<Option<Row>, PlanError>> = stream::iter(databases)
        .map(|database| async move {
            let known = Known {
                automated: due.automated_of(world, &database.arn).await?,
                entries: entries.clone(),
                configurations: configurations.clone(),
            };
            Ok(due.row(world, &known, &database).await)
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let rows: Vec<Option<Row>> = rows.into_iter().collect::<Result<_, _>>()?;
    let is_selected = |row: &Row| !matches!(row.outcome, Outcome::Excluded(_));
    Ok(Found {
        ids,
        rows: rows.into_iter().flatten().filter(is_selected).collect(),
    })
}
