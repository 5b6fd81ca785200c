//! Removes what drills left behind, by its own listing of the recovery region.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::carry_out_all::Pause;
use crate::app::drill::act::save;
use crate::app::drill::plan::stored_drills;
use crate::app::drill::remove::{self, Removal, remove_drilled};
use crate::app::restore::RestoreError;
use crate::domain::drill::name::{DRILLED, DrillId, DrillTags};
use crate::domain::drill::record::DrillRecord;
use crate::domain::drill::remove::{
    RemovalReason, StayReason, check_cluster, check_removal, decide_removal, outlives_its_deadline,
};
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{DRILL, StackId};
use crate::domain::restore::restored::RestoredDatabase;
use crate::domain::run::failure::Operation;
use crate::ports::{
    Clock, ListRestored, PAGES_MAX, RdsError, ReadDrills, StoreDrills, StoredDrills, all_rows,
};

permissions! {
    /// What looking at what drills left needs.
    Looks: ListRestored ReadDrills
}

/// What removing it needs too.
pub trait Permissions: Looks + StoreDrills + remove::Permissions + Clock {}

impl<W: Looks + StoreDrills + remove::Permissions + Clock> Permissions for W {}

/// A database that looks like a drill's.
#[derive(Debug, Clone)]
pub struct DrilledDatabase {
    /// Its family.
    pub family: Family,
    /// What RDS shows of it.
    pub found: RestoredDatabase,
    /// The database whose recovery point it was made from, if its tags say so.
    pub of: Option<ResourceId>,
    /// Why it is removed, or why it stays.
    pub decision: Result<RemovalReason, StayReason>,
    /// Whether it is past its deadline, and nobody keeps it.
    pub is_overdue: bool,
}

/// What there is.
#[derive(Debug, Clone, Default)]
pub struct Leftovers {
    /// Everything with the name or the tag of a drill: members before their clusters.
    pub all: Vec<DrilledDatabase>,
    pub(super) stored: BTreeMap<ResourceId, StoredDrills>,
}

impl Leftovers {
    /// The record of the drill that its tags name.
    pub(super) fn record(&self, stack: &StackId, one: &RestoredDatabase) -> Option<&DrillRecord> {
        let tags = DrillTags::read(stack, &one.tags)?;
        self.stored.get(&tags.of)?.drills.find(&tags.id)
    }

    /// Those that are removed.
    pub fn going(&self) -> impl Iterator<Item = &DrilledDatabase> {
        self.all.iter().filter(|one| one.decision.is_ok())
    }
}

/// Lists every database of the region.
pub(super) async fn list_databases<W: ListRestored>(
    world: &W,
    home: &Region,
) -> Result<Vec<(Family, RestoredDatabase)>, RdsError> {
    let mut all = Vec::new();
    for family in Family::ALL {
        let operation = Operation::describe_databases(family);
        let endless = |endless| RdsError::endless(operation, home, endless);
        let found = all_rows(PAGES_MAX, endless, |marker| {
            world.list_restored(home, family, marker)
        });
        all.extend(found.await?.into_iter().map(|one| (family, one)));
    }
    Ok(all)
}

/// Whether it has the name or the tag of a drill.
pub(super) fn is_drilled(one: &RestoredDatabase) -> bool {
    one.name.starts_with(DRILLED) || one.tags.contains_key(DRILL)
}

/// The names of what drills of this stack made and is still there.
///
/// # Errors
/// If RDS does not list the region to its end.
pub async fn living_drills<W: ListRestored>(
    world: &W,
    stack: &StackId,
    home: &Region,
) -> Result<Vec<String>, RdsError> {
    let found = list_databases(world, home).await?.into_iter();
    let is_ours =
        |one: &RestoredDatabase| one.tags.get(DRILL).is_some_and(|of| of == stack.as_str());
    let ours = found.filter(|(_, one)| is_ours(one));
    Ok(ours.map(|(_, one)| one.name).collect())
}

/// Looks at what drills left, and decides about each by both rules.
///
/// # Errors
/// If RDS or the table does not answer.
pub async fn look_for_leftovers<W: Looks + Clock>(
    world: &W,
    stack: &StackId,
    home: &Region,
) -> Result<Leftovers, RestoreError> {
    let found = list_databases(world, home).await?.into_iter();
    let found = found.filter(|(_, one)| is_drilled(one)).collect();
    judge_drilled(world, stack, found).await
}

