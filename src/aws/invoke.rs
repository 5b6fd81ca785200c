//! Invokes functions and waits for their answers, for the command line only.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use crate::ports::{CheckDrill, InvokePruner, PortError};

/// Longer than any function runs.
const PATIENCE: Duration = Duration::from_secs(16 * 60);

/// The pruner's function.
#[derive(Debug, Clone)]
pub struct PrunerName(pub String);

impl<Extra> Aws<Extra> {
    /// Sends a request to a function, once, and waits for the answer. `who` is what the error calls the function.
    async fn invoke(&self, function: &str, who: &str, request: &str) -> Result<String, PortError> {
        const ACTION: &str = "lambda:InvokeFunction";
        // The function may still be at work when a second request comes. The pruner's holds a lease meanwhile.
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
            .function_name(function)
            .payload(Blob::new(request))
            .send()
            .await
            .map_err(|error| port_error(ACTION, &error, &[]))?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let text = String::from_utf8(payload).map_err(|error| unusable(ACTION, error))?;
        match answer.function_error {
            None => Ok(text),
            Some(_) => Err(unusable(ACTION, format!("{who} failed: {text}"))),
        }
    }
}

impl InvokePruner for Aws<PrunerName> {
    async fn invoke_pruner(&self, request: &str) -> Result<String, PortError> {
        self.invoke(&self.extra.0, "the pruner", request).await
    }
}

impl<Extra> CheckDrill for Aws<Extra> {
    async fn check_drill(&self, function: &str, request: &str) -> Result<String, PortError> {
        self.invoke(function, function, request).await
    }
}
