//! A set of policies as a file.

use toml::{Table, Value};

use super::key::{
    CARRY_TAGS, COPY_SLOTS, KMS_KEY, OPTION_GROUPS, POLICY, RETENTION, RPO, SCHEDULE, SOURCE,
    TIME_ZONE, UNTAGGED,
};
use crate::domain::policy_set::PolicySet;
use crate::domain::policy_spec::{KeyName, PolicySpec};

/// Writes the file that says this.
#[must_use]
pub fn write(set: &PolicySet<KeyName>) -> String {
    let mut top = Table::new();
    if let Some(name) = &set.untagged {
        top.insert(UNTAGGED.to_owned(), text(name));
    }
    if let Some(slots) = set.copy_slots {
        top.insert(COPY_SLOTS.to_owned(), number(slots));
    }
    let policies: Table = set
        .policies
        .iter()
        .map(|(name, spec)| (name.to_string(), Value::Table(policy(spec))))
        .collect();
    top.insert(POLICY.to_owned(), Value::Table(policies));
    top.to_string()
}

fn policy(spec: &PolicySpec<KeyName>) -> Table {
    let mut table = Table::new();
    let mut put = |key: &str, value: Value| {
        table.insert(key.to_owned(), value);
    };
    put(SCHEDULE, text(spec.schedule.pattern()));
    put(TIME_ZONE, text(spec.schedule.zone()));
    put(SOURCE, text(spec.source.as_str()));
    if let Some(span) = spec.retention {
        put(RETENTION, text(span));
    }
    if let Some(span) = spec.rpo {
        put(RPO, text(span));
    }
    if let Some(key) = &spec.key {
        put(KMS_KEY, text(key));
    }
    if !spec.carry_tags.is_empty() {
        put(
            CARRY_TAGS,
            Value::Array(spec.carry_tags.iter().map(text).collect()),
        );
    }
    if !spec.option_groups.is_empty() {
        let groups = spec.option_groups.iter();
        let groups = groups.map(|(from, to)| (from.to_string(), text(to)));
        put(OPTION_GROUPS, Value::Table(groups.collect()));
    }
    if let Some(slots) = spec.copy_slots {
        table.insert(COPY_SLOTS.to_owned(), number(slots));
    }
    table
}

fn number(value: usize) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

fn text(value: impl ToString) -> Value {
    Value::String(value.to_string())
}
