//! What is stored of the drills of a database, and what an auditor gets of each.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{JsonError, SCHEMA, object, part, restore_record};
use crate::domain::drill::judge::{Check, DrillDifference};
use crate::domain::drill::name::DrillId;
use crate::domain::drill::options::Level;
use crate::domain::drill::record::{DrillRecord, Drills, Verdict};
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::span::Span;

const WHAT: &str = "the drills of a database";

#[derive(Serialize, Deserialize)]
struct DrillsJson {
    schema: u32,
    drills: Vec<RecordJson>,
}

#[derive(Serialize, Deserialize)]
struct RecordJson {
    id: String,
    of: String,
    policy: String,
    by: String,
    level: String,
    deadline: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rto: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rpo: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cents: Option<u64>,
    restore: Box<RawValue>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    checks: Vec<Check>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    differs: Vec<DrillDifference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    runs_at: Option<Timestamp>,
    #[serde(default)]
    check_tries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checked_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest_record_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
}

fn record_json(record: &DrillRecord) -> Option<RecordJson> {
    let restore = RawValue::from_string(restore_record::write(&record.restore)).ok()?;
    Some(RecordJson {
        id: record.id.to_string(),
        of: record.of.to_string(),
        policy: record.policy.to_string(),
        by: record.by.clone(),
        level: record.level.to_string(),
        deadline: record.deadline,
        rto: record.rto.map(|span| span.to_string()),
        rpo: record.rpo.map(|span| span.to_string()),
        cents: record.cents,
        restore,
        checks: record.checks.clone(),
        differs: record.differs.clone(),
        runs_at: record.runs_at,
        check_tries: record.check_tries,
        checked_at: record.checked_at,
        newest_record_at: record.newest_record_at,
        verdict: record.verdict.clone(),
        deleted_at: record.deleted_at,
        gone_at: record.gone_at,
        kept: record.kept.clone(),
        previous: record.previous.clone(),
    })
}

/// Writes them.
#[must_use]
pub fn write(drills: &Drills) -> String {
    serde_json::json!(DrillsJson {
        schema: SCHEMA,
        drills: drills.0.iter().filter_map(record_json).collect(),
    })
    .to_string()
}

/// Reads them.
///
/// # Errors
/// If the text is not that.
pub fn read(text: &str) -> Result<Drills, JsonError> {
    let json: DrillsJson = object(WHAT, text)?;
    JsonError::schema(WHAT, json.schema)?;
    let drills = json.drills.into_iter().map(RecordJson::into_record);
    Ok(Drills(drills.collect::<Result<_, _>>()?))
}

impl RecordJson {
    fn into_record(self) -> Result<DrillRecord, JsonError> {
        let span = |name, text: Option<String>| {
            let read = text.map(|text| Span::parse(&text)).transpose();
            part(name, WHAT, read)
        };
        Ok(DrillRecord {
            id: part("id", WHAT, DrillId::parse(&self.id))?,
            of: part("of", WHAT, ResourceId::parse(&self.of))?,
            policy: part("policy", WHAT, PolicyName::parse(&self.policy))?,
            by: self.by,
            level: part("level", WHAT, Level::parse(&self.level))?,
            deadline: self.deadline,
            rto: span("rto", self.rto)?,
            rpo: span("rpo", self.rpo)?,
            cents: self.cents,
            restore: restore_record::read(self.restore.get())?,
            checks: self.checks,
            differs: self.differs,
            runs_at: self.runs_at,
            check_tries: self.check_tries,
            checked_at: self.checked_at,
            newest_record_at: self.newest_record_at,
            verdict: self.verdict,
            deleted_at: self.deleted_at,
            gone_at: self.gone_at,
            kept: self.kept,
            previous: self.previous,
        })
    }
}

/// The hash of a drill's record, which the record of the next one names: so a changed or missing one shows.
#[must_use]
pub fn hash(record: &DrillRecord) -> String {
    let text = record_json(record).map(|json| serde_json::json!(json).to_string());
    let digest = Sha256::digest(text.unwrap_or_default().as_bytes());
    data_encoding::HEXLOWER.encode(&digest)
}

const REMOVALS: &str = "the drills that are being removed";

#[derive(Serialize, Deserialize)]
struct RemovalsJson {
    schema: u32,
    drills: Vec<RemovalJson>,
}

#[derive(Serialize, Deserialize)]
struct RemovalJson {
    of: String,
    id: String,
}

/// Writes which drills are being removed: each with the database that it is of.
#[must_use]
pub fn write_removals(drills: &BTreeSet<(ResourceId, DrillId)>) -> String {
    let drill = |(of, id): &(ResourceId, DrillId)| RemovalJson {
        of: of.to_string(),
        id: id.to_string(),
    };
    serde_json::json!(RemovalsJson {
        schema: SCHEMA,
        drills: drills.iter().map(drill).collect(),
    })
    .to_string()
}

/// Reads them.
///
/// # Errors
/// If the text is not that.
pub fn read_removals(text: &str) -> Result<BTreeSet<(ResourceId, DrillId)>, JsonError> {
    let json: RemovalsJson = object(REMOVALS, text)?;
    JsonError::schema(REMOVALS, json.schema)?;
    let drills = json.drills.into_iter().map(|drill| {
        let of = part("of", REMOVALS, ResourceId::parse(&drill.of))?;
        Ok((of, part("id", REMOVALS, DrillId::parse(&drill.id))?))
    });
    drills.collect()
}

/// The request to the user's function.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckRequest<'a> {
    /// The drill.
    pub drill: &'a str,
    /// The database whose recovery point it is.
    pub database: String,
    /// The recovery point.
    pub recovery_point: String,
    /// When its data was taken.
    pub taken_at: Option<Timestamp>,
    /// What to connect to.
    pub endpoint: Option<&'a str>,
    /// The port.
    pub port: Option<i64>,
    /// The engine.
    pub engine: Option<&'a str>,
    /// Its version.
    pub engine_version: Option<&'a str>,
    /// The secret that RDS made for the drill, if it manages the password.
    pub secret_arn: Option<&'a str>,
}

/// The answer of the user's function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckAnswer {
    /// Whether the data is right.
    pub ok: bool,
    /// What it found.
    #[serde(default)]
    pub detail: Option<String>,
    /// The newest record.
    #[serde(default)]
    pub newest_record_at: Option<Timestamp>,
}

/// Writes the request.
#[must_use]
pub fn write_check(request: &CheckRequest<'_>) -> String {
    serde_json::json!(request).to_string()
}

/// Reads the answer.
///
/// # Errors
/// If it is none.
pub fn read_check(text: &str) -> Result<CheckAnswer, JsonError> {
    object("the answer of the function that checks a drill", text)
}
