//! What to do when RDS says that a name "already exists". One match covers every case.

use super::failure::{Failure, Reason};
use super::settle::mismatch;
use super::wait::{Rules, Wait};
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};

/// What to do about a resource that already has the wanted name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameConflict {
    /// It is ours, and RDS is making it: wait for it.
    Wait,
    /// It is ours, available, and as asked for: settle.
    Settle,
    /// It is ours and has failed: take the next suffix.
    NextAttempt,
    /// It is not ours, or not as asked for. Snapferry never removes it.
    Fail(Failure),
    /// RDS said that it exists but does not show it now: ask again later.
    AskAgain,
}

/// Decides by what RDS shows under the name.
#[must_use]
pub fn name_conflict(wait: &Wait, found: Option<&Snapshot>, rules: &Rules) -> NameConflict {
    let Some(snapshot) = found else {
        return NameConflict::AskAgain;
    };
    if snapshot.may_yet_be_ours() {
        return NameConflict::AskAgain;
    }
    if !snapshot.is_ours(&rules.stack, &wait.command.run.database) {
        let cause = format!(
            "{} exists and was not made by this stack for this database",
            wait.resource
        );
        return NameConflict::Fail(Failure::new(Reason::NameTaken, cause));
    }
    match &snapshot.status {
        SnapshotStatus::Creating | SnapshotStatus::Copying | SnapshotStatus::Other(_) => {
            NameConflict::Wait
        }
        SnapshotStatus::Available => match mismatch(wait, snapshot) {
            None => NameConflict::Settle,
            Some(failure) => NameConflict::Fail(failure),
        },
        SnapshotStatus::Failed | SnapshotStatus::Deleting => NameConflict::NextAttempt,
    }
}
