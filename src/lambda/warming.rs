//! A connection that is opened while the first event is worked on.

use std::cell::Cell;
use std::pin::pin;

use futures_util::future::{Either, select};

use crate::aws::{Aws, Service};
use crate::domain::id::arn::Region;

/// Warms one service's connection, once, beside the first event.
///
/// It is to be the service that an event calls third: the first call opens its own, and a greeting to the second
/// comes back no sooner than the first call's answer, so that the event would open another.
pub(super) struct Warming<'a, Extra> {
    aws: &'a Aws<Extra>,
    home: Region,
    service: Service,
    is_due: Cell<bool>,
}

impl<'a, Extra> Warming<'a, Extra> {
    pub(super) fn new(aws: &'a Aws<Extra>, home: Region, service: Service) -> Self {
        Self {
            aws,
            home,
            service,
            is_due: Cell::new(true),
        }
    }

    /// Works on an event; if it is the first, the connection is opened in the meantime. The event's own first call
    /// goes out before, and its answer does not wait for a greeting that nobody needed.
    pub(super) async fn beside<T>(&self, event: impl Future<Output = T>) -> T {
        let mut event = pin!(event);
        if self.is_due.replace(false) {
            let warm = Box::pin(self.aws.warm(&self.home, self.service));
            if let Either::Left((answer, _)) = select(event.as_mut(), warm).await {
                return answer;
            }
        }
        event.await
    }
}
