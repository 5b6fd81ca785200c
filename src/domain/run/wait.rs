//! A wait: a token that sleeps on a resource.

use jiff::{SignedDuration, Timestamp};

use super::command::Command;
use super::last_error::LastError;
use crate::domain::id::arn::{KeyArn, RdsArn};
use crate::domain::id::tags::StackId;
use crate::domain::limits::WAIT_TIME_TO_LIVE;

/// How far a wait has come.
///
/// The order is the order of life: a wait never goes back, but for a copy that RDS itself sent to the queue
/// ([`Phase::may_become`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// A copy that has no slot yet. Its command is in the wait.
    Queued,
    /// Stored; RDS has perhaps not been asked yet. The command is still the worker's to finish.
    Registered,
    /// RDS has accepted the request, or said that the resource exists and it is ours.
    Requested,
    /// RDS has shown the resource.
    Seen,
}

impl Phase {
    /// Every phase, in the order of life.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Registered, Self::Requested, Self::Seen];

    /// Whether a wait of this phase may be put into that one, or into its own anew.
    ///
    /// Notes may come late: a worker's that RDS has accepted, after the sweep's that RDS has shown it; a sweeper's
    /// that a command was sent again, after the worker's that it was done. Only what RDS has not accepted may still
    /// turn out to lack a slot.
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

    /// Reads the word again.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

/// What the resource must turn out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// A snapshot of the run's database.
    Snapshot,
    /// A copy of a source snapshot.
    Copy(ExpectedCopy),
}

/// What a copy must turn out to be.
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
    /// When the source's data was taken: the copy is tagged with it.
    pub taken_at: Option<Timestamp>,
}

/// A token that sleeps on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The attempt at a snapshot or copy that is awaited. The wait is stored under the first attempt, so that all
    /// of them have one wait.
    pub resource: RdsArn,
    /// What was asked, with the token that sleeps.
    pub command: Command,
    /// What the resource must turn out to be.
    pub expected: Expectation,
    /// How far it has come.
    pub phase: Phase,
    /// When this phase began.
    pub since: Timestamp,
    /// When the wait was first stored: the order of the queue for copy slots.
    pub opened_at: Timestamp,
    /// When the source goes away by itself, where it may: the soonest gets a slot first.
    pub source_expires_at: Option<Timestamp>,
    /// RDS had shown or accepted the resource, and the last sweep did not see it.
    pub absent: bool,
    /// The last trouble that its command met, for people: it is left standing when the command goes on.
    pub last_error: Option<LastError>,
}

impl Wait {
    /// A wait that is about to be stored, before RDS is called.
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

    /// The trouble that keeps its command from going on; nothing once RDS has accepted or it is queued.
    #[must_use]
    pub fn current_error(&self) -> Option<&LastError> {
        self.last_error
            .as_ref()
            .filter(|_| self.phase == Phase::Registered)
    }

    /// When the table may forget it: long after the state it belongs to has timed out.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.opened_at
            .saturating_add(WAIT_TIME_TO_LIVE)
            .unwrap_or(Timestamp::MAX)
    }
}

/// What the rules need to know of the stack they run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Whose snapshots are ours.
    pub stack: StackId,
    /// How long after RDS's acceptance a resource may stay invisible.
    pub grace: SignedDuration,
}
