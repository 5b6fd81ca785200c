//! What happens to a call, and to a message.

use std::rc::Rc;

use snapferry::app::queue::Record;
use snapferry::domain::id::role::Role;

use super::gate::{Broken, Decision};
use super::queue::{self, Message};
use super::rule;
use super::step_functions::AboutToken;
use super::world::World;
use crate::faults::Fault;

impl World {
    /// What happens to a call.
    pub(super) fn decide(&mut self, mutates: bool) -> Decision {
        if !self.faults_are_on {
            return Decision::Through;
        }
        let (breaks, panics) = (self.fault_rates.call_breaks, self.fault_rates.panic);
        if self.chance(panics) {
            self.count_fault(Fault::FunctionPanics);
            return Decision::Panic;
        }
        if !self.chance(breaks) {
            return Decision::Through;
        }
        match self.rng.u8(..7) {
            6 => {
                self.count_fault(Fault::DeniedBriefly);
                Decision::FailBefore(Broken::Denied)
            }
            0..=1 => {
                self.count_fault(Fault::Throttling);
                Decision::FailBefore(Broken::Throttled)
            }
            2 => {
                self.count_fault(Fault::InternalError);
                Decision::FailBefore(Broken::Internal)
            }
            3 => {
                self.count_fault(Fault::NoAnswer);
                Decision::FailBefore(Broken::NoAnswer)
            }
            4 if mutates && self.fault_rates.late_effects => {
                self.count_fault(Fault::EffectLate);
                let at = self.within(1..=30);
                Decision::FailLate(Broken::NoAnswer, at)
            }
            _ => {
                self.count_fault(Fault::AnswerLost);
                Decision::FailAfter(if self.rng.bool() {
                    Broken::NoAnswer
                } else {
                    Broken::Internal
                })
            }
        }
    }

    /// Whether a command can never succeed: a third party has made its run impossible, or its token is not, or no longer,
    /// one of Step Functions.
    pub(super) fn is_hopeless(&self, message: &Message) -> bool {
        let command = snapferry::json::command::read(&message.body);
        message.note.hopeless
            || command.is_ok_and(|command| {
                let about = self.step_functions.probe(command.token.reveal());
                self.is_spoilt(&command.run) || about == AboutToken::Invalid
            })
    }

    /// Delivers some messages. Those received too often become dead letters.
    pub(super) fn receive(&mut self, role: Role) -> Vec<Record> {
        let now = self.now;
        let Self {
            state,
            dead_commands,
            dead_events,
            rng,
            ..
        } = self;
        let (queue, dead) = match role {
            Role::Worker => (&mut state.commands, dead_commands),
            _ => (&mut state.events, dead_events),
        };
        let (records, died) = queue::receive(queue, dead, now, rng, 10);
        for id in died {
            self.count("messages that died");
            if role != Role::Worker {
                continue;
            }
            let Some(message) = self.dead_commands.get(&id) else {
                continue;
            };
            let note = Rc::clone(&message.note.text);
            let healthy = !message.note.stained && !self.is_hopeless(message);
            self.note(|| format!("dead: {note}"));
            if healthy && !self.faults_are_on {
                self.broke(rule::HEALTHY, || {
                    format!("{note} became a dead letter without faults")
                });
            }
        }
        self.count(if role == Role::Worker {
            "batches of commands"
        } else {
            "batches of events"
        });
        let duplicates = self.fault_rates.duplicates;
        for record in &records {
            if self.chance(duplicates) {
                self.count_fault(Fault::MessageDoubled);
                let queue = match role {
                    Role::Worker => &mut self.commands,
                    _ => &mut self.events,
                };
                if let Some(number) = queue.number(&record.message_id) {
                    queue.show_at(number, now);
                }
            }
        }
        records
    }
}
