//! What RDS asks of a copy before it begins one.

use super::encryption::KeylessClusterCopies;
use super::family::Family;
use super::instance::IN_THE_REGION;
use super::names::{CHINA, GOVCLOUD, RdsArn, Region};
use super::request::CopyDbSnapshot;
use super::snapshot::{CopySource, Snapshot};
use super::{Rds, RdsFault};

impl Rds {
    /// Reads the source of a copy: a name of the same region, or an ARN of any.
    pub(super) fn source_of_copy(
        &self,
        family: Family,
        region: &Region,
        text: &str,
    ) -> Result<CopySource, RdsFault> {
        if text.is_empty() {
            return Err(invalid(format!(
                "The parameter Source{} must be provided and must not be blank.",
                family.name_parameter()
            )));
        }
        let kind = family.snapshot_kind();
        let arn = if text.starts_with("arn:") {
            let arn = RdsArn::parse(text).filter(|arn| arn.kind == kind);
            arn.ok_or_else(|| invalid(format!("Invalid snapshot identifier:  {text}")))?
        } else {
            RdsArn {
                region: region.clone(),
                account: self.config.account.clone(),
                kind: kind.to_owned(),
                name: text.to_ascii_lowercase(),
            }
        };
        if arn.account != self.config.account {
            return Err(family.snapshot_not_found(text));
        }
        let across_regions = arn.region != *region;
        let whole = arn.to_string();
        Ok(CopySource {
            arn: whole,
            region: arn.region,
            name: arn.name,
            serial: 0,
            across_regions,
        })
    }

    /// The key a copy will be under, by RDS's rules.
    pub(super) fn key_of_copy(
        &mut self,
        region: &Region,
        from: &CopySource,
        source: &Snapshot,
        named: Option<&str>,
    ) -> Result<Option<String>, RdsFault> {
        if let Some(key) = &source.kms_key
            && !self.region_mut(&from.region).keys.is_usable(key)
        {
            return Err(RdsFault::KmsKeyNotAccessible(format!(
                "The source snapshot KMS key [{key}] does not exist, is not enabled or you do \
                 not have permissions to access it."
            )));
        }
        match named {
            // The wording is ours: no public report quotes RDS's.
            Some(_) if self.refuses_a_key_for(source) => Err(invalid(
                "The source DB cluster snapshot is not encrypted, so its copy cannot be."
                    .to_owned(),
            )),
            Some(named) => {
                let account = self.config.account.clone();
                self.region_mut(region)
                    .keys
                    .resolve(region, &account, named)
                    .map(Some)
            }
            // Code and wording as users report them, for instance in
            // github.com/pbudzon/aws-maintenance/issues/5.
            None if source.kms_key.is_some() && from.across_regions => Err(invalid(
                "Must specify new KMS key for cross region encrypted snapshot copy.".to_owned(),
            )),
            None => Ok(source.kms_key.clone()),
        }
    }

    /// Whether RDS takes no key for the copy of this snapshot.
    fn refuses_a_key_for(&self, source: &Snapshot) -> bool {
        source.family == Family::Cluster
            && source.kms_key.is_none()
            && self.config.keyless_cluster_copies == KeylessClusterCopies::Refused
    }

    pub(super) fn has_place_for_a_copy(
        &mut self,
        family: Family,
        region: &Region,
        from: &CopySource,
    ) -> Result<(), RdsFault> {
        if !from.across_regions {
            return Ok(());
        }
        let of_all = self.config.max_copies_in_flight;
        let of_clusters = self.config.max_cluster_copies_in_flight;
        let state = self.region_mut(region);
        if state.copies_in_flight >= of_all {
            return Err(RdsFault::CopiesInFlightQuota(of_all));
        }
        if family == Family::Cluster && state.cluster_copies_in_flight >= of_clusters {
            return Err(RdsFault::CopiesInFlightQuota(of_clusters));
        }
        Ok(())
    }
}

/// Refuses what RDS does not copy to another region. The wordings are ours.
pub(super) fn crosses_regions(
    to: &Region,
    from: &CopySource,
    source: &Snapshot,
    request: &CopyDbSnapshot,
) -> Result<(), RdsFault> {
    let partition = to.partition();
    let of = &source.instance;
    let why = if partition != from.region.partition() {
        "A snapshot cannot be copied to another partition."
    } else if partition == CHINA && of.engine != "neptune" {
        "Snapshots are not copied between the Regions in China."
    } else if partition == GOVCLOUD && request.pre_signed_url.is_none() {
        "PreSignedUrl must be specified for a copy between the AWS GovCloud (US) Regions."
    } else if source.is_of_multi_az_cluster() {
        "Snapshots of Multi-AZ DB clusters cannot be copied across Regions."
    } else if of.engine.starts_with("custom-oracle") {
        "Snapshots of RDS Custom for Oracle cannot be copied across Regions."
    } else if of.backup_target != IN_THE_REGION {
        "Snapshots that are not kept in a Region cannot be copied across Regions."
    } else {
        return Ok(());
    };
    Err(invalid(why.to_owned()))
}

fn invalid(message: String) -> RdsFault {
    RdsFault::InvalidParameterValue(message)
}
