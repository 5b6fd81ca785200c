//! `snapferry trace`: gathers what Step Functions, the table and RDS say of one recovery point. It only reads.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::follow::{Progress, progress};
use crate::app::in_force::policies_in_force;
use crate::app::selected::read_all_selected;
use crate::app::status::Unreachable;
use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{Attempt, ExecutionName, SnapshotId};
use crate::domain::id::tags::{PolicyName, StackId};
use crate::domain::operator::dead_letter::names;
use crate::domain::operator::trace::{Event, TraceFacts, story};
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::manifest::Manifest;
use crate::domain::run::naming::{copy, first_attempt, source_snapshot};
use crate::domain::run::wait::Wait;
use crate::error::chain;
use crate::ports::{
    Clock, DescribeSnapshots, Entry, InspectExecution, ListOpen, PortError, RdsError, ReadEntered,
    ReadEntries, ReadPolicies, ReadSelected, StartExecution, open_waits,
};
use crate::settings::Planning;

permissions! {
    /// Everything that a trace needs. It asks `StartExecution` for states only.
    Permissions:
        Clock DescribeSnapshots InspectExecution ListOpen ReadEntered ReadEntries ReadPolicies ReadSelected
        StartExecution
}

/// The story of one recovery point.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The database.
    pub database: DatabaseRef,
    /// The policy.
    pub policy: PolicyName,
    /// The execution. `None` if Step Functions no longer knows it.
    pub execution: Option<ExecutionName>,
    /// What happened, the oldest first.
    pub events: Vec<Event>,
    /// How it stands now. `None` if only the table and RDS know of it.
    pub progress: Option<Progress>,
    /// The recovery point, if RDS shows one: a copy that is available and was found good.
    pub copy: Option<RdsArn>,
    /// Where RDS could not be asked, and why.
    pub unreachable: Vec<Unreachable>,
}

/// What was found under a name.
#[derive(Debug, Clone)]
pub enum Found {
    /// The story.
    Trace(Box<Trace>),
    /// Nothing has this name. These are the databases that are known.
    Nothing(Vec<String>),
    /// The database has no recovery point, and none is being made.
    NoRun(DatabaseRef),
}

/// Tells the story of an execution, or of what a database's newest run has made or is making.
///
/// # Errors
/// If the table or Step Functions cannot be read.
pub async fn trace<W: Permissions>(
    world: &W,
    planning: &Planning,
    wanted: &str,
) -> Result<Found, PortError> {
    let waits = open_waits(world).await?;
    // The console shows the ARN, whose last part is the name.
    let last = wanted.rsplit_once(':').map_or(wanted, |(_, name)| name);
    if let Ok(name) = ExecutionName::parse(last)
        && let Some(inspection) = world.inspect_execution(&name).await?
        && let Some(run) = inspection.run.clone()
    {
        let pair = (run.database.resource_id.clone(), run.policy.clone());
        let entries = world.read_entries(&[pair]).await?;
        let about = About {
            database: run.database.clone(),
            policy: run.policy.clone(),
            entry: entries.first(),
        };
        let facts = TraceFacts {
            execution: Some((name, inspection)),
            run: Some(run),
            ..TraceFacts::default()
        };
        return gather(world, planning, about, facts, waits).await;
    }
    let known = known_databases(world, planning, &waits).await?;
    let is_wanted = |(database, _): &&(DatabaseRef, PolicyName)| names(wanted, database);
    let of_database: Vec<_> = known.iter().filter(is_wanted).cloned().collect();
    let Some((database, _)) = of_database.first() else {
        let names = known.iter().map(|(database, _)| database.arn.name());
        return Ok(Found::Nothing(names.map(ToOwned::to_owned).collect()));
    };
    let pairs: Vec<_> = of_database
        .iter()
        .map(|(database, policy)| (database.resource_id.clone(), policy.clone()))
        .collect();
    let entries = world.read_entries(&pairs).await?;
    // A database that has changed its policy has an entry for each: the one that is at work, or the younger one.
    let latest = entries.iter().max_by_key(|entry| {
        let taken = entry.newest.as_ref().map(|newest| newest.taken_at);
        (entry.open.is_some(), taken)
    });
    match latest {
        Some(entry) if entry.open.is_some() || entry.newest.is_some() => {
            let facts = of_entry(world, entry).await?;
            let run = facts.run.as_ref();
            let about = About {
                database: database.clone(),
                policy: run.map_or(&entry.policy, |run| &run.policy).clone(),
                entry: Some(entry),
            };
            gather(world, planning, about, facts, waits).await
        }
        _ => Ok(Found::NoRun(database.clone())),
    }
}

