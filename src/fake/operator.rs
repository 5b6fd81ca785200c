//! What only the operator's commands ask: who calls, and how the account is set up.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::doctor::databases::{Candidate, OptionGroup};
use crate::domain::doctor::key_policy::Statement;
use crate::domain::doctor::keys::KeyFacts;
use crate::domain::doctor::region::Rule;
use crate::domain::id::arn::Region;
use crate::domain::rds::snapshot::Snapshot;

/// What the operator's calls are answered with.
#[derive(Debug, Clone, Default)]
pub struct Operator {
    /// The ARN that AWS knows the caller by.
    pub identity: String,
    /// The keys of all regions, by ARN, and those of the recovery region by alias too.
    pub keys: BTreeMap<String, KeyFacts>,
    /// What every key's policy says.
    pub key_policy: Vec<Statement>,
    /// The databases of each region, with what their copies depend on.
    pub candidates: BTreeMap<Region, Vec<Candidate>>,
    /// The manual snapshots of all regions.
    pub manual_snapshots: Vec<Snapshot>,
    /// The option groups of each region.
    pub option_groups: BTreeMap<Region, Vec<OptionGroup>>,
    /// The rules of each region that send to `rules_target`.
    pub rules: BTreeMap<Region, Vec<Rule>>,
    /// Where those rules send.
    pub rules_target: String,
    /// How many messages lie in each queue, by its URL.
    pub messages: BTreeMap<String, u64>,
    /// The actions that IAM would deny to every role.
    pub denied: BTreeSet<String>,
}
