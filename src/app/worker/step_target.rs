//! The target of a command, and the request that it makes to RDS.

use crate::app::worker::config::WorkerConfig;
use crate::domain::id::names::{Attempt, SnapshotId};
use crate::domain::id::tags::{self, Tags};
use crate::domain::limits::TAGS_MAX;
use crate::domain::run::command::{Command, ProtectionRequest};
use crate::domain::run::naming;
use crate::domain::run::wait::{Expectation, ExpectedCopy, Wait};
use crate::ports::{
    CopySnapshot, CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest, RdsError,
};

/// The target of a command. It is the same for all attempts.
pub(super) enum StepTarget {
    /// A snapshot of the run's database.
    Snapshot,
    /// A copy.
    Copy(ExpectedCopy),
}

impl StepTarget {
    pub(super) fn is_copy(&self) -> bool {
        matches!(self, Self::Copy(_))
    }

    fn id(
        &self,
        worker_config: &WorkerConfig,
        run: &ProtectionRequest,
        attempt: Attempt,
    ) -> SnapshotId {
        let stack = &worker_config.rules.stack;
        match self {
            Self::Snapshot => naming::source_snapshot(stack, run, attempt),
            Self::Copy(expected_copy) => {
                naming::copy(stack, run, &SnapshotId::of(&expected_copy.source), attempt)
            }
        }
    }

    fn expected(&self) -> Expectation {
        match self {
            Self::Snapshot => Expectation::Snapshot,
            Self::Copy(expected_copy) => Expectation::Copy(expected_copy.clone()),
        }
    }

    /// The wait of an attempt, to be registered.
    pub(super) fn wait(
        &self,
        worker_config: &WorkerConfig,
        command: &Command,
        attempt: Attempt,
        now: jiff::Timestamp,
    ) -> Wait {
        let run = &command.run;
        let region = match self {
            Self::Snapshot => run.database.arn.region(),
            Self::Copy(_) => &worker_config.home,
        };
        let resource = run
            .database
            .arn
            .sibling_snapshot(region, &self.id(worker_config, run, attempt));
        let automated = run.options.automated.as_ref();
        Wait {
            source_expires_at: automated.and_then(|of| of.expires_at),
            ..Wait::new(resource, command.clone(), self.expected(), now)
        }
    }

    fn tags(&self, worker_config: &WorkerConfig, command: &Command) -> Tags {
        let run = &command.run;
        let name = naming::execution(&worker_config.rules.stack, run, Attempt::FIRST);
        let carried = run.options.tags.iter();
        let mut tags: Tags = carried
            .map(|(key, value)| (key.to_string(), value.clone()))
            .collect();
        // Snapferry's own tags come last, so that they win over carried tags of the same key.
        tags.extend([
            (
                tags::STACK.to_owned(),
                worker_config.rules.stack.to_string(),
            ),
            (tags::DATABASE.to_owned(), run.database.arn.to_string()),
            (
                tags::RESOURCE_ID.to_owned(),
                run.database.resource_id.to_string(),
            ),
            (tags::POLICY.to_owned(), run.policy.to_string()),
            (tags::RUN.to_owned(), name.to_string()),
        ]);
        if let Self::Copy(expected_copy) = self {
            tags.insert(tags::SOURCE.to_owned(), expected_copy.source.to_string());
            if let Some(taken_at) = expected_copy.taken_at {
                tags.insert(tags::TAKEN_AT.to_owned(), taken_at.to_string());
            }
            // A policy may carry so many tags that there is no room for this one and a hold. Without it, the table's list of
            // versions says which configuration was in force.
            if let Some(configuration) = &run.options.configuration
                && tags.len() + 1 < TAGS_MAX
            {
                tags.insert(tags::CONFIGURATION.to_owned(), configuration.to_string());
            }
        }
        tags
    }

    /// Asks RDS for the snapshot or copy: the worker's only change in RDS.
    pub(super) async fn ask_rds<W: CopySnapshot + CreateSnapshot>(
        &self,
        world: &W,
        worker_config: &WorkerConfig,
        wait: &Wait,
    ) -> Result<(), RdsError> {
        let id = SnapshotId::of(&wait.resource);
        let tags = self.tags(worker_config, &wait.command);
        match self {
            Self::Snapshot => {
                let database = wait.command.run.database.arn.clone();
                world
                    .create_snapshot(&CreateSnapshotRequest { database, id, tags })
                    .await
            }
            Self::Copy(expected_copy) => {
                let request = CopySnapshotRequest {
                    region: worker_config.home.clone(),
                    source: expected_copy.source.clone(),
                    id,
                    key: expected_copy.key.clone(),
                    option_group: wait.command.run.options.option_group.clone(),
                    tags,
                };
                world.copy_snapshot(&request).await
            }
        }
    }
}
