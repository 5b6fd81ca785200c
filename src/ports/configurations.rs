//! The configurations of databases, in the table: each in an item of its own, named by its content.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::error::PortError;
use super::table::Written;
use crate::domain::id::arn::Region;
use crate::domain::id::names::ResourceId;
use crate::domain::restore::configuration::{Configuration, ConfigurationHash};
use crate::domain::restore::roster::Roster;
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
    /// `UpdateItem`: the configuration under its hash if it is not there, and that it was stored at this time.
    async fn store_configuration(
        &self,
        configuration: &Configuration,
        hash: &ConfigurationHash,
        at: Timestamp,
    ) -> Result<(), PortError>;
    /// `UpdateItem`: the whole list, if its newest version is still the one that `known` says.
    async fn set_configuration_versions(
        &self,
        of: &ResourceId,
        versions: &Versions,
        known: Option<&ConfigurationHash>,
    ) -> Result<Written, PortError>;
}

/// Removes configurations. Only the pruner has it.
pub trait RemoveConfigurations {
    /// `DeleteItem`, if it was not stored at this time or later. One that is gone is not an error.
    async fn remove_configuration(
        &self,
        of: &ResourceId,
        hash: &ConfigurationHash,
        stored_before: Timestamp,
    ) -> Result<Written, PortError>;
}

/// Reads which databases the last complete listing of a source region showed.
pub trait ReadRosters {
    /// `GetItem`, consistent. Nothing if there is none, or none that this version can read.
    async fn roster(&self, region: &Region) -> Result<Option<Roster>, PortError>;
}

/// Stores them.
pub trait StoreRosters {
    /// `UpdateItem`, whatever was stored before.
    async fn set_roster(&self, region: &Region, roster: &Roster) -> Result<(), PortError>;
}

actions! {
    ReadRosters: "dynamodb:GetItem";
    StoreRosters: "dynamodb:UpdateItem";
    ReadConfigurations: "dynamodb:BatchGetItem" "dynamodb:GetItem";
    StoreConfigurations: "dynamodb:UpdateItem";
    RemoveConfigurations: "dynamodb:DeleteItem";
}
