//! Which function this is, and its settings.

use crate::aws::{QueueUrl, SourceQueue};
use crate::domain::id::arn::{KeyArn, StateMachineArn};
use crate::domain::id::role::Role;
use crate::logging::{self, LogLevel};
use crate::settings::{Measuring, Planning, Pruning, SettingsError, Stack, Variables};

/// The variable in which Lambda hands over the function's handler.
const HANDLER: &str = "_HANDLER";
const STATE_MACHINE: &str = "SNAPFERRY_STATE_MACHINE_ARN";
const KEY: &str = "SNAPFERRY_KMS_KEY";
const COMMANDS_QUEUE: &str = "SNAPFERRY_COMMANDS_QUEUE_URL";
const EVENTS_QUEUE: &str = "SNAPFERRY_EVENTS_QUEUE_URL";

/// A function's settings. Only the variables that its role uses are required.
#[derive(Debug, Clone)]
pub enum Settings {
    /// The planner's.
    Planner(Planning),
    /// The worker's.
    Worker {
        /// The stack.
        stack: Stack,
        /// The commands queue, to delay commands that must be tried again, and the state machine.
        receives: SourceQueue,
    },
    /// The reactor's.
    Reactor {
        /// The stack.
        stack: Stack,
        /// The events queue, to delay hints that must be checked again, the commands queue, and the state machine.
        receives: SourceQueue,
        /// The recovery region's key, for policies that name none.
        key: KeyArn,
    },
    /// The sweeper's.
    Sweeper {
        /// The stack.
        stack: Stack,
        /// The commands queue, to send commands of queued copies again.
        queue: QueueUrl,
        /// What it measures.
        measuring: Measuring,
    },
    /// The pruner's.
    Pruner(Pruning),
}

impl Settings {
    /// Reads them from the process's variables.
    ///
    /// # Errors
    /// All faults at once.
    pub fn read(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, LogLevel), SettingsError> {
        let mut vars = Variables::new(pairs);
        let role = vars.required(HANDLER, Role::parse);
        let settings = role.and_then(|role| Self::of(role, &mut vars));
        let level = vars.optional(logging::VARIABLE, LogLevel::parse);
        vars.finish(settings.map(|settings| (settings, level.unwrap_or_default())))
    }

    fn of(role: Role, vars: &mut Variables) -> Option<Self> {
        match role {
            Role::Planner => Planning::read(vars).map(Self::Planner),
            Role::Worker => {
                let (stack, receives) = receives(vars, COMMANDS_QUEUE)?;
                Some(Self::Worker { stack, receives })
            }
            Role::Reactor => {
                let received = receives(vars, EVENTS_QUEUE);
                let key = vars.required(KEY, KeyArn::parse);
                let (stack, receives) = received?;
                Some(Self::Reactor {
                    stack,
                    receives,
                    key: key?,
                })
            }
            Role::Pruner => Pruning::read(vars).map(Self::Pruner),
            Role::Sweeper => {
                let stack = Stack::read(vars);
                let queue = vars.required(COMMANDS_QUEUE, QueueUrl::parse);
                let measuring = Measuring::read(vars);
                Some(Self::Sweeper {
                    stack: stack?,
                    queue: queue?,
                    measuring: measuring?,
                })
            }
        }
    }

    /// The role that the settings belong to.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Self::Planner(_) => Role::Planner,
            Self::Worker { .. } => Role::Worker,
            Self::Reactor { .. } => Role::Reactor,
            Self::Sweeper { .. } => Role::Sweeper,
            Self::Pruner(_) => Role::Pruner,
        }
    }

    /// The stack's settings, which all roles have.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        match self {
            Self::Planner(planning) => &planning.stack,
            Self::Pruner(pruning) => &pruning.stack,
            Self::Worker { stack, .. }
            | Self::Reactor { stack, .. }
            | Self::Sweeper { stack, .. } => stack,
        }
    }
}

fn receives(vars: &mut Variables, queue: &str) -> Option<(Stack, SourceQueue)> {
    let stack = Stack::read(vars);
    let url = vars.required(queue, QueueUrl::parse);
    let commands = match queue {
        COMMANDS_QUEUE => url.clone(),
        _ => vars.required(COMMANDS_QUEUE, QueueUrl::parse),
    };
    let starts = vars.required(STATE_MACHINE, StateMachineArn::parse);
    let receives = SourceQueue {
        queue: url?,
        commands: commands?,
        starts: starts?,
    };
    Some((stack?, receives))
}
