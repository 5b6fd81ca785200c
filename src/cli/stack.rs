//! `--stack NAME`: the settings that the stack's outputs say, beneath the environment.

use super::arguments::StackArguments;
use super::outcome::CliError;
use crate::aws::{Stacks, for_operators_at};
use crate::domain::id::arn::Region;
use crate::domain::operator::stack_outputs;
use crate::ports::DescribeStack;
use crate::settings::SettingsError;

const REGION: &str = "AWS_REGION";
/// What AWS's own command line calls the region.
const DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";

/// The environment, with the settings of the named stack where it says nothing itself. An environment that names another
/// stack's table, queues or functions is refused: a command would look at one stack and change the other.
///
/// # Errors
/// When there is no such stack, the environment is another stack's, or CloudFormation cannot be asked.
pub(super) async fn with_outputs(
    arguments: &StackArguments,
    environment: Vec<(String, String)>,
) -> Result<Vec<(String, String)>, CliError> {
    let of = |name: &str| {
        let found = environment
            .iter()
            .find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.clone())
    };
    let fallback = of(DEFAULT_REGION).map(|region| (REGION.to_owned(), region));
    let Some(name) = &arguments.name else {
        return Ok(fallback.into_iter().chain(environment).collect());
    };
    let region = arguments
        .region
        .clone()
        .or_else(|| of(REGION))
        .or_else(|| of(DEFAULT_REGION));
    let region = region.map(|text| Region::parse(&text)).transpose();
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
    let settings = stack_outputs::settings(&outputs);
    Ok(settings.into_iter().chain(environment).collect())
}
