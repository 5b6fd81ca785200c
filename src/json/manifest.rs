//! The output of a finished step.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JsonError, SCHEMA, object, part};
use crate::domain::id::arn::{KeyArn, RdsArn, ResourceKind};
use crate::domain::id::names::ResourceId;
use crate::domain::id::text::ParseError;
use crate::domain::run::command::Step;
use crate::domain::run::manifest::Manifest;

const WHAT: &str = "a manifest";

#[derive(Serialize, Deserialize)]
struct ManifestJson {
    schema: u32,
    step: String,
    snapshot: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    database: String,
    resource_id: String,
    engine: String,
    engine_version: String,
    size_gib: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_at: Option<Timestamp>,
}

/// Writes a manifest as the output of a state.
#[must_use]
pub fn write(manifest: &Manifest) -> String {
    serde_json::json!(ManifestJson {
        schema: SCHEMA,
        step: manifest.step.as_str().to_owned(),
        snapshot: manifest.snapshot.to_string(),
        source: manifest.source.as_ref().map(ToString::to_string),
        database: manifest.database.to_string(),
        resource_id: manifest.resource_id.to_string(),
        engine: manifest.engine.clone(),
        engine_version: manifest.engine_version.clone(),
        size_gib: manifest.size_gib,
        kms_key: manifest.key.as_ref().map(ToString::to_string),
        taken_at: manifest.taken_at,
    })
    .to_string()
}

/// Reads a manifest from the catalog or from an execution's output.
///
/// # Errors
/// If the text is not a manifest.
pub fn read(text: &str) -> Result<Manifest, JsonError> {
    let json: ManifestJson = object(WHAT, text)?;
    JsonError::schema(WHAT, json.schema)?;
    Ok(Manifest {
        step: part("step", WHAT, step(&json.step))?,
        snapshot: part("snapshot", WHAT, snapshot(&json.snapshot))?,
        source: json
            .source
            .as_deref()
            .map(|text| part("source", WHAT, snapshot(text)))
            .transpose()?,
        database: part("database", WHAT, RdsArn::parse(&json.database))?,
        resource_id: part("resource_id", WHAT, ResourceId::parse(&json.resource_id))?,
        engine: json.engine,
        engine_version: json.engine_version,
        size_gib: json.size_gib,
        key: json
            .kms_key
            .as_deref()
            .map(|text| part("kms_key", WHAT, KeyArn::parse(text)))
            .transpose()?,
        taken_at: json.taken_at,
    })
}

fn step(word: &str) -> Result<Step, ParseError> {
    [Step::Snapshot, Step::Copy]
        .into_iter()
        .find(|step| step.as_str() == word)
        .ok_or_else(|| ParseError::new(word, "snapshot or copy"))
}

fn snapshot(text: &str) -> Result<RdsArn, ParseError> {
    let arn = RdsArn::parse(text)?;
    match arn.kind() {
        ResourceKind::Snapshot | ResourceKind::ClusterSnapshot => Ok(arn),
        ResourceKind::Instance | ResourceKind::Cluster => Err(ParseError::new(
            text,
            "the ARN of a snapshot (arn:aws:rds:REGION:ACCOUNT:snapshot:NAME)",
        )),
    }
}
