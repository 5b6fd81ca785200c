//! The recording proxy in front of a service that echoes: what arrives, what comes back, what is recorded.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use snapferry_sim::proxy::{Action, Caller, Interference, NoInterference, Outcome, Proxy};

/// Answers with the request's own path, headers and body, and with status and error as asked for.
async fn echo() -> SocketAddr {
    async fn answer(request: Request<Body>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut answer = Response::new(Full::new(body));
        let asked = parts.headers.get("x-answer");
        *answer.status_mut() = asked.map_or(StatusCode::OK, |status| {
            StatusCode::from_bytes(status.as_bytes()).unwrap()
        });
        let path = parts.uri.to_string().parse().unwrap();
        *answer.headers_mut() = parts.headers;
        answer.headers_mut().insert("x-path", path);
        answer
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn send(
    proxy: &Proxy,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (StatusCode, HeaderMap, Bytes) {
    let uri = format!("{}/a%20path?with=query&of=%2F", proxy.url());
    let mut request = Request::post(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(Bytes::copy_from_slice(body)))
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    (
        parts.status,
        parts.headers,
        body.collect().await.unwrap().to_bytes(),
    )
}

const SUCCESS: (&str, &str) = ("x-amz-target", "AWSStepFunctions.SendTaskSuccess");

#[tokio::test]
async fn a_call_passes_byte_for_byte_in_both_directions() {
    let proxy = Proxy::start(echo().await, Arc::new(NoInterference))
        .await
        .unwrap();
    let body: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let (status, headers, answer) = send(&proxy, &[("x-other", "Value, 2")], &body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer, body);
    assert_eq!(headers["x-other"], "Value, 2");
    assert_eq!(headers["x-path"], "/a%20path?with=query&of=%2F");
    // SigV4 signs it, and the emulator makes names of it.
    assert_eq!(headers["host"], proxy.url().trim_start_matches("http://"));
}

#[tokio::test]
async fn an_error_of_the_service_is_passed_on_and_named() {
    let proxy = Proxy::start(echo().await, Arc::new(NoInterference))
        .await
        .unwrap();
    let body = json!({"__type": "com.amazonaws.swf#TaskTimedOut", "taskToken": "secret"});
    let headers = [SUCCESS, ("x-answer", "400")];
    let (status, _, answer) = send(&proxy, &headers, body.to_string().as_bytes()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(serde_json::from_slice::<Value>(&answer).unwrap(), body);
    let calls = proxy.recorder().calls();
    assert_eq!(calls[0].status, 400);
    assert_eq!(calls[0].error.as_deref(), Some("TaskTimedOut"));
    assert!(calls[0].answered_at() >= calls[0].at);
}

#[tokio::test]
async fn a_settlement_is_found_by_what_it_speaks_of_and_no_record_shows_its_token() {
    let proxy = Proxy::start(echo().await, Arc::new(NoInterference))
        .await
        .unwrap();
    let output = json!({"manifest": {"arn": "arn:1", "tags": [{"key": "value"}]}});
    let success = json!({"taskToken": "secret-1", "output": output.to_string()});
    send(&proxy, &[SUCCESS], success.to_string().as_bytes()).await;
    let failure = json!({"taskToken": "secret-2", "error": "Snapferry.Gone", "cause": "arn:2"});
    let target = ("x-amz-target", "AWSStepFunctions.SendTaskFailure");
    send(&proxy, &[target], failure.to_string().as_bytes()).await;

    let recorder = proxy.recorder();
    let of_one = recorder.settlements_of("arn:1");
    assert_eq!(of_one.len(), 1);
    assert_eq!(of_one[0].outcome, Outcome::Success(output));
    let of_two = recorder.settlements_of("arn:2");
    assert!(
        matches!(&of_two[0].outcome, Outcome::Failure { error, .. } if error == "Snapferry.Gone")
    );
    assert!(recorder.settlements_of("arn:3").is_empty());
    let tokens = recorder.tokens();
    let tokens: Vec<&str> = tokens.iter().map(|token| token.expose()).collect();
    assert_eq!(tokens, ["secret-1", "secret-2"]);
    assert!(!format!("{recorder:?}").contains("secret"));
}

/// Refuses what one function calls.
struct Throttle(&'static str);

impl Interference for Throttle {
    fn before(&self, caller: &Caller) -> Action {
        if caller.app.as_deref() != Some(self.0) {
            return Action::Forward;
        }
        Action::Refuse {
            status: StatusCode::BAD_REQUEST,
            error: "ThrottlingException".to_owned(),
            message: "Rate exceeded".to_owned(),
        }
    }
}

#[tokio::test]
async fn a_refused_call_never_reaches_the_service() {
    let proxy = Proxy::start(echo().await, Arc::new(Throttle("one")))
        .await
        .unwrap();
    let (status, headers, answer) = send(&proxy, &[("user-agent", "sdk/1 app/one")], b"{}").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(!headers.contains_key("x-path"), "the service answered");
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["__type"], "ThrottlingException");
    let (status, ..) = send(&proxy, &[("user-agent", "sdk/1 app/two")], b"{}").await;
    assert_eq!(status, StatusCode::OK);

    let counts = proxy.recorder().counts();
    let errors = |app: &str| {
        let of_app = counts
            .iter()
            .find(|(counter, _)| counter.app.as_deref() == Some(app));
        of_app.map(|(_, tally)| (tally.calls, tally.errors))
    };
    assert_eq!(errors("one"), Some((1, 1)));
    assert_eq!(errors("two"), Some((1, 0)));
}

#[tokio::test]
async fn a_service_that_is_not_there_is_an_answer_and_no_hang() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = Proxy::start(nobody, Arc::new(NoInterference))
        .await
        .unwrap();
    let (status, ..) = send(&proxy, &[SUCCESS], b"{}").await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    let calls = proxy.recorder().calls();
    assert_eq!(calls[0].error.as_deref(), Some("ProxyNoAnswer"));
}

/// Leaves every call without an answer.
struct Silence {
    reaches_service: bool,
}

impl Interference for Silence {
    fn before(&self, _: &Caller) -> Action {
        Action::NoAnswer {
            reaches_service: self.reaches_service,
            held: std::time::Duration::ZERO,
        }
    }
}

#[tokio::test]
async fn a_call_without_an_answer_ends_its_connection_and_is_recorded_as_the_service_saw_it() {
    for (reaches_service, status) in [(true, 200), (false, 504)] {
        let silence = Arc::new(Silence { reaches_service });
        let proxy = Proxy::start(echo().await, silence).await.unwrap();
        let request = Request::post(proxy.url())
            .header(SUCCESS.0, SUCCESS.1)
            .body(Full::new(Bytes::from_static(
                br#"{"taskToken":"secret","output":"{}"}"#,
            )))
            .unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(request).await;
        assert!(answer.is_err(), "{answer:?}");
        let calls = proxy.recorder().calls();
        assert_eq!(calls[0].status, status);
        let accepted = proxy.recorder().settlements()[0].call.succeeded();
        assert_eq!(accepted, reaches_service);
    }
}

#[tokio::test]
async fn the_callers_end_of_the_connection_is_known() {
    let proxy = Proxy::start(echo().await, Arc::new(NoInterference))
        .await
        .unwrap();
    send(&proxy, &[SUCCESS], b"{}").await;
    let peer = proxy.recorder().calls()[0].caller.peer.unwrap();
    assert!(peer.ip().is_loopback());
    assert_ne!(format!("http://{peer}"), proxy.url());
}
