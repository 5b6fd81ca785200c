//! The life of one recovery point: its command, names, waits and slots, and how it ends.

pub mod backoff;
pub mod command;
pub mod failure;
pub mod fingerprint;
pub mod last_error;
pub mod learnt_limit;
pub mod look_times;
pub mod manifest;
pub mod name_conflict;
pub mod naming;
pub mod pace;
mod pauses;
pub mod permit;
mod rds_message;
pub mod refusal;
pub mod settle;
pub mod slot_candidate;
pub mod slot_limits;
pub mod slots;
pub mod taken_slots;
pub mod turn;
pub mod wait;
