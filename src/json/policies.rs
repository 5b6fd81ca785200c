//! A set of policies as it is stored, with its aliases resolved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{JsonError, SCHEMA, object, part};
use crate::domain::arn::{KeyAlias, KeyArn};
use crate::domain::names::OptionGroup;
use crate::domain::policy_set::PolicySet;
use crate::domain::policy_spec::{AppliedKey, PolicySpec, Source};
use crate::domain::schedule::Schedule;
use crate::domain::span::Span;
use crate::domain::tags::{PolicyName, TagKey};
use crate::domain::text::ParseError;

const WHAT: &str = "a stored set of policies";

/// What this version does not know is refused: a set whose half is not understood is not to be planned by.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetJson {
    schema: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    untagged: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    copy_slots: Option<usize>,
    policies: BTreeMap<String, PolicyJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyJson {
    schedule: String,
    time_zone: String,
    source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retention: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rpo: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kms_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kms_alias: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    carry_tags: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    option_groups: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    copy_slots: Option<usize>,
}

/// Writes a set. The same set is always the same text.
#[must_use]
pub fn write(set: &PolicySet<AppliedKey>) -> String {
    json(set).to_string()
}

/// A set as JSON, for people's programs too.
#[must_use]
pub fn json(set: &PolicySet<AppliedKey>) -> serde_json::Value {
    let policies = set
        .policies
        .iter()
        .map(|(name, spec)| (name.to_string(), PolicyJson::of(spec)));
    serde_json::json!(SetJson {
        schema: SCHEMA,
        untagged: set.untagged.as_ref().map(ToString::to_string),
        copy_slots: set.copy_slots,
        policies: policies.collect(),
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

/// A policy that there is not would let no untagged database go unprotected, and start nothing for it either.
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
    fn of(spec: &PolicySpec<AppliedKey>) -> Self {
        Self {
            schedule: spec.schedule.pattern().to_owned(),
            time_zone: spec.schedule.zone().to_owned(),
            source: spec.source.as_str().to_owned(),
            retention: spec.retention.map(|span| span.to_string()),
            rpo: spec.rpo.map(|span| span.to_string()),
            kms_key: spec.key.as_ref().map(|key| key.arn.to_string()),
            kms_alias: spec
                .key
                .as_ref()
                .and_then(|key| key.alias.as_ref())
                .map(ToString::to_string),
            carry_tags: spec.carry_tags.iter().map(ToString::to_string).collect(),
            option_groups: spec
                .option_groups
                .iter()
                .map(|(from, to)| (from.to_string(), to.to_string()))
                .collect(),
            copy_slots: spec.copy_slots,
        }
    }

    fn into_spec(self) -> Result<PolicySpec<AppliedKey>, JsonError> {
        let schedule = Schedule::parse(&self.schedule, &self.time_zone);
        let schedule = schedule.map_err(|_| {
            ParseError::new(
                &format!("{} in {}", self.schedule, self.time_zone),
                "a schedule in a time zone that this version knows",
            )
        });
        let span = |text: &str| Span::parse(text);
        let retention = self.retention.as_deref().map(span).transpose();
        let rpo = self.rpo.as_deref().map(span).transpose();
        Ok(PolicySpec {
            schedule: part("schedule", WHAT, schedule)?,
            source: part("source", WHAT, Source::parse(&self.source))?,
            retention: part("retention", WHAT, retention)?,
            rpo: part("rpo", WHAT, rpo)?,
            key: part("kms_key", WHAT, key(self.kms_key, self.kms_alias))?,
            carry_tags: part("carry_tags", WHAT, carry_tags(self.carry_tags))?,
            option_groups: part("option_groups", WHAT, option_groups(self.option_groups))?,
            copy_slots: part(
                "copy_slots",
                WHAT,
                self.copy_slots.map(above_zero).transpose(),
            )?,
        })
    }
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

fn carry_tags(keys: Vec<String>) -> Result<Vec<TagKey>, ParseError> {
    keys.iter().map(|key| TagKey::parse(key)).collect()
}

fn option_groups(
    groups: BTreeMap<String, String>,
) -> Result<BTreeMap<OptionGroup, OptionGroup>, ParseError> {
    groups
        .iter()
        .map(|(from, to)| Ok((OptionGroup::parse(from)?, OptionGroup::parse(to)?)))
        .collect()
}
