//! The parts, which are deployed on request.

use super::ask::{all, port};
use super::scope::Permissions;
use crate::domain::deploy::names::StackName;
use crate::domain::deploy::part::Part;
use crate::domain::doctor::parts::{PartFunction, not_deployed, part as judge};
use crate::domain::doctor::region::Rule;
use crate::domain::doctor::{Check, Finding, Unanswered};
use crate::domain::id::arn::Region;
use crate::domain::policy::in_force::Policies;
use crate::settings::DoctorSettings;

/// Checks each part. Nothing is asked where the stack's name is not known.
pub(super) async fn parts<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    policies: Option<&Policies>,
) -> Vec<Finding> {
    let Some(stack) = &doctor_settings.stack_name else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for part in Part::ALL {
        let name = stack.of_part(part);
        let found = look(world, doctor_settings, policies, part, &name).await;
        let found =
            found.unwrap_or_else(|error| Some(Finding::unknown(Check::Parts, &name, &error)));
        findings.extend(found);
    }
    findings
}

async fn look<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    policies: Option<&Policies>,
    part: Part,
    name: &StackName,
) -> Result<Option<Finding>, Unanswered> {
    let facts = &doctor_settings.stack_facts;
    let outputs = world.stack_outputs(name.as_str()).await;
    let Some(outputs) = outputs.map_err(|error| port(&error))? else {
        let policies = policies.iter().flat_map(|policies| &policies.all);
        let drilled = policies.filter(|policy| policy.options.drill.is_some());
        let drilled: Vec<&str> = drilled.map(|policy| policy.name.as_str()).collect();
        return Ok(not_deployed(part, name, &drilled));
    };
    let function = match outputs.get(part.function_output()) {
        Some(function) => world.describe_function(&facts.home, function).await,
        None => Ok(None),
    };
    let function = function.map_err(|error| port(&error))?;
    let rules = match &function {
        Some(function) => rules(world, &facts.home, function).await?,
        None => Vec::new(),
    };
    let ours = &facts.stack;
    Ok(Some(judge(part, name, ours, function.as_ref(), &rules)))
}

async fn rules<W: Permissions>(
    world: &W,
    home: &Region,
    function: &PartFunction,
) -> Result<Vec<Rule>, Unanswered> {
    let names = all(|marker| async {
        let page = world.list_rule_names_by_target(home, &function.arn, marker);
        page.await.map_err(|error| port(&error))
    });
    let mut rules = Vec::new();
    for name in names.await? {
        let rule = world.describe_rule(home, &name).await;
        rules.push(rule.map_err(|error| port(&error))?);
    }
    Ok(rules)
}
