//! Shows the plan: whether each database would be protected, and why. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures_util::TryStreamExt;
use futures_util::future::{join, try_join_all};
use jiff::{Timestamp, Zoned};

use crate::app::in_force::policies_in_force;
use crate::app::tde::TdeGroups;
use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::names::{ExecutionName, ResourceId};
use crate::domain::id::tags::PolicyName;
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::operator::warning::{Warning, WarningContext, warnings};
use crate::domain::policy::choice::{Choice, ExclusionReason, NotNow, Refusal, choose};
use crate::domain::policy::cursor::{Cursor, KeptWhy};
use crate::domain::policy::in_force::{Policies, Policy};
use crate::domain::policy::schedule::Schedule;
use crate::domain::policy::spec::Source;
use crate::domain::policy::spread::{later, offset};
use crate::domain::policy::timing::{DueDatabase, FirstRun, Newest, Waits, waits};
use crate::domain::rds::database::{Database, UnreadableRow};
use crate::domain::run::failure::Operation;
use crate::domain::run::refusal::{RefusalStatus, RefusedForGood};
use crate::error::chain;
use crate::ports::{
    Clock, Entry, ListDatabases, ListOptionGroups, PAGES_MAX, Page, PortError, RdsError,
    ReadEntries, ReadPlanCursor, ReadPolicies, pages,
};
use crate::settings::Planning;

/// How often the preview asks for one page while RDS throttles. The adapter waits between its own tries.
const THROTTLED_TRIES: usize = 10;

permissions! {
    /// Everything that the preview may do. It only reads.
    Permissions:
        Clock ListDatabases ListOptionGroups ReadPlanCursor ReadEntries ReadPolicies
}

/// A policy's schedule and its next due time.
#[derive(Debug, Clone)]
pub struct PolicyStatus {
    /// When its databases are due.
    pub schedule: Schedule,
    /// The next time, in its own zone.
    pub next: Option<Zoned>,
    /// Whether the policy copies RDS's automated snapshots.
    pub automated: bool,
    /// Whether nothing of it is started.
    pub paused: bool,
    /// How many times it comes due in 30 days.
    pub times_a_month: u32,
}

/// Whether a database would be protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A policy selects it. Whether it is protected is a fact about its copies.
    Selected {
        /// The policy.
        policy: PolicyName,
        /// The time for which the planner's next run starts an execution, if one is due now.
        due: Option<Timestamp>,
        /// Its next own time: the due time, and its share of the policy's spread.
        own: Option<Timestamp>,
        /// The execution that the catalog names as its open run. It may have failed since.
        open: Option<ExecutionName>,
        /// The due time that was skipped because an execution still goes on, and is planned when that has ended.
        skipped: Option<Timestamp>,
        /// Until when it waits although it is due, and why.
        waits: Option<Waits>,
    },
    /// A tag or a missing tag leaves it out, or it is a cluster's member.
    Excluded(ExclusionReason),
    /// The policy selects it, and RDS can never protect it.
    Refused(PolicyName, Refusal),
    /// It is selected by the policy, and RDS takes no snapshot of it in its status.
    NotNow(PolicyName, NotNow),
    /// It is selected by the policy, and RDS has refused it permanently. No snapshot is taken until something changes.
    Remembered(PolicyName, RefusedForGood),
}

/// One database.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The database.
    pub database: RdsArn,
    /// Whether it would be protected.
    pub verdict: Verdict,
    /// What the operator should know before. Only for a protected database.
    pub warnings: Vec<Warning>,
}

/// A region that could not be read, or not completely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// The region.
    pub region: Region,
    /// The error.
    pub error: String,
}

/// Whether each database would be protected.
#[derive(Debug, Clone)]
pub struct Preview {
    /// When the preview was made.
    pub at: Timestamp,
    /// The policies in force.
    pub policies: BTreeMap<PolicyName, PolicyStatus>,
    /// The databases: regions in the order of the configuration, instances before clusters.
    pub rows: Vec<Row>,
    /// The databases whose rows cannot be read, with their regions.
    pub unreadable: Vec<(Region, UnreadableRow)>,
    /// The regions that could not be read.
    pub unreachable: Vec<Unreachable>,
}

/// Looks at every database of these regions. It asks all regions at the same time. A region that does not answer loses
/// only its own rows.
///
/// # Errors
/// If the recovery region's table cannot be read.
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
        .map(|region| look(world, planning, &policies, &statuses, region, at));
    let mut all = Preview {
        at,
        rows: Vec::new(),
        unreadable: Vec::new(),
        unreachable: Vec::new(),
        policies: BTreeMap::new(),
    };
    for looked in try_join_all(looked).await? {
        all.rows.extend(looked.rows);
        all.unreadable.extend(looked.unreadable);
        all.unreachable.extend(looked.unreachable);
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
            paused: policy.options.paused,
            times_a_month: u32::try_from(times).unwrap_or(u32::MAX),
        }
    };
    let all = policies.all.iter();
    all.map(|policy| (policy.name.clone(), status(policy)))
        .collect()
}

