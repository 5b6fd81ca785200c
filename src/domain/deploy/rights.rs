//! The rights that a deployment needs of the caller: those of its own calls, and those with which CloudFormation makes the
//! resources.

use std::collections::BTreeSet;

use super::names::{Account, Bucket, StackName};
use super::part::Part;
use crate::domain::doctor::permissions::{Decision, Requirement};
use crate::domain::id::arn::Region;

/// What CloudFormation needs of the caller to make the resources of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindRights {
    /// The type.
    pub kind: &'static str,
    /// The actions.
    pub actions: &'static [&'static str],
    /// The resource that they are asked on, without partition, region and account. `{}` stands for the stack's name.
    resource: &'static str,
}

const fn row(
    kind: &'static str,
    resource: &'static str,
    actions: &'static [&'static str],
) -> KindRights {
    KindRights {
        kind,
        actions,
        resource,
    }
}

/// The type of keys.
const KEY: &str = "AWS::KMS::Key";
/// The type of tables.
const TABLE: &str = "AWS::DynamoDB::Table";

/// What the resources of both templates need to be made, by type. Those that stand in a template only on request come last.
pub const KINDS: [KindRights; 21] = [
    row(
        "AWS::CloudWatch::Alarm",
        "cloudwatch:alarm:{}-*",
        &["cloudwatch:PutMetricAlarm"],
    ),
    row(
        TABLE,
        "dynamodb:table/{}-*",
        &[
            "dynamodb:CreateTable",
            "dynamodb:DescribeTable",
            "dynamodb:DescribeTimeToLive",
            "dynamodb:UpdateTimeToLive",
            "dynamodb:DescribeContinuousBackups",
            "dynamodb:UpdateContinuousBackups",
        ],
    ),
    row(
        "AWS::Events::Rule",
        "events:rule/{}-*",
        &[
            "events:PutRule",
            "events:DescribeRule",
            "events:PutTargets",
            "events:RemoveTargets",
        ],
    ),
    row(
        "AWS::IAM::Role",
        "iam:role/{}-*",
        &[
            "iam:CreateRole",
            "iam:GetRole",
            "iam:PutRolePolicy",
            "iam:GetRolePolicy",
            "iam:PassRole",
        ],
    ),
    row(
        "AWS::Lambda::EventInvokeConfig",
        "lambda:function:{}-*",
        &["lambda:PutFunctionEventInvokeConfig"],
    ),
    row(
        "AWS::Lambda::EventSourceMapping",
        "*",
        &[
            "lambda:CreateEventSourceMapping",
            "lambda:GetEventSourceMapping",
        ],
    ),
    row(
        "AWS::Lambda::Function",
        "lambda:function:{}-*",
        &[
            "lambda:CreateFunction",
            "lambda:GetFunction",
            "lambda:TagResource",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
        ],
    ),
    row(
        "AWS::Lambda::Permission",
        "lambda:function:{}-*",
        &["lambda:AddPermission"],
    ),
    row(
        "AWS::Logs::LogGroup",
        "logs:log-group:*",
        &["logs:CreateLogGroup", "logs:PutRetentionPolicy"],
    ),
    row(
        "AWS::Logs::MetricFilter",
        "logs:log-group:*",
        &["logs:PutMetricFilter", "logs:DescribeMetricFilters"],
    ),
    row(
        "AWS::SQS::Queue",
        "sqs:{}-*",
        &["sqs:CreateQueue", "sqs:GetQueueAttributes"],
    ),
    row(
        "AWS::SQS::QueuePolicy",
        "sqs:{}-*",
        &["sqs:SetQueueAttributes"],
    ),
    row(
        "AWS::StepFunctions::StateMachine",
        "states:stateMachine:*",
        &[
            "states:CreateStateMachine",
            "states:DescribeStateMachine",
            "states:TagResource",
            "states:UpdateStateMachine",
        ],
    ),
    row(
        "AWS::CloudWatch::Dashboard",
        "*",
        &["cloudwatch:PutDashboard", "cloudwatch:GetDashboard"],
    ),
    row(
        "AWS::IAM::ManagedPolicy",
        "iam:policy/{}-*",
        &["iam:CreatePolicy", "iam:GetPolicy"],
    ),
    row(
        "AWS::IAM::Policy",
        "iam:role/{}-*",
        &["iam:PutRolePolicy", "iam:GetRolePolicy"],
    ),
    row(
        "AWS::RDS::EventSubscription",
        "*",
        &["rds:CreateEventSubscription"],
    ),
    row("AWS::SNS::Subscription", "sns:{}-*", &["sns:Subscribe"]),
    row(
        "AWS::SNS::Topic",
        "sns:{}-*",
        &["sns:CreateTopic", "sns:GetTopicAttributes"],
    ),
    row(
        "AWS::SNS::TopicPolicy",
        "sns:{}-*",
        &["sns:SetTopicAttributes"],
    ),
    row(
        KEY,
        "*",
        &[
            "kms:CreateKey",
            "kms:DescribeKey",
            "kms:EnableKeyRotation",
            "kms:GetKeyPolicy",
            "kms:GetKeyRotationStatus",
        ],
    ),
];

