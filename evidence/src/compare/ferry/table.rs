//! The table, with the conditions of the product's adapter and what DynamoDB bills for them.
//!
//! The index does not lag here: the simulation under faults is there for that.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use snapferry::domain::arn::RdsArn;
use snapferry::domain::manifest::Manifest;
use snapferry::domain::names::ExecutionName;
use snapferry::domain::naming::first_attempt;
use snapferry::domain::slot_limits::SlotLimits;
use snapferry::domain::tags::PolicyName;
use snapferry::domain::token::TaskToken;
use snapferry::domain::wait::{Phase, Wait};
use snapferry::ports::{Abandoned, OpenPage};

/// Kilobytes of a wait: a token of 700 characters, three ARNs, tags' worth of names. The index projects all.
pub(super) const WAIT_KB: u64 = 2;
/// Kilobytes of the slots' item: twenty ARNs.
pub(super) const SLOTS_KB: u64 = 3;
/// Kilobytes of a catalog entry.
pub(super) const CATALOG_KB: u64 = 2;

/// One database's entry.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) open: Option<ExecutionName>,
    pub(super) claimed_at: Option<Timestamp>,
    pub(super) newest: Option<Manifest>,
}

/// The table.
pub(super) struct Table {
    waits: BTreeMap<RdsArn, Wait>,
    /// The queue for slots, in the order in which they are handed out.
    queued: BTreeSet<(Timestamp, RdsArn)>,
    pub(super) slots: BTreeSet<RdsArn>,
    slots_of: BTreeMap<RdsArn, PolicyName>,
    pub(super) catalog: BTreeMap<String, Entry>,
    pub(super) cursors: BTreeMap<String, Timestamp>,
    /// How much of the queue a listing shows; `None` shows all.
    shown: Option<usize>,
}

impl Table {
    pub(super) fn new(shown: Option<usize>) -> Self {
        Self {
            waits: BTreeMap::new(),
            queued: BTreeSet::new(),
            slots: BTreeSet::new(),
            slots_of: BTreeMap::new(),
            catalog: BTreeMap::new(),
            cursors: BTreeMap::new(),
            shown,
        }
    }

    pub(super) fn get(&self, resource: &RdsArn) -> Option<&Wait> {
        self.waits.get(&first_attempt(resource))
    }

    pub(super) fn put(&mut self, wait: Wait) {
        let key = first_attempt(&wait.resource);
        self.remove(&key);
        if wait.phase == Phase::Queued {
            self.queued.insert((wait.opened_at, key.clone()));
        }
        self.waits.insert(key, wait);
    }

    pub(super) fn remove(&mut self, resource: &RdsArn) -> Option<Wait> {
        let key = first_attempt(resource);
        let removed = self.waits.remove(&key)?;
        if removed.phase == Phase::Queued {
            self.queued.remove(&(removed.opened_at, key));
        }
        Some(removed)
    }

    pub(super) fn has(&self, resource: &RdsArn, token: &TaskToken) -> bool {
        self.get(resource)
            .is_some_and(|stored| stored.command.token == *token)
    }

    pub(super) fn claim_slot(&mut self, copy: &RdsArn, limits: &SlotLimits) -> bool {
        let copy = &first_attempt(copy);
        let has_room = limits.of_policy.as_ref().is_none_or(|bound| {
            let taken = self.slots_of.values().filter(|of| **of == bound.policy);
            taken.count() < bound.most || self.slots_of.contains_key(copy)
        });
        let has_room = has_room && self.slots.len() < limits.most;
        if !self.slots.contains(copy) && !has_room {
            return false;
        }
        self.slots.insert(copy.clone());
        if let Some(bound) = &limits.of_policy {
            self.slots_of.insert(copy.clone(), bound.policy.clone());
        }
        true
    }

    pub(super) fn drop_slot(&mut self, copy: &RdsArn, of_policy: Option<&PolicyName>) -> bool {
        if self.slots_of.get(copy) == of_policy {
            self.slots_of.remove(copy);
        }
        self.slots.remove(copy)
    }

    pub(super) fn proves(&self, copy: &RdsArn, proof: &Abandoned) -> bool {
        match (self.get(copy), proof) {
            (None, Abandoned::WaitGone) => true,
            (Some(wait), Abandoned::RegisteredSince(since)) => {
                wait.phase == Phase::Registered && wait.since == *since
            }
            _ => false,
        }
    }

    /// How many waits are open.
    pub(super) fn open(&self) -> usize {
        self.waits.len()
    }

    /// Everything that is open, on one page; of the queue for slots only its head, if it is cut.
    ///
    /// The sweep does nothing with a queued copy but to put it in order, and hands out no more of them than
    /// there are slots. Those behind cost it the reading, which is billed whole, and this simulation most of
    /// its time. That the cut changes no figure is held by `the_cut_of_the_queue_changes_no_figure`.
    pub(super) fn list_open(&self) -> OpenPage {
        let head: BTreeSet<&RdsArn> = match self.shown {
            Some(shown) => self.queued.iter().take(shown).map(|(_, arn)| arn).collect(),
            None => self.queued.iter().map(|(_, arn)| arn).collect(),
        };
        let queued = head.into_iter().chain(self.slots.iter());
        let mut listed: BTreeSet<&RdsArn> =
            queued.filter(|arn| self.waits.contains_key(*arn)).collect();
        if self.shown.is_none() || self.queued.len() < self.waits.len() {
            listed.extend(self.not_queued());
        }
        OpenPage {
            waits: listed.iter().map(|arn| self.waits[*arn].clone()).collect(),
            holders: self.slots.clone(),
            holders_of: self.slots_of.clone(),
            next: None,
        }
    }

    fn not_queued(&self) -> impl Iterator<Item = &RdsArn> {
        let waits = self.waits.iter();
        waits
            .filter(|(_, wait)| wait.phase != Phase::Queued)
            .map(|(key, _)| key)
    }
}
