//! `PutEvents`, put together here from the SDK's parts: EventBridge's own client would make the functions' archive larger
//! for this one call.

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_types::service_config::ServiceConfigKey;
use serde::Deserialize;
use thiserror::Error;

use super::clients::Aws;
use super::deadlines;
use super::fault::unusable;
use super::presigned;
use super::time_source::time_source;
use crate::domain::id::tags::StackId;
use crate::domain::operator::own_event::OwnEvent;
use crate::json;
use crate::ports::{PortError, PublishEvents};

const ACTION: &str = "events:PutEvents";
const HEADERS: [(&str, &str); 2] = [
    ("content-type", "application/x-amz-json-1.1"),
    ("x-amz-target", "AWSEvents.PutEvents"),
];

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The bus has refused the call, or its answer cannot be read.
#[derive(Debug, Clone, Error)]
#[error("status {status}: {message}")]
struct Refused {
    status: u16,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    failed_entry_count: usize,
}

/// What a JSON service says of an error, under either spelling.
#[derive(Deserialize, Default)]
struct Complaint {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", default)]
    message: String,
}

impl<Extra> PublishEvents for Aws<Extra> {
    async fn put_events(&self, stack: &StackId, events: &[OwnEvent]) -> Result<usize, PortError> {
        let body = json::own_event::put_events(stack, events);
        let answered = put(&self.sdk, body).await;
        answered.map_err(|error| unusable(ACTION, error))
    }
}

async fn put(sdk: &SdkConfig, body: String) -> Result<usize, Error> {
    let region = sdk.region().ok_or("no region is configured")?.as_ref();
    let endpoint = endpoint(sdk, region).await?;
    let request = signed(sdk, region, &endpoint, body).await?;
    let client = sdk.http_client().ok_or("no HTTP client is configured")?;
    // One try: what is lost is a message, and the function has other work.
    let mut operation = Operation::builder()
        .service_name("eventbridge")
        .operation_name("PutEvents")
        .http_client(client)
        .endpoint_url(&endpoint)
        .no_auth()
        .no_retry()
        .timeout_config(deadlines::usual())
        .time_source(time_source(sdk));
    if let Some(sleep) = sdk.sleep_impl() {
        operation = operation.sleep_impl(sleep);
    }
    let operation = operation
        .serializer(|request: HttpRequest| Ok(request))
        .deserializer(|answer: &HttpResponse| read(answer).map_err(OrchestratorError::operation))
        .build();
    Ok(operation.invoke(request).await?)
}

/// The endpoint of a region: the one that the environment names, or EventBridge's own.
async fn endpoint(sdk: &SdkConfig, region: &str) -> Result<String, Error> {
    let key = ServiceConfigKey::builder()
        .service_id("EventBridge")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let named = key
        .ok()
        .and_then(|key| sdk.service_config()?.load_config(key));
    if let Some(url) = named.or_else(|| sdk.endpoint_url().map(ToOwned::to_owned)) {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    // The two services' names differ in this word alone, in every partition, under FIPS and over IPv6.
    let of_rds = presigned::endpoint(sdk, region).await?;
    Ok(of_rds.replacen("://rds", "://events", 1))
}

async fn signed(
    sdk: &SdkConfig,
    region: &str,
    endpoint: &str,
    body: String,
) -> Result<HttpRequest, Error> {
    let credentials = sdk
        .credentials_provider()
        .ok_or("no credentials are configured")?
        .provide_credentials()
        .await?;
    let identity = credentials.into();
    let signing = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("events")
        .time(time_source(sdk).now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let url = format!("{endpoint}/");
    let payload = SignableBody::Bytes(body.as_bytes());
    let signable = SignableRequest::new("POST", &url, HEADERS.into_iter(), payload)?;
    let (instructions, _) = sign(signable, &signing)?.into_parts();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    for (name, value) in HEADERS.into_iter().chain(instructions.headers()) {
        let headers = request.headers_mut();
        headers.insert(name.to_owned(), value.to_owned());
    }
    Ok(request)
}

/// How many events were refused.
fn read(answer: &HttpResponse) -> Result<usize, Refused> {
    let status = answer.status().as_u16();
    let body = answer.body().bytes().unwrap_or_default();
    if !answer.status().is_success() {
        let Complaint { kind, message } = serde_json::from_slice(body).unwrap_or_default();
        let kind = kind.rsplit('#').next().unwrap_or_default();
        let message = format!("{kind} {message}");
        return Err(Refused { status, message });
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|error| Refused {
        status,
        message: format!("an answer that cannot be read: {error}"),
    })?;
    Ok(answer.failed_entry_count)
}
