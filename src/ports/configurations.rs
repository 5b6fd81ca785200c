//! The configurations of databases, in the table: each in an item of its own, named by its content.

use std::collections::BTreeMap;

use super::error::PortError;
use super::table::Written;
use crate::domain::id::names::ResourceId;
use crate::domain::restore::configuration::{Configuration, ConfigurationHash};
use crate::domain::restore::versions::Versions;

/// Reads configurations.
pub trait ReadConfigurations {
    /// `BatchGetItem`, consistent: the versions that there are and can be read. At most 100 databases, each once.
    async fn configuration_versions(
        &self,
        of: &[ResourceId],
    ) -> Result<BTreeMap<ResourceId, Versions>, PortError>;
    /// `GetItem`, consistent. Nothing if there is none, or none that this version can read.
    async fn configuration(
        &self,
        of: &ResourceId,
        hash: &ConfigurationHash,
    ) -> Result<Option<Configuration>, PortError>;
}

/// Stores configurations. A stored one never changes.
pub trait StoreConfigurations {
    /// `UpdateItem`, if it is not there: the configuration under its hash.
    async fn store_configuration(
        &self,
        configuration: &Configuration,
        hash: &ConfigurationHash,
    ) -> Result<(), PortError>;
    /// `UpdateItem`: the whole list, if its newest version is still the one that `known` says.
    async fn set_configuration_versions(
        &self,
        of: &ResourceId,
        versions: &Versions,
        known: Option<&ConfigurationHash>,
    ) -> Result<Written, PortError>;
}

actions! {
    ReadConfigurations: "dynamodb:BatchGetItem" "dynamodb:GetItem";
    StoreConfigurations: "dynamodb:UpdateItem";
}
