//! The items of configurations.

use std::collections::BTreeMap;

use crate::domain::id::names::ResourceId;
use crate::domain::restore::configuration::{Configuration, ConfigurationHash};
use crate::domain::restore::versions::Versions;

/// What the table holds of configurations.
#[derive(Debug, Clone, Default)]
pub struct ConfigurationItems {
    /// The configurations, each under its database and its hash.
    pub stored: BTreeMap<(ResourceId, ConfigurationHash), Configuration>,
    /// The versions of each database.
    pub versions: BTreeMap<ResourceId, Versions>,
}
