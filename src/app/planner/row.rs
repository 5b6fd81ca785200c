//! One database: whether an execution is to be started for it, and the outcome.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tracing::warn;

use super::due_times::{DueOf, DueTimes, OwnDue};
use super::outcome::{Outcome, Row};
use super::permissions::Permissions;
use super::refused::source_there_is;
use super::scope::PlanScope;
use crate::app::automated;
use crate::app::configurations::KnownConfigurations;
use crate::app::start::{NotStarted, StartOutcome, start};
use crate::app::tde::TdeGroups;
use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::names::{Attempt, ExecutionName, ResourceId};
use crate::domain::id::tags::{PolicyName, StackId};
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::policy::choice::{Choice, choose};
use crate::domain::policy::cursor::KeptWhy;
use crate::domain::policy::in_force::{Policies, Policy};
use crate::domain::policy::spec::Source;
use crate::domain::policy::timing::{DueDatabase, FirstRun, Newest, Waits, WaitsWhy, waits};
use crate::domain::rds::database::Database;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::naming;
use crate::domain::run::refusal::{RefusalStatus, RefusedForGood};
use crate::error::chain;
use crate::ports::{
    Entry, ExecutionState, ListOptionGroups, PortError, RdsError, ReadConfigurations, ReadEntries,
};

/// How many executions are started at once. StartExecution allows 150 to 300 calls a second.
pub(super) const CONCURRENCY: usize = 8;

/// A policy that is due, with the whole set in force.
pub(super) struct DueNow<'a> {
    pub(super) stack: &'a StackId,
    pub(super) policies: &'a Policies,
    pub(super) policy: &'a Policy,
    /// Of which due time each database is planned now.
    pub(super) due: DueTimes<'a>,
    /// Which databases are planned, and whether anything is started.
    pub(super) scope: &'a PlanScope,
    /// Which databases have TDE, as far as RDS was asked.
    pub(super) tde: &'a TdeGroups,
    /// Whether only databases are planned that RDS has refused permanently, and the refusals are forgotten.
    pub(super) retries_refused: bool,
    /// How a database that is due may have to wait. `None` if a person says that it is to start.
    pub(super) may_wait: Option<MayWait>,
}

/// What decides whether a database waits, beside its own recovery point.
#[derive(Debug, Clone, Copy)]
pub(super) struct MayWait {
    pub(super) first_run: FirstRun,
    /// Whether the policy was planned in this region before.
    pub(super) planned_before: bool,
}

/// What is known of some databases beside what RDS lists.
pub(super) struct Known {
    /// The newest automated snapshot of each, if the policy copies those.
    pub(super) automated: BTreeMap<ResourceId, Snapshot>,
    /// The catalog's entries.
    pub(super) entries: BTreeMap<ResourceId, Entry>,
    /// What is known of their configurations.
    pub(super) configurations: KnownConfigurations,
}

