//! What one region holds, and the counts that limits are measured by.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::RdsFault;
use super::agenda::SnapshotKey;
use super::cluster::Cluster;
use super::event_log::Kept;
use super::family::Family;
use super::instance::Instance;
use super::keys::Keyring;
use super::option_groups::OptionGroup;
use super::region_groups::SubnetGroup;
use super::snapshot::{Snapshot, SnapshotType};

/// The RDS of one region.
#[derive(Clone, Debug, Default)]
pub(super) struct RegionState {
    pub(super) instances: BTreeMap<String, Instance>,
    pub(super) clusters: BTreeMap<String, Cluster>,
    pub(super) snapshots: BTreeMap<String, Snapshot>,
    pub(super) cluster_snapshots: BTreeMap<String, Snapshot>,
    pub(super) keys: Keyring,
    pub(super) option_groups: BTreeMap<String, OptionGroup>,
    pub(super) parameter_groups: BTreeSet<String>,
    pub(super) subnet_groups: BTreeMap<String, SubnetGroup>,
    pub(super) events: VecDeque<Kept>,
    pub(super) copies_in_flight: usize,
    pub(super) cluster_copies_in_flight: usize,
    pub(super) most_copies_in_flight: usize,
}

impl RegionState {
    /// The snapshots of a family, by identifier.
    pub(super) fn shelf(&self, family: Family) -> &BTreeMap<String, Snapshot> {
        match family {
            Family::Instance => &self.snapshots,
            Family::Cluster => &self.cluster_snapshots,
        }
    }

    pub(super) fn shelf_mut(&mut self, family: Family) -> &mut BTreeMap<String, Snapshot> {
        match family {
            Family::Instance => &mut self.snapshots,
            Family::Cluster => &mut self.cluster_snapshots,
        }
    }

    pub(super) fn snapshot(&self, family: Family, name: &str) -> Result<&Snapshot, RdsFault> {
        self.shelf(family)
            .get(name)
            .ok_or_else(|| family.snapshot_not_found(name))
    }

    /// The very snapshot that a key means, if it is still there.
    pub(super) fn same(&mut self, key: &SnapshotKey) -> Option<&mut Snapshot> {
        self.shelf_mut(key.family)
            .get_mut(&key.name)
            .filter(|snapshot| snapshot.serial == key.serial)
    }

    pub(super) fn manual_snapshots(&self, family: Family) -> usize {
        let manual = |snapshot: &&Snapshot| snapshot.kind == SnapshotType::Manual;
        self.shelf(family).values().filter(manual).count()
    }

    /// Refuses a name that is taken and a snapshot beyond the quota, in this order: who tries
    /// again after a lost answer learns that the first attempt worked, even with the quota full.
    pub(super) fn has_place_for(
        &self,
        family: Family,
        name: &str,
        quota: usize,
    ) -> Result<(), RdsFault> {
        let shelf = self.shelf(family);
        if shelf.contains_key(name) {
            return Err(family.snapshot_exists(name));
        }
        if shelf.len() >= quota && self.manual_snapshots(family) >= quota {
            return Err(RdsFault::ManualSnapshotQuota(quota));
        }
        Ok(())
    }

    pub(super) fn copy_takes_a_place(&mut self, family: Family) {
        self.copies_in_flight += 1;
        self.cluster_copies_in_flight += usize::from(family == Family::Cluster);
        self.most_copies_in_flight = self.most_copies_in_flight.max(self.copies_in_flight);
    }

    pub(super) fn copy_leaves_its_place(&mut self, family: Family) {
        let of_clusters = usize::from(family == Family::Cluster);
        self.copies_in_flight = self.copies_in_flight.saturating_sub(1);
        self.cluster_copies_in_flight = self.cluster_copies_in_flight.saturating_sub(of_clusters);
    }
}
