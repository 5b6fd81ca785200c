//! What a deployment asks of CloudFormation and S3. Only the command line uses these ports.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::error::PortError;
use crate::domain::deploy::changes::ResourceChange;
use crate::domain::deploy::names::{Account, Bucket, StackName};
use crate::domain::deploy::stack::StackFacts;
use crate::domain::doctor::permissions::{Decision, Requirement};
use crate::domain::id::arn::Region;

/// Looks at stacks.
pub trait FindStack {
    /// `DescribeStacks` of one name. Nothing if there is no such stack.
    async fn find_stack(
        &self,
        region: &Region,
        name: &StackName,
    ) -> Result<Option<StackFacts>, PortError>;
}

/// The text of a template, or where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateSource {
    /// The text. CloudFormation takes up to 51,200 bytes this way.
    Text(String),
    /// The address of an object in S3.
    Url(String),
}

/// A change set that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSetRequest {
    /// The stack.
    pub stack: StackName,
    /// The name of the change set.
    pub name: String,
    /// Whether the stack does not exist yet.
    pub makes_stack: bool,
    /// The template.
    pub template: TemplateSource,
    /// The parameters that get these values.
    pub parameters: BTreeMap<String, String>,
    /// The parameters that keep the value that the stack has.
    pub kept: BTreeSet<String>,
}

/// A change set as CloudFormation shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeSet {
    /// CloudFormation still compares.
    Working,
    /// It can be carried out. These are its changes, from all pages.
    Ready(Vec<ResourceChange>),
    /// It would change nothing.
    Empty,
    /// It cannot be carried out, for this reason.
    Failed(String),
}

/// Makes change sets, and carries them out.
pub trait ChangeSets {
    /// `CreateChangeSet`. The answer is its ARN.
    async fn create_change_set(
        &self,
        region: &Region,
        request: &ChangeSetRequest,
    ) -> Result<String, PortError>;
    /// `DescribeChangeSet`, all pages.
    async fn describe_change_set(&self, region: &Region, arn: &str)
    -> Result<ChangeSet, PortError>;
    /// `ExecuteChangeSet`.
    async fn execute_change_set(&self, region: &Region, arn: &str) -> Result<(), PortError>;
    /// `DeleteChangeSet`.
    async fn delete_change_set(&self, region: &Region, arn: &str) -> Result<(), PortError>;
    /// `DeleteStack`, of a stack that never was more than the shell of a change set.
    async fn delete_shell(&self, region: &Region, name: &StackName) -> Result<(), PortError>;
}

/// Deletes stacks.
pub trait DeleteStack {
    /// `DeleteStack`. It only begins.
    async fn delete_stack(&self, region: &Region, name: &StackName) -> Result<(), PortError>;
}

/// Looks at single resources of stacks.
pub trait FindResource {
    /// `DescribeStackResource`: the resource's own id, which for a state machine is its ARN. Nothing if the stack does not
    /// have it, or has it no more.
    async fn find_resource(
        &self,
        region: &Region,
        stack: &StackName,
        resource: &str,
    ) -> Result<Option<String>, PortError>;
}

/// One event of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackEvent {
    /// Its id.
    pub id: String,
    /// The resource's name in the template; the stack's own name for the stack itself.
    pub resource: String,
    /// The status, in CloudFormation's word.
    pub status: String,
    /// Why, if CloudFormation says so.
    pub reason: Option<String>,
}

/// Reads what CloudFormation does with a stack.
pub trait ReadStackEvents {
    /// `DescribeStackEvents`: the newest events of a stack, newest first, up to but without the one of this id.
    async fn stack_events(
        &self,
        region: &Region,
        stack: &str,
        after: Option<&str>,
    ) -> Result<Vec<StackEvent>, PortError>;
}

/// Whether something was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It was made now.
    Now,
    /// It was there before.
    Before,
}

/// Keeps the code and the template where CloudFormation finds them.
pub trait KeepArtifacts {
    /// `HeadBucket`, and if there is no such bucket `CreateBucket` and `PutPublicAccessBlock`. A bucket of another account
    /// is an error.
    async fn have_bucket(
        &self,
        region: &Region,
        account: &Account,
        bucket: &Bucket,
    ) -> Result<Made, PortError>;
    /// `HeadObject`, and if there is no such object `PutObject`. The key holds a hash of the content, so an object that is
    /// there is the same.
    async fn have_object(
        &self,
        region: &Region,
        account: &Account,
        bucket: &Bucket,
        key: &str,
        content: Vec<u8>,
    ) -> Result<Made, PortError>;
}

/// Asks IAM what the caller may do.
pub trait CheckRights {
    /// `GetRole`: a role's ARN, which has its path.
    async fn role_arn(&self, name: &str) -> Result<String, PortError>;
    /// `SimulatePrincipalPolicy` of a user or a role, all pages: a decision for each action on each resource.
    async fn simulate_caller(
        &self,
        principal: &str,
        requirement: &Requirement,
    ) -> Result<Vec<Decision>, PortError>;
}

/// Lets time pass, where AWS has no other way to say that it is done.
pub trait Pause {
    /// Waits this long.
    async fn pause(&self, span: Duration);
}

actions! {
    FindStack: "cloudformation:DescribeStacks";
    ChangeSets: "cloudformation:CreateChangeSet" "cloudformation:DescribeChangeSet" "cloudformation:ExecuteChangeSet"
        "cloudformation:DeleteChangeSet" "cloudformation:DeleteStack";
    DeleteStack: "cloudformation:DeleteStack";
    FindResource: "cloudformation:DescribeStackResource";
    ReadStackEvents: "cloudformation:DescribeStackEvents";
    KeepArtifacts: "s3:ListBucket" "s3:CreateBucket" "s3:PutBucketPublicAccessBlock" "s3:GetObject" "s3:PutObject";
    CheckRights: "iam:GetRole" "iam:SimulatePrincipalPolicy";
    Pause: ;
}
