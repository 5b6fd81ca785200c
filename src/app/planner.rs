//! The planner: starts one execution for each database that is due.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::pin;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tracing::{info, warn};

use crate::app::automated;
use crate::app::in_force::policies_in_force;
use crate::app::start::{StartOutcome, start};
use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::names::{ExecutionName, ResourceId};
use crate::domain::id::tags::{PolicyName, StackId};
use crate::domain::policy::choice::{Choice, ExclusionReason, NotNow, Refusal, choose};
use crate::domain::policy::in_force::{Policies, Policy};
use crate::domain::policy::spec::Source;
use crate::domain::rds::database::{Database, UnreadableRow};
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::failure::Operation;
use crate::error::chain;
use crate::ports::{
    AutomatedSnapshots, ClaimRun, Clock, ListDatabases, PAGES_MAX, PlanCursor, PortError, RdsError,
    ReadPolicies, StartExecution, pages,
};
use crate::settings::Planning;

/// How many executions are started at once. StartExecution allows 150 to 300 calls a second.
const CONCURRENCY: usize = 8;

permissions! {
    /// Everything that the planner may do.
    Permissions:
        AutomatedSnapshots ClaimRun Clock ListDatabases PlanCursor ReadPolicies StartExecution
}

/// Which due time to plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The schedule's last due time, if it has not been planned yet.
    Due,
    /// The schedule's last due time, planned or not. Failed executions start again under the next suffix.
    Again,
    /// A time that the operator names.
    At(Timestamp),
}

/// What became of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An execution was started.
    Started(ExecutionName),
    /// An execution is still running. The planner reports it and starts no second one.
    StillRunning(ExecutionName),
    /// The recovery point of this due time exists already.
    Done(ExecutionName),
    /// It is not protected.
    Excluded(ExclusionReason),
    /// A policy selects it, and RDS can never protect it.
    Refused(Refusal),
    /// It is selected, and RDS takes no snapshot of it in its status. No execution was started.
    NotNow(NotNow),
    /// Its policy has automated snapshots copied, and RDS has none of it.
    NothingToCopy,
    /// It could not be started now. The planner's next run tries again.
    Failed(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(name) => write!(f, "started {name}"),
            Self::StillRunning(name) => write!(f, "still running {name}"),
            Self::Done(name) => write!(f, "done by {name}"),
            Self::Excluded(why) => write!(f, "left out: {why}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::NotNow(why) => write!(f, "not now: {why}"),
            Self::NothingToCopy => {
                f.write_str("nothing to copy: RDS has no automated snapshot of it")
            }
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

impl From<StartOutcome> for Outcome {
    fn from(outcome: StartOutcome) -> Self {
        match outcome {
            StartOutcome::Started(name) => Self::Started(name),
            StartOutcome::StillRunning(name) => Self::StillRunning(name),
            StartOutcome::Done(name) => Self::Done(name),
            StartOutcome::NotStarted(why) => Self::Failed(why.to_string()),
        }
    }
}

/// One database's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The database.
    pub database: RdsArn,
    /// What became of it.
    pub outcome: Outcome,
}

/// The planner's result for one policy in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The policy.
    pub policy: PolicyName,
    /// The region.
    pub region: Region,
    /// Whether the policy is paused: nothing of it is started then.
    pub is_paused: bool,
    /// The planned time; nothing if nothing is due.
    pub due: Option<Timestamp>,
    /// A row for each database of the policy, and for each that no policy selects. The latter appear only once, with
    /// the first policy that is planned in the region.
    pub rows: Vec<Row>,
    /// The databases whose rows RDS gave in a form that cannot be read.
    pub unreadable: Vec<UnreadableRow>,
    /// Why the region, or the rest of it, could not be planned.
    pub error: Option<String>,
}

impl Planned {
    /// How many executions were started.
    #[must_use]
    pub fn started(&self) -> usize {
        let rows = self.rows.iter();
        rows.filter(|row| matches!(row.outcome, Outcome::Started(_)))
            .count()
    }

