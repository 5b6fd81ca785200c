//! What is true about databases, snapshots, waits and names.
//!
//! Nothing here does I/O, knows a wire format, reads a clock or draws a random number.

pub mod arn;
pub mod backoff;
pub mod choice;
pub mod command;
pub mod database;
pub mod doctor;
pub mod existing;
pub mod failure;
pub mod hint;
pub mod letter;
pub mod limits;
pub mod manifest;
pub mod names;
pub mod naming;
pub mod policy;
pub mod policy_file;
pub mod policy_set;
pub mod policy_spec;
pub mod prices;
pub mod redrive;
pub mod role;
pub mod schedule;
pub mod settle;
pub mod slot_limits;
pub mod slots;
pub mod snapshot;
pub mod span;
pub mod tags;
pub mod text;
pub mod token;
pub mod trouble;
pub mod wait;
pub mod warning;
