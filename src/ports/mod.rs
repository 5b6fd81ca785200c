//! The ports: what the use cases ask of the outside.
//!
//! Each trait is one ability, and the bounds of a use case are the abilities of its role. A method stands for one
//! question or request, whose documentation names its AWS action: two where RDS has one for instances and one for
//! clusters. A role always gets both, and the method picks one by the [`Family`](crate::domain::id::arn::Family).
//!
//! Everything is in the domain's words. Only the adapters know wire formats.
#![allow(
    async_fn_in_trait,
    reason = "the use cases are generic and single-threaded; no future needs to be Send"
)]

/// Lists the IAM actions that a port needs, in a constant with the port's name, so that one import brings both.
/// `permissions!` collects them, and tests compare them with the templates and with what the doctor asks IAM.
macro_rules! actions {
    ($($port:ident: $($action:literal)*;)+) => {$(
        #[doc = concat!("The IAM actions that the port [`", stringify!($port), "`](trait@", stringify!($port), ") needs.")]
        #[expect(non_upper_case_globals, reason = "it stands beside the trait of this name")]
        pub const $port: &[&str] = &[$($action),*];
    )+};
}

mod clock;
mod configurations;
pub mod deploy;
pub mod doctor;
mod drills;
mod error;
mod hand_over;
mod histories;
mod keys;
mod own_events;
mod pages;
mod preflight;
mod queues;
mod rds;
pub mod reports;
mod restores;
mod retention;
mod selected;
mod stack;
mod step_functions;
mod table;

pub use clock::*;
pub use configurations::*;
pub use drills::*;
pub use error::*;
pub use hand_over::*;
pub use histories::*;
pub use keys::*;
pub use own_events::*;
pub use pages::*;
pub use preflight::*;
pub use queues::*;
pub use rds::*;
pub use restores::*;
pub use retention::*;
pub use selected::*;
pub use stack::*;
pub use step_functions::*;
pub use table::*;