    /// How many databases were left out, refused or put off, for each reason: `cluster-member 2, not-tagged 1`.
    #[must_use]
    pub fn left_out(&self) -> String {
        let mut counts = BTreeMap::new();
        for row in &self.rows {
            let name = match &row.outcome {
                Outcome::Excluded(why) => why.name(),
                Outcome::Refused(why) => why.name(),
                Outcome::NotNow(_) => "not-now",
                Outcome::NothingToCopy => "nothing-to-copy",
                Outcome::Started(_)
                | Outcome::StillRunning(_)
                | Outcome::Done(_)
                | Outcome::Failed(_) => continue,
            };
            *counts.entry(name).or_insert(0) += 1;
        }
        if !self.unreadable.is_empty() {
            counts.insert("unreadable", self.unreadable.len());
        }
        let counts = counts.iter().map(|(name, count)| format!("{name} {count}"));
        counts.collect::<Vec<_>>().join(", ")
    }

    /// Whether every database that is due has its execution.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.error.is_none()
            && !self
                .rows
                .iter()
                .any(|row| matches!(row.outcome, Outcome::Failed(_)))
    }
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
    let policies = policies_in_force(world, &planning.key, &planning.policies)
        .await?
        .policies;
    let mut all = Vec::new();
    let mut listed = BTreeSet::new();
    for policy in &policies.all {
        for region in &planning.source_regions {
            let mut planned = plan_region(world, planning, &policies, policy, region, when).await;
            if listed.contains(region) {
                let is_left_out = |row: &Row| matches!(row.outcome, Outcome::Excluded(_));
                planned.rows.retain(|row| !is_left_out(row));
                planned.unreadable.clear();
            }
            if planned.due.is_some() && planned.error.is_none() {
                listed.insert(region);
            }
            log(&planned);
            all.push(planned);
        }
    }
    Ok(all)
}

fn log(planned: &Planned) {
    for Row { database, outcome } in &planned.rows {
        match outcome {
            Outcome::Failed(why) => warn!(%database, why, "could not be started"),
            Outcome::StillRunning(_) => warn!(%database, %outcome, "not started anew"),
            Outcome::Excluded(why) if why.is_mistake() => {
                warn!(%database, %why, "not protected");
            }
            Outcome::Refused(why) => warn!(%database, %why, "not protected"),
            Outcome::NotNow(why) => warn!(%database, %why, "not started now"),
            Outcome::NothingToCopy => warn!(%database, "RDS has no automated snapshot to copy"),
            Outcome::Started(_) | Outcome::Done(_) | Outcome::Excluded(_) => {}
        }
    }
    for UnreadableRow { name, why } in &planned.unreadable {
        warn!(database = name, why, "a database that cannot be read");
    }
    let (started, left_out) = (planned.started(), planned.left_out());
    let (policy, region) = (&planned.policy, &planned.region);
    match (&planned.error, planned.due) {
        (Some(error), _) => {
            warn!(%policy, %region, started, error, "a region could not be planned")
        }
        (None, Some(due)) => info!(%policy, %region, %due, started, left_out, "planned"),
        (None, None) if planned.is_paused => info!(%policy, %region, "paused: nothing is started"),
        (None, None) => {}
    }
}

async fn plan_region<W: Permissions>(
    world: &W,
    planning: &Planning,
    policies: &Policies,
    policy: &Policy,
    region: &Region,
    when: When,
) -> Planned {
    let mut planned = Planned {
        policy: policy.name.clone(),
        region: region.clone(),
        is_paused: policy.options.paused,
        due: None,
        rows: Vec::new(),
        unreadable: Vec::new(),
        error: None,
    };
    if planned.is_paused {
        return planned;
    }
    match due(world, policy, region, when).await {
        Ok(Some(due)) => planned.due = Some(due),
        Ok(None) => return planned,
        Err(error) => planned.error = Some(chain(&error)),
    }
    let Some(due) = planned.due else {
        return planned;
    };
    let due_now = DueNow {
        stack: &planning.stack.rules.stack,
        policies,
        policy,
        at: due,
    };
    let mut errors = Vec::new();
    let mut decided = BTreeSet::new();
    for family in Family::ALL {
        let listed = Listed {
            rows: &mut planned.rows,
            unreadable: &mut planned.unreadable,
            decided: &mut decided,
        };
        // A failed cluster listing must not stop instances from being planned, and vice versa.
        if let Err(error) = plan_family(world, &due_now, region, family, listed).await {
            errors.push(chain(&error));
        }
    }
    for row in &mut planned.rows {
        if let Outcome::Excluded(why) = &mut row.outcome {
            *why = why.clone().knowing(&decided);
        }
    }
    planned.error = (!errors.is_empty()).then(|| errors.join("; "));
    let is_put_off = |row: &Row| matches!(row.outcome, Outcome::NotNow(_));
    if planned.is_complete()
        && !planned.rows.iter().any(is_put_off)
        && !matches!(when, When::At(_))
        && let Err(error) = world.set_planned_until(&policy.name, region, due).await
    {
        planned.error = Some(chain(&error));
    }
    planned
}

