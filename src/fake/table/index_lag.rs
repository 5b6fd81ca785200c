//! The writes that the index does not show yet.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::slots::Slots;
use crate::domain::id::arn::RdsArn;
use crate::domain::run::wait::Wait;

/// What the index shows, and the writes that it does not show yet.
#[derive(Debug, Clone)]
pub(super) struct Lag {
    pub(super) waits: BTreeMap<RdsArn, Wait>,
    pub(super) slots: Slots,
    pub(super) behind: Vec<(Timestamp, Change)>,
}

/// A change of an item.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Wait(RdsArn, Option<Box<Wait>>),
    Slots(Slots),
}

impl Lag {
    pub(super) fn catch_up(&mut self, mut is_late: impl FnMut(Timestamp) -> bool) {
        let mut late_waits: BTreeSet<RdsArn> = BTreeSet::new();
        let mut slots_are_late = false;
        for (at, change) in std::mem::take(&mut self.behind) {
            let is_behind = match &change {
                Change::Wait(resource, _) => late_waits.contains(resource),
                Change::Slots(_) => slots_are_late,
            };
            let is_late = is_behind || is_late(at);
            match change {
                Change::Wait(resource, wait) if is_late => {
                    late_waits.insert(resource.clone());
                    self.behind.push((at, Change::Wait(resource, wait)));
                }
                Change::Slots(slots) if is_late => {
                    slots_are_late = true;
                    self.behind.push((at, Change::Slots(slots)));
                }
                Change::Wait(resource, Some(wait)) => {
                    self.waits.insert(resource, *wait);
                }
                Change::Wait(resource, None) => {
                    self.waits.remove(&resource);
                }
                Change::Slots(slots) => self.slots = slots,
            }
        }
    }
}
