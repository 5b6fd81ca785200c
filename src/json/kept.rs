//! The databases that are stored with a planner's cursor.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JsonError, part};
use crate::domain::id::arn::RdsArn;
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::ResourceId;
use crate::domain::policy::cursor::{Kept, KeptWhy};

const WHAT: &str = "the databases that a due time left over";

#[derive(Serialize, Deserialize)]
struct KeptJson {
    arn: String,
    resource_id: String,
    why: String,
    /// Missing if it is the cursor's own, as an earlier version writes all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<Timestamp>,
}

/// Writes those of a cursor that stands at `until`. Equal lists give equal texts.
#[must_use]
pub fn write(kept: &[Kept], until: Timestamp) -> String {
    let all = kept.iter().map(|kept| KeptJson {
        arn: kept.database.arn.to_string(),
        resource_id: kept.database.resource_id.to_string(),
        why: kept.why.as_str().to_owned(),
        due: Some(kept.due).filter(|due| *due != until),
    });
    serde_json::json!(all.collect::<Vec<_>>()).to_string()
}

/// Reads them.
///
/// # Errors
/// If the text is not such a list.
pub fn read(text: &str, until: Timestamp) -> Result<Vec<Kept>, JsonError> {
    let all: Vec<KeptJson> = super::list(WHAT, text)?;
    let kept = |json: KeptJson| {
        Ok(Kept {
            database: DatabaseRef {
                arn: part("arn", WHAT, RdsArn::parse(&json.arn))?,
                resource_id: part("resource_id", WHAT, ResourceId::parse(&json.resource_id))?,
            },
            why: KeptWhy::read(&json.why),
            due: json.due.unwrap_or(until),
        })
    };
    all.into_iter().map(kept).collect()
}
