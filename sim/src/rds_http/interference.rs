//! The seam at which faults of the API enter: between a caller and the model.

use std::fmt::Debug;
use std::time::Duration;

use jiff::Timestamp;

use crate::rds::{Rds, RdsFault, Region, Request};

/// A call that has been read and not been answered yet.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// The region it was signed for.
    pub region: &'a Region,
    /// The SDK's application id of who calls; `unknown` without one.
    pub app: &'a str,
    /// What is asked.
    pub request: &'a Request,
    /// What time it is in the service's world.
    pub now: Timestamp,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// RDS answers it.
    Forward,
    /// It never reaches RDS; the caller gets this error.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// AWS's name of the error.
        code: &'static str,
        /// The error's message.
        message: String,
    },
    /// The caller gets no answer: the connection is held for this long and then closed.
    NoAnswer {
        /// Whether RDS does what was asked all the same.
        reaches_rds: bool,
        /// How long the connection is held.
        held: Duration,
    },
}

/// Decides over each call, and may change the world before it. It is asked under the model's lock.
pub trait Interference: Send + Sync + Debug {
    /// The result of this call.
    fn before(&self, call: &Incoming<'_>, rds: &mut Rds) -> Action;

    /// What RDS made of a call that reached it.
    fn after(&self, _call: &Incoming<'_>, _error: Option<&RdsFault>, _rds: &Rds) {}
}

/// Every call reaches RDS and is answered.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoInterference;

impl Interference for NoInterference {
    fn before(&self, _: &Incoming<'_>, _: &mut Rds) -> Action {
        Action::Forward
    }
}
