//! The use cases, over ports: plan, work, react, sweep; and the operator's doctor, replay, redrive and
//! policies.
//!
//! They use no timers and spawn nothing. The trait bounds of a use case are the permissions of its role.

/// Names the sum of ports.
macro_rules! sum_of_ports {
    ($(#[$doc:meta])* $visible:vis $name:ident: $($port:ident)+) => {
        $(#[$doc])*
        $visible trait $name: $($port +)+ {}

        impl<W> $name for W where W: $($port +)+ {}
    };
}

/// Names the sum of a use case's ports, which is everything that its role may do, and lists the IAM actions that the
/// ports need.
macro_rules! permissions {
    ($(#[$doc:meta])* $name:ident: $($port:ident)+) => {
        sum_of_ports! { $(#[$doc])* pub $name: $($port)+ }

        /// The IAM actions that the use case needs, port by port.
        pub const ACTIONS: &[&[&str]] = &[$($port),+];
    };
}

pub mod announce;
mod automated;
pub mod carry_out;
pub mod carry_out_all;
pub mod catalog;
pub mod conclude;
mod configurations;
pub mod deploy;
pub mod destroy;
pub mod doctor;
pub mod drain;
pub mod drill;
pub mod follow;
mod group_preview;
mod hand_on;
mod hearing;
mod in_force;
pub mod letters;
mod look;
pub mod measure;
mod places;
pub mod plan_preview;
pub mod planner;
pub mod policies;
pub mod preflight;
pub mod prune;
pub mod prune_part;
pub mod prune_preview;
pub mod queue;
pub mod react;
pub mod redrive;
pub mod replay;
pub mod restore;
pub mod resume;
mod selected;
mod slots;
pub mod source_preview;
mod start;
pub mod status;
pub mod steady_state;
pub mod stop;
pub mod sweep;
mod tde;
pub mod trace;
mod unnamed;
pub mod worker;
