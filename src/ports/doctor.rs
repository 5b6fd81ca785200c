//! The ports of the operator's doctor. All of them only read.

use super::error::{PortError, RdsError};
use super::pages::Page;
use crate::domain::doctor::alarms::Subscribers;
use crate::domain::doctor::databases::Candidate;
use crate::domain::doctor::key_policy::Statement;
use crate::domain::doctor::namesakes::Outputs;
use crate::domain::doctor::parts::PartFunction;
use crate::domain::doctor::permissions::{Decision, Requirement, RoleArn};
use crate::domain::doctor::region::Rule;
use crate::domain::id::arn::{Family, KeyArn, Region};
use crate::domain::rds::snapshot::Snapshot;

/// Lists databases, with everything that their copies depend on.
pub trait InspectDatabases {
    /// `DescribeDBInstances` or `DescribeDBClusters`: one page of up to 100.
    async fn inspect_databases(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Candidate>, RdsError>;
}

/// Lists a region's manual snapshots, whichever stack or person made them.
pub trait ListManualSnapshots {
    /// `DescribeDBSnapshots` or `DescribeDBClusterSnapshots` of the type `manual`: one page of up to 100.
    async fn list_manual_snapshots(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError>;
}

/// Reads a key's policy.
pub trait ReadKeyPolicy {
    /// `GetKeyPolicy`, in the key's region.
    async fn get_key_policy(&self, key: &KeyArn) -> Result<Vec<Statement>, PortError>;
}

/// Finds rules by their target.
pub trait FindRules {
    /// `ListRuleNamesByTarget`, on a region's default bus: one page of up to 100 names.
    async fn list_rule_names_by_target(
        &self,
        region: &Region,
        target: &str,
        marker: Option<String>,
    ) -> Result<Page<String>, PortError>;
}

/// Looks at a rule.
pub trait DescribeRule {
    /// `DescribeRule`, on a region's default bus.
    async fn describe_rule(&self, region: &Region, name: &str) -> Result<Rule, PortError>;
}

/// Finds a queue by its name.
pub trait FindQueue {
    /// `GetQueueUrl`. `None` if the queue does not exist.
    async fn get_queue_url(&self, region: &Region, name: &str)
    -> Result<Option<String>, PortError>;
}

/// Lists queues.
pub trait ListQueues {
    /// `ListQueues`: one page of up to 1,000 names that begin with `prefix`.
    async fn list_queue_names(
        &self,
        region: &Region,
        prefix: &str,
        marker: Option<String>,
    ) -> Result<Page<String>, PortError>;
}

/// Lists a region's stacks.
pub trait ListStacks {
    /// `DescribeStacks` without a name: one page, the outputs of each stack that exists.
    async fn list_stacks(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<Outputs>, PortError>;
}

/// Counts messages.
pub trait CountMessages {
    /// `GetQueueAttributes`: the approximate number of messages, including received ones. `None` if the queue does not
    /// exist.
    async fn count_messages(&self, region: &Region, url: &str) -> Result<Option<u64>, PortError>;
}

/// Counts who gets what a topic is sent.
pub trait CountSubscribers {
    /// `GetTopicAttributes`. Nothing if the topic does not exist.
    async fn count_subscribers(
        &self,
        region: &Region,
        topic: &str,
    ) -> Result<Option<Subscribers>, PortError>;
}

/// Looks at a function.
pub trait DescribeFunction {
    /// `GetFunctionConfiguration`. `None` if there is no such function.
    async fn describe_function(
        &self,
        region: &Region,
        name: &str,
    ) -> Result<Option<PartFunction>, PortError>;
}

/// Asks IAM what a role may do.
pub trait SimulatePermissions {
    /// `SimulatePrincipalPolicy`, all pages: a decision for each action on each resource.
    async fn simulate_principal_policy(
        &self,
        role: &RoleArn,
        requirement: &Requirement,
    ) -> Result<Vec<Decision>, PortError>;
}

actions! {
    InspectDatabases: "rds:DescribeDBInstances" "rds:DescribeDBClusters";
    ListManualSnapshots: "rds:DescribeDBSnapshots" "rds:DescribeDBClusterSnapshots";
    ReadKeyPolicy: "kms:GetKeyPolicy";
    FindRules: "events:ListRuleNamesByTarget";
    DescribeRule: "events:DescribeRule";
    FindQueue: "sqs:GetQueueUrl";
    ListQueues: "sqs:ListQueues";
    ListStacks: "cloudformation:DescribeStacks";
    CountMessages: "sqs:GetQueueAttributes";
    CountSubscribers: "sns:GetTopicAttributes";
    DescribeFunction: "lambda:GetFunctionConfiguration";
    SimulatePermissions: "iam:SimulatePrincipalPolicy";
}
