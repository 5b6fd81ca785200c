//! The ports that are the table, and what DynamoDB bills for them.

use jiff::Timestamp;
use snapferry::domain::arn::{ExecutionArn, RdsArn, Region};
use snapferry::domain::command::{DatabaseRef, Run};
use snapferry::domain::manifest::Manifest;
use snapferry::domain::names::ExecutionName;
use snapferry::domain::policy_set::Applied;
use snapferry::domain::slot_limits::SlotLimits;
use snapferry::domain::tags::PolicyName;
use snapferry::domain::token::TaskToken;
use snapferry::domain::trouble::Trouble;
use snapferry::domain::wait::{Phase, Wait};
use snapferry::ports::{
    Abandoned, Claim, ClaimRun, ClaimSlot, FreeSlot, Held, ListOpen, LookUpWaits, NoteTrouble,
    OpenMarker, OpenPage, PlanCursor, PortError, ReadPlanCursor, ReadPolicies, RecordRecoveryPoint,
    RegisterWaits, Waits, Written,
};

use super::port::{OTHER_CALL, Port};
use super::table::{CATALOG_KB, SLOTS_KB, WAIT_KB};

impl RegisterWaits for Port<'_> {
    async fn register(&self, wait: &Wait) -> Result<Option<Wait>, PortError> {
        let mut inner = self.other();
        inner.wrote(2 * WAIT_KB);
        if let Some(stored) = inner.state.table.get(&wait.resource) {
            return Ok(Some(stored.clone()));
        }
        inner.state.table.put(wait.clone());
        Ok(None)
    }

    async fn replace(&self, wait: &Wait, instead_of: &Wait) -> Result<Written, PortError> {
        let mut inner = self.other();
        inner.wrote(3 * WAIT_KB);
        let stored = inner.state.table.get(&wait.resource);
        let is_expected = stored.is_some_and(|stored| {
            stored.command.token == instead_of.command.token
                && stored.resource == instead_of.resource
        });
        if !is_expected {
            return Ok(Written::Conflict);
        }
        inner.state.table.put(wait.clone());
        Ok(Written::Stored)
    }
}

impl Waits for Port<'_> {
    async fn set_phase(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        phase: Phase,
        since: Timestamp,
    ) -> Result<Written, PortError> {
        let mut inner = self.other();
        // The index is sorted by `since`: its item is taken out and put in again.
        inner.wrote(3 * WAIT_KB);
        let stored = inner
            .state
            .table
            .get(resource)
            .filter(|stored| stored.command.token == *token && stored.resource == *resource);
        let Some(stored) = stored else {
            return Ok(Written::Conflict);
        };
        let marked = Wait {
            phase,
            since,
            ..stored.clone()
        };
        inner.state.table.put(marked);
        Ok(Written::Stored)
    }

    async fn forget(&self, resource: &RdsArn, token: &TaskToken) -> Result<(), PortError> {
        let mut inner = self.other();
        inner.wrote(2 * WAIT_KB);
        if inner.state.table.has(resource, token) {
            inner.state.table.remove(resource);
        }
        Ok(())
    }
}

impl NoteTrouble for Port<'_> {
    async fn note_trouble(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        trouble: &Trouble,
    ) -> Result<Written, PortError> {
        let mut inner = self.other();
        inner.wrote(2 * WAIT_KB);
        let stored = inner
            .state
            .table
            .get(resource)
            .filter(|stored| stored.command.token == *token);
        let Some(stored) = stored else {
            return Ok(Written::Conflict);
        };
        let noted = Wait {
            trouble: Some(trouble.clone()),
            ..stored.clone()
        };
        inner.state.table.put(noted);
        Ok(Written::Stored)
    }
}

impl LookUpWaits for Port<'_> {
    async fn look_up(&self, resources: &[RdsArn]) -> Result<Vec<Wait>, PortError> {
        let mut inner = self.other();
        // A key costs a unit, found or not.
        inner.cloud.ledger.half_read_units += 2 * resources.len() as u64;
        let table = &inner.state.table;
        Ok(resources
            .iter()
            .filter_map(|arn| table.get(arn).cloned())
            .collect())
    }
}

