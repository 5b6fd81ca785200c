//! The operations that the demo and the tests use, typed.

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, ClientError, JsonService};

/// An event for a region's default bus.
#[derive(Debug, Clone, PartialEq)]
pub struct BusEvent {
    /// Such as `aws.rds`.
    pub source: String,
    /// Such as `RDS DB Snapshot Event`.
    pub detail_type: String,
    /// The event's own part.
    pub detail: Value,
    /// The ARNs of what the event is about.
    pub resources: Vec<String>,
}

/// Where an execution stands.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Its ARN.
    pub execution_arn: String,
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: String,
    /// Its input, as JSON text. Listings leave it out.
    pub input: Option<String>,
    /// Its output, as JSON text, where it succeeded.
    pub output: Option<String>,
    /// The error's name, where it failed.
    pub error: Option<String>,
    /// The explanation, where it failed.
    pub cause: Option<String>,
    /// When it began, in seconds since 1970.
    pub start_date: f64,
    /// When it ended, in seconds since 1970.
    pub stop_date: Option<f64>,
}

/// One event of an execution's history.
#[derive(Debug, Clone, Deserialize)]
pub struct HistoryEvent {
    /// Counts from 1.
    pub id: u64,
    /// Such as `TaskScheduled`.
    #[serde(rename = "type")]
    pub kind: String,
    /// In seconds since 1970.
    pub timestamp: f64,
    /// The details, under AWS's names.
    #[serde(flatten)]
    pub details: serde_json::Map<String, Value>,
}

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueDepth {
    /// Waiting to be received.
    pub visible: u64,
    /// Received and not yet deleted.
    pub in_flight: u64,
    /// Not yet to be received.
    pub delayed: u64,
}

impl QueueDepth {
    /// Whether nothing is left, in whatever state.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.visible + self.in_flight + self.delayed == 0
    }
}

/// A message as received.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Message {
    /// Its id, which stays the same over receives.
    pub message_id: String,
    /// What it says.
    pub body: String,
    /// Good for deleting it after this receive.
    pub receipt_handle: String,
}

/// AWS takes at most this many events in one PutEvents.
const EVENTS_PER_CALL_MAX: usize = 10;

impl Client {
    /// Puts events on the default bus of this client's region.
    ///
    /// # Errors
    /// As [`Client::call`]; an event that is refused counts as an error.
    pub async fn put_events(&self, events: &[BusEvent]) -> Result<(), ClientError> {
        for events in events.chunks(EVENTS_PER_CALL_MAX) {
            let entries: Vec<Value> = events.iter().map(entry).collect();
            let input = json!({ "Entries": entries });
            let answer = self.call(JsonService::EVENTS, "PutEvents", &input).await?;
            let failed = answer.get("FailedEntryCount").and_then(Value::as_u64);
            if failed != Some(0) {
                return Err(unexpected("PutEvents", &answer));
            }
        }
        Ok(())
    }

    /// Starts an execution and returns its ARN.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn start_execution(
        &self,
        state_machine: &str,
        name: &str,
        input: &Value,
    ) -> Result<String, ClientError> {
        const OPERATION: &str = "StartExecution";
        let request = json!({
            "stateMachineArn": state_machine, "name": name, "input": input.to_string(),
        });
        let answer = self
            .call(JsonService::STEP_FUNCTIONS, OPERATION, &request)
            .await?;
        let arn = answer.get("executionArn").and_then(Value::as_str);
        arn.map(ToOwned::to_owned)
            .ok_or_else(|| unexpected(OPERATION, &answer))
    }

    /// Where one execution stands.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn describe_execution(&self, arn: &str) -> Result<Execution, ClientError> {
        const OPERATION: &str = "DescribeExecution";
        let request = json!({ "executionArn": arn });
        let answer = self
            .call(JsonService::STEP_FUNCTIONS, OPERATION, &request)
            .await?;
        typed(OPERATION, answer)
    }

    /// Every execution of a state machine.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn executions(&self, state_machine: &str) -> Result<Vec<Execution>, ClientError> {
        let request = json!({ "stateMachineArn": state_machine, "maxResults": 1000 });
        self.paged("ListExecutions", request, "executions").await
    }

    /// The whole history of one execution.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn history(&self, arn: &str) -> Result<Vec<HistoryEvent>, ClientError> {
        let request = json!({ "executionArn": arn, "maxResults": 1000 });
        self.paged("GetExecutionHistory", request, "events").await
    }

    /// How many messages a queue holds.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn queue_depth(&self, queue_url: &str) -> Result<QueueDepth, ClientError> {
        const OPERATION: &str = "GetQueueAttributes";
        let request = json!({ "QueueUrl": queue_url, "AttributeNames": ["All"] });
        let answer = self.call(JsonService::SQS, OPERATION, &request).await?;
        let count = |name: &str| {
            let text = answer.get("Attributes")?.get(name)?.as_str()?;
            text.parse().ok()
        };
        let depth = || {
            Some(QueueDepth {
                visible: count("ApproximateNumberOfMessages")?,
                in_flight: count("ApproximateNumberOfMessagesNotVisible")?,
                delayed: count("ApproximateNumberOfMessagesDelayed")?,
            })
        };
        depth().ok_or_else(|| unexpected(OPERATION, &answer))
    }

    /// Receives up to ten messages, which stay hidden for the queue's visibility timeout.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn receive_messages(&self, queue_url: &str) -> Result<Vec<Message>, ClientError> {
        const OPERATION: &str = "ReceiveMessage";
        let request = json!({ "QueueUrl": queue_url, "MaxNumberOfMessages": 10 });
        let mut answer = self.call(JsonService::SQS, OPERATION, &request).await?;
        match answer.get_mut("Messages").map(Value::take) {
            Some(messages) => typed(OPERATION, messages),
            None => Ok(Vec::new()),
        }
    }

    /// Reads a listing to its end.
    async fn paged<T: serde::de::DeserializeOwned>(
        &self,
        operation: &str,
        mut request: Value,
        items: &str,
    ) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        loop {
            let mut answer = self
                .call(JsonService::STEP_FUNCTIONS, operation, &request)
                .await?;
            let page = answer.get_mut(items).map(Value::take).unwrap_or_default();
            all.extend(typed::<Vec<T>>(operation, page)?);
            match answer.get_mut("nextToken").map(Value::take) {
                Some(next @ Value::String(_)) => request["nextToken"] = next,
                _ => return Ok(all),
            }
        }
    }
}

fn entry(event: &BusEvent) -> Value {
    json!({
        "Source": event.source,
        "DetailType": event.detail_type,
        "Detail": event.detail.to_string(),
        "Resources": event.resources,
    })
}

fn typed<T: serde::de::DeserializeOwned>(operation: &str, answer: Value) -> Result<T, ClientError> {
    serde_json::from_value(answer).map_err(|error| ClientError::NoAnswer {
        operation: operation.to_owned(),
        why: error.to_string(),
    })
}

/// An answer without what belongs in it. Its text is left out: it may hold a token.
fn unexpected(operation: &str, answer: &Value) -> ClientError {
    let members: Vec<&String> = answer
        .as_object()
        .into_iter()
        .flat_map(|all| all.keys())
        .collect();
    ClientError::NoAnswer {
        operation: operation.to_owned(),
        why: format!("an answer that was not expected, with {members:?}"),
    }
}
