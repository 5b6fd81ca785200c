//! The table itself, its waits and its slots.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::PolicyName;
use crate::domain::id::token::TaskToken;
use crate::domain::policy::cursor::Cursor;
use crate::domain::policy::selected::{SelectedPart, UnreadablePart};
use crate::domain::policy::set::Applied;
use crate::domain::restore::record::RestoreKey;
use crate::domain::run::last_error::LastError;
use crate::domain::run::learnt_limit::LearntLimit;
use crate::domain::run::look_times::LastSweep;
use crate::domain::run::naming::first_attempt;
use crate::domain::run::turn::{QueuedCopy, Turn};
use crate::domain::run::wait::{Phase, Wait};
use crate::ports::{OpenRemovals, StoredDrills, StoredRestore, Written};

use super::catalog_entry::CatalogEntry;
use super::configuration_items::ConfigurationItems;
use super::index_lag::{Change, Lag};
use super::milliseconds::in_milliseconds;
use super::retention_items::RetentionItems;
use super::slots::Slots;

/// The table.
#[derive(Debug, Clone)]
pub struct Table {
    /// The waits, each under the ARN of the first attempt.
    pub(super) waits: BTreeMap<RdsArn, Wait>,
    /// The queued copies, in the order of their turns.
    pub(super) queue: BTreeSet<QueuedCopy>,
    /// Waits of queued copies that an earlier version queued. They have no place in the queue.
    pub(super) without_turn: BTreeSet<RdsArn>,
    pub(super) slots: Slots,
    /// What RDS's refusals have taught, for each family.
    learnt: BTreeMap<Family, LearntLimit>,
    swept: Option<LastSweep>,
    pub(super) catalog: BTreeMap<(ResourceId, PolicyName), CatalogEntry>,
    pub(super) cursors: BTreeMap<(PolicyName, Region), Cursor>,
    /// The databases that each policy selects in each region, by the number of the item.
    pub(super) selected:
        BTreeMap<(PolicyName, Region, usize), Result<SelectedPart, UnreadablePart>>,
    /// Every set that was applied, in the order of their versions. The last one is in force.
    pub(super) policies: Vec<Applied>,
    /// On which occasion each token was first called dead.
    called_dead: BTreeMap<String, String>,
    pub(super) retention: RetentionItems,
    pub(super) configurations: ConfigurationItems,
    pub(super) restores: BTreeMap<RestoreKey, StoredRestore>,
    pub(super) drills: BTreeMap<ResourceId, StoredDrills>,
    pub(super) open_removals: OpenRemovals,
    /// Where the index shows older items than the table has.
    pub(super) lag: Option<Lag>,
    pub(super) page: usize,
    /// Whether the second write of the next recovery point fails.
    pub(super) stops_early: bool,
}

impl Default for Table {
    /// Pages are small, so that there are several.
    fn default() -> Self {
        Self::with_pages_of(3)
    }
}

impl Table {
    /// An empty table whose index has this many waits on a page.
    #[must_use]
    pub fn with_pages_of(page: usize) -> Self {
        Self {
            waits: BTreeMap::new(),
            queue: BTreeSet::new(),
            without_turn: BTreeSet::new(),
            slots: Slots::default(),
            learnt: BTreeMap::new(),
            swept: None,
            catalog: BTreeMap::new(),
            cursors: BTreeMap::new(),
            selected: BTreeMap::new(),
            policies: Vec::new(),
            called_dead: BTreeMap::new(),
            retention: RetentionItems::default(),
            configurations: ConfigurationItems::default(),
            restores: BTreeMap::new(),
            drills: BTreeMap::new(),
            open_removals: OpenRemovals::default(),
            lag: None,
            page,
            stops_early: false,
        }
    }

    /// From now on the index shows a change only after [`Table::catch_up`] allows it.
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

    /// What RDS's refusals have taught about a family's copies.
    #[must_use]
    pub fn learnt_limit(&self, family: Family) -> Option<&LearntLimit> {
        self.learnt.get(&family)
    }

