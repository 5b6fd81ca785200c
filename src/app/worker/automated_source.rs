//! A run whose source is an automated snapshot, which RDS takes and also removes.

use crate::app::conclude;
use crate::app::worker::config::WorkerConfig;
use crate::app::worker::copy_source::{Source, expected_copy};
use crate::app::worker::expired::expired;
use crate::app::worker::give_up::give_up;
use crate::app::worker::outcome::{CommandOutcome, WorkError, not_told};
use crate::app::worker::permissions::Permissions;
use crate::domain::id::names::SnapshotId;
use crate::domain::limits::HINT_RECHECKS;
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::run::command::{Automated, Command};
use crate::domain::run::failure::Failure;
use crate::domain::run::settle::{manifest, mismatch};
use crate::domain::run::wait::{Expectation, Wait};

/// What RDS says about the snapshot that a run names.
enum SourceState {
    There(Box<Snapshot>),
    /// RDS shows no such snapshot, or one that has failed or is being deleted.
    Gone,
    /// It is of another database.
    Unfit(Failure),
}

/// The first step of such a run: it takes no snapshot, and only checks that the snapshot exists.
pub(super) async fn see<W: Permissions>(
    world: &W,
    worker_config: &WorkerConfig,
    command: &Command,
    of: &Automated,
    receives: u32,
) -> Result<CommandOutcome, WorkError> {
    let wait = wait(world, command, of);
    match ask(world, &wait, receives).await? {
        SourceState::There(snapshot) => {
            let manifest = manifest(&wait, &snapshot);
            let ended = conclude::succeed(world, &wait, &manifest).await?;
            Ok(CommandOutcome::Settled(ended.settlement))
        }
        SourceState::Gone => expired(world, worker_config, &wait, of).await,
        SourceState::Unfit(failure) => give_up(world, &wait, failure).await,
    }
}

/// The source for the copy, with what the copy must look like.
pub(super) async fn source<W: Permissions>(
    world: &W,
    command: &Command,
    of: &Automated,
    receives: u32,
) -> Result<Source, WorkError> {
    let wait = wait(world, command, of);
    Ok(match ask(world, &wait, receives).await? {
        SourceState::There(snapshot) => expected_copy(&command.run, *snapshot),
        SourceState::Gone => Source::Expired(of.clone()),
        SourceState::Unfit(failure) => Source::Unfit(failure),
    })
}

/// A wait that is never stored, because nothing is asked of RDS that an event could announce.
pub(super) fn wait<W: Permissions>(world: &W, command: &Command, of: &Automated) -> Wait {
    let resource = of.snapshot.clone();
    Wait::new(
        resource,
        command.clone(),
        Expectation::Snapshot,
        world.now(),
    )
}

async fn ask<W: Permissions>(
    world: &W,
    wait: &Wait,
    receives: u32,
) -> Result<SourceState, WorkError> {
    let arn = &wait.resource;
    let id = SnapshotId::of(arn);
    let found = world
        .describe_snapshots(arn.region(), arn.family(), &[id])
        .await
        .map_err(not_told)?;
    let found = found.into_iter().find(|snapshot| snapshot.arn == *arn);
    let Some(snapshot) = found else {
        // The snapshot existed when the run was started, so RDS's answer may be out of date.
        return if receives <= HINT_RECHECKS {
            Err(WorkError::NotShownYet(arn.clone()))
        } else {
            Ok(SourceState::Gone)
        };
    };
    match &snapshot.status {
        SnapshotStatus::Available => Ok(match mismatch(wait, &snapshot) {
            None => SourceState::There(Box::new(snapshot)),
            Some(failure) => SourceState::Unfit(failure),
        }),
        SnapshotStatus::Failed | SnapshotStatus::Deleting => Ok(SourceState::Gone),
        SnapshotStatus::Creating | SnapshotStatus::Copying | SnapshotStatus::Other(_) => {
            Err(WorkError::NotShownYet(arn.clone()))
        }
    }
}
