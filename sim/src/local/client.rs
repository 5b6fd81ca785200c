//! A small client of the emulator, for the demo's and the tests' own calls.
//!
//! It talks to the emulator directly and not through the recording proxy, so that its calls do not count as the
//! product's.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// How long a call may take. The emulator answers in milliseconds, and an invoked function within its timeout.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// How long to wait before asking again whether the emulator serves.
const READY_ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A call to the emulator that failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No readable answer came.
    #[error("the emulator did not answer {operation}: {why}")]
    NoAnswer {
        /// The operation.
        operation: String,
        /// What happened instead.
        why: String,
    },
    /// An answer with an error.
    #[error("the emulator refused {operation} with {code} (HTTP {status}): {message}")]
    Refused {
        /// The operation.
        operation: String,
        /// The HTTP status.
        status: u16,
        /// AWS's name of the error.
        code: String,
        /// The error's message.
        message: String,
    },
    /// A function that was invoked and failed.
    #[error("the function failed: {0}")]
    Function(Value),
}

/// An AWS service with a JSON protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonService {
    /// The name that requests are signed for.
    signing: &'static str,
    /// The prefix of the operation in `X-Amz-Target`.
    target: &'static str,
    version: &'static str,
}

impl JsonService {
    /// AWS Step Functions.
    pub const STEP_FUNCTIONS: Self = Self::new("states", "AWSStepFunctions", "1.0");
    /// Amazon SQS.
    pub const SQS: Self = Self::new("sqs", "AmazonSQS", "1.0");
    /// Amazon DynamoDB.
    pub const DYNAMODB: Self = Self::new("dynamodb", "DynamoDB_20120810", "1.0");
    /// Amazon EventBridge.
    pub const EVENTS: Self = Self::new("events", "AWSEvents", "1.1");
    /// AWS KMS.
    pub const KMS: Self = Self::new("kms", "TrentService", "1.1");
    /// Amazon CloudWatch Logs.
    pub const LOGS: Self = Self::new("logs", "Logs_20140328", "1.1");

    const fn new(signing: &'static str, target: &'static str, version: &'static str) -> Self {
        Self {
            signing,
            target,
            version,
        }
    }
}

/// One region of the emulator.
#[derive(Debug, Clone)]
pub struct Client {
    http: HyperClient<HttpConnector, Full<Bytes>>,
    endpoint: SocketAddr,
    account: String,
    region: String,
}

impl Client {
    pub(super) fn new(endpoint: SocketAddr, account: &str, region: &str) -> Self {
        Self {
            http: http(),
            endpoint,
            account: account.to_owned(),
            region: region.to_owned(),
        }
    }

    /// A client of an emulator that runs elsewhere, at an endpoint such as `http://127.0.0.1:4566`. [`None`] if that is not
    /// an IP address and a port.
    #[must_use]
    pub fn at(endpoint: &str, account: &str, region: &str) -> Option<Self> {
        let address = endpoint.strip_prefix("http://")?.trim_end_matches('/');
        Some(Self::new(address.parse().ok()?, account, region))
    }

