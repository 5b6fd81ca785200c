//! The default bus, for Snapferry's own events.

use super::error::PortError;
use crate::domain::id::tags::StackId;
use crate::domain::operator::own_event::OwnEvent;

/// Publishes events on the default bus of the recovery region.
pub trait PublishEvents {
    /// `PutEvents`: up to ten. Returns how many of them the bus has refused.
    async fn put_events(&self, stack: &StackId, events: &[OwnEvent]) -> Result<usize, PortError>;
}

actions! {
    PublishEvents: "events:PutEvents";
}