    pub(in crate::fake) fn learn_limit(
        &mut self,
        family: Family,
        known: Option<&LearntLimit>,
        learnt: &LearntLimit,
    ) -> Written {
        if self.learnt.get(&family) != known {
            return Written::Conflict;
        }
        let mut learnt = learnt.clone();
        learnt.since = in_milliseconds(learnt.since);
        self.learnt.insert(family, learnt);
        Written::Stored
    }

    /// What the last sweeps found.
    #[must_use]
    pub fn last_sweep(&self) -> Option<&LastSweep> {
        self.swept.as_ref()
    }

    pub(in crate::fake) fn note_sweep(&mut self, sweep: &LastSweep) {
        self.swept = Some(LastSweep {
            complete_at: in_milliseconds(sweep.complete_at),
            missed_at: sweep.missed_at.map(in_milliseconds),
        });
    }

    /// What the catalog stores about a database and a policy.
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

    /// Stores a wait without a condition.
    pub fn put_wait(&mut self, wait: &Wait, now: Timestamp) {
        self.put_wait_under(first_attempt(&wait.resource), wait, now);
    }

    /// Stores a wait without a condition under another key, as version 0.1.0 did with a later attempt's own ARN.
    pub fn put_wait_under(&mut self, key: RdsArn, wait: &Wait, now: Timestamp) {
        let mut wait = wait.clone();
        for time in [&mut wait.since, &mut wait.opened_at] {
            *time = in_milliseconds(*time);
        }
        wait.source_expires_at = wait.source_expires_at.map(in_milliseconds);
        if let Some(last_error) = &mut wait.last_error {
            last_error.at = in_milliseconds(last_error.at);
        }
        self.changed(now, || {
            Change::Wait(key.clone(), Some(Box::new(wait.clone())))
        });
        self.leave_queue(&key);
        if wait.phase == Phase::Queued {
            self.queue.insert(queued(&key, &wait));
        }
        self.waits.insert(key, wait);
    }

    /// Stores the wait of a queued copy as version 0.1.0 did, which gave it no place in the queue.
    pub fn put_queued_without_turn(&mut self, wait: &Wait, now: Timestamp) {
        let key = first_attempt(&wait.resource);
        self.put_wait(wait, now);
        self.leave_queue(&key);
        self.without_turn.insert(key);
    }

    fn leave_queue(&mut self, key: &RdsArn) {
        self.without_turn.remove(key);
        if let Some(stored) = self.waits.get(key) {
            self.queue.remove(&queued(key, stored));
        }
    }

    /// Removes the wait for a snapshot or copy without a condition.
    pub fn remove_wait(&mut self, resource: &RdsArn, now: Timestamp) -> Option<Wait> {
        self.remove_under(&first_attempt(resource), now)
    }

    fn remove_under(&mut self, key: &RdsArn, now: Timestamp) -> Option<Wait> {
        self.leave_queue(key);
        let removed = self.waits.remove(key)?;
        self.changed(now, || Change::Wait(key.clone(), None));
        Some(removed)
    }

    /// Changes who holds slots, without a condition.
    pub fn change_slots(&mut self, now: Timestamp, change: impl FnOnce(&mut Slots)) {
        change(&mut self.slots);
        self.slots_changed(now);
    }

    pub(super) fn slots_changed(&mut self, now: Timestamp) {
        if let Some(lag) = &mut self.lag {
            lag.behind.push((now, Change::Slots(self.slots.clone())));
        }
    }

    /// An entry of the catalog, to be changed without a condition.
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

    pub(in crate::fake) fn register(&mut self, wait: &Wait, now: Timestamp) -> Option<Wait> {
        if let Some(stored) = self.wait(&wait.resource) {
            return Some(stored.clone());
        }
        self.put_wait(wait, now);
        None
    }

    pub(in crate::fake) fn replace(
        &mut self,
        wait: &Wait,
        instead_of: &Wait,
        now: Timestamp,
    ) -> Written {
        let token = &instead_of.command.token;
        if self.wait_of(&instead_of.resource, token).is_none() {
            return Written::Conflict;
        }
        self.put_wait(wait, now);
        Written::Stored
    }

