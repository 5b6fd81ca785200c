//! Plans drills: every database that a policy protects is a row, with the reason why it is drilled or is not.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::app::catalog::{configuration_of, newest_points};
use crate::app::restore::{RestoreError, mapping_of};
use crate::app::selected::read_selection;
use crate::domain::drill::choose::{DrillCandidate, DrillReason, NotDrilled, choose_drills};
use crate::domain::drill::name::DrillId;
use crate::domain::drill::options::{DrillOptions, Level};
use crate::domain::drill::plan::{DrillPlan, ToDrill, plan_drill};
use crate::domain::drill::record::DrillRecord;
use crate::domain::id::arn::Region;
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{PolicyName, StackId};
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::policy::set::Applied;
use crate::domain::policy::span::Span;
use crate::domain::restore::plan::ToRestore;
use crate::domain::restore::recovery_point::{NewestPoints, RecoveryPoint};
use crate::ports::doctor::ListManualSnapshots;
use crate::ports::{
    PortError, ReadConfigurations, ReadDrills, ReadFreeze, ReadPolicies, ReadSelected, StoredDrills,
};

permissions! {
    /// Everything that planning drills may do: it only reads, and only in the recovery region.
    Permissions: ListManualSnapshots ReadConfigurations ReadDrills ReadFreeze ReadPolicies ReadSelected
}

/// How many configurations are read at once.
const CONCURRENCY: usize = 16;

/// Which drills.
#[derive(Debug, Clone, Copy)]
pub struct DrillOf<'a> {
    /// The stack.
    pub stack: &'a StackId,
    /// The recovery region.
    pub home: &'a Region,
    /// The source regions.
    pub sources: &'a [Region],
    /// How many names one question to RDS holds.
    pub width: usize,
    /// Only these databases, by identifier, ARN or resource id. They are drilled before they are due. Empty: all.
    pub databases: &'a [String],
    /// Only those of this policy.
    pub policy: Option<&'a PolicyName>,
    /// Only those that are due.
    pub only_due: bool,
    /// The level in place of the policy's.
    pub level: Option<Level>,
    /// Whether what drills made is left to the remover.
    pub leaves_removal: bool,
}

/// A database, and whether it is drilled.
#[derive(Debug, Clone)]
pub struct DrillRow {
    /// The database.
    pub database: DatabaseRef,
    /// Its policy.
    pub policy: PolicyName,
    /// Why it is drilled, or why it is not.
    pub decision: Result<DrillReason, NotDrilled>,
    /// The plan of its drill. A drill that has begun may have none any more.
    pub plan: Option<DrillPlan>,
    /// How old its newest recovery point may be, by the policy.
    pub rpo: Option<Span>,
    /// What is stored of its drills.
    pub stored: StoredDrills,
}

/// The rows, those that are drilled first.
#[derive(Debug, Clone, Default)]
pub struct DrillPlans {
    /// All rows.
    pub rows: Vec<DrillRow>,
    /// Names that no protected database has.
    pub unknown: Vec<String>,
    /// The names that there are.
    pub known: BTreeSet<String>,
}

struct Facts<'a> {
    of: DrillOf<'a>,
    now: Timestamp,
    policies: Option<&'a Applied>,
}

impl Facts<'_> {
    fn options(&self, policy: &PolicyName) -> Option<DrillOptions> {
        let spec = self.policies?.set.policies.get(policy)?;
        let mut options = spec.options.drill.clone()?;
        if let Some(level) = self.of.level {
            options.level = level;
        }
        Some(options)
    }

    /// The level that the policy asks for, whatever level this command asks for.
    fn level(&self, policy: &PolicyName) -> Option<Level> {
        let spec = self.policies?.set.policies.get(policy)?;
        Some(spec.options.drill.as_ref()?.level)
    }

    fn rpo(&self, policy: &PolicyName) -> Option<Span> {
        self.policies?.set.policies.get(policy)?.options.rpo
    }
}

