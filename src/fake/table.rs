//! The table: each write with the condition that the adapter over DynamoDB writes it under.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::arn::{ExecutionArn, RdsArn, Region};
use crate::domain::command::{DatabaseRef, Run};
use crate::domain::manifest::Manifest;
use crate::domain::names::{ExecutionName, ResourceId, first_attempt};
use crate::domain::policy_set::{Applied, Stamp, Version};
use crate::domain::slots::SlotLimits;
use crate::domain::tags::PolicyName;
use crate::domain::token::TaskToken;
use crate::domain::trouble::Trouble;
use crate::domain::wait::{Phase, Wait};
use crate::ports::{Abandoned, Claim, Entry, Held, OpenMarker, OpenPage, Written};

/// Items hold times in milliseconds.
#[must_use]
pub fn in_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

/// Who holds copy slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots {
    /// Everybody who holds one.
    pub holders: BTreeSet<RdsArn>,
    /// Who counts for a policy that has slots of its own. It may name a copy that holds none any more.
    pub of_policies: BTreeMap<PolicyName, BTreeSet<RdsArn>>,
}

impl Slots {
    fn of(&self, policy: &PolicyName) -> Option<&BTreeSet<RdsArn>> {
        self.of_policies.get(policy)
    }

    /// How many copies count for a policy.
    #[must_use]
    pub fn taken_of(&self, policy: &PolicyName) -> usize {
        self.of(policy).map_or(0, BTreeSet::len)
    }

    fn claim(&mut self, copy: &RdsArn, limits: &SlotLimits) -> bool {
        let has_room = limits.of_policy.as_ref().is_none_or(|bound| {
            let counts = self
                .of(&bound.policy)
                .is_some_and(|taken| taken.contains(copy));
            counts || self.taken_of(&bound.policy) < bound.most
        });
        let has_room = has_room && self.holders.len() < limits.most;
        if !has_room && !self.holders.contains(copy) {
            return false;
        }
        self.holders.insert(copy.clone());
        if let Some(bound) = &limits.of_policy {
            let taken = self.of_policies.entry(bound.policy.clone()).or_default();
            taken.insert(copy.clone());
        }
        true
    }

    fn free(&mut self, copy: &RdsArn, of_policy: Option<&PolicyName>) -> bool {
        let mut freed = self.holders.remove(copy);
        if let Some(policy) = of_policy
            && let Some(taken) = self.of_policies.get_mut(policy)
        {
            freed |= taken.remove(copy);
            if taken.is_empty() {
                self.of_policies.remove(policy);
            }
        }
        freed
    }

    /// What a page of the index says of them. The item leaves the index with its last holder.
    fn show(&self, page: &mut OpenPage) {
        if self.holders.is_empty() {
            return;
        }
        page.holders.clone_from(&self.holders);
        for (policy, copies) in &self.of_policies {
            for copy in copies {
                page.holders.insert(copy.clone());
                page.holders_of.insert(copy.clone(), policy.clone());
            }
        }
    }
}

/// What the catalog has of one database and policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogEntry {
    /// The execution that is entered as its run.
    pub open: Option<ExecutionName>,
    /// When that execution was last claimed.
    pub claimed_at: Option<Timestamp>,
    /// The newest recovery point.
    pub newest: Option<Manifest>,
}

impl CatalogEntry {
    fn enter(&mut self, copy: &Manifest) {
        let is_entered = match (&self.newest, copy.taken_at) {
            (None, _) => true,
            // One that does not say how old its data is can only be the first.
            (Some(_), None) => false,
            (Some(newest), Some(taken_at)) => newest
                .taken_at
                .is_none_or(|newest| in_milliseconds(newest) <= in_milliseconds(taken_at)),
        };
        if is_entered {
            self.newest = Some(copy.clone());
        }
    }

    fn end_run(&mut self, execution: &ExecutionArn) {
        let arn = execution.as_str();
        let name = arn.rsplit_once(':').map_or(arn, |(_, name)| name);
        if self.open.as_ref().is_some_and(|open| open.as_str() == name) {
            (self.open, self.claimed_at) = (None, None);
        }
    }
}

/// The table.
#[derive(Debug, Clone)]
pub struct Table {
    /// The waits, each under the ARN of the first attempt.
    waits: BTreeMap<RdsArn, Wait>,
    slots: Slots,
    catalog: BTreeMap<(ResourceId, PolicyName), CatalogEntry>,
    cursors: BTreeMap<(PolicyName, Region), Timestamp>,
    /// Every set that was applied, by its version; the last one holds.
    policies: Vec<Applied>,
    /// Where the index shows older items than the table has.
    lag: Option<Lag>,
    page: usize,
}

