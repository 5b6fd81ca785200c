//! The input of an execution.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JsonError, SCHEMA, object, secret_part};
use crate::domain::id::arn::{KeyArn, RdsArn, ResourceKind};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{OptionGroup, ResourceId, SnapshotId};
use crate::domain::id::tags::{PolicyName, TagKey, is_tag_value};
use crate::domain::id::text::ParseError;
use crate::domain::limits::CARRIED_TAGS_MAX;
use crate::domain::restore::configuration::ConfigurationHash;
use crate::domain::run::command::{Automated, ProtectionRequest, RunOptions};
use crate::domain::run::fingerprint::Fingerprint;
use crate::domain::run::permit::InputHash;

const WHAT: &str = "an execution's input";

/// The input as the planner writes it and the state machine passes it on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RunJson {
    schema: u32,
    database: DatabaseJson,
    policy: String,
    planned_at: Timestamp,
    kms_key: String,
    // The policy's options. Each is absent where the policy does not set it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    option_group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    copy_slots: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster_copy_slots: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy_slots: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy_cluster_slots: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    // Absent if the execution takes a snapshot itself. The state machine checks whether it is present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    configuration: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct DatabaseJson {
    arn: String,
    resource_id: String,
}

impl RunJson {
    pub(super) fn of(run: &ProtectionRequest) -> Self {
        let automated = run.options.automated.as_ref();
        Self {
            schema: SCHEMA,
            database: DatabaseJson {
                arn: run.database.arn.to_string(),
                resource_id: run.database.resource_id.to_string(),
            },
            policy: run.policy.to_string(),
            planned_at: run.planned_at,
            kms_key: run.key.to_string(),
            tags: run
                .options
                .tags
                .iter()
                .map(|(key, value)| (key.to_string(), value.clone()))
                .collect(),
            option_group: run.options.option_group.as_ref().map(ToString::to_string),
            copy_slots: run.options.copy_slots,
            cluster_copy_slots: run.options.cluster_copy_slots,
            policy_slots: run.options.policy_slots,
            policy_cluster_slots: run.options.policy_cluster_slots,
            fingerprint: run.options.fingerprint.as_ref().map(ToString::to_string),
            source: automated.map(|of| of.snapshot.to_string()),
            source_expires_at: automated.and_then(|of| of.expires_at),
            configuration: run.options.configuration.as_ref().map(ToString::to_string),
        }
    }

    pub(super) fn into_run(self) -> Result<ProtectionRequest, JsonError> {
        JsonError::schema(WHAT, self.schema)?;
        let arn = secret_part("database.arn", WHAT, database(&self.database.arn))?;
        let automated = self
            .source
            .map(|source| {
                secret_part(
                    "source",
                    WHAT,
                    automated(&arn, &source, self.source_expires_at),
                )
            })
            .transpose()?;
        Ok(ProtectionRequest {
            database: DatabaseRef {
                arn,
                resource_id: secret_part(
                    "database.resource_id",
                    WHAT,
                    ResourceId::parse(&self.database.resource_id),
                )?,
            },
            policy: secret_part("policy", WHAT, PolicyName::parse(&self.policy))?,
            planned_at: secret_part("planned_at", WHAT, planned_at(self.planned_at))?,
            key: secret_part("kms_key", WHAT, KeyArn::parse(&self.kms_key))?,
            options: RunOptions {
                tags: secret_part("tags", WHAT, tags(self.tags))?,
                option_group: self
                    .option_group
                    .map(|name| secret_part("option_group", WHAT, OptionGroup::parse(&name)))
                    .transpose()?,
                copy_slots: slots("copy_slots", self.copy_slots)?,
                cluster_copy_slots: slots("cluster_copy_slots", self.cluster_copy_slots)?,
                policy_slots: slots("policy_slots", self.policy_slots)?,
                policy_cluster_slots: slots("policy_cluster_slots", self.policy_cluster_slots)?,
                fingerprint: self
                    .fingerprint
                    .map(|text| secret_part("fingerprint", WHAT, Fingerprint::parse(&text)))
                    .transpose()?,
                automated,
                configuration: self
                    .configuration
                    .map(|text| secret_part("configuration", WHAT, ConfigurationHash::parse(&text)))
                    .transpose()?,
            },
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

/// Checks that the automated snapshot can belong to the database. RDS reserves the prefix `rds:` for such snapshots.
fn automated(
    database: &RdsArn,
    source: &str,
    expires_at: Option<Timestamp>,
) -> Result<Automated, ParseError> {
    let snapshot = RdsArn::parse(source)?;
    let sibling = database.sibling_snapshot(database.region(), &SnapshotId::of(&snapshot));
    if snapshot != sibling || !snapshot.is_automated_snapshot() {
        return Err(ParseError::new(
            source,
            "the ARN of an automated snapshot of the database's kind, account and region",
        ));
    }
    Ok(Automated {
        snapshot,
        expires_at,
    })
}

/// Checks that the tags fit together with Snapferry's own. With too many, RDS would refuse every snapshot of the run.
fn tags(tags: BTreeMap<String, String>) -> Result<BTreeMap<TagKey, String>, ParseError> {
    if tags.len() > CARRIED_TAGS_MAX {
        return Err(ParseError::new("", "no more tags than fit beside our own"));
    }
    tags.into_iter()
        .map(|(key, value)| {
            if !is_tag_value(&value) {
                return Err(ParseError::new(&value, "the value of a tag"));
            }
            Ok((TagKey::parse(&key)?, value))
        })
        .collect()
}

/// A number of slots, if one is given: 1 or more.
fn slots(field: &'static str, slots: Option<usize>) -> Result<Option<usize>, JsonError> {
    match slots {
        Some(0) => {
            let none = ParseError::new("0", "a number of slots from 1");
            secret_part(field, WHAT, Err(none))
        }
        slots => Ok(slots),
    }
}

/// Refuses years before 0: they are written with a sign, which no name may contain.
fn planned_at(time: Timestamp) -> Result<Timestamp, ParseError> {
    if time < Timestamp::UNIX_EPOCH {
        return Err(ParseError::new(&time.to_string(), "a time since 1970"));
    }
    Ok(time)
}

/// Writes the input of an execution. Equal runs give equal texts, so that StartExecution recognises a repeated start.
#[must_use]
pub fn write(run: &ProtectionRequest) -> String {
    serde_json::json!(RunJson::of(run)).to_string()
}

/// The hash of the input of an execution. Equal runs have equal hashes, however their text was laid out. The name of the
/// database's configuration does not belong to it: it permits nothing, and it may have changed when the planner claims for an
/// execution that runs already.
#[must_use]
pub fn hash(run: &ProtectionRequest) -> InputHash {
    let json = RunJson {
        configuration: None,
        ..RunJson::of(run)
    };
    InputHash::of(&serde_json::json!(json).to_string())
}

/// Reads the input of an execution.
///
/// # Errors
/// If the text is not such an input.
pub fn read(text: &str) -> Result<ProtectionRequest, JsonError> {
    let json: RunJson = object(WHAT, text)?;
    json.into_run()
}
