//! The RDS model behind the RDS Query API, on loopback.
//!
//! The service speaks what AWS's SDKs speak: form data in, XML out, the region taken from the
//! signature. It ticks the model by a [`VirtualClock`] and sends each event on as it arrives,
//! for the caller to deliver. It counts every call, so that figures about the product come from
//! here and not from what the product says of itself.
//!
//! Signatures are not verified. IAM is asked before each call, if the service was given an [`Authority`].

mod asked;
mod attribute_shapes;
mod caller;
mod clock;
mod cluster_shapes;
mod counts;
mod decode;
mod fault;
mod form;
mod iam;
mod interference;
mod list_shapes;
mod making;
mod offer_shapes;
mod setting_shapes;
mod shapes;
mod xml;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::rds::{Answer, EmittedEvent, Rds, Region, Request};

pub use asked::Asked;
pub use clock::VirtualClock;
pub use counts::{CallCounts, CallKey};
pub use fault::WireFault;
pub use iam::{Authority, Check, Decision};
pub use interference::{Action, Incoming, Interference, NoInterference};

use form::Form;

/// How often, in real time, the model is advanced between calls.
const TICK: Duration = Duration::from_millis(20);

/// What a service is started with.
#[derive(Debug)]
pub struct ServiceConfig {
    /// The world it serves, with whatever an operator has put there.
    pub rds: Rds,
    /// What time it is in that world.
    pub clock: VirtualClock,
    /// Where events go as they arrive. A receiver that was dropped is not an error.
    pub events: mpsc::UnboundedSender<EmittedEvent>,
}

/// A running service. Dropping it stops it at once; [`RdsService::shutdown`] lets calls finish.
#[derive(Debug)]
pub struct RdsService {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<std::io::Result<()>>,
    ticker: JoinHandle<()>,
}

/// What the calls, the ticks and the owner of a service share.
#[derive(Debug)]
struct Shared {
    rds: Mutex<Rds>,
    clock: VirtualClock,
    events: mpsc::UnboundedSender<EmittedEvent>,
    calls: Mutex<Calls>,
    interference: Arc<dyn Interference>,
    authority: OnceLock<Arc<dyn Authority>>,
}

/// How a call that was in order was answered.
enum Answered {
    /// With RDS's answer to this operation.
    With(&'static str, Answer),
    /// Not at all; the connection is held for this long first.
    NotAtAll(Duration),
}

/// What stands for an error's code in the counts when a caller got no answer.
const NO_ANSWER: &str = "NoAnswer";

#[derive(Debug, Default)]
struct Calls {
    counts: CallCounts,
    asked: Vec<Asked>,
    answered: u64,
}

impl RdsService {
    /// Binds a free port on loopback and serves. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(config: ServiceConfig) -> anyhow::Result<Self> {
        Self::start_with(config, Arc::new(NoInterference)).await
    }

    /// As [`RdsService::start`]; `interference` is asked before each call.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start_with(
        config: ServiceConfig,
        interference: Arc<dyn Interference>,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.context("cannot listen on loopback for the RDS service")?;
        let address = listener
            .local_addr()
            .context("cannot tell the RDS service's port")?;
        let shared = Arc::new(Shared {
            rds: Mutex::new(config.rds),
            clock: config.clock,
            events: config.events,
            calls: Mutex::default(),
            interference,
            authority: OnceLock::new(),
        });
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().fallback(call).with_state(Arc::clone(&shared));
        let server = axum::serve(listener, router).with_graceful_shutdown(async {
            // A sender that was dropped means the same as one that was used.
            let _ = stopped.await;
        });
        let server = tokio::spawn(server.into_future());
        let ticker = tokio::spawn(tick(Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            stop: Some(stop),
            server,
            ticker,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// What `AWS_ENDPOINT_URL_RDS` should be.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The model, for an operator or a judge. Calls wait while the guard is held.
    pub fn model(&self) -> MutexGuard<'_, Rds> {
        self.shared.model()
    }

    /// Asks this authority before each call from now on. A second one is not taken.
    pub fn evaluate_iam(&self, authority: Arc<dyn Authority>) {
        // The first stays: a service has one account, and an account has one IAM.
        let _ = self.shared.authority.set(authority);
    }

    /// What time it is in the service's world.
    pub fn now(&self) -> jiff::Timestamp {
        self.shared.clock.now()
    }

    /// The calls so far.
    pub fn counts(&self) -> CallCounts {
        self.shared.calls().counts.clone()
    }

    /// What the calls so far were about, in the order of their answers.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.calls().asked.clone()
    }

    /// Lets the calls that are being answered finish, and stops.
    ///
    /// # Errors
    /// When the server had failed.
    pub async fn shutdown(mut self) -> anyhow::Result<()> {
        drop(self.stop.take());
        self.ticker.abort();
        (&mut self.server)
            .await
            .context("the RDS service panicked")?
            .context("the RDS service")
    }
}

impl Drop for RdsService {
    fn drop(&mut self) {
        self.server.abort();
        self.ticker.abort();
    }
}

