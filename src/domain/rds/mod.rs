//! What RDS shows: databases, snapshots, and what its events hint at.

pub mod copy_facts;
pub mod database;
pub mod hint;
pub mod snapshot;
