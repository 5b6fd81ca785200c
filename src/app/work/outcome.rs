//! What comes of a command, and why it must be tried again.

use thiserror::Error;

use crate::app::conclude;
use crate::domain::id::arn::RdsArn;
use crate::domain::run::failure::{Owner, Remedy};
use crate::domain::run::last_error::LastError;
use crate::error::chain;
use crate::ports::{PortError, RdsError};

/// What became of a command that needs no further try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandOutcome {
    /// RDS works on it; an event or the sweep settles it.
    Waiting,
    /// It waits for a copy slot.
    Queued,
    /// It was settled at once.
    Settled(conclude::Settlement),
    /// Its token is dead, or another of its execution is alive: dropped.
    Stale,
}

/// Why a command must be tried again. Its message stays in the queue.
#[derive(Debug, Error)]
pub enum WorkError {
    /// The token is no token of this account and region; only a person can say where it came from.
    #[error("the command's token is not one of Step Functions' (InvalidToken)")]
    InvalidToken,
    /// It cannot be known whether a token is alive.
    #[error("whether the token is alive cannot be known now")]
    Probe(#[source] PortError),
    /// A person must fix something first.
    #[error("parked: {}", .remedy.sentence())]
    Parked {
        /// What to fix.
        remedy: Remedy,
        /// What RDS said.
        source: RdsError,
    },
    /// RDS could not answer now.
    #[error("RDS could not answer now")]
    Rds(#[source] RdsError),
    /// The table or Step Functions could not answer now.
    #[error("the table or Step Functions could not answer now")]
    Port(#[from] PortError),
    /// Somebody else wrote the wait at the same moment.
    #[error("another worker wrote the wait of {0} at the same moment")]
    Contended(RdsArn),
    /// RDS does not show yet what it says is there.
    #[error("RDS does not show {0} yet")]
    NotShownYet(RdsArn),
}

impl WorkError {
    /// Whether the same message can succeed without a person's help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::InvalidToken | Self::Parked { .. })
    }

    /// The error as the wait stores it, for a person to read.
    #[must_use]
    pub fn last_error(&self, at: jiff::Timestamp) -> LastError {
        match self {
            Self::Parked { remedy, source } => LastError::new(Some(*remedy), &chain(source), at),
            other => LastError::new(None, &chain(other), at),
        }
    }
}

/// A describe call failed: the command parks if a person must fix something first.
pub(super) fn not_told(error: RdsError) -> WorkError {
    match error.owner() {
        Owner::Park(remedy) => WorkError::Parked {
            remedy,
            source: error,
        },
        _ => WorkError::Rds(error),
    }
}

/// What came of one attempt.
pub(super) enum AttemptOutcome {
    /// The command needs no further attempt.
    Done(CommandOutcome),
    /// This one came to nothing.
    NextAttempt,
}
