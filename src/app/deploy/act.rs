//! Carries the change sets out, or takes them away.

use super::compare::{Packaged, compare_all, of_sources};
use super::error::{DeployError, Refused};
use super::follow::{Follow, INTERVAL};
use super::look::events_queue;
use super::parts::follow_home;
use super::permissions::Permissions;
use super::plan::{Compared, Deployment, StackPlan};
use super::step::Step;
use super::take_away::{clean_up, take_away};
use crate::domain::deploy::changes::loses_data;
use crate::domain::deploy::stack::StackFacts;
use crate::ports::PortError;

/// Carries the change sets out, the recovery region's first, and follows each to its end. CloudFormation takes back what
/// it did in a region where it fails, and the regions after that are left as they were.
///
/// What would lose data is refused, unless the person accepts that.
///
/// # Errors
/// If CloudFormation fails in a region, or cannot be asked.
pub async fn act<W: Permissions>(
    world: &W,
    mut deployment: Deployment,
    accepts_loss: bool,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<(), DeployError> {
    if !accepts_loss {
        refuse_loss(world, &deployment.stacks, &deployment.left_behind).await?;
    }
    for at in 0..deployment.stacks.len() {
        let done = carry_out(world, &deployment.stacks[at], progress).await;
        if let Err(error) = done {
            clean_up(world, &deployment.stacks[at + 1..]).await;
            return Err(error);
        }
        if at == 0 {
            if let Err(error) = compare_again(world, &mut deployment, progress).await {
                clean_up(world, &deployment.stacks[1..]).await;
                return Err(error);
            }
            if !accepts_loss {
                refuse_loss(world, &deployment.stacks[1..], &[]).await?;
            }
        }
    }
    Ok(())
}

/// Refuses what would lose data or take a region's protection away. The change sets are then taken away.
async fn refuse_loss<W: Permissions>(
    world: &W,
    stacks: &[StackPlan],
    left_behind: &[String],
) -> Result<(), DeployError> {
    let losing = stacks
        .iter()
        .filter(|plan| loses_data(plan.compared.changes()));
    let losses = losing.map(|plan| Refused::Loss {
        region: plan.region.clone(),
    });
    let dropped = left_behind.iter().map(|region| Refused::RegionDropped {
        region: region.clone(),
    });
    let refused: Vec<Refused> = losses.chain(dropped).collect();
    if refused.is_empty() {
        return Ok(());
    }
    take_away(world, stacks).await?;
    Err(DeployError::Refused(refused))
}

/// Some of what the other stacks need may be known only now. They are then compared anew.
async fn compare_again<W: Permissions>(
    world: &W,
    deployment: &mut Deployment,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<(), DeployError> {
    let request = &deployment.request;
    let home = world.find_stack(&request.recovery, &request.stack).await?;
    point_at_queue(world, deployment, home.as_ref(), progress).await?;
    follow_home(world, deployment, home.as_ref(), progress).await
}

/// The queue of RDS's own subscriptions may be another now.
async fn point_at_queue<W: Permissions>(
    world: &W,
    deployment: &mut Deployment,
    home: Option<&StackFacts>,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<(), DeployError> {
    let request = &deployment.request;
    let queue = events_queue(request, home);
    if queue == deployment.events_queue {
        return Ok(());
    }
    // The parts come last.
    let end = deployment.stacks.len() - deployment.parts.len();
    let before: Vec<StackPlan> = deployment.stacks.drain(1..end).collect();
    take_away(world, &before).await?;
    let mut sources = Vec::new();
    for plan in before {
        let stack = world.find_stack(&plan.region, &plan.name).await?;
        let stack = stack.filter(|stack| !stack.is_only_a_review());
        sources.push((plan.region, plan.name, stack));
    }
    let template = Packaged::of_source(&deployment.templates);
    let targets = of_sources(&sources, &template, request, &queue);
    let anew = compare_all(world, targets, progress).await?;
    deployment.stacks.splice(1..1, anew);
    Ok(())
}

/// Takes the change sets away, so that nothing has changed.
///
/// # Errors
/// If CloudFormation cannot be asked.
pub async fn abandon<W: Permissions>(world: &W, deployment: &Deployment) -> Result<(), PortError> {
    take_away(world, &deployment.stacks).await
}

async fn carry_out<W: Permissions>(
    world: &W,
    plan: &StackPlan,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<(), DeployError> {
    let (region, name) = (&plan.region, &plan.name);
    let (Compared::Makes(arn, _) | Compared::Changes(arn, _)) = &plan.compared else {
        return Ok(());
    };
    let before = world.find_stack(region, name).await?;
    let stack = before.map_or_else(|| name.to_string(), |stack| stack.id);
    let mut follow = Follow::begin(world, region, stack).await?;
    progress(Step::Acting(region, name));
    world.execute_change_set(region, arn).await?;
    let mut has_begun = false;
    loop {
        world.pause(INTERVAL).await;
        // The status first: what it says has its events by then.
        let now = world.find_stack(region, name).await?;
        let show = |event: &_| progress(Step::Said(region, event));
        let is_new = follow.show_new(world, show).await?;
        // Until the first event the stack still shows how it was before, and it was asked before its events were.
        if !has_begun {
            has_begun = is_new;
            continue;
        }
        let status = now.as_ref().map(|stack| stack.status.as_str());
        if now.as_ref().is_some_and(StackFacts::is_well) {
            return Ok(());
        }
        if now
            .as_ref()
            .is_none_or(|stack| !stack.is_busy() && !stack.is_only_a_review())
        {
            return Err(DeployError::Failed {
                region: region.clone(),
                name: name.clone(),
                status: status.unwrap_or("deleted").to_owned(),
                reasons: follow.reasons(),
            });
        }
    }
}
