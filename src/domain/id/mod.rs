//! The names of things: ARNs, identifiers, tags, tokens, roles.

pub mod arn;
pub mod database_ref;
pub mod names;
pub mod role;
pub mod tags;
pub mod text;
pub mod token;
