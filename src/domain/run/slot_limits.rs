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

/// The limits for a claim of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotLimits {
    /// How many copies may hold a slot, over all policies.
    pub max: usize,
    /// How many copies of the same policy may, if the policy has a limit.
    pub of_policy: Option<PolicySlots>,
}
