//! AWS's endpoints as the functions call them: answers that agree with the hints, and a count of what was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::hints::{Hints, TABLE};
use super::tls::{Identity, Listener};

const RDS_NAMESPACE: &str = "http://rds.amazonaws.com/doc/2014-10-31/";

/// What was asked since the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Requests by AWS action. Other requests are counted by method and path.
    pub(super) requests: BTreeMap<String, u64>,
    /// The numbers of the hints whose token was accepted.
    pub(super) accepted: BTreeSet<usize>,
    /// The numbers of the hints whose wait was deleted.
    pub(super) deleted: BTreeSet<usize>,
}

impl Tally {
    /// All requests.
    #[must_use]
    pub(super) fn total(&self) -> u64 {
        self.requests.values().sum()
    }
}

#[derive(Debug)]
struct Inner {
    hints: Arc<Hints>,
    tally: Mutex<Tally>,
    /// How long each answer is held back, in milliseconds.
    delay: AtomicU64,
}

/// The endpoints: one host for each service, as in AWS, so that each needs a connection of its own.
#[derive(Debug)]
pub(super) struct Services {
    inner: Arc<Inner>,
    listeners: BTreeMap<&'static str, Listener>,
}

impl Services {
    /// The services, by the suffix of `AWS_ENDPOINT_URL_`.
    const NAMES: [&'static str; 4] = ["DYNAMODB", "RDS", "SFN", "SQS"];

    /// Starts them over these hints.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub(super) async fn start(identity: &Identity, hints: Arc<Hints>) -> anyhow::Result<Self> {
        let inner = Arc::new(Inner {
            hints,
            tally: Mutex::default(),
            delay: AtomicU64::new(0),
        });
        let mut listeners = BTreeMap::new();
        for name in Self::NAMES {
            let inner = inner.clone();
            let answer = move |head: Request<()>, body: Bytes| {
                let inner = inner.clone();
                async move { inner.answer(&head, &body).await }
            };
            listeners.insert(name, Listener::start(identity, answer).await?);
        }
        Ok(Self { inner, listeners })
    }

    /// The variables that point a program at them.
    pub(super) fn variables(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.listeners
            .iter()
            .map(|(name, listener)| (format!("AWS_ENDPOINT_URL_{name}"), listener.url()))
    }

    /// Holds each answer back for as long.
    pub(super) fn delay(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.inner.delay.store(by, Ordering::Relaxed);
    }

    /// What was asked since the last look.
    #[must_use]
    pub(super) fn take(&self) -> Tally {
        std::mem::take(&mut *self.inner.tally())
    }
}

