//! CloudFormation for the doctor: lists a region's stacks.

use super::super::fault::port_error;
use super::super::stack::outputs;
use super::{Doctor, client};
use crate::domain::doctor::namesakes::Outputs;
use crate::domain::id::arn::Region;
use crate::ports::doctor::ListStacks;
use crate::ports::{Page, PortError};

impl ListStacks for Doctor {
    async fn list_stacks(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<Outputs>, PortError> {
        let page = client!(aws_sdk_cloudformation, self, region.as_str())
            .describe_stacks()
            .set_next_token(marker)
            .send()
            .await
            .map_err(|error| port_error("cloudformation:DescribeStacks", &error, &[]))?;
        let next = page.next_token.filter(|token| !token.is_empty());
        let stacks = page.stacks.unwrap_or_default();
        Ok(Page::new(stacks.iter().map(outputs).collect(), next))
    }
}
