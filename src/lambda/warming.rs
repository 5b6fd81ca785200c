//! Opens a connection while the function works on its first event.

use std::cell::Cell;
use std::pin::pin;

use futures_util::future::{Either, select};

use crate::aws::{Aws, Service};
use crate::domain::id::arn::Region;

/// Opens one service's connection, once, while the function works on the first event.
///
/// Choose the service that an event calls third. The first call opens its own connection. A connection to the second
/// service would be ready no sooner than the first call's answer, so the event would open another one.
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

    /// Works on an event. Opens the connection meanwhile if the event is the first. The event's own first call goes out
    /// before that, and the event's answer does not wait for a connection that it did not need.
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
