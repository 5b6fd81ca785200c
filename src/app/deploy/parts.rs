//! The parts, which are deployed on request. They take over values of the recovery region's own stack, some of which are known
//! only once that stands.

use super::compare::{Packaged, Target, compare_all};
use super::error::DeployError;
use super::permissions::Permissions;
use super::plan::{Deployment, PartStack};
use super::step::Step;
use super::take_away::take_away;
use crate::domain::deploy::defaults::parameter_names;
use crate::domain::deploy::names::StackName;
use crate::domain::deploy::request::DeployRequest;
use crate::domain::deploy::stack::StackFacts;
use crate::ports::deploy::TemplateSource;

/// A part as CloudFormation gets it.
pub(super) struct PackagedPart<'a> {
    name: StackName,
    /// The stack, if it exists.
    found: Option<StackFacts>,
    template: Packaged<'a>,
    part: &'a PartStack,
}

impl<'a> PackagedPart<'a> {
    /// This part, where this stack of it stands.
    pub(super) fn of(
        part: &'a PartStack,
        request: &DeployRequest,
        found: Option<StackFacts>,
    ) -> Self {
        Self {
            name: request.stack.of_part(part.part),
            found,
            template: Packaged {
                names: parameter_names(&part.template),
                source: TemplateSource::Text(part.template.clone()),
            },
            part,
        }
    }

    pub(super) fn target(&'a self, request: &'a DeployRequest) -> Target<'a> {
        Target {
            region: &request.recovery,
            name: &self.name,
            stack: self.found.as_ref(),
            template: &self.template,
            parameters: self.part.parameters.clone(),
        }
    }
}

/// Has CloudFormation compare the parts anew, if the first stack has other values for them now.
pub(super) async fn follow_home<W: Permissions>(
    world: &W,
    deployment: &mut Deployment,
    home: Option<&StackFacts>,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<(), DeployError> {
    let request = &deployment.request;
    let renewed = |before: &PartStack| {
        let template = before.template.clone();
        PartStack::of(before.part, template, request, home, before.architecture)
    };
    let parts: Vec<PartStack> = deployment.parts.iter().map(renewed).collect();
    let pairs = parts.iter().zip(&deployment.parts);
    let mut pairs = pairs.map(|(now, before)| now.parameters == before.parameters);
    if pairs.all(|is_same| is_same) {
        return Ok(());
    }
    let others = deployment.stacks.len() - parts.len();
    let compared = deployment.stacks.split_off(others);
    take_away(world, &compared).await?;
    let mut packaged = Vec::new();
    for part in &parts {
        let name = request.stack.of_part(part.part);
        let found = world.find_stack(&request.recovery, &name).await?;
        let found = found.filter(|stack| !stack.is_only_a_review());
        packaged.push(PackagedPart::of(part, request, found));
    }
    let targets = packaged.iter().map(|part| part.target(request));
    let anew = compare_all(world, targets, progress).await?;
    deployment.stacks.extend(anew);
    Ok(())
}
