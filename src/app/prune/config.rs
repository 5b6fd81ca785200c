//! The pruner's settings, and a person's order.

use jiff::SignedDuration;

use crate::domain::id::arn::{KeyArn, Region};
use crate::domain::id::tags::StackId;
use crate::domain::policy::in_force::Policies;
use crate::domain::retention::bounds::Bounds;
use crate::settings::Pruning;

/// The pruner's settings.
#[derive(Debug, Clone)]
pub struct PrunerConfig {
    /// The stack.
    pub stack: StackId,
    /// The recovery region.
    pub home: Region,
    /// The regions whose databases are protected.
    pub source_regions: Vec<Region>,
    /// The stack's key, for policies that name none.
    pub key: KeyArn,
    /// The policies that are in force where no set was ever applied.
    pub built_in: Policies,
    /// Whether anything is removed at all. Without it there are plans and notes only.
    pub removes: bool,
    /// How long after its first sighting something goes.
    pub grace: SignedDuration,
    /// How much one round may remove.
    pub bounds: Bounds,
}

impl From<&Pruning> for PrunerConfig {
    fn from(pruning: &Pruning) -> Self {
        Self {
            stack: pruning.stack.rules.stack.clone(),
            home: pruning.stack.home.clone(),
            source_regions: pruning.source_regions.clone(),
            key: pruning.key.clone(),
            built_in: pruning.policies.clone(),
            removes: pruning.removes,
            grace: pruning.grace,
            bounds: pruning.bounds,
        }
    }
}

/// A person has looked at a plan, and wants it carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PruneRequest {
    /// The hash of the plan.
    pub plan: String,
    /// The databases that the plan was about, by identifier, ARN or resource id; nothing named is all.
    pub databases: Vec<String>,
}
