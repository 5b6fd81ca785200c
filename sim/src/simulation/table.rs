//! The table, with the conditions of the product's adapter and an index that lags behind.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use snapferry::domain::arn::RdsArn;
use snapferry::domain::manifest::Manifest;
use snapferry::domain::names::ExecutionName;
use snapferry::domain::naming::first_attempt;
use snapferry::domain::slot_limits::SlotLimits;
use snapferry::domain::tags::PolicyName;
use snapferry::domain::token::TaskToken;
use snapferry::domain::wait::{Phase, Wait};
use snapferry::ports::{Abandoned, OpenMarker, OpenPage};

use super::world::Slots;

/// How many items a page of the index holds: few, so that there are pages.
const PAGE: usize = 3;

/// One database's entry.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) open: Option<ExecutionName>,
    /// Since when.
    pub(super) claimed_at: Option<Timestamp>,
    pub(super) newest: Option<Manifest>,
}

/// The table.
#[derive(Default)]
pub(super) struct Table {
    pub(super) waits: BTreeMap<RdsArn, Wait>,
    pub(super) slots: BTreeSet<RdsArn>,
    /// For which policy a holder counts, where that policy's slots are bounded.
    slots_of: BTreeMap<RdsArn, PolicyName>,
    pub(super) catalog: BTreeMap<String, Entry>,
    pub(super) cursors: BTreeMap<String, Timestamp>,
    index: Index,
}

/// The index of all that is open: each item on its own may be an older one.
#[derive(Default)]
struct Index {
    waits: BTreeMap<RdsArn, Wait>,
    slots: BTreeSet<RdsArn>,
    slots_of: BTreeMap<RdsArn, PolicyName>,
    behind: Vec<(Timestamp, Behind)>,
}

enum Behind {
    Wait(RdsArn, Option<Box<Wait>>),
    Slots(BTreeSet<RdsArn>, BTreeMap<RdsArn, PolicyName>),
}

/// DynamoDB's items hold times in milliseconds.
fn in_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

impl Table {
    pub(super) fn put(&mut self, wait: &Wait, now: Timestamp) {
        let mut wait = wait.clone();
        wait.since = in_milliseconds(wait.since);
        wait.opened_at = in_milliseconds(wait.opened_at);
        let key = first_attempt(&wait.resource);
        self.put_under(key, wait, now);
    }

    /// For the planted bug that leaves the attempt before in the table.
    pub(super) fn put_beside(&mut self, wait: &Wait, now: Timestamp) {
        self.put_under(wait.resource.clone(), wait.clone(), now);
    }

    fn put_under(&mut self, key: RdsArn, wait: Wait, now: Timestamp) {
        let row = Behind::Wait(key.clone(), Some(Box::new(wait.clone())));
        self.index.behind.push((now, row));
        self.waits.insert(key, wait);
    }

    pub(super) fn get(&self, resource: &RdsArn) -> Option<&Wait> {
        self.waits.get(&first_attempt(resource))
    }

    pub(super) fn remove(&mut self, resource: &RdsArn, now: Timestamp) -> Option<Wait> {
        let key = first_attempt(resource);
        let removed = self.waits.remove(&key)?;
        self.index.behind.push((now, Behind::Wait(key, None)));
        Some(removed)
    }

    fn slots_changed(&mut self, now: Timestamp) {
        self.index.behind.push((
            now,
            Behind::Slots(self.slots.clone(), self.slots_of.clone()),
        ));
    }

    /// Stores a wait where there is none; the stored one otherwise.
    pub(super) fn register(&mut self, wait: &Wait, now: Timestamp) -> Option<Wait> {
        if let Some(stored) = self.get(&wait.resource) {
            return Some(stored.clone());
        }
        self.put(wait, now);
        None
    }

    /// Stores a wait whatever is stored.
    pub(super) fn overwrite(&mut self, wait: &Wait, now: Timestamp) {
        self.put(wait, now);
    }

    pub(super) fn has(&self, resource: &RdsArn, token: &TaskToken) -> bool {
        self.get(resource)
            .is_some_and(|stored| stored.command.token == *token)
    }

    /// Whether the stored wait has this token and is at this attempt.
    pub(super) fn has_attempt(&self, resource: &RdsArn, token: &TaskToken) -> bool {
        self.get(resource)
            .is_some_and(|stored| stored.command.token == *token && stored.resource == *resource)
    }

    pub(super) fn set_phase(
        &mut self,
        resource: &RdsArn,
        phase: Phase,
        since: Timestamp,
        now: Timestamp,
    ) {
        if let Some(stored) = self.get(resource) {
            let wait = Wait {
                phase,
                since,
                ..stored.clone()
            };
            self.put(&wait, now);
        }
    }

    fn taken_of(&self, policy: &PolicyName) -> usize {
        self.slots_of.values().filter(|of| *of == policy).count()
    }