/// The types that each template always has. The others are left unasked: who never asks for a dashboard needs no right to
/// make one.
const OF_RECOVERY: [&str; 13] = [
    "AWS::CloudWatch::Alarm",
    TABLE,
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::StepFunctions::StateMachine",
];
const OF_SOURCE: [&str; 5] = [
    "AWS::CloudWatch::Alarm",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
];
const OF_PART: [&str; 9] = [
    "AWS::CloudWatch::Alarm",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
];

/// Who asks for a deployment, as far as IAM can simulate them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The account's root user, whom no policy of the account limits.
    Root,
    /// A user: its ARN.
    User(String),
    /// A session of the role of this name. Its ARN does not say the role's path.
    Role(String),
    /// Another kind of session.
    Other,
}

impl Caller {
    /// That of a caller's ARN.
    #[must_use]
    pub fn of(arn: &str) -> Self {
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        let mut parts = resource.split('/');
        match (parts.next(), parts.next()) {
            (Some("root"), None) => Self::Root,
            (Some("user"), Some(_)) => Self::User(arn.to_owned()),
            (Some("assumed-role"), Some(role)) => Self::Role(role.to_owned()),
            _ => Self::Other,
        }
    }
}

/// What the rights depend on: who deploys what, and where.
#[derive(Debug, Clone, Copy)]
pub struct RightsQuery<'a> {
    /// The caller's ARN. It says the partition.
    pub caller: &'a str,
    /// The account.
    pub account: &'a Account,
    /// The recovery region.
    pub recovery: &'a Region,
    /// The source regions.
    pub sources: &'a [Region],
    /// The recovery region's stack.
    pub stack: &'a StackName,
    /// The bucket.
    pub bucket: &'a Bucket,
    /// The path of the roles.
    pub role_path: &'a str,
    /// Whether the recovery region's stack makes its own key.
    pub makes_key: bool,
    /// Whether the recovery region's stack makes its own table.
    pub makes_table: bool,
    /// The parts that are deployed too.
    pub parts: &'a [Part],
    /// Whether all stacks stand already.
    pub is_upgrade: bool,
    /// Whether the person names the bucket, which may exist already.
    pub names_bucket: bool,
}

