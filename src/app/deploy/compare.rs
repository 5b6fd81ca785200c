//! Has CloudFormation compare stacks with their templates.

use std::collections::{BTreeMap, BTreeSet};

use super::error::DeployError;
use super::follow::INTERVAL;
use super::permissions::Permissions;
use super::plan::{Compared, StackPlan};
use super::step::Step;
use super::take_away::clean_up;
use crate::domain::deploy::defaults::parameter_names;
use crate::domain::deploy::names::StackName;
use crate::domain::deploy::package::Templates;
use crate::domain::deploy::request::DeployRequest;
use crate::domain::deploy::stack::StackFacts;
use crate::domain::id::arn::Region;
use crate::ports::deploy::{ChangeSet, ChangeSetRequest, TemplateSource};

/// A template as CloudFormation gets it.
pub(super) struct Packaged<'a> {
    /// The names of its parameters.
    pub(super) names: Vec<&'a str>,
    /// Its text, or where it is.
    pub(super) source: TemplateSource,
}

impl<'a> Packaged<'a> {
    pub(super) fn of_source(templates: &'a Templates) -> Self {
        Self {
            names: parameter_names(&templates.source),
            source: TemplateSource::Text(templates.source.clone()),
        }
    }
}

/// A stack that is to be compared with its template.
pub(super) struct Target<'a> {
    pub(super) region: &'a Region,
    pub(super) name: &'a StackName,
    /// The stack, if it exists.
    pub(super) stack: Option<&'a StackFacts>,
    pub(super) template: &'a Packaged<'a>,
    /// The parameters that are set.
    pub(super) parameters: BTreeMap<String, String>,
}

/// The source regions' stacks, with this queue for RDS's own subscriptions.
pub(super) fn of_sources<'a>(
    sources: &'a [(Region, StackName, Option<StackFacts>)],
    template: &'a Packaged<'a>,
    request: &'a DeployRequest,
    events_queue: &'a str,
) -> impl Iterator<Item = Target<'a>> {
    sources.iter().map(move |(region, name, stack)| Target {
        region,
        name,
        stack: stack.as_ref(),
        template,
        parameters: request.source_parameters(events_queue),
    })
}

/// Has CloudFormation compare each stack with its template. If one cannot be compared, the change sets before it are taken
/// away.
pub(super) async fn compare_all<'a, W: Permissions>(
    world: &W,
    targets: impl Iterator<Item = Target<'a>>,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Vec<StackPlan>, DeployError> {
    let mut stacks = Vec::new();
    for target in targets {
        match compare(world, target, progress).await {
            Ok(plan) => stacks.push(plan),
            Err(error) => {
                clean_up(world, &stacks).await;
                return Err(error);
            }
        }
    }
    Ok(stacks)
}

/// Has CloudFormation compare a stack with its template.
async fn compare<W: Permissions>(
    world: &W,
    target: Target<'_>,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<StackPlan, DeployError> {
    let Target {
        region,
        name,
        stack,
        template,
        parameters,
    } = target;
    progress(Step::Comparing(region, name));
    let held: BTreeSet<&str> = stack
        .iter()
        .flat_map(|stack| stack.parameters.keys().map(String::as_str))
        .collect();
    let kept = template
        .names
        .iter()
        .filter(|parameter| held.contains(**parameter) && !parameters.contains_key(**parameter));
    let request = ChangeSetRequest {
        stack: name.clone(),
        name: format!("snapferry-{}", world.now().as_second()),
        makes_stack: stack.is_none(),
        template: template.source.clone(),
        kept: kept.map(|name| (*name).to_owned()).collect(),
        parameters,
    };
    let arn = world.create_change_set(region, &request).await?;
    let changes = loop {
        match world.describe_change_set(region, &arn).await? {
            ChangeSet::Working => world.pause(INTERVAL).await,
            ChangeSet::Ready(changes) => break Some(changes),
            ChangeSet::Empty => break None,
            ChangeSet::Failed(why) => {
                world.delete_change_set(region, &arn).await?;
                return Err(DeployError::ChangeSet {
                    region: region.clone(),
                    name: name.clone(),
                    why,
                });
            }
        }
    };
    let compared = match (changes, stack) {
        (Some(changes), None) => Compared::Makes(arn, changes),
        (Some(changes), Some(_)) => Compared::Changes(arn, changes),
        (None, _) => {
            world.delete_change_set(region, &arn).await?;
            Compared::Same
        }
    };
    Ok(StackPlan {
        region: region.clone(),
        name: name.clone(),
        compared,
    })
}
