//! CloudFormation, for the command line and the reporter.

use std::collections::BTreeMap;

use super::error::PortError;

/// Reads the outputs of a deployed stack.
pub trait DescribeStack {
    /// `DescribeStacks` of one name, in the recovery region: the outputs; `None` if there is no such stack.
    async fn stack_outputs(
        &self,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, PortError>;
}

actions! {
    DescribeStack: "cloudformation:DescribeStacks";
}
