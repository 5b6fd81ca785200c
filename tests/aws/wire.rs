//! An HTTP client that answers from a script and keeps what it was asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_rds::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use snapferry::aws::{Aws, QueueUrl, Replays, SourceQueue, StateMachine, TargetQueue, tuned};
use snapferry::domain::id::arn::{Region, StateMachineArn};

use crate::world::{HOME, SOURCE};

pub(crate) const TABLE: &str = "snapferry-table";
pub(crate) const COMMANDS: &str = "https://sqs.eu-central-1.amazonaws.com/111122223333/commands";
pub(crate) const DEAD_LETTERS: &str =
    "https://sqs.eu-west-1.amazonaws.com/111122223333/dead-letters";
pub(crate) const MACHINE: &str = "arn:aws:states:eu-central-1:111122223333:stateMachine:protect";

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) uri: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Asked {
    /// The fields of a form, as RDS is asked.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        form_urlencoded::parse(self.body.as_bytes())
            .into_owned()
            .collect()
    }

    /// The JSON, as all the others are asked.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    /// The action, of either protocol.
    pub(crate) fn action(&self) -> String {
        match self.headers.get("x-amz-target") {
            Some(target) => target.rsplit('.').next().unwrap().to_owned(),
            None => self.form()["Action"].clone(),
        }
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A status and a body.
    Http(u16, String),
    /// The connection breaks.
    Broken,
    /// Nothing, ever.
    Silence,
}

pub(crate) fn ok(body: impl Into<String>) -> Reply {
    Reply::Http(200, body.into())
}

/// An error of a JSON service.
pub(crate) fn json_error(status: u16, code: &str, message: &str) -> Reply {
    let body = serde_json::json!({ "__type": format!("com.amazonaws#{code}"), "message": message });
    Reply::Http(status, body.to_string())
}

type Script = dyn FnMut(&Asked) -> Reply + Send;

#[derive(Clone)]
pub(crate) struct Wire {
    asked: Arc<Mutex<Vec<Asked>>>,
    script: Arc<Mutex<Script>>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    /// Answers in this order; the last answer is given for good.
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut replies: VecDeque<Reply> = replies.into_iter().collect();
        Self::script(move |_| match replies.len() {
            0 => panic!("nothing was to be asked"),
            1 => replies[0].clone(),
            _ => replies.pop_front().unwrap(),
        })
    }

    /// Answers each request as the script says.
    pub(crate) fn script(script: impl FnMut(&Asked) -> Reply + Send + 'static) -> Self {
        Self {
            asked: Arc::default(),
            script: Arc::new(Mutex::new(script)),
        }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The only request there was.
    pub(crate) fn only(&self) -> Asked {
        let asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked[0].clone()
    }

    pub(crate) fn sdk(&self) -> SdkConfig {
        self.sdk_with(NoSleep)
    }

    /// With another way to sleep.
    pub(crate) fn sdk_with(&self, sleep: impl AsyncSleep + 'static) -> SdkConfig {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "tests");
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(aws_config::Region::new(HOME))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(self.clone())
            .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(sleep));
        tuned(sdk, "worker")
    }

    pub(crate) fn aws(&self) -> Aws {
        Aws::new(self.sdk(), TABLE, ())
    }

    pub(crate) fn planner(&self) -> Aws<StateMachine> {
        let machine = StateMachineArn::parse(MACHINE).unwrap();
        Aws::new(self.sdk(), TABLE, StateMachine(machine))
    }

    pub(crate) fn worker(&self) -> Aws<SourceQueue> {
        let receives = SourceQueue {
            queue: queue(),
            commands: queue(),
            starts: StateMachineArn::parse(MACHINE).unwrap(),
        };
        Aws::new(self.sdk(), TABLE, receives)
    }

    pub(crate) fn sweeper(&self) -> Aws<TargetQueue> {
        Aws::new(self.sdk(), TABLE, TargetQueue(queue()))
    }

    /// The operator, with the dead letters of a source region.
    pub(crate) fn operator(&self) -> Aws<Replays> {
        let region = Region::parse(SOURCE).unwrap();
        let dead = QueueUrl::parse(DEAD_LETTERS).unwrap();
        let replays = Replays::new(&self.sdk(), &region, dead, queue());
        Aws::new(self.sdk(), TABLE, replays)
    }
}

fn queue() -> QueueUrl {
    QueueUrl::parse(COMMANDS).unwrap()
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let body = request.body().bytes().expect("a body that is not a stream");
        let asked = Asked {
            uri: request.uri().to_owned(),
            headers: headers.collect(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        };
        let reply = (*self.script.lock().unwrap())(&asked);
        self.asked.lock().unwrap().push(asked);
        if matches!(reply, Reply::Silence) {
            return HttpConnectorFuture::new(std::future::pending());
        }
        HttpConnectorFuture::ready(match reply {
            Reply::Http(status, body) => {
                let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
                answer.headers_mut().insert("x-amzn-requestid", "request-1");
                Ok(answer)
            }
            Reply::Broken => Err(ConnectorError::io("connection reset".into())),
            Reply::Silence => unreachable!("it was never answered"),
        })
    }
}

/// Pauses between retries are over at once; time limits, which are longer, never strike.
#[derive(Debug, Clone)]
struct NoSleep;

impl AsyncSleep for NoSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        if duration < Duration::from_secs(1) {
            Sleep::new(std::future::ready(()))
        } else {
            Sleep::new(std::future::pending())
        }
    }
}
