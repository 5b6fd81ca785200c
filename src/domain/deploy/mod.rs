//! Deploying the stacks of all regions: what is asked for, what is uploaded, and what a change set would change.

pub mod changes;
pub mod defaults;
pub mod names;
pub mod outgrown;
pub mod package;
pub mod part;
pub mod removal;
pub mod request;
pub mod rights;
pub mod stack;
pub mod timing;
