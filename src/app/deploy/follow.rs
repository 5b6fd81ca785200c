//! Follows a stack while CloudFormation works on it.

use std::time::Duration;

use crate::domain::id::arn::Region;
use crate::ports::PortError;
use crate::ports::deploy::{ReadStackEvents, StackEvent};

/// How long lies between two questions to CloudFormation, which tells nobody when it is done.
pub(in crate::app) const INTERVAL: Duration = Duration::from_secs(2);
/// How many failures an error names. The first is the cause; the others often only say that they were cancelled.
const REASONS: usize = 3;

/// A stack whose new events are read one batch after the other.
pub(in crate::app) struct Follow<'a> {
    region: &'a Region,
    /// Its ARN, if it has one yet: a stack that is gone has no name any more.
    stack: String,
    last: Option<String>,
    failures: Vec<String>,
}

impl<'a> Follow<'a> {
    /// Begins after the newest event.
    pub(in crate::app) async fn begin<W: ReadStackEvents>(
        world: &W,
        region: &'a Region,
        stack: String,
    ) -> Result<Self, PortError> {
        let events = world.stack_events(region, &stack, None).await?;
        Ok(Self {
            region,
            stack,
            last: events.into_iter().next().map(|event| event.id),
            failures: Vec::new(),
        })
    }

    /// Shows each new event, the oldest first. Answers whether there was one.
    pub(in crate::app) async fn show_new<W: ReadStackEvents>(
        &mut self,
        world: &W,
        mut show: impl FnMut(&StackEvent),
    ) -> Result<bool, PortError> {
        let after = self.last.as_deref();
        let events = world.stack_events(self.region, &self.stack, after).await?;
        for event in events.iter().rev() {
            show(event);
            if event.status.ends_with("_FAILED") {
                let why = event.reason.as_deref().unwrap_or("no reason given");
                self.failures.push(format!("{}: {why}", event.resource));
            }
        }
        let newest = events.into_iter().next();
        let is_new = newest.is_some();
        self.last = newest.map(|event| event.id).or(self.last.take());
        Ok(is_new)
    }

    /// The first failures, each with its resource.
    pub(in crate::app) fn reasons(mut self) -> Vec<String> {
        self.failures.truncate(REASONS);
        self.failures
    }
}
