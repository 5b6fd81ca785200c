//! The answers to calls that only the operator's commands make: the caller's identity, and how the account is set up. And
//! what was published on the default bus.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::doctor::alarms::Subscribers;
use crate::domain::doctor::databases::Candidate;
use crate::domain::doctor::key_policy::Statement;
use crate::domain::doctor::keys::KeyFacts;
use crate::domain::doctor::namesakes::Outputs;
use crate::domain::doctor::parts::PartFunction;
use crate::domain::doctor::region::Rule;
use crate::domain::id::arn::Region;
use crate::domain::operator::own_event::OwnEvent;
use crate::domain::rds::option_group::OptionGroup;
use crate::domain::rds::snapshot::Snapshot;

/// The answers to the operator's calls.
#[derive(Debug, Clone, Default)]
pub struct Operator {
    /// The caller's ARN.
    pub identity: String,
    /// The keys of all regions, by ARN, and those of the recovery region by alias too.
    pub keys: BTreeMap<String, KeyFacts>,
    /// The policy of every key.
    pub key_policy: Vec<Statement>,
    /// The databases of each region, with everything that their copies depend on.
    pub candidates: BTreeMap<Region, Vec<Candidate>>,
    /// The manual snapshots of all regions, in place of those that the model of RDS has. If it is empty, the model's are
    /// listed.
    pub manual_snapshots: Vec<Snapshot>,
    /// The option groups of each region, in place of those that the model of RDS has. If it is empty, the model's are
    /// listed.
    pub option_groups: BTreeMap<Region, Vec<OptionGroup>>,
    /// The rules of each region that send to `rules_target`.
    pub rules: BTreeMap<Region, Vec<Rule>>,
    /// The target of those rules.
    pub rules_target: String,
    /// How many messages each queue has, by its URL.
    pub messages: BTreeMap<String, u64>,
    /// The outputs of the stacks that each region lists.
    pub listed_stacks: BTreeMap<Region, Vec<Outputs>>,
    /// Who gets what each topic is sent, by its ARN.
    pub subscribers: BTreeMap<String, Subscribers>,
    /// The outputs of the stacks beside the stack's own, by name.
    pub stacks: BTreeMap<String, BTreeMap<String, String>>,
    /// The functions of those stacks, by name.
    pub functions: BTreeMap<String, PartFunction>,
    /// The rules with a function as their target, by its ARN.
    pub schedules: BTreeMap<String, Vec<Rule>>,
    /// What the pruner was asked, in order.
    pub pruner_requests: Vec<String>,
    /// What the pruner answers.
    pub pruner_answer: String,
    /// What the user's function was asked of drills, in order.
    pub drill_checks: Vec<String>,
    /// What it answers. Nothing if it does not.
    pub drill_check: Option<String>,
    /// The events that were published on the default bus, in order.
    pub published: Vec<OwnEvent>,
    /// The actions that IAM denies to every role.
    pub denied: BTreeSet<String>,
}