impl RightsQuery<'_> {
    fn partition(&self) -> &str {
        self.caller.split(':').nth(1).unwrap_or("aws")
    }

    fn arn(&self, region: &str, what: &str) -> String {
        let (service, resource) = what.split_once(':').unwrap_or((what, "*"));
        let (partition, account) = (self.partition(), self.account);
        match service {
            "iam" => {
                let resource = resource.replacen('/', self.role_path, 1);
                format!("arn:{partition}:iam::{account}:{resource}")
            }
            "s3" => format!("arn:{partition}:s3:::{resource}"),
            _ => format!("arn:{partition}:{service}:{region}:{account}:{resource}"),
        }
    }

    fn requirement(
        &self,
        region: &Region,
        actions: &[&'static str],
        resource: Option<String>,
    ) -> Requirement {
        // IAM is one service for all regions of a partition, and its calls count as made in the first.
        let is_global = actions.iter().all(|action| action.starts_with("iam:"));
        let region = match (is_global, self.partition()) {
            (false, _) => region.as_str(),
            (true, "aws-us-gov") => "us-gov-west-1",
            (true, "aws-cn") => "cn-north-1",
            (true, _) => "us-east-1",
        };
        Requirement {
            actions: actions.to_vec(),
            resources: resource.into_iter().collect(),
            context: vec![("aws:RequestedRegion", region.to_owned())],
        }
    }

    /// Everything that IAM is asked about.
    #[must_use]
    pub fn requirements(&self) -> Vec<Requirement> {
        let mut all = Vec::new();
        let (home, bucket) = (self.recovery, self.bucket);
        let in_bucket = ["s3:GetObject", "s3:PutObject"];
        let objects = self.arn("", &format!("s3:{bucket}/snapferry/*"));
        all.push(self.requirement(home, &in_bucket, Some(objects)));
        let of_bucket = [
            "s3:ListBucket",
            "s3:CreateBucket",
            "s3:PutBucketPublicAccessBlock",
        ];
        let whole = self.arn("", &format!("s3:{bucket}"));
        all.push(self.requirement(home, &of_bucket, Some(whole)));
        let source = self.stack.of_source();
        let sources = self.sources.iter();
        let sources = sources.map(|region| (region, &source, &OF_SOURCE[..]));
        let parts = self.parts.iter().map(|part| self.stack.of_part(*part));
        let parts: Vec<StackName> = parts.collect();
        let parts = parts.iter().map(|name| (home, name, &OF_PART[..]));
        let stacks = std::iter::once((home, self.stack, &OF_RECOVERY[..]));
        for (region, stack, kinds) in stacks.chain(sources).chain(parts) {
            const OF_STACK: [&str; 6] = [
                "cloudformation:DescribeStacks",
                "cloudformation:CreateChangeSet",
                "cloudformation:DescribeChangeSet",
                "cloudformation:ExecuteChangeSet",
                "cloudformation:DeleteChangeSet",
                "cloudformation:DescribeStackEvents",
            ];
            let arn = self.arn(region.as_str(), &format!("cloudformation:stack/{stack}/*"));
            all.push(self.requirement(region, &OF_STACK, Some(arn)));
            let is_made = |kind: &str| {
                let is_brought = kind == TABLE && !self.makes_table;
                (kinds.contains(&kind) && !is_brought)
                    || (kind == KEY && stack == self.stack && self.makes_key)
            };
            for row in KINDS.iter().filter(|row| is_made(row.kind)) {
                let resource = (row.resource != "*").then(|| {
                    // IAM's simulator takes an example, and no pattern.
                    let name = row.resource.replace("{}", stack.as_str());
                    self.arn(region.as_str(), &name.replace('*', "deploy"))
                });
                all.push(self.requirement(region, row.actions, resource));
            }
        }
        all
    }
}

/// What IAM says of the caller's rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rights {
    /// Nothing was denied.
    Enough,
    /// They were not asked about, or IAM could not say: why.
    NotKnown(String),
    /// These actions are denied, each with an example of what on.
    Denied(Vec<String>),
}

/// Whether only the making of a bucket uses this action.
fn makes_a_bucket(action: &str) -> bool {
    ["s3:CreateBucket", "s3:PutBucketPublicAccessBlock"].contains(&action)
}

/// Whether every deployment uses this action. The others make or change resources, and an upgrade may have none of a kind to
/// make.
fn is_always_used(action: &str) -> bool {
    const OF_BUCKET: [&str; 3] = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"];
    action.starts_with("cloudformation:") || OF_BUCKET.contains(&action)
}

/// Judges the simulator's answers. A denial counts only where the simulation had everything that the policies ask for. Where
/// all stacks stand, it counts only for what every deployment uses. A bucket that a person names is made only if it does not
/// exist: AWS refuses that before anything else is changed.
#[must_use]
pub fn judge(decisions: &[Decision], query: &RightsQuery<'_>) -> Rights {
    let denied = decisions.iter().filter(|one| !one.allowed);
    let (certain, unclear): (Vec<&Decision>, Vec<&Decision>) =
        denied.partition(|one| one.missing.is_empty());
    let is_needed = |action: &str| {
        let exists = query.names_bucket && makes_a_bucket(action);
        !exists && (!query.is_upgrade || is_always_used(action))
    };
    let (needed, perhaps): (Vec<&Decision>, Vec<&Decision>) =
        certain.into_iter().partition(|one| is_needed(&one.action));
    let named = |decisions: &[&Decision]| -> Vec<String> {
        let decisions = decisions.iter();
        let named = decisions.map(|one| format!("{} on {}", one.action, one.resource));
        named.collect::<BTreeSet<_>>().into_iter().collect()
    };
    if !needed.is_empty() {
        return Rights::Denied(named(&needed));
    }
    let mut why = Vec::new();
    if !perhaps.is_empty() {
        why.push(format!(
            "IAM denies you what this deployment may not need: {}",
            named(&perhaps).join("; ")
        ));
    }
    if !unclear.is_empty() {
        why.push(format!(
            "your policies have conditions on what only a real call carries: {}",
            named(&unclear).join("; ")
        ));
    }
    match why.is_empty() {
        true => Rights::Enough,
        false => Rights::NotKnown(why.join("; ")),
    }
}
