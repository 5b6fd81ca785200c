//! Policies: which databases, when, under which key.

use super::arn::KeyArn;
use super::schedule::Schedule;
use super::tags::PolicyName;

/// Which databases the built-in policy takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Those that carry its name in the tag `snapferry:policy`.
    Tagged,
    /// All that are not excluded.
    All,
}

/// What protects a database. The built-in one comes from the template's parameters.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its name.
    pub name: PolicyName,
    /// When its databases are due.
    pub schedule: Schedule,
    /// The recovery region's key.
    pub key: KeyArn,
    /// Which databases it takes.
    pub selection: Selection,
}