impl Default for Table {
    /// Pages are small, so that there are several.
    fn default() -> Self {
        Self::with_pages_of(3)
    }
}

impl Table {
    /// An empty table whose index has so many waits on a page.
    #[must_use]
    pub fn with_pages_of(page: usize) -> Self {
        Self {
            waits: BTreeMap::new(),
            slots: Slots::default(),
            catalog: BTreeMap::new(),
            cursors: BTreeMap::new(),
            policies: Vec::new(),
            lag: None,
            page,
        }
    }

    /// From now on the index shows a change only once [`Table::catch_up`] has let it.
    #[must_use]
    pub fn with_an_index_that_lags(mut self) -> Self {
        self.lag = Some(Lag {
            waits: self.waits.clone(),
            slots: self.slots.clone(),
            behind: Vec::new(),
        });
        self
    }

    /// The wait for a snapshot or copy, whichever attempt it is at.
    #[must_use]
    pub fn wait(&self, resource: &RdsArn) -> Option<&Wait> {
        self.waits.get(&first_attempt(resource))
    }

    /// All waits.
    pub fn waits(&self) -> impl Iterator<Item = &Wait> {
        self.waits.values()
    }

    /// How many waits are stored.
    #[must_use]
    pub fn open(&self) -> usize {
        self.waits.len()
    }

    /// Who holds copy slots.
    #[must_use]
    pub fn slots(&self) -> &Slots {
        &self.slots
    }

    /// What the catalog has of a database and a policy.
    #[must_use]
    pub fn entry(&self, database: &ResourceId, policy: &PolicyName) -> Option<&CatalogEntry> {
        self.catalog.get(&(database.clone(), policy.clone()))
    }

    /// The whole catalog.
    pub fn catalog(&self) -> impl Iterator<Item = (&ResourceId, &PolicyName, &CatalogEntry)> {
        let entries = self.catalog.iter();
        entries.map(|((database, policy), entry)| (database, policy, entry))
    }

    /// The sets of policies that were applied, the oldest first.
    #[must_use]
    pub fn policies(&self) -> &[Applied] {
        &self.policies
    }

    /// Stores a wait under no condition.
    pub fn put_wait(&mut self, wait: &Wait, now: Timestamp) {
        self.put_wait_under(first_attempt(&wait.resource), wait, now);
    }

    /// Stores a wait under no condition and under another key, as version 0.1.0 did with a later attempt's own ARN.
    pub fn put_wait_under(&mut self, key: RdsArn, wait: &Wait, now: Timestamp) {
        let mut wait = wait.clone();
        for time in [&mut wait.since, &mut wait.opened_at] {
            *time = in_milliseconds(*time);
        }
        wait.source_expires_at = wait.source_expires_at.map(in_milliseconds);
        if let Some(trouble) = &mut wait.trouble {
            trouble.at = in_milliseconds(trouble.at);
        }
        self.changed(now, || {
            Change::Wait(key.clone(), Some(Box::new(wait.clone())))
        });
        self.waits.insert(key, wait);
    }

    /// Removes the wait for a snapshot or copy under no condition.
    pub fn remove_wait(&mut self, resource: &RdsArn, now: Timestamp) -> Option<Wait> {
        self.remove_under(&first_attempt(resource), now)
    }

    fn remove_under(&mut self, key: &RdsArn, now: Timestamp) -> Option<Wait> {
        let removed = self.waits.remove(key)?;
        self.changed(now, || Change::Wait(key.clone(), None));
        Some(removed)
    }

    /// Changes who holds slots, under no condition.
    pub fn change_slots(&mut self, now: Timestamp, change: impl FnOnce(&mut Slots)) {
        change(&mut self.slots);
        self.slots_changed(now);
    }

    fn slots_changed(&mut self, now: Timestamp) {
        if let Some(lag) = &mut self.lag {
            lag.behind.push((now, Change::Slots(self.slots.clone())));
        }
    }

    /// An entry of the catalog, to be changed under no condition.
    pub fn entry_mut(&mut self, database: &ResourceId, policy: &PolicyName) -> &mut CatalogEntry {
        let key = (database.clone(), policy.clone());
        self.catalog.entry(key).or_default()
    }

