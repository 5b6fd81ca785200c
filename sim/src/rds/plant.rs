//! Snapshots that were there before the world began.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::family::Family;
use super::names::{RdsArn, Region};
use super::planned_outcome::PlannedOutcome;
use super::snapshot::{CopySource, Origin, Snapshot, SnapshotType, SourceInstance, Stage};
use super::tags::Tags;
use super::work::arn;
use super::{Rds, RdsFault};

/// A snapshot as an operator puts it there, with a past.
#[derive(Clone, Debug)]
pub struct PlantedSnapshot {
    /// What it is a snapshot of.
    pub family: Family,
    /// Its identifier, which for one of RDS's own begins with `rds:` and for one of AWS Backup's with `awsbackup:`.
    pub name: String,
    /// SnapshotType.
    pub kind: SnapshotType,
    /// What it keeps of its database, which may be gone.
    pub instance: SourceInstance,
    /// The ARN of its key.
    pub kms_key: Option<String>,
    /// Whether it is encrypted under a key that AWS owns; without effect beside `kms_key`.
    pub aws_owned_key: bool,
    /// Its tags.
    pub tags: Tags,
    /// The moment whose data it holds.
    pub taken_at: Timestamp,
    /// When it was made; for a copy, later than that.
    pub made_at: Timestamp,
    /// The ARN of the snapshot that it is a copy of, which may be gone.
    pub copied_from: Option<String>,
    /// The accounts that it is shared with.
    pub shared_with: BTreeSet<String>,
    /// Where it is in its life: at rest, `Available` or `Failed`.
    pub stage: Stage,
}

impl Rds {
    /// Puts a snapshot there that is at rest, without an event. No quota and no rule for names prevents it.
    ///
    /// # Errors
    /// `DBSnapshotAlreadyExists` or `DBClusterSnapshotAlreadyExistsFault`; `InvalidParameterValue` where `copied_from`
    /// is no ARN.
    pub fn plant_snapshot(
        &mut self,
        region: &Region,
        planted: PlantedSnapshot,
    ) -> Result<(), RdsFault> {
        let family = planted.family;
        let name = planted.name.to_ascii_lowercase();
        let origin = match &planted.copied_from {
            None => Origin::Taken,
            Some(text) => Origin::Copied(self.planted_source(family, region, text)?),
        };
        let serial = self.next_serial();
        let account = self.config.account.clone();
        let state = self.region_mut(region);
        if state.shelf(family).contains_key(&name) {
            return Err(family.snapshot_exists(&name));
        }
        let snapshot = Snapshot {
            family,
            arn: arn(family, region, &account, &name),
            kind: planted.kind,
            origin,
            size: u64::from(planted.instance.allocated_storage) << 29,
            instance: Arc::new(planted.instance),
            kms_key: planted.kms_key,
            aws_owned_key: planted.aws_owned_key,
            tags: planted.tags,
            taken_at: planted.taken_at,
            begun_at: planted.made_at,
            shared_with: planted.shared_with,
            planned: PlannedOutcome::default(),
            ends_at: planted.made_at,
            serial,
            stages: vec![(planted.made_at, planted.stage)],
            name: name.clone(),
        };
        state.shelf_mut(family).insert(name, snapshot);
        Ok(())
    }

    fn planted_source(
        &self,
        family: Family,
        region: &Region,
        text: &str,
    ) -> Result<CopySource, RdsFault> {
        let arn = RdsArn::parse(text).ok_or_else(|| {
            RdsFault::InvalidParameterValue(format!("Invalid snapshot identifier:  {text}"))
        })?;
        let state = self.regions.get(&arn.region);
        let source = state.and_then(|state| state.shelf(family).get(&arn.name));
        Ok(CopySource {
            arn: text.to_owned(),
            across_regions: arn.region != *region,
            // No snapshot has the serial 0.
            serial: source.map_or(0, |source| source.serial),
            region: arn.region,
            name: arn.name,
        })
    }
}
