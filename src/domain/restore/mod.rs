//! What a snapshot does not carry: a database's configuration, and how a restore brings it back.

pub mod configuration;
pub mod diff;
pub mod recovery_point;
pub mod setting;
pub mod taken;
pub mod value;
pub mod versions;
