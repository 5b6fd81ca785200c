//! Gives a command up, and tells its execution why.

use crate::app::conclude;
use crate::app::worker::outcome::{CommandOutcome, WorkError};
use crate::app::worker::permissions::Permissions;
use crate::domain::run::failure::Failure;
use crate::domain::run::wait::Wait;

/// Fails the execution that waits for this resource, and deletes the wait.
pub(super) async fn give_up<W: Permissions>(
    world: &W,
    wait: &Wait,
    failure: Failure,
) -> Result<CommandOutcome, WorkError> {
    let ended = conclude::fail(world, wait, &failure).await?;
    Ok(CommandOutcome::Settled(ended.settlement))
}
