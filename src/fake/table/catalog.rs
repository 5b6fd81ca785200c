//! The catalog, the planner's cursors and the sets of policies.

use jiff::Timestamp;

use super::items::Table;
use super::milliseconds::in_milliseconds;
use crate::domain::id::arn::{ExecutionArn, Region};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{ExecutionName, ResourceId};
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::cursor::Cursor;
use crate::domain::policy::set::{Applied, Stamp, Version};
use crate::domain::policy::spread::OpenSpread;
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::manifest::Manifest;
use crate::domain::run::permit::{OpenClaim, Permit, permit};
use crate::domain::run::refusal::RefusedForGood;
use crate::json;
use crate::ports::{Claim, Entry, Held, Written};

impl Table {
    pub(in crate::fake) fn claim_run(
        &mut self,
        run: &ProtectionRequest,
        execution: &ExecutionName,
        at: Timestamp,
        instead_of: Option<&Held>,
    ) -> Claim {
        let entry = self.entry_mut(&run.database.resource_id, &run.policy);
        if let Some(open) = entry.open.as_ref().filter(|open| *open != execution) {
            let held = Held {
                by: open.clone(),
                since: entry.claimed_at,
            };
            if instead_of != Some(&held) {
                return Claim::HeldBy(held);
            }
        }
        entry.give_claim(run, execution, at);
        Claim::Ours
    }

    /// Whether this execution holds the claim of the run's database and policy and has this run as its input.
    #[must_use]
    pub fn check_claim(&self, run: &ProtectionRequest, execution: &str) -> Permit {
        let entry = self.entry(&run.database.resource_id, &run.policy);
        let claim = entry.and_then(|entry| {
            Some(OpenClaim {
                by: entry.open.clone()?,
                input: entry.input.clone(),
            })
        });
        permit(claim.as_ref(), execution, &json::run::hash(run))
    }

    pub(in crate::fake) fn release_run(
        &mut self,
        database: &DatabaseRef,
        policy: &PolicyName,
        execution: &ExecutionName,
    ) {
        self.entry_mut(&database.resource_id, policy)
            .release(execution.as_str());
    }

    pub(in crate::fake) fn remember_refusal(
        &mut self,
        database: &DatabaseRef,
        policy: &PolicyName,
        refusal: &RefusedForGood,
    ) {
        self.entry_mut(&database.resource_id, policy).refused = Some(refusal.clone());
    }

    pub(in crate::fake) fn forget_refusal(&mut self, database: &DatabaseRef, policy: &PolicyName) {
        self.entry_mut(&database.resource_id, policy).refused = None;
    }

    pub(in crate::fake) fn enter_recovery_point(
        &mut self,
        run: &ProtectionRequest,
        copy: &Manifest,
    ) {
        self.entry_mut(&run.database.resource_id, &run.policy)
            .enter(copy);
    }

    /// The next recovery point is recorded and its claim stays, as if the second of the adapter's two writes had
    /// failed.
    pub fn fail_next_end_of_run(&mut self) {
        self.stops_early = true;
    }

    pub(in crate::fake) fn take_failing_end_of_run(&mut self) -> bool {
        std::mem::take(&mut self.stops_early)
    }

    pub(in crate::fake) fn end_run(&mut self, run: &ProtectionRequest, execution: &ExecutionArn) {
        self.entry_mut(&run.database.resource_id, &run.policy)
            .end_run(execution);
    }

    pub(in crate::fake) fn read_entries(&self, of: &[(ResourceId, PolicyName)]) -> Vec<Entry> {
        let entries = of.iter().filter_map(|key| {
            let entry = self.catalog.get(key)?;
            Some(Entry {
                database: key.0.clone(),
                policy: key.1.clone(),
                open: entry.open.clone(),
                newest: entry.newest.clone(),
                refused: entry.refused.clone(),
            })
        });
        entries.collect()
    }

    /// The last due time that the planner has handled for a policy in a region, and the databases that it left over.
    #[must_use]
    pub fn plan_cursor(&self, policy: &PolicyName, region: &Region) -> Option<&Cursor> {
        self.cursors.get(&(policy.clone(), region.clone()))
    }

    pub(in crate::fake) fn set_plan_cursor(
        &mut self,
        policy: &PolicyName,
        region: &Region,
        cursor: &Cursor,
    ) {
        let cursor = Cursor {
            until: in_milliseconds(cursor.until),
            spread: cursor.spread.map(|open| OpenSpread {
                through: in_milliseconds(open.through),
                ..open
            }),
            ..cursor.clone()
        };
        let key = (policy.clone(), region.clone());
        let stored = self.cursors.get(&key);
        if stored.is_none_or(|stored| stored.until <= cursor.until) {
            self.cursors.insert(key, cursor);
        }
    }

    /// The set of this version, if it was applied.
    #[must_use]
    pub fn policy_version(&self, version: Version) -> Option<&Applied> {
        let mut sets = self.policies.iter();
        sets.find(|set| set.stamp.version == version)
    }

    pub(in crate::fake) fn policy_stamps(&self, versions: &[Version]) -> Vec<Stamp> {
        let sets = self.policies.iter().map(|set| &set.stamp);
        sets.filter(|stamp| versions.contains(&stamp.version))
            .cloned()
            .collect()
    }

    /// Stores a set of policies if its version is the next one.
    pub fn store_policies(&mut self, set: &Applied) -> Written {
        let current = self.policies.last().map(|set| set.stamp.version);
        if current != set.stamp.version.previous() {
            return Written::Conflict;
        }
        let mut set = set.clone();
        set.stamp.at = in_milliseconds(set.stamp.at);
        self.policies.push(set);
        Written::Stored
    }
}
