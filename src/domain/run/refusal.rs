//! What RDS refused permanently. The planner takes no further snapshot for it until something has changed.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::fingerprint::Fingerprint;
use crate::domain::id::arn::RdsArn;
use crate::domain::limits::TROUBLE_MAX;

/// How long after a refusal the copy is tried again, although nothing has changed: RDS learns, and a refusal may have
/// been a passing fault under the wrong code.
pub const TRY_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A snapshot or copy that RDS refused permanently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedForGood {
    /// The time of the refusal.
    pub at: Timestamp,
    /// RDS's words, with the request that it refused.
    pub words: String,
    /// What would have to change.
    pub fingerprint: Fingerprint,
    /// The due time of the run that was refused.
    pub planned_at: Timestamp,
    /// The source snapshot whose copy was refused. `None` if RDS refused to take it.
    pub source: Option<RdsArn>,
}

/// What a refusal means for the next due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalStatus {
    /// No snapshot is taken and nothing is copied before this time.
    Holds(Timestamp),
    /// Nothing has changed, and a week is over: Snapferry tries once more to copy the existing snapshot.
    TryAgain,
    /// Something has changed: a run as usual.
    Lapsed,
}

impl fmt::Display for RefusedForGood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, at) = (&self.words, self.try_again_at());
        write!(
            f,
            "RDS refused it for good at {}: {words}; unless something changes, it is tried again after {at}",
            self.at
        )
    }
}

impl RefusedForGood {
    /// Its name in JSON and in the planner's counts.
    pub const NAME: &'static str = "tried-and-refused";
    /// What a person does about it.
    pub const REMEDY: &'static str = "change what RDS names (engine version, encryption, option group, key), or exclude the database; then \
         snapferry start --retry-refused";

    /// The same refusal with its words cut to a length that is worth storing.
    #[must_use]
    pub fn bounded(self) -> Self {
        let words = self.words.chars().take(TROUBLE_MAX).collect();
        Self { words, ..self }
    }

    /// When the copy is tried again if nothing changes.
    #[must_use]
    pub fn try_again_at(&self) -> Timestamp {
        let at = self.at.checked_add(TRY_AGAIN_AFTER);
        at.unwrap_or(Timestamp::MAX)
    }

    /// What it means now, for a run of this fingerprint. A run without one was not compared, so nothing is held back.
    #[must_use]
    pub fn status(&self, of_run: Option<&Fingerprint>, now: Timestamp) -> RefusalStatus {
        if of_run != Some(&self.fingerprint) {
            return RefusalStatus::Lapsed;
        }
        match self.try_again_at() {
            at if at <= now => RefusalStatus::TryAgain,
            at => RefusalStatus::Holds(at),
        }
    }
}
