//! The worker's settings.

use crate::domain::id::arn::Region;
use crate::domain::run::slot_limits::CopySlots;
use crate::domain::run::wait::Rules;
use crate::settings::Stack;

/// The worker's settings.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// The rules' constants.
    pub rules: Rules,
    /// The recovery region.
    pub home: Region,
    /// How many copies may be in flight.
    pub copy_slots: CopySlots,
    /// How many identifiers one describe call asks for.
    pub width: usize,
}

impl From<&Stack> for WorkerConfig {
    fn from(stack: &Stack) -> Self {
        Self {
            rules: stack.rules.clone(),
            home: stack.home.clone(),
            copy_slots: stack.copy_slots,
            width: stack.sweep_width,
        }
    }
}
