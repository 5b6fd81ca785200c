//! What the table knows of a copy from the moment at which its wait was settled.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::id::arn::{KeyArn, RdsArn};

/// What was entered when the wait for a copy was settled. It outlives the wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// The copy.
    pub copy: RdsArn,
    /// The snapshot that it was to be a copy of.
    pub source: RdsArn,
    /// The key that it is encrypted under, where RDS said so.
    pub key: Option<KeyArn>,
    /// When it was settled.
    pub at: Timestamp,
    /// When its source was finished, if the run took it itself: then the copy was first asked for. It is for people.
    pub snapshot_done_at: Option<Timestamp>,
    /// How it differed from what was asked for. `None` for a success.
    pub mismatch: Option<String>,
}

/// The recorded results, by copy.
pub type AllEntered = BTreeMap<RdsArn, Entered>;
