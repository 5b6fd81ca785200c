//! The simulated world: an RDS model, the local stack, the recording proxy and the demo.

pub mod python;
pub mod rds;
pub mod rds_http;