/// The databases that the table knows, each with the policy that selects it: from the planner's lists, and from what is
/// open.
async fn known_databases<W: Permissions>(
    world: &W,
    planning: &Planning,
    waits: &[Wait],
) -> Result<Vec<(DatabaseRef, PolicyName)>, PortError> {
    let policies = policies_in_force(world, &planning.key, &planning.policies).await?;
    let all = policies.policies.all.iter();
    let selected = read_all_selected(world, all, &planning.source_regions).await?;
    let selected = selected.databases.into_iter();
    let selected = selected.map(|(policy, one)| (one.database, policy.name.clone()));
    let open = waits.iter().map(|wait| {
        let run = &wait.command.run;
        (run.database.clone(), run.policy.clone())
    });
    let mut known: BTreeMap<_, _> = BTreeMap::new();
    for (database, policy) in selected.chain(open) {
        let key = (database.resource_id.clone(), policy.clone());
        known.insert(key, (database, policy));
    }
    Ok(known.into_values().collect())
}

/// The execution that holds the claim, or else the one that made the newest recovery point.
async fn of_entry<W: Permissions>(world: &W, entry: &Entry) -> Result<TraceFacts, PortError> {
    let made = entry.newest.as_ref().and_then(execution_of);
    for name in entry.open.clone().into_iter().chain(made) {
        if let Some(inspection) = world.inspect_execution(&name).await? {
            return Ok(TraceFacts {
                run: inspection.run.clone(),
                execution: Some((name, inspection)),
                ..TraceFacts::default()
            });
        }
    }
    Ok(TraceFacts::default())
}

/// A run's execution has its source snapshot's name, unless RDS took that; then it has its copy's.
fn execution_of(newest: &Manifest) -> Option<ExecutionName> {
    let source = newest.source.as_ref();
    let named = source.filter(|source| !source.is_automated_snapshot());
    let arn = first_attempt(named.unwrap_or(&newest.snapshot));
    ExecutionName::parse(arn.name()).ok()
}

/// Whose story it is.
struct About<'a> {
    database: DatabaseRef,
    policy: PolicyName,
    /// The catalog's entry.
    entry: Option<&'a Entry>,
}

async fn gather<W: Permissions>(
    world: &W,
    planning: &Planning,
    about: About<'_>,
    mut facts: TraceFacts,
    waits: Vec<Wait>,
) -> Result<Found, PortError> {
    let progress = match &facts.execution {
        Some((name, _)) => {
            let its = waits.into_iter();
            let its = its.filter(|wait| wait.command.execution.name() == name.as_str());
            facts.waits = its.collect();
            Some(progress(world, name, facts.waits.last()).await?)
        }
        None => None,
    };
    let newest = about.entry.and_then(|entry| entry.newest.as_ref());
    let mut unreachable = Vec::new();
    let asked = Snapshots {
        world,
        stack: &planning.stack.rules.stack,
        home: &planning.stack.home,
        width: planning.stack.sweep_width,
    };
    let found = match &facts.run {
        Some(run) => asked.of_run(run, &mut unreachable).await,
        None => asked.of_manifest(newest, &mut unreachable).await,
    };
    facts.snapshots = found;
    let copies: Vec<RdsArn> = facts
        .snapshots
        .iter()
        .filter(|snapshot| snapshot.source.is_some())
        .map(|snapshot| snapshot.arn.clone())
        .collect();
    if !copies.is_empty() {
        facts.entered = world.read_entered(&copies).await?;
    }
    let copy = recovery_point(&facts, newest);
    facts.refused = about.entry.and_then(|entry| entry.refused.clone());
    Ok(Found::Trace(Box::new(Trace {
        database: about.database,
        policy: about.policy,
        execution: facts.execution.as_ref().map(|(name, _)| name.clone()),
        events: story(&facts),
        progress,
        copy,
        unreachable,
    })))
}