    /// The same emulator, another region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..self.clone()
        }
    }

    /// The account this client calls in.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The region this client calls.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Calls any operation of a service with a JSON protocol.
    ///
    /// # Errors
    /// When the emulator does not answer, or answers with an error.
    pub async fn call(
        &self,
        service: JsonService,
        operation: &str,
        input: &Value,
    ) -> Result<Value, ClientError> {
        let request = self
            .request(Method::POST, "/", service.signing)
            .header("x-amz-target", format!("{}.{operation}", service.target))
            .header(
                "content-type",
                format!("application/x-amz-json-{}", service.version),
            )
            .body(Full::from(input.to_string()));
        let (status, _, body) = self.send(operation, ANSWER_WITHIN, request).await?;
        let answer = parsed(operation, &body)?;
        if status.is_success() {
            return Ok(answer);
        }
        Err(refused(operation, status, &answer))
    }

    /// Calls an operation of IAM that answers nothing that matters. IAM has a protocol of forms.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn change_iam(
        &self,
        operation: &str,
        input: &[(&str, &str)],
    ) -> Result<(), ClientError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", operation);
        form.append_pair("Version", "2010-05-08");
        form.extend_pairs(input);
        let request = self
            .request(Method::POST, "/", "iam")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::from(form.finish()));
        let (status, _, body) = self.send(operation, ANSWER_WITHIN, request).await?;
        if status.is_success() {
            return Ok(());
        }
        let answer = json!({ "Message": String::from_utf8_lossy(&body) });
        Err(refused(operation, status, &answer))
    }

    /// Invokes a function and returns what it answers.
    ///
    /// # Errors
    /// As [`Client::call`], and [`ClientError::Function`] when the function fails.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Value, ClientError> {
        self.invoke_within(ANSWER_WITHIN, function, event).await
    }

    /// As [`Client::invoke`], for a function that may take longer.
    ///
    /// # Errors
    /// As [`Client::invoke`].
    pub async fn invoke_within(
        &self,
        within: Duration,
        function: &str,
        event: &Value,
    ) -> Result<Value, ClientError> {
        const OPERATION: &str = "Invoke";
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let request = self
            .request(Method::POST, &path, "lambda")
            .header("content-type", "application/json")
            .body(Full::from(event.to_string()));
        let (status, failed, body) = self.send(OPERATION, within, request).await?;
        let answer = parsed(OPERATION, &body)?;
        match (status.is_success(), failed) {
            (true, false) => Ok(answer),
            (true, true) => Err(ClientError::Function(answer)),
            (false, _) => Err(refused(OPERATION, status, &answer)),
        }
    }

    /// Asks at a path that no AWS service has.
    pub(super) async fn own_path<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        input: &Value,
    ) -> Result<T, ClientError> {
        let request = self
            .request(Method::POST, path, "iam")
            .body(Full::from(input.to_string()));
        let (status, _, body) = self.send(path, ANSWER_WITHIN, request).await?;
        let answer = parsed(path, &body)?;
        if !status.is_success() {
            return Err(refused(path, status, &answer));
        }
        serde_json::from_value(answer).map_err(|error| ClientError::NoAnswer {
            operation: path.to_owned(),
            why: error.to_string(),
        })
    }

    /// A request whose credential scope names region and service, because the emulator routes by it. It has no valid
    /// signature, because the emulator does not check signatures.
    pub(super) fn request(
        &self,
        method: Method,
        path: &str,
        service: &str,
    ) -> hyper::http::request::Builder {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            self.account, self.region
        );
        Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.endpoint))
            .header("authorization", authorization)
    }

    /// The status, whether a function failed, and the body.
    pub(super) async fn send(
        &self,
        operation: &str,
        within: Duration,
        request: Result<Request<Full<Bytes>>, hyper::http::Error>,
    ) -> Result<(StatusCode, bool, Bytes), ClientError> {
        let no_answer = |why: String| ClientError::NoAnswer {
            operation: operation.to_owned(),
            why,
        };
        let request = request.map_err(|error| no_answer(error.to_string()))?;
        let answered = tokio::time::timeout(within, self.exchange(request)).await;
        let response = answered
            .map_err(|_| no_answer(format!("nothing within {} s", within.as_secs())))?
            .map_err(no_answer)?;
        let failed = response.headers().contains_key("x-amz-function-error");
        Ok((response.status(), failed, response.into_body()))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, String> {
        let response = self
            .http
            .request(request)
            .await
            .map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

fn http() -> HyperClient<HttpConnector, Full<Bytes>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    HyperClient::builder(TokioExecutor::new())
        // The emulator closes idle connections after 75 s, so keep none for that long.
        .pool_idle_timeout(Duration::from_secs(20))
        .build(connector)
}

/// Whether the emulator serves at this address.
pub(super) async fn is_ready(endpoint: SocketAddr) -> bool {
    let uri = format!("http://{endpoint}/_ministack/health");
    let Ok(request) = Request::get(uri).body(Full::default()) else {
        return false;
    };
    let answer = tokio::time::timeout(READY_ANSWER_WITHIN, http().request(request)).await;
    matches!(answer, Ok(Ok(answer)) if answer.status().is_success())
}

fn parsed(operation: &str, body: &[u8]) -> Result<Value, ClientError> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|error| ClientError::NoAnswer {
        operation: operation.to_owned(),
        why: error.to_string(),
    })
}

fn refused(operation: &str, status: StatusCode, answer: &Value) -> ClientError {
    let text = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| answer.get(name)?.as_str());
        found.map(ToOwned::to_owned)
    };
    ClientError::Refused {
        operation: operation.to_owned(),
        status: status.as_u16(),
        code: text(["__type", "Code"]).unwrap_or_else(|| "an unnamed error".to_owned()),
        message: text(["message", "Message"]).unwrap_or_else(|| answer.to_string()),
    }
}
