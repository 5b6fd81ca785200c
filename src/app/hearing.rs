//! "Dead" must be heard twice. A single false answer about a token would lose its run for four days.

use jiff::Timestamp;
use tracing::info;

use crate::domain::id::token::TaskToken;
use crate::ports::{Clock, HearDead, PortError};

/// The occasion of a worker that has received its message this many times.
pub(super) fn by_receive(receives: u32) -> String {
    format!("receive {receives}")
}

/// The occasion of a sweep that began at this time.
pub(super) fn by_sweep(began: Timestamp) -> String {
    format!("sweep {began}")
}

/// Whether a token that Step Functions has just called dead may be taken for dead: only if it was called so before, on
/// another occasion. No clock decides, because a message may be old when it is first received.
pub(super) async fn is_dead<W: Clock + HearDead>(
    world: &W,
    token: &TaskToken,
    occasion: &str,
) -> Result<bool, PortError> {
    let again = world.heard_dead(token, occasion, world.now()).await?;
    if !again {
        info!(occasion, "a token was called dead for the first time");
    }
    Ok(again)
}
