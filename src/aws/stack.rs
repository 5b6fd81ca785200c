//! CloudFormation: a stack's outputs.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
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

impl DescribeStack for Stacks {
    async fn stack_outputs(
        &self,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, PortError> {
        outputs(&self.0, name).await
    }
}

impl<Extra> DescribeStack for Aws<Extra> {
    async fn stack_outputs(
        &self,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, PortError> {
        // It is asked once: nothing is gained by keeping the client.
        outputs(&aws_sdk_cloudformation::Client::new(&self.sdk), name).await
    }
}

async fn outputs(
    client: &aws_sdk_cloudformation::Client,
    name: &str,
) -> Result<Option<BTreeMap<String, String>>, PortError> {
    let answer = match client.describe_stacks().stack_name(name).send().await {
        Ok(answer) => answer,
        Err(error) if is_unknown(&error) => return Ok(None),
        Err(error) => return Err(port_error("cloudformation:DescribeStacks", &error, &[])),
    };
    let outputs = answer.stacks().first().map(|stack| {
        let outputs = stack.outputs().iter();
        let pairs = outputs.filter_map(|output| {
            Some((
                output.output_key()?.to_owned(),
                output.output_value()?.to_owned(),
            ))
        });
        pairs.collect()
    });
    Ok(outputs)
}
