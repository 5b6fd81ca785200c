//! CloudFormation and S3 in all regions, for a deployment. No function links either of them.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{
    Capability, ChangeAction, ChangeSetStatus, ChangeSetType, Parameter, Replacement,
    ResourceChange as Row, ResourceStatus, Stack,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, PublicAccessBlockConfiguration,
};

use super::clients::Aws;
use super::fault::{Fault, port_error, unusable};
use crate::domain::deploy::changes::{Act, ResourceChange};
use crate::domain::deploy::names::{Account, Bucket, StackName};
use crate::domain::deploy::stack::StackFacts;
use crate::domain::id::arn::Region;
use crate::ports::PortError;
use crate::ports::deploy::{
    ChangeSet, ChangeSetRequest, ChangeSets, DeleteStack, FindResource, FindStack, KeepArtifacts,
    Made, Pause, ReadStackEvents, StackEvent, TemplateSource,
};

/// The limit for a call with its retries. An upload of some megabytes over a slow line is the longest.
const OPERATION: Duration = Duration::from_secs(600);
/// The limit for one try.
const ATTEMPT: Duration = Duration::from_secs(300);
/// The limit for connecting.
const CONNECT: Duration = Duration::from_secs(5);
/// How many tries a call gets: CloudFormation allows few calls a second.
const ATTEMPTS: u32 = 8;
/// The region whose buckets have no location.
const FIRST_REGION: &str = "us-east-1";
/// How many pages of a change set or of events are read at most.
const PAGES_MAX: usize = 50;

/// For a deployment.
#[derive(Debug, Clone, Copy)]
pub struct Deploys;

/// The same configuration with limits that an upload fits in.
#[must_use]
pub fn leisurely(sdk: SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(OPERATION)
        .operation_attempt_timeout(ATTEMPT)
        .connect_timeout(CONNECT);
    sdk.into_builder()
        .timeout_config(timeouts.build())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .build()
}

type Deployer = Aws<Deploys>;

impl Deployer {
    fn cloudformation(&self, region: &Region) -> aws_sdk_cloudformation::Client {
        let region = aws_config::Region::new(region.as_str().to_owned());
        let config = aws_sdk_cloudformation::config::Builder::from(&self.sdk).region(region);
        aws_sdk_cloudformation::Client::from_conf(config.build())
    }

    fn s3(&self, region: &Region) -> aws_sdk_s3::Client {
        let region = aws_config::Region::new(region.as_str().to_owned());
        let config = aws_sdk_s3::config::Builder::from(&self.sdk).region(region);
        aws_sdk_s3::Client::from_conf(config.build())
    }
}

