//! What a region has and allows, for preflight. Only the command line links it.

use super::clients::Aws;
use super::rds::PAGE;
use super::rds_errors::Call;
use crate::domain::id::arn::Region;
use crate::domain::restore::preflight::{
    ClassOffer, EngineVersion, GroupKind, Quota, QuotaKind, Quotas,
};
use crate::domain::run::failure::Operation;
use crate::ports::{
    DescribeOffers, DescribeRestoreQuotas, ListGroups, PAGES_MAX, Page, RdsError, all_rows,
};

fn next(marker: Option<&str>) -> Option<String> {
    let marker = marker.filter(|marker| !marker.is_empty());
    marker.map(ToOwned::to_owned)
}

/// The names of one page.
fn page<'a>(names: impl Iterator<Item = Option<&'a str>>, marker: Option<&str>) -> Page<String> {
    Page::new(
        names.flatten().map(ToOwned::to_owned).collect(),
        next(marker),
    )
}

impl<Extra> DescribeRestoreQuotas for Aws<Extra> {
    async fn describe_restore_quotas(&self, region: &Region) -> Result<Quotas, RdsError> {
        let call = Call {
            operation: Operation::DescribeAccountAttributes,
            region,
        };
        let request = self.rds(region).describe_account_attributes();
        let answer = request.send().await.map_err(|error| call.refused(&error))?;
        let known = answer.account_quotas().iter().filter_map(|row| {
            let mut kinds = QuotaKind::ALL.into_iter();
            let kind = kinds.find(|kind| row.account_quota_name() == Some(kind.as_str()))?;
            let quota = Quota {
                used: row.used()?,
                max: row.max()?,
            };
            Some((kind, quota))
        });
        Ok(known.collect())
    }
}

impl<Extra> DescribeOffers for Aws<Extra> {
    async fn offers_version(&self, region: &Region, of: &EngineVersion) -> Result<bool, RdsError> {
        let call = Call {
            operation: Operation::DescribeDbEngineVersions,
            region,
        };
        let endless = |endless| RdsError::endless(call.operation, region, endless);
        let found = all_rows(PAGES_MAX, endless, |marker| async {
            let request = self
                .rds(region)
                .describe_db_engine_versions()
                .engine(&of.engine)
                .engine_version(&of.version)
                .max_records(PAGE)
                .set_marker(marker);
            let answer = request.send().await.map_err(|error| call.refused(&error))?;
            let rows = answer.db_engine_versions().iter();
            Ok(page(rows.map(|row| row.engine_version()), answer.marker()))
        });
        // An engine version as RDS lists it may be more than what was asked for.
        Ok(found.await?.contains(&of.version))
    }

    async fn offers_class(&self, region: &Region, of: &ClassOffer) -> Result<bool, RdsError> {
        let call = Call {
            operation: Operation::DescribeOrderableDbInstanceOptions,
            region,
        };
        let endless = |endless| RdsError::endless(call.operation, region, endless);
        let found = all_rows(PAGES_MAX, endless, |marker| async {
            let request = self
                .rds(region)
                .describe_orderable_db_instance_options()
                .engine(&of.of.engine)
                .engine_version(&of.of.version)
                .db_instance_class(&of.class)
                .max_records(PAGE)
                .set_marker(marker);
            let answer = request.send().await.map_err(|error| call.refused(&error))?;
            let rows = answer.orderable_db_instance_options().iter();
            Ok(page(
                rows.map(|row| row.db_instance_class()),
                answer.marker(),
            ))
        });
        Ok(found.await?.contains(&of.class))
    }
}

impl<Extra> ListGroups for Aws<Extra> {
    async fn list_groups(
        &self,
        region: &Region,
        kind: GroupKind,
        marker: Option<String>,
    ) -> Result<Page<String>, RdsError> {
        let call = Call {
            operation: kind.listed_by(),
            region,
        };
        let client = self.rds(region);
        match kind {
            GroupKind::Subnets => {
                let request = client
                    .describe_db_subnet_groups()
                    .max_records(PAGE)
                    .set_marker(marker);
                let answer = request.send().await.map_err(|error| call.refused(&error))?;
                let rows = answer.db_subnet_groups().iter();
                Ok(page(
                    rows.map(|row| row.db_subnet_group_name()),
                    answer.marker(),
                ))
            }
            GroupKind::Parameters => {
                let request = client
                    .describe_db_parameter_groups()
                    .max_records(PAGE)
                    .set_marker(marker);
                let answer = request.send().await.map_err(|error| call.refused(&error))?;
                let rows = answer.db_parameter_groups().iter();
                Ok(page(
                    rows.map(|row| row.db_parameter_group_name()),
                    answer.marker(),
                ))
            }
            GroupKind::ClusterParameters => {
                let request = client
                    .describe_db_cluster_parameter_groups()
                    .max_records(PAGE)
                    .set_marker(marker);
                let answer = request.send().await.map_err(|error| call.refused(&error))?;
                let rows = answer.db_cluster_parameter_groups().iter();
                Ok(page(
                    rows.map(|row| row.db_cluster_parameter_group_name()),
                    answer.marker(),
                ))
            }
            GroupKind::Options => {
                let request = client
                    .describe_option_groups()
                    .max_records(PAGE)
                    .set_marker(marker);
                let answer = request.send().await.map_err(|error| call.refused(&error))?;
                let rows = answer.option_groups_list().iter();
                Ok(page(
                    rows.map(|row| row.option_group_name()),
                    answer.marker(),
                ))
            }
        }
    }
}
