//! The ports of the queues.

use std::time::Duration;

use super::super::queue::Queue;
use super::{Holds, Ports, State};
use crate::domain::run::command::Command;
use crate::fake::refusal::Refusal;
use crate::json;
use crate::ports::{
    DELAY_MAX, DeadLetter, DelayMessage, PortError, ReceiptHandle, ReceiveDeadLetters,
    RemoveDeadLetter, SendAgain, SendCommand, SendLater,
};

impl<L: Holds> SendCommand for Ports<L> {
    async fn send_command(&self, command: &Command) -> Result<(), PortError> {
        self.with(|state| {
            let body = json::command::write(command);
            state.commands.send(body, L::Note::default(), state.now);
        });
        Ok(())
    }
}

impl<L: Holds> SendLater for Ports<L> {
    async fn send_later(
        &self,
        command: &Command,
        tries: u32,
        delay: Duration,
    ) -> Result<(), PortError> {
        self.with(|state| {
            let body = json::command::write_again(command, tries);
            let (now, delay) = (state.now, delay.min(DELAY_MAX));
            state
                .commands
                .send_later(body, L::Note::default(), now, delay);
        });
        Ok(())
    }
}

impl<R, S, N> State<R, S, N> {
    /// The queue of a message, by its handle.
    fn queue_of(&mut self, receipt: &ReceiptHandle) -> Option<&mut Queue<N>> {
        let queues = [&mut self.commands, &mut self.events, &mut self.dead_letters];
        queues.into_iter().find(|queue| queue.knows(receipt))
    }
}

impl<L: Holds> DelayMessage for Ports<L> {
    async fn delay_message(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<(), PortError> {
        self.with(|state| {
            let now = state.now;
            let Some(queue) = state.queue_of(receipt) else {
                let refusal = Refusal::code("ReceiptHandleIsInvalid");
                return Err(refusal.of_port("ChangeMessageVisibility"));
            };
            queue.delay(receipt, delay, now);
            Ok(())
        })
    }
}

impl<L: Holds> ReceiveDeadLetters for Ports<L> {
    async fn receive_dead_letters(
        &self,
        max: usize,
        hidden_for: Duration,
    ) -> Result<Vec<DeadLetter>, PortError> {
        assert!(
            (1..=10).contains(&max),
            "SQS hands over one to ten messages"
        );
        Ok(self.with(|state| {
            let now = state.now;
            let letters = &mut state.dead_letters;
            letters.receive_dead_letters(max, hidden_for, now)
        }))
    }
}

impl<L: Holds> SendAgain for Ports<L> {
    async fn send_again(&self, body: &str) -> Result<(), PortError> {
        self.with(|state| state.commands.send(body, L::Note::default(), state.now));
        Ok(())
    }
}

impl<L: Holds> RemoveDeadLetter for Ports<L> {
    async fn remove_dead_letter(&self, receipt: &ReceiptHandle) -> Result<(), PortError> {
        self.with(|state| {
            let number = state.dead_letters.number_of(receipt);
            number.and_then(|number| state.dead_letters.remove(number));
        });
        Ok(())
    }
}
