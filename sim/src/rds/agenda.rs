//! What is due to happen, in order.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::event::EmittedEvent;
use super::family::Family;
use super::names::Region;

/// One snapshot among all that ever were.
#[derive(Clone, Debug)]
pub(super) struct SnapshotKey {
    pub(super) family: Family,
    pub(super) region: Region,
    pub(super) name: String,
    pub(super) serial: u64,
}

/// One database among all that ever were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DatabaseKey {
    pub(super) family: Family,
    pub(super) region: Region,
    pub(super) name: String,
    pub(super) resource_id: String,
}

/// What is due to happen to a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DatabaseStep {
    /// It has been made.
    Ready,
    /// A change of it begins.
    ChangeBegins,
    /// A change of it is in force.
    ChangeEnds,
    /// A backup of it is done.
    BackupEnds,
    /// It has been restarted.
    Restarted,
    /// It has been stopped.
    Stopped,
    /// Its new roles are active.
    RolesActive,
    /// It is gone.
    Gone,
}

/// Something that is due to happen.
#[derive(Clone, Debug)]
pub(super) enum Due {
    /// A queued copy begins.
    CopyBegins(SnapshotKey),
    /// A snapshot or copy ends.
    WorkEnds(SnapshotKey),
    /// An automated snapshot has been kept for as long as its database says.
    Expires(SnapshotKey),
    /// A deleted snapshot is gone.
    Gone(SnapshotKey),
    /// An event arrives on the bus.
    EventArrives(SnapshotKey, Box<EmittedEvent>),
    /// Something happens to a database.
    Database(DatabaseKey, DatabaseStep),
    /// An event about a database arrives on the bus.
    DatabaseEventArrives(DatabaseKey, Box<EmittedEvent>),
}

/// All that is due; what falls on the same moment happens in the order it was entered.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    entries: BTreeMap<(Timestamp, u64), Due>,
    entered: u64,
}

impl Agenda {
    pub(super) fn enter(&mut self, at: Timestamp, due: Due) {
        self.entered += 1;
        self.entries.insert((at, self.entered), due);
    }

    pub(super) fn enter_database(&mut self, at: Timestamp, key: DatabaseKey, step: DatabaseStep) {
        self.enter(at, Due::Database(key, step));
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.entries.first_key_value().map(|((at, _), _)| *at)
    }

    /// Whether there is more than snapshots that will expire one day.
    pub(super) fn has_work(&self) -> bool {
        let mut entries = self.entries.values();
        entries.any(|due| !matches!(due, Due::Expires(_)))
    }

    /// The earliest entry, if it is due by `limit`.
    pub(super) fn pop(&mut self, limit: Timestamp) -> Option<(Timestamp, Due)> {
        if self.next()? > limit {
            return None;
        }
        self.entries.pop_first().map(|((at, _), due)| (at, due))
    }
}
