//! Publishes Snapferry's own events. Nothing waits for them, and no work is repeated or stopped for them: what cannot be
//! published is logged with its number, and lost.

use tracing::warn;

use crate::domain::id::tags::StackId;
use crate::domain::limits::PUT_EVENTS_MAX;
use crate::domain::operator::own_event::OwnEvent;
use crate::error::chain;
use crate::ports::PublishEvents;

permissions! {
    /// Everything that an announcement may do.
    Permissions: PublishEvents
}

/// Publishes these events, ten with a call. Returns how many were lost. After a call without a usable answer the rest is
/// lost too, so that a bus that does not answer costs the function one time limit and no more.
pub async fn announce<W: Permissions>(world: &W, stack: &StackId, events: &[OwnEvent]) -> usize {
    let (mut lost, mut left) = (0, events.len());
    for events in events.chunks(PUT_EVENTS_MAX) {
        match world.put_events(stack, events).await {
            Ok(refused) => lost += refused,
            Err(error) => {
                lost += left;
                warn!(error = chain(&error), "events could not be published");
                break;
            }
        }
        left -= events.len();
    }
    if lost > 0 {
        warn!(lost, "events that were not published");
    }
    lost
}