impl Shared {
    /// A panic elsewhere while the lock was held leaves no half-made state that matters more
    /// than going on to serve.
    fn model(&self) -> MutexGuard<'_, Rds> {
        self.rds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Advances the model to now and sends on what has arrived. Sending happens under the
    /// model's lock, so that events keep their order.
    fn tick(&self) {
        let mut rds = self.model();
        for event in rds.advance(self.clock.now()) {
            let _ = self.events.send(event);
        }
    }

    async fn answer(&self, headers: &HeaderMap, form: &Form) -> Result<Answered, WireFault> {
        let signer = caller::signer(headers, form)?;
        let request = decode::request(form)?;
        if let Some(authority) = self.authority.get() {
            let checks = iam::checks(&signer.region, &request, &self.model());
            match authority.decide(&signer.access_key, checks).await {
                Decision::Allowed => {}
                Decision::Denied(sentence) => return Err(WireFault::AccessDenied(sentence)),
                Decision::UnknownCaller(why) => return Err(WireFault::UnknownCaller(why)),
                Decision::NoAnswer(why) => return Err(WireFault::NoAnswerOfIam(why)),
            }
        }
        self.handle(&caller::app_id(headers), &signer.region, &request)
    }

    fn handle(&self, app: &str, region: &Region, request: &Request) -> Result<Answered, WireFault> {
        let operation = request.operation();
        // The time is taken under the lock: calls are answered in the order of their times.
        let mut rds = self.model();
        let call = Incoming {
            region,
            app,
            request,
            now: self.clock.now(),
        };
        let (reaches_rds, held) = match self.interference.before(&call, &mut rds) {
            Action::Forward => (true, None),
            Action::NoAnswer { reaches_rds, held } => (reaches_rds, Some(held)),
            Action::Refuse {
                status,
                code,
                message,
            } => {
                return Err(WireFault::Injected {
                    status,
                    code,
                    message,
                });
            }
        };
        let answer = if reaches_rds {
            let answer = rds.handle(region, request.clone(), call.now);
            self.interference.after(&call, answer.as_ref().err(), &rds);
            Some(answer)
        } else {
            None
        };
        match (answer, held) {
            (_, Some(held)) => Ok(Answered::NotAtAll(held)),
            (Some(answer), None) => Ok(Answered::With(operation, answer?)),
            (None, None) => Ok(Answered::NotAtAll(Duration::ZERO)),
        }
    }

    /// Counts a call and returns its request id.
    fn count(&self, headers: &HeaderMap, form: &Form, error: Option<&str>) -> String {
        let region = caller::signed_region(headers, form);
        let call = CallKey {
            operation: form.get("Action").unwrap_or_default().to_owned(),
            region: region.map(|region| region.to_string()).unwrap_or_default(),
            app: caller::app_id(headers),
            error: error.map(ToOwned::to_owned),
        };
        let asked = Asked::of(form, call.app.clone());
        let mut calls = self.calls();
        calls.counts.count(call);
        calls.asked.push(asked);
        calls.answered += 1;
        format!("00000000-0000-4000-8000-{:012x}", calls.answered)
    }
}

async fn tick(shared: Arc<Shared>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        shared.tick();
    }
}

async fn call(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let form = read_form(&method, uri.path(), query.as_deref(), body);
    let outcome = match &form {
        Ok(form) => shared.answer(&headers, form).await,
        Err(fault) => Err(fault.clone()),
    };
    let nothing = Form::default();
    let form = form.as_ref().unwrap_or(&nothing);
    let error = match &outcome {
        Ok(Answered::With(..)) => None,
        Ok(Answered::NotAtAll(_)) => Some(NO_ANSWER),
        Err(fault) => Some(fault.code()),
    };
    let id = shared.count(&headers, form, error);
    let (status, text) = match outcome {
        Ok(Answered::With(operation, answer)) => (200, xml::answer(operation, answer, &id)),
        Ok(Answered::NotAtAll(held)) => {
            tokio::time::sleep(held).await;
            return broken_off();
        }
        Err(fault) => (fault.http_status(), xml::error(&fault, &id)),
    };
    match text {
        Ok(text) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let headers = [(header::CONTENT_TYPE, "text/xml"), (REQUEST_ID, &id)];
            (status, headers, text).into_response()
        }
        Err(problem) => (StatusCode::INTERNAL_SERVER_ERROR, problem.to_string()).into_response(),
    }
}

/// An answer that breaks off before its first byte: the server closes the connection.
pub(crate) fn broken_off() -> Response {
    let nothing = futures_util::stream::once(async {
        Err::<Bytes, _>(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
    });
    Response::new(Body::from_stream(nothing))
}

const REQUEST_ID: header::HeaderName = header::HeaderName::from_static("x-amzn-requestid");

fn read_form(
    method: &Method,
    path: &str,
    query: Option<&str>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Form, WireFault> {
    if path != "/" || (method != Method::GET && method != Method::POST) {
        return Err(WireFault::UnknownPath);
    }
    let body = body.map_err(|problem| WireFault::MalformedQueryString(problem.to_string()))?;
    let mut form = Form::read(query.unwrap_or_default().as_bytes())?;
    form.join(Form::read(&body)?)?;
    Ok(form)
}
