//! SQS for the operator's replay: receives dead letters, sends them again, deletes them.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::types::{
    Message, MessageAttributeValue, MessageSystemAttributeName as SystemAttribute,
};
use jiff::Timestamp;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::queue_url::QueueUrl;
use super::queues::whole_seconds;
use crate::domain::id::arn::Region;
use crate::domain::operator::dead_letter::Undelivered;
use crate::json;
use crate::ports::{
    DeadLetter, DelayMessage, PortError, ReceiptHandle, ReceiveDeadLetters, RemoveDeadLetter,
    SendAgain,
};

/// How long a receive waits for a first message. With any wait, SQS asks all of its servers and not only some.
const WAIT_SECONDS: i32 = 1;

/// For the operator's replay: a dead-letter queue in any region, and the queue that its messages go to.
#[derive(Debug, Clone)]
pub struct Replays {
    dead_letters: QueueUrl,
    home: QueueUrl,
    /// The client of the dead-letter queue's region. The dead letters of a source region's rule are in that region.
    client: aws_sdk_sqs::Client,
}

impl Replays {
    /// A replay from the dead letters of a region to a queue in the recovery region. Calls nothing.
    #[must_use]
    pub fn new(sdk: &SdkConfig, region: &Region, dead_letters: QueueUrl, home: QueueUrl) -> Self {
        Self {
            dead_letters,
            home,
            client: client(sdk, region),
        }
    }
}

fn client(sdk: &SdkConfig, region: &Region) -> aws_sdk_sqs::Client {
    let region = aws_sdk_sqs::config::Region::new(region.as_str().to_owned());
    let config = aws_sdk_sqs::config::Builder::from(sdk).region(region);
    aws_sdk_sqs::Client::from_conf(config.build())
}

/// `GetQueueUrl`: the queue of this name in a region.
///
/// # Errors
/// If the queue does not exist, or SQS does not say.
pub async fn find_queue(
    sdk: &SdkConfig,
    region: &Region,
    name: &str,
) -> Result<QueueUrl, PortError> {
    const ACTION: &str = "sqs:GetQueueUrl";
    let answer = client(sdk, region)
        .get_queue_url()
        .queue_name(name)
        .send()
        .await
        .map_err(|error| port_error(ACTION, &error, &[]))?;
    QueueUrl::parse(answer.queue_url().unwrap_or_default()).map_err(|error| unusable(ACTION, error))
}

impl ReceiveDeadLetters for Aws<Replays> {
    async fn receive_dead_letters(
        &self,
        max: usize,
        hidden_for: Duration,
    ) -> Result<Vec<DeadLetter>, PortError> {
        let max = i32::try_from(max.clamp(1, 10)).unwrap_or(1);
        let answer = self
            .extra
            .client
            .receive_message()
            .queue_url(self.extra.dead_letters.as_str())
            .max_number_of_messages(max)
            .visibility_timeout(whole_seconds(hidden_for))
            .wait_time_seconds(WAIT_SECONDS)
            .message_system_attribute_names(SystemAttribute::SentTimestamp)
            .message_system_attribute_names(SystemAttribute::ApproximateReceiveCount)
            .message_attribute_names("All")
            .send()
            .await
            .map_err(|error| port_error("sqs:ReceiveMessage", &error, &[]))?;
        let messages = answer.messages.unwrap_or_default();
        Ok(messages.into_iter().filter_map(dead_letter).collect())
    }
}

/// SQS gives every message an id and a handle. A message without them could not be recognised or deleted.
fn dead_letter(message: Message) -> Option<DeadLetter> {
    let system = |name| message.attributes().and_then(|all| all.get(&name));
    let sent_at = system(SystemAttribute::SentTimestamp)
        .and_then(|ms| ms.parse().ok())
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let receives = system(SystemAttribute::ApproximateReceiveCount)
        .and_then(|count| count.parse().ok())
        .unwrap_or_default();
    let undelivered = message.message_attributes().and_then(undelivered);
    Some(DeadLetter {
        message_id: message.message_id?,
        body: message.body.unwrap_or_default(),
        receipt: ReceiptHandle(message.receipt_handle?),
        sent_at,
        receives,
        undelivered,
    })
}

/// What EventBridge says about the message, if EventBridge put it there.
fn undelivered(attributes: &HashMap<String, MessageAttributeValue>) -> Option<Undelivered> {
    let get = |name: &str| attributes.get(name)?.string_value.clone();
    let told = Undelivered {
        code: get("ERROR_CODE"),
        message: get("ERROR_MESSAGE"),
        exhausted: get("EXHAUSTED_RETRY_CONDITION"),
        rule: get("RULE_ARN"),
        target: get("TARGET_ARN"),
    };
    (told != Undelivered::default()).then_some(told)
}

impl SendAgain for Aws<Replays> {
    async fn send_again(&self, body: &str) -> Result<(), PortError> {
        let sent = self
            .sqs()
            .send_message()
            .queue_url(self.extra.home.as_str())
            .message_body(body)
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        // If SQS quotes what it refuses, hide the body and the token in it.
        let command = json::command::read(body).ok();
        let token = command.as_ref().map_or("", |one| one.token.reveal());
        Err(port_error("sqs:SendMessage", &error, &[body, token]))
    }
}

impl RemoveDeadLetter for Aws<Replays> {
    async fn remove_dead_letter(&self, receipt: &ReceiptHandle) -> Result<(), PortError> {
        self.extra
            .client
            .delete_message()
            .queue_url(self.extra.dead_letters.as_str())
            .receipt_handle(&receipt.0)
            .send()
            .await
            .map_err(|error| port_error("sqs:DeleteMessage", &error, &[]))?;
        Ok(())
    }
}

impl DelayMessage for Aws<Replays> {
    async fn delay_message(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<(), PortError> {
        self.extra
            .client
            .change_message_visibility()
            .queue_url(self.extra.dead_letters.as_str())
            .receipt_handle(&receipt.0)
            .visibility_timeout(whole_seconds(delay))
            .send()
            .await
            .map_err(|error| port_error("sqs:ChangeMessageVisibility", &error, &[]))?;
        Ok(())
    }
}
