//! Lambda's Runtime API, one for each program: it hands events over, takes answers, and notes when.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// The largest answer of a function that Lambda takes.
const ANSWER_MAX: usize = 6 << 20;
const FUNCTION: &str = "arn:aws:lambda:eu-central-1:111122223333:function:bench";

/// What the program did.
#[derive(Debug)]
enum Report {
    /// It asks for an event.
    Ready(Instant),
    /// It has answered one.
    Answered { id: u64, body: Bytes, at: Instant },
    /// It says that it cannot go on, or that the event failed.
    Failed(Bytes),
}

/// An event for the program.
#[derive(Debug)]
struct Invocation {
    id: u64,
    event: Bytes,
}

#[derive(Debug)]
struct Shared {
    reports: UnboundedSender<Report>,
    invocations: tokio::sync::Mutex<UnboundedReceiver<Invocation>>,
    /// When the last event was handed over.
    handed: Mutex<Option<Instant>>,
}

/// The result of an event.
#[derive(Debug)]
pub(super) struct Answer {
    /// What the function answered.
    pub(super) body: Bytes,
    /// From the event's handing over to the answer's arrival.
    pub(super) took: Duration,
}

/// One program's Runtime API, on a loopback port of its own. Dropping it ends it.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    reports: UnboundedReceiver<Report>,
    invocations: UnboundedSender<Invocation>,
    ready: Option<Instant>,
    sent: u64,
    server: JoinHandle<()>,
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl RuntimeApi {
    /// Listens.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no loopback port could be bound for the Runtime API")?;
        let address = listener.local_addr()?;
        let (report, reports) = unbounded_channel();
        let (invocations, waiting) = unbounded_channel();
        let shared = Arc::new(Shared {
            reports: report,
            invocations: tokio::sync::Mutex::new(waiting),
            handed: Mutex::default(),
        });
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(response),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failure))
            .route("/2018-06-01/runtime/init/error", post(failure))
            .layer(DefaultBodyLimit::max(ANSWER_MAX))
            .with_state(shared.clone());
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            // Without it an answer may wait for the next packet.
            let _ = stream.set_nodelay(true);
        });
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            address,
            shared,
            reports,
            invocations,
            ready: None,
            sent: 0,
            server,
        })
    }

    /// What the program finds in `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the program asks for an event; returns when it did.
    ///
    /// # Errors
    /// When it reports an error instead.
    pub(super) async fn ready(&mut self) -> anyhow::Result<Instant> {
        if let Some(at) = self.ready {
            return Ok(at);
        }
        match self.reports.recv().await {
            Some(Report::Ready(at)) => {
                self.ready = Some(at);
                Ok(at)
            }
            Some(Report::Answered { .. }) => bail!("it answered an event that it was not given"),
            Some(Report::Failed(error)) => bail!("it reports {}", String::from_utf8_lossy(&error)),
            None => bail!("the Runtime API has ended"),
        }
    }

    /// Gives the program an event, once it has asked for one, and waits for its answer.
    ///
    /// # Errors
    /// When it reports an error, or answers another event.
    pub(super) async fn invoke(&mut self, event: Bytes) -> anyhow::Result<Answer> {
        self.ready().await?;
        self.ready = None;
        self.sent += 1;
        let id = self.sent;
        self.invocations
            .send(Invocation { id, event })
            .map_err(|_| anyhow::anyhow!("the Runtime API has ended"))?;
        match self.reports.recv().await {
            Some(Report::Answered {
                id: answered,
                body,
                at,
            }) if answered == id => {
                let handed = *self
                    .shared
                    .handed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                let handed = handed.context("an answer without an event")?;
                Ok(Answer {
                    body,
                    took: at.duration_since(handed),
                })
            }
            Some(Report::Answered { .. }) => bail!("it answered another event"),
            Some(Report::Failed(error)) => bail!("it reports {}", String::from_utf8_lossy(&error)),
            Some(Report::Ready(_)) => bail!("it asked for the next event without an answer"),
            None => bail!("the Runtime API has ended"),
        }
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    // Nobody listens any more once the program is being ended.
    let _ = shared.reports.send(Report::Ready(Instant::now()));
    let invocation = shared.invocations.lock().await.recv().await;
    let Some(Invocation { id, event }) = invocation else {
        return StatusCode::GONE.into_response();
    };
    let header = |name| HeaderName::from_static(name);
    let headers = [
        (header("lambda-runtime-aws-request-id"), id.to_string()),
        (
            header("lambda-runtime-deadline-ms"),
            "32503680000000".to_owned(),
        ),
        (
            header("lambda-runtime-invoked-function-arn"),
            FUNCTION.to_owned(),
        ),
        (header("content-type"), "application/json".to_owned()),
    ];
    *shared.handed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    (headers, event).into_response()
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<u64>,
    body: Bytes,
) -> StatusCode {
    let at = Instant::now();
    let _ = shared.reports.send(Report::Answered { id, body, at });
    StatusCode::ACCEPTED
}

async fn failure(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let _ = shared.reports.send(Report::Failed(body));
    StatusCode::ACCEPTED
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use http_body_util::{BodyExt, Full};
    use hyper::{Method, Request};
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;

    use super::RuntimeApi;

    /// One call of a program: what it was answered, with the id of the event it was given.
    async fn call(
        api: &str,
        method: Method,
        path: &str,
        body: &str,
    ) -> (u16, Option<String>, Bytes) {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{api}/2018-06-01/runtime/{path}"))
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .unwrap();
        let answer = client.request(request).await.unwrap();
        let id = answer.headers().get("lambda-runtime-aws-request-id");
        let id = id.map(|id| id.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        (
            status,
            id,
            answer.into_body().collect().await.unwrap().to_bytes(),
        )
    }

    /// A program that answers `events` events with `answer`, as Lambda's runtimes do.
    async fn program(api: String, events: usize, answer: &'static str) {
        for _ in 0..events {
            let (status, id, _) = call(&api, Method::GET, "invocation/next", "").await;
            assert_eq!(status, 200);
            let path = format!("invocation/{}/response", id.unwrap());
            assert_eq!(call(&api, Method::POST, &path, answer).await.0, 202);
        }
    }

    #[tokio::test]
    async fn each_event_is_given_once_and_its_answer_comes_back() {
        let mut api = RuntimeApi::start().await.unwrap();
        let running = tokio::spawn(program(api.address().to_string(), 2, "done"));
        let ready = api.ready().await.unwrap();
        assert_eq!(
            api.ready().await.unwrap(),
            ready,
            "asking again waits for nothing"
        );
        for _ in 0..2 {
            let answer = api.invoke(Bytes::from_static(b"{}")).await.unwrap();
            assert_eq!(answer.body, "done");
        }
        running.await.unwrap();
    }

    #[tokio::test]
    async fn an_error_of_the_program_is_passed_on() {
        for path in ["init/error", "invocation/1/error"] {
            let mut api = RuntimeApi::start().await.unwrap();
            let address = api.address().to_string();
            call(&address, Method::POST, path, "no settings").await;
            let error = api.ready().await.unwrap_err().to_string();
            assert!(error.contains("no settings"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_answer_to_another_event_is_refused() {
        let mut api = RuntimeApi::start().await.unwrap();
        let address = api.address().to_string();
        let program = tokio::spawn(async move {
            call(&address, Method::GET, "invocation/next", "").await;
            call(&address, Method::POST, "invocation/7/response", "x").await;
        });
        let error = api.invoke(Bytes::new()).await.unwrap_err().to_string();
        assert!(error.contains("another event"), "{error}");
        program.await.unwrap();
    }
}
