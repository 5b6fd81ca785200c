//! What RDS refused permanently, as the catalog stores it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JsonError, object, part};
use crate::domain::id::arn::RdsArn;
use crate::domain::run::fingerprint::Fingerprint;
use crate::domain::run::refusal::RefusedForGood;

const WHAT: &str = "a refusal for good";

#[derive(Serialize, Deserialize)]
struct RefusalJson {
    at: Timestamp,
    words: String,
    fingerprint: String,
    planned_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

/// Writes a refusal.
#[must_use]
pub fn write(refusal: &RefusedForGood) -> String {
    serde_json::json!(RefusalJson {
        at: refusal.at,
        words: refusal.words.clone(),
        fingerprint: refusal.fingerprint.to_string(),
        planned_at: refusal.planned_at,
        source: refusal.source.as_ref().map(ToString::to_string),
    })
    .to_string()
}

/// Reads it.
///
/// # Errors
/// If the text is not such a refusal.
pub fn read(text: &str) -> Result<RefusedForGood, JsonError> {
    let json: RefusalJson = object(WHAT, text)?;
    let source = json.source.map(|source| RdsArn::parse(&source));
    Ok(RefusedForGood {
        at: json.at,
        words: json.words,
        fingerprint: part("fingerprint", WHAT, Fingerprint::parse(&json.fingerprint))?,
        planned_at: json.planned_at,
        source: part("source", WHAT, source.transpose())?,
    })
}
