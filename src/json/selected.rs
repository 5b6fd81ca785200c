//! The databases that a policy selects in a region.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JsonError, part};
use crate::domain::id::arn::RdsArn;
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::ResourceId;
use crate::domain::id::text::ParseError;
use crate::domain::policy::selected::SelectedDatabase;

const WHAT: &str = "the databases that a policy selects";

#[derive(Serialize, Deserialize)]
struct SelectedJson {
    arn: String,
    resource_id: String,
    since: String,
}

fn time(text: &str) -> Result<Timestamp, ParseError> {
    text.parse()
        .map_err(|_| ParseError::new(text, "a time such as 2026-11-22T03:00:00Z"))
}

/// Writes them. Equal lists give equal texts.
#[must_use]
pub fn write(databases: &[SelectedDatabase]) -> String {
    let all = databases.iter().map(|one| SelectedJson {
        arn: one.database.arn.to_string(),
        resource_id: one.database.resource_id.to_string(),
        since: one.since.to_string(),
    });
    serde_json::json!(all.collect::<Vec<_>>()).to_string()
}

/// Reads them.
///
/// # Errors
/// If the text is not such a list.
pub fn read(text: &str) -> Result<Vec<SelectedDatabase>, JsonError> {
    let all: Vec<SelectedJson> = super::list(WHAT, text)?;
    let one = |json: SelectedJson| {
        Ok(SelectedDatabase {
            database: DatabaseRef {
                arn: part("arn", WHAT, RdsArn::parse(&json.arn))?,
                resource_id: part("resource_id", WHAT, ResourceId::parse(&json.resource_id))?,
            },
            since: part("since", WHAT, time(&json.since))?,
        })
    };
    all.into_iter().map(one).collect()
}