/// The copy that is a recovery point: available, and found good when its wait was settled. Of a copy that a version
/// without such notes has settled only the catalog knows.
fn recovery_point(facts: &TraceFacts, newest: Option<&Manifest>) -> Option<RdsArn> {
    let is_good = |copy: &&Snapshot| {
        let entered = facts.entered.iter().find(|one| one.copy == copy.arn);
        copy.source.is_some()
            && copy.status == SnapshotStatus::Available
            && match entered {
                Some(entered) => entered.mismatch.is_none(),
                None => newest.is_some_and(|newest| newest.snapshot == copy.arn),
            }
    };
    let good = facts.snapshots.iter().rev().find(is_good);
    good.map(|copy| copy.arn.clone())
}

/// Asks RDS about the snapshots of one run.
struct Snapshots<'a, W> {
    world: &'a W,
    stack: &'a StackId,
    home: &'a Region,
    width: usize,
}

impl<W: Permissions> Snapshots<'_, W> {
    /// The source snapshot and its copies, at whichever attempts there are.
    async fn of_run(
        &self,
        run: &ProtectionRequest,
        unreachable: &mut Vec<Unreachable>,
    ) -> Vec<Snapshot> {
        let arn = &run.database.arn;
        let own = || Attempt::all().map(|attempt| source_snapshot(self.stack, run, attempt));
        let sources: Vec<SnapshotId> = match &run.options.automated {
            Some(automated) => vec![SnapshotId::of(&automated.snapshot)],
            None => own().collect(),
        };
        let mut all = self
            .ask(arn.region(), arn.family(), &sources, unreachable)
            .await;
        let shown = all.iter().map(|snapshot| SnapshotId::of(&snapshot.arn));
        let shown: BTreeSet<SnapshotId> = shown.collect();
        // The first is asked for in any case: retention may have removed it after its copy was made.
        let copied = (0..).zip(&sources);
        let copied = copied.filter(|(nth, source)| *nth == 0 || shown.contains(source));
        let copies: Vec<SnapshotId> = copied
            .flat_map(|(_, source)| {
                Attempt::all().map(|attempt| copy(self.stack, run, source, attempt))
            })
            .collect();
        all.extend(
            self.ask(self.home, arn.family(), &copies, unreachable)
                .await,
        );
        all
    }

    /// What the table names, where Step Functions has forgotten the execution.
    async fn of_manifest(
        &self,
        newest: Option<&Manifest>,
        unreachable: &mut Vec<Unreachable>,
    ) -> Vec<Snapshot> {
        let mut all = Vec::new();
        let arns = newest.map(|newest| newest.source.iter().chain([&newest.snapshot]));
        for arn in arns.into_iter().flatten() {
            let ids = [SnapshotId::of(arn)];
            all.extend(
                self.ask(arn.region(), arn.family(), &ids, unreachable)
                    .await,
            );
        }
        all
    }

    async fn ask(
        &self,
        region: &Region,
        family: Family,
        ids: &[SnapshotId],
        unreachable: &mut Vec<Unreachable>,
    ) -> Vec<Snapshot> {
        let mut all = Vec::new();
        for ids in ids.chunks(self.width) {
            let found: Result<_, RdsError> =
                self.world.describe_snapshots(region, family, ids).await;
            match found {
                Ok(found) => all.extend(found),
                Err(error) => {
                    unreachable.push(Unreachable {
                        region: region.clone(),
                        error: chain(&error),
                    });
                    break;
                }
            }
        }
        all
    }
}
