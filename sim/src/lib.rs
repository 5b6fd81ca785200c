//! The simulated world: an RDS model, the local stack, the recording proxy and the demo.

pub mod demo;
pub mod local;
pub mod proxy;
pub mod rds;
pub mod rds_http;
