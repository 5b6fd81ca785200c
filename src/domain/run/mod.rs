//! One recovery point's life: its command, names, waits, slots, and how it ends.

pub mod backoff;
pub mod command;
pub mod existing;
pub mod failure;
pub mod manifest;
pub mod naming;
pub mod settle;
pub mod slot_limits;
pub mod slots;
pub mod trouble;
pub mod wait;
