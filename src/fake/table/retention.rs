//! The writes of retention, each under its condition.

use jiff::Timestamp;

use super::items::Table;
use super::milliseconds::in_milliseconds;
use super::retention_items::RetentionItems;
use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::PolicyName;
use crate::domain::retention::bounds::DatabaseId;
use crate::domain::retention::entered::Entered;
use crate::domain::retention::gone::Listing;
use crate::domain::retention::round::{Freeze, RemovalEntry, Round};
use crate::domain::retention::sightings::Notes;
use crate::domain::run::manifest::Manifest;
use crate::domain::run::naming::first_attempt;
use crate::ports::Written;

impl Table {
    /// What it holds for retention.
    #[must_use]
    pub fn retention(&self) -> &RetentionItems {
        &self.retention
    }

    /// The same, to be changed without a condition.
    pub fn retention_mut(&mut self) -> &mut RetentionItems {
        &mut self.retention
    }

    /// Whether a snapshot, or another attempt at it, is being removed.
    #[must_use]
    pub fn is_being_removed(&self, snapshot: &RdsArn) -> bool {
        self.removal_of(snapshot).is_some()
    }

    /// Which attempt at a snapshot is being removed.
    #[must_use]
    pub fn removal_of(&self, snapshot: &RdsArn) -> Option<&RdsArn> {
        let removal = self.retention.removals.get(&first_attempt(snapshot))?;
        Some(&removal.snapshot)
    }

    pub(in crate::fake) fn register_removal(&mut self, removal: &RemovalEntry) -> Written {
        let key = first_attempt(&removal.snapshot);
        let stored = self.retention.removals.get(&key);
        let is_anothers = stored.is_some_and(|stored| stored.snapshot != removal.snapshot);
        if is_anothers || self.waits.contains_key(&key) {
            return Written::Conflict;
        }
        let removal = RemovalEntry {
            at: in_milliseconds(removal.at),
            ..removal.clone()
        };
        self.retention.removals.insert(key, removal);
        Written::Stored
    }

    pub(in crate::fake) fn drop_removal(&mut self, snapshot: &RdsArn) {
        let key = first_attempt(snapshot);
        let removals = &mut self.retention.removals;
        if removals
            .get(&key)
            .is_some_and(|stored| stored.snapshot == *snapshot)
        {
            removals.remove(&key);
        }
    }

    pub(in crate::fake) fn enter_copy(&mut self, entered: &Entered) {
        let all = &mut self.retention.entered;
        let is_a_success = |stored: &Entered| stored.mismatch.is_none();
        if entered.mismatch.is_some() && all.get(&entered.copy).is_some_and(is_a_success) {
            return;
        }
        let entered = Entered {
            at: in_milliseconds(entered.at),
            snapshot_done_at: entered.snapshot_done_at.map(in_milliseconds),
            ..entered.clone()
        };
        self.retention.entered_until.remove(&entered.copy);
        let all = &mut self.retention.entered;
        all.insert(entered.copy.clone(), entered);
    }

    pub(in crate::fake) fn expire_entered(&mut self, copy: &RdsArn, from: Timestamp) {
        if self.retention.entered.contains_key(copy) {
            self.retention.entered_until.insert(copy.clone(), from);
        }
    }

    pub(in crate::fake) fn store_notes(&mut self, of: &DatabaseId, notes: &Notes) {
        let mut notes = notes.clone();
        for at in notes.since.values_mut() {
            *at = in_milliseconds(*at);
        }
        self.retention.notes.insert(of.clone(), notes);
    }

    pub(in crate::fake) fn store_round(&mut self, round: &Round) {
        let mut round = round.clone();
        for at in round
            .complete_at
            .iter_mut()
            .chain(round.removing.values_mut())
        {
            *at = in_milliseconds(*at);
        }
        self.retention.round = round;
    }

    pub(in crate::fake) fn take_lease(
        &mut self,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> bool {
        let lease = &mut self.retention.lease;
        let is_taken = lease
            .as_ref()
            .is_some_and(|(by, until)| by != holder && *until > now);
        if !is_taken {
            *lease = Some((holder.to_owned(), in_milliseconds(until)));
        }
        !is_taken
    }

    pub(in crate::fake) fn release_lease(&mut self, holder: &str) {
        let lease = &mut self.retention.lease;
        if lease.as_ref().is_some_and(|(by, _)| by == holder) {
            *lease = None;
        }
    }

    pub(in crate::fake) fn store_listing(&mut self, region: &Region, listing: &Listing) {
        let mut listing = listing.clone();
        listing.at = in_milliseconds(listing.at);
        for missing in listing.missing.values_mut() {
            missing.since = in_milliseconds(missing.since);
            missing.counted_at = in_milliseconds(missing.counted_at);
        }
        self.retention.listings.insert(region.clone(), listing);
    }

    pub(in crate::fake) fn set_freeze(&mut self, freeze: &Freeze) {
        self.retention.freeze = Some(Freeze {
            at: in_milliseconds(freeze.at),
            ..freeze.clone()
        });
    }

    pub(in crate::fake) fn correct_newest(
        &mut self,
        database: &ResourceId,
        policy: &PolicyName,
        instead_of: &RdsArn,
        newest: Option<&Manifest>,
    ) -> Written {
        let key = (database.clone(), policy.clone());
        let Some(entry) = self.catalog.get_mut(&key) else {
            return Written::Conflict;
        };
        let has = entry.newest.as_ref().map(|newest| &newest.snapshot);
        if has != Some(instead_of) {
            return Written::Conflict;
        }
        entry.newest = newest.cloned();
        Written::Stored
    }
}
