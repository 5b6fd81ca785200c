//! The messages of the events queue: RDS's events, in each of their shapes.
//!
//! | shape | recognised by | way |
//! | --- | --- | --- |
//! | an EventBridge event | `detail-type` | a rule |
//! | a notification of RDS's | `Event Source` | an RDS event subscription, its topic delivering raw messages |
//! | an envelope of SNS's around either | `TopicArn` | a topic that does not |
//!
//! All become the same [`Hint`]. Fields that a hint does not need (times, links, tags, signatures) are not read, so a
//! strange value in one of them cannot spoil a hint.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{JsonError, object, part};
use crate::domain::id::arn::{RdsArn, ResourceKind};
use crate::domain::id::names::SnapshotId;
use crate::domain::id::text::ParseError;
use crate::domain::rds::hint::{Hint, kind};

const WHAT: &str = "an RDS event of EventBridge (detail-type, source, detail), an RDS notification (Event Source, \
                    Source ARN, Event ID) or an SNS envelope around one (TopicArn, Message)";
const DETAIL: &str = "the detail of an RDS event";
const NOTIFICATION: &str = "an RDS notification";

/// The beginning of the plain text that RDS sends to a topic when a subscription is created.
const ANNOUNCEMENT: &str = "This is a message to notify that RDS will attempt to send you event";
/// Begins the name of an automated snapshot.
const AUTOMATED: &str = "rds:";
/// What comes before the four digits of an event's number.
const EVENT: &str = "RDS-EVENT-";

/// The keys that distinguish the shapes, and their values.
#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(rename = "detail-type", borrow, default)]
    detail_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    detail: Option<&'a RawValue>,
    #[serde(rename = "Event Source", borrow, default)]
    event_source: Option<Cow<'a, str>>,
    #[serde(rename = "TopicArn", default)]
    topic: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Detail<'a> {
    #[serde(borrow)]
    source_arn: Cow<'a, str>,
    #[serde(borrow, default)]
    source_identifier: Option<Cow<'a, str>>,
    #[serde(rename = "EventID", borrow, default)]
    event_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    message: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Notification<'a> {
    #[serde(rename = "Source ARN", borrow, default)]
    source_arn: Option<Cow<'a, str>>,
    #[serde(rename = "Source ID", borrow, default)]
    source_id: Option<Cow<'a, str>>,
    /// The address of a page; the event's number is its fragment.
    #[serde(rename = "Event ID", borrow, default)]
    event_id: Option<Cow<'a, str>>,
    #[serde(rename = "Event Message", borrow, default)]
    message: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(default)]
    message_attributes: Option<Attributes>,
}

/// The attributes that SNS adds to a message. RDS names the resource there too.
#[derive(Deserialize)]
struct Attributes {
    #[serde(rename = "Resource", default)]
    resource: Option<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    #[serde(rename = "Value")]
    value: String,
}

/// A well-formed message of the events queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is about a snapshot.
    Hint(Hint),
    /// It concerns nobody here: it is about another source or another kind of resource, or does not name its snapshot, or
    /// is a notice about a subscription.
    Foreign,
}

/// Reads a message of the events queue.
///
/// # Errors
/// If the text is neither JSON nor RDS's notice about a new subscription, or is JSON of an unknown shape, or is an RDS
/// snapshot event whose resource cannot be read.
pub fn read(body: &str) -> Result<Event, JsonError> {
    if body.trim_start().starts_with(ANNOUNCEMENT) {
        return Ok(Event::Foreign);
    }
    let outer: Outer<'_> = object(WHAT, body)?;
    if outer.topic.is_some() {
        return envelope(body);
    }
    inner(&outer, body, None)
}

/// Reads a message without its envelope. `resource` is the resource that the envelope names.
fn inner(outer: &Outer<'_>, body: &str, resource: Option<&str>) -> Result<Event, JsonError> {
    match (&outer.detail_type, &outer.event_source) {
        (Some(detail_type), _) => event(outer, detail_type),
        (None, Some(source)) => notification(source, body, resource),
        (None, None) => Err(JsonError::no_shape(WHAT)),
    }
}

