//! Which function this is, and what it needs to know.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use crate::aws::{QueueUrl, Receives};
use crate::domain::arn::{KeyArn, StateMachineArn};
use crate::logging::{self, LogLevel};
use crate::settings::{Planning, SettingsError, Stack, Variables};

/// The variable in which Lambda hands over the function's handler.
const HANDLER: &str = "_HANDLER";
const STATE_MACHINE: &str = "SNAPFERRY_STATE_MACHINE_ARN";
const KEY: &str = "SNAPFERRY_KMS_KEY";
const COMMANDS_QUEUE: &str = "SNAPFERRY_COMMANDS_QUEUE_URL";
const EVENTS_QUEUE: &str = "SNAPFERRY_EVENTS_QUEUE_URL";

/// The functions of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Starts executions.
    Planner,
    /// Carries commands out.
    Worker,
    /// Takes hints.
    Reactor,
    /// Settles what no event announced.
    Sweeper,
}

/// The handler is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{HANDLER}: {0:?} is not one of planner, worker, reactor, sweeper")]
pub struct UnknownRole(String);

impl Role {
    const ALL: [Self; 4] = [Self::Planner, Self::Worker, Self::Reactor, Self::Sweeper];

    /// The handler's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Worker => "worker",
            Self::Reactor => "reactor",
            Self::Sweeper => "sweeper",
        }
    }

    /// Reads the handler's name.
    ///
    /// # Errors
    /// What was found instead.
    pub fn parse(handler: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == handler)
            .ok_or_else(|| UnknownRole(handler.chars().take(200).collect()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a function needs to know: only what its role uses is asked for.
#[derive(Debug, Clone)]
pub enum Settings {
    /// The planner's.
    Planner(Planning),
    /// The worker's.
    Worker {
        /// The stack.
        stack: Stack,
        /// The queue of commands, to delay what must be tried again, and the state machine.
        receives: Receives,
    },
    /// The reactor's.
    Reactor {
        /// The stack.
        stack: Stack,
        /// The queue of events, to delay what must be looked at again, and the state machine.
        receives: Receives,
        /// The recovery region's key, for policies that name none.
        key: KeyArn,
    },
    /// The sweeper's.
    Sweeper {
        /// The stack.
        stack: Stack,
        /// The queue of commands, to send queued ones again.
        queue: QueueUrl,
    },
}

impl Settings {
    /// Reads them from the process's variables.
    ///
    /// # Errors
    /// All faults at once.
    pub fn read(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, LogLevel), SettingsError> {
        let pairs: BTreeMap<String, String> = pairs.into_iter().collect();
        let role = match pairs.get(HANDLER) {
            Some(handler) => Role::parse(handler).map_err(|error| one(error.to_string())),
            None => Err(one(format!("{HANDLER} is not set"))),
        };
        let settings = role.and_then(|role| Self::of(role, &pairs));
        both(settings, log_level(&pairs))
    }

    fn of(role: Role, pairs: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let vars = || Variables::new(pairs.clone());
        let with_queue = |name| both(Stack::from_variables(vars()), queue(pairs, name));
        let receives = |name| {
            let machine = required(pairs, STATE_MACHINE, StateMachineArn::parse);
            both(with_queue(name), machine).map(|((stack, queue), starts)| {
                let receives = Receives { queue, starts };
                (stack, receives)
            })
        };
        match role {
            Role::Planner => Planning::from_variables(vars()).map(Self::Planner),
            Role::Worker => {
                receives(COMMANDS_QUEUE).map(|(stack, receives)| Self::Worker { stack, receives })
            }
            Role::Reactor => {
                let key = required(pairs, KEY, KeyArn::parse);
                both(receives(EVENTS_QUEUE), key).map(|((stack, receives), key)| Self::Reactor {
                    stack,
                    receives,
                    key,
                })
            }
            Role::Sweeper => {
                with_queue(COMMANDS_QUEUE).map(|(stack, queue)| Self::Sweeper { stack, queue })
            }
        }
    }

    /// Whose they are.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Self::Planner(_) => Role::Planner,
            Self::Worker { .. } => Role::Worker,
            Self::Reactor { .. } => Role::Reactor,
            Self::Sweeper { .. } => Role::Sweeper,
        }
    }

    /// The stack, which all of them know.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        match self {
            Self::Planner(planning) => &planning.stack,
            Self::Worker { stack, .. }
            | Self::Reactor { stack, .. }
            | Self::Sweeper { stack, .. } => stack,
        }
    }
}

fn one(fault: String) -> SettingsError {
    SettingsError {
        faults: vec![fault],
    }
}

fn log_level(pairs: &BTreeMap<String, String>) -> Result<LogLevel, SettingsError> {
    match pairs.get(logging::VARIABLE) {
        Some(text) if !text.is_empty() => {
            LogLevel::parse(text).map_err(|error| one(error.to_string()))
        }
        _ => Ok(LogLevel::default()),
    }
}

fn queue(pairs: &BTreeMap<String, String>, name: &str) -> Result<QueueUrl, SettingsError> {
    required(pairs, name, QueueUrl::parse)
}

fn required<T, E: fmt::Display>(
    pairs: &BTreeMap<String, String>,
    name: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, SettingsError> {
    match pairs.get(name) {
        Some(text) if !text.is_empty() => {
            parse(text).map_err(|error| one(format!("{name}: {error}")))
        }
        _ => Err(one(format!("{name} is not set"))),
    }
}

fn both<A, B>(
    a: Result<A, SettingsError>,
    b: Result<B, SettingsError>,
) -> Result<(A, B), SettingsError> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(mut a), Err(b)) => {
            a.faults.extend(b.faults);
            Err(a)
        }
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}
