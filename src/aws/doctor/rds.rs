//! RDS for the doctor: whole lists, a page at a time.

use aws_sdk_rds::types::DbInstance;

use super::super::fault::{port_error, unusable};
use super::super::rds::{PAGE, database, marker_of, read};
use super::super::rds_errors::{Call, Unusable};
use super::Doctor;
use crate::domain::arn::{KeyArn, Region};
use crate::domain::doctor::databases::{Candidate, OptionGroup};
use crate::domain::failure::Operation;
use crate::domain::snapshot::Snapshot;
use crate::ports::doctor::{InspectInstances, ListManualSnapshots, ListOptionGroups};
use crate::ports::{Page, PortError, RdsError};

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
        let page = self
            .rds(region)
            .describe_db_instances()
            .max_records(PAGE)
            .set_marker(marker)
            .send()
            .await
            .map_err(|error| call.refused(&error))?;
        let items: Result<Vec<Candidate>, Unusable> =
            page.db_instances().iter().map(candidate).collect();
        Ok(Page {
            items: items.map_err(|answer| call.unusable(answer))?,
            next: marker_of(page.marker()),
        })
    }
}

fn candidate(row: &DbInstance) -> Result<Candidate, Unusable> {
    let groups = row.option_group_memberships().iter();
    Ok(Candidate {
        database: database(row)?,
        // Without encryption there is no key; another form than an ARN cannot be asked for.
        key: row.kms_key_id().and_then(|key| KeyArn::parse(key).ok()),
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
        let items: Result<Vec<Snapshot>, Unusable> = page.db_snapshots().iter().map(read).collect();
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
