//! Which databases the last complete listing of a source region showed.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::id::names::ResourceId;

/// How many databases a roster names. More do not fit into one item of the table.
pub const ROSTER_MAX: usize = 10_000;

/// The databases of a source region when it was last listed to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// When.
    pub at: Timestamp,
    /// The databases. Nothing if there were more than a roster names.
    pub databases: Option<BTreeSet<ResourceId>>,
}

impl Roster {
    /// The roster of a listing.
    #[must_use]
    pub fn of(at: Timestamp, listed: BTreeSet<ResourceId>) -> Self {
        Self {
            at,
            databases: Some(listed).filter(|listed| listed.len() <= ROSTER_MAX),
        }
    }
}
