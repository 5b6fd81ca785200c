//! The stack and its state machine, for the commands that need no more of it.

use super::arguments::{StackArguments, variables};
use super::outcome::CliError;
use crate::aws::{Aws, StateMachine, for_operators};
use crate::domain::id::arn::StateMachineArn;
use crate::settings::Stack;

const STATE_MACHINE: &str = "SNAPFERRY_STATE_MACHINE_ARN";

/// Reads the settings, and connects.
pub(super) async fn connect(
    arguments: &StackArguments,
    state_machine: &Option<String>,
    environment: Vec<(String, String)>,
) -> Result<(Stack, Aws<StateMachine>), CliError> {
    let machine = (STATE_MACHINE, state_machine);
    let flags = arguments.flags().into_iter().chain([machine]);
    let mut vars = variables(environment, flags);
    let stack = Stack::read(&mut vars);
    let machine = vars.required(STATE_MACHINE, StateMachineArn::parse);
    let (stack, machine) = vars.finish(stack.zip(machine))?;
    let sdk = for_operators(&stack.home, arguments.profile.as_deref()).await;
    let aws = Aws::new(sdk, stack.table.clone(), StateMachine(machine));
    Ok((stack, aws))
}
