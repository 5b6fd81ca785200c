//! One database: whether an execution is to be started for it, and what became of that.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::outcome::{Outcome, Row};
use super::permissions::Permissions;
use crate::app::automated;
use crate::app::start::{StartOutcome, start};
use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::names::{Attempt, ExecutionName, ResourceId};
use crate::domain::id::tags::StackId;
use crate::domain::policy::choice::{Choice, choose};
use crate::domain::policy::cursor::KeptWhy;
use crate::domain::policy::in_force::{Policies, Policy};
use crate::domain::policy::spec::Source;
use crate::domain::rds::database::Database;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::naming;
use crate::error::chain;
use crate::ports::RdsError;

/// How many executions are started at once. StartExecution allows 150 to 300 calls a second.
pub(super) const CONCURRENCY: usize = 8;

/// A policy that is due, with the whole set in force.
pub(super) struct DueNow<'a> {
    pub(super) stack: &'a StackId,
    pub(super) policies: &'a Policies,
    pub(super) policy: &'a Policy,
    pub(super) at: Timestamp,
}

impl DueNow<'_> {
    /// The newest automated snapshot of each database of a family, if the policy copies those.
    pub(super) async fn newest<W: Permissions>(
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
    pub(super) async fn newest_of<W: Permissions>(
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

    /// Starts what is to be started of a database. Returns nothing for a database of another policy.
    pub(super) async fn row<W: Permissions>(
        &self,
        world: &W,
        newest: &BTreeMap<ResourceId, Snapshot>,
        database: &Database,
    ) -> Option<Row> {
        let (outcome, kept) = match choose(database, self.policies) {
            Choice::LeaveOut(why) => (Outcome::Excluded(why), None),
            Choice::Refuse(name, _) | Choice::NotNow(name, _) | Choice::Protect(name)
                if name != self.policy.name =>
            {
                return None;
            }
            Choice::Refuse(_, why) => (Outcome::Refused(why), None),
            Choice::NotNow(_, why) => (Outcome::NotNow(why), Some(KeptWhy::NotNow)),
            Choice::Protect(_) => match self.run_of(newest, database) {
                Some(run) => self.start(world, &run).await,
                None => (Outcome::NothingToCopy, None),
            },
        };
        Some(Row {
            database: database.arn.clone(),
            resource_id: database.resource_id.clone(),
            outcome,
            kept,
        })
    }

    async fn start<W: Permissions>(
        &self,
        world: &W,
        run: &ProtectionRequest,
    ) -> (Outcome, Option<KeptWhy>) {
        match start(world, self.stack, run).await {
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

    /// The run for a database. Nothing if there is nothing to copy.
    fn run_of(
        &self,
        newest: &BTreeMap<ResourceId, Snapshot>,
        database: &Database,
    ) -> Option<ProtectionRequest> {
        match self.policy.options.source {
            Source::Snapshot => Some(ProtectionRequest {
                database: database.to_ref(),
                policy: self.policy.name.clone(),
                planned_at: self.at,
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
