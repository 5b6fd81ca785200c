//! "Already exists" is a question, not an answer: one total match.

use super::failure::{Failure, Reason};
use super::settle::mismatch;
use super::wait::{Rules, Wait};
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};

/// What to do about a resource that already has the name we wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existing {
    /// It is ours and on its way: wait for it.
    Wait,
    /// It is ours, available and right: settle.
    Settle,
    /// It is ours and came to nothing: take the next suffix.
    NextAttempt,
    /// It is not ours, or wrong; nothing of it is ever removed by a machine.
    Fail(Failure),
    /// RDS said that it exists and now does not show it: ask again later.
    AskAgain,
}

/// Answers the question by what RDS shows under the name.
#[must_use]
pub fn existing(wait: &Wait, found: Option<&Snapshot>, rules: &Rules) -> Existing {
    let Some(snapshot) = found else {
        return Existing::AskAgain;
    };
    if snapshot.may_yet_be_ours() {
        return Existing::AskAgain;
    }
    if !snapshot.is_ours(&rules.stack, &wait.command.run.database) {
        let cause = format!(
            "{} exists and was not made by this stack for this database",
            wait.resource
        );
        return Existing::Fail(Failure::new(Reason::NameTaken, cause));
    }
    match &snapshot.status {
        SnapshotStatus::Creating | SnapshotStatus::Copying | SnapshotStatus::Other(_) => {
            Existing::Wait
        }
        SnapshotStatus::Available => match mismatch(wait, snapshot) {
            None => Existing::Settle,
            Some(failure) => Existing::Fail(failure),
        },
        SnapshotStatus::Failed | SnapshotStatus::Deleting => Existing::NextAttempt,
    }
}
