//! The planner: starts one execution for each database that is due.

mod due_times;
mod error;
mod left_over;
mod outcome;
mod permissions;
mod refused;
mod row;
mod scope;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::rc::Rc;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tracing::warn;

use crate::app::configurations::{KnownConfigurations, member_row};
use crate::app::in_force::policies_in_force;
use crate::app::selected::{read_selection, store_selected};
use crate::app::tde::TdeGroups;
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::choice::choose;
use crate::domain::policy::cursor::Cursor;
use crate::domain::policy::in_force::{Policies, Policy};
use crate::domain::policy::selected::selected_now;
use crate::domain::policy::spec::Source;
use crate::domain::policy::spread::OpenSpread;
use crate::domain::policy::timing::FirstRun;
use crate::domain::restore::configuration::Member;
use crate::domain::restore::roster::Roster;
use crate::domain::run::failure::Operation;
use crate::error::chain;
use crate::ports::{PAGES_MAX, PortError, RdsError, ReadPolicies, pages};
use crate::settings::Planning;

use due_times::{Before, DueTimes};
use error::PlanError;
use left_over::{KnownDatabases, plan_left_over};
use outcome::log;
use row::{CONCURRENCY, DueNow, Known, MayWait};
use scope::names_of;

pub use outcome::{Outcome, Planned, Row};
pub use permissions::{ACTIONS, Permissions};
pub use scope::PlanScope;

/// Which due time to plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The schedule's last due time, if it has not been planned yet.
    Due,
    /// The schedule's last due time, planned or not. Failed executions start again under the next suffix.
    Again,
    /// A time that the operator names.
    At(Timestamp),
    /// The schedule's last due time, only of databases that RDS has refused permanently. The refusals are forgotten.
    RetryRefused,
}

/// Plans every policy in every source region. A region that fails loses only its own rows.
///
/// # Errors
/// If the policies in force cannot be read. The planner starts nothing then.
pub async fn plan<W: Permissions>(
    world: &W,
    planning: &Planning,
    when: When,
) -> Result<Vec<Planned>, PortError> {
    plan_some(world, planning, when, &PlanScope::default()).await
}

/// The names of the policies in force.
///
/// # Errors
/// If they cannot be read.
pub async fn policy_names<W: ReadPolicies>(
    world: &W,
    planning: &Planning,
) -> Result<Vec<PolicyName>, PortError> {
    let in_force = policies_in_force(world, &planning.key, &planning.policies).await?;
    let all = in_force.policies.all.into_iter();
    Ok(all.map(|policy| policy.name).collect())
}

/// Plans what is in the scope.
///
/// # Errors
/// If the policies in force cannot be read. The planner starts nothing then.
pub async fn plan_some<W: Permissions>(
    world: &W,
    planning: &Planning,
    when: When,
    scope: &PlanScope,
) -> Result<Vec<Planned>, PortError> {
    let policies = policies_in_force(world, &planning.key, &planning.policies)
        .await?
        .policies;
    let mut all = Vec::new();
    let mut listed = BTreeSet::new();
    let tde = TdeGroups::default();
    let in_scope = |policy: &&Policy| scope.has_policy(policy.name.as_str());
    for policy in policies.all.iter().filter(in_scope) {
        for region in &planning.source_regions {
            let of = RegionOf {
                policies: &policies,
                policy,
                region,
                scope,
                tde: &tde,
            };
            let mut planned = plan_region(world, planning, of, when).await;
            if listed.contains(region) {
                let is_left_out = |row: &Row| matches!(row.outcome, Outcome::Excluded(_));
                planned.rows.retain(|row| !is_left_out(row));
                planned.unreadable.clear();
            }
            if planned.due.is_some() && !planned.only_left_over && planned.error.is_none() {
                listed.insert(region);
            }
            log(&planned);
            all.push(planned);
        }
    }
    Ok(all)
}

/// What is planned: a policy in a region, as far as the scope says.
#[derive(Clone, Copy)]
struct RegionOf<'a> {
    policies: &'a Policies,
    policy: &'a Policy,
    region: &'a Region,
    scope: &'a PlanScope,
    tde: &'a TdeGroups,
}

