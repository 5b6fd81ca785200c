//! The presigned URL of a copy from another region: the same request, signed for the source region.
//!
//! AWS contradicts itself on where RDS needs one, and ignores it elsewhere, so every copy has one, as AWS's other SDKs give
//! it. The Rust SDK makes none.

use std::fmt;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_rds::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::time_source::time_source;
use crate::domain::id::arn::Family;
use crate::domain::run::failure::Operation;
use crate::ports::CopySnapshotRequest;

/// RDS's API version.
const VERSION: &str = "2014-10-31";
/// How long RDS may use the URL: as long as AWS's own SDKs let it.
const EXPIRES_IN: Duration = Duration::from_hours(1);
/// What a URL may hold as it is (RFC 3986).
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A presigned URL. Anybody who has it may make this one copy, so no text shows it.
pub(super) struct PresignedUrl {
    url: String,
    /// What no message may quote.
    secrets: Vec<String>,
}

impl fmt::Debug for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresignedUrl")
    }
}

impl PresignedUrl {
    /// For the request, and nothing else.
    pub(super) fn reveal(&self) -> &str {
        &self.url
    }

    /// What must not stand in an error.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let secrets = self.secrets.iter().map(String::as_str);
        std::iter::once(self.url.as_str()).chain(secrets).collect()
    }
}

/// Signs the URL for a copy. Nothing for a copy within its region, where RDS refuses one.
pub(super) async fn presigned(
    sdk: &SdkConfig,
    request: &CopySnapshotRequest,
) -> Result<Option<PresignedUrl>, Error> {
    if *request.source.region() == request.region {
        return Ok(None);
    }
    let credentials = sdk
        .credentials_provider()
        .ok_or("no credentials are configured")?
        .provide_credentials()
        .await?;
    let source = request.source.region().as_str();
    let token = credentials.session_token().map(ToOwned::to_owned);
    let identity = credentials.into();
    let mut settings = SigningSettings::default();
    settings.expires_in = Some(EXPIRES_IN);
    settings.signature_location = SignatureLocation::QueryParams;
    let signing = v4::SigningParams::builder()
        .identity(&identity)
        .region(source)
        .name("rds")
        .time(time_source(sdk).now())
        .settings(settings)
        .build()?
        .into();
    let endpoint = endpoint(sdk, source).await?;
    let url = format!("{endpoint}/?{}", query(parameters(request)));
    let signable = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::Bytes(&[]))?;
    let (instructions, signature) = sign(signable, &signing)?.into_parts();
    let signed = instructions.params().iter();
    let signed = query(signed.map(|(name, value)| (*name, value.to_string())));
    Ok(Some(PresignedUrl {
        url: format!("{url}&{signed}"),
        secrets: std::iter::once(signature).chain(token).collect(),
    }))
}

/// RDS's public endpoint of a region. The signature holds its name, so no other endpoint of ours may stand there.
pub(super) async fn endpoint(sdk: &SdkConfig, region: &str) -> Result<String, Error> {
    let parameters = Params::builder()
        .region(region)
        .use_fips(sdk.use_fips().unwrap_or_default())
        .use_dual_stack(sdk.use_dual_stack().unwrap_or_default())
        .build()?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&parameters).await?;
    Ok(endpoint.url().trim_end_matches('/').to_owned())
}

/// All parameters of the copy, with the region where it is made.
fn parameters(request: &CopySnapshotRequest) -> impl Iterator<Item = (String, String)> {
    let family = request.source.family();
    let (source, target) = match family {
        Family::Instance => ("SourceDBSnapshotIdentifier", "TargetDBSnapshotIdentifier"),
        Family::Cluster => (
            "SourceDBClusterSnapshotIdentifier",
            "TargetDBClusterSnapshotIdentifier",
        ),
    };
    let action = Operation::copy_snapshot(family).as_str();
    let group = request.option_group.as_ref();
    let group = group.filter(|_| family == Family::Instance);
    let group = group.map(|group| ("OptionGroupName".to_owned(), group.to_string()));
    let mut parameters: Vec<(String, String)> = [
        ("Action", action.to_owned()),
        ("Version", VERSION.to_owned()),
        (source, request.source.to_string()),
        (target, request.id.to_string()),
        ("KmsKeyId", request.key.to_string()),
        ("CopyTags", false.to_string()),
        ("DestinationRegion", request.region.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .chain(group)
    .collect();
    for (number, (key, value)) in (1..).zip(&request.tags) {
        parameters.push((format!("Tags.Tag.{number}.Key"), key.clone()));
        parameters.push((format!("Tags.Tag.{number}.Value"), value.clone()));
    }
    parameters.into_iter()
}

fn query<N: AsRef<str>>(pairs: impl Iterator<Item = (N, String)>) -> String {
    let encode = |text: &str| utf8_percent_encode(text, KEPT).to_string();
    let pairs = pairs.map(|(name, value)| format!("{}={}", encode(name.as_ref()), encode(&value)));
    pairs.collect::<Vec<_>>().join("&")
}
