//! The plan, shown: what would become of every database, and why. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures_util::TryStreamExt;
use futures_util::future::{join, try_join_all};
use jiff::{Timestamp, Zoned};

use crate::app::in_force::policies_in_force;
use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::names::{ExecutionName, ResourceId};
use crate::domain::id::tags::PolicyName;
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::operator::warning::{Warning, WarningContext, warnings};
use crate::domain::policy::choice::{Choice, ExclusionReason, choose};
use crate::domain::policy::in_force::{Policies, Policy};
use crate::domain::policy::schedule::Schedule;
use crate::domain::policy::spec::Source;
use crate::domain::rds::database::{Database, Refusal};
use crate::domain::run::failure::{Operation, Owner};
use crate::error::chain;
use crate::ports::{
    Clock, Entry, ListDatabases, PAGES_MAX, Page, PortError, RdsError, ReadEntries, ReadPlanCursor,
    ReadPolicies, pages,
};
use crate::settings::Planning;

/// How often one page is asked for while RDS says that it is asked too often. The adapter waits between its own.
const THROTTLED_TRIES: usize = 10;

permissions! {
    /// Everything that the preview may do: it only reads.
    Permissions:
        Clock ListDatabases ReadPlanCursor ReadEntries ReadPolicies
}

/// How a policy stands.
#[derive(Debug, Clone)]
pub struct PolicyStatus {
    /// When its databases are due.
    pub schedule: Schedule,
    /// The next time, in its own zone.
    pub next: Option<Zoned>,
    /// Whether RDS's automated snapshots are copied.
    pub automated: bool,
    /// How many times it comes due in 30 days.
    pub times_a_month: u32,
}

/// What would become of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is protected.
    Protected {
        /// By which policy.
        policy: PolicyName,
        /// The time for which the planner's next run starts an execution, if one is due now.
        due: Option<Timestamp>,
        /// The execution that the catalog names as its open run. It may have failed since.
        open: Option<ExecutionName>,
    },
    /// It is left out.
    ExclusionReason(ExclusionReason),
    /// It is selected by the policy, and RDS can never protect it.
    Refused(PolicyName, Refusal),
}

/// One database.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which.
    pub database: RdsArn,
    /// What would become of it.
    pub verdict: Verdict,
    /// What to know before. Only of what is protected.
    pub warnings: Vec<Warning>,
}

/// A region that could not be read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// Which.
    pub region: Region,
    /// Why.
    pub error: String,
}

/// What would become of every database.
#[derive(Debug, Clone)]
pub struct Preview {
    /// When it was looked at.
    pub at: Timestamp,
    /// The policies that hold.
    pub policies: BTreeMap<PolicyName, PolicyStatus>,
    /// The databases, by region as they are configured, instances before clusters.
    pub rows: Vec<Row>,
    /// The regions that could not be read.
    pub unreachable: Vec<Unreachable>,
}

/// Looks at every database of these regions. Regions are asked at the same time; one that does not answer costs
/// its own rows.
///
/// # Errors
/// When the recovery region's table cannot be read.
pub async fn preview<W: Permissions>(
    world: &W,
    planning: &Planning,
    regions: &[Region],
) -> Result<Preview, PortError> {
    let at = world.now();
    let policies = policies_in_force(world, &planning.key, &planning.policies)
        .await?
        .policies;
    let statuses = statuses(&policies, at);
    let looked = regions
        .iter()
        .map(|region| look(world, &policies, &statuses, region, at));
    let mut all = Preview {
        at,
        rows: Vec::new(),
        unreachable: Vec::new(),
        policies: BTreeMap::new(),
    };
    for (rows, unreachable) in try_join_all(looked).await? {
        all.rows.extend(rows);
        all.unreachable.extend(unreachable);
    }
    all.policies = statuses;
    Ok(all)
}

fn statuses(policies: &Policies, now: Timestamp) -> BTreeMap<PolicyName, PolicyStatus> {
    let status = |policy: &Policy| {
        let times = policy.schedule.times_a_month(now);
        PolicyStatus {
            schedule: policy.schedule.clone(),
            next: policy.schedule.next(now),
            automated: policy.options.source == Source::Automated,
            times_a_month: u32::try_from(times).unwrap_or(u32::MAX),
        }
    };
    let all = policies.all.iter();
    all.map(|policy| (policy.name.clone(), status(policy)))
        .collect()
}

/// One region, seen under the policies that hold.
struct View<'a, W> {
    world: &'a W,
    policies: &'a Policies,
    statuses: &'a BTreeMap<PolicyName, PolicyStatus>,
    region: &'a Region,
    due: BTreeMap<PolicyName, Timestamp>,
}

/// The rows of a region, or why it could not be read to its end.
type RegionPlan = (Vec<Row>, Option<Unreachable>);

