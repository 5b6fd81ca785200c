//! Drills: plans them, carries them out, and removes what they left.

pub mod act;
pub mod clean;
pub mod look;
pub mod plan;
pub mod remove;
pub mod remover;
pub mod run;
pub(crate) mod states;
