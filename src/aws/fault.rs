//! Errors of AWS calls, reduced to what may be shown.

use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use crate::error::chain;
use crate::ports::PortError;

/// The replacement for a secret in a text.
const HIDDEN: &str = "(hidden)";

/// An error of the SDK without its raw response.
///
/// The SDK's own error keeps the response's bytes, and a failed condition of the table answers with the whole
/// item: its `Debug` would show tokens. This keeps only what a person needs to find the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// AWS's error code. `None` if no readable answer came.
    pub code: Option<String>,
    /// AWS's message, or why no answer came.
    pub message: String,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// The request's id, for AWS's support and CloudTrail.
    pub request_id: Option<String>,
}

impl Fault {
    /// Reads an SDK error. No message shows the `secrets` of the request, even if AWS quotes them.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>, secrets: &[&str]) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let message = match error {
            SdkError::ServiceError(_) => error
                .message()
                .unwrap_or("AWS sent no message with it")
                .to_owned(),
            _ => why(error),
        };
        Self {
            code: error.code().map(ToOwned::to_owned),
            message: hide(message, secrets),
            status: error.raw_response().map(|answer| answer.status().as_u16()),
            request_id: error.request_id().map(ToOwned::to_owned),
        }
    }

    /// The error of a port's action.
    pub(super) fn into_port_error(self, action: &'static str) -> PortError {
        PortError {
            action,
            code: self.code.clone(),
            source: Some(Box::new(self)),
        }
    }
}

/// The error of an action that the SDK could not complete.
pub(super) fn port_error<E>(
    action: &'static str,
    error: &SdkError<E, HttpResponse>,
    secrets: &[&str],
) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    Fault::of(error, secrets).into_port_error(action)
}

/// The error of an action whose answer cannot be used.
pub(super) fn unusable(
    action: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PortError {
    PortError {
        action,
        code: None,
        source: Some(source.into()),
    }
}

/// Why no answer came, in one line.
fn why<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: std::error::Error + 'static,
{
    if let Some(credentials) = credentials_error(error) {
        return match credentials {
            CredentialsError::CredentialsNotLoaded(_) => NO_CREDENTIALS.to_owned(),
            other => format!("the credentials could not be loaded: {}", chain(other)),
        };
    }
    with_advice(chain(error))
}

/// The SDK lists every place where it looked, such as the metadata service that a person's machine does not have.
const NO_CREDENTIALS: &str = "no credentials were found: name a profile (--profile or AWS_PROFILE), or set \
    AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

fn credentials_error<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a CredentialsError> {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources.filter_map(|error| error.downcast_ref()).next()
}

/// rustls's error for a server certificate of an unknown certificate authority.
const UNKNOWN_ISSUER: &str = "UnknownIssuer";

/// A proxy that inspects TLS shows a certificate of its own.
fn with_advice(message: String) -> String {
    if !message.contains(UNKNOWN_ISSUER) {
        return message;
    }
    format!(
        "{message}. If a proxy inspects TLS here, deploy the stack with Trust=native, and let SSL_CERT_FILE name the \
         proxy's authority"
    )
}

fn hide(message: String, secrets: &[&str]) -> String {
    secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .fold(message, |text, secret| text.replace(secret, HIDDEN))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(status) = self.status {
            write!(f, " (HTTP {status}")?;
            if let Some(id) = &self.request_id {
                write!(f, ", request {id}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
