//! Copy slots: who may copy now, and who is next.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::arn::RdsArn;
use super::wait::{Phase, Wait};

/// A wait of a copy, as far as slots are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contender {
    /// The copy.
    pub resource: RdsArn,
    /// How far its wait has come.
    pub phase: Phase,
    /// When its wait was first stored.
    pub opened_at: Timestamp,
    /// When its source goes away by itself.
    pub source_expires_at: Option<Timestamp>,
    /// How many may hold a slot while it gets one, where its policies allow fewer than the stack.
    pub most: Option<usize>,
}

impl Contender {
    /// What slots need to know of a wait.
    #[must_use]
    pub fn of(wait: &Wait) -> Self {
        Self {
            resource: wait.resource.clone(),
            phase: wait.phase,
            opened_at: wait.opened_at,
            source_expires_at: wait.source_expires_at,
            most: wait.command.run.extras.copy_slots,
        }
    }

    fn is_queued(&self) -> bool {
        self.phase == Phase::Queued
    }
}

/// What the sweeper does about slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotPlan {
    /// Holders whose wait is gone: their slots are free.
    pub release: Vec<RdsArn>,
    /// Queued copies that get a slot and whose command is sent again, in this order.
    pub hand_out: Vec<RdsArn>,
}

/// Plans releases and hand-outs.
///
/// Queued copies that hold a slot already are handed it again (a hand-over was lost). Of the others, those
/// whose source expires soonest come first, then the oldest. Where queued copies allow different numbers, after
/// another set of policies was applied, the smallest holds for all: nobody overtakes by an older set.
#[must_use]
pub fn plan(holders: &BTreeSet<RdsArn>, open: &[Contender], most: usize) -> SlotPlan {
    let awaited: BTreeSet<&RdsArn> = open.iter().map(|contender| &contender.resource).collect();
    let release: Vec<RdsArn> = holders
        .iter()
        .filter(|holder| !awaited.contains(holder))
        .cloned()
        .collect();
    let (held, mut queued): (Vec<_>, Vec<_>) = open
        .iter()
        .filter(|c| c.is_queued())
        .partition(|c| holders.contains(&c.resource));
    queued.sort_by_key(|c| {
        (
            c.source_expires_at.unwrap_or(Timestamp::MAX),
            c.opened_at,
            c.resource.clone(),
        )
    });
    let most = queued.iter().filter_map(|c| c.most).fold(most, usize::min);
    let free = most.saturating_sub(holders.len() - release.len());
    let hand_out = held
        .into_iter()
        .chain(queued.into_iter().take(free))
        .map(|c| c.resource.clone())
        .collect();
    SlotPlan { release, hand_out }
}
