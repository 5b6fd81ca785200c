//! What RDS shows: databases, snapshots, and the hints in its events.

pub mod copy_facts;
pub mod database;
pub mod hint;
pub mod option_group;
pub mod snapshot;
