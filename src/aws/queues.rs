//! SQS: sends commands and delays messages.

use std::time::Duration;

use super::clients::{Aws, CommandsQueue, SourceQueue};
use super::fault::port_error;
use crate::domain::run::command::Command;
use crate::json;
use crate::ports::{DELAY_MAX, DelayMessage, PortError, ReceiptHandle, SendCommand, SendLater};

/// How long a message may stay invisible at most (ChangeMessageVisibility): twelve hours.
const VISIBILITY_MAX: u64 = 43_200;

impl<Extra: CommandsQueue> SendCommand for Aws<Extra> {
    async fn send_command(&self, command: &Command) -> Result<(), PortError> {
        self.sqs()
            .send_message()
            .queue_url(self.extra.commands().as_str())
            .message_body(json::command::write(command))
            .send()
            .await
            .map_err(|error| port_error("sqs:SendMessage", &error, &[command.token.reveal()]))?;
        Ok(())
    }
}

impl<Extra: CommandsQueue> SendLater for Aws<Extra> {
    async fn send_later(
        &self,
        command: &Command,
        tries: u32,
        delay: Duration,
    ) -> Result<(), PortError> {
        self.sqs()
            .send_message()
            .queue_url(self.extra.commands().as_str())
            .message_body(json::command::write_again(command, tries))
            .delay_seconds(whole_seconds(delay.min(DELAY_MAX)))
            .send()
            .await
            .map_err(|error| port_error("sqs:SendMessage", &error, &[command.token.reveal()]))?;
        Ok(())
    }
}

impl DelayMessage for Aws<SourceQueue> {
    async fn delay_message(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<(), PortError> {
        self.sqs()
            .change_message_visibility()
            .queue_url(self.extra.queue.as_str())
            .receipt_handle(&receipt.0)
            .visibility_timeout(whole_seconds(delay))
            .send()
            .await
            .map_err(|error| port_error("sqs:ChangeMessageVisibility", &error, &[]))?;
        Ok(())
    }
}

/// SQS counts in whole seconds. Parts of a second are rounded up, because zero would mean "at once".
pub(super) fn whole_seconds(delay: Duration) -> i32 {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    i32::try_from(seconds.min(VISIBILITY_MAX)).unwrap_or(i32::MAX)
}
