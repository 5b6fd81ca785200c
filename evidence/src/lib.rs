//! What measures the figures in the documents: the comparison with loops, the benchmark of the shipped function,
//! bursts, a look at a large fleet, and what an idle stack costs.

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
    reason = "it times a real program on this machine"
)]
pub mod fleet_status;
pub mod idle_cost;
