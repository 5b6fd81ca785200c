//! Lists manual snapshots.

use super::clients::Aws;
use super::rds::{Selection, snapshots};
use crate::domain::id::arn::{Family, Region};
use crate::domain::rds::snapshot::Snapshot;
use crate::ports::doctor::ListManualSnapshots;
use crate::ports::{Page, RdsError};

impl<Extra> ListManualSnapshots for Aws<Extra> {
    async fn list_manual_snapshots(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let selection = Selection {
            snapshot_type: Some("manual".to_owned()),
            ..Selection::default()
        };
        snapshots(&self.rds(region), region, family, selection, marker).await
    }
}
