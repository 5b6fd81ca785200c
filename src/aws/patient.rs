//! Patience, for those who read whole regions: people's commands, and the reporter.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;

/// The limit for a call with its retries. Only a person waits for it.
const OPERATION: Duration = Duration::from_secs(20);
/// The limit for one try.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The limit for connecting. TCP and TLS to another continent take well under a second.
pub(super) const CONNECT: Duration = Duration::from_secs(2);
/// How many tries a call gets. IAM and KMS allow few calls a second, so throttling should slow the doctor, not stop it.
const ATTEMPTS: u32 = 10;
/// The first pause before another try. It doubles from try to try.
const RETRY_AFTER: Duration = Duration::from_millis(400);
/// The longest pause between two tries.
const RETRY_AFTER_MAX: Duration = Duration::from_millis(900);

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
