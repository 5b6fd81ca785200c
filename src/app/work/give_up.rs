//! Giving a command up: its execution is told why.

use crate::app::conclude;
use crate::app::work::outcome::{WorkError, Worked};
use crate::app::work::permissions::Permissions;
use crate::domain::run::failure::Failure;
use crate::domain::run::wait::Wait;

/// Fails the execution that awaits this, and forgets the wait.
pub(super) async fn give_up<W: Permissions>(
    world: &W,
    wait: &Wait,
    failure: Failure,
) -> Result<Worked, WorkError> {
    Ok(Worked::Settled(
        conclude::fail(world, wait, &failure).await?,
    ))
}
