//! Snapferry's own events: what became of a recovery point, for the rules that people write on the default bus.

use jiff::{SignedDuration, Timestamp};

use crate::domain::id::arn::RdsArn;
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::failure::Reason;
use crate::domain::run::manifest::Manifest;

/// The source of every such event.
pub const SOURCE: &str = "snapferry";

/// An execution that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedRun {
    /// Its name.
    pub execution: String,
    /// Its input.
    pub run: ProtectionRequest,
}

/// What became of a recovery point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnEvent {
    /// It was made.
    Made {
        /// The run.
        of: Box<EndedRun>,
        /// What RDS said about the copy.
        point: Box<Manifest>,
    },
    /// Its run ended without it.
    Failed {
        /// The run.
        of: Box<EndedRun>,
        /// The error, or Step Functions' word for how the execution ended.
        error: String,
        /// Why, for a person.
        cause: String,
    },
    /// RDS can never make it. Snapferry remembers, and tries again once a week.
    Refused {
        /// The run.
        of: Box<EndedRun>,
        /// RDS's words.
        cause: String,
    },
    /// A database has gone without a newer one for longer than its policy's RPO.
    Overdue {
        /// The database.
        database: RdsArn,
        /// Since when.
        since: Timestamp,
        /// How old the newest one's data is, or how long the database has waited for its first.
        age: Option<SignedDuration>,
    },
    /// RDS was asked to remove it.
    Removed {
        /// The snapshot.
        snapshot: RdsArn,
        /// Why it may go.
        why: String,
    },
}

impl OwnEvent {
    /// The detail-types of all of them.
    pub const DETAIL_TYPES: [&str; 5] = [
        "Snapferry Recovery Point Made",
        "Snapferry Recovery Point Failed",
        "Snapferry Recovery Point Refused",
        "Snapferry Recovery Point Overdue",
        "Snapferry Recovery Point Removed",
    ];

    /// The event of an execution that failed.
    #[must_use]
    pub fn of_failure(of: EndedRun, error: String, cause: String) -> Self {
        let of = Box::new(of);
        if error == Reason::Unsupported.error_name() {
            Self::Refused { of, cause }
        } else {
            Self::Failed { of, error, cause }
        }
    }

    /// What a rule matches it by.
    #[must_use]
    pub fn detail_type(&self) -> &'static str {
        let [made, failed, refused, overdue, removed] = Self::DETAIL_TYPES;
        match self {
            Self::Made { .. } => made,
            Self::Failed { .. } => failed,
            Self::Refused { .. } => refused,
            Self::Overdue { .. } => overdue,
            Self::Removed { .. } => removed,
        }
    }
}
