//! What the worker knows of its stack.

use crate::domain::arn::Region;
use crate::domain::wait::Rules;

/// What the worker knows of its stack.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The rules' constants.
    pub rules: Rules,
    /// The recovery region.
    pub home: Region,
    /// How many copies RDS may have in flight.
    pub copy_slots: usize,
}
