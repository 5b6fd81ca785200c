//! How Snapferry reaches AWS: one HTTP client for all services, credentials, time limits, retries, user agent.

use std::borrow::Cow;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::deadlines;
#[cfg(feature = "cli")]
use super::profile;
use super::reach::{Reach, Trust};
use crate::domain::id::arn::Region;

/// The first try and one more. If a failure lasts longer, the message goes back to its queue, where waiting costs nothing.
const ATTEMPTS: u32 = 2;
/// The longest time that the SDK waits before its second try. Its default of a second would take a fifth of the limit.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// The name in the user agent (`app/snapferry-worker`). It distinguishes the roles in CloudTrail.
///
/// Characters that a user agent may not have become hyphens.
#[must_use]
pub fn app_name(role: &str) -> Option<AppName> {
    let name: String = role
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    AppName::new(Cow::Owned(format!("snapferry-{name}"))).ok()
}

/// The configuration of a function. Its credentials come from Lambda's variables, and the rest from `reach`. It is built
/// without the SDK's loader: a cold start asks no file, metadata service or other provider, and the binary contains none
/// of them.
#[must_use]
pub fn for_functions(role: &str, home: &Region, reach: &Reach) -> SdkConfig {
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region(home))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .identity_cache(IdentityCache::lazy().build())
        .http_client(http_client(reach.trust))
        .service_config(reach.endpoints())
        .use_fips(reach.fips)
        .use_dual_stack(reach.dual_stack)
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new());
    tuned(sdk, role)
}

/// The configuration of the command line. It uses the machine's own certificate authorities. The credentials are those of
/// the profile if one is given, and otherwise those of the SDK's default chain.
#[cfg(feature = "cli")]
pub async fn for_operators(home: &Region, profile: Option<&str>) -> SdkConfig {
    for_operators_at(Some(home), profile).await
}

/// The same where the region may not be known: then it is the default chain's, such as the profile's.
#[cfg(feature = "cli")]
pub async fn for_operators_at(home: Option<&Region>, profile: Option<&str>) -> SdkConfig {
    let http_client = http_client(Trust::Native);
    let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client.clone());
    let loader = match home {
        Some(home) => loader.region(region(home)),
        None => loader,
    };
    let loader = match profile {
        Some(profile) => loader.profile_name(profile).credentials_provider(
            profile::credentials(profile, home.map(region), http_client).await,
        ),
        None => loader,
    };
    tuned(loader.load().await.into_builder(), "cli")
}

fn region(home: &Region) -> aws_config::Region {
    aws_config::Region::new(home.as_str().to_owned())
}

/// One HTTP client for all services, which share its connections and TLS sessions.
fn http_client(trust: Trust) -> SharedHttpClient {
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    match TlsContext::builder()
        .with_trust_store(trust.store())
        .build()
    {
        Ok(context) => builder.tls_context(context).build_https(),
        // Nothing in it can fail today. If it ever did, no server would be trusted wrongly.
        Err(_) => builder.build_https(),
    }
}

/// Sets the user agent, the time limits and the retries. Tests add their own HTTP client and credentials.
#[must_use]
pub fn tuned(mut sdk: aws_types::sdk_config::Builder, role: &str) -> SdkConfig {
    sdk.set_app_name(app_name(role));
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(RETRY_AFTER);
    sdk.timeout_config(deadlines::usual())
        .retry_config(retries)
        .build()
}
