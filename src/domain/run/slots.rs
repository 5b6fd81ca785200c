//! Copy slots: which copies may run now, which are next, and why the others wait.

use std::collections::{BTreeMap, BTreeSet};

use super::slot_candidate::{SlotCandidate, WaitsFor};
use super::slot_limits::SlotGroup;
use super::taken_slots::TakenSlots;
use crate::domain::id::arn::{Family, RdsArn};

/// The slots that the sweeper frees and hands out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotPlan {
    /// Holders without a wait. Their slots become free.
    pub release: Vec<RdsArn>,
    /// Queued copies that get a slot, in this order. The sweeper sends their commands again.
    pub hand_out: Vec<RdsArn>,
    /// How many queued copies get none, for each reason.
    pub waiting: BTreeMap<WaitsFor, usize>,
}

/// Plans releases and hand-outs. `learnt` says how many copies of a family RDS is known to allow.
///
/// A queued copy that already holds a slot gets it again, because its hand-over was lost, unless it is among the
/// `expected`, whose hand-over still counts. The others follow each other by their [`Turn`](super::turn::Turn). After another set of policies
/// was applied, queued copies may allow different numbers of slots. The smallest number holds for all, so that no copy
/// overtakes by an older set.
/// A copy that only the limit of its family or of its policy holds back lets the next copy of another pass.
#[must_use]
pub fn plan(
    taken: &TakenSlots,
    open: &[SlotCandidate],
    learnt: &BTreeMap<Family, usize>,
    expected: &BTreeSet<RdsArn>,
) -> SlotPlan {
    let holders = taken.holders();
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
    queued.sort_by_key(|c| (c.turn, c.resource.clone()));
    let mut capacity = capacity(taken, open, &queued, learnt);
    let lost = held.into_iter().filter(|c| !expected.contains(&c.holder));
    let mut hand_out: Vec<RdsArn> = lost.map(|c| c.resource.clone()).collect();
    let mut waiting = BTreeMap::new();
    for candidate in queued {
        let needs = needs(candidate);
        let full = needs.iter().find(|need| capacity.get(need) == Some(&0));
        if let Some(full) = full {
            *waiting.entry(full.clone()).or_insert(0) += 1;
            continue;
        }
        for need in needs {
            if let Some(room) = capacity.get_mut(&need) {
                *room -= 1;
            }
        }
        hand_out.push(candidate.resource.clone());
    }
    SlotPlan {
        release,
        hand_out,
        waiting,
    }
}

/// What a copy needs to begin.
fn needs(candidate: &SlotCandidate) -> Vec<WaitsFor> {
    let groups = candidate.limits.iter();
    let slots = groups.map(|(group, _)| WaitsFor::Slot(group.clone()));
    let rds = WaitsFor::Rds(candidate.holder.family());
    slots.chain([rds]).collect()
}

/// How many more copies may begin, for everything that has a limit.
fn capacity(
    taken: &TakenSlots,
    open: &[SlotCandidate],
    queued: &[&SlotCandidate],
    learnt: &BTreeMap<Family, usize>,
) -> BTreeMap<WaitsFor, usize> {
    let mut capacity: BTreeMap<WaitsFor, usize> = BTreeMap::new();
    for (group, max) in queued.iter().flat_map(|c| c.limits.iter()) {
        let room = capacity.entry(WaitsFor::Slot(group.clone())).or_insert(max);
        *room = max.min(*room);
    }
    let of_rds = learnt
        .iter()
        .map(|(family, max)| (WaitsFor::Rds(*family), *max));
    capacity.extend(of_rds);
    // A holder may count for a group although its own run has no limit there: all copies do, and clusters, and a copy whose
    // slot another run has claimed before. Claims count by the sets.
    for candidate in open.iter().filter(|c| taken.holds(&c.holder)) {
        let mut counts: BTreeSet<WaitsFor> = needs(candidate).into_iter().collect();
        if candidate.holder.family() == Family::Cluster {
            counts.insert(WaitsFor::Slot(SlotGroup::Clusters));
        }
        let of = taken.groups.iter();
        let of = of.filter(|(_, copies)| copies.contains(&candidate.holder));
        counts.extend(of.map(|(group, _)| WaitsFor::Slot(group.clone())));
        for need in counts {
            if let Some(room) = capacity.get_mut(&need) {
                *room = room.saturating_sub(1);
            }
        }
    }
    capacity
}
