//! The ports of the table.

use jiff::Timestamp;

use super::super::table::Table;
use super::{Holds, Ports, assert_batch};
use crate::domain::id::arn::{ExecutionArn, Family, RdsArn, Region};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{ExecutionName, ResourceId};
use crate::domain::id::tags::PolicyName;
use crate::domain::id::token::TaskToken;
use crate::domain::policy::cursor::Cursor;
use crate::domain::policy::set::{Applied, Stamp, Version};
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::last_error::LastError;
use crate::domain::run::learnt_limit::LearntLimit;
use crate::domain::run::look_times::LastSweep;
use crate::domain::run::manifest::Manifest;
use crate::domain::run::permit::Permit;
use crate::domain::run::refusal::RefusedForGood;
use crate::domain::run::slot_limits::SlotLimits;
use crate::domain::run::taken_slots::{HandOver, SeenSlot, TakenSlots};
use crate::domain::run::turn::QueuedCopy;
use crate::domain::run::wait::{Phase, Wait};
use crate::ports::{
    Abandoned, CheckClaim, Claim, ClaimRun, ClaimSlot, Entry, ForgetIdle, ForgetRefusal, FreeSlot,
    HandOnSlot, HandOutSlot, HearDead, Held, LearnLimits, ListOpen, ListQueue, LookUpWaits,
    NoteError, NoteSweep, Occupant, OpenMarker, OpenPage, Page, PlanCursor, PortError, QueueCopies,
    ReadEntries, ReadLastSweep, ReadLearntLimit, ReadPlanCursor, ReadPolicies, ReadPolicyHistory,
    ReadSlots, RecordRecoveryPoint, RegisterWaits, RememberRefusal, StorePolicies, Waits, Written,
};

impl<L: Holds> Ports<L> {
    fn table<T>(&self, act: impl FnOnce(&mut Table, Timestamp) -> T) -> T {
        self.with(|state| act(&mut state.table, state.now))
    }
}

impl<L: Holds> RegisterWaits for Ports<L> {
    async fn register(&self, wait: &Wait) -> Result<Option<Occupant>, PortError> {
        Ok(self.table(|table, now| {
            if let Some(removed) = table.removal_of(&wait.resource) {
                return Some(Occupant::Removal(removed.clone()));
            }
            let stored = table.register(wait, now)?;
            Some(Occupant::Wait(Box::new(stored)))
        }))
    }

    async fn register_past_removal(
        &self,
        wait: &Wait,
        removed: &RdsArn,
    ) -> Result<Written, PortError> {
        Ok(self.table(|table, now| {
            if table.removal_of(&wait.resource) != Some(removed) {
                return Written::Conflict;
            }
            table.drop_removal(removed);
            table.put_wait(wait, now);
            Written::Stored
        }))
    }

    async fn replace(&self, wait: &Wait, instead_of: &Wait) -> Result<Written, PortError> {
        Ok(self.table(|table, now| table.replace(wait, instead_of, now)))
    }
}

impl<L: Holds> Waits for Ports<L> {
    async fn set_phase(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        phase: Phase,
        since: Timestamp,
    ) -> Result<Written, PortError> {
        Ok(self.table(|table, now| table.set_phase(resource, token, (phase, since), now)))
    }

    async fn note_absence(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        absent: bool,
    ) -> Result<Written, PortError> {
        Ok(self.table(|table, now| table.note_absence(resource, token, absent, now)))
    }

    async fn forget(&self, resource: &RdsArn, token: &TaskToken) -> Result<bool, PortError> {
        Ok(self.table(|table, now| table.forget(resource, token, now)))
    }
}

impl<L: Holds> QueueCopies for Ports<L> {
    async fn queue_copy(&self, wait: &Wait, since: Timestamp) -> Result<Written, PortError> {
        Ok(self.table(|table, now| table.queue_copy(wait, since, now)))
    }

    async fn give_turn(&self, wait: &Wait) -> Result<Written, PortError> {
        Ok(self.table(|table, now| table.give_turn(wait, now)))
    }
}

