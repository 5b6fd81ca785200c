//! The second stack of the recovery region, on request. It takes over values of the first, some of which are known only once
//! that stands.

use super::compare::{Packaged, Target, compare_all};
use super::error::DeployError;
use super::permissions::Permissions;
use super::plan::{Deployment, RestoreStack};
use super::step::Step;
use super::take_away::take_away;
use crate::domain::deploy::defaults::parameter_names;
use crate::domain::deploy::stack::StackFacts;
use crate::ports::deploy::TemplateSource;

/// The template as CloudFormation gets it.
pub(super) fn of_restore(stack: &RestoreStack) -> Packaged<'_> {
    Packaged {
        names: parameter_names(&stack.template),
        source: TemplateSource::Text(stack.template.clone()),
    }
}

/// Has CloudFormation compare the stack anew, if the first stack has other values for it now.
pub(super) async fn follow_home<W: Permissions>(
    world: &W,
    deployment: &mut Deployment,
    home: Option<&StackFacts>,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<(), DeployError> {
    let Some(before) = &deployment.restore else {
        return Ok(());
    };
    let request = &deployment.request;
    let now = RestoreStack::of(before.template.clone(), request, home, before.architecture);
    if now.parameters == before.parameters {
        return Ok(());
    }
    let compared = deployment.stacks.split_off(deployment.stacks.len() - 1);
    take_away(world, &compared).await?;
    let (region, name) = (&request.recovery, request.stack.of_restore());
    let stack = world.find_stack(region, &name).await?;
    let stack = stack.filter(|stack| !stack.is_only_a_review());
    let template = of_restore(&now);
    let target = Target {
        region,
        name: &name,
        stack: stack.as_ref(),
        template: &template,
        parameters: now.parameters.clone(),
    };
    let anew = compare_all(world, std::iter::once(target), progress).await?;
    deployment.stacks.extend(anew);
    Ok(())
}
