//! Copy slots: which copies may run now, and which are next.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::naming::first_attempt;
use super::slot_limits::PolicySlots;
use super::wait::{Phase, Wait};
use crate::domain::id::arn::RdsArn;
use crate::domain::id::tags::PolicyName;

/// What the slot plan needs to know about a copy's wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotCandidate {
    /// The copy, at the wait's current attempt.
    pub resource: RdsArn,
    /// The name that holds its slot: the first attempt's, for all attempts.
    pub holder: RdsArn,
    /// How far its wait has come.
    pub phase: Phase,
    /// When its wait was first stored.
    pub opened_at: Timestamp,
    /// When RDS removes its source, if it does.
    pub source_expires_at: Option<Timestamp>,
    /// How many copies may hold a slot when this one gets one, if its set of policies allows fewer than the stack.
    pub max: Option<usize>,
    /// How many copies of its own policy may, if the policy has a limit.
    pub of_policy: Option<PolicySlots>,
}

impl SlotCandidate {
    /// Takes from a wait what the slot plan needs.
    #[must_use]
    pub fn of(wait: &Wait) -> Self {
        Self {
            resource: wait.resource.clone(),
            holder: first_attempt(&wait.resource),
            phase: wait.phase,
            opened_at: wait.opened_at,
            source_expires_at: wait.source_expires_at,
            max: wait.command.run.options.copy_slots,
            of_policy: wait.command.run.policy_slots(),
        }
    }

    fn is_queued(&self) -> bool {
        self.phase == Phase::Queued
    }
}

/// The slots that the sweeper frees and hands out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotPlan {
    /// Holders without a wait. Their slots become free.
    pub release: Vec<RdsArn>,
    /// Queued copies that get a slot, in this order. The sweeper sends their commands again.
    pub hand_out: Vec<RdsArn>,
}

/// Plans releases and hand-outs.
///
/// A queued copy that already holds a slot gets it again, because its hand-over was lost. Among the others, the copy
/// whose source expires soonest comes first, then the oldest. After another set of policies was applied, queued copies
/// may allow different numbers of slots. The smallest number holds for all, so that no copy overtakes by an older set.
/// A copy that its own policy's slots hold back lets the next copy of another policy pass.
#[must_use]
pub fn plan(holders: &BTreeSet<RdsArn>, open: &[SlotCandidate], max: usize) -> SlotPlan {
    let awaited: BTreeSet<&RdsArn> = open.iter().map(|candidate| &candidate.holder).collect();
    let release: Vec<RdsArn> = holders
        .iter()
        .filter(|holder| !awaited.contains(holder))
        .cloned()
        .collect();
    let (held, mut queued): (Vec<_>, Vec<_>) = open
        .iter()
        .filter(|c| c.is_queued())
        .partition(|c| holders.contains(&c.holder));
    queued.sort_by_key(|c| {
        (
            c.source_expires_at.unwrap_or(Timestamp::MAX),
            c.opened_at,
            c.resource.clone(),
        )
    });
    let max = queued.iter().filter_map(|c| c.max).fold(max, usize::min);
    let free = max.saturating_sub(holders.len() - release.len());
    let mut room = room_of_policies(holders, open, &queued);
    let next = queued
        .into_iter()
        .filter(|c| match &c.of_policy {
            None => true,
            Some(bound) => room.get_mut(&bound.policy).is_some_and(|room| {
                let has_room = *room > 0;
                *room = room.saturating_sub(1);
                has_room
            }),
        })
        .take(free);
    let hand_out = held
        .into_iter()
        .chain(next)
        .map(|c| c.resource.clone())
        .collect();
    SlotPlan { release, hand_out }
}

/// How many more copies may get a slot, for each policy with a limit.
fn room_of_policies<'c>(
    holders: &BTreeSet<RdsArn>,
    open: &'c [SlotCandidate],
    queued: &[&'c SlotCandidate],
) -> BTreeMap<&'c PolicyName, usize> {
    let mut room: BTreeMap<&PolicyName, usize> = BTreeMap::new();
    for bound in queued.iter().filter_map(|c| c.of_policy.as_ref()) {
        let max = room.entry(&bound.policy).or_insert(bound.max);
        *max = bound.max.min(*max);
    }
    let holding = open.iter().filter(|c| holders.contains(&c.holder));
    for bound in holding.filter_map(|c| c.of_policy.as_ref()) {
        if let Some(room) = room.get_mut(&bound.policy) {
            *room = room.saturating_sub(1);
        }
    }
    room
}
