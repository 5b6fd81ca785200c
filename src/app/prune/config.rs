//! The pruner's settings, and a person's order.

use jiff::SignedDuration;

use crate::app::prune_preview::PlanPart;
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PruneRequest {
    /// The hash of the plan.
    pub plan: String,
    /// The databases that the plan was about, by identifier, ARN or resource id; nothing named is all.
    pub databases: Vec<String>,
    /// Approves a version of the policies that removes more than the one before it. It counts only for the whole plan.
    pub force: bool,
    /// Only the recovery points of databases that are gone.
    pub gone: bool,
    /// Even the last ones of databases that are gone. It counts only with `gone`, and for databases that are named.
    pub include_last: bool,
}

impl PruneRequest {
    /// Whether it approves the version of the policies.
    pub(super) fn approves(&self) -> bool {
        self.force && !self.gone && self.databases.is_empty()
    }

    /// Which part of the plan it is about.
    pub(super) fn part(&self) -> PlanPart<'_> {
        PlanPart {
            databases: &self.databases,
            gone: self.gone,
            include_last: self.include_last,
        }
    }
}
