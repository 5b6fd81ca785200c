//! Passes each request on and its answer back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONNECTION, CONTENT_TYPE, HeaderName, TRANSFER_ENCODING};
use axum::http::uri::{Authority, Scheme};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use axum::serve::ListenerExt;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;

use super::call::error_name;
use super::{Action, Call, Caller, Interference, Recorder};

/// No request or answer of the services behind is larger: the largest is a DynamoDB page of 1 MB,
/// or a batch of it, up to 16 MB.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Idle connections are given up before the emulator gives them up (75 s), so that no request is
/// sent into one that is closing.
const IDLE: Duration = Duration::from_secs(20);

struct Forwarder {
    upstream: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    recorder: Arc<Recorder>,
    interference: Arc<dyn Interference>,
}

pub(super) fn serve(
    listener: tokio::net::TcpListener,
    upstream: SocketAddr,
    recorder: Arc<Recorder>,
    interference: Arc<dyn Interference>,
) -> tokio::task::JoinHandle<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .build(connector);
    let forwarder = Arc::new(Forwarder {
        upstream,
        client,
        recorder,
        interference,
    });
    let listener = listener.tap_io(|connection| {
        // A connection without it still works, only later by a delayed acknowledgement.
        let _ = connection.set_nodelay(true);
    });
    let router = Router::new().fallback(handle).with_state(forwarder);
    tokio::spawn(async move {
        // Its only error is the listener's, and a demo whose calls go unanswered says so itself.
        let _ = axum::serve(listener, router).await;
    })
}

async fn handle(
    State(forwarder): State<Arc<Forwarder>>,
    request: Request<Body>,
) -> Response<Full<Bytes>> {
    let at = Timestamp::now();
    let began = Instant::now();
    let caller = Caller::of(request.headers());
    let (request_body, response) = forwarder.answer(&caller, request).await;
    let (parts, answer) = response.into_parts();
    let error = if parts.status.is_success() {
        None
    } else {
        error_name(&parts.headers, &answer)
    };
    let call = Call {
        at,
        latency: began.elapsed(),
        caller,
        status: parts.status.as_u16(),
        error,
    };
    forwarder.recorder.record(call, &request_body, &answer);
    Response::from_parts(parts, Full::new(answer))
}

impl Forwarder {
    async fn answer(&self, caller: &Caller, request: Request<Body>) -> (Bytes, Response<Bytes>) {
        let (parts, body) = request.into_parts();
        let body = match whole(body).await {
            Ok(body) => body,
            Err(error) => {
                let response = refusal(StatusCode::BAD_REQUEST, "ProxyUnreadableRequest", &error);
                return (Bytes::new(), response);
            }
        };
        if let Action::Refuse {
            status,
            error,
            message,
        } = self.interference.before(caller)
        {
            return (body, refusal(status, &error, &message));
        }
        let mut upward = Request::new(Full::new(body.clone()));
        *upward.method_mut() = parts.method;
        *upward.uri_mut() = self.upstream_uri(&parts.uri);
        *upward.headers_mut() = parts.headers;
        drop_hop_headers(upward.headers_mut());
        let response = match self.forward(upward).await {
            Ok(response) => response,
            Err(error) => refusal(StatusCode::BAD_GATEWAY, "ProxyNoAnswer", &error),
        };
        (body, response)
    }

    async fn forward(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, String> {
        let answer = self.client.request(request).await.map_err(described)?;
        let (mut parts, body) = answer.into_parts();
        let body = whole(body).await?;
        drop_hop_headers(&mut parts.headers);
        Ok(Response::from_parts(parts, body))
    }

    fn upstream_uri(&self, asked: &Uri) -> Uri {
        let mut parts = asked.clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Authority::try_from(self.upstream.to_string()).ok();
        // Scheme, authority and the path of a valid URI: always a URI.
        Uri::from_parts(parts).unwrap_or_default()
    }
}

async fn whole<B>(body: B) -> Result<Bytes, String>
where
    B: axum::body::HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let collected = Limited::new(body, BODY_BYTES_MAX).collect().await;
    Ok(collected.map_err(|error| error.to_string())?.to_bytes())
}

/// These speak of one connection, not of the message; the two sides have one each.
fn drop_hop_headers(headers: &mut HeaderMap) {
    for name in [
        CONNECTION,
        TRANSFER_ENCODING,
        HeaderName::from_static("keep-alive"),
    ] {
        headers.remove(name);
    }
}

fn refusal(status: StatusCode, error: &str, message: &str) -> Response<Bytes> {
    let body = serde_json::json!({ "__type": error, "message": message }).to_string();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.0"),
    );
    response
}

fn described(error: hyper_util::client::legacy::Error) -> String {
    use std::error::Error as _;
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
