//! Plans restores. It asks the recovery region alone: on the day that it is for, no other answers.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use thiserror::Error;

use crate::app::catalog::{configuration_of, newest_points};
use crate::domain::id::arn::Region;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{PolicyName, RESTORE_GROUP, RESTORE_ORDER, StackId};
use crate::domain::policy::set::Applied;
use crate::domain::restore::configuration::{Configuration, ConfigurationHash};
use crate::domain::restore::findings::Finding;
use crate::domain::restore::mapping::RestoreMapping;
use crate::domain::restore::plan::{RestoreOptions, RestorePlan, ToRestore, plan};
use crate::domain::restore::recovery_point::{NewestPoints, RecoveryPoint};
use crate::ports::doctor::ListManualSnapshots;
use crate::ports::{PortError, RdsError, ReadConfigurations, ReadPolicies, ReadRosters};

permissions! {
    /// Everything that planning a restore may do: it only reads, and only in the recovery region.
    Permissions: ListManualSnapshots ReadConfigurations ReadPolicies ReadRosters
}

/// How many configurations are read at once.
const CONCURRENCY: usize = 16;

/// Why restores cannot be planned or looked at. It can be tried again.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// The table does not answer.
    #[error(transparent)]
    Port(#[from] PortError),
    /// RDS does not say what there is.
    #[error(transparent)]
    Rds(#[from] RdsError),
}

/// Which databases are restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// These, by identifier, ARN or resource id.
    These(Vec<String>),
    /// All that the last complete listing of their region showed.
    All,
    /// Those of them whose tag says this group.
    Group(String),
}

/// Where and what to restore.
#[derive(Debug, Clone, Copy)]
pub struct RestoreOf<'a> {
    /// The stack.
    pub stack: &'a StackId,
    /// The recovery region.
    pub home: &'a Region,
    /// Which databases.
    pub which: &'a Which,
    /// The newest recovery point whose data was taken no later than this.
    pub up_to: Option<Timestamp>,
    /// How many names one question to RDS holds.
    pub width: usize,
    /// How.
    pub options: &'a RestoreOptions,
}

/// The plan for one database, with its place among the others.
#[derive(Debug, Clone)]
pub struct OrderedPlan {
    /// Databases with a smaller number are restored first. Those without one come last.
    pub order: Option<i64>,
    /// Other databases of this name, which are restored only by their resource ids.
    pub hides: Vec<ResourceId>,
    /// Its plan.
    pub plan: RestorePlan,
    /// What preflight found, once it was asked.
    pub findings: Vec<Finding>,
}

impl OrderedPlan {
    /// Whether a gap or a finding stops it.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.plan.is_stopped() || self.findings.iter().any(|one| one.stops)
    }
}

/// What is left out of `--all` and `--group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AbsentReason {
    /// The last complete listing of its region, at this time, did not show it.
    Gone(Timestamp),
    /// No complete listing of its region is known.
    NoListing,
    /// Its region has more databases than a listing names.
    TooMany,
}

/// The plans.
#[derive(Debug, Clone)]
pub struct RestorePlans {
    /// In the order in which they are carried out.
    pub plans: Vec<OrderedPlan>,
    /// Recovery points whose databases are left out, and why.
    pub left_out: Vec<(RecoveryPoint, AbsentReason)>,
    /// Names that no recovery point has.
    pub unknown: Vec<String>,
    /// The names that there are.
    pub known: BTreeSet<String>,
}