/// Decides by both rules about each of these.
pub(super) async fn judge_drilled<W: ReadDrills + Clock>(
    world: &W,
    stack: &StackId,
    found: Vec<(Family, RestoredDatabase)>,
) -> Result<Leftovers, RestoreError> {
    let of = |one: &RestoredDatabase| DrillTags::read(stack, &one.tags).map(|tags| tags.of);
    let ids: BTreeSet<ResourceId> = found.iter().filter_map(|(_, one)| of(one)).collect();
    let mut all = Leftovers {
        all: Vec::new(),
        stored: stored_drills(world, ids.into_iter()).await?,
    };
    let now = world.now();
    let clusters: BTreeMap<String, RestoredDatabase> = found
        .iter()
        .filter(|(family, _)| *family == Family::Cluster)
        .map(|(_, one)| (one.name.clone(), one.clone()))
        .collect();
    for (family, found) in found {
        let record = all.record(stack, &found);
        let cluster = found.member_of.as_ref().and_then(|of| clusters.get(of));
        let decision = decide_removal(stack, &found, record, now).and_then(|reason| {
            check_removal(stack, family, &found, record, now)
                .and_then(|()| check_cluster(stack, cluster, record, now))
                .map(|()| reason)
                .map_err(StayReason::Broken)
        });
        let is_overdue = outlives_its_deadline(stack, &found, &decision, now);
        let of = of(&found);
        all.all.push(DrilledDatabase {
            family,
            found,
            of,
            decision,
            is_overdue,
        });
    }
    all.all.sort_by_key(|one| {
        let name = one.found.name.clone();
        (one.found.member_of.is_none(), name)
    });
    Ok(all)
}

/// The result for one of them.
#[derive(Debug)]
pub struct Cleaned {
    /// Its name.
    pub name: String,
    /// The result of a removal.
    pub removal: Removal,
}

/// How often it is looked whether what was deleted is gone.
const LOOKS_MAX: usize = 180;

/// Removes what both rules give up, and looks until RDS no longer shows it.
///
/// # Errors
/// If RDS or the table does not answer. What was asked for goes on.
pub async fn clean<W: Permissions>(
    world: &W,
    (stack, home): (&StackId, &Region),
    leftovers: &mut Leftovers,
    pause: impl AsyncFn(Pause),
) -> Result<Vec<Cleaned>, RestoreError> {
    let going: Vec<DrilledDatabase> = leftovers.going().cloned().collect();
    let mut cleaned = Vec::new();
    for one in &going {
        note_end(world, stack, leftovers, one).await?;
        let record = leftovers.record(stack, &one.found);
        let what = (one.family, one.found.name.as_str());
        let removal = remove_drilled(world, (stack, home), what, record).await?;
        pause(Pause::BetweenCalls).await;
        cleaned.push(Cleaned {
            name: one.found.name.clone(),
            removal,
        });
    }
    for _ in 0..LOOKS_MAX {
        let mut is_open = false;
        for (one, cleaned) in going.iter().zip(&mut cleaned) {
            let may_change = matches!(
                cleaned.removal,
                Removal::Asked | Removal::Later(_) | Removal::FreezeUnknown(_)
            );
            if !may_change {
                continue;
            }
            let names = [one.found.name.clone()];
            let shown = world.describe_restored(home, one.family, &names).await?;
            let id = &one.found.resource_id;
            let still = shown.iter().find(|shown| shown.resource_id == *id);
            let Some(still) = still else {
                cleaned.removal = Removal::Gone;
                continue;
            };
            is_open = true;
            if still.status != "deleting" {
                let record = leftovers.record(stack, &one.found);
                let what = (one.family, one.found.name.as_str());
                cleaned.removal = remove_drilled(world, (stack, home), what, record).await?;
            }
        }
        if !is_open {
            break;
        }
        pause(Pause::BetweenLooks).await;
    }
    note_gone(world, stack, leftovers, &going, &cleaned).await?;
    Ok(cleaned)
}

/// A drill whose remains are removed has come to its end, whatever it was about to do.
pub(super) async fn note_end<W: ReadDrills + StoreDrills>(
    world: &W,
    stack: &StackId,
    leftovers: &mut Leftovers,
    one: &DrilledDatabase,
) -> Result<(), RestoreError> {
    let Some(mut record) = leftovers.record(stack, &one.found).cloned() else {
        return Ok(());
    };
    if record.verdict.is_some() {
        return Ok(());
    }
    record.end_at_deadline();
    if let Some(stored) = leftovers.stored.get_mut(&record.of) {
        save(world, stored, record).await?;
    }
    Ok(())
}

/// Notes for each drill of which nothing is left that it is gone.
async fn note_gone<W: Permissions>(
    world: &W,
    stack: &StackId,
    leftovers: &mut Leftovers,
    going: &[DrilledDatabase],
    cleaned: &[Cleaned],
) -> Result<(), RestoreError> {
    let mut of_drill: BTreeMap<(ResourceId, DrillId), bool> = BTreeMap::new();
    for (one, cleaned) in going.iter().zip(cleaned) {
        let Some(record) = leftovers.record(stack, &one.found) else {
            continue;
        };
        let key = (record.of.clone(), record.id.clone());
        let is_gone = matches!(cleaned.removal, Removal::Gone);
        *of_drill.entry(key).or_insert(true) &= is_gone;
    }
    for ((of, id), is_gone) in of_drill {
        let Some(stored) = leftovers.stored.get_mut(&of) else {
            continue;
        };
        let found = stored.drills.find(&id).filter(|_| is_gone);
        let Some(mut record) = found.cloned() else {
            continue;
        };
        record.gone_at.get_or_insert(world.now());
        save(world, stored, record).await?;
    }
    Ok(())
}
