//! A wait: the stored fact that a token sleeps until a resource is finished.

use jiff::{SignedDuration, Timestamp};

use super::command::Command;
use super::last_error::LastError;
use crate::domain::id::arn::{KeyArn, RdsArn};
use crate::domain::id::tags::StackId;
use crate::domain::limits::WAIT_TIME_TO_LIVE;

/// How far a wait has come.
///
/// The phases follow each other in this order. A wait never goes back, except for a copy that RDS refused because too
/// many were in flight ([`Phase::may_become`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// A copy without a slot. Its command is in the wait.
    Queued,
    /// The wait is stored, and RDS may not have been asked yet. The worker still owns the command.
    Registered,
    /// RDS has accepted the request, or has said that the resource exists and is ours.
    Requested,
    /// RDS has shown the resource.
    Seen,
}

impl Phase {
    /// Every phase, in the order of life.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Registered, Self::Requested, Self::Seen];

    /// Whether a wait of this phase may change to that phase, or enter its own phase again.
    ///
    /// Writes may come late: the worker may note that RDS has accepted the request after the sweep has seen the
    /// resource, or the sweeper may note that it has sent a command again after the worker has finished it. Only a copy
    /// that RDS has not accepted may still go back to the queue for a slot.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        self <= next || (self == Self::Registered && next == Self::Queued)
    }

    /// The word in the table and in listings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Registered => "registered",
            Self::Requested => "requested",
            Self::Seen => "seen",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

/// What the resource must look like when it is available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// A snapshot of the run's database.
    Snapshot,
    /// A copy of a source snapshot.
    Copy(ExpectedCopy),
}

/// What a copy must look like when it is available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedCopy {
    /// The snapshot that it must be a copy of.
    pub source: RdsArn,
    /// The key it must be encrypted under.
    pub key: KeyArn,
    /// The source's engine.
    pub engine: String,
    /// The source's allocated storage in GiB.
    pub size_gib: i32,
    /// When the source's data was taken. A tag of the copy says so.
    pub taken_at: Option<Timestamp>,
}

/// The stored fact that a token sleeps until a resource is finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The snapshot or copy, at its current attempt. The wait is stored under the first attempt, so that all attempts
    /// share one wait.
    pub resource: RdsArn,
    /// The command, with the token that sleeps.
    pub command: Command,
    /// What the resource must look like when it is available.
    pub expected: Expectation,
    /// Its phase.
    pub phase: Phase,
    /// When this phase began.
    pub since: Timestamp,
    /// When the wait was first stored. The queue for copy slots follows this order.
    pub opened_at: Timestamp,
    /// When RDS removes the source, if it does. The copy whose source goes first gets a slot first.
    pub source_expires_at: Option<Timestamp>,
    /// RDS had shown or accepted the resource, and the last sweep did not see it.
    pub absent: bool,
    /// The last trouble that its command met, for people: it is left standing when the command goes on.
    pub last_error: Option<LastError>,
}

impl Wait {
    /// A new wait, to be stored before RDS is called.
    #[must_use]
    pub fn new(resource: RdsArn, command: Command, expected: Expectation, now: Timestamp) -> Self {
        Self {
            resource,
            command,
            expected,
            phase: Phase::Registered,
            since: now,
            opened_at: now,
            source_expires_at: None,
            absent: false,
            last_error: None,
        }
    }

    /// The error that keeps its command from going on. `None` if the copy is queued or RDS has accepted the request.
    #[must_use]
    pub fn current_error(&self) -> Option<&LastError> {
        self.last_error
            .as_ref()
            .filter(|_| self.phase == Phase::Registered)
    }

    /// When the table may delete it: long after its state has timed out.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.opened_at
            .saturating_add(WAIT_TIME_TO_LIVE)
            .unwrap_or(Timestamp::MAX)
    }
}

/// The settings of the stack that decisions depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The stack's id: snapshots with this id are ours.
    pub stack: StackId,
    /// How long a resource may stay invisible after RDS has accepted the request.
    pub grace: SignedDuration,
}
