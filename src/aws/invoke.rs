//! Invokes the pruner, for the command line only.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use crate::ports::{InvokePruner, PortError};

/// Longer than any function runs.
const PATIENCE: Duration = Duration::from_secs(16 * 60);

/// The pruner's function.
#[derive(Debug, Clone)]
pub struct PrunerName(pub String);

impl InvokePruner for Aws<PrunerName> {
    async fn invoke_pruner(&self, request: &str) -> Result<String, PortError> {
        const ACTION: &str = "lambda:InvokeFunction";
        // A second try would only meet the first one's lease.
        let config = aws_sdk_lambda::config::Builder::from(&self.sdk)
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_timeout(PATIENCE)
                    .operation_attempt_timeout(PATIENCE)
                    .read_timeout(PATIENCE)
                    .build(),
            );
        let answer = aws_sdk_lambda::Client::from_conf(config.build())
            .invoke()
            .function_name(&self.extra.0)
            .payload(Blob::new(request))
            .send()
            .await
            .map_err(|error| port_error(ACTION, &error, &[]))?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let text = String::from_utf8(payload).map_err(|error| unusable(ACTION, error))?;
        match answer.function_error {
            None => Ok(text),
            Some(_) => Err(unusable(ACTION, format!("the pruner failed: {text}"))),
        }
    }
}
