//! CloudFormation: a stack's outputs.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::Stack;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::clients::Aws;
use super::fault::port_error;
use crate::ports::{DescribeStack, PortError};

/// CloudFormation in one region. It is asked before the table's name is known.
#[derive(Debug)]
pub struct Stacks(aws_sdk_cloudformation::Client);

impl Stacks {
    /// In the configuration's region.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self(aws_sdk_cloudformation::Client::new(sdk))
    }
}

/// Whether there is no stack of that name, or no such resource in it. CloudFormation has no error code of its own for it.
pub(super) fn is_unknown<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().is_some_and(|error| {
        let message = error.message().unwrap_or_default();
        error.code() == Some("ValidationError") && message.contains("does not exist")
    })
}

/// The outputs of a row that CloudFormation shows.
pub(super) fn outputs(stack: &Stack) -> BTreeMap<String, String> {
    let pairs = stack.outputs().iter().filter_map(|output| {
        Some((
            output.output_key()?.to_owned(),
            output.output_value()?.to_owned(),
        ))
    });
    pairs.collect()
}

impl DescribeStack for Stacks {
    async fn stack_outputs(
        &self,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, PortError> {
        of_name(&self.0, name).await
    }
}

impl<Extra> DescribeStack for Aws<Extra> {
    async fn stack_outputs(
        &self,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, PortError> {
        // It is asked once: nothing is gained by keeping the client.
        of_name(&aws_sdk_cloudformation::Client::new(&self.sdk), name).await
    }
}

async fn of_name(
    client: &aws_sdk_cloudformation::Client,
    name: &str,
) -> Result<Option<BTreeMap<String, String>>, PortError> {
    match client.describe_stacks().stack_name(name).send().await {
        Ok(answer) => Ok(answer.stacks().first().map(outputs)),
        Err(error) if is_unknown(&error) => Ok(None),
        Err(error) => Err(port_error("cloudformation:DescribeStacks", &error, &[])),
    }
}
