//! The ports of configurations.

use std::collections::BTreeMap;

use super::{Holds, Ports, assert_batch};
use crate::domain::id::names::ResourceId;
use crate::domain::restore::configuration::{Configuration, ConfigurationHash};
use crate::domain::restore::versions::Versions;
use crate::ports::{PortError, ReadConfigurations, StoreConfigurations, Written};

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
    ) -> Result<(), PortError> {
        self.with(|state| state.table.store_configuration(configuration, hash));
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