    pub(in crate::fake) fn set_phase(
        &mut self,
        resource: &RdsArn,
        token: &TaskToken,
        (phase, since): (Phase, Timestamp),
        now: Timestamp,
    ) -> Written {
        // Only `queue_copy` gives a place in the queue.
        let has_turn = self.wait(resource).is_some_and(|stored| {
            self.queue
                .contains(&queued(&first_attempt(resource), stored))
        });
        let written = self.change_wait(resource, token, now, |stored| {
            let is_new = phase != Phase::Registered || stored.since < since;
            let may = is_new && stored.phase.may_become(phase);
            may.then_some(Wait {
                phase,
                since,
                ..stored
            })
        });
        if written == Written::Stored && phase == Phase::Queued && !has_turn {
            self.leave_queue(&first_attempt(resource));
            self.without_turn.insert(first_attempt(resource));
        }
        written
    }

    pub(in crate::fake) fn queue_copy(
        &mut self,
        wait: &Wait,
        since: Timestamp,
        now: Timestamp,
    ) -> Written {
        let token = &wait.command.token;
        self.change_wait(&wait.resource, token, now, |stored| {
            stored.phase.may_become(Phase::Queued).then_some(Wait {
                phase: Phase::Queued,
                since,
                ..stored
            })
        })
    }

    pub(in crate::fake) fn give_turn(&mut self, wait: &Wait, now: Timestamp) -> Written {
        let token = &wait.command.token;
        self.change_wait(&wait.resource, token, now, |stored| {
            let since = in_milliseconds(wait.since);
            let is_as_seen = stored.phase == Phase::Queued && stored.since == since;
            is_as_seen.then_some(stored)
        })
    }

    pub(in crate::fake) fn note_error(
        &mut self,
        resource: &RdsArn,
        token: &TaskToken,
        last_error: &LastError,
        now: Timestamp,
    ) -> Written {
        self.change_wait(resource, token, now, |stored| {
            Some(Wait {
                last_error: Some(last_error.clone()),
                ..stored
            })
        })
    }

    pub(in crate::fake) fn note_absence(
        &mut self,
        resource: &RdsArn,
        token: &TaskToken,
        absent: bool,
        now: Timestamp,
    ) -> Written {
        self.change_wait(resource, token, now, |stored| {
            Some(Wait { absent, ..stored })
        })
    }

    pub(in crate::fake) fn heard_dead(&mut self, token: &TaskToken, occasion: &str) -> bool {
        let first = self
            .called_dead
            .entry(token.reveal().to_owned())
            .or_insert_with(|| occasion.to_owned());
        first.as_str() != occasion
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

    pub(in crate::fake) fn forget(
        &mut self,
        resource: &RdsArn,
        token: &TaskToken,
        now: Timestamp,
    ) -> bool {
        let mut has_deleted = false;
        for key in [first_attempt(resource), resource.clone()] {
            let stored = self.waits.get(&key);
            if stored.is_some_and(|stored| stored.command.token == *token) {
                has_deleted |= self.remove_under(&key, now).is_some();
            }
        }
        has_deleted
    }

    pub(in crate::fake) fn forget_idle(&mut self, wait: &Wait, now: Timestamp) -> Written {
        let stored = self.wait_of(&wait.resource, &wait.command.token);
        let is_as_read = |stored: &Wait| {
            stored.phase == wait.phase && stored.since == in_milliseconds(wait.since)
        };
        if !stored.is_some_and(is_as_read) {
            return Written::Conflict;
        }
        self.remove_wait(&wait.resource, now);
        Written::Stored
    }

    pub(in crate::fake) fn look_up(&self, resources: &[RdsArn]) -> Vec<Wait> {
        // Version 0.1.0 stored the wait of a later attempt under that attempt's own ARN.
        let keys: BTreeSet<RdsArn> = resources
            .iter()
            .flat_map(|resource| [first_attempt(resource), resource.clone()])
            .collect();
        keys.iter()
            .filter_map(|key| self.waits.get(key).cloned())
            .collect()
    }
}

/// A queued copy in its place.
pub(super) fn queued(key: &RdsArn, wait: &Wait) -> QueuedCopy {
    QueuedCopy {
        turn: Turn::of(wait),
        copy: key.clone(),
    }
}
