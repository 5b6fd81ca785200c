//! The stored form of a set of policies, with its aliases resolved.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{JsonError, SCHEMA, object, part};
use crate::domain::id::arn::{KeyAlias, KeyArn};
use crate::domain::id::tags::PolicyName;
use crate::domain::id::text::ParseError;
use crate::domain::policy::retention::Retention;
use crate::domain::policy::schedule::Schedule;
use crate::domain::policy::set::PolicySet;
use crate::domain::policy::spec::{AppliedKey, PolicyOptions, PolicySpec};

const WHAT: &str = "a stored set of policies";

#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    untagged: Option<&'a PolicyName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy_slots: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_copy_slots: Option<usize>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retention_counts: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    source_retention_counts: bool,
    policies: &'a BTreeMap<PolicyName, PolicySpec<AppliedKey>>,
}

/// Refuses fields that this version does not know. The planner must not follow a set that it understands only in part.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetJson {
    schema: u32,
    untagged: Option<String>,
    copy_slots: Option<usize>,
    cluster_copy_slots: Option<usize>,
    /// Whether it was applied by a version that knows what retention removes. What was applied before is only shown.
    #[serde(default)]
    retention_counts: bool,
    /// The same for what is kept in the source region, which a later version began to remove.
    #[serde(default)]
    source_retention_counts: bool,
    policies: BTreeMap<String, PolicyJson>,
}

#[derive(Deserialize)]
struct PolicyJson {
    schedule: String,
    time_zone: String,
    kms_key: Option<String>,
    kms_alias: Option<String>,
    /// Read separately, so that an error names the field.
    #[serde(flatten)]
    options: Map<String, Value>,
}

/// Writes a set. Equal sets give equal texts.
#[must_use]
pub fn write(set: &PolicySet<AppliedKey>) -> String {
    json(set).to_string()
}

/// A set as JSON, also for other programs.
#[must_use]
pub fn json(set: &PolicySet<AppliedKey>) -> serde_json::Value {
    serde_json::json!(Written {
        schema: SCHEMA,
        untagged: set.untagged.as_ref(),
        copy_slots: set.copy_slots,
        cluster_copy_slots: set.cluster_copy_slots,
        retention_counts: set.policies.values().any(|spec| {
            let retention = &spec.options.retention;
            !retention.is_empty() && !retention.shown_only
        }),
        source_retention_counts: set.policies.values().any(|spec| {
            let retention = &spec.options.retention;
            retention.source_retention.is_some() && !retention.source_shown_only
        }),
        policies: &set.policies,
    })
}

/// Reads a set.
///
/// # Errors
/// If it is not a set that this version can plan by.
pub fn read(text: &str) -> Result<PolicySet<AppliedKey>, JsonError> {
    let json: SetJson = object(WHAT, text)?;
    JsonError::schema(WHAT, json.schema)?;
    let mut policies = BTreeMap::new();
    for (name, policy) in json.policies {
        let name = part("name", WHAT, PolicyName::parse(&name))?;
        let counts = (json.retention_counts, json.source_retention_counts);
        policies.insert(name, policy.into_spec(counts)?);
    }
    let untagged = json
        .untagged
        .map(|name| part("untagged", WHAT, untagged(&name, &policies)))
        .transpose()?;
    Ok(PolicySet {
        untagged,
        copy_slots: slots("copy_slots", json.copy_slots)?,
        cluster_copy_slots: slots("cluster_copy_slots", json.cluster_copy_slots)?,
        policies,
    })
}

/// Refuses an `untagged` policy that the set does not hold: the set would claim to protect untagged databases, and the
/// planner would start nothing for them.
fn untagged<K>(
    name: &str,
    policies: &BTreeMap<PolicyName, PolicySpec<K>>,
) -> Result<PolicyName, ParseError> {
    let name = PolicyName::parse(name)?;
    if policies.contains_key(&name) {
        Ok(name)
    } else {
        Err(ParseError::new(name.as_str(), "a policy of the set"))
    }
}

/// A number of slots, if one is given: 1 or more.
fn slots(field: &'static str, slots: Option<usize>) -> Result<Option<usize>, JsonError> {
    match slots {
        Some(0) => {
            let none = ParseError::new("0", "a number of slots from 1");
            part(field, WHAT, Err(none))
        }
        slots => Ok(slots),
    }
}

impl PolicyJson {
    fn into_spec(self, counts: (bool, bool)) -> Result<PolicySpec<AppliedKey>, JsonError> {
        let schedule = Schedule::parse(&self.schedule, &self.time_zone);
        let schedule = schedule.map_err(|_| {
            ParseError::new(
                &format!("{} in {}", self.schedule, self.time_zone),
                "a schedule in a time zone that this version knows",
            )
        });
        Ok(PolicySpec {
            schedule: part("schedule", WHAT, schedule)?,
            key: part("kms_key", WHAT, key(self.kms_key, self.kms_alias))?,
            options: options(self.options, counts)?,
        })
    }
}

fn options(
    fields: Map<String, Value>,
    (counts, counts_at_source): (bool, bool),
) -> Result<PolicyOptions, JsonError> {
    let (of_retention, others) = fields
        .into_iter()
        .partition(|(name, _)| Retention::is_field(name));
    let mut retention: Retention = fields_of(of_retention)?;
    retention.shown_only = !counts && !retention.is_empty();
    retention.source_shown_only = !counts_at_source && retention.source_retention.is_some();
    let options: PolicyOptions = fields_of(others)?;
    Ok(PolicyOptions {
        retention,
        ..options
    })
}

fn fields_of<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, JsonError> {
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| JsonError::Shape {
        expected: WHAT,
        at: error.to_string(),
    })
}

fn key(arn: Option<String>, alias: Option<String>) -> Result<Option<AppliedKey>, ParseError> {
    match (arn, alias) {
        (None, None) => Ok(None),
        (None, Some(alias)) => Err(ParseError::new(&alias, "resolved: its key is missing")),
        (Some(arn), alias) => Ok(Some(AppliedKey {
            arn: KeyArn::parse(&arn)?,
            alias: alias.map(|alias| KeyAlias::parse(&alias)).transpose()?,
        })),
    }
}
