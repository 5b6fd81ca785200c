//! What Snapferry shows to people, and what they can do about it.

pub mod dead_letter;
pub mod prices;
pub mod redrive;
pub mod warning;
