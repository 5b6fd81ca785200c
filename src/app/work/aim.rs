//! What a command is after, and the request that it makes of RDS.

use crate::app::work::config::Desk;
use crate::domain::id::names::{Attempt, SnapshotId};
use crate::domain::id::tags::{self, Tags};
use crate::domain::run::command::{Command, Run};
use crate::domain::run::naming;
use crate::domain::run::wait::{CopyOf, Expectation, Wait};
use crate::ports::{
    CopySnapshot, CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest, RdsError,
};

/// What a command is after: the same for all its attempts.
pub(super) enum Aim {
    /// A snapshot of the run's database.
    Snapshot,
    /// A copy.
    Copy(CopyOf),
}

impl Aim {
    pub(super) fn is_copy(&self) -> bool {
        matches!(self, Self::Copy(_))
    }

    fn id(&self, desk: &Desk, run: &Run, attempt: Attempt) -> SnapshotId {
        let stack = &desk.rules.stack;
        match self {
            Self::Snapshot => naming::source_snapshot(stack, run, attempt),
            Self::Copy(copy_of) => {
                naming::copy(stack, run, &SnapshotId::of(&copy_of.source), attempt)
            }
        }
    }

    fn expected(&self) -> Expectation {
        match self {
            Self::Snapshot => Expectation::Snapshot,
            Self::Copy(copy_of) => Expectation::Copy(copy_of.clone()),
        }
    }

    /// The wait of an attempt at it, to be registered.
    pub(super) fn wait(
        &self,
        desk: &Desk,
        command: &Command,
        attempt: Attempt,
        now: jiff::Timestamp,
    ) -> Wait {
        let run = &command.run;
        let region = match self {
            Self::Snapshot => run.database.arn.region(),
            Self::Copy(_) => &desk.home,
        };
        let resource = run
            .database
            .arn
            .sibling_snapshot(region, &self.id(desk, run, attempt));
        let automated = run.extras.automated.as_ref();
        Wait {
            source_expires_at: automated.and_then(|of| of.expires_at),
            ..Wait::new(resource, command.clone(), self.expected(), now)
        }
    }

    fn tags(&self, desk: &Desk, command: &Command) -> Tags {
        let run = &command.run;
        let name = naming::execution(&desk.rules.stack, run, Attempt::FIRST);
        let carried = run.extras.tags.iter();
        let mut tags: Tags = carried
            .map(|(key, value)| (key.to_string(), value.clone()))
            .collect();
        // Ours last: whatever was carried over, these say what is true.
        tags.extend([
            (tags::STACK.to_owned(), desk.rules.stack.to_string()),
            (tags::DATABASE.to_owned(), run.database.arn.to_string()),
            (
                tags::RESOURCE_ID.to_owned(),
                run.database.resource_id.to_string(),
            ),
            (tags::POLICY.to_owned(), run.policy.to_string()),
            (tags::RUN.to_owned(), name.to_string()),
        ]);
        if let Self::Copy(copy_of) = self {
            tags.insert(tags::SOURCE.to_owned(), copy_of.source.to_string());
            if let Some(taken_at) = copy_of.taken_at {
                tags.insert(tags::TAKEN_AT.to_owned(), taken_at.to_string());
            }
        }
        tags
    }

    /// The one mutation.
    pub(super) async fn ask_rds<W: CopySnapshot + CreateSnapshot>(
        &self,
        world: &W,
        desk: &Desk,
        wait: &Wait,
    ) -> Result<(), RdsError> {
        let id = SnapshotId::of(&wait.resource);
        let tags = self.tags(desk, &wait.command);
        match self {
            Self::Snapshot => {
                let database = wait.command.run.database.arn.clone();
                world
                    .create_snapshot(&CreateSnapshotRequest { database, id, tags })
                    .await
            }
            Self::Copy(copy_of) => {
                let request = CopySnapshotRequest {
                    region: desk.home.clone(),
                    source: copy_of.source.clone(),
                    id,
                    key: copy_of.key.clone(),
                    option_group: wait.command.run.extras.option_group.clone(),
                    tags,
                };
                world.copy_snapshot(&request).await
            }
        }
    }
}
