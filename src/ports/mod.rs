//! What the use cases ask of the outside.
//!
//! Each trait is one ability, and the bounds of a use case are the abilities of its role. A method stands for one
//! question or request, whose documentation names its AWS action: two where RDS has one for instances and one for
//! clusters. A role always gets both, and the method picks one by the [`Family`](crate::domain::arn::Family).
//!
//! Everything is in the domain's words; adapters alone know wire formats.
#![allow(
    async_fn_in_trait,
    reason = "the use cases are generic and single-threaded; no future needs to be Send"
)]

/// Lists the IAM actions that a port needs, in a constant with the port's own name: who imports the port can name both.
/// `permissions!` collects them, and tests compare them with the templates and with what the doctor asks IAM.
macro_rules! actions {
    ($($port:ident: $($action:literal)*;)+) => {$(
        #[doc = concat!("The IAM actions that the port [`", stringify!($port), "`](trait@", stringify!($port), ") needs.")]
        #[expect(non_upper_case_globals, reason = "it stands beside the trait of this name")]
        pub const $port: &[&str] = &[$($action),*];
    )+};
}

pub mod doctor;
mod keys;
mod pages;
mod queues;
mod rds;
mod step_functions;
mod table;

use jiff::Timestamp;
use thiserror::Error;

pub use keys::*;
pub use pages::*;
pub use queues::*;
pub use rds::*;
pub use step_functions::*;
pub use table::*;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The table, the queues or Step Functions did not do what was asked. Always worth another try.
#[derive(Debug, Error)]
#[error("{action} did not succeed: {}", .code.as_deref().unwrap_or("no usable answer"))]
pub struct PortError {
    /// The AWS action, such as `PutItem`.
    pub action: &'static str,
    /// AWS's error code, when an answer came.
    pub code: Option<String>,
    /// The transport's or the parser's own error.
    #[source]
    pub source: Option<Source>,
}

/// The clock.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Randomness, for spreading retries.
pub trait Jitter {
    /// A number from 0 to 1.
    fn jitter(&self) -> f64;
}

actions! {
    Clock: ;
    Jitter: ;
}