impl Pause for Deployer {
    async fn pause(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

impl FindStack for Deployer {
    async fn find_stack(
        &self,
        region: &Region,
        name: &StackName,
    ) -> Result<Option<StackFacts>, PortError> {
        let request = self.cloudformation(region).describe_stacks();
        match request.stack_name(name.as_str()).send().await {
            Ok(answer) => Ok(answer.stacks().first().map(stack)),
            Err(error) if super::stack::is_unknown(&error) => Ok(None),
            Err(error) => Err(port_error("cloudformation:DescribeStacks", &error, &[])),
        }
    }
}

fn stack(row: &Stack) -> StackFacts {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let parameters = row.parameters().iter();
    let outputs = row.outputs().iter();
    StackFacts {
        id: text(row.stack_id()),
        status: row
            .stack_status()
            .map_or_else(String::new, |status| status.as_str().to_owned()),
        parameters: parameters
            .map(|it| (text(it.parameter_key()), text(it.parameter_value())))
            .collect(),
        outputs: outputs
            .map(|it| (text(it.output_key()), text(it.output_value())))
            .collect(),
    }
}

impl ChangeSets for Deployer {
    async fn create_change_set(
        &self,
        region: &Region,
        request: &ChangeSetRequest,
    ) -> Result<String, PortError> {
        const ACTION: &str = "cloudformation:CreateChangeSet";
        let given = request.parameters.iter().map(|(name, value)| {
            Parameter::builder()
                .parameter_key(name)
                .parameter_value(value)
                .build()
        });
        let kept = request.kept.iter().map(|name| {
            Parameter::builder()
                .parameter_key(name)
                .use_previous_value(true)
                .build()
        });
        let kind = match request.makes_stack {
            true => ChangeSetType::Create,
            false => ChangeSetType::Update,
        };
        let call = self
            .cloudformation(region)
            .create_change_set()
            .stack_name(request.stack.as_str())
            .change_set_name(&request.name)
            .change_set_type(kind)
            .set_parameters(Some(given.chain(kept).collect()))
            // The roles have no names of their own. The template of the recovery region has a transform.
            .capabilities(Capability::CapabilityIam)
            .capabilities(Capability::CapabilityAutoExpand);
        let call = match &request.template {
            TemplateSource::Text(text) => call.template_body(text),
            TemplateSource::Url(url) => call.template_url(url),
        };
        let answer = call.send().await;
        let answer = answer.map_err(|error| port_error(ACTION, &error, &[]))?;
        answer
            .id()
            .map(ToOwned::to_owned)
            .ok_or_else(|| unusable(ACTION, "CloudFormation left the change set's ARN out"))
    }

    async fn describe_change_set(
        &self,
        region: &Region,
        arn: &str,
    ) -> Result<ChangeSet, PortError> {
        const ACTION: &str = "cloudformation:DescribeChangeSet";
        let client = self.cloudformation(region);
        let mut changes = Vec::new();
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let page = client
                .describe_change_set()
                .change_set_name(arn)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| port_error(ACTION, &error, &[]))?;
            match page.status() {
                Some(ChangeSetStatus::CreateComplete) => {}
                Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) | None => {
                    return Ok(ChangeSet::Working);
                }
                Some(_) => return Ok(not_ready(&page)),
            }
            let rows = page
                .changes()
                .iter()
                .filter_map(|row| row.resource_change());
            changes.extend(rows.map(change));
            match page.next_token() {
                Some(token) => next = Some(token.to_owned()),
                None => return Ok(ChangeSet::Ready(changes)),
            }
        }
        Err(unusable(ACTION, "the change set has no end"))
    }

    async fn execute_change_set(&self, region: &Region, arn: &str) -> Result<(), PortError> {
        let call = self.cloudformation(region).execute_change_set();
        let done = call.change_set_name(arn).send().await;
        done.map_err(|error| port_error("cloudformation:ExecuteChangeSet", &error, &[]))?;
        Ok(())
    }

    async fn delete_change_set(&self, region: &Region, arn: &str) -> Result<(), PortError> {
        let call = self.cloudformation(region).delete_change_set();
        let done = call.change_set_name(arn).send().await;
        done.map_err(|error| port_error("cloudformation:DeleteChangeSet", &error, &[]))?;
        Ok(())
    }

    async fn delete_shell(&self, region: &Region, name: &StackName) -> Result<(), PortError> {
        self.delete_stack(region, name).await
    }
}

impl DeleteStack for Deployer {
    async fn delete_stack(&self, region: &Region, name: &StackName) -> Result<(), PortError> {
        let call = self.cloudformation(region).delete_stack();
        let done = call.stack_name(name.as_str()).send().await;
        done.map_err(|error| port_error("cloudformation:DeleteStack", &error, &[]))?;
        Ok(())
    }
}

/// CloudFormation says only in words that a change set is empty.
fn not_ready(answer: &DescribeChangeSetOutput) -> ChangeSet {
    const EMPTY: [&str; 2] = ["didn't contain changes", "No updates are to be performed"];
    let why = answer.status_reason().unwrap_or("it gives no reason");
    match EMPTY.iter().any(|words| why.contains(words)) {
        true => ChangeSet::Empty,
        false => ChangeSet::Failed(why.to_owned()),
    }
}

fn change(row: &Row) -> ResourceChange {
    let act = match (row.action(), row.replacement()) {
        (Some(ChangeAction::Add | ChangeAction::Import), _) => Act::Make,
        (Some(ChangeAction::Remove), _) => Act::Remove,
        (_, Some(Replacement::True)) => Act::Replace,
        (Some(ChangeAction::Modify), Some(Replacement::False)) => Act::Change,
        _ => Act::MayReplace,
    };
    ResourceChange {
        name: row.logical_resource_id().unwrap_or("(no name)").to_owned(),
        kind: row.resource_type().unwrap_or_default().to_owned(),
        act,
    }
}