/// Plans the drills of some databases, or of all.
///
/// # Errors
/// If the recovery region's snapshots or the table cannot be read.
pub async fn plan_drills<W: Permissions>(
    world: &W,
    of: DrillOf<'_>,
    now: Timestamp,
) -> Result<DrillPlans, RestoreError> {
    let policies = world.current_policies().await?;
    let points = newest_points(world, of.stack, of.home, None).await?;
    let mut all = protected(world, of, policies.as_ref(), &points).await?;
    let known: BTreeSet<String> = all
        .values()
        .map(|(database, _)| database.arn.name().to_owned())
        .collect();
    let mut unknown = Vec::new();
    if !of.databases.is_empty() {
        let mut chosen = BTreeSet::new();
        for name in of.databases {
            let is_it = |one: &DatabaseRef| {
                one.arn.name() == name
                    || one.arn.to_string() == *name
                    || one.resource_id.as_str() == name
            };
            let found = all.values().filter(|(one, _)| is_it(one));
            let found: Vec<ResourceId> = found.map(|(one, _)| one.resource_id.clone()).collect();
            if found.is_empty() {
                unknown.push(name.clone());
            }
            chosen.extend(found);
        }
        all.retain(|id, _| chosen.contains(id));
    }
    if let Some(policy) = of.policy {
        all.retain(|_, (_, of)| of == policy);
    }
    let stored = stored_drills(world, all.keys().cloned()).await?;
    let facts = Facts {
        of,
        now,
        policies: policies.as_ref(),
    };
    let by_id: BTreeMap<&ResourceId, &RecoveryPoint> = points
        .iter()
        .map(|point| (&point.origin.database.resource_id, point))
        .collect();
    let rows: Vec<DrillRow> = stream::iter(all.into_values())
        .map(|(database, policy)| {
            let stored = stored.get(&database.resource_id).cloned();
            let point = by_id.get(&database.resource_id).copied();
            row(
                world,
                &facts,
                database,
                policy,
                point,
                stored.unwrap_or_default(),
            )
        })
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    let candidates: Vec<DrillCandidate> = rows
        .iter()
        .map(|row| candidate(row, &facts, &by_id))
        .collect();
    let is_asked = !of.databases.is_empty() || !of.only_due;
    // Whether there is a freeze must be known before anything is begun.
    let is_frozen = world.freeze().await?.is_some();
    let decided = choose_drills(&candidates, is_asked, now);
    let mut rows: Vec<Option<DrillRow>> = rows.into_iter().map(Some).collect();
    let mut ordered: Vec<DrillRow> = decided
        .into_iter()
        .filter_map(|(at, decision)| {
            let row = rows.get_mut(at)?.take()?;
            let decision = match decision {
                Ok(reason) if is_frozen && reason != DrillReason::GoesOn => Err(NotDrilled::Frozen),
                decision => decision,
            };
            Some(DrillRow { decision, ..row })
        })
        .collect();
    ordered.sort_by_key(|row| row.decision.is_err());
    Ok(DrillPlans {
        rows: ordered,
        unknown,
        known,
    })
}

/// The databases that policies select, and those that have recovery points, each with its policy.
async fn protected<W: ReadSelected>(
    world: &W,
    of: DrillOf<'_>,
    applied: Option<&Applied>,
    points: &NewestPoints,
) -> Result<BTreeMap<ResourceId, (DatabaseRef, PolicyName)>, PortError> {
    let mut all = BTreeMap::new();
    for point in points.iter() {
        let database = point.origin.database.clone();
        let of = (database.clone(), point.origin.policy.clone());
        all.insert(database.resource_id, of);
    }
    let policies = applied
        .iter()
        .flat_map(|applied| applied.set.policies.keys());
    for policy in policies {
        for region in of.sources {
            let selected = read_selection(world, policy, region).await?;
            for one in selected.databases {
                let id = one.database.resource_id.clone();
                all.insert(id, (one.database, policy.clone()));
            }
        }
    }
    Ok(all)
}