impl ListOpen for Port<'_> {
    async fn list_open(&self, _: Option<OpenMarker>) -> Result<OpenPage, PortError> {
        let mut inner = self.other();
        let open = inner.state.table.open() as u64;
        let kilobytes = open * WAIT_KB
            + if inner.state.table.slots.is_empty() {
                0
            } else {
                SLOTS_KB
            };
        inner.cloud.ledger.half_read_units += kilobytes.div_ceil(4).max(1);
        // A page holds a megabyte.
        let more_pages = (kilobytes / 1_000) as u32;
        inner.other_calls += more_pages;
        inner.elapsed = inner
            .elapsed
            .saturating_add(OTHER_CALL.saturating_mul(more_pages as i32 + 1));
        Ok(inner.state.table.list_open())
    }
}

impl ClaimSlot for Port<'_> {
    async fn claim_slot(&self, copy: &RdsArn, limits: &SlotLimits) -> Result<bool, PortError> {
        let mut inner = self.other();
        let held = inner.state.table.claim_slot(copy, limits);
        // A condition that fails is billed like the write.
        inner.wrote(if held { 2 * SLOTS_KB } else { SLOTS_KB });
        Ok(held)
    }
}

impl FreeSlot for Port<'_> {
    async fn free_slot(
        &self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
        proof: &Abandoned,
    ) -> Result<bool, PortError> {
        let mut inner = self.other();
        // Twice in a transaction; the index once more.
        inner.wrote(2 * SLOTS_KB + 2 * WAIT_KB + SLOTS_KB);
        let table = &mut inner.state.table;
        Ok(table.proves(copy, proof) && table.drop_slot(copy, of_policy))
    }
}

fn entry_key(database: &DatabaseRef, policy: &PolicyName) -> String {
    format!("{}#{policy}", database.resource_id)
}

impl ClaimRun for Port<'_> {
    async fn claim_run(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        execution: &ExecutionName,
        at: Timestamp,
        instead_of: Option<&Held>,
    ) -> Result<Claim, PortError> {
        let mut inner = self.other();
        inner.wrote(CATALOG_KB);
        let entry = inner
            .state
            .table
            .catalog
            .entry(entry_key(database, policy))
            .or_default();
        Ok(match &entry.open {
            Some(open)
                if open != execution
                    && instead_of
                        .is_none_or(|held| held.by != *open || held.since != entry.claimed_at) =>
            {
                Claim::HeldBy(Held {
                    by: open.clone(),
                    since: entry.claimed_at,
                })
            }
            _ => {
                entry.open = Some(execution.clone());
                entry.claimed_at = Some(at);
                Claim::Ours
            }
        })
    }
}

impl RecordRecoveryPoint for Port<'_> {
    async fn record_recovery_point(
        &self,
        run: &Run,
        execution: &ExecutionArn,
        copy: &Manifest,
    ) -> Result<(), PortError> {
        let mut inner = self.other();
        // Two writes, as in the adapter.
        inner.other_calls += 1;
        inner.wrote(2 * CATALOG_KB);
        let key = entry_key(&run.database, &run.policy);
        let entry = inner.state.table.catalog.entry(key).or_default();
        entry.newest = Some(copy.clone());
        let ends = entry
            .open
            .as_ref()
            .is_some_and(|open| execution.as_str().ends_with(open.as_str()));
        if ends {
            entry.open = None;
        }
        Ok(())
    }
}

impl ReadPlanCursor for Port<'_> {
    async fn planned_until(
        &self,
        policy: &PolicyName,
        region: &Region,
    ) -> Result<Option<Timestamp>, PortError> {
        let mut inner = self.other();
        inner.cloud.ledger.half_read_units += 2;
        Ok(inner
            .state
            .table
            .cursors
            .get(&format!("{policy}#{region}"))
            .copied())
    }
}

impl PlanCursor for Port<'_> {
    async fn set_planned_until(
        &self,
        policy: &PolicyName,
        region: &Region,
        due: Timestamp,
    ) -> Result<(), PortError> {
        let mut inner = self.other();
        inner.wrote(1);
        inner
            .state
            .table
            .cursors
            .insert(format!("{policy}#{region}"), due);
        Ok(())
    }
}

impl ReadPolicies for Port<'_> {
    /// None was ever applied here: the built-in one holds.
    async fn current_policies(&self) -> Result<Option<Applied>, PortError> {
        self.other().cloud.ledger.half_read_units += 2;
        Ok(None)
    }
}
