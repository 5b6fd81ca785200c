//! Snapferry's own events as `PutEvents` takes them, and the ends of executions, of which three of them are made.
//!
//! docs/events/recovery-point.schema.json describes their details, and a test holds the two together.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{JsonError, SCHEMA, manifest, object, run};
use crate::domain::id::tags::StackId;
use crate::domain::operator::own_event::{EndedRun, OwnEvent, SOURCE};
use crate::domain::operator::redrive::cause_in_words;

const WHAT: &str =
    "an event about an execution of Snapferry (detail with name, status, input, output)";
const OUTPUT: &str = "the output of an execution";
const STATUS_CHANGE: &str = "Step Functions Execution Status Change";

/// The body of `PutEvents` for these events.
#[must_use]
pub fn put_events(stack: &StackId, events: &[OwnEvent]) -> String {
    let entry = |event: &OwnEvent| {
        json!({
            "Source": SOURCE,
            "DetailType": event.detail_type(),
            "Detail": detail(stack, event).to_string(),
            "Resources": [resource(event)],
        })
    };
    let entries: Vec<Value> = events.iter().map(entry).collect();
    json!({ "Entries": entries }).to_string()
}

/// The ARN that the event is about: the recovery point, or the database that has none.
fn resource(event: &OwnEvent) -> String {
    match event {
        OwnEvent::Made { point, .. } => point.snapshot.to_string(),
        OwnEvent::Failed { of, .. } | OwnEvent::Refused { of, .. } => {
            of.run.database.arn.to_string()
        }
        OwnEvent::Overdue { database, .. } => database.to_string(),
        OwnEvent::Removed { snapshot, .. } => snapshot.to_string(),
    }
}

/// The event's detail.
#[must_use]
pub fn detail(stack: &StackId, event: &OwnEvent) -> Value {
    let mut detail = match event {
        OwnEvent::Made { of, point } => {
            let mut detail = of_run(of);
            detail["recovery_point"] = point.snapshot.to_string().into();
            detail["source"] = json!(point.source.as_ref().map(ToString::to_string));
            detail["taken_at"] = json!(point.taken_at);
            detail["kms_key"] = json!(point.key.as_ref().map(ToString::to_string));
            detail
        }
        OwnEvent::Failed { of, error, cause } => {
            let mut detail = of_run(of);
            detail["error"] = error.as_str().into();
            detail["cause"] = cause.as_str().into();
            detail
        }
        OwnEvent::Refused { of, cause } => {
            let mut detail = of_run(of);
            detail["cause"] = cause.as_str().into();
            detail
        }
        OwnEvent::Overdue {
            database,
            since,
            age,
        } => json!({
            "database": database.to_string(),
            "since": since,
            "age_seconds": age.map(|age| age.as_secs()),
        }),
        OwnEvent::Removed { snapshot, why } => json!({
            "recovery_point": snapshot.to_string(),
            "reason": why,
        }),
    };
    detail["schema"] = SCHEMA.into();
    detail["stack"] = stack.to_string().into();
    detail
}

fn of_run(of: &EndedRun) -> Value {
    let run = &of.run;
    json!({
        "database": run.database.arn.to_string(),
        "resource_id": run.database.resource_id.to_string(),
        "policy": run.policy.to_string(),
        "planned_at": run.planned_at,
        "execution": of.execution,
    })
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(rename = "detail-type", borrow, default)]
    detail_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    detail: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Detail {
    name: String,
    status: String,
    #[serde(default)]
    input: Option<String>,
    #[serde(default)]
    output: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    cause: Option<String>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    copy: &'a RawValue,
}

/// The event that a message of the events queue leads to, if it says that an execution has ended. `None` for every
/// other message.
#[must_use]
pub fn of_ended_execution(body: &str) -> Option<Result<OwnEvent, JsonError>> {
    let outer: Outer<'_> = object(WHAT, body).ok()?;
    let is_it = outer.source.as_deref() == Some("aws.states")
        && outer.detail_type.as_deref() == Some(STATUS_CHANGE);
    let detail = outer.detail.filter(|_| is_it)?;
    Some(read(detail.get()))
}

fn read(detail: &str) -> Result<OwnEvent, JsonError> {
    let detail: Detail = object(WHAT, detail)?;
    let of = EndedRun {
        execution: detail.name,
        run: run::read(&detail.input.unwrap_or_default())?,
    };
    if detail.status == "SUCCEEDED" {
        let output = detail.output.unwrap_or_default();
        let output: Output<'_> = object(OUTPUT, &output)?;
        return Ok(OwnEvent::Made {
            of: Box::new(of),
            point: Box::new(manifest::read(output.copy.get())?),
        });
    }
    let cause = cause_in_words(detail.error.as_deref(), detail.cause.as_deref());
    let error = detail.error.unwrap_or(detail.status);
    Ok(OwnEvent::of_failure(of, error, cause))
}