async fn look<W: Permissions>(
    world: &W,
    policies: &Policies,
    statuses: &BTreeMap<PolicyName, PolicyStatus>,
    region: &Region,
    now: Timestamp,
) -> Result<RegionPlan, PortError> {
    let mut due = BTreeMap::new();
    for policy in &policies.all {
        let until = world.planned_until(&policy.name, region).await?;
        if let Some(time) = policy.schedule.due(until, now) {
            due.insert(policy.name.clone(), time);
        }
    }
    let view = View {
        world,
        policies,
        statuses,
        region,
        due,
    };
    // Both at once: a region that does not answer costs one call's patience and not two.
    let (instances, clusters) = join(view.list(Family::Instance), view.list(Family::Cluster)).await;
    let (mut rows, mut errors) = (Vec::new(), BTreeSet::new());
    for listed in [instances, clusters] {
        let (of_family, error) = listed?;
        rows.extend(of_family);
        errors.extend(error);
    }
    let error = Vec::from_iter(errors).join("; ");
    let unreachable = (!error.is_empty()).then(|| Unreachable {
        region: region.clone(),
        error,
    });
    Ok((rows, unreachable))
}

impl<W: Permissions> View<'_, W> {
    /// A family's databases page by page, until a page cannot be read.
    async fn list(&self, family: Family) -> Result<(Vec<Row>, Option<String>), PortError> {
        let mut rows = Vec::new();
        let operation = Operation::describe_databases(family);
        let endless = |endless| RdsError::endless(operation, self.region, endless);
        let ask = |marker| self.page(family, marker);
        let mut pages = pin!(pages(PAGES_MAX, endless, ask));
        loop {
            match pages.try_next().await {
                Ok(Some(page)) => rows.extend(self.rows(&page.items).await?),
                Ok(None) => return Ok((rows, None)),
                Err(error) => return Ok((rows, Some(chain(&error)))),
            }
        }
    }

    async fn page(
        &self,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        let mut tries = 1;
        loop {
            match self
                .world
                .list_databases(self.region, family, marker.clone())
                .await
            {
                Err(error) if is_throttled(&error) && tries < THROTTLED_TRIES => tries += 1,
                answer => return answer,
            }
        }
    }

    async fn rows(&self, databases: &[Database]) -> Result<Vec<Row>, PortError> {
        let chosen: Vec<Choice> = databases
            .iter()
            .map(|database| choose(database, self.policies))
            .collect();
        let protected: Vec<(ResourceId, PolicyName)> = databases
            .iter()
            .zip(&chosen)
            .filter_map(|(database, choice)| match choice {
                Choice::Protect(policy) => Some((database.resource_id.clone(), policy.clone())),
                Choice::LeaveOut(_) | Choice::Refuse(..) => None,
            })
            .collect();
        let mut entries = BTreeMap::new();
        for pairs in protected.chunks(BATCH_GET_MAX) {
            for entry in self.world.read_entries(pairs).await? {
                entries.insert((entry.database.clone(), entry.policy.clone()), entry);
            }
        }
        let rows = databases.iter().zip(chosen).map(|(database, choice)| {
            let (verdict, warnings) = match choice {
                Choice::LeaveOut(why) => (Verdict::ExclusionReason(why), Vec::new()),
                Choice::Refuse(policy, why) => (Verdict::Refused(policy, why), Vec::new()),
                Choice::Protect(policy) => {
                    let entry = entries.remove(&(database.resource_id.clone(), policy.clone()));
                    self.protected(database, policy, entry)
                }
            };
            Row {
                database: database.arn.clone(),
                verdict,
                warnings,
            }
        });
        Ok(rows.collect())
    }

    fn protected(
        &self,
        database: &Database,
        policy: PolicyName,
        entry: Option<Entry>,
    ) -> (Verdict, Vec<Warning>) {
        let (open, newest) = entry.map_or((None, None), |entry| (entry.open, entry.newest));
        let rules = self.policies.get(policy.as_str());
        let warnings = match (rules, self.statuses.get(&policy)) {
            (Some(rules), Some(status)) => {
                let of = WarningContext {
                    key: &rules.key,
                    automated: status.automated,
                    copies_a_month: status.times_a_month,
                    newest: newest.as_ref(),
                };
                warnings(database, &of)
            }
            _ => Vec::new(),
        };
        let due = self.due.get(&policy).copied();
        (Verdict::Protected { policy, due, open }, warnings)
    }
}

fn is_throttled(error: &RdsError) -> bool {
    let said = error
        .code
        .as_deref()
        .is_some_and(|code| code.starts_with("Throttling") || code == "RequestLimitExceeded");
    said && error.owner() == Owner::Transient
}
