//! SQS for the doctor: counts messages and receives none.

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::QueueAttributeName;

use super::super::fault::{port_error, unusable};
use super::{Doctor, client};
use crate::domain::id::arn::Region;
use crate::ports::doctor::{CountMessages, FindQueue, ListQueues};
use crate::ports::{Page, PortError};

/// The attributes whose sum is the number of messages in a queue: visible ones, and received ones, perhaps by a replay.
const COUNTED: [QueueAttributeName; 2] = [
    QueueAttributeName::ApproximateNumberOfMessages,
    QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
];

/// How many URLs a page has (ListQueues, `MaxResults`, at most 1,000). Without it SQS never says that there are more.
const PAGE: i32 = 1_000;

/// SQS has one name for this error in its answer's body and, for older clients, another in a header.
fn is_gone(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("QueueDoesNotExist" | "AWS.SimpleQueueService.NonExistentQueue")
    )
}

impl FindQueue for Doctor {
    async fn get_queue_url(
        &self,
        region: &Region,
        name: &str,
    ) -> Result<Option<String>, PortError> {
        const ACTION: &str = "sqs:GetQueueUrl";
        let answer = client!(aws_sdk_sqs, self, region.as_str())
            .get_queue_url()
            .queue_name(name)
            .send()
            .await;
        match answer {
            Ok(answer) => match answer.queue_url() {
                Some(url) => Ok(Some(url.to_owned())),
                None => Err(unusable(ACTION, "SQS left the queue's URL out")),
            },
            Err(error) if is_gone(error.code()) => Ok(None),
            Err(error) => Err(port_error(ACTION, &error, &[])),
        }
    }
}

impl ListQueues for Doctor {
    async fn list_queue_names(
        &self,
        region: &Region,
        prefix: &str,
        marker: Option<String>,
    ) -> Result<Page<String>, PortError> {
        let page = client!(aws_sdk_sqs, self, region.as_str())
            .list_queues()
            .queue_name_prefix(prefix)
            .max_results(PAGE)
            .set_next_token(marker)
            .send()
            .await
            .map_err(|error| port_error("sqs:ListQueues", &error, &[]))?;
        let next = page.next_token.filter(|token| !token.is_empty());
        let urls = page.queue_urls.unwrap_or_default();
        let names = urls.iter().filter_map(|url| url.rsplit('/').next());
        Ok(Page::new(names.map(str::to_owned).collect(), next))
    }
}

impl CountMessages for Doctor {
    async fn count_messages(&self, region: &Region, url: &str) -> Result<Option<u64>, PortError> {
        const ACTION: &str = "sqs:GetQueueAttributes";
        let answer = client!(aws_sdk_sqs, self, region.as_str())
            .get_queue_attributes()
            .queue_url(url)
            .set_attribute_names(Some(COUNTED.to_vec()))
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if is_gone(error.code()) => return Ok(None),
            Err(error) => return Err(port_error(ACTION, &error, &[])),
        };
        let attributes = answer.attributes();
        let mut sum = 0_u64;
        for name in COUNTED {
            let count = attributes
                .and_then(|all| all.get(&name))
                .and_then(|count| count.parse::<u64>().ok())
                .ok_or_else(|| unusable(ACTION, "SQS left a count of messages out"))?;
            sum = sum.saturating_add(count);
        }
        Ok(Some(sum))
    }
}