async fn plan_region<W: Permissions>(
    world: &W,
    planning: &Planning,
    of: RegionOf<'_>,
    when: When,
) -> Planned {
    let RegionOf {
        policies,
        policy,
        region,
        scope,
        tde,
    } = of;
    let mut planned = Planned {
        policy: policy.name.clone(),
        region: region.clone(),
        is_paused: policy.options.paused,
        due: None,
        only_left_over: false,
        rows: Vec::new(),
        unreadable: Vec::new(),
        names: BTreeSet::new(),
        error: None,
    };
    if planned.is_paused {
        return planned;
    }
    let work = match work(world, policy, region, when).await {
        Ok(work) => work,
        Err(error) => {
            planned.error = Some(chain(&error));
            return planned;
        }
    };
    let due_now = |due, planned_before| DueNow {
        stack: &planning.stack.rules.stack,
        policies,
        policy,
        due,
        scope,
        tde,
        retries_refused: when == When::RetryRefused,
        may_wait: (when == When::Due).then_some(MayWait {
            first_run: planning.first_run,
            planned_before,
        }),
    };
    match work {
        Work::Nothing => {}
        // A part of what was left over cannot be planned without losing the rest.
        Work::Known(..) if !scope.is_all() => planned.only_left_over = true,
        Work::Known(cursor, named) => {
            planned.due = Some(cursor.until);
            planned.only_left_over = true;
            let due_times = named.due_times(policy, &cursor);
            let due = due_now(DueTimes::Known(&due_times), true);
            let width = planning.stack.sweep_width;
            plan_left_over(world, &due, &cursor, &named, width, &mut planned).await;
        }
        Work::All { due, cursor } => {
            planned.due = Some(due);
            let now = world.now();
            let before = Before::of(policy, due, cursor.as_ref());
            let due_times = match when {
                When::Due => DueTimes::Listed {
                    due,
                    before: before.as_ref(),
                    now,
                },
                When::Again | When::At(_) | When::RetryRefused => DueTimes::AtOnce(due),
            };
            let open = OpenSpread {
                over: policy.spread_at(due),
                through: now,
            };
            let open = open.at(due, now).filter(|_| when == When::Due);
            // A person's run needs no cursor.
            let planned_before = when != When::Due || cursor.is_some();
            let due_now = due_now(due_times, planned_before);
            plan_all(world, &due_now, (due, open), when, &mut planned).await;
        }
    }
    planned
}

/// What a policy has to do in a region.
enum Work {
    /// Nothing is due, and nothing was left over.
    Nothing,
    /// The region was listed for the last due time. These are left over, or their own time has come since.
    Known(Cursor, KnownDatabases),
    /// A due time has come for which the region was not listed.
    All {
        due: Timestamp,
        /// Up to when the policy was planned in the region, if it was.
        cursor: Option<Cursor>,
    },
}

async fn work<W: Permissions>(
    world: &W,
    policy: &Policy,
    region: &Region,
    when: When,
) -> Result<Work, PortError> {
    let now = world.now();
    let due = match when {
        When::At(time) => Some(time),
        When::Again | When::RetryRefused => policy.schedule.due(None, now),
        When::Due => return due_work(world, policy, region, now).await,
    };
    Ok(due.map_or(Work::Nothing, |due| Work::All { due, cursor: None }))
}

/// What is due by the cursor. A region is listed once for each due time; within its spread the stored selection says which
/// databases there are. If that cannot be read, the region is listed again.
async fn due_work<W: Permissions>(
    world: &W,
    policy: &Policy,
    region: &Region,
    now: Timestamp,
) -> Result<Work, PortError> {
    let cursor = world.plan_cursor(&policy.name, region).await?;
    let until = cursor.as_ref().map(|cursor| cursor.until);
    if let Some(due) = policy.schedule.due(until, now) {
        return Ok(Work::All { due, cursor });
    }
    let Some(cursor) = cursor else {
        return Ok(Work::Nothing);
    };
    if cursor.spread.is_none() && cursor.kept.is_empty() {
        return Ok(Work::Nothing);
    }
    let selected = match cursor.spread {
        None => Vec::new(),
        Some(_) => {
            let read = read_selection(world, &policy.name, region).await?;
            if let Some(why) = read.fault {
                let policy = &policy.name;
                warn!(%policy, %region, %why, "the region is listed again, because the databases that the policy selects could not be read");
                let due = cursor.until;
                return Ok(Work::All {
                    due,
                    cursor: Some(cursor),
                });
            }
            read.databases
        }
    };
    let named = KnownDatabases::of(&cursor, &selected, now);
    Ok(Work::Known(cursor, named))
}

