//! The items of retention.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::retention::bounds::DatabaseId;
use crate::domain::retention::entered::AllEntered;
use crate::domain::retention::gone::Listing;
use crate::domain::retention::history::Histories;
use crate::domain::retention::round::{Freeze, RemovalEntry, Round};
use crate::domain::retention::sightings::Notes;

/// What the table holds for retention.
#[derive(Debug, Clone, Default)]
pub struct RetentionItems {
    /// The removals under way, each under the ARN of the first attempt, as waits are.
    pub removals: BTreeMap<RdsArn, RemovalEntry>,
    /// What the settling of copies found.
    pub entered: AllEntered,
    /// From when on the table may delete what was entered of a copy that is gone.
    pub entered_until: BTreeMap<RdsArn, Timestamp>,
    /// What was noted of each database.
    pub notes: BTreeMap<DatabaseId, Notes>,
    /// The rounds before.
    pub round: Round,
    /// Who has the pruner's lease, and until when.
    pub lease: Option<(String, Timestamp)>,
    /// Whether a person has stopped all removal.
    pub freeze: Option<Freeze>,
    /// Each region's last complete listing.
    pub listings: BTreeMap<Region, Listing>,
    /// The outcome of the last due times of each database and policy.
    pub histories: Histories,
}