/// One region, with the policies in force.
struct View<'a, W> {
    world: &'a W,
    policies: &'a Policies,
    statuses: &'a BTreeMap<PolicyName, PolicyStatus>,
    region: &'a Region,
    now: Timestamp,
    first_run: FirstRun,
    tde: TdeGroups,
    /// The policies that were planned in the region before.
    planned: BTreeSet<PolicyName>,
    due: BTreeMap<PolicyName, Timestamp>,
    /// Up to when each policy is planned, with the databases that it has left over.
    cursors: BTreeMap<PolicyName, Cursor>,
}

/// What was seen of a region.
struct RegionPlan {
    rows: Vec<Row>,
    unreadable: Vec<(Region, UnreadableRow)>,
    unreachable: Option<Unreachable>,
}

/// What was seen of a region's family.
#[derive(Default)]
struct Listed {
    rows: Vec<Row>,
    unreadable: Vec<UnreadableRow>,
    /// The clusters whose own tags decide, whatever their members carry.
    decided: BTreeSet<String>,
    error: Option<String>,
}

async fn look<W: Permissions>(
    world: &W,
    planning: &Planning,
    policies: &Policies,
    statuses: &BTreeMap<PolicyName, PolicyStatus>,
    region: &Region,
    now: Timestamp,
) -> Result<RegionPlan, PortError> {
    let (mut due, mut cursors) = (BTreeMap::new(), BTreeMap::new());
    let mut planned = BTreeSet::new();
    for policy in policies.all.iter().filter(|one| !one.options.paused) {
        let cursor = world.plan_cursor(&policy.name, region).await?;
        let until = cursor.as_ref().map(|cursor| cursor.until);
        planned.extend(until.map(|_| policy.name.clone()));
        if let Some(time) = policy.schedule.due(until, now) {
            due.insert(policy.name.clone(), time);
        }
        cursors.extend(cursor.map(|cursor| (policy.name.clone(), cursor)));
    }
    let view = View {
        world,
        policies,
        statuses,
        region,
        now,
        first_run: planning.first_run,
        tde: TdeGroups::default(),
        planned,
        due,
        cursors,
    };
    // Ask for both families at once: a region that does not answer then costs one timeout and not two.
    let (instances, clusters) = join(view.list(Family::Instance), view.list(Family::Cluster)).await;
    let (mut rows, mut unreadable) = (Vec::new(), Vec::new());
    let (mut decided, mut errors) = (BTreeSet::new(), BTreeSet::new());
    for listed in [instances, clusters] {
        let listed = listed?;
        rows.extend(listed.rows);
        let named = listed.unreadable.into_iter();
        unreadable.extend(named.map(|row| (region.clone(), row)));
        decided.extend(listed.decided);
        errors.extend(listed.error);
    }
    for row in &mut rows {
        if let Verdict::Excluded(why) = &mut row.verdict {
            *why = why.clone().knowing(&decided);
        }
    }
    let error = Vec::from_iter(errors).join("; ");
    let unreachable = (!error.is_empty()).then(|| Unreachable {
        region: region.clone(),
        error,
    });
    Ok(RegionPlan {
        rows,
        unreadable,
        unreachable,
    })
}

