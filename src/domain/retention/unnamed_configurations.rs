//! What snapshots name of the catalog, and what they do not.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::CONFIGURATION;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::restore::configuration::ConfigurationHash;
use crate::domain::run::command::ProtectionRequest;

/// The configurations that the snapshots of a region name, also those of other stacks and of people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedConfigurations {
    /// What their tags say, and the runs whose copies are awaited.
    pub tags: BTreeSet<String>,
    /// Whether a row could not be read: nobody knows what its tags name.
    pub has_unreadable: bool,
}

impl NamedConfigurations {
    /// Looks at a run whose snapshot or copy is awaited. Its copy may name the configuration only later.
    pub fn add_run(&mut self, run: &ProtectionRequest) {
        if let Some(named) = &run.options.configuration {
            self.tags.insert(named.to_string());
        }
    }

    /// Looks at a snapshot.
    pub fn add(&mut self, snapshot: &Snapshot) {
        if let Some(named) = snapshot.tags.get(CONFIGURATION)
            && !self.tags.contains(named)
        {
            self.tags.insert(named.clone());
        }
        self.has_unreadable |= snapshot.is_unreadable();
    }
}

/// A configuration that no recovery point names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnnamedConfiguration {
    /// Its database.
    pub database: RdsArn,
    /// Its database's resource id.
    pub resource_id: ResourceId,
    /// The configuration.
    pub configuration: ConfigurationHash,
    /// Since when the pruner has found so. Nothing if it has not looked yet.
    pub since: Option<Timestamp>,
}

/// The configurations that no recovery point names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnnamedConfigurations {
    /// How many there are.
    pub count: usize,
    /// The first thousand of them.
    pub first: Vec<UnnamedConfiguration>,
}