fn event(outer: &Outer<'_>, detail_type: &str) -> Result<Event, JsonError> {
    let (Some(source), Some(detail)) = (&outer.source, outer.detail) else {
        return Err(JsonError::no_shape(WHAT));
    };
    let about_snapshots = matches!(
        detail_type,
        "RDS DB Snapshot Event" | "RDS DB Cluster Snapshot Event"
    );
    if source != "aws.rds" || !about_snapshots {
        return Ok(Event::Foreign);
    }
    let detail: Detail<'_> = object(DETAIL, detail.get())?;
    let resource = subject(&detail.source_arn, detail.source_identifier.as_deref());
    Ok(match part("SourceArn", DETAIL, resource)? {
        Some(resource) => hint(resource, detail.event_id, detail.message),
        None => Event::Foreign,
    })
}

fn notification(source: &str, body: &str, resource: Option<&str>) -> Result<Event, JsonError> {
    if !matches!(source, "db-snapshot" | "db-cluster-snapshot") {
        return Ok(Event::Foreign);
    }
    let said: Notification<'_> = object(NOTIFICATION, body)?;
    // Older notifications name no ARN, and nothing else in them says which region and account they are about.
    let Some(resource) = said.source_arn.as_deref().or(resource) else {
        return Ok(Event::Foreign);
    };
    let resource = subject(resource, said.source_id.as_deref());
    let Some(resource) = part("Source ARN", NOTIFICATION, resource)? else {
        return Ok(Event::Foreign);
    };
    let number = said.event_id.as_deref().and_then(event_number);
    Ok(hint(
        resource,
        number.map(|number| number.to_owned().into()),
        said.message,
    ))
}

fn envelope(body: &str) -> Result<Event, JsonError> {
    let envelope: Envelope<'_> = object(WHAT, body)?;
    let is_json = envelope.message.trim_start().starts_with('{');
    if envelope.r#type != "Notification" || !is_json {
        return Ok(Event::Foreign);
    }
    let outer: Outer<'_> = object(WHAT, &envelope.message)?;
    let resource = envelope
        .message_attributes
        .and_then(|all| all.resource)
        .map(|resource| resource.value);
    inner(&outer, &envelope.message, resource.as_deref())
}

/// Finds `RDS-EVENT-` and four digits anywhere in the text.
fn event_number(text: &str) -> Option<&str> {
    let from = text.rfind(EVENT)?;
    let number = text.get(from..from + EVENT.len() + 4)?;
    let digits = number.strip_prefix(EVENT)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(number)
}

/// The resource that a snapshot's event is about; `None` if the resource's kind does not matter here.
///
/// AWS's own sample of an automated snapshot's event has the database's ARN, and the snapshot's name beside it.
fn subject(arn: &str, name: Option<&str>) -> Result<Option<RdsArn>, ParseError> {
    if RdsArn::is_of_another_kind(arn) {
        return Ok(None);
    }
    let arn = RdsArn::parse(arn)?;
    let automated = name.filter(|name| !arn.kind().is_snapshot() && name.starts_with(AUTOMATED));
    Ok(Some(match automated {
        Some(name) => arn.sibling_snapshot(arn.region(), &SnapshotId::parse(name)?),
        None => arn,
    }))
}

fn hint(resource: RdsArn, event_id: Option<Cow<'_, str>>, message: Option<Cow<'_, str>>) -> Event {
    if !matches!(
        resource.kind(),
        ResourceKind::Snapshot | ResourceKind::ClusterSnapshot
    ) {
        return Event::Foreign;
    }
    Event::Hint(Hint {
        resource,
        kind: kind(event_id.as_deref(), message.as_deref().unwrap_or_default()),
        event_id: event_id.map(Cow::into_owned),
    })
}
