//! The ports of configurations.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Holds, Ports, assert_batch};
use crate::domain::id::arn::Region;
use crate::domain::id::names::ResourceId;
use crate::domain::restore::configuration::{Configuration, ConfigurationHash};
use crate::domain::restore::roster::Roster;
use crate::domain::restore::versions::Versions;
use crate::ports::{
    PortError, ReadConfigurations, ReadRosters, RemoveConfigurations, StoreConfigurations,
    StoreRosters, Written,
};

impl<L: Holds> ReadConfigurations for Ports<L> {
    async fn configuration_versions(
        &self,
        of: &[ResourceId],
    ) -> Result<BTreeMap<ResourceId, Versions>, PortError> {
        assert_batch(of);
        Ok(self.with(|state| state.table.configuration_versions(of)))
    }

    async fn configuration(
        &self,
        of: &ResourceId,
        hash: &ConfigurationHash,
    ) -> Result<Option<Configuration>, PortError> {
        let key = (of.clone(), hash.clone());
        Ok(self.with(|state| state.table.configurations().stored.get(&key).cloned()))
    }
}

impl<L: Holds> StoreConfigurations for Ports<L> {
    async fn store_configuration(
        &self,
        configuration: &Configuration,
        hash: &ConfigurationHash,
        at: Timestamp,
    ) -> Result<(), PortError> {
        self.with(|state| state.table.store_configuration(configuration, hash, at));
        Ok(())
    }

    async fn set_configuration_versions(
        &self,
        of: &ResourceId,
        versions: &Versions,
        known: Option<&ConfigurationHash>,
    ) -> Result<Written, PortError> {
        Ok(self.with(|state| state.table.set_configuration_versions(of, versions, known)))
    }
}

impl<L: Holds> RemoveConfigurations for Ports<L> {
    async fn remove_configuration(
        &self,
        of: &ResourceId,
        hash: &ConfigurationHash,
        stored_before: Timestamp,
    ) -> Result<Written, PortError> {
        let key = (of.clone(), hash.clone());
        Ok(self.with(|state| state.table.remove_configuration(&key, stored_before)))
    }
}

impl<L: Holds> ReadRosters for Ports<L> {
    async fn roster(&self, region: &Region) -> Result<Option<Roster>, PortError> {
        Ok(self.with(|state| state.table.configurations().rosters.get(region).cloned()))
    }
}

impl<L: Holds> StoreRosters for Ports<L> {
    async fn set_roster(&self, region: &Region, roster: &Roster) -> Result<(), PortError> {
        self.with(|state| state.table.set_roster(region, roster));
        Ok(())
    }
}
