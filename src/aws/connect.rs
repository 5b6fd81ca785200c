//! How AWS is reached: one HTTP client for all services, credentials, time limits, retries, our name.

use std::borrow::Cow;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use crate::domain::arn::Region;

/// A call with its retry. A region that does not answer costs a batch no more than this.
const OPERATION: Duration = Duration::from_secs(5);
/// One try. A sandbox that was frozen wakes up with dead connections; this leaves time for a try on a new one.
const ATTEMPT: Duration = Duration::from_secs(3);
/// TCP and TLS to another continent take well under a second.
const CONNECT: Duration = Duration::from_secs(1);
/// The first try and one more: what lasts longer goes back to its queue, which waits without running.
const ATTEMPTS: u32 = 2;
/// The most that the SDK waits before its second try: its own second would eat a fifth of the operation.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// The name in the user agent (`app/snapferry-worker`): CloudTrail tells the roles apart by it.
///
/// Characters that a user agent does not take become hyphens.
#[must_use]
pub fn app_name(role: &str) -> Option<AppName> {
    let name: String = role
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    AppName::new(Cow::Owned(format!("snapferry-{name}"))).ok()
}

/// The configuration of a function: its credentials and nothing else are taken from Lambda's variables, so
/// that no file, no metadata service and no other provider is asked while a cold start is waited for.
/// The endpoints may still be set by the standard variables `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`.
pub async fn for_functions(role: &str, home: &Region) -> SdkConfig {
    let credentials = EnvironmentVariableCredentialsProvider::new();
    load(role, home, |loader| {
        loader.credentials_provider(credentials)
    })
    .await
}

/// The configuration of the command line: the SDK's default chain of credentials, from a profile if one is named.
pub async fn for_operators(home: &Region, profile: Option<&str>) -> SdkConfig {
    load("cli", home, |loader| match profile {
        Some(profile) => loader.profile_name(profile),
        None => loader,
    })
    .await
}

async fn load(
    role: &str,
    home: &Region,
    credentials: impl FnOnce(ConfigLoader) -> ConfigLoader,
) -> SdkConfig {
    let tls = Provider::Rustls(CryptoMode::Ring);
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(aws_config::Region::new(home.as_str().to_owned()))
        .http_client(Builder::new().tls_provider(tls).build_https());
    let sdk = credentials(loader).load().await;
    tuned(sdk.into_builder(), role)
}

/// Sets the name, the time limits and the retries. Tests put their own HTTP client and credentials under it.
#[must_use]
pub fn tuned(mut sdk: aws_types::sdk_config::Builder, role: &str) -> SdkConfig {
    sdk.set_app_name(app_name(role));
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(OPERATION)
        .operation_attempt_timeout(ATTEMPT)
        .connect_timeout(CONNECT);
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(RETRY_AFTER);
    sdk.timeout_config(timeouts.build())
        .retry_config(retries)
        .build()
}
