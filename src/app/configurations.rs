//! Stores a database's configuration when a run is started, so that a recovery point can name it.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::Timestamp;
use tracing::warn;

use crate::domain::id::arn::Family;
use crate::domain::id::names::ResourceId;
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::rds::database::Database;
use crate::domain::restore::configuration::{Configuration, ConfigurationHash, Member};
use crate::domain::restore::versions::Versions;
use crate::error::chain;
use crate::json;
use crate::ports::{Clock, PortError, ReadConfigurations, StoreConfigurations, Written};

/// What is known of some databases' configurations.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownConfigurations {
    versions: BTreeMap<ResourceId, Versions>,
    /// The rows of clusters' members, by the members' identifiers.
    members: Rc<BTreeMap<String, Member>>,
    /// Whether the versions could be read. If not, nothing is stored: a version would be entered twice.
    is_read: bool,
}

impl KnownConfigurations {
    /// Reads the versions of these databases: one call for each hundred. If they cannot be read, runs start without a
    /// configuration: a recovery point without one is better than none.
    pub(crate) async fn read<W: ReadConfigurations>(world: &W, of: &[ResourceId]) -> Self {
        let mut known = Self {
            is_read: true,
            ..Self::default()
        };
        for of in of.chunks(BATCH_GET_MAX) {
            match world.configuration_versions(of).await {
                Ok(read) => known.versions.extend(read),
                Err(error) => {
                    let error = chain(&error);
                    warn!(error, "the versions of configurations could not be read");
                    known.is_read = false;
                }
            }
        }
        known
    }

    /// The same, with the rows of members.
    pub(crate) fn with_members(self, members: Rc<BTreeMap<String, Member>>) -> Self {
        Self { members, ..self }
    }

    /// Stores the configuration of a database if it is a new version, and gives its name. Nothing if that fails: the run
    /// is worth more.
    pub(crate) async fn remember<W: Clock + ReadConfigurations + StoreConfigurations>(
        &self,
        world: &W,
        database: &Database,
    ) -> Option<ConfigurationHash> {
        if !self.is_read {
            return None;
        }
        let stored = self.store(world, database).await;
        let fault = |error: &PortError| {
            let error = chain(error);
            warn!(database = %database.arn, error, "its configuration could not be stored");
        };
        stored.inspect_err(fault).ok().flatten()
    }

    async fn store<W: Clock + ReadConfigurations + StoreConfigurations>(
        &self,
        world: &W,
        database: &Database,
    ) -> Result<Option<ConfigurationHash>, PortError> {
        let none = Versions::default();
        let versions = self.versions.get(&database.resource_id).unwrap_or(&none);
        let mut configuration = Configuration {
            database: database.arn.clone(),
            resource_id: database.resource_id.clone(),
            settings: database.captured.settings.clone(),
            members: database.captured.members.clone(),
            tags: database.tags.clone(),
        };
        if database.arn.family() == Family::Cluster {
            let is_seen = |name: &String| self.members.contains_key(name);
            let before = match versions.newest() {
                Some(newest) if !configuration.members.keys().all(is_seen) => {
                    world.configuration(&database.resource_id, newest).await?
                }
                _ => None,
            };
            configuration.know_members(&self.members, before.as_ref());
        }
        let hash = json::configuration::hash(&configuration);
        if versions.newest() == Some(&hash) {
            return Ok(Some(hash));
        }
        let now = world.now();
        world
            .store_configuration(&configuration, &hash, now)
            .await?;
        let of = &database.resource_id;
        if enter(world, of, versions, &hash, now).await? == Written::Stored {
            return Ok(Some(hash));
        }
        // Another run was faster, with this version or another one.
        let asked = std::slice::from_ref(of);
        let read = world.configuration_versions(asked).await?;
        let versions = read.get(of).unwrap_or(&none);
        let is_named = versions.newest() == Some(&hash)
            || enter(world, of, versions, &hash, now).await? == Written::Stored;
        // A configuration that is not among the versions has no time, so a run names none that it could not enter.
        Ok(is_named.then_some(hash))
    }
}

/// Enters a version as the newest one, unless another run has entered one meanwhile.
async fn enter<W: StoreConfigurations>(
    world: &W,
    of: &ResourceId,
    versions: &Versions,
    hash: &ConfigurationHash,
    now: Timestamp,
) -> Result<Written, PortError> {
    let with = versions.with(hash.clone(), now);
    world
        .set_configuration_versions(of, &with, versions.newest())
        .await
}

/// What a member's own row says of it, by its identifier. Nothing for a database that is no member.
pub(crate) fn member_row(database: &Database) -> Option<(String, Member)> {
    database.member_of.as_ref()?;
    let member = Member {
        is_writer: false,
        settings: database.captured.settings.clone(),
        tags: database.tags.clone(),
    };
    Some((database.arn.name().to_owned(), member))
}