/// Lists a region, starts what is to be started, and moves the cursor. What could not be started is kept beside the
/// cursor, so that it alone is asked about on the next ticks.
async fn plan_all<W: Permissions>(
    world: &W,
    due: &DueNow<'_>,
    (at, mut open): (Timestamp, Option<OpenSpread>),
    when: When,
    planned: &mut Planned,
) {
    let mut errors = Vec::new();
    let mut listed = Listed::default();
    for family in Family::ALL {
        // A failed cluster listing must not stop instances from being planned, and vice versa.
        if let Err(error) = plan_family(world, due, family, planned, &mut listed).await {
            errors.push(chain(&error));
        }
    }
    for row in &mut planned.rows {
        if let Outcome::Excluded(why) = &mut row.outcome {
            *why = why.clone().knowing(&listed.decided);
        }
    }
    planned.error = (!errors.is_empty()).then(|| errors.join("; "));
    if planned.error.is_none() && planned.unreadable.is_empty() && !due.scope.dry_run {
        let roster = Roster::of(world.now(), listed.shown);
        if let Err(error) = world.set_roster(&planned.region, &roster).await {
            let (region, error) = (&planned.region, chain(&error));
            warn!(%region, error, "which databases there are could not be stored for restores");
        }
    }
    if !due.scope.is_all() {
        return;
    }
    if planned.error.is_none()
        && matches!(when, When::Due | When::Again)
        && let Err(error) = remember_selected(world, planned).await
    {
        let (region, error) = (&planned.region, chain(&error));
        if open.is_some() {
            // The next ticks of the spread find the databases there, so the region is listed again.
            planned.error = Some(error.to_string());
        } else {
            // Only the metrics need it. The cursor moves on, so that the region is not listed anew on every tick.
            warn!(%region, error, "which databases the policy selects could not be stored for the metrics");
        }
    }
    // A policy whose databases wait for its first due time is planned up to now, even if the region was not listed to its
    // end: their first due time would otherwise find it unplanned again.
    let first_waits = due.may_wait.is_some_and(|may| {
        !may.planned_before
            && may.first_run == FirstRun::Wait
            && due.policy.options.source == Source::Snapshot
    });
    if planned.error.is_some() {
        // Which databases have own times to come is not known.
        open = None;
    }
    if (planned.error.is_none() || first_waits)
        && matches!(when, When::Due | When::Again)
        && let Some(behind) = Cursor::behind(at, planned.left_over(), open)
        && let Err(error) = world
            .set_plan_cursor(&planned.policy, &planned.region, &behind)
            .await
    {
        planned.error = Some(chain(&error));
    }
}

/// Stores which databases the policy selects in a region that was listed to its end: the sweeper measures their ages.
async fn remember_selected<W: Permissions>(world: &W, planned: &Planned) -> Result<(), PortError> {
    let (policy, region) = (&planned.policy, &planned.region);
    let before = read_selection(world, policy, region).await?;
    let keeps_unseen = !planned.unreadable.is_empty();
    let found = planned.selected();
    let now = selected_now(&before.databases, found, keeps_unseen, world.now());
    if let Some(why) = &before.fault {
        // Those of them that are selected still are known from now on, not since they were first found.
        warn!(%policy, %region, %why, "which databases the policy selected could not be read; it is stored anew");
    } else if now == before.databases {
        return Ok(());
    }
    store_selected(world, policy, region, &before, &now).await
}

/// What the lists of both families show beside their rows.
#[derive(Default)]
struct Listed {
    /// The clusters whose own tags decide, whatever their members carry.
    decided: BTreeSet<String>,
    /// The rows of clusters' members, which are listed with the instances.
    members: BTreeMap<String, Member>,
    /// The databases that are no members.
    shown: BTreeSet<ResourceId>,
}

/// Lists a family's databases page by page, and starts what is to be started of each page.
async fn plan_family<W: Permissions>(
    world: &W,
    due: &DueNow<'_>,
    family: Family,
    planned: &mut Planned,
    listed: &mut Listed,
) -> Result<(), PlanError> {
    let region = &planned.region.clone();
    let mut known = Known {
        automated: due.automated(world, region, family).await?,
        entries: BTreeMap::new(),
        configurations: KnownConfigurations::default(),
    };
    let members = match family {
        Family::Instance => Rc::default(),
        Family::Cluster => Rc::new(std::mem::take(&mut listed.members)),
    };
    let operation = Operation::describe_databases(family);
    let endless = |endless| RdsError::endless(operation, region, endless);
    let mut pages = pin!(pages(PAGES_MAX, endless, |marker| {
        world.list_databases(region, family, marker)
    }));
    while let Some(mut page) = pages.try_next().await? {
        if !due.scope.databases.is_empty() {
            planned.names.extend(page.items.iter().flat_map(names_of));
        }
        if family == Family::Cluster {
            let decided = page.items.iter();
            let decided =
                decided.filter(|cluster| choose(cluster, due.policies).is_by_its_own_tags());
            let names = decided.map(|cluster| cluster.arn.name().to_owned());
            listed.decided.extend(names);
        }
        planned.unreadable.extend(page.unreadable);
        listed
            .members
            .extend(page.items.iter().filter_map(member_row));
        let own = page.items.iter().filter(|one| one.member_of.is_none());
        let own = own.map(|one| one.resource_id.clone());
        listed.shown.extend(own);
        page.items.retain(|database| due.scope.has(database));
        due.note_tde(world, region, &mut page.items).await;
        known.entries = due.entries(world, &page.items).await?;
        let configurations = due.configurations(world, &page.items).await;
        known.configurations = configurations.with_members(members.clone());
        let known = &known;
        let of_page: Vec<Row> = stream::iter(page.items)
            .map(|database| async move { due.row(world, known, &database).await })
            .buffered(CONCURRENCY)
            .filter_map(std::future::ready)
            .collect()
            .await;
        planned.rows.extend(of_page);
    }
    Ok(())
}
