//! The items of configurations.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::id::arn::Region;
use crate::domain::id::names::ResourceId;
use crate::domain::restore::configuration::{Configuration, ConfigurationHash};
use crate::domain::restore::roster::Roster;
use crate::domain::restore::versions::Versions;

/// What the table holds of configurations.
#[derive(Debug, Clone, Default)]
pub struct ConfigurationItems {
    /// The configurations, each under its database and its hash.
    pub stored: BTreeMap<(ResourceId, ConfigurationHash), Configuration>,
    /// When each was last stored.
    pub stored_at: BTreeMap<(ResourceId, ConfigurationHash), Timestamp>,
    /// The versions of each database.
    pub versions: BTreeMap<ResourceId, Versions>,
    /// What the last complete listing of each source region showed.
    pub rosters: BTreeMap<Region, Roster>,
}
