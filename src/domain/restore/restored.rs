//! What RDS shows of a database that a restore makes, or has made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::setting::Setting;
use super::value::{Settings, Value};
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::Tags;

/// A database, as RDS shows it while it is restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredDatabase {
    /// Its identifier.
    pub name: String,
    /// Its resource id, which no other database ever has.
    pub resource_id: ResourceId,
    /// The cluster that it is a member of.
    pub member_of: Option<String>,
    /// Its status, in RDS's word.
    pub status: String,
    /// When it was made. RDS may leave this out until it is.
    pub created_at: Option<Timestamp>,
    /// Its tags.
    pub tags: Tags,
    /// Its settings.
    pub settings: Settings,
    /// Whether a change of it is not made yet.
    pub has_pending_changes: bool,
    /// Whether one of its parameter groups waits for a restart.
    pub needs_restart: bool,
    /// The roles that are not active yet, by their ARNs.
    pub inactive_roles: BTreeSet<String>,
    /// How much of its storage is loaded from the snapshot, in percent. Nothing once all is, or if RDS does not say.
    pub loaded: Option<u8>,
}

/// What a status means for a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fitness {
    /// It can be used and changed.
    Ready,
    /// It can be used, and RDS refuses changes.
    Reachable,
    /// It will be something else later. An unknown status is one of these.
    Busy,
    /// It stays so until a person acts.
    Broken,
}

/// Statuses that no wait ends.
const BROKEN: [&str; 11] = [
    "failed",
    "incompatible-restore",
    "restore-error",
    "incompatible-network",
    "incompatible-parameters",
    "incompatible-option-group",
    "insufficient-capacity",
    "inaccessible-encryption-credentials",
    "storage-full",
    "migration-failed",
    "deleting",
];

impl Fitness {
    /// The meaning of a status.
    #[must_use]
    pub fn of(status: &str) -> Self {
        match status {
            "available" | "storage-optimization" => Self::Ready,
            "backing-up" => Self::Reachable,
            broken if BROKEN.contains(&broken) => Self::Broken,
            _ => Self::Busy,
        }
    }
}

impl RestoredDatabase {
    /// What its status means.
    #[must_use]
    pub fn fitness(&self) -> Fitness {
        Fitness::of(&self.status)
    }

    /// Whether clients can use it. Only a cluster's own row has no endpoint of instances.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        let has_status = matches!(self.fitness(), Fitness::Ready | Fitness::Reachable);
        has_status && self.endpoint().is_some()
    }

    /// Whether RDS backs it up.
    #[must_use]
    pub fn has_backups(&self) -> bool {
        let days = self.settings.get(&Setting::BackupRetentionPeriod);
        days.and_then(Value::as_number).is_some_and(|days| days > 0)
    }

    /// The name that clients connect to.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.settings.get(&Setting::Endpoint)?.as_text()
    }
}

/// What RDS shows of one restore: the database, and its members if it is a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The database of the restore's name.
    pub database: Option<RestoredDatabase>,
    /// The instances of the members' names.
    pub members: BTreeMap<String, RestoredDatabase>,
}
