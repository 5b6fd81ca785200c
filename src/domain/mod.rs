//! What is true about databases, snapshots, waits and names.
//!
//! Nothing here does I/O, knows a wire format, reads a clock or draws a random number.

pub mod deploy;
pub mod doctor;
pub mod drill;
pub mod id;
pub mod limits;
pub mod operator;
pub mod policy;
pub mod rds;
pub mod restore;
pub mod retention;
pub mod run;
