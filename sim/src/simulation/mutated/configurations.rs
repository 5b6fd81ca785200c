//! The ports of configurations. No bug is planted in them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use snapferry::domain::id::arn::Region;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::restore::configuration::{Configuration, ConfigurationHash};
use snapferry::domain::restore::roster::Roster;
use snapferry::domain::restore::versions::Versions;
use snapferry::ports::{
    PortError, ReadConfigurations, RemoveConfigurations, StoreConfigurations, StoreRosters, Written,
};

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
        at: Timestamp,
    ) -> Result<(), PortError> {
        let inner = &self.inner;
        inner.store_configuration(configuration, hash, at).await
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

impl RemoveConfigurations for Mutated {
    async fn remove_configuration(
        &self,
        of: &ResourceId,
        hash: &ConfigurationHash,
        stored_before: Timestamp,
    ) -> Result<Written, PortError> {
        let inner = &self.inner;
        inner.remove_configuration(of, hash, stored_before).await
    }
}

impl StoreRosters for Mutated {
    async fn set_roster(&self, region: &Region, roster: &Roster) -> Result<(), PortError> {
        self.inner.set_roster(region, roster).await
    }
}
