//! Policies in force: which databases are protected, when, and under which key.

use super::schedule::Schedule;
use super::spec::PolicyOptions;
use crate::domain::id::arn::KeyArn;
use crate::domain::id::tags::{PolicyName, is_tag_value};
use crate::domain::rds::database::Database;
use crate::domain::run::command::RunOptions;

/// A policy as the planner uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: PolicyName,
    /// When its databases are due.
    pub schedule: Schedule,
    /// The recovery region's key.
    pub key: KeyArn,
    /// Everything else.
    pub options: PolicyOptions,
}

impl Policy {
    /// A policy without options.
    #[must_use]
    pub fn new(name: PolicyName, schedule: Schedule, key: KeyArn) -> Self {
        Self {
            name,
            schedule,
            key,
            options: PolicyOptions::default(),
        }
    }
}

/// The policies in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    /// All of them, by name.
    pub all: Vec<Policy>,
    /// The policy for databases without the tag `snapferry:policy`. Without such a policy they are left out.
    pub untagged: Option<PolicyName>,
    /// How many copies may be in flight, if that is fewer than the stack's slots.
    pub copy_slots: Option<usize>,
    /// How many copies of cluster snapshots may be in flight, if that is fewer than the stack's slots for them.
    pub cluster_copy_slots: Option<usize>,
}

impl Policies {
    /// The policy of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Policy> {
        self.all.iter().find(|policy| policy.name.as_str() == name)
    }

    /// The options of a run of this database: what its policy sets that concerns the database.
    #[must_use]
    pub fn options(&self, policy: &Policy, database: &Database) -> RunOptions {
        let options = &policy.options;
        let carried = options.carry_tags.iter().filter_map(|key| {
            let value = database.tags.get(key.as_str())?;
            // RDS would refuse the whole snapshot because of a value that it does not accept.
            is_tag_value(value).then(|| (key.clone(), value.clone()))
        });
        RunOptions {
            tags: carried.collect(),
            option_group: database
                .option_group
                .as_ref()
                .and_then(|group| options.option_groups.get(group))
                .cloned(),
            copy_slots: self.copy_slots,
            cluster_copy_slots: self.cluster_copy_slots,
            policy_slots: options.copy_slots,
            policy_cluster_slots: options.cluster_copy_slots,
            automated: None,
        }
    }
}
