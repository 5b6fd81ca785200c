//! Policies: which databases, when, under which key.

use std::collections::BTreeMap;

use super::arn::KeyArn;
use super::command::Extras;
use super::database::Database;
use super::names::OptionGroup;
use super::policy_spec::Source;
use super::schedule::Schedule;
use super::tags::{PolicyName, TagKey, is_tag_value};

/// What protects a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: PolicyName,
    /// When its databases are due.
    pub schedule: Schedule,
    /// What recovery points are copied from.
    pub source: Source,
    /// The recovery region's key.
    pub key: KeyArn,
    /// Which of a database's tags its recovery points carry.
    pub carry_tags: Vec<TagKey>,
    /// The recovery region's option group, by the one that a database has.
    pub option_groups: BTreeMap<OptionGroup, OptionGroup>,
    /// How many of its copies may be in flight.
    pub copy_slots: Option<usize>,
}

impl Policy {
    /// A policy with nothing but what every policy has.
    #[must_use]
    pub fn new(name: PolicyName, schedule: Schedule, key: KeyArn) -> Self {
        Self {
            name,
            schedule,
            source: Source::Snapshot,
            key,
            carry_tags: Vec::new(),
            option_groups: BTreeMap::new(),
            copy_slots: None,
        }
    }
}

/// The policies that hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    /// All of them, by name.
    pub all: Vec<Policy>,
    /// The one of databases that carry no `snapferry:policy`; without it they are left out.
    pub untagged: Option<PolicyName>,
    /// How many copies may be in flight, where that is less than the stack's slots.
    pub copy_slots: Option<usize>,
}

impl Policies {
    /// The policy of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Policy> {
        self.all.iter().find(|policy| policy.name.as_str() == name)
    }

    /// What a run of this database asks for besides, by its policy.
    #[must_use]
    pub fn extras(&self, policy: &Policy, database: &Database) -> Extras {
        let carried = policy.carry_tags.iter().filter_map(|key| {
            let value = database.tags.get(key.as_str())?;
            // RDS would refuse the snapshot for a value that it would not store.
            is_tag_value(value).then(|| (key.clone(), value.clone()))
        });
        Extras {
            tags: carried.collect(),
            option_group: database
                .option_group
                .as_ref()
                .and_then(|group| policy.option_groups.get(group))
                .cloned(),
            copy_slots: self.copy_slots,
            policy_slots: policy.copy_slots,
            automated: None,
        }
    }
}
