//! What Snapferry shows to people, and what they can do about it.

pub mod ages;
pub mod cost;
pub mod dead_letter;
pub mod durations;
pub mod fleet;
pub mod metrics;
pub mod not_found;
pub mod orphans;
pub mod outdated;
pub mod own_event;
pub mod pile;
pub mod points;
pub mod prices;
pub mod redrive;
pub mod stack_outputs;
pub mod status;
pub mod strip;
pub mod trace;
pub mod warning;