    /// Removes the waits whose time to live is over.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Wait> {
        let waits = self.waits.iter();
        let over: Vec<RdsArn> = waits
            .filter(|(_, wait)| wait.expires_at() <= now)
            .map(|(key, _)| key.clone())
            .collect();
        over.iter()
            .filter_map(|key| self.remove_under(key, now))
            .collect()
    }

    fn changed(&mut self, now: Timestamp, change: impl FnOnce() -> Change) {
        if let Some(lag) = &mut self.lag {
            lag.behind.push((now, change()));
        }
    }

    /// The stored wait, if it has this token and is at this attempt.
    #[must_use]
    pub fn wait_of(&self, resource: &RdsArn, token: &TaskToken) -> Option<&Wait> {
        self.wait(resource)
            .filter(|stored| stored.command.token == *token && stored.resource == *resource)
    }

    pub(super) fn register(&mut self, wait: &Wait, now: Timestamp) -> Option<Wait> {
        if let Some(stored) = self.wait(&wait.resource) {
            return Some(stored.clone());
        }
        self.put_wait(wait, now);
        None
    }

    pub(super) fn replace(&mut self, wait: &Wait, instead_of: &Wait, now: Timestamp) -> Written {
        let token = &instead_of.command.token;
        if self.wait_of(&instead_of.resource, token).is_none() {
            return Written::Conflict;
        }
        self.put_wait(wait, now);
        Written::Stored
    }

    pub(super) fn set_phase(
        &mut self,
        resource: &RdsArn,
        token: &TaskToken,
        (phase, since): (Phase, Timestamp),
        now: Timestamp,
    ) -> Written {
        self.change_wait(resource, token, now, |stored| {
            let may = stored.phase.may_become(phase);
            may.then_some(Wait {
                phase,
                since,
                ..stored
            })
        })
    }

    pub(super) fn note_trouble(
        &mut self,
        resource: &RdsArn,
        token: &TaskToken,
        trouble: &Trouble,
        now: Timestamp,
    ) -> Written {
        self.change_wait(resource, token, now, |stored| {
            Some(Wait {
                trouble: Some(trouble.clone()),
                ..stored
            })
        })
    }

    fn change_wait(
        &mut self,
        resource: &RdsArn,
        token: &TaskToken,
        now: Timestamp,
        change: impl FnOnce(Wait) -> Option<Wait>,
    ) -> Written {
        let stored = self.wait_of(resource, token).cloned();
        match stored.and_then(change) {
            Some(changed) => {
                self.put_wait(&changed, now);
                Written::Stored
            }
            None => Written::Conflict,
        }
    }

    pub(super) fn forget(&mut self, resource: &RdsArn, token: &TaskToken, now: Timestamp) {
        for key in [first_attempt(resource), resource.clone()] {
            let stored = self.waits.get(&key);
            if stored.is_some_and(|stored| stored.command.token == *token) {
                self.remove_under(&key, now);
            }
        }
    }

    pub(super) fn look_up(&self, resources: &[RdsArn]) -> Vec<Wait> {
        // A later attempt's own ARN is where version 0.1.0 stored its wait.
        let keys: BTreeSet<RdsArn> = resources
            .iter()
            .flat_map(|resource| [first_attempt(resource), resource.clone()])
            .collect();
        keys.iter()
            .filter_map(|key| self.waits.get(key).cloned())
            .collect()
    }

    pub(super) fn claim_slot(
        &mut self,
        copy: &RdsArn,
        limits: &SlotLimits,
        now: Timestamp,
    ) -> bool {
        let held = self.slots.claim(&first_attempt(copy), limits);
        if held {
            self.slots_changed(now);
        }
        held
    }

    pub(super) fn free_slot(
        &mut self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
        proof: &Abandoned,
        now: Timestamp,
    ) -> bool {
        let freed = self.proves(copy, proof) && self.slots.free(copy, of_policy);
        if freed {
            self.slots_changed(now);
        }
        freed
    }

    fn proves(&self, copy: &RdsArn, proof: &Abandoned) -> bool {
        match (self.waits.get(copy), proof) {
            (None, Abandoned::WaitGone) => true,
            (Some(wait), Abandoned::RegisteredSince(since)) => {
                wait.phase == Phase::Registered && wait.since == in_milliseconds(*since)
            }
            _ => false,
        }
    }

    pub(super) fn claim_run(
        &mut self,
        database: &DatabaseRef,
        policy: &PolicyName,
        execution: &ExecutionName,
        at: Timestamp,
        instead_of: Option<&Held>,
    ) -> Claim {
        let entry = self.entry_mut(&database.resource_id, policy);
        if let Some(open) = entry.open.as_ref().filter(|open| *open != execution) {
            let held = Held {
                by: open.clone(),
                since: entry.claimed_at,
            };
            if instead_of != Some(&held) {
                return Claim::HeldBy(held);
            }
        }
        entry.open = Some(execution.clone());
        entry.claimed_at = Some(in_milliseconds(at));
        Claim::Ours
    }

    pub(super) fn enter_recovery_point(&mut self, run: &Run, copy: &Manifest) {
        self.entry_mut(&run.database.resource_id, &run.policy)
            .enter(copy);
    }

    pub(super) fn end_run(&mut self, run: &Run, execution: &ExecutionArn) {
        self.entry_mut(&run.database.resource_id, &run.policy)
            .end_run(execution);
    }

    pub(super) fn read_entries(&self, of: &[(ResourceId, PolicyName)]) -> Vec<Entry> {
        let entries = of.iter().filter_map(|key| {
            let entry = self.catalog.get(key)?;
            Some(Entry {
                database: key.0.clone(),
                policy: key.1.clone(),
                open: entry.open.clone(),
                newest: entry.newest.clone(),
            })
        });
        entries.collect()
    }

    /// Up to when a policy has been planned in a region.
    #[must_use]
    pub fn planned_until(&self, policy: &PolicyName, region: &Region) -> Option<Timestamp> {
        let key = (policy.clone(), region.clone());
        self.cursors.get(&key).copied()
    }

    pub(super) fn set_planned_until(
        &mut self,
        policy: &PolicyName,
        region: &Region,
        due: Timestamp,
    ) {
        let due = in_milliseconds(due);
        let key = (policy.clone(), region.clone());
        let until = self.cursors.entry(key).or_insert(due);
        *until = due.max(*until);
    }

    /// The version of the set that holds, and how it was applied.
    #[must_use]
    pub fn policy_version(&self, version: Version) -> Option<&Applied> {
        let mut sets = self.policies.iter();
        sets.find(|set| set.stamp.version == version)
    }

    pub(super) fn policy_stamps(&self, versions: &[Version]) -> Vec<Stamp> {
        let sets = self.policies.iter().map(|set| &set.stamp);
        sets.filter(|stamp| versions.contains(&stamp.version))
            .cloned()
            .collect()
    }

    /// Stores a set of policies, if its version follows the one that holds.
    pub fn store_policies(&mut self, set: &Applied) -> Written {
        let holds = self.policies.last().map(|set| set.stamp.version);
        if holds != set.stamp.version.previous() {
            return Written::Conflict;
        }
        let mut set = set.clone();
        set.stamp.at = in_milliseconds(set.stamp.at);
        self.policies.push(set);
        Written::Stored
    }

    /// A page of the index of all that is open, the oldest first.
    pub(super) fn list_open(&self, from: Option<&OpenMarker>) -> OpenPage {
        let (waits, slots) = match &self.lag {
            Some(lag) => (&lag.waits, &lag.slots),
            None => (&self.waits, &self.slots),
        };
        let after = from.and_then(read_marker);
        let mut rows: Vec<(i64, &RdsArn)> = waits
            .iter()
            .map(|(key, wait)| (wait.since.as_millisecond(), key))
            .filter(|(since, key)| {
                let after = after.as_ref();
                after.is_none_or(|(from, last)| (*since, *key) > (*from, last))
            })
            .collect();
        rows.sort_unstable();
        let has_more = rows.len() > self.page;
        rows.truncate(self.page);
        let mut page = OpenPage {
            waits: rows.iter().map(|(_, key)| waits[*key].clone()).collect(),
            ..OpenPage::default()
        };
        page.next = rows
            .last()
            .filter(|_| has_more)
            .map(|(since, key)| OpenMarker(format!("{since}|{key}")));
        // The item of the slots is the first of the index.
        if from.is_none() {
            slots.show(&mut page);
        }
        page
    }

    /// Lets the index see what was written before, in order, but for what `is_late`, which is asked with the time of
    /// the write. What was written later to the same item waits for it.
    pub fn catch_up(&mut self, is_late: impl FnMut(Timestamp) -> bool) {
        if let Some(lag) = &mut self.lag {
            lag.catch_up(is_late);
        }
    }
}

fn read_marker(marker: &OpenMarker) -> Option<(i64, RdsArn)> {
    let (since, resource) = marker.0.split_once('|')?;
    Some((since.parse().ok()?, RdsArn::parse(resource).ok()?))
}

/// The index as it is shown, and what it has yet to see.
#[derive(Debug, Clone)]
struct Lag {
    waits: BTreeMap<RdsArn, Wait>,
    slots: Slots,
    behind: Vec<(Timestamp, Change)>,
}

/// A change of an item.
#[derive(Debug, Clone)]
enum Change {
    Wait(RdsArn, Option<Box<Wait>>),
    Slots(Slots),
}

impl Lag {
    fn catch_up(&mut self, mut is_late: impl FnMut(Timestamp) -> bool) {
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
