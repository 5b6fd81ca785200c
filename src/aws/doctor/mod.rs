//! The doctor's ports: services that no function is linked with, and lists that no function needs.

mod event_pattern;
mod iam;
mod key_policy;
mod kms;
mod queues;
mod rds;
mod rules;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;

use super::clients::Aws;

pub use event_pattern::catches_snapshots;
pub use key_policy::read as read_key_policy;

/// A call with its retries. A person waits for it, and nothing else does.
const OPERATION: Duration = Duration::from_secs(20);
/// One try.
const ATTEMPT: Duration = Duration::from_secs(5);
/// TCP and TLS to another continent take well under a second.
const CONNECT: Duration = Duration::from_secs(2);
/// IAM and KMS allow few calls a second: throttling slows the doctor and does not blind it.
const ATTEMPTS: u32 = 10;
/// The first pause before another try; doubles from try to try.
const RETRY_AFTER: Duration = Duration::from_millis(400);
/// The longest pause: all that are allowed a second come back within it.
const RETRY_AFTER_MAX: Duration = Duration::from_millis(900);

/// For the operator's doctor: it looks at all regions and services that the stack depends on, and only reads.
#[derive(Debug, Clone, Copy)]
pub struct Examines;

/// The same configuration with more patience than a function has.
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

/// A client in a region. It is made for one call; the connections are kept by the SDK configuration's own.
macro_rules! client {
    ($service:ident, $aws:expr, $region:expr) => {{
        let region = aws_config::Region::new($region.to_owned());
        let config = $service::config::Builder::from(&$aws.sdk).region(region);
        $service::Client::from_conf(config.build())
    }};
}
use client;

type Doctor = Aws<Examines>;