impl<W: Permissions> View<'_, W> {
    /// A family's databases page by page, until a page cannot be read.
    async fn list(&self, family: Family) -> Result<Listed, PortError> {
        let mut listed = Listed::default();
        let operation = Operation::describe_databases(family);
        let endless = |endless| RdsError::endless(operation, self.region, endless);
        let ask = |marker| self.page(family, marker);
        let mut pages = pin!(pages(PAGES_MAX, endless, ask));
        loop {
            match pages.try_next().await {
                Ok(Some(mut page)) => {
                    listed.unreadable.extend(page.unreadable);
                    let (region, policies) = (self.region, self.policies);
                    let noted = self.tde.note(self.world, region, policies, &mut page.items);
                    listed.error = noted.await.err().or(listed.error);
                    self.rows(&page.items, &mut listed).await?;
                }
                Ok(None) => return Ok(listed),
                Err(error) => {
                    listed.error = Some(chain(&error));
                    return Ok(listed);
                }
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
                Err(error) if error.is_throttled() && tries < THROTTLED_TRIES => tries += 1,
                answer => return answer,
            }
        }
    }

    async fn rows(&self, databases: &[Database], listed: &mut Listed) -> Result<(), PortError> {
        let chosen: Vec<Choice> = databases
            .iter()
            .map(|database| choose(database, self.policies))
            .collect();
        let selected: Vec<(ResourceId, PolicyName)> = databases
            .iter()
            .zip(&chosen)
            .filter_map(|(database, choice)| match choice {
                Choice::Protect(policy) => Some((database.resource_id.clone(), policy.clone())),
                Choice::LeaveOut(_) | Choice::Refuse(..) | Choice::NotNow(..) => None,
            })
            .collect();
        let mut entries = BTreeMap::new();
        for pairs in selected.chunks(BATCH_GET_MAX) {
            for entry in self.world.read_entries(pairs).await? {
                entries.insert((entry.database.clone(), entry.policy.clone()), entry);
            }
        }
        for (database, choice) in databases.iter().zip(chosen) {
            if database.arn.family() == Family::Cluster && choice.is_by_its_own_tags() {
                listed.decided.insert(database.arn.name().to_owned());
            }
            let (verdict, warnings) = match choice {
                Choice::LeaveOut(why) => (Verdict::Excluded(why), Vec::new()),
                Choice::Refuse(policy, why) => (Verdict::Refused(policy, why), Vec::new()),
                Choice::NotNow(policy, why) => (Verdict::NotNow(policy, why), Vec::new()),
                Choice::Protect(policy) => {
                    let entry = entries.remove(&(database.resource_id.clone(), policy.clone()));
                    self.selected(database, policy, entry)
                }
            };
            listed.rows.push(Row {
                database: database.arn.clone(),
                verdict,
                warnings,
            });
        }
        Ok(())
    }

    fn selected(
        &self,
        database: &Database,
        policy: PolicyName,
        entry: Option<Entry>,
    ) -> (Verdict, Vec<Warning>) {
        let refused = entry.as_ref().and_then(|entry| entry.refused.clone());
        let newest_data = entry.as_ref().map_or(Newest::None, Entry::newest_data);
        let (open, newest) = entry.map_or((None, None), |entry| (entry.open, entry.newest));
        let rules = self.policies.get(policy.as_str());
        if let (Some(rules), Some(refusal)) = (rules, refused) {
            let of_run = self.policies.options(rules, database).fingerprint;
            if let RefusalStatus::Holds(_) = refusal.status(of_run.as_ref(), self.now) {
                return (Verdict::Remembered(policy, refusal), Vec::new());
            }
        }
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
        let id = &database.resource_id;
        let own = rules.and_then(|rules| rules.next_own_time(id, self.now));
        // The next own time drops what is owed of an earlier one.
        let listed = self.due.get(&policy).copied().zip(rules);
        let listed = listed.map(|(due, rules)| (due, rules.own_time(due, id)));
        let has_come = listed.filter(|(_, own)| *own <= self.now);
        let kept = self.kept(&policy, database).filter(|_| has_come.is_none());
        let owed = rules.and_then(|rules| self.owed(rules, id, kept));
        let due = has_come.or(owed);
        let waits = due.zip(rules).and_then(|((_, own_time), policy)| {
            let of = DueDatabase {
                policy,
                own: own_time,
                next: own,
                planned_before: self.planned.contains(&policy.name),
                newest: newest_data,
            };
            waits(&of, self.first_run, self.now)
        });
        let verdict = Verdict::Selected {
            due: due.map(|(due, _)| due).filter(|_| waits.is_none()),
            own,
            waits,
            skipped: kept
                .filter(|(_, why)| *why == KeptWhy::StillRunning)
                .map(|(due, _)| due),
            policy,
            open,
        };
        (verdict, warnings)
    }

    /// The due time that a region was listed for and the planner's next run plans a database for, if it does, and the
    /// database's own time of it.
    fn owed(
        &self,
        policy: &Policy,
        database: &ResourceId,
        kept: Option<(Timestamp, KeptWhy)>,
    ) -> Option<(Timestamp, Timestamp)> {
        let cursor = self.cursors.get(&policy.name);
        let open = cursor.and_then(|cursor| cursor.spread);
        let within = open.zip(cursor).and_then(|(open, cursor)| {
            let own = later(cursor.until, offset(database, open.over));
            (own > open.through && own <= self.now).then_some((cursor.until, own))
        });
        let owed = kept.map(|(due, _)| (due, policy.own_time(due, database)));
        within.or(owed)
    }

    /// The due time that is still owed to a database, and why it is.
    fn kept(&self, policy: &PolicyName, database: &Database) -> Option<(Timestamp, KeptWhy)> {
        let cursor = self.cursors.get(policy)?;
        let mut kept = cursor.kept.iter();
        let kept = kept.find(|kept| kept.database.resource_id == database.resource_id)?;
        Some((kept.due, kept.why))
    }
}
