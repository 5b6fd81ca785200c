//! How many copies may hold a slot.

use std::collections::BTreeMap;

use crate::domain::id::arn::Family;
use crate::domain::id::tags::PolicyName;

/// How many copies the stack may have in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopySlots {
    /// Copies of both families together.
    pub all: usize,
    /// Copies of cluster snapshots. Copies of instance snapshots may take what they leave.
    pub clusters: usize,
}

/// Copies that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SlotGroup {
    /// All copies.
    All,
    /// The copies of cluster snapshots.
    Clusters,
    /// The copies of one policy.
    Policy(PolicyName),
    /// The copies of cluster snapshots of one policy.
    ClustersOf(PolicyName),
}

impl SlotGroup {
    /// The policy whose copies alone are counted, if there is one.
    #[must_use]
    pub fn policy(&self) -> Option<&PolicyName> {
        match self {
            Self::All | Self::Clusters => None,
            Self::Policy(policy) | Self::ClustersOf(policy) => Some(policy),
        }
    }
}

/// The limits for a claim of a slot: how many copies of each group may hold one, this copy included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotLimits(BTreeMap<SlotGroup, usize>);

impl SlotLimits {
    /// A limit for all copies, and no other.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self([(SlotGroup::All, max)].into())
    }

    /// The stack's limits for a copy of this family.
    #[must_use]
    pub fn of_stack(slots: CopySlots, family: Family) -> Self {
        let all = Self::new(slots.all);
        match family {
            Family::Instance => all,
            Family::Cluster => all.with(SlotGroup::Clusters, slots.clusters),
        }
    }

    /// The same with a limit for this group, unless a smaller one is there.
    #[must_use]
    pub fn with(mut self, group: SlotGroup, max: usize) -> Self {
        let limit = self.0.entry(group).or_insert(max);
        *limit = max.min(*limit);
        self
    }

    /// The same with the limits of another, the smaller one where both limit a group.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        let limits = other.iter();
        limits.fold(self, |all, (group, max)| all.with(group.clone(), max))
    }

    /// The same groups, each with the smaller limit of both.
    #[must_use]
    pub fn lowered_to(&self, other: &Self) -> Self {
        let lower = |group| other.of(group).unwrap_or(usize::MAX);
        let limits = self.iter();
        limits
            .map(|(group, max)| (group.clone(), max.min(lower(group))))
            .collect()
    }

    /// The limit of a group, if it has one.
    #[must_use]
    pub fn of(&self, group: &SlotGroup) -> Option<usize> {
        self.0.get(group).copied()
    }

    /// Every group with its limit.
    pub fn iter(&self) -> impl Iterator<Item = (&SlotGroup, usize)> {
        self.0.iter().map(|(group, max)| (group, *max))
    }

    /// The policy that has a limit of its own.
    #[must_use]
    pub fn policy(&self) -> Option<&PolicyName> {
        self.0.keys().find_map(SlotGroup::policy)
    }
}

impl FromIterator<(SlotGroup, usize)> for SlotLimits {
    fn from_iter<I: IntoIterator<Item = (SlotGroup, usize)>>(limits: I) -> Self {
        Self(limits.into_iter().collect())
    }
}
