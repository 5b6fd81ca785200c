//! Why a command could not be carried out yet. The worker stores it in the wait, for people to read.

use std::fmt;

use jiff::Timestamp;

use super::failure::Remedy;
use crate::domain::limits::TROUBLE_MAX;

/// The last error of a command. No decision depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// What a person must fix. `None` if another try may be enough.
    pub remedy: Option<Remedy>,
    /// The request and its answer.
    pub why: String,
    /// When it came.
    pub at: Timestamp,
}

impl LastError {
    /// An error. Its text is cut to a length that is worth storing.
    #[must_use]
    pub fn new(remedy: Option<Remedy>, why: &str, at: Timestamp) -> Self {
        let why = why.chars().take(TROUBLE_MAX).collect();
        Self { remedy, why, at }
    }
}

impl fmt::Display for LastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        match self.remedy {
            Some(remedy) => write!(f, " ({}: {})", remedy.as_str(), remedy.sentence()),
            None => Ok(()),
        }
    }
}
