//! The clock of the SDK's configuration.

use aws_config::SdkConfig;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};

/// The clock that requests are signed by, and that calls to RDS keep their pace by.
pub(super) fn time_source(sdk: &SdkConfig) -> SharedTimeSource {
    let configured = sdk.time_source();
    configured.unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new()))
}
