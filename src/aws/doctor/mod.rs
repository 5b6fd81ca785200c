//! The doctor's ports: services that no function links, and lists that no function needs.

mod event_pattern;
mod iam;
mod key_policy;
mod kms;
mod queues;
mod rds;
mod rules;
mod stacks;
mod topics;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;

use super::clients::Aws;

pub use event_pattern::catches_snapshots;
pub use key_policy::read as read_key_policy;

/// The limit for a call with its retries. Only a person waits for it.
const OPERATION: Duration = Duration::from_secs(20);
/// The limit for one try.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The limit for connecting. TCP and TLS to another continent take well under a second.
const CONNECT: Duration = Duration::from_secs(2);
/// How many tries a call gets. IAM and KMS allow few calls a second, so throttling should slow the doctor, not stop it.
const ATTEMPTS: u32 = 10;
/// The first pause before another try. It doubles from try to try.
const RETRY_AFTER: Duration = Duration::from_millis(400);
/// The longest pause between two tries.
const RETRY_AFTER_MAX: Duration = Duration::from_millis(900);

/// For the operator's doctor, which reads all regions and services that the stack depends on.
#[derive(Debug, Clone, Copy)]
pub struct Examines;

/// The same configuration with longer limits than a function has.
#[must_use]
pub fn patient(sdk: SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(OPERATION)
        .operation_attempt_timeout(ATTEMPT)
        .connect_timeout(CONNECT);
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(RETRY_AFTER)
        .with_max_backoff(RETRY_AFTER_MAX);
    sdk.into_builder()
        .timeout_config(timeouts.build())
        .retry_config(retries)
        .build()
}

/// A client in a region. It is made for one call. The connections belong to the SDK configuration.
macro_rules! client {
    ($service:ident, $aws:expr, $region:expr) => {{
        let region = aws_config::Region::new($region.to_owned());
        let config = $service::config::Builder::from(&$aws.sdk).region(region);
        $service::Client::from_conf(config.build())
    }};
}
use client;

type Doctor = Aws<Examines>;
