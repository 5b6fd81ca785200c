//! How many copies may hold a slot.

use crate::domain::id::tags::PolicyName;

/// How many copies of one policy may hold a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySlots {
    /// The policy.
    pub policy: PolicyName,
    /// How many of its copies.
    pub max: usize,
}

/// What a claim of a slot is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotLimits {
    /// How many copies may hold a slot, of all policies together.
    pub max: usize,
    /// How many of the copy's own policy, if that is bounded.
    pub of_policy: Option<PolicySlots>,
}
