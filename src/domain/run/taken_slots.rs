//! Who holds copy slots, and how a slot is handed on.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::learnt_limit::LearntLimit;
use super::pauses::pause;
use super::slot_candidate::{SlotCandidate, WaitsFor};
use super::slot_limits::SlotGroup;
use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::id::tags::PolicyName;

/// The stamp of a slot that was handed over: the command of its copy was sent, and no worker has taken it up yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandOver {
    /// When the command was last sent, or was about to be.
    pub at: Timestamp,
    /// How many times, from 1.
    pub times: u32,
}

impl HandOver {
    /// The first hand-over, at this time.
    #[must_use]
    pub fn first(at: Timestamp) -> Self {
        Self { at, times: 1 }
    }

    /// The hand-over after this one.
    #[must_use]
    pub fn next(self, at: Timestamp) -> Self {
        Self {
            at,
            times: self.times.saturating_add(1),
        }
    }

    /// How long it counts: 1, 2, 4, 8, then 15 minutes.
    #[must_use]
    pub fn lasts(self) -> SignedDuration {
        pause(usize::try_from(self.times.saturating_sub(1)).unwrap_or(usize::MAX))
    }

    /// Whether it counts as lost: the command did not arrive, or its worker died before it had begun.
    #[must_use]
    pub fn is_lost(self, now: Timestamp) -> bool {
        now.duration_since(self.at) >= self.lasts()
    }
}

/// What was read of a queued copy's slot before the copy is handed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenSlot {
    /// It held none. A copy that holds one by now is a worker's.
    NotHeld,
    /// It held one, and the slot had no stamp: the worker that claimed it has not said so in the wait.
    Held,
    /// The slot had this stamp.
    Stamped(HandOver),
}

impl SeenSlot {
    /// The stamp of the next hand-over.
    #[must_use]
    pub fn next(self, at: Timestamp) -> HandOver {
        match self {
            Self::NotHeld | Self::Held => HandOver::first(at),
            Self::Stamped(stamp) => stamp.next(at),
        }
    }
}

/// Why a queued copy does not get the slot of a settled one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassedOver {
    /// It holds one.
    Holds,
    /// It waits for this.
    WaitsFor(WaitsFor),
}

/// Who holds copy slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenSlots {
    /// The copies that count for each group, by the ARN of the first attempt. No group is empty.
    pub groups: BTreeMap<SlotGroup, BTreeSet<RdsArn>>,
    /// The copies whose slot was handed over and not taken up yet.
    pub handed: BTreeMap<RdsArn, HandOver>,
}

impl TakenSlots {
    /// How many copies count for a group.
    #[must_use]
    pub fn taken_of(&self, group: &SlotGroup) -> usize {
        self.groups.get(group).map_or(0, BTreeSet::len)
    }

    /// Whether a copy holds a slot, or is left in the set of some group.
    #[must_use]
    pub fn holds(&self, holder: &RdsArn) -> bool {
        self.groups.values().any(|copies| copies.contains(holder))
    }

    /// Everybody who holds a slot, or is left in the set of some group.
    #[must_use]
    pub fn holders(&self) -> BTreeSet<RdsArn> {
        self.groups.values().flatten().cloned().collect()
    }

    /// Takes a copy out of all sets, and its stamp away.
    pub fn free(&mut self, holder: &RdsArn) {
        self.groups.retain(|_, copies| {
            copies.remove(holder);
            !copies.is_empty()
        });
        self.handed.remove(holder);
    }

    /// The policy with slots of its own that a copy counts for.
    #[must_use]
    pub fn policy_of(&self, holder: &RdsArn) -> Option<&PolicyName> {
        let mut groups = self.groups.iter();
        groups.find_map(|(group, copies)| group.policy().filter(|_| copies.contains(holder)))
    }

    /// How many copies of a family hold a slot.
    #[must_use]
    pub fn held_by(&self, family: Family) -> usize {
        let all = self.groups.get(&SlotGroup::All);
        let of_family = all.into_iter().flatten();
        of_family.filter(|copy| copy.family() == family).count()
    }

    /// The groups whose copies are others afterwards.
    pub fn changes<'a>(&'a self, after: &'a Self) -> impl Iterator<Item = &'a SlotGroup> {
        let groups: BTreeSet<&SlotGroup> = self.groups.keys().chain(after.groups.keys()).collect();
        let mut groups = groups.into_iter();
        std::iter::from_fn(move || {
            groups.find(|group| self.groups.get(group) != after.groups.get(group))
        })
    }

    /// The stamps that stand afterwards, and do not stand like this now.
    pub fn new_stamps<'a>(
        &'a self,
        after: &'a Self,
    ) -> impl Iterator<Item = (&'a RdsArn, &'a HandOver)> {
        let stamps = after.handed.iter();
        stamps.filter(|(holder, stamp)| self.handed.get(*holder) != Some(*stamp))
    }

    /// The slots after a settled copy has handed its slot on to the next one. A stamp of a copy that holds no slot is left
    /// over from an earlier version, and goes.
    ///
    /// # Errors
    /// If the next one holds a slot already, or a limit has no room for it: limits may have been lowered, and another
    /// family or policy has others. A limit that was `learnt` from RDS is not exceeded either; whether one more may be
    /// tried is decided by a claim. What keeps back a whole family is named before what keeps back a policy.
    pub fn handed_on(
        &self,
        settled: &RdsArn,
        next: &SlotCandidate,
        learnt: Option<&LearntLimit>,
        now: Timestamp,
    ) -> Result<Self, PassedOver> {
        let (holder, family) = (&next.holder, next.holder.family());
        if self.holds(holder) {
            return Err(PassedOver::Holds);
        }
        let mut after = self.clone();
        after.free(settled);
        // The groups without a policy come first.
        let mut limits = next.limits.iter();
        let full = limits.find(|(group, max)| after.taken_of(group) >= *max);
        let full = full.map(|(group, _)| group.clone());
        let is_allowed = learnt.is_none_or(|learnt| after.held_by(family) < learnt.in_flight);
        let waits_for = match full {
            Some(group) if group.policy().is_none() || is_allowed => Some(WaitsFor::Slot(group)),
            _ if !is_allowed => Some(WaitsFor::Rds(family)),
            _ => None,
        };
        if let Some(waits_for) = waits_for {
            return Err(PassedOver::WaitsFor(waits_for));
        }
        for (group, _) in next.limits.iter() {
            let copies = after.groups.entry(group.clone()).or_default();
            copies.insert(holder.clone());
        }
        let holders = after.holders();
        after.handed.retain(|copy, _| holders.contains(copy));
        after.handed.insert(holder.clone(), HandOver::first(now));
        Ok(after)
    }
}
