//! Deploying the stacks of all regions: what is asked for, what is uploaded, and what a change set would change.

pub mod changes;
pub mod names;
pub mod package;
pub mod request;
pub mod stack;
