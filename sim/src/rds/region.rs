//! What one region holds, and the counts that limits are measured by.

use std::collections::BTreeMap;

use super::RdsFault;
use super::instance::Instance;
use super::keys::Keyring;
use super::snapshot::{Snapshot, SnapshotType};

/// The RDS of one region.
#[derive(Clone, Debug, Default)]
pub(super) struct RegionState {
    pub(super) instances: BTreeMap<String, Instance>,
    pub(super) snapshots: BTreeMap<String, Snapshot>,
    pub(super) keys: Keyring,
    pub(super) copies_in_flight: usize,
    pub(super) most_copies_in_flight: usize,
}

impl RegionState {
    pub(super) fn snapshot(&self, name: &str) -> Result<&Snapshot, RdsFault> {
        self.snapshots
            .get(name)
            .ok_or_else(|| RdsFault::DbSnapshotNotFound(name.to_owned()))
    }

    /// The very snapshot of that name and serial, if it is still there.
    pub(super) fn same(&mut self, name: &str, serial: u64) -> Option<&mut Snapshot> {
        self.snapshots
            .get_mut(name)
            .filter(|snapshot| snapshot.serial == serial)
    }

    pub(super) fn manual_snapshots(&self) -> usize {
        let manual = |snapshot: &&Snapshot| snapshot.kind == SnapshotType::Manual;
        self.snapshots.values().filter(manual).count()
    }

    /// Refuses a name that is taken and a snapshot beyond the quota, in this order: who tries
    /// again after a lost answer learns that the first attempt worked, even with the quota full.
    pub(super) fn has_place_for(&self, name: &str, quota: usize) -> Result<(), RdsFault> {
        if self.snapshots.contains_key(name) {
            return Err(RdsFault::DbSnapshotAlreadyExists(name.to_owned()));
        }
        if self.snapshots.len() >= quota && self.manual_snapshots() >= quota {
            return Err(RdsFault::ManualSnapshotQuota(quota));
        }
        Ok(())
    }

    pub(super) fn copy_takes_a_place(&mut self) {
        self.copies_in_flight += 1;
        self.most_copies_in_flight = self.most_copies_in_flight.max(self.copies_in_flight);
    }

    pub(super) fn copy_leaves_its_place(&mut self) {
        self.copies_in_flight = self.copies_in_flight.saturating_sub(1);
    }
}
