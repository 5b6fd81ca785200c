//! The simulated world: an RDS model, the local stack, the recording proxy and the demo, the deterministic
//! simulation, the comparison with loops, the benchmark of the shipped function, bursts, and what an idle stack costs.

pub mod asl;
#[allow(
    clippy::disallowed_methods,
    reason = "it times real programs on this machine"
)]
pub mod bench;
#[allow(
    clippy::disallowed_methods,
    reason = "it runs in real time, on this machine"
)]
pub mod burst;
pub mod compare;
#[allow(
    clippy::disallowed_methods,
    reason = "the demo runs in real time, on this machine"
)]
pub mod demo;
pub mod idle_cost;
#[allow(
    clippy::disallowed_methods,
    reason = "it finds and starts programs of this machine"
)]
pub mod local;
#[allow(clippy::disallowed_methods, reason = "it times real calls")]
pub mod proxy;
pub mod python;
pub mod rds;
pub mod rds_http;
mod rows;
pub mod simulation;
mod tied;
