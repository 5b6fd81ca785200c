//! The product's ports over the world. Every call waits at the gate; what passes has its effect at once.

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use snapferry::domain::command::{Command, Run};
use snapferry::domain::failure::{Failure, Reason};
use snapferry::domain::manifest::Manifest;
use snapferry::domain::names::ExecutionName;
use snapferry::domain::role::Role;
use snapferry::domain::token::TaskToken;
use snapferry::json;
use snapferry::ports::{
    Callbacks, Clock, DelayMessage, Delivery, ExecutionState, Jitter, PortError, Probe, ProbeToken,
    ReceiptHandle, SendCommand, StartExecution, Started,
};

use super::gate::{Broken, Decision, Gate};
use super::mutant::Mutant;
use super::queue::Message;
use super::step_functions::{AboutToken, Status};
use super::world::{Shared, World};

/// The ports of one invocation.
pub(super) struct Port {
    pub(super) shared: Rc<Shared>,
    pub(super) invocation: u64,
    pub(super) role: Role,
}

impl Port {
    /// One call: it waits for the scheduler, then it happens, or breaks, or both.
    pub(super) async fn call<T: 'static>(
        &self,
        label: impl FnOnce() -> String,
        mutates: bool,
        effect: impl FnOnce(&mut World) -> T + 'static,
    ) -> Result<T, Broken> {
        let traced = self.shared.world.borrow().trace.is_some();
        let label = if traced { label() } else { String::new() };
        match Gate::new(Rc::clone(&self.shared), self.invocation, label, mutates).await {
            Decision::Through => Ok(effect(&mut self.shared.world.borrow_mut())),
            Decision::FailBefore(broken) => Err(broken),
            Decision::FailAfter(broken) => {
                effect(&mut self.shared.world.borrow_mut());
                Err(broken)
            }
            Decision::FailLate(broken, at) => {
                let late = Box::new(move |world: &mut World| {
                    effect(world);
                });
                self.shared.world.borrow_mut().put_off(at, late);
                Err(broken)
            }
            // Without the hook, which would write to the terminal.
            Decision::Panic => std::panic::resume_unwind(Box::new("a panic that was planted")),
        }
    }

    pub(super) async fn aws<T: 'static>(
        &self,
        action: &'static str,
        detail: impl FnOnce() -> String,
        mutates: bool,
        effect: impl FnOnce(&mut World) -> T + 'static,
    ) -> Result<T, PortError> {
        let label = || format!("{action} {}", detail());
        self.call(label, mutates, effect)
            .await
            .map_err(|broken| port_error(action, broken))
    }

    pub(super) fn has(&self, mutant: Mutant) -> bool {
        self.shared.world.borrow().has(mutant)
    }
}

pub(super) fn port_error(action: &'static str, broken: Broken) -> PortError {
    let code = match broken {
        Broken::Throttled => Some("ThrottlingException"),
        Broken::Internal => Some("InternalServerError"),
        Broken::Denied => Some("AccessDeniedException"),
        Broken::NoAnswer => None,
    };
    PortError {
        action,
        code: code.map(str::to_owned),
        source: None,
    }
}

/// A token's number: all that the trace ever says of it.
pub(super) fn number(token: &TaskToken) -> String {
    let text = token.reveal();
    text.strip_prefix("token-")
        .map_or_else(|| "#?".to_owned(), |number| format!("#{number}"))
}

impl Clock for Port {
    fn now(&self) -> Timestamp {
        self.shared.world.borrow().now
    }
}

impl Jitter for Port {
    fn jitter(&self) -> f64 {
        self.shared.world.borrow_mut().rng.f64()
    }
}

impl ProbeToken for Port {
    async fn send_task_heartbeat(&self, token: &TaskToken) -> Probe {
        const ACTION: &str = "SendTaskHeartbeat";
        let asked = token.clone();
        let about = self
            .aws(
                ACTION,
                || number(token),
                false,
                move |w| {
                    let about = w.sfn.probe(asked.reveal());
                    w.note(|| format!("  {} is {about:?}", number(&asked)));
                    about
                },
            )
            .await;
        match about {
            Ok(AboutToken::Alive) => Probe::Alive,
            Ok(AboutToken::Dead) if self.has(Mutant::DeadProbeIsAlive) => Probe::Alive,
            Ok(AboutToken::Dead) => Probe::Dead,
            Ok(AboutToken::Invalid) if self.has(Mutant::GarbageTokenIsAlive) => Probe::Alive,
            Ok(AboutToken::Invalid) if self.has(Mutant::InvalidTokenIsAnError) => {
                Probe::Unknown(port_error(ACTION, Broken::Internal))
            }
            Ok(AboutToken::Invalid) => Probe::Invalid,
            Err(_) if self.has(Mutant::UnknownProbeIsDead) => Probe::Dead,
            Err(error) => Probe::Unknown(error),
        }
    }
}

impl Port {
    fn delivery(&self, about: Result<AboutToken, PortError>) -> Delivery {
        match about {
            Ok(AboutToken::Alive) => Delivery::Accepted,
            Ok(AboutToken::Dead) if self.has(Mutant::NobodyWaitsIsAnError) => {
                Delivery::Unknown(port_error("SendTask", Broken::Internal))
            }
            Ok(AboutToken::Dead) => Delivery::NobodyWaits,
            Ok(AboutToken::Invalid) if self.has(Mutant::InvalidTokenIsAnError) => {
                Delivery::Unknown(port_error("SendTask", Broken::Internal))
            }
            Ok(AboutToken::Invalid) => Delivery::Invalid,
            Err(_) if self.has(Mutant::UnknownDeliveryIsAccepted) => Delivery::Accepted,
            Err(error) => Delivery::Unknown(error),
        }
    }
}

