//! The records of an SQS event, and the answer that names the records that stay in the queue.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use thiserror::Error;

use crate::app::queue::Record;
use crate::ports::ReceiptHandle;

/// SQS's count of how often a message was received, including this time.
const RECEIVES: &str = "ApproximateReceiveCount";

/// A record without an id. Its failure could not be reported, so the whole batch must stay in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "record {0} of the batch has no messageId, so the batch cannot be answered record by record"
)]
pub struct NamelessRecord(pub usize);

/// Decodes a batch.
///
/// Only the id is required. A record without a body counts as one that cannot be read. A record without a receipt handle
/// cannot be delayed, and comes back when its visibility timeout ends. A record without a count counts as received once.
///
/// # Errors
/// If a record has no id.
pub fn records(event: SqsEvent) -> Result<Vec<Record>, NamelessRecord> {
    event
        .records
        .into_iter()
        .enumerate()
        .map(|(index, message)| record(message).ok_or(NamelessRecord(index)))
        .collect()
}

fn record(message: SqsMessage) -> Option<Record> {
    let receives = message.attributes.get(RECEIVES);
    Some(Record {
        message_id: message.message_id.filter(|id| !id.is_empty())?,
        body: message.body.unwrap_or_default(),
        receipt: ReceiptHandle(message.receipt_handle.unwrap_or_default()),
        receives: receives
            .and_then(|count| count.parse().ok())
            .unwrap_or(1)
            .max(1),
    })
}

/// The answer that leaves the named messages in the queue, and takes the others out of it.
#[must_use]
pub fn answer(stay: Vec<String>) -> SqsBatchResponse {
    let mut answer = SqsBatchResponse::default();
    answer.set_failures(stay);
    answer
}
