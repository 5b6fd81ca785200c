//! Who holds copy slots.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::id::tags::PolicyName;
use crate::domain::run::slot_limits::{SlotGroup, SlotLimits};
use crate::domain::run::taken_slots::{HandOver, TakenSlots};

/// Who holds copy slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots {
    /// Everybody who holds one.
    pub holders: BTreeSet<RdsArn>,
    /// The copies that count for each group with slots of its own. A set may name a copy that no longer holds a slot.
    pub groups: BTreeMap<SlotGroup, BTreeSet<RdsArn>>,
    /// The copies whose slot was handed over and not taken up yet.
    pub handed: BTreeMap<RdsArn, HandOver>,
}

impl Slots {
    fn of(&self, group: &SlotGroup) -> Option<&BTreeSet<RdsArn>> {
        match group {
            SlotGroup::All => Some(&self.holders),
            group => self.groups.get(group),
        }
    }

    /// How many copies count for a group.
    #[must_use]
    pub fn taken_of(&self, group: &SlotGroup) -> usize {
        self.of(group).map_or(0, BTreeSet::len)
    }

    /// How many copies of a family hold a slot.
    #[must_use]
    pub fn held_by(&self, family: Family) -> usize {
        let holders = self.holders.iter();
        holders.filter(|copy| copy.family() == family).count()
    }

    pub(super) fn claim(&mut self, copy: &RdsArn, limits: &SlotLimits) -> bool {
        let has_room = limits.iter().all(|(group, max)| {
            let counts = self.of(group).is_some_and(|taken| taken.contains(copy));
            counts || self.taken_of(group) < max
        });
        if !has_room && !self.holders.contains(copy) {
            return false;
        }
        self.handed.remove(copy);
        self.holders.insert(copy.clone());
        for (group, _) in limits.iter().filter(|(group, _)| **group != SlotGroup::All) {
            let taken = self.groups.entry(group.clone()).or_default();
            taken.insert(copy.clone());
        }
        true
    }

    /// Takes a copy out, of the groups that are its own and of those of the policy.
    pub fn free(&mut self, copy: &RdsArn, of_policy: Option<&PolicyName>) -> bool {
        let mut freed = self.holders.remove(copy);
        self.groups.retain(|group, taken| {
            if group.policy().is_none() || group.policy() == of_policy {
                freed |= taken.remove(copy);
            }
            !taken.is_empty()
        });
        if freed {
            self.handed.remove(copy);
        }
        freed
    }

    /// Everything in one value.
    #[must_use]
    pub fn taken(&self) -> TakenSlots {
        let all = (SlotGroup::All, self.holders.clone());
        let groups = self.groups.clone().into_iter().chain([all]);
        TakenSlots {
            groups: groups.filter(|(_, copies)| !copies.is_empty()).collect(),
            handed: self.handed.clone(),
        }
    }

    /// Changes what differs between `known` and `after`, if all of it is as `known` says.
    pub(super) fn hand_on(&mut self, known: &TakenSlots, after: &TakenSlots) -> bool {
        let now = self.taken();
        let mut changes = known.changes(after);
        let mut new = known.new_stamps(after);
        if changes.any(|group| now.groups.get(group) != known.groups.get(group))
            || new.any(|(copy, _)| now.handed.get(copy) != known.handed.get(copy))
        {
            return false;
        }
        for group in known.changes(after) {
            let copies = after.groups.get(group).cloned().unwrap_or_default();
            match group {
                SlotGroup::All => self.holders = copies,
                group => {
                    self.groups.insert(group.clone(), copies);
                }
            }
        }
        self.groups.retain(|_, copies| !copies.is_empty());
        self.handed
            .retain(|copy, _| !known.handed.contains_key(copy) || after.handed.contains_key(copy));
        for (copy, hand_over) in known.new_stamps(after) {
            self.handed.insert(copy.clone(), *hand_over);
        }
        true
    }

    /// What the index of open items shows. The item leaves it with its last holder.
    pub(super) fn shown(&self) -> TakenSlots {
        match self.holders.is_empty() {
            true => TakenSlots::default(),
            false => self.taken(),
        }
    }
}