impl<L: Holds> ListQueue for Ports<L> {
    async fn list_queue(
        &self,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<QueuedCopy>, PortError> {
        Ok(self.table(|table, _| table.list_queue(family, marker.as_deref())))
    }
}

impl<L: Holds> HandOutSlot for Ports<L> {
    async fn hand_out_slot(
        &self,
        copy: &RdsArn,
        limits: &SlotLimits,
        known: &SeenSlot,
        new: &HandOver,
    ) -> Result<bool, PortError> {
        Ok(self.table(|table, now| table.hand_out_slot(copy, limits, (known, new), now)))
    }
}

impl<L: Holds> ReadSlots for Ports<L> {
    async fn taken_slots(&self) -> Result<TakenSlots, PortError> {
        Ok(self.table(|table, _| table.slots().taken()))
    }
}

impl<L: Holds> HandOnSlot for Ports<L> {
    async fn hand_on_slot(
        &self,
        settled: &RdsArn,
        known: &TakenSlots,
        after: &TakenSlots,
    ) -> Result<Written, PortError> {
        Ok(self.table(|table, now| table.hand_on_slot(settled, (known, after), now)))
    }
}

impl<L: Holds> ForgetIdle for Ports<L> {
    async fn forget_idle(&self, wait: &Wait) -> Result<Written, PortError> {
        Ok(self.table(|table, now| table.forget_idle(wait, now)))
    }
}

impl<L: Holds> NoteError for Ports<L> {
    async fn note_error(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        last_error: &LastError,
    ) -> Result<Written, PortError> {
        Ok(self.table(|table, now| table.note_error(resource, token, last_error, now)))
    }
}

impl<L: Holds> HearDead for Ports<L> {
    async fn heard_dead(
        &self,
        token: &TaskToken,
        occasion: &str,
        _at: Timestamp,
    ) -> Result<bool, PortError> {
        Ok(self.table(|table, _| table.heard_dead(token, occasion)))
    }
}

impl<L: Holds> LookUpWaits for Ports<L> {
    async fn look_up(&self, resources: &[RdsArn]) -> Result<Vec<Wait>, PortError> {
        assert_batch(resources);
        Ok(self.table(|table, _| table.look_up(resources)))
    }
}

impl<L: Holds> ListOpen for Ports<L> {
    async fn list_open(&self, from: Option<OpenMarker>) -> Result<OpenPage, PortError> {
        Ok(self.table(|table, _| table.list_open(from.as_ref())))
    }
}

impl<L: Holds> ClaimSlot for Ports<L> {
    async fn claim_slot(&self, copy: &RdsArn, limits: &SlotLimits) -> Result<bool, PortError> {
        Ok(self.table(|table, now| table.claim_slot(copy, limits, now)))
    }
}

impl<L: Holds> FreeSlot for Ports<L> {
    async fn free_slot(
        &self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
        proof: &Abandoned,
    ) -> Result<bool, PortError> {
        Ok(self.table(|table, now| table.free_slot(copy, of_policy, proof, now)))
    }
}

impl<L: Holds> CheckClaim for Ports<L> {
    async fn check_claim(
        &self,
        run: &ProtectionRequest,
        execution: &str,
    ) -> Result<Permit, PortError> {
        Ok(self.table(|table, _| table.check_claim(run, execution)))
    }
}

impl<L: Holds> ReadLearntLimit for Ports<L> {
    async fn learnt_limit(&self, family: Family) -> Result<Option<LearntLimit>, PortError> {
        Ok(self.table(|table, _| table.learnt_limit(family).cloned()))
    }
}

impl<L: Holds> LearnLimits for Ports<L> {
    async fn learn_limit(
        &self,
        family: Family,
        known: Option<&LearntLimit>,
        learnt: &LearntLimit,
    ) -> Result<Written, PortError> {
        Ok(self.table(|table, _| table.learn_limit(family, known, learnt)))
    }
}

impl<L: Holds> ReadLastSweep for Ports<L> {
    async fn last_sweep(&self) -> Result<Option<LastSweep>, PortError> {
        Ok(self.table(|table, _| table.last_sweep().copied()))
    }
}

impl<L: Holds> NoteSweep for Ports<L> {
    async fn note_sweep(&self, sweep: &LastSweep) -> Result<(), PortError> {
        self.table(|table, _| table.note_sweep(sweep));
        Ok(())
    }
}

impl<L: Holds> ClaimRun for Ports<L> {
    async fn claim_run(
        &self,
        run: &ProtectionRequest,
        execution: &ExecutionName,
        at: Timestamp,
        instead_of: Option<&Held>,
    ) -> Result<Claim, PortError> {
        Ok(self.table(|table, _| table.claim_run(run, execution, at, instead_of)))
    }

