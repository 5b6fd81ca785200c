//! The input of an execution.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{SCHEMA, WireError, object, secret_part};
use crate::domain::arn::{KeyArn, ParseError, RdsArn, ResourceKind};
use crate::domain::command::{DatabaseRef, Run};
use crate::domain::names::ResourceId;
use crate::domain::tags::PolicyName;

const WHAT: &str = "an execution's input";

/// The input as the planner writes it and the state machine hands it on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RunJson {
    schema: u32,
    database: DatabaseJson,
    policy: String,
    planned_at: Timestamp,
    kms_key: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct DatabaseJson {
    arn: String,
    resource_id: String,
}

impl RunJson {
    pub(super) fn of(run: &Run) -> Self {
        Self {
            schema: SCHEMA,
            database: DatabaseJson {
                arn: run.database.arn.to_string(),
                resource_id: run.database.resource_id.to_string(),
            },
            policy: run.policy.to_string(),
            planned_at: run.planned_at,
            kms_key: run.key.to_string(),
        }
    }

    pub(super) fn into_run(self) -> Result<Run, WireError> {
        WireError::schema(WHAT, self.schema)?;
        Ok(Run {
            database: DatabaseRef {
                arn: secret_part("database.arn", WHAT, database(&self.database.arn))?,
                resource_id: secret_part(
                    "database.resource_id",
                    WHAT,
                    ResourceId::parse(&self.database.resource_id),
                )?,
            },
            policy: secret_part("policy", WHAT, PolicyName::parse(&self.policy))?,
            planned_at: secret_part("planned_at", WHAT, planned_at(self.planned_at))?,
            key: secret_part("kms_key", WHAT, KeyArn::parse(&self.kms_key))?,
        })
    }
}

fn database(text: &str) -> Result<RdsArn, ParseError> {
    let arn = RdsArn::parse(text)?;
    match arn.kind() {
        ResourceKind::Instance | ResourceKind::Cluster => Ok(arn),
        ResourceKind::Snapshot | ResourceKind::ClusterSnapshot => Err(ParseError::new(
            text,
            "the ARN of an RDS instance or cluster (arn:aws:rds:REGION:ACCOUNT:db:NAME)",
        )),
    }
}

/// A year before 0 would be written with a sign, which no name may hold.
fn planned_at(time: Timestamp) -> Result<Timestamp, ParseError> {
    if time < Timestamp::UNIX_EPOCH {
        return Err(ParseError::new(&time.to_string(), "a time since 1970"));
    }
    Ok(time)
}

/// Writes the input of an execution. The same run is always the same text, so that StartExecution can tell.
#[must_use]
pub fn write(run: &Run) -> String {
    serde_json::json!(RunJson::of(run)).to_string()
}

/// Reads the input of an execution.
///
/// # Errors
/// Where it is not one.
pub fn read(text: &str) -> Result<Run, WireError> {
    let json: RunJson = object(WHAT, text)?;
    json.into_run()
}
