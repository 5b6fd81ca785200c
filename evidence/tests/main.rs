//! What measures: that it counts, promises and judges as it says.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod burst;
mod compare;
mod idle_cost;
