//! A set of policies as it is stored, with its aliases resolved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{JsonError, SCHEMA, object, part};
use crate::domain::id::arn::{KeyAlias, KeyArn};
use crate::domain::id::tags::PolicyName;
use crate::domain::id::text::ParseError;
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
    policies: &'a BTreeMap<PolicyName, PolicySpec<AppliedKey>>,
}

/// What this version does not know is refused: a set whose half is not understood is not to be planned by.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetJson {
    schema: u32,
    untagged: Option<String>,
    copy_slots: Option<usize>,
    policies: BTreeMap<String, PolicyJson>,
}

#[derive(Deserialize)]
struct PolicyJson {
    schedule: String,
    time_zone: String,
    kms_key: Option<String>,
    kms_alias: Option<String>,
    /// Read apart, so that a fault is told with its field's name.
    #[serde(flatten)]
    options: Map<String, Value>,
}

/// Writes a set. The same set is always the same text.
#[must_use]
pub fn write(set: &PolicySet<AppliedKey>) -> String {
    json(set).to_string()
}

/// A set as JSON, for people's programs too.
#[must_use]
pub fn json(set: &PolicySet<AppliedKey>) -> serde_json::Value {
    serde_json::json!(Written {
        schema: SCHEMA,
        untagged: set.untagged.as_ref(),
        copy_slots: set.copy_slots,
        policies: &set.policies,
    })
}

/// Reads a set again.
///
/// # Errors
/// Where it is not one that this version can plan by.
pub fn read(text: &str) -> Result<PolicySet<AppliedKey>, JsonError> {
    let json: SetJson = object(WHAT, text)?;
    JsonError::schema(WHAT, json.schema)?;
    let mut policies = BTreeMap::new();
    for (name, policy) in json.policies {
        let name = part("name", WHAT, PolicyName::parse(&name))?;
        policies.insert(name, policy.into_spec()?);
    }
    let untagged = json
        .untagged
        .map(|name| part("untagged", WHAT, untagged(&name, &policies)))
        .transpose()?;
    let copy_slots = json
        .copy_slots
        .map(|slots| part("copy_slots", WHAT, above_zero(slots)))
        .transpose()?;
    Ok(PolicySet {
        untagged,
        copy_slots,
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

fn above_zero(slots: usize) -> Result<usize, ParseError> {
    if slots == 0 {
        return Err(ParseError::new("0", "a number of slots from 1"));
    }
    Ok(slots)
}

impl PolicyJson {
    fn into_spec(self) -> Result<PolicySpec<AppliedKey>, JsonError> {
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
            options: options(self.options)?,
        })
    }
}

fn options(fields: Map<String, Value>) -> Result<PolicyOptions, JsonError> {
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
