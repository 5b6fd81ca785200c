//! The ports of configurations. No bug is planted in them.

use std::collections::BTreeMap;

use snapferry::domain::id::names::ResourceId;
use snapferry::domain::restore::configuration::{Configuration, ConfigurationHash};
use snapferry::domain::restore::versions::Versions;
use snapferry::ports::{PortError, ReadConfigurations, StoreConfigurations, Written};

use super::Mutated;

impl ReadConfigurations for Mutated {
    async fn configuration_versions(
        &self,
        of: &[ResourceId],
    ) -> Result<BTreeMap<ResourceId, Versions>, PortError> {
        self.inner.configuration_versions(of).await
    }

    async fn configuration(
        &self,
        of: &ResourceId,
        hash: &ConfigurationHash,
    ) -> Result<Option<Configuration>, PortError> {
        self.inner.configuration(of, hash).await
    }
}

impl StoreConfigurations for Mutated {
    async fn store_configuration(
        &self,
        configuration: &Configuration,
        hash: &ConfigurationHash,
    ) -> Result<(), PortError> {
        self.inner.store_configuration(configuration, hash).await
    }

    async fn set_configuration_versions(
        &self,
        of: &ResourceId,
        versions: &Versions,
        known: Option<&ConfigurationHash>,
    ) -> Result<Written, PortError> {
        self.inner
            .set_configuration_versions(of, versions, known)
            .await
    }
}