/// What is stored of the drills of these databases.
///
/// # Errors
/// If the table does not answer, or what it holds cannot be read.
pub async fn stored_drills<W: ReadDrills>(
    world: &W,
    of: impl Iterator<Item = ResourceId>,
) -> Result<BTreeMap<ResourceId, StoredDrills>, PortError> {
    let ids: Vec<ResourceId> = of.collect();
    let mut all = BTreeMap::new();
    for ids in ids.chunks(BATCH_GET_MAX) {
        all.extend(world.drills(ids).await?);
    }
    Ok(all)
}

async fn row<W: ListManualSnapshots + ReadConfigurations>(
    world: &W,
    facts: &Facts<'_>,
    database: DatabaseRef,
    policy: PolicyName,
    point: Option<&RecoveryPoint>,
    stored: StoredDrills,
) -> Result<DrillRow, RestoreError> {
    let open = stored.drills.open().cloned();
    let options = facts.options(&policy);
    let plan = match (&options, &open) {
        (Some(options), Some(open)) => planned_again(world, facts, options, open, point).await?,
        (Some(options), None) => match point {
            Some(point) => {
                let drill = (
                    DrillId::at(facts.now),
                    facts.now + options.deadline.duration(),
                );
                Some(planned(world, facts, options, &policy, point, drill).await?)
            }
            None => None,
        },
        (None, _) => None,
    };
    Ok(DrillRow {
        rpo: facts.rpo(&policy),
        database,
        policy,
        decision: Err(NotDrilled::NoOptions),
        plan,
        stored,
    })
}

async fn planned<W: ReadConfigurations>(
    world: &W,
    facts: &Facts<'_>,
    options: &DrillOptions,
    policy: &PolicyName,
    point: &RecoveryPoint,
    (id, deadline): (DrillId, Timestamp),
) -> Result<DrillPlan, PortError> {
    let configuration = configuration_of(world, point).await?;
    let mapping = mapping_of(facts.policies, policy);
    Ok(plan_drill(ToDrill {
        restore: ToRestore {
            stack: facts.of.stack,
            point,
            configuration: configuration.as_ref().map(|(hash, all)| (hash, all)),
            mapping: &mapping,
        },
        policy,
        options,
        id: &id,
        deadline,
    }))
}

/// The plan of a drill that has begun: of the recovery point that it began with.
async fn planned_again<W: ListManualSnapshots + ReadConfigurations>(
    world: &W,
    facts: &Facts<'_>,
    options: &DrillOptions,
    open: &DrillRecord,
    newest: Option<&RecoveryPoint>,
) -> Result<Option<DrillPlan>, RestoreError> {
    if open.verdict.is_some() {
        // It only has to be deleted.
        return Ok(None);
    }
    let drill = (open.id.clone(), open.deadline);
    let is_it = |point: &RecoveryPoint| point.snapshot.arn == open.restore.point;
    let older;
    let point = match newest {
        Some(point) if is_it(point) => Some(point),
        _ => {
            let of = facts.of;
            older = newest_points(world, of.stack, of.home, open.restore.taken_at).await?;
            older.iter().find(|point| is_it(point))
        }
    };
    let mut options = options.clone();
    options.level = open.level;
    match point {
        None => Ok(None),
        Some(point) => {
            let plan = planned(world, facts, &options, &open.policy, point, drill).await?;
            // What stops a plan now would have kept the drill from beginning.
            Ok(Some(plan).filter(|plan| plan.stops.is_empty()))
        }
    }
}

fn candidate(
    row: &DrillRow,
    facts: &Facts<'_>,
    points: &BTreeMap<&ResourceId, &RecoveryPoint>,
) -> DrillCandidate {
    let plan = row.plan.as_ref();
    DrillCandidate {
        database: row.database.clone(),
        policy: row.policy.clone(),
        options: facts.options(&row.policy),
        has_point: points.contains_key(&row.database.resource_id),
        last: facts
            .level(&row.policy)
            .and_then(|level| row.stored.drills.last_at(level)),
        is_open: row.stored.drills.open().is_some(),
        stops: plan.map(|plan| plan.stops.clone()).unwrap_or_default(),
        cents: plan.and_then(|plan| plan.cents),
    }
}
