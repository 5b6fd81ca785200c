//! The outcome of a command, and why it must be tried again.

use thiserror::Error;

use crate::app::conclude;
use crate::domain::id::arn::RdsArn;
use crate::domain::run::failure::{Owner, Remedy};
use crate::domain::run::last_error::LastError;
use crate::error::chain;
use crate::ports::{PortError, RdsError};

/// The outcome of a command that needs no further try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandOutcome {
    /// RDS works on it. An event or the sweep settles it.
    Waiting,
    /// It waits for a copy slot.
    Queued,
    /// It was settled at once.
    Settled(conclude::Settlement),
    /// It was dropped: its token is dead, or another token of its execution is alive.
    Stale,
}

/// Why a command must be tried again. Its message stays in the queue.
#[derive(Debug, Error)]
pub enum WorkError {
    /// The token is not one of this account and region. Only a person can find out where it came from.
    #[error("the command's token is not one of Step Functions' (InvalidToken)")]
    InvalidToken,
    /// Step Functions has called a token dead, for the first time.
    #[error("Step Functions says that nobody sleeps on a token; it is asked once more")]
    HeardDeadOnce,
    /// Step Functions did not say whether a token is alive.
    #[error("Step Functions did not say whether the token is alive")]
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
    /// Another worker wrote the wait at the same moment.
    #[error("another worker wrote the wait of {0} at the same moment")]
    Contended(RdsArn),
    /// RDS does not show a snapshot yet that it says exists.
    #[error("RDS does not show {0} yet")]
    NotShownYet(RdsArn),
}

impl WorkError {
    /// Whether the same message can succeed without a person.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::InvalidToken | Self::Parked { .. })
    }

    /// Whether RDS throttled a call of the command, or the pace of the calls kept it back.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        matches!(self, Self::Rds(error) if error.is_throttled())
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

/// The outcome of one attempt.
pub(super) enum AttemptOutcome {
    /// The command needs no further attempt.
    Done(CommandOutcome),
    /// The attempt failed, and the next one may be tried.
    NextAttempt,
}
