//! The use cases, over ports: plan, work, react, sweep; and the operator's replay and redrive.
//!
//! They use no timers and spawn nothing; their trait bounds are their role's permissions.

pub mod batch;
pub mod conclude;
pub mod plan;
pub mod react;
pub mod redrive;
pub mod replay;
pub mod sweep;
pub mod work;
