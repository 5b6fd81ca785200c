//! What is stored of a restore.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JsonError, SCHEMA, object, part};
use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::ResourceId;
use crate::domain::restore::gap::GapKind;
use crate::domain::restore::record::{RestoreRecord, Sending};

const WHAT: &str = "a restore";

#[derive(Serialize, Deserialize)]
struct RecordJson {
    schema: u32,
    database: String,
    point: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    taken_at: Option<Timestamp>,
    name: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_fast: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    accepted: Vec<String>,
    began_at: Timestamp,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    made: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sent: BTreeMap<String, SendingJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    running_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    done_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct SendingJson {
    last: Timestamp,
    times: u32,
}

/// Writes a restore.
#[must_use]
pub fn write(record: &RestoreRecord) -> String {
    let made = record.made.iter();
    let sent = record.sent.iter().map(|(step, sending)| {
        let sending = SendingJson {
            last: sending.last,
            times: sending.times,
        };
        (step.clone(), sending)
    });
    serde_json::json!(RecordJson {
        schema: SCHEMA,
        database: record.database.to_string(),
        point: record.point.to_string(),
        taken_at: record.taken_at,
        name: record.name.clone(),
        is_fast: record.is_fast,
        accepted: record.accepted.iter().map(ToString::to_string).collect(),
        began_at: record.began_at,
        made: made
            .map(|(name, id)| (name.clone(), id.to_string()))
            .collect(),
        sent: sent.collect(),
        running_at: record.running_at,
        done_at: record.done_at,
    })
    .to_string()
}

/// Reads a restore.
///
/// # Errors
/// If the text is not one.
pub fn read(text: &str) -> Result<RestoreRecord, JsonError> {
    let json: RecordJson = object(WHAT, text)?;
    JsonError::schema(WHAT, json.schema)?;
    let accepted = json.accepted.iter();
    let accepted = accepted.map(|gap| part("accepted", WHAT, GapKind::parse(gap)));
    let made = json.made.into_iter().map(|(name, id)| {
        let id = part("made", WHAT, ResourceId::parse(&id))?;
        Ok((name, id))
    });
    let sent = json.sent.into_iter().map(|(step, sending)| {
        let sending = Sending {
            last: sending.last,
            times: sending.times,
        };
        (step, sending)
    });
    Ok(RestoreRecord {
        database: part("database", WHAT, RdsArn::parse(&json.database))?,
        point: part("point", WHAT, RdsArn::parse(&json.point))?,
        taken_at: json.taken_at,
        name: json.name,
        is_fast: json.is_fast,
        accepted: accepted.collect::<Result<_, _>>()?,
        began_at: json.began_at,
        made: made.collect::<Result<_, JsonError>>()?,
        sent: sent.collect(),
        running_at: json.running_at,
        done_at: json.done_at,
    })
}