/// A policy that is due, with the whole set in force.
struct DueNow<'a> {
    stack: &'a StackId,
    policies: &'a Policies,
    policy: &'a Policy,
    at: Timestamp,
}

/// Where a family's list goes.
struct Listed<'a> {
    rows: &'a mut Vec<Row>,
    unreadable: &'a mut Vec<UnreadableRow>,
    /// The clusters whose own tags decide, whatever their members carry.
    decided: &'a mut BTreeSet<String>,
}

/// Lists a family's databases page by page, and starts what is to be started of each page.
async fn plan_family<W: Permissions>(
    world: &W,
    due: &DueNow<'_>,
    region: &Region,
    family: Family,
    listed: Listed<'_>,
) -> Result<(), RdsError> {
    let newest = match due.policy.options.source {
        Source::Snapshot => BTreeMap::new(),
        Source::Automated => automated::newest(world, region, family).await?,
    };
    let newest = &newest;
    let operation = Operation::describe_databases(family);
    let endless = |endless| RdsError::endless(operation, region, endless);
    let mut pages = pin!(pages(PAGES_MAX, endless, |marker| {
        world.list_databases(region, family, marker)
    }));
    while let Some(page) = pages.try_next().await? {
        if family == Family::Cluster {
            let decided = page.items.iter();
            let decided =
                decided.filter(|cluster| choose(cluster, due.policies).is_by_its_own_tags());
            let names = decided.map(|cluster| cluster.arn.name().to_owned());
            listed.decided.extend(names);
        }
        listed.unreadable.extend(page.unreadable);
        let of_page: Vec<Row> = stream::iter(page.items)
            .map(|database| async move { row(world, due, newest, &database).await })
            .buffered(CONCURRENCY)
            .filter_map(std::future::ready)
            .collect()
            .await;
        listed.rows.extend(of_page);
    }
    Ok(())
}

async fn due<W: Permissions>(
    world: &W,
    policy: &Policy,
    region: &Region,
    when: When,
) -> Result<Option<Timestamp>, PortError> {
    Ok(match when {
        When::At(time) => Some(time),
        When::Again => policy.schedule.due(None, world.now()),
        When::Due => policy.schedule.due(
            world.planned_until(&policy.name, region).await?,
            world.now(),
        ),
    })
}

/// Returns nothing for a database of another policy.
async fn row<W: Permissions>(
    world: &W,
    due: &DueNow<'_>,
    newest: &BTreeMap<ResourceId, Snapshot>,
    database: &Database,
) -> Option<Row> {
    let DueNow {
        stack,
        policies,
        policy,
        ..
    } = *due;
    let outcome = match choose(database, policies) {
        Choice::LeaveOut(why) => Outcome::Excluded(why),
        Choice::Refuse(name, _) | Choice::NotNow(name, _) | Choice::Protect(name)
            if name != policy.name =>
        {
            return None;
        }
        Choice::Refuse(_, why) => Outcome::Refused(why),
        Choice::NotNow(_, why) => Outcome::NotNow(why),
        Choice::Protect(_) => match run_of(due, newest, database) {
            Some(run) => start(world, stack, &run)
                .await
                .map_or_else(|error| Outcome::Failed(chain(&error)), Outcome::from),
            None => Outcome::NothingToCopy,
        },
    };
    Some(Row {
        database: database.arn.clone(),
        outcome,
    })
}

/// The run for a database. Nothing if there is nothing to copy.
fn run_of(
    due: &DueNow<'_>,
    newest: &BTreeMap<ResourceId, Snapshot>,
    database: &Database,
) -> Option<ProtectionRequest> {
    let DueNow {
        policies, policy, ..
    } = *due;
    match policy.options.source {
        Source::Snapshot => Some(ProtectionRequest {
            database: database.to_ref(),
            policy: policy.name.clone(),
            planned_at: due.at,
            key: policy.key.clone(),
            options: policies.options(policy, database),
        }),
        Source::Automated => {
            let newest = newest.get(&database.resource_id)?;
            automated::run(database, policies, policy, newest)
        }
    }
}