    /// Whether some copy may have to wait for a slot.
    pub(super) fn slots_are_full(&self, slots: &Slots) -> bool {
        let mut bounds = slots.of_policies.iter();
        self.slots.len() >= slots.most
            || bounds.any(|(policy, most)| self.taken_of(policy) >= *most)
    }

    pub(super) fn claim_slot(
        &mut self,
        copy: &RdsArn,
        limits: &SlotLimits,
        now: Timestamp,
    ) -> bool {
        let has_room = limits.of_policy.as_ref().is_none_or(|bound| {
            self.taken_of(&bound.policy) < bound.most || self.slots_of.contains_key(copy)
        });
        let has_room = has_room && self.slots.len() < limits.most;
        if !self.slots.contains(copy) && !has_room {
            return false;
        }
        self.slots.insert(copy.clone());
        if let Some(bound) = &limits.of_policy {
            self.slots_of.insert(copy.clone(), bound.policy.clone());
        }
        self.slots_changed(now);
        true
    }

    pub(super) fn drop_slot(
        &mut self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
        now: Timestamp,
    ) -> bool {
        let mut held = self.slots.remove(copy);
        if of_policy.is_some() && self.slots_of.get(copy) == of_policy {
            self.slots_of.remove(copy);
            held = true;
        }
        if held {
            self.slots_changed(now);
        }
        held
    }

    pub(super) fn proves(&self, copy: &RdsArn, proof: &Abandoned) -> bool {
        match (self.get(copy), proof) {
            (None, Abandoned::WaitGone) => true,
            (Some(wait), Abandoned::RegisteredSince(since)) => {
                wait.phase == Phase::Registered && wait.since == in_milliseconds(*since)
            }
            _ => false,
        }
    }

    /// Removes what its time to live has run out for.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<Wait> {
        let expired: Vec<RdsArn> = self
            .waits
            .values()
            .filter(|w| w.expires_at() <= now)
            .map(|w| w.resource.clone())
            .collect();
        expired
            .iter()
            .filter_map(|resource| self.remove(resource, now))
            .collect()
    }

    /// A page of the index, which has caught up with some of what was written lately.
    pub(super) fn list_open(
        &mut self,
        from: Option<&OpenMarker>,
        now: Timestamp,
        lag: SignedDuration,
        rng: &mut Rng,
    ) -> OpenPage {
        self.index.catch_up(now, lag, rng);
        let after =
            from.and_then(|marker| marker.0.split_once('|'))
                .and_then(|(since, resource)| {
                    Some((since.parse::<i64>().ok()?, RdsArn::parse(resource).ok()?))
                });
        let mut rows: Vec<(i64, &RdsArn)> = self
            .index
            .waits
            .iter()
            .map(|(key, w)| (w.since.as_millisecond(), key))
            .collect();
        rows.sort_unstable();
        let left: Vec<(i64, &RdsArn)> = rows
            .into_iter()
            .filter(|(since, resource)| {
                after
                    .as_ref()
                    .is_none_or(|(s, r)| (*since, *resource) > (*s, r))
            })
            .collect();
        let next = (left.len() > PAGE)
            .then(|| OpenMarker(format!("{}|{}", left[PAGE - 1].0, left[PAGE - 1].1)));
        // The slots' item is the first of the index.
        let (mut holders, mut holders_of) = (BTreeSet::new(), BTreeMap::new());
        if from.is_none() {
            holders_of.clone_from(&self.index.slots_of);
            holders.clone_from(&self.index.slots);
            holders.extend(holders_of.keys().cloned());
        }
        OpenPage {
            waits: left
                .iter()
                .take(PAGE)
                .map(|(_, r)| self.index.waits[*r].clone())
                .collect(),
            holders,
            holders_of,
            next,
        }
    }
}

impl Index {
    fn catch_up(&mut self, now: Timestamp, lag: SignedDuration, rng: &mut Rng) {
        let mut late: BTreeSet<RdsArn> = BTreeSet::new();
        let mut slots_are_late = false;
        let late_in_8 = if lag > SignedDuration::from_secs(10) {
            6
        } else {
            2
        };
        for (at, change) in std::mem::take(&mut self.behind) {
            // What is written later to the same item cannot arrive earlier.
            let must = now.duration_since(at) >= lag;
            match change {
                Behind::Wait(resource, wait) => {
                    if late.contains(&resource) || (!must && rng.u8(..8) < late_in_8) {
                        late.insert(resource.clone());
                        self.behind.push((at, Behind::Wait(resource, wait)));
                        continue;
                    }
                    match wait {
                        Some(wait) => self.waits.insert(resource, *wait),
                        None => self.waits.remove(&resource),
                    };
                }
                Behind::Slots(slots, slots_of) => {
                    if slots_are_late || (!must && rng.u8(..8) < late_in_8) {
                        slots_are_late = true;
                        self.behind.push((at, Behind::Slots(slots, slots_of)));
                        continue;
                    }
                    self.slots = slots;
                    self.slots_of = slots_of;
                }
            }
        }
    }
}
