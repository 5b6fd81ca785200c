//! Dead letters: what each one is, and which ones the operator selects.

use std::fmt;

use jiff::Timestamp;

use crate::domain::id::arn::RdsArn;
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::run::command::{ProtectionRequest, Step};
use crate::domain::run::failure::Remedy;
use crate::domain::run::last_error::LastError;

/// A dead letter as people see it. It holds no token, and nothing that AWS needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterSummary {
    /// The id that SQS gave it.
    pub message_id: String,
    /// What it is about.
    pub about: About,
    /// When it was first sent. The move to the dead-letter queue does not change this.
    pub since: Option<Timestamp>,
    /// How often it has been received, including by listings of the dead-letter queue.
    pub receives: u32,
    /// Why it is a dead letter, if that is known.
    pub reason: Option<Reason>,
}

impl DeadLetterSummary {
    /// What a person must do before a replay can help, where that is known.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match &self.reason {
            Some(Reason::LastError(last_error)) => last_error.remedy,
            _ => None,
        }
    }
}

/// What a dead letter is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "most dead letters are commands, and a listing has few"
)]
pub enum About {
    /// A step of a run.
    Command {
        /// The step.
        step: Step,
        /// The run.
        run: ProtectionRequest,
        /// The name of the execution that sleeps, or slept, on it.
        execution: String,
    },
    /// An event of RDS about a snapshot.
    Event {
        /// The snapshot.
        resource: RdsArn,
        /// RDS's number of the event.
        event_id: Option<String>,
        /// The snapshot's database, if a wait for the snapshot is open.
        database: Option<DatabaseRef>,
    },
    /// An event that concerns nobody here.
    Foreign,
    /// It cannot be read.
    Unreadable,
}

/// Why a message is a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The error that the worker stored in the command's wait.
    LastError(LastError),
    /// EventBridge could not deliver it.
    Undelivered(Undelivered),
    /// Its text has this fault.
    Unreadable(String),
}

/// What EventBridge says, in the message's attributes, about an event that it could not deliver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undelivered {
    /// `ERROR_CODE`
    pub code: Option<String>,
    /// `ERROR_MESSAGE`
    pub message: Option<String>,
    /// `EXHAUSTED_RETRY_CONDITION`
    pub exhausted: Option<String>,
    /// `RULE_ARN`
    pub rule: Option<String>,
    /// `TARGET_ARN`
    pub target: Option<String>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LastError(last_error) => last_error.fmt(f),
            Self::Undelivered(undelivered) => undelivered.fmt(f),
            Self::Unreadable(why) => write!(f, "it cannot be read: {why}"),
        }
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventBridge could not deliver it")?;
        if let Some(target) = &self.target {
            write!(f, " to {target}")?;
        }
        for part in [&self.code, &self.message].into_iter().flatten() {
            write!(f, ": {part}")?;
        }
        match &self.exhausted {
            Some(exhausted) => write!(f, " ({exhausted})"),
            None => Ok(()),
        }
    }
}

impl About {
    /// The database, if it is known.
    #[must_use]
    pub fn database(&self) -> Option<&DatabaseRef> {
        match self {
            Self::Command { run, .. } => Some(&run.database),
            Self::Event { database, .. } => database.as_ref(),
            Self::Foreign | Self::Unreadable => None,
        }
    }
}

/// Which dead letters to select. A dead letter must meet all conditions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// It is about one of these databases. Any if the list is empty.
    pub databases: Vec<String>,
    /// It was sent at this time or later.
    pub since: Option<Timestamp>,
    /// Its reason contains this text, in upper or lower case.
    pub reason: Option<String>,
    /// Also select messages that cannot be read. Only another version of the function can read them.
    pub unreadable: bool,
}

impl Selection {
    /// Whether a dead letter is selected.
    #[must_use]
    pub fn takes(&self, letter: &DeadLetterSummary) -> bool {
        let database = self.databases.is_empty()
            || letter
                .about
                .database()
                .is_some_and(|database| self.databases.iter().any(|name| names(name, database)));
        let since = self
            .since
            .is_none_or(|since| letter.since.is_some_and(|sent| sent >= since));
        let reason = self.reason.as_ref().is_none_or(|part| {
            let text = letter.reason.as_ref().map(ToString::to_string);
            text.is_some_and(|text| text.to_lowercase().contains(&part.to_lowercase()))
        });
        let readable = self.unreadable || letter.about != About::Unreadable;
        database && since && reason && readable
    }
}

/// Whether a text names a database: by its identifier, its ARN or its resource id.
#[must_use]
pub fn names(text: &str, database: &DatabaseRef) -> bool {
    text.eq_ignore_ascii_case(database.arn.name())
        || text == database.arn.to_string()
        || text == database.resource_id.as_str()
}

/// The name of a source region's dead-letter queue, as `source-region.yaml` gives it.
#[must_use]
pub fn forwarding_queue(home: &crate::domain::id::arn::Region) -> String {
    format!("snapferry-to-{home}-dead-letters")
}
