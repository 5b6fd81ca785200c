//! What the proxy knows about one call.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

/// The services whose calls the proxy distinguishes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// AWS Step Functions.
    StepFunctions,
    /// Amazon SQS.
    Sqs,
    /// Amazon DynamoDB.
    DynamoDb,
    /// Any other service, by the prefix of its `X-Amz-Target`. Empty if a request has none.
    Other(String),
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StepFunctions => "Step Functions",
            Self::Sqs => "SQS",
            Self::DynamoDb => "DynamoDB",
            Self::Other(prefix) => prefix,
        })
    }
}

/// Who calls what, according to the request's headers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller {
    /// The service called.
    pub service: Service,
    /// AWS's name of the operation, such as `SendTaskSuccess`.
    pub operation: String,
    /// The SDK's app id (`app/<name>` in the user agent), which distinguishes the functions.
    pub app: Option<String>,
    /// The region for which the request was signed.
    pub region: Option<String>,
    /// The caller's end of the connection, which distinguishes processes.
    pub peer: Option<SocketAddr>,
}

impl Caller {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let target = text(headers, "x-amz-target").unwrap_or_default();
        let (prefix, operation) = target.split_once('.').unwrap_or(("", target));
        Self {
            service: match prefix {
                "AWSStepFunctions" => Service::StepFunctions,
                "AmazonSQS" => Service::Sqs,
                "DynamoDB_20120810" => Service::DynamoDb,
                other => Service::Other(other.to_owned()),
            },
            operation: operation.to_owned(),
            app: app_id(headers),
            region: signed_region(headers),
            peer: None,
        }
    }

    /// Whether this call settles a task for good.
    #[must_use]
    pub fn settles(&self) -> bool {
        self.service == Service::StepFunctions
            && matches!(
                self.operation.as_str(),
                "SendTaskSuccess" | "SendTaskFailure"
            )
    }
}

/// One call that has been answered.
#[derive(Debug, Clone)]
pub struct Call {
    /// When the request arrived at the proxy.
    pub at: Timestamp,
    /// How long it took from then until the answer was complete.
    pub latency: Duration,
    /// Who called what.
    pub caller: Caller,
    /// The HTTP status of the answer.
    pub status: u16,
    /// AWS's name of the error, such as `TaskTimedOut`, if the answer was an error.
    pub error: Option<String>,
}

impl Call {
    /// When the answer was complete.
    #[must_use]
    pub fn answered_at(&self) -> Timestamp {
        // A latency is far from the range of a timestamp.
        self.at.saturating_add(self.latency).unwrap_or(self.at)
    }

    /// Whether the call succeeded.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The answer to a sleeping state.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// `SendTaskSuccess`, with its output parsed. Text that is not JSON stays text.
    Success(Value),
    /// `SendTaskFailure`.
    Failure {
        /// The error's name, such as `Snapferry.SnapshotFailed`.
        error: String,
        /// The explanation.
        cause: String,
    },
}

/// One `SendTaskSuccess` or `SendTaskFailure`, accepted or not.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The call: when, by whom, and whether it was accepted.
    pub call: Call,
    /// The answer.
    pub outcome: Outcome,
    /// The token.
    pub token: super::Token,
}

impl Settlement {
    pub(super) fn of(call: &Call, request: &[u8]) -> Option<Self> {
        if !call.caller.settles() {
            return None;
        }
        let request: Value = serde_json::from_slice(request).ok()?;
        let member = |name: &str| request.get(name).and_then(Value::as_str);
        let outcome = match call.caller.operation.as_str() {
            "SendTaskSuccess" => {
                let text = member("output").unwrap_or_default();
                Outcome::Success(
                    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
                )
            }
            _ => Outcome::Failure {
                error: member("error").unwrap_or_default().to_owned(),
                cause: member("cause").unwrap_or_default().to_owned(),
            },
        };
        Some(Self {
            call: call.clone(),
            outcome,
            token: super::Token::new(member("taskToken")?),
        })
    }

    /// Whether `text`, such as a snapshot's ARN, is a value anywhere in the answer.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        match &self.outcome {
            Outcome::Success(output) => holds(output, text),
            Outcome::Failure { cause, .. } => cause.contains(text),
        }
    }
}

fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => found == text,
        Value::Array(items) => items.iter().any(|item| holds(item, text)),
        Value::Object(members) => members.values().any(|member| holds(member, text)),
        _ => false,
    }
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is forwarded.
    Forward,
    /// It never reaches the service, and the caller gets a success.
    Accept,
    /// It never reaches the service, and the caller gets this AWS error.
    Refuse {
        /// The HTTP status.
        status: StatusCode,
        /// AWS's name of the error.
        error: String,
        /// The error's message.
        message: String,
    },
    /// The caller gets no answer: the proxy holds the connection for this time and then closes it.
    NoAnswer {
        /// Whether the service still carries the call out.
        reaches_service: bool,
        /// How long the connection is held.
        held: Duration,
    },
}

/// Decides what happens to each call before it is forwarded. Faults enter here.
pub trait Interference: Send + Sync {
    /// What happens to this call.
    fn before(&self, caller: &Caller) -> Action;

    /// The same, for an implementation that must know what is asked. `request` is the call's body.
    fn on_request(&self, caller: &Caller, request: &[u8]) -> Action {
        let _ = request;
        self.before(caller)
    }
}

/// Every call is forwarded.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoInterference;

impl Interference for NoInterference {
    fn before(&self, _: &Caller) -> Action {
        Action::Forward
    }
}

/// AWS's name of the error in an answer: from the header or the body's `__type`, without namespace.
pub(super) fn error_name(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let of_body = || -> Option<String> {
        let body: Value = serde_json::from_slice(body).ok()?;
        Some(body.get("__type")?.as_str()?.to_owned())
    };
    let name = text(headers, "x-amzn-errortype")
        .map(ToOwned::to_owned)
        .or_else(of_body)?;
    // `com.amazonaws.sqs#QueueDoesNotExist`, or `Throttling:http://…`.
    let name = name.rsplit('#').next()?.split(':').next()?;
    Some(name.to_owned())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn app_id(headers: &HeaderMap) -> Option<String> {
    ["user-agent", "x-amz-user-agent"]
        .iter()
        .filter_map(|name| text(headers, name))
        .flat_map(str::split_whitespace)
        .find_map(|part| part.strip_prefix("app/"))
        .map(ToOwned::to_owned)
}

/// From `AWS4-HMAC-SHA256 Credential=KEY/20260102/eu-central-1/states/aws4_request, …`.
fn signed_region(headers: &HeaderMap) -> Option<String> {
    let credential = text(headers, "authorization")?
        .split("Credential=")
        .nth(1)?;
    Some(credential.split('/').nth(2)?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    name.parse().expect("a header's name"),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn headers_tell_who_calls_what_and_where() {
        let caller = Caller::of(&headers(&[
            ("x-amz-target", "AWSStepFunctions.SendTaskSuccess"),
            (
                "user-agent",
                "aws-sdk-rust/1.3 os/linux lang/rust/1.95 app/snapferry-reactor",
            ),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=KEY/20260102/eu-central-1/states/aws4_request, SignedHeaders=host, Signature=0",
            ),
        ]));
        assert_eq!(caller.service, Service::StepFunctions);
        assert_eq!(caller.operation, "SendTaskSuccess");
        assert_eq!(caller.app.as_deref(), Some("snapferry-reactor"));
        assert_eq!(caller.region.as_deref(), Some("eu-central-1"));
        assert!(caller.settles());
    }

    #[test]
    fn a_request_without_headers_is_still_a_call() {
        let caller = Caller::of(&HeaderMap::new());
        assert_eq!(caller.service, Service::Other(String::new()));
        assert_eq!((caller.app, caller.region), (None, None));
    }

    #[test]
    fn an_errors_name_is_read_from_header_and_body() {
        let from_body = br#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}"#;
        assert_eq!(
            error_name(&HeaderMap::new(), from_body).as_deref(),
            Some("QueueDoesNotExist")
        );
        let of_header = headers(&[("x-amzn-errortype", "TaskTimedOut:http://internal")]);
        assert_eq!(error_name(&of_header, b"").as_deref(), Some("TaskTimedOut"));
        assert_eq!(error_name(&HeaderMap::new(), b"<html>"), None);
    }
}
