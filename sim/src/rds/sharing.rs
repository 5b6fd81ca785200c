//! The calls about whom a snapshot is shared with.

use jiff::Timestamp;

use super::family::Family;
use super::names::Region;
use super::request::{ModifySnapshotAttribute, SnapshotAttributes};
use super::snapshot::{Snapshot, SnapshotType, Stage};
use super::{Rds, RdsFault};

/// The only attribute that a snapshot has.
const RESTORE: &str = "restore";
/// How many accounts a snapshot may be shared with (RDS User Guide, Sharing a DB snapshot).
const ACCOUNTS_MAX: usize = 20;

impl Rds {
    /// DescribeDBSnapshotAttributes or DescribeDBClusterSnapshotAttributes.
    ///
    /// # Errors
    /// `DBSnapshotNotFound` or `DBClusterSnapshotNotFoundFault`.
    pub fn describe_snapshot_attributes(
        &mut self,
        family: Family,
        region: &Region,
        name: &str,
        now: Timestamp,
    ) -> Result<SnapshotAttributes, RdsFault> {
        self.run_until(now);
        let name = name.to_ascii_lowercase();
        self.region_mut(region).snapshot(family, &name).map(shown)
    }

    /// ModifyDBSnapshotAttribute or ModifyDBClusterSnapshotAttribute. Sharing a snapshot does not hold it: its owner
    /// can delete it all the same.
    ///
    /// # Errors
    /// `DBSnapshotNotFound`, `InvalidDBSnapshotState` for one that is not manual or not available,
    /// `InvalidParameterValue` for another attribute, for what is no account, and for `all` on an encrypted snapshot,
    /// `SharedSnapshotQuotaExceeded`; for clusters with the codes of clusters. Nothing is changed then.
    pub fn modify_snapshot_attribute(
        &mut self,
        family: Family,
        region: &Region,
        request: &ModifySnapshotAttribute,
        now: Timestamp,
    ) -> Result<SnapshotAttributes, RdsFault> {
        self.run_until(now);
        let name = request.snapshot.to_ascii_lowercase();
        let state = self.region_mut(region);
        let snapshot = state.shelf_mut(family).get_mut(&name);
        let snapshot = snapshot.ok_or_else(|| family.snapshot_not_found(&name))?;
        if request.attribute != RESTORE {
            let message = format!("Invalid snapshot attribute: {}", request.attribute);
            return Err(RdsFault::InvalidParameterValue(message));
        }
        if snapshot.kind != SnapshotType::Manual {
            let message = format!("{} snapshots cannot be modified.", snapshot.kind.as_str());
            return Err(family.invalid_snapshot_state(message));
        }
        if snapshot.stage() != Stage::Available {
            let stage = snapshot.stage().as_str();
            let message = format!("The snapshot {name} is {stage}, but must be available.");
            return Err(family.invalid_snapshot_state(message));
        }
        for value in &request.add {
            may_be_shared_with(snapshot, value)?;
        }
        let mut shared_with = snapshot.shared_with.clone();
        shared_with.extend(request.add.iter().cloned());
        shared_with.retain(|account| !request.remove.contains(account));
        if shared_with.len() > ACCOUNTS_MAX {
            return Err(RdsFault::SharedSnapshotQuota(ACCOUNTS_MAX));
        }
        snapshot.shared_with = shared_with;
        Ok(shown(snapshot))
    }
}

fn may_be_shared_with(snapshot: &Snapshot, value: &str) -> Result<(), RdsFault> {
    let is_account = value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit());
    if value == "all" && snapshot.kms_key.is_some() {
        let message = "An encrypted snapshot cannot be made public.".to_owned();
        return Err(RdsFault::InvalidParameterValue(message));
    }
    if is_account || value == "all" {
        return Ok(());
    }
    let message = format!("{value} is not the ID of an AWS account.");
    Err(RdsFault::InvalidParameterValue(message))
}

fn shown(snapshot: &Snapshot) -> SnapshotAttributes {
    SnapshotAttributes {
        family: snapshot.family,
        snapshot: snapshot.name.clone(),
        restore: snapshot.shared_with.iter().cloned().collect(),
    }
}
