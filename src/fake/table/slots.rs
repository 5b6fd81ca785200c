//! Who holds copy slots.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::arn::RdsArn;
use crate::domain::id::tags::PolicyName;
use crate::domain::run::slot_limits::SlotLimits;
use crate::ports::OpenPage;

/// Who holds copy slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots {
    /// Everybody who holds one.
    pub holders: BTreeSet<RdsArn>,
    /// The copies that count for each policy with slots of its own. A set may name a copy that no longer holds a slot.
    pub for_policies: BTreeMap<PolicyName, BTreeSet<RdsArn>>,
}

impl Slots {
    fn of(&self, policy: &PolicyName) -> Option<&BTreeSet<RdsArn>> {
        self.for_policies.get(policy)
    }

    /// How many copies count for a policy.
    #[must_use]
    pub fn taken_of(&self, policy: &PolicyName) -> usize {
        self.of(policy).map_or(0, BTreeSet::len)
    }

    pub(super) fn claim(&mut self, copy: &RdsArn, limits: &SlotLimits) -> bool {
        let has_room = limits.of_policy.as_ref().is_none_or(|bound| {
            let counts = self
                .of(&bound.policy)
                .is_some_and(|taken| taken.contains(copy));
            counts || self.taken_of(&bound.policy) < bound.max
        });
        let has_room = has_room && self.holders.len() < limits.max;
        if !has_room && !self.holders.contains(copy) {
            return false;
        }
        self.holders.insert(copy.clone());
        if let Some(bound) = &limits.of_policy {
            let taken = self.for_policies.entry(bound.policy.clone()).or_default();
            taken.insert(copy.clone());
        }
        true
    }

    pub(super) fn free(&mut self, copy: &RdsArn, of_policy: Option<&PolicyName>) -> bool {
        let mut freed = self.holders.remove(copy);
        if let Some(policy) = of_policy
            && let Some(taken) = self.for_policies.get_mut(policy)
        {
            freed |= taken.remove(copy);
            if taken.is_empty() {
                self.for_policies.remove(policy);
            }
        }
        freed
    }

    /// Adds them to a page of the index. The item leaves the index with its last holder.
    pub(super) fn show(&self, page: &mut OpenPage) {
        if self.holders.is_empty() {
            return;
        }
        page.holders.clone_from(&self.holders);
        for (policy, copies) in &self.for_policies {
            for copy in copies {
                page.holders.insert(copy.clone());
                page.holders_of.insert(copy.clone(), policy.clone());
            }
        }
    }
}