impl DueNow<'_> {
    /// The newest automated snapshot of each database of a family, if the policy copies those.
    pub(super) async fn automated<W: Permissions>(
        &self,
        world: &W,
        region: &Region,
        family: Family,
    ) -> Result<BTreeMap<ResourceId, Snapshot>, RdsError> {
        match self.policy.options.source {
            Source::Snapshot => Ok(BTreeMap::new()),
            Source::Automated => automated::newest(world, region, family).await,
        }
    }

    /// The newest automated snapshot of one database, if the policy copies those.
    pub(super) async fn automated_of<W: Permissions>(
        &self,
        world: &W,
        database: &RdsArn,
    ) -> Result<BTreeMap<ResourceId, Snapshot>, RdsError> {
        match self.policy.options.source {
            Source::Snapshot => Ok(BTreeMap::new()),
            Source::Automated => {
                let listed = automated::of_database(world, database).await?;
                Ok(automated::newest_of_each(listed))
            }
        }
    }

    /// Notes which databases have TDE. Where RDS does not say it, they are tried.
    pub(super) async fn note_tde<'d, W: ListOptionGroups>(
        &self,
        world: &W,
        region: &Region,
        databases: impl IntoIterator<Item = &'d mut Database>,
    ) {
        let noted = self.tde.note(world, region, self.policies, databases).await;
        if let Err(error) = noted {
            warn!(%region, error, "option groups could not be listed");
        }
    }

    /// The databases that the policy selects.
    fn selected(&self, databases: &[Database]) -> Vec<ResourceId> {
        let is_selected = |database: &&Database| match choose(database, self.policies) {
            Choice::Protect(policy) => policy == self.policy.name,
            Choice::LeaveOut(_) | Choice::Refuse(..) | Choice::NotNow(..) => false,
        };
        let selected = databases.iter().filter(is_selected);
        selected
            .map(|database| database.resource_id.clone())
            .collect()
    }

    /// What is known of the configurations of the databases that the policy selects.
    pub(super) async fn configurations<W: ReadConfigurations>(
        &self,
        world: &W,
        databases: &[Database],
    ) -> KnownConfigurations {
        KnownConfigurations::read(world, &self.selected(databases)).await
    }

    /// The catalog's entries of the databases that the policy selects: one call for each hundred of them.
    pub(super) async fn entries<W: ReadEntries>(
        &self,
        world: &W,
        databases: &[Database],
    ) -> Result<BTreeMap<ResourceId, Entry>, PortError> {
        let selected = self.selected(databases).into_iter();
        let pairs: Vec<(ResourceId, PolicyName)> = selected
            .map(|database| (database, self.policy.name.clone()))
            .collect();
        let mut entries = BTreeMap::new();
        for pairs in pairs.chunks(BATCH_GET_MAX) {
            let read = world.read_entries(pairs).await?;
            entries.extend(
                read.into_iter()
                    .map(|entry| (entry.database.clone(), entry)),
            );
        }
        Ok(entries)
    }

    /// Starts what is to be started of a database. Returns nothing for a database of another policy.
    pub(super) async fn row<W: Permissions>(
        &self,
        world: &W,
        known: &Known,
        database: &Database,
    ) -> Option<Row> {
        let choice = choose(database, self.policies);
        let due = match self.due.of(self.policy, &database.resource_id) {
            DueOf::Now(due) => due,
            DueOf::Later(until) => return self.later(choice, database, until),
        };
        let entry = known.entries.get(&database.resource_id);
        let refusal = entry.and_then(|entry| entry.refused.as_ref());
        if self.retries_refused && refusal.is_none() {
            return None;
        }
        let (outcome, kept) = match choice {
            Choice::LeaveOut(why) => (Outcome::Excluded(why), None),
            Choice::Refuse(name, _) | Choice::NotNow(name, _) | Choice::Protect(name)
                if name != self.policy.name =>
            {
                return None;
            }
            Choice::Refuse(_, why) => (Outcome::Refused(why), None),
            Choice::NotNow(_, why) => (Outcome::NotNow(why), Some(KeptWhy::NotNow)),
            Choice::Protect(_) => match self.run_of(&known.automated, database, due) {
                None => (Outcome::NothingToCopy, None),
                Some(run) => match self.waits(entry, database, due, world.now()) {
                    Some(waits) => (Outcome::Waits(waits), None),
                    None if self.scope.dry_run => {
                        (self.would_start(world, &run, entry).await, None)
                    }
                    None => {
                        let run = self.with_configuration(world, known, database, run).await;
                        self.start_unless_refused(world, run, refusal).await
                    }
                },
            },
        };
        Some(Row {
            database: database.arn.clone(),
            resource_id: database.resource_id.clone(),
            outcome,
            kept,
            due: due.at,
        })
    }

    /// A database whose own time has not come: nothing is asked about it but what it is.
    fn later(&self, choice: Choice, database: &Database, until: Timestamp) -> Option<Row> {
        let outcome = match choice {
            Choice::LeaveOut(why) => Outcome::Excluded(why),
            Choice::Refuse(name, why) if name == self.policy.name => Outcome::Refused(why),
            Choice::NotNow(name, _) | Choice::Protect(name) if name == self.policy.name => {
                let why = WaitsWhy::OwnTime;
                Outcome::Waits(Waits { until, why })
            }
            Choice::Refuse(..) | Choice::NotNow(..) | Choice::Protect(_) => return None,
        };
        Some(Row {
            database: database.arn.clone(),
            resource_id: database.resource_id.clone(),
            outcome,
            kept: None,
            due: until,
        })
    }

    /// The run with the name of the database's configuration, which is stored now if it is new.
    async fn with_configuration<W: Permissions>(
        &self,
        world: &W,
        known: &Known,
        database: &Database,
        mut run: ProtectionRequest,
    ) -> ProtectionRequest {
        run.options.configuration = known.configurations.remember(world, database).await;
        run
    }

    fn waits(
        &self,
        entry: Option<&Entry>,
        database: &Database,
        due: OwnDue,
        now: Timestamp,
    ) -> Option<Waits> {
        let MayWait {
            first_run,
            planned_before,
        } = self.may_wait?;
        let of = DueDatabase {
            policy: self.policy,
            own: due.own,
            next: self.policy.next_own_time(&database.resource_id, now),
            planned_before,
            newest: entry.map_or(Newest::None, Entry::newest_data),
        };
        waits(&of, first_run, now)
    }

    /// Starts a run, unless RDS has refused it permanently and nothing has changed since.
    async fn start_unless_refused<W: Permissions>(
        &self,
        world: &W,
        run: ProtectionRequest,
        refusal: Option<&RefusedForGood>,
    ) -> (Outcome, Option<KeptWhy>) {
        let failed = |why: String| (Outcome::Failed(why), Some(KeptWhy::NotStarted));
        let Some(refusal) = refusal else {
            return self.start(world, &run).await;
        };
        if self.retries_refused {
            if let Err(error) = world.forget_refusal(&run.database, &run.policy).await {
                return failed(chain(&error));
            }
            return self.start(world, &run).await;
        }
        match refusal.status(run.options.fingerprint.as_ref(), world.now()) {
            RefusalStatus::Holds(_) => (Outcome::Remembered(refusal.clone()), None),
            RefusalStatus::Lapsed => self.start(world, &run).await,
            RefusalStatus::TryAgain => {
                match source_there_is(world, self.stack, &run, refusal).await {
                    Ok(Some(with_source)) => match start(world, self.stack, &with_source).await {
                        // The names of that run are used up: one more snapshot is taken for the next of them.
                        Ok(StartOutcome::NotStarted(NotStarted::AllFailed(_))) => {
                            self.start(world, &run).await
                        }
                        outcome => self.judged(&with_source, outcome),
                    },
                    Ok(None) => self.start(world, &run).await,
                    Err(error) => failed(chain(&error)),
                }
            }
        }
    }

    /// What a start would come to. It only reads.
    async fn would_start<W: Permissions>(
        &self,
        world: &W,
        run: &ProtectionRequest,
        entry: Option<&Entry>,
    ) -> Outcome {
        if let Some(refusal) = entry.and_then(|entry| entry.refused.as_ref())
            && !self.retries_refused
            && let RefusalStatus::Holds(_) =
                refusal.status(run.options.fingerprint.as_ref(), world.now())
        {
            return Outcome::Remembered(refusal.clone());
        }
        let own = Attempt::all().map(|attempt| naming::execution(self.stack, run, attempt));
        let holder = entry.and_then(|entry| entry.open.clone());
        for name in holder.into_iter().chain(own) {
            match world.describe_execution(&name).await {
                Ok(ExecutionState::Running) => return Outcome::StillRunning(name),
                Ok(ExecutionState::Succeeded) if self.is_of(run, &name) => {
                    return Outcome::Done(name);
                }
                Ok(ExecutionState::Unknown) if self.is_of(run, &name) => {
                    return Outcome::WouldStart(name);
                }
                Ok(_) => {}
                Err(error) => return Outcome::Failed(chain(&error)),
            }
        }
        let last = Attempt::all().last().unwrap_or(Attempt::FIRST);
        let last = naming::execution(self.stack, run, last);
        StartOutcome::NotStarted(NotStarted::AllFailed(last)).into()
    }

    async fn start<W: Permissions>(
        &self,
        world: &W,
        run: &ProtectionRequest,
    ) -> (Outcome, Option<KeptWhy>) {
        self.judged(run, start(world, self.stack, run).await)
    }

    fn judged(
        &self,
        run: &ProtectionRequest,
        started: Result<StartOutcome, PortError>,
    ) -> (Outcome, Option<KeptWhy>) {
        match started {
            Ok(outcome) => {
                let kept = match &outcome {
                    StartOutcome::NotStarted(_) => Some(KeptWhy::NotStarted),
                    StartOutcome::StillRunning(name) if !self.is_of(run, name) => {
                        Some(KeptWhy::StillRunning)
                    }
                    StartOutcome::StillRunning(_)
                    | StartOutcome::Started(_)
                    | StartOutcome::Done(_) => None,
                };
                (outcome.into(), kept)
            }
            Err(error) => (Outcome::Failed(chain(&error)), Some(KeptWhy::NotStarted)),
        }
    }

    /// Whether an execution is one of this run, and not of a due time before.
    fn is_of(&self, run: &ProtectionRequest, name: &ExecutionName) -> bool {
        Attempt::all().any(|attempt| naming::execution(self.stack, run, attempt) == *name)
    }

    /// The run for a database. `None` if there is nothing to copy.
    fn run_of(
        &self,
        newest: &BTreeMap<ResourceId, Snapshot>,
        database: &Database,
        due: OwnDue,
    ) -> Option<ProtectionRequest> {
        match self.policy.options.source {
            Source::Snapshot => Some(ProtectionRequest {
                database: database.to_ref(),
                policy: self.policy.name.clone(),
                planned_at: due.at,
                key: self.policy.key.clone(),
                options: self.policies.options(self.policy, database),
            }),
            Source::Automated => {
                let newest = newest.get(&database.resource_id)?;
                automated::run(database, self.policies, self.policy, newest)
            }
        }
    }
}
