//! The simulated world: an RDS model, the local stack, the recording proxy and the demo, and the deterministic
//! simulation.

pub mod asl;
mod child_process;
#[allow(
    clippy::disallowed_methods,
    reason = "the demo runs in real time, on this machine"
)]
pub mod demo;
pub mod faults;
#[allow(
    clippy::disallowed_methods,
    reason = "it finds and starts programs of this machine"
)]
pub mod local;
pub mod old_points;
pub mod preflight_to_domain;
#[allow(clippy::disallowed_methods, reason = "it times real calls")]
pub mod proxy;
pub mod python;
pub mod rds;
pub mod rds_http;
pub mod rds_to_domain;
pub mod restored;
pub mod restores_to_domain;
pub mod simulation;
#[allow(
    clippy::disallowed_methods,
    reason = "it looks at the present, of the machine's clock"
)]
pub mod sister;