impl Callbacks for Port {
    async fn send_task_success(&self, token: &TaskToken, manifest: &Manifest) -> Delivery {
        if self.has(Mutant::DeletesFirst) {
            self.forget_at_once(&manifest.snapshot, token).await;
        }
        let (sent, told) = (token.clone(), manifest.clone());
        self.shared
            .world
            .borrow_mut()
            .judge_success(token.reveal(), manifest);
        let detail = || format!("{} {}", number(token), manifest.snapshot.name());
        let about = self
            .aws("SendTaskSuccess", detail, true, move |w| {
                let output = if w.has(Mutant::ManifestIsNotSent) {
                    "{}".to_owned()
                } else {
                    json::manifest::write(&told)
                };
                let about = w.sfn.succeed(sent.reveal(), &output, w.now);
                w.count(if about == AboutToken::Alive {
                    "successes taken"
                } else {
                    "successes nobody waited for"
                });
                w.note(|| format!("  {} was {about:?}", number(&sent)));
                about
            })
            .await;
        self.delivery(about)
    }

    async fn send_task_failure(&self, token: &TaskToken, failure: &Failure) -> Delivery {
        let (sent, told) = (token.clone(), failure.clone());
        self.shared
            .world
            .borrow_mut()
            .judge_failure(self.invocation, token.reveal(), failure);
        let detail = || format!("{} {}", number(token), failure.reason);
        let about = self
            .aws("SendTaskFailure", detail, true, move |w| {
                let about = w.sfn.fail(sent.reveal(), told.reason.error_name(), w.now);
                if told.reason == Reason::SourceExpired && about == AboutToken::Alive {
                    w.count("sources that expired before their turn");
                }
                w.count(if about == AboutToken::Alive {
                    "failures taken"
                } else {
                    "failures nobody waited for"
                });
                w.note(|| format!("  {} was {about:?}", number(&sent)));
                about
            })
            .await;
        self.delivery(about)
    }
}

impl StartExecution for Port {
    async fn start_execution(&self, name: &ExecutionName, run: &Run) -> Result<Started, PortError> {
        let (asked, with, by) = (name.clone(), run.clone(), self.role);
        let started = self
            .aws(
                "StartExecution",
                || name.to_string(),
                true,
                move |w| w.start(&asked, with, by),
            )
            .await;
        let started = match started {
            Err(_) if self.has(Mutant::UnansweredStartIsStarted) => Started::Running,
            started => started?,
        };
        Ok(if self.has(Mutant::UsedNameIsDone) {
            Started::Running
        } else {
            started
        })
    }

    async fn describe_execution(&self, name: &ExecutionName) -> Result<ExecutionState, PortError> {
        let asked = name.clone();
        self.aws(
            "DescribeExecution",
            || name.to_string(),
            false,
            move |w| match w.sfn.executions.get(asked.as_str()).map(|e| &e.status) {
                None => ExecutionState::Unknown,
                Some(Status::Sleeping { .. } | Status::Retrying { .. }) => ExecutionState::Running,
                Some(Status::Succeeded) => ExecutionState::Succeeded,
                Some(Status::Failed { .. }) if w.has(Mutant::FailedExecutionIsDone) => {
                    ExecutionState::Succeeded
                }
                Some(Status::Failed { .. }) => ExecutionState::Failed,
            },
        )
        .await
    }
}

impl World {
    fn start(&mut self, name: &ExecutionName, run: Run, by: Role) -> Started {
        let input = json::run::write(&run);
        if let Some(execution) = self.sfn.executions.get(name.as_str()) {
            let same = execution.is_running() && *execution.input == *input;
            return if same {
                Started::Running
            } else {
                Started::NameUsed
            };
        }
        self.judge_start(name.as_str(), &run);
        self.count("executions started");
        if run.extras.automated.is_some() {
            self.count(match by {
                Role::Reactor => "executions started by a hint",
                Role::Worker => "executions started in an expired one's place",
                Role::Planner | Role::Sweeper => "executions started for what no hint told of",
            });
        }
        let arn = self.machine.execution(name).to_string();
        self.sfn.start(name.as_str(), arn, run, input, self.now);
        Started::Running
    }
}

impl SendCommand for Port {
    async fn send_command(&self, command: &Command) -> Result<(), PortError> {
        if self.has(Mutant::QueuedCommandIsLost) {
            return Ok(());
        }
        let body: Rc<str> = json::command::write(command).into();
        let note: Rc<str> =
            format!("{} {} again", command.step.as_str(), number(&command.token)).into();
        let said = Rc::clone(&note);
        self.aws(
            "SendMessage",
            || said.to_string(),
            true,
            move |w| {
                w.sent.push((Rc::clone(&body), Rc::clone(&note)));
                w.commands.send(Message::new(body, note, w.now));
            },
        )
        .await
    }
}

impl DelayMessage for Port {
    async fn delay_message(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<(), PortError> {
        let (receipt, role) = (receipt.0.clone(), self.role);
        let detail = format!("{receipt} by {delay:?}");
        self.aws(
            "ChangeMessageVisibility",
            || detail,
            true,
            move |w| {
                let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
                let by =
                    jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
                let until = w.later(by);
                let queue = if role == Role::Worker {
                    &mut w.commands
                } else {
                    &mut w.events
                };
                queue.delay(&receipt, until);
            },
        )
        .await
    }
}