    async fn release_run(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        execution: &ExecutionName,
    ) -> Result<(), PortError> {
        self.table(|table, _| table.release_run(database, policy, execution));
        Ok(())
    }
}

impl<L: Holds> RecordRecoveryPoint for Ports<L> {
    async fn record_recovery_point(
        &self,
        run: &ProtectionRequest,
        execution: &ExecutionArn,
        copy: &Manifest,
    ) -> Result<(), PortError> {
        self.table(|table, _| {
            table.enter_recovery_point(run, copy);
            if !table.take_failing_end_of_run() {
                table.end_run(run, execution);
            }
        });
        Ok(())
    }
}

impl<L: Holds> ReadEntries for Ports<L> {
    async fn read_entries(&self, of: &[(ResourceId, PolicyName)]) -> Result<Vec<Entry>, PortError> {
        assert_batch(of);
        Ok(self.table(|table, _| table.read_entries(of)))
    }
}

impl<L: Holds> RememberRefusal for Ports<L> {
    async fn remember_refusal(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        refusal: &RefusedForGood,
    ) -> Result<(), PortError> {
        self.table(|table, _| table.remember_refusal(database, policy, refusal));
        Ok(())
    }
}

impl<L: Holds> ForgetRefusal for Ports<L> {
    async fn forget_refusal(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
    ) -> Result<(), PortError> {
        self.table(|table, _| table.forget_refusal(database, policy));
        Ok(())
    }
}

impl<L: Holds> ReadPlanCursor for Ports<L> {
    async fn plan_cursor(
        &self,
        policy: &PolicyName,
        region: &Region,
    ) -> Result<Option<Cursor>, PortError> {
        Ok(self.table(|table, _| table.plan_cursor(policy, region).cloned()))
    }
}

impl<L: Holds> PlanCursor for Ports<L> {
    async fn set_plan_cursor(
        &self,
        policy: &PolicyName,
        region: &Region,
        cursor: &Cursor,
    ) -> Result<(), PortError> {
        self.table(|table, _| table.set_plan_cursor(policy, region, cursor));
        Ok(())
    }
}

impl<L: Holds> ReadPolicies for Ports<L> {
    async fn current_policies(&self) -> Result<Option<Applied>, PortError> {
        Ok(self.table(|table, _| table.policies().last().cloned()))
    }
}

impl<L: Holds> ReadPolicyHistory for Ports<L> {
    async fn current_stamp(&self) -> Result<Option<Stamp>, PortError> {
        Ok(self.table(|table, _| {
            let current = table.policies().last();
            current.map(|set| set.stamp.clone())
        }))
    }

    async fn policy_version(&self, version: Version) -> Result<Option<Applied>, PortError> {
        Ok(self.table(|table, _| table.policy_version(version).cloned()))
    }

    async fn policy_stamps(&self, versions: &[Version]) -> Result<Vec<Stamp>, PortError> {
        assert_batch(versions);
        Ok(self.table(|table, _| table.policy_stamps(versions)))
    }
}

impl<L: Holds> StorePolicies for Ports<L> {
    async fn store_policies(&self, set: &Applied) -> Result<Written, PortError> {
        Ok(self.table(|table, _| table.store_policies(set)))
    }
}
