//! The use cases, over ports: plan, work, react, sweep.
//!
//! They use no timers and spawn nothing; their trait bounds are their role's permissions.

pub mod batch;
pub mod conclude;
pub mod plan;
pub mod react;
pub mod sweep;
pub mod work;
