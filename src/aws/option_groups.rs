//! RDS: lists option groups.

use aws_sdk_rds::types::OptionGroup as OptionGroupRow;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::rds::PAGE;
use crate::domain::id::arn::Region;
use crate::domain::rds::option_group::{OptionGroup, is_tde};
use crate::ports::{ListOptionGroups, Page, PortError};

const ACTION: &str = "rds:DescribeOptionGroups";

impl<Extra> ListOptionGroups for Aws<Extra> {
    async fn list_option_groups(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<OptionGroup>, PortError> {
        let page = self
            .rds(region)
            .describe_option_groups()
            .max_records(PAGE)
            .set_marker(marker)
            .send()
            .await
            .map_err(|error| port_error(ACTION, &error, &[]))?;
        let items: Option<Vec<OptionGroup>> = page.option_groups_list().iter().map(group).collect();
        Ok(Page::new(
            items
                .ok_or_else(|| unusable(ACTION, "RDS left an option group's name or engine out"))?,
            page.marker.filter(|marker| !marker.is_empty()),
        ))
    }
}

/// Reads an option group. `None` if RDS left out what it is.
fn group(row: &OptionGroupRow) -> Option<OptionGroup> {
    let options = row.options().iter();
    let binding = options
        .clone()
        .filter(|one| one.permanent() == Some(true) || one.persistent() == Some(true));
    Some(OptionGroup {
        name: row.option_group_name()?.to_owned(),
        engine: row.engine_name()?.to_owned(),
        major_version: row.major_engine_version()?.to_owned(),
        binding: binding
            .filter_map(|one| one.option_name())
            .map(ToOwned::to_owned)
            .collect(),
        has_tde: options.filter_map(|one| one.option_name()).any(is_tde),
    })
}
