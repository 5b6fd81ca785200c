//! Copies that are open, and what keeps a slot from one of them.

use std::fmt;

use super::naming::first_attempt;
use super::slot_limits::{CopySlots, SlotGroup, SlotLimits};
use super::turn::Turn;
use super::wait::{Phase, Wait};
use crate::domain::id::arn::{Family, RdsArn};

/// What is known of a copy's wait when slots are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotCandidate {
    /// The copy, at the wait's current attempt.
    pub resource: RdsArn,
    /// The name that holds its slot: the first attempt's, for all attempts.
    pub holder: RdsArn,
    /// How far its wait has come.
    pub phase: Phase,
    /// Its place in the queue.
    pub turn: Turn,
    /// How many copies may hold a slot when this one gets one.
    pub limits: SlotLimits,
}

impl SlotCandidate {
    /// Takes from a wait what is needed.
    #[must_use]
    pub fn of(wait: &Wait, slots: CopySlots) -> Self {
        Self {
            resource: wait.resource.clone(),
            holder: first_attempt(&wait.resource),
            phase: wait.phase,
            turn: Turn::of(wait),
            limits: wait.command.run.slot_limits(slots),
        }
    }

    /// Whether it waits for a slot.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        self.phase == Phase::Queued
    }
}

/// What a queued copy waits for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitsFor {
    /// A slot of this group.
    Slot(SlotGroup),
    /// RDS, which has refused to copy more of this family at once.
    Rds(Family),
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(SlotGroup::All) => f.write_str("a slot"),
            Self::Slot(SlotGroup::Clusters) => f.write_str("a slot for clusters"),
            Self::Slot(SlotGroup::Policy(policy)) => write!(f, "a slot of policy {policy}"),
            Self::Slot(SlotGroup::ClustersOf(policy)) => {
                write!(f, "a slot for clusters of policy {policy}")
            }
            Self::Rds(Family::Instance) => f.write_str("RDS's limit on copies of instances"),
            Self::Rds(Family::Cluster) => f.write_str("RDS's limit on copies of clusters"),
        }
    }
}
