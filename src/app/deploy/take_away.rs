//! Takes change sets away again.

use tracing::warn;

use super::plan::{Compared, StackPlan};
use crate::error::chain;
use crate::ports::PortError;
use crate::ports::deploy::{ChangeSets, FindStack};

/// Takes the change sets of these stacks away, so that nothing has changed.
pub(super) async fn take_away<W: ChangeSets + FindStack>(
    world: &W,
    stacks: &[StackPlan],
) -> Result<(), PortError> {
    for plan in stacks {
        match &plan.compared {
            Compared::Same => {}
            Compared::Changes(arn, _) => world.delete_change_set(&plan.region, arn).await?,
            Compared::Makes(arn, _) => {
                world.delete_change_set(&plan.region, arn).await?;
                // The change set of a new stack leaves an empty stack behind. Only such a one may go.
                let shell = world.find_stack(&plan.region, &plan.name).await?;
                if shell.is_some_and(|shell| shell.is_only_a_review()) {
                    world.delete_shell(&plan.region, &plan.name).await?;
                }
            }
        }
    }
    Ok(())
}

/// The same after another error, which is the one that a person must see.
pub(super) async fn clean_up<W: ChangeSets + FindStack>(world: &W, stacks: &[StackPlan]) {
    if let Err(error) = take_away(world, stacks).await {
        warn!(
            error = chain(&error),
            "a change set could not be taken away"
        );
    }
}
