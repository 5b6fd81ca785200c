//! Deleting snapshots.

use jiff::Timestamp;

use super::agenda::{Due, SnapshotKey};
use super::event::Happening;
use super::family::Family;
use super::names::Region;
use super::snapshot::{Origin, Snapshot, SnapshotDescription, SnapshotType, Stage};
use super::work::later;
use super::{Rds, RdsFault};

/// Keeps what is drawn for a deletion apart from what was drawn for the snapshot itself.
const DELETION: u64 = 1 << 63;

impl Rds {
    /// DeleteDBSnapshot. It answers `deleted` while describe still shows the snapshot as `deleting`. A copy of the
    /// snapshot that is under way fails, and the snapshot itself may be a copy that is under way.
    ///
    /// # Errors
    /// `DBSnapshotNotFound`; `InvalidDBSnapshotState` for one that is being taken or deleted, and for one that RDS or
    /// AWS Backup took.
    pub fn delete_db_snapshot(
        &mut self,
        region: &Region,
        name: &str,
        now: Timestamp,
    ) -> Result<SnapshotDescription, RdsFault> {
        let mut shown = self.delete(Family::Instance, region, name, now)?;
        shown.stage = Stage::Deleted;
        Ok(shown)
    }

    /// DeleteDBClusterSnapshot. It answers with the status that the snapshot had, `available` in most cases, while
    /// describe already shows it as `deleting`. Otherwise as [`Rds::delete_db_snapshot`].
    ///
    /// # Errors
    /// `DBClusterSnapshotNotFoundFault`; `InvalidDBClusterSnapshotStateFault` for one that is being taken or deleted,
    /// and for one that RDS or AWS Backup took.
    pub fn delete_db_cluster_snapshot(
        &mut self,
        region: &Region,
        name: &str,
        now: Timestamp,
    ) -> Result<SnapshotDescription, RdsFault> {
        self.delete(Family::Cluster, region, name, now)
    }

    /// Begins the deletion, and returns what there was to show before.
    fn delete(
        &mut self,
        family: Family,
        region: &Region,
        name: &str,
        now: Timestamp,
    ) -> Result<SnapshotDescription, RdsFault> {
        let now = self.run_until(now);
        let name = name.to_ascii_lowercase();
        let snapshot = self.region_mut(region).snapshot(family, &name)?.clone();
        if let Some(why) = refusal(&snapshot) {
            return Err(family.invalid_snapshot_state(why));
        }
        let before = snapshot.described_at(now);
        let before = before.ok_or_else(|| family.snapshot_not_found(&name))?;
        if let (Origin::Copied(from), true) = (&snapshot.origin, snapshot.stage().is_under_way()) {
            let canceled = Happening::CopyCanceled(from.clone());
            self.announce(region, &snapshot, &canceled, now, Default::default());
        }
        let key = snapshot.key(region);
        self.fail_copies_of(&key, now);
        let state = self.region_mut(region);
        if snapshot.is_a_copy_in_flight() {
            state.copy_leaves_its_place(family);
        }
        if let Some(snapshot) = state.same(&key) {
            snapshot.enter(Stage::Deleting, now);
        }
        let mut rng = self.rng_of(key.serial.wrapping_add(DELETION));
        let gone_at = later(now, self.config.timings.deletion.draw(&mut rng));
        self.agenda.enter(gone_at, Due::Gone(key));
        Ok(before)
    }

    /// Ends the copies of a snapshot that are under way, in every region. RDS has no event for a failure.
    fn fail_copies_of(&mut self, source: &SnapshotKey, now: Timestamp) {
        for state in self.regions.values_mut() {
            let is_copy = |copy: &&mut Snapshot| {
                copy.stage().is_under_way()
                    && matches!(&copy.origin, Origin::Copied(from)
                        if from.serial == source.serial && from.region == source.region)
            };
            let mut places = 0;
            for copy in state.shelf_mut(source.family).values_mut().filter(is_copy) {
                places += usize::from(copy.is_a_copy_in_flight());
                copy.enter(Stage::Failed, now);
            }
            for _ in 0..places {
                state.copy_leaves_its_place(source.family);
            }
        }
    }
}

/// Why a snapshot cannot be deleted, in RDS's words where a public report quotes them. The sharing of a snapshot does
/// not hold it.
fn refusal(snapshot: &Snapshot) -> Option<String> {
    let stage = snapshot.stage();
    let is_being_taken = stage == Stage::Creating && snapshot.origin == Origin::Taken;
    match (snapshot.kind, snapshot.family) {
        (SnapshotType::AwsBackup, _) => Some(format!(
            "Cannot delete the snapshot {}: AWS Backup manages it.",
            snapshot.name
        )),
        (SnapshotType::Automated, Family::Instance) => {
            Some("automated snapshots cannot be deleted.".to_owned())
        }
        (SnapshotType::Automated, Family::Cluster) => {
            Some("Only manual snapshots may be deleted.".to_owned())
        }
        (SnapshotType::Manual, _) if is_being_taken || stage == Stage::Deleting => Some(format!(
            "Cannot delete the snapshot {} because it is in the {} state.",
            snapshot.name,
            stage.as_str()
        )),
        (SnapshotType::Manual, _) => None,
    }
}
