//! The simulated world: an RDS model, the local stack, the recording proxy, the demo, the deterministic simulation.

pub mod asl;
pub mod demo;
pub mod local;
pub mod proxy;
pub mod python;
pub mod rds;
pub mod rds_http;
pub mod simulation;