impl FindResource for Deployer {
    async fn find_resource(
        &self,
        region: &Region,
        stack: &StackName,
        resource: &str,
    ) -> Result<Option<String>, PortError> {
        let request = self.cloudformation(region).describe_stack_resource();
        let request = request.stack_name(stack.as_str());
        let answer = match request.logical_resource_id(resource).send().await {
            Ok(answer) => answer,
            Err(error) if super::stack::is_unknown(&error) => return Ok(None),
            Err(error) => {
                return Err(port_error(
                    "cloudformation:DescribeStackResource",
                    &error,
                    &[],
                ));
            }
        };
        let found = answer.stack_resource_detail();
        let found =
            found.filter(|it| it.resource_status() != Some(&ResourceStatus::DeleteComplete));
        let id = found.and_then(|it| it.physical_resource_id());
        Ok(id.filter(|id| !id.is_empty()).map(ToOwned::to_owned))
    }
}

impl ReadStackEvents for Deployer {
    async fn stack_events(
        &self,
        region: &Region,
        stack: &str,
        after: Option<&str>,
    ) -> Result<Vec<StackEvent>, PortError> {
        let client = self.cloudformation(region);
        let mut events = Vec::new();
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let page = client
                .describe_stack_events()
                .stack_name(stack)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| port_error("cloudformation:DescribeStackEvents", &error, &[]))?;
            for row in page.stack_events() {
                let id = row.event_id().unwrap_or_default();
                if Some(id) == after {
                    return Ok(events);
                }
                let status = row.resource_status().map(|status| status.as_str());
                events.push(StackEvent {
                    id: id.to_owned(),
                    resource: row.logical_resource_id().unwrap_or_default().to_owned(),
                    status: status.unwrap_or_default().to_owned(),
                    reason: row.resource_status_reason().map(ToOwned::to_owned),
                });
            }
            match page.next_token() {
                // Without a last event, only the newest page counts.
                Some(token) if after.is_some() => next = Some(token.to_owned()),
                _ => break,
            }
        }
        Ok(events)
    }
}

impl KeepArtifacts for Deployer {
    async fn have_bucket(
        &self,
        region: &Region,
        account: &Account,
        bucket: &Bucket,
    ) -> Result<Made, PortError> {
        let client = self.s3(region);
        let head = client
            .head_bucket()
            .bucket(bucket.as_str())
            .expected_bucket_owner(account.as_str())
            .send()
            .await;
        match head {
            Ok(_) => return Ok(Made::Before),
            Err(error) if error.as_service_error().is_some_and(|it| it.is_not_found()) => {}
            Err(error) => {
                let mut fault = Fault::of(&error, &[]);
                // HEAD answers without a body, so S3 gives no more than the number.
                if fault.status == Some(403) {
                    fault.message = format!(
                        "the bucket {bucket} belongs to another account, or you may not list it; name another with \
                         --bucket"
                    );
                }
                return Err(fault.into_port_error("s3:HeadBucket"));
            }
        }
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(region.as_str()))
            .build();
        client
            .create_bucket()
            .bucket(bucket.as_str())
            .set_create_bucket_configuration((region.as_str() != FIRST_REGION).then_some(place))
            .send()
            .await
            .map_err(|error| port_error("s3:CreateBucket", &error, &[]))?;
        let closed = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        client
            .put_public_access_block()
            .bucket(bucket.as_str())
            .expected_bucket_owner(account.as_str())
            .public_access_block_configuration(closed)
            .send()
            .await
            .map_err(|error| port_error("s3:PutPublicAccessBlock", &error, &[]))?;
        Ok(Made::Now)
    }

    async fn have_object(
        &self,
        region: &Region,
        account: &Account,
        bucket: &Bucket,
        key: &str,
        content: Vec<u8>,
    ) -> Result<Made, PortError> {
        let client = self.s3(region);
        let head = client
            .head_object()
            .bucket(bucket.as_str())
            .key(key)
            .expected_bucket_owner(account.as_str())
            .send()
            .await;
        match head {
            Ok(_) => return Ok(Made::Before),
            Err(error) if error.as_service_error().is_some_and(|it| it.is_not_found()) => {}
            // Who may put but not list the bucket gets 403 for what is not there.
            Err(error) if Fault::of(&error, &[]).status == Some(403) => {}
            Err(error) => return Err(port_error("s3:HeadObject", &error, &[])),
        }
        client
            .put_object()
            .bucket(bucket.as_str())
            .key(key)
            .expected_bucket_owner(account.as_str())
            .body(ByteStream::from(content))
            .send()
            .await
            .map_err(|error| port_error("s3:PutObject", &error, &[]))?;
        Ok(Made::Now)
    }
}