/// Plans the restore of some databases.
///
/// # Errors
/// If the recovery region's snapshots or the table cannot be read.
pub async fn plan_restore<W: Permissions>(
    world: &W,
    of: RestoreOf<'_>,
) -> Result<RestorePlans, RestoreError> {
    let policies = world.current_policies().await?;
    let points = newest_points(world, of.stack, of.home, of.up_to).await?;
    let mut unknown = Vec::new();
    let mut left_out = Vec::new();
    let chosen: Vec<(RecoveryPoint, Vec<ResourceId>)> = match of.which {
        Which::These(names) => by_names(&points, names, &mut unknown),
        Which::All | Which::Group(_) => {
            let all: Vec<RecoveryPoint> = points.iter().cloned().collect();
            let (there, gone) = listed(world, all).await?;
            left_out = gone;
            later_of_each_name(there)
        }
    };
    let group = match of.which {
        Which::Group(group) => Some(group.as_str()),
        Which::All | Which::These(_) => None,
    };
    let policies = policies.as_ref();
    let plans: Vec<Option<OrderedPlan>> = stream::iter(chosen)
        .map(|(point, hides)| async move {
            let configuration = configuration_of(world, &point).await?;
            let tags = own_tags(&point, configuration.as_ref());
            let is_of_group = group
                .is_none_or(|group| tags.get(RESTORE_GROUP).is_some_and(|found| found == group));
            if !is_of_group {
                return Ok::<_, PortError>(None);
            }
            let order = tags.get(RESTORE_ORDER).and_then(|text| text.parse().ok());
            let mapping = mapping_of(policies, &point.origin.policy);
            let to_restore = ToRestore {
                stack: of.stack,
                point: &point,
                configuration: configuration.as_ref().map(|(hash, all)| (hash, all)),
                mapping: &mapping,
            };
            Ok(Some(OrderedPlan {
                order,
                hides,
                plan: plan(to_restore, of.options),
                findings: Vec::new(),
            }))
        })
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    let mut plans: Vec<OrderedPlan> = plans.into_iter().flatten().collect();
    plans.sort_by_key(|one| {
        let name = one.plan.database.to_string();
        (one.order.is_none(), one.order, name)
    });
    let known = points.iter();
    let known = known.map(|point| point.origin.database.arn.name().to_owned());
    Ok(RestorePlans {
        plans,
        left_out,
        unknown,
        known: known.collect(),
    })
}

fn own_tags<'a>(
    point: &'a RecoveryPoint,
    configuration: Option<&'a (ConfigurationHash, Configuration)>,
) -> &'a crate::domain::id::tags::Tags {
    configuration.map_or(&point.snapshot.tags, |(_, all)| &all.tags)
}

/// What the recovery point's policy says of restores. Its option groups for copies stand for the same in a restore.
pub(crate) fn mapping_of(policies: Option<&Applied>, policy: &PolicyName) -> RestoreMapping {
    let spec = policies.and_then(|applied| applied.set.policies.get(policy));
    let Some(options) = spec.map(|spec| &spec.options) else {
        return RestoreMapping::default();
    };
    let mut mapping = options.restore.clone();
    for (from, to) in &options.option_groups {
        let name = mapping.option_groups.entry(from.to_string());
        name.or_insert_with(|| to.to_string());
    }
    mapping
}

fn by_names(
    points: &NewestPoints,
    names: &[String],
    unknown: &mut Vec<String>,
) -> Vec<(RecoveryPoint, Vec<ResourceId>)> {
    let mut chosen: BTreeMap<ResourceId, (RecoveryPoint, Vec<ResourceId>)> = BTreeMap::new();
    for name in names {
        let found = points.find(name);
        let Some((newest, others)) = found.split_first() else {
            unknown.push(name.clone());
            continue;
        };
        let others = others.iter();
        let hides = others.map(|point| point.origin.database.resource_id.clone());
        let id = newest.origin.database.resource_id.clone();
        chosen.insert(id, ((*newest).clone(), hides.collect()));
    }
    chosen.into_values().collect()
}

/// Those that the last complete listing of their region showed, and the others.
async fn listed<W: ReadRosters>(
    world: &W,
    all: Vec<RecoveryPoint>,
) -> Result<(Vec<RecoveryPoint>, Vec<(RecoveryPoint, AbsentReason)>), PortError> {
    let mut rosters = BTreeMap::new();
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for point in all {
        let region = point.origin.database.arn.region().clone();
        if !rosters.contains_key(&region) {
            rosters.insert(region.clone(), world.roster(&region).await?);
        }
        let why = match &rosters[&region] {
            None => Some(AbsentReason::NoListing),
            Some(roster) => match &roster.databases {
                None => Some(AbsentReason::TooMany),
                Some(databases) if databases.contains(&point.origin.database.resource_id) => None,
                Some(_) => Some(AbsentReason::Gone(roster.at)),
            },
        };
        match why {
            None => there.push(point),
            Some(why) => gone.push((point, why)),
        }
    }
    Ok((there, gone))
}

/// Of several databases of one name, the one with the newest data.
fn later_of_each_name(all: Vec<RecoveryPoint>) -> Vec<(RecoveryPoint, Vec<ResourceId>)> {
    let mut by_name: BTreeMap<String, Vec<RecoveryPoint>> = BTreeMap::new();
    for point in all {
        let name = point.origin.database.arn.to_string();
        by_name.entry(name).or_default().push(point);
    }
    let later = |mut same: Vec<RecoveryPoint>| {
        same.sort_by_key(|point| point.taken_at);
        let newest = same.pop()?;
        let others = same.iter();
        let hides = others.map(|point| point.origin.database.resource_id.clone());
        Some((newest, hides.collect()))
    };
    by_name.into_values().filter_map(later).collect()
}
