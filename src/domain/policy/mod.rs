//! Who is protected, when, and how long recovery points are kept.

pub mod choice;
pub mod cursor;
pub mod file;
pub mod in_force;
pub mod keep_span;
pub mod overdue;
pub mod own_time;
pub mod retention;
pub mod rpo;
pub mod rules;
pub mod schedule;
pub mod selected;
pub mod set;
pub mod span;
pub mod spec;
pub mod spread;
pub mod timing;
