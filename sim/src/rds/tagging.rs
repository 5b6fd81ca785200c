//! The calls about tags.

use jiff::Timestamp;

use super::names::{RdsArn, Region};
use super::tags::Tags;
use super::{Rds, RdsFault};

impl Rds {
    /// ListTagsForResource.
    ///
    /// # Errors
    /// `InvalidParameterValue` when it is no ARN of a resource here, `DBSnapshotNotFound`,
    /// `DBInstanceNotFound`, `DBClusterSnapshotNotFoundFault`, `DBClusterNotFoundFault`.
    pub fn list_tags_for_resource(
        &mut self,
        region: &Region,
        arn: &str,
        now: Timestamp,
    ) -> Result<Tags, RdsFault> {
        self.run_until(now);
        Ok(self.tags_mut(region, arn)?.clone())
    }

    /// AddTagsToResource.
    ///
    /// # Errors
    /// As [`Rds::list_tags_for_resource`]; `InvalidParameterValue` for tags RDS does not take.
    pub fn add_tags_to_resource(
        &mut self,
        region: &Region,
        arn: &str,
        tags: &[(String, String)],
        now: Timestamp,
    ) -> Result<(), RdsFault> {
        self.run_until(now);
        if tags.is_empty() {
            return Err(RdsFault::MissingParameter("Tags".to_owned()));
        }
        let more = Tags::from_caller(tags)?;
        self.tags_mut(region, arn)?.merge(more)
    }

    /// RemoveTagsFromResource.
    ///
    /// # Errors
    /// As [`Rds::list_tags_for_resource`].
    pub fn remove_tags_from_resource(
        &mut self,
        region: &Region,
        arn: &str,
        keys: &[String],
        now: Timestamp,
    ) -> Result<(), RdsFault> {
        self.run_until(now);
        if keys.is_empty() {
            return Err(RdsFault::MissingParameter("TagKeys".to_owned()));
        }
        self.tags_mut(region, arn)?.remove(keys);
        Ok(())
    }

    fn tags_mut(&mut self, region: &Region, arn: &str) -> Result<&mut Tags, RdsFault> {
        let account = self.config.account.clone();
        let parsed = RdsArn::parse(arn)
            .filter(|parsed| parsed.region == *region && parsed.account == account)
            .ok_or_else(|| invalid(format!("Invalid resource name: {arn}")))?;
        let state = self.region_mut(region);
        match parsed.kind.as_str() {
            "snapshot" => {
                let found = state.snapshots.get_mut(&parsed.name);
                let found = found.map(|snapshot| &mut snapshot.tags);
                found.ok_or(RdsFault::DbSnapshotNotFound(parsed.name))
            }
            "cluster-snapshot" => {
                let found = state.cluster_snapshots.get_mut(&parsed.name);
                let found = found.map(|snapshot| &mut snapshot.tags);
                found.ok_or(RdsFault::DbClusterSnapshotNotFound(parsed.name))
            }
            "db" => {
                let found = state.instances.get_mut(&parsed.name);
                let found = found.map(|instance| &mut instance.spec.tags);
                found.ok_or(RdsFault::DbInstanceNotFound(parsed.name))
            }
            "cluster" => {
                let found = state.clusters.get_mut(&parsed.name);
                let found = found.map(|cluster| &mut cluster.spec.tags);
                found.ok_or(RdsFault::DbClusterNotFound(parsed.name))
            }
            _ => Err(invalid(format!("Invalid resource name: {arn}"))),
        }
    }
}

fn invalid(message: String) -> RdsFault {
    RdsFault::InvalidParameterValue(message)
}
