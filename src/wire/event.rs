//! The bodies of the events queue: RDS's events as EventBridge delivers them.
//!
//! RDS event subscriptions (through SNS, in its envelope or raw) have their place here too: they are other
//! shapes of the same [`Hint`], told apart by their keys, and become further arms of [`read`].

use serde::Deserialize;

use super::{WireError, part};
use crate::domain::arn::{RdsArn, ResourceKind};
use crate::domain::hint::{Hint, happened};

const WHAT: &str = "an EventBridge event (detail-type, source, detail)";
const DETAIL: &str = "the detail of an RDS event";

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "detail-type", borrow)]
    detail_type: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    source: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    detail: &'a serde_json::value::RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Detail<'a> {
    #[serde(borrow)]
    source_arn: std::borrow::Cow<'a, str>,
    #[serde(rename = "EventID", borrow, default)]
    event_id: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default)]
    message: std::borrow::Cow<'a, str>,
}

/// A well-formed message of the events queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is about a snapshot.
    Hint(Hint),
    /// It concerns nobody here: another source, another kind of resource.
    Foreign,
}

/// Reads a message of the events queue.
///
/// # Errors
/// What is not JSON, or JSON of no known shape, or an RDS snapshot event without a usable `SourceArn`.
pub fn read(body: &str) -> Result<Event, WireError> {
    let envelope: Envelope<'_> =
        serde_json::from_str(body).map_err(|error| WireError::shape(WHAT, &error))?;
    let about_snapshots = matches!(
        &*envelope.detail_type,
        "RDS DB Snapshot Event" | "RDS DB Cluster Snapshot Event"
    );
    if envelope.source != "aws.rds" || !about_snapshots {
        return Ok(Event::Foreign);
    }
    let detail: Detail<'_> = serde_json::from_str(envelope.detail.get())
        .map_err(|error| WireError::shape(DETAIL, &error))?;
    let resource = part("SourceArn", DETAIL, RdsArn::parse(&detail.source_arn))?;
    if !matches!(
        resource.kind(),
        ResourceKind::Snapshot | ResourceKind::ClusterSnapshot
    ) {
        return Ok(Event::Foreign);
    }
    let event_id = detail.event_id.map(std::borrow::Cow::into_owned);
    Ok(Event::Hint(Hint {
        resource,
        happened: happened(event_id.as_deref(), &detail.message),
        event_id,
    }))
}
