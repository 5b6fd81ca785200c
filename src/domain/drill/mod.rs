//! Drills: a recovery point is restored under a name of its own, checked, measured and deleted.

pub mod choose;
pub mod cost;
pub mod judge;
pub mod name;
pub mod next_step;
pub mod options;
pub mod plan;
pub mod purpose;
pub mod record;
pub mod remove;
pub mod state;
