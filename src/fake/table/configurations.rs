//! The configurations of databases.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::configuration_items::ConfigurationItems;
use super::items::Table;
use super::milliseconds::in_milliseconds;
use crate::domain::id::arn::Region;
use crate::domain::id::names::ResourceId;
use crate::domain::restore::configuration::{Configuration, ConfigurationHash};
use crate::domain::restore::roster::Roster;
use crate::domain::restore::versions::Versions;
use crate::ports::Written;

impl Table {
    /// What it holds of configurations.
    #[must_use]
    pub fn configurations(&self) -> &ConfigurationItems {
        &self.configurations
    }

    pub(in crate::fake) fn configuration_versions(
        &self,
        of: &[ResourceId],
    ) -> BTreeMap<ResourceId, Versions> {
        let versions = &self.configurations.versions;
        let found = of.iter().filter_map(|of| versions.get_key_value(of));
        found
            .map(|(of, versions)| (of.clone(), versions.clone()))
            .collect()
    }

    pub(in crate::fake) fn store_configuration(
        &mut self,
        configuration: &Configuration,
        hash: &ConfigurationHash,
        at: Timestamp,
    ) {
        let key = (configuration.resource_id.clone(), hash.clone());
        let all = &mut self.configurations;
        all.stored_at.insert(key.clone(), in_milliseconds(at));
        let stored = all.stored.entry(key);
        stored.or_insert_with(|| configuration.clone());
    }

    pub(in crate::fake) fn remove_configuration(
        &mut self,
        key: &(ResourceId, ConfigurationHash),
        stored_before: Timestamp,
    ) -> Written {
        let all = &mut self.configurations;
        let before = in_milliseconds(stored_before);
        if all.stored_at.get(key).is_some_and(|at| *at >= before) {
            return Written::Conflict;
        }
        all.stored.remove(key);
        all.stored_at.remove(key);
        Written::Stored
    }

    pub(in crate::fake) fn set_configuration_versions(
        &mut self,
        of: &ResourceId,
        versions: &Versions,
        known: Option<&ConfigurationHash>,
    ) -> Written {
        let all = &mut self.configurations.versions;
        let newest = all.get(of).and_then(Versions::newest);
        if versions.newest().is_none() || newest != known {
            return Written::Conflict;
        }
        all.insert(of.clone(), versions.clone());
        Written::Stored
    }

    pub(in crate::fake) fn set_roster(&mut self, region: &Region, roster: &Roster) {
        let roster = Roster {
            at: in_milliseconds(roster.at),
            ..roster.clone()
        };
        let rosters = &mut self.configurations.rosters;
        rosters.insert(region.clone(), roster);
    }
}
