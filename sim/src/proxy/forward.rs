//! Passes each request on, and its answer back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
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

/// The size that no request or answer exceeds. The largest is a page of DynamoDB of 1 MB, or a batch of up to 16 MB.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How long to keep idle connections: less than the emulator does (75 s), so that no request goes into a connection that is
/// closing.
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
        // The connection also works without this, but slower because of delayed acknowledgements.
        let _ = connection.set_nodelay(true);
    });
    let router = Router::new().fallback(handle).with_state(forwarder);
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move {
        // Its only error is the listener's, and the demo itself reports calls without an answer.
        let _ = axum::serve(listener, router).await;
    })
}

async fn handle(
    State(forwarder): State<Arc<Forwarder>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let at = Timestamp::now();
    let began = Instant::now();
    let caller = Caller {
        peer: Some(peer),
        ..Caller::of(request.headers())
    };
    let Exchange {
        request: request_body,
        response,
        held,
    } = forwarder.answer(&caller, request).await;
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
    // Record first, because a caller that gives up meanwhile ends this task.
    forwarder.recorder.record(call, &request_body, &answer);
    if let Some(held) = held {
        tokio::time::sleep(held).await;
        return crate::rds_http::broken_off();
    }
    Response::from_parts(parts, Body::from(answer))
}

/// One call's two halves.
struct Exchange {
    request: Bytes,
    /// The service's answer. If the service was not asked, the answer to record in its place.
    response: Response<Bytes>,
    /// If set, the caller gets no answer, and its connection is closed after this time.
    held: Option<Duration>,
}

impl Forwarder {
    async fn answer(&self, caller: &Caller, request: Request<Body>) -> Exchange {
        let (parts, body) = request.into_parts();
        let answered = |request, response| Exchange {
            request,
            response,
            held: None,
        };
        let body = match whole(body).await {
            Ok(body) => body,
            Err(error) => {
                let response = refusal(StatusCode::BAD_REQUEST, "ProxyUnreadableRequest", &error);
                return answered(Bytes::new(), response);
            }
        };
        let mut held_for = None;
        match self.interference.on_request(caller, &body) {
            Action::Forward => {}
            Action::Accept => return answered(body, json_answer(StatusCode::OK, "{}")),
            Action::Refuse {
                status,
                error,
                message,
            } => return answered(body, refusal(status, &error, &message)),
            Action::NoAnswer {
                reaches_service: true,
                held,
            } => held_for = Some(held),
            Action::NoAnswer { held, .. } => {
                return Exchange {
                    request: body,
                    response: refusal(StatusCode::GATEWAY_TIMEOUT, "NoAnswer", ""),
                    held: Some(held),
                };
            }
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
        Exchange {
            request: body,
            response,
            held: held_for,
        }
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

/// Headers about one connection and not about the message. The two sides have a connection each.
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
    json_answer(status, body)
}

fn json_answer(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
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
