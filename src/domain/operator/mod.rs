//! What people are shown, and what they may do about it.

pub mod dead_letter;
pub mod prices;
pub mod redrive;
pub mod warning;
