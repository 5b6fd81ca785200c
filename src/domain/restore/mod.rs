//! What a snapshot does not carry: a database's configuration, and how a restore brings it back.

pub mod configuration;
pub mod decide;
pub mod diff;
pub mod gap;
pub mod mapping;
pub mod plan;
pub mod recovery_point;
pub mod restored_tags;
pub mod roster;
pub mod setting;
pub mod taken;
pub mod value;
pub mod versions;
