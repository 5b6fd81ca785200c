//! RDS for the doctor: whole lists, a page at a time.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_rds::config::{Builder, Config};
use aws_sdk_rds::types::{DbCluster, DbInstance};

use super::super::fault::{port_error, unusable};
use super::super::rds::{self, PAGE, marker_of, readable};
use super::super::rds_clusters;
use super::super::rds_errors::{Call, Unusable};
use super::{CONNECT, Doctor};
use crate::domain::arn::{KeyArn, Region};
use crate::domain::doctor::databases::{Candidate, OptionGroup};
use crate::domain::failure::Operation;
use crate::domain::snapshot::Snapshot;
use crate::ports::doctor::{
    InspectClusters, InspectInstances, ListManualClusterSnapshots, ListManualSnapshots,
    ListOptionGroups,
};
use crate::ports::{Page, PortError, RdsError};

/// How long a region may take for its first word, retries and all. The doctor asks one that says nothing no
/// further.
const FIRST_WORD: Duration = Duration::from_secs(5);

/// The first page of a region's databases shows whether it answers; the others have the doctor's own patience.
fn patience(marker: Option<&String>) -> Builder {
    if marker.is_some() {
        return Config::builder();
    }
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(FIRST_WORD)
        .operation_attempt_timeout(FIRST_WORD)
        .connect_timeout(CONNECT);
    Config::builder().timeout_config(timeouts.build())
}

impl InspectInstances for Doctor {
    async fn inspect_db_instances(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<Candidate>, RdsError> {
        let call = Call {
            operation: Operation::DescribeDbInstances,
            region,
        };
        let patience = patience(marker.as_ref());
        let page = self
            .rds(region)
            .describe_db_instances()
            .max_records(PAGE)
            .set_marker(marker)
            .customize()
            .config_override(patience)
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        let items: Result<Vec<Candidate>, Unusable> =
            page.db_instances().iter().map(instance).collect();
        Ok(Page {
            items: items.map_err(|answer| call.unusable(answer))?,
            next: marker_of(page.marker()),
        })
    }
}

fn instance(row: &DbInstance) -> Result<Candidate, Unusable> {
    let groups = row.option_group_memberships().iter();
    Ok(Candidate {
        database: rds::database(row)?,
        key: key(row.kms_key_id()),
        option_groups: groups
            // One that is on its way out does not matter any more.
            .filter(|group| {
                !group
                    .status()
                    .is_some_and(|status| status.contains("remov"))
            })
            .filter_map(|group| group.option_group_name())
            .map(ToOwned::to_owned)
            .collect(),
    })
}

impl InspectClusters for Doctor {
    async fn inspect_db_clusters(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<Candidate>, RdsError> {
        let call = Call {
            operation: Operation::DescribeDbClusters,
            region,
        };
        let patience = patience(marker.as_ref());
        let page = self
            .rds(region)
            .describe_db_clusters()
            .max_records(PAGE)
            .set_marker(marker)
            .customize()
            .config_override(patience)
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        let items: Result<Vec<Candidate>, Unusable> =
            page.db_clusters().iter().map(cluster).collect();
        Ok(Page {
            items: items.map_err(|answer| call.unusable(answer))?,
            next: marker_of(page.marker()),
        })
    }
}

/// A cluster has no option group.
fn cluster(row: &DbCluster) -> Result<Candidate, Unusable> {
    Ok(Candidate {
        database: rds_clusters::database(row)?,
        key: key(row.kms_key_id()),
        option_groups: Vec::new(),
    })
}

/// Without encryption there is no key; another form than an ARN cannot be asked for.
fn key(id: Option<&str>) -> Option<KeyArn> {
    id.and_then(|key| KeyArn::parse(key).ok())
}

impl ListManualSnapshots for Doctor {
    async fn list_manual_snapshots(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let call = Call {
            operation: Operation::DescribeDbSnapshots,
            region,
        };
        let page = self
            .rds(region)
            .describe_db_snapshots()
            .snapshot_type("manual")
            .max_records(PAGE)
            .set_marker(marker)
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        let rows = page.db_snapshots().iter();
        let items: Result<Vec<Snapshot>, Unusable> = rows
            .map(|row| readable(rds::snapshot(row), row.db_snapshot_arn(), row.tag_list()))
            .collect();
        Ok(Page {
            items: items.map_err(|answer| call.unusable(answer))?,
            next: marker_of(page.marker()),
        })
    }
}

impl ListManualClusterSnapshots for Doctor {
    async fn list_manual_cluster_snapshots(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let call = Call {
            operation: Operation::DescribeDbClusterSnapshots,
            region,
        };
        let page = self
            .rds(region)
            .describe_db_cluster_snapshots()
            .snapshot_type("manual")
            .max_records(PAGE)
            .set_marker(marker)
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        let rows = page.db_cluster_snapshots().iter();
        let items: Result<Vec<Snapshot>, Unusable> = rows
            .map(|row| {
                let read = rds_clusters::snapshot(row);
                readable(read, row.db_cluster_snapshot_arn(), row.tag_list())
            })
            .collect();
        Ok(Page {
            items: items.map_err(|answer| call.unusable(answer))?,
            next: marker_of(page.marker()),
        })
    }
}

impl ListOptionGroups for Doctor {
    async fn list_option_groups(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<OptionGroup>, PortError> {
        const ACTION: &str = "DescribeOptionGroups";
        let page = self
            .rds(region)
            .describe_option_groups()
            .max_records(PAGE)
            .set_marker(marker)
            .send()
            .await
            .map_err(|error| port_error(ACTION, &error, &[]))?;
        let items: Option<Vec<OptionGroup>> = page
            .option_groups_list()
            .iter()
            .map(|row| {
                let options = row.options().iter();
                let binding = options
                    .filter(|one| one.permanent() == Some(true) || one.persistent() == Some(true));
                Some(OptionGroup {
                    name: row.option_group_name()?.to_owned(),
                    engine: row.engine_name()?.to_owned(),
                    major_version: row.major_engine_version()?.to_owned(),
                    binding: binding
                        .filter_map(|one| one.option_name())
                        .map(ToOwned::to_owned)
                        .collect(),
                })
            })
            .collect();
        Ok(Page {
            items: items
                .ok_or_else(|| unusable(ACTION, "RDS left an option group's name or engine out"))?,
            next: marker_of(page.marker()),
        })
    }
}
