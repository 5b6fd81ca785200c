//! `--stack NAME`: the settings that the stack's outputs say, beneath the environment.

use super::arguments::StackArguments;
use super::outcome::CliError;
use crate::aws::{Stacks, for_operators_at};
use crate::domain::id::arn::Region;
use crate::domain::operator::stack_outputs;
use crate::ports::DescribeStack;
use crate::settings::{STACK_NAME, SettingsError};

const REGION: &str = "AWS_REGION";
const TABLE: &str = "SNAPFERRY_TABLE";
/// What AWS's own command line calls the region.
const DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";

fn variable<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a String> {
    let found = environment
        .iter()
        .find(|(key, value)| key == name && !value.is_empty());
    found.map(|(_, value)| value)
}

/// The recovery region that the flag or the environment names.
pub(super) fn region_of<'a>(
    arguments: &'a StackArguments,
    environment: &'a [(String, String)],
) -> Option<&'a String> {
    let flag = arguments.region.as_ref();
    flag.or_else(|| variable(environment, REGION))
        .or_else(|| variable(environment, DEFAULT_REGION))
}

/// The environment, with the settings of the named stack where it says nothing itself. An environment that names another
/// stack's table, queues or functions is refused: a command would look at one stack and change the other.
///
/// An environment that says the table beside the name was set once from the stack's outputs. Then CloudFormation is not
/// asked, unless a flag names the stack: the policies for drills and restores do not allow it.
///
/// # Errors
/// When there is no such stack, the environment is another stack's, or CloudFormation cannot be asked.
pub(super) async fn with_outputs(
    arguments: &StackArguments,
    environment: Vec<(String, String)>,
) -> Result<Vec<(String, String)>, CliError> {
    let fallback = variable(&environment, DEFAULT_REGION);
    let fallback = fallback.map(|region| (REGION.to_owned(), region.clone()));
    let is_set_once = !arguments.is_named_by_flag && variable(&environment, TABLE).is_some();
    let Some(name) = arguments.name.as_ref().filter(|_| !is_set_once) else {
        return Ok(fallback.into_iter().chain(environment).collect());
    };
    let region = region_of(arguments, &environment);
    let region = region.map(|text| Region::parse(text)).transpose();
    let region = region.map_err(|error| SettingsError::one(format!("{REGION}: {error}")))?;
    let sdk = for_operators_at(region.as_ref(), arguments.profile.as_deref()).await;
    let Some(region) = sdk.region().cloned() else {
        return Err(SettingsError::one(format!(
            "--stack {name}: no region is known; name the recovery region with --region"
        ))
        .into());
    };
    let outputs = Stacks::new(&sdk).stack_outputs(name).await?;
    let Some(outputs) = outputs else {
        return Err(SettingsError::one(format!(
            "--stack {name}: there is no such stack in {region}; name the recovery region with --region"
        ))
        .into());
    };
    if !stack_outputs::is_snapferry(&outputs) {
        return Err(SettingsError::one(format!(
            "--stack {name}: the stack in {region} does not have the outputs of this version's template.yaml"
        ))
        .into());
    }
    let flags = arguments.flags();
    let said = |variable: &str| {
        let (_, value) = environment.iter().find(|(name, _)| name == variable)?;
        let flag = flags.iter().find(|(name, _)| *name == variable);
        // A flag that replaces the variable is meant.
        let is_replaced = flag.is_some_and(|(_, flag)| flag.as_ref().is_some_and(|it| it != value));
        Some(value.as_str()).filter(|_| !is_replaced)
    };
    let others = stack_outputs::of_another_stack(&outputs, said);
    if !others.is_empty() {
        return Err(SettingsError::one(format!(
            "--stack {name}: the environment is another stack's ({}); unset these variables, or leave --stack out",
            others.join("; ")
        ))
        .into());
    }
    let mut settings = stack_outputs::settings(&outputs);
    settings.push((STACK_NAME.to_owned(), name.clone()));
    Ok(settings.into_iter().chain(environment).collect())
}
