//! Policies in force: which databases are protected, when, and under which key.

use super::schedule::Schedule;
use super::spec::PolicyOptions;
use crate::domain::id::arn::KeyArn;
use crate::domain::id::names::OptionGroup;
use crate::domain::id::tags::{PolicyName, is_tag_value};
use crate::domain::rds::database::Database;
use crate::domain::run::command::RunOptions;
use crate::domain::run::fingerprint::Fingerprint;

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

/// What RDS's answer to a run depends on. The policy's schedule and its retention rules are left out: they do not
/// matter to RDS.
fn fingerprint(policy: &Policy, database: &Database, options: &RunOptions) -> Fingerprint {
    let facts = &database.copy_facts;
    let group_of = |group: &Option<OptionGroup>| {
        let group = group.as_ref();
        group.map(ToString::to_string).unwrap_or_default()
    };
    let (from, to) = (
        group_of(&database.option_group),
        group_of(&options.option_group),
    );
    let mut parts = vec![
        database.engine.as_str(),
        facts.engine_version.as_deref().unwrap_or_default(),
        facts.encryption.as_str(),
        &from,
        &to,
        policy.key.as_str(),
        policy.options.source.as_str(),
    ];
    for (key, value) in &options.tags {
        parts.extend([key.as_str(), value.as_str()]);
    }
    Fingerprint::of(&parts)
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

    /// The policy that rules the recovery points of this one: itself, or the one that takes it over.
    #[must_use]
    pub fn ruling(&self, name: &PolicyName) -> Option<&Policy> {
        self.get(name.as_str()).or_else(|| {
            let takes_over = |policy: &&Policy| policy.options.retention.also.contains(name);
            self.all.iter().find(takes_over)
        })
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
        let run_options = RunOptions {
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
            fingerprint: None,
            automated: None,
            configuration: None,
        };
        RunOptions {
            fingerprint: Some(fingerprint(policy, database, &run_options)),
            ..run_options
        }
    }
}
