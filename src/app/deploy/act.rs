//! Carries the change sets out, or takes them away.

use super::error::{DeployError, Refused};
use super::look::{Packaged, Target, compare, events_queue};
use super::permissions::{INTERVAL, Permissions};
use super::plan::{Compared, Deployment, StackPlan};
use super::step::Step;
use super::take_away::take_away;
use crate::domain::deploy::changes::loses_data;
use crate::domain::deploy::stack::{StackFacts, Template};
use crate::domain::id::arn::Region;
use crate::ports::PortError;
use crate::ports::deploy::ReadStackEvents;

/// How many failures an error names. The first is the cause; the others often only say that they were cancelled.
const REASONS: usize = 3;

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
    refuse_loss(world, &deployment, accepts_loss).await?;
    if !accepts_loss && !deployment.left_behind.is_empty() {
        abandon(world, &deployment).await?;
        let regions = deployment.left_behind.join(", ");
        return Err(DeployError::Refused(vec![Refused::RegionDropped {
            regions,
        }]));
    }
    for at in 0..deployment.stacks.len() {
        let done = carry_out(world, &deployment.stacks[at], progress).await;
        if let Err(error) = done {
            take_away(world, &deployment.stacks[at + 1..]).await?;
            return Err(error);
        }
        if deployment.stacks[at].template == Template::Recovery {
            point_at_queue(world, &mut deployment, progress).await?;
            refuse_loss(world, &deployment, accepts_loss).await?;
        }
    }
    Ok(())
}

/// What would lose data is refused, unless the person accepts that. The change sets are then taken away.
async fn refuse_loss<W: Permissions>(
    world: &W,
    deployment: &Deployment,
    accepts_loss: bool,
) -> Result<(), DeployError> {
    let loses = |plan: &&StackPlan| loses_data(plan.compared.changes());
    let losses = deployment.stacks.iter().filter(loses);
    let losses = losses.map(|plan| Refused::Loss {
        region: plan.region.clone(),
    });
    let losses: Vec<Refused> = losses.collect();
    if losses.is_empty() || accepts_loss {
        return Ok(());
    }
    abandon(world, deployment).await?;
    Err(DeployError::Refused(losses))
}

/// The queue of RDS's own subscriptions may be known only now. The source regions' stacks are then compared anew.
async fn point_at_queue<W: Permissions>(
    world: &W,
    deployment: &mut Deployment,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<(), DeployError> {
    let request = &deployment.request;
    let home = world.find_stack(&request.recovery, &request.stack).await?;
    let queue = events_queue(request, home.as_ref());
    if queue == deployment.events_queue {
        return Ok(());
    }
    take_away(world, &deployment.stacks[1..]).await?;
    let kind = Template::Source(request.recovery.clone());
    let template = Packaged::of_source(&deployment.templates, kind);
    for plan in &mut deployment.stacks[1..] {
        let parameters = request.source_parameters(&queue);
        let stack = world.find_stack(&plan.region, &plan.name).await?;
        let stack = stack.filter(|stack| !stack.is_only_a_review());
        let target = Target {
            region: &plan.region,
            name: &plan.name,
            stack: stack.as_ref(),
            template: &template,
            parameters,
        };
        *plan = compare(world, target, progress).await?;
    }
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
    let mut last = newest(world, region, &stack, None).await?;
    progress(Step::Acting(region, name));
    world.execute_change_set(region, arn).await?;
    let mut failures = Vec::new();
    let mut has_begun = false;
    loop {
        world.pause(INTERVAL).await;
        // The status first: what it says has its events by then.
        let now = world.find_stack(region, name).await?;
        let mut events = world.stack_events(region, &stack, last.as_deref()).await?;
        last = events.first().map(|event| event.id.clone()).or(last);
        events.reverse();
        for event in &events {
            progress(Step::Said(region, event));
            if event.status.ends_with("_FAILED") {
                let why = event.reason.as_deref().unwrap_or("no reason given");
                failures.push(format!("{}: {why}", event.resource));
            }
        }
        // Until the first event the stack still shows how it was before, and it was asked before its events were.
        if !has_begun {
            has_begun = !events.is_empty();
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
            failures.truncate(REASONS);
            return Err(DeployError::Failed {
                region: region.clone(),
                name: name.clone(),
                status: status.unwrap_or("deleted").to_owned(),
                reasons: failures,
            });
        }
    }
}

/// The id of the newest event.
async fn newest<W: ReadStackEvents>(
    world: &W,
    region: &Region,
    stack: &str,
    after: Option<&str>,
) -> Result<Option<String>, PortError> {
    let events = world.stack_events(region, stack, after).await?;
    Ok(events.into_iter().next().map(|event| event.id))
}
