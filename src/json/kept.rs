//! The databases that are stored with a planner's cursor.

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
}

/// Writes them. Equal lists give equal texts.
#[must_use]
pub fn write(kept: &[Kept]) -> String {
    let all = kept.iter().map(|kept| KeptJson {
        arn: kept.database.arn.to_string(),
        resource_id: kept.database.resource_id.to_string(),
        why: kept.why.as_str().to_owned(),
    });
    serde_json::json!(all.collect::<Vec<_>>()).to_string()
}

/// Reads them.
///
/// # Errors
/// If the text is not such a list.
pub fn read(text: &str) -> Result<Vec<Kept>, JsonError> {
    let all: Vec<KeptJson> = super::list(WHAT, text)?;
    let kept = |json: KeptJson| {
        Ok(Kept {
            database: DatabaseRef {
                arn: part("arn", WHAT, RdsArn::parse(&json.arn))?,
                resource_id: part("resource_id", WHAT, ResourceId::parse(&json.resource_id))?,
            },
            why: KeptWhy::read(&json.why),
        })
    };
    all.into_iter().map(kept).collect()
}
