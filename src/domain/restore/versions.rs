//! The versions of a database's configuration.

use jiff::Timestamp;

use super::configuration::ConfigurationHash;

/// How many versions are listed. The oldest go first; a recovery point still names its own.
pub const VERSIONS_MAX: usize = 100;

/// One version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its hash.
    pub hash: ConfigurationHash,
    /// When a run first began with it.
    pub since: Timestamp,
    /// Since when the pruner has found no recovery point that names it.
    pub unnamed_since: Option<Timestamp>,
    /// Whether the pruner has removed it.
    pub is_removed: bool,
}

/// The versions of a database's configuration, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    /// All that are listed.
    pub all: Vec<Version>,
}

impl Versions {
    /// The newest.
    #[must_use]
    pub fn newest(&self) -> Option<&ConfigurationHash> {
        self.all.last().map(|version| &version.hash)
    }

    /// The version that was in force at a time: the last that was known by then.
    #[must_use]
    pub fn at(&self, time: Timestamp) -> Option<&Version> {
        self.all.iter().rev().find(|version| version.since <= time)
    }

    /// The same with a newer one.
    #[must_use]
    pub fn with(&self, hash: ConfigurationHash, since: Timestamp) -> Self {
        let mut all = self.all.clone();
        all.push(Version {
            hash,
            since,
            unnamed_since: None,
            is_removed: false,
        });
        let over = all.len().saturating_sub(VERSIONS_MAX);
        all.drain(..over);
        Self { all }
    }
}
