//! What a snapshot does not carry: a database's configuration, and how a restore brings it back.

pub mod compare;
pub mod configuration;
pub mod decide;
pub mod diff;
pub mod findings;
pub mod gap;
pub mod mapping;
pub mod next_step;
pub mod plan;
pub mod preflight;
pub mod record;
pub mod recovery_point;
pub mod refusal;
pub mod restored;
pub mod restored_tags;
pub mod roster;
pub mod setting;
pub mod step;
pub mod taken;
pub mod unnamed;
pub mod value;
pub mod versions;