impl Inner {
    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        // A tally is whole between any two of its statements.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, head: &Request<()>, body: &[u8]) -> Response<Full<Bytes>> {
        let answer = match head.headers().get("x-amz-target") {
            Some(target) => {
                let target = target.to_str().unwrap_or_default();
                let action = target.rsplit('.').next().unwrap_or_default().to_owned();
                let answer = self.json(&action, body);
                (action, "application/x-amz-json-1.0", answer)
            }
            None => {
                let form: BTreeMap<String, String> =
                    form_urlencoded::parse(body).into_owned().collect();
                match form.get("Action") {
                    Some(action) => (action.clone(), "text/xml", self.query(action, &form)),
                    // A connection that is being warmed: no call of a service.
                    None => (
                        format!("{} {}", head.method(), head.uri().path()),
                        "text/plain",
                        None,
                    ),
                }
            }
        };
        let (action, kind, answer) = answer;
        *self.tally().requests.entry(action).or_default() += 1;
        let delay = self.delay.load(Ordering::Relaxed);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        let status = match answer {
            Some(_) => StatusCode::OK,
            None => StatusCode::NOT_FOUND,
        };
        let body = answer.unwrap_or_default();
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            "content-type",
            hyper::header::HeaderValue::from_static(kind),
        );
        let id = hyper::header::HeaderValue::from_static("2f2a1c1e-0f0d-4f51-8f4a-6a3d5f2b7c90");
        headers.insert("x-amzn-requestid", id);
        response
    }

    fn json(&self, action: &str, body: &[u8]) -> Option<String> {
        let asked: Value = serde_json::from_slice(body).ok()?;
        match action {
            "BatchGetItem" => self.batch_get_item(&asked),
            "DeleteItem" => {
                let key = asked.pointer("/Key/pk/S")?.as_str()?;
                let number = self.hints.of_key(key)?;
                self.tally().deleted.insert(number);
                Some("{}".to_owned())
            }
            "SendTaskSuccess" => {
                let number = self.hints.of_token(asked.get("taskToken")?.as_str()?)?;
                // Step Functions takes nothing but JSON for an output.
                serde_json::from_str::<Value>(asked.get("output")?.as_str()?).ok()?;
                self.tally().accepted.insert(number);
                Some("{}".to_owned())
            }
            _ => None,
        }
    }

    fn batch_get_item(&self, asked: &Value) -> Option<String> {
        let keys = asked
            .get("RequestItems")?
            .get(TABLE)?
            .get("Keys")?
            .as_array()?;
        let items: Vec<&Value> = keys
            .iter()
            .filter_map(|key| {
                let number = self.hints.of_key(key.pointer("/pk/S")?.as_str()?)?;
                self.hints.get(number).map(|hint| &hint.item)
            })
            .collect();
        Some(json!({ "Responses": { TABLE: items }, "UnprocessedKeys": {} }).to_string())
    }

    fn query(&self, action: &str, form: &BTreeMap<String, String>) -> Option<String> {
        if action != "DescribeDBSnapshots" || form.get("Filters.Filter.1.Name")? != "db-snapshot-id"
        {
            return None;
        }
        let rows: String = (1..)
            .map_while(|n| form.get(&format!("Filters.Filter.1.Values.Value.{n}")))
            .filter_map(|id| self.hints.of_snapshot(id))
            .map(|hint| hint.row.as_str())
            .collect();
        Some(format!(
            "<DescribeDBSnapshotsResponse xmlns=\"{RDS_NAMESPACE}\"><DescribeDBSnapshotsResult><DBSnapshots>{rows}\
             </DBSnapshots></DescribeDBSnapshotsResult><ResponseMetadata><RequestId>b1</RequestId></ResponseMetadata>\
             </DescribeDBSnapshotsResponse>"
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::{Inner, Tally};
    use crate::bench::hints::{Hints, TABLE};

    fn inner() -> Inner {
        Inner {
            hints: Arc::new(Hints::new(2).unwrap()),
            tally: Default::default(),
            delay: Default::default(),
        }
    }

    fn ask(inner: &Inner, action: &str, body: &Value) -> Option<String> {
        inner.json(action, body.to_string().as_bytes())
    }

    #[test]
    fn the_table_answers_with_the_waits_that_were_asked_for_alone() {
        let inner = inner();
        let wait = inner.hints.get(1).unwrap();
        let keys = json!([{ "pk": { "S": wait.key } }, { "pk": { "S": "wait#nobody" } }]);
        let asked = json!({ "RequestItems": { TABLE: { "Keys": keys } } });
        let answer = ask(&inner, "BatchGetItem", &asked).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["Responses"][TABLE], json!([wait.item]));
    }

    #[test]
    fn rds_describes_the_snapshots_that_were_asked_for_alone() {
        let inner = inner();
        let (first, second) = (inner.hints.get(0).unwrap(), inner.hints.get(1).unwrap());
        let form = [
            ("Filters.Filter.1.Name", "db-snapshot-id"),
            ("Filters.Filter.1.Values.Value.1", "nobody"),
            ("Filters.Filter.1.Values.Value.2", &second.snapshot),
        ];
        let form = form
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let answer = inner.query("DescribeDBSnapshots", &form).unwrap();
        assert!(answer.contains(&second.row) && !answer.contains(&first.row));
        assert_eq!(inner.query("DeleteDBSnapshot", &form), None);
    }

    #[test]
    fn a_token_is_accepted_only_if_somebody_waits_on_it() {
        let inner = inner();
        let known = &inner.hints.get(1).unwrap().token;
        let send = |token: &str, output: &str| {
            let asked = json!({ "taskToken": token, "output": output });
            ask(&inner, "SendTaskSuccess", &asked)
        };
        assert_eq!(send("unknown", "{}"), None);
        assert_eq!(send(known, "no JSON"), None);
        assert_eq!(inner.tally().accepted, [].into());
        assert_eq!(send(known, "{}"), Some("{}".to_owned()));
        assert_eq!(inner.tally().accepted, [1].into());
    }

    #[test]
    fn what_is_not_called_for_is_refused() {
        let inner = inner();
        assert_eq!(ask(&inner, "PutItem", &json!({})), None);
        assert_eq!(*inner.tally(), Tally::default());
    }
}
