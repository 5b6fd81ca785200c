//! What the recovery region has and allows, asked before a restore. Only the command line uses these ports.

use super::error::RdsError;
use super::pages::Page;
use crate::domain::id::arn::Region;
pub use crate::domain::restore::preflight::{ClassOffer, EngineVersion, GroupKind, Quotas};

/// Asks for the quotas that restores use up.
pub trait DescribeRestoreQuotas {
    /// `DescribeAccountAttributes`: the quotas of instances, clusters and storage, as far as RDS reports them.
    async fn describe_restore_quotas(&self, region: &Region) -> Result<Quotas, RdsError>;
}

/// Asks what a region offers.
pub trait DescribeOffers {
    /// `DescribeDBEngineVersions`: whether new databases may have this version.
    async fn offers_version(&self, region: &Region, of: &EngineVersion) -> Result<bool, RdsError>;

    /// `DescribeOrderableDBInstanceOptions`: whether new databases may have this class.
    async fn offers_class(&self, region: &Region, of: &ClassOffer) -> Result<bool, RdsError>;
}

/// Lists the groups of a region.
pub trait ListGroups {
    /// `DescribeDBSubnetGroups`, `DescribeDBParameterGroups`, `DescribeDBClusterParameterGroups` or `DescribeOptionGroups`:
    /// one page of names.
    async fn list_groups(
        &self,
        region: &Region,
        kind: GroupKind,
        marker: Option<String>,
    ) -> Result<Page<String>, RdsError>;
}

actions! {
    DescribeRestoreQuotas: "rds:DescribeAccountAttributes";
    DescribeOffers: "rds:DescribeDBEngineVersions" "rds:DescribeOrderableDBInstanceOptions";
    ListGroups: "rds:DescribeDBSubnetGroups" "rds:DescribeDBParameterGroups" "rds:DescribeDBClusterParameterGroups"
        "rds:DescribeOptionGroups";
}
