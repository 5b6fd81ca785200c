//! The ports that are the table and the queues, with a planted bug, if the world has one.

use super::*;
use crate::simulation::rule;

impl Mutated {
    /// A wait as a planted bug stores it.
    fn as_stored(&self, wait: &Wait) -> Wait {
        let mut wait = wait.clone();
        match self.mutant {
            Some(Mutant::TimeToLiveIsTooShort) => {
                // The time to live is counted from here.
                wait.opened_at -= jiff::SignedDuration::from_hours(10 * 24 - 1);
            }
            Some(Mutant::RequestedBeforeRdsAccepts) if wait.phase == Phase::Registered => {
                wait.phase = Phase::Requested;
            }
            _ => {}
        }
        wait
    }

    /// What the planted bugs make of a wait that is read in order to be judged.
    fn as_read(&self, mut wait: Wait) -> Wait {
        let absence_proves = match self.mutant {
            Some(Mutant::AbsenceFailsARegisteredWait) => wait.phase == Phase::Registered,
            Some(Mutant::NoGraceForARequestedWait) => wait.phase == Phase::Requested,
            _ => false,
        };
        if absence_proves && self.role() != Some(Role::Worker) {
            wait.phase = Phase::Seen;
        }
        wait.absent |= self.has(Mutant::OneAbsenceProves);
        wait
    }

    /// Writes a wait under no condition.
    fn overwrite(&self, stored: Option<&Wait>, wait: &Wait) {
        let (by, mut world) = (self.invocation(), self.world());
        let now = world.now;
        if let Some(stored) = stored {
            world.judge_overwriting(stored, wait);
        }
        world.table.put_wait(wait, now);
        world.stored(by, wait);
    }
}

impl RegisterWaits for Mutated {
    async fn register(&self, wait: &Wait) -> Result<Option<Occupant>, PortError> {
        if self.has(Mutant::ActsBeforeItRegisters) {
            let (by, mut world) = (self.invocation(), self.world());
            let stored = world.table.wait(&wait.resource).cloned();
            if stored.is_none() {
                world.doing(by).unregistered.push(wait.clone());
            }
            return Ok(stored.map(|stored| Occupant::Wait(Box::new(stored))));
        }
        let new = self.as_stored(wait);
        let mut stored = match self.inner.register(&new).await? {
            Some(Occupant::Wait(stored)) => stored,
            other => return Ok(other),
        };
        match self.mutant {
            Some(Mutant::RegisterOverwrites) => {
                self.overwrite(Some(&stored), &new);
                return Ok(None);
            }
            Some(Mutant::RivalCountsAsItself) => {
                stored.command.execution = wait.command.execution.clone();
            }
            Some(Mutant::LaterAttemptIsForgotten) => stored.resource = wait.resource.clone(),
            _ => {}
        }
        Ok(Some(Occupant::Wait(stored)))
    }

    async fn register_past_removal(
        &self,
        wait: &Wait,
        removed: &RdsArn,
    ) -> Result<Written, PortError> {
        let mut new = self.as_stored(wait);
        if self.has(Mutant::RemovedNameIsUsedAgain) {
            new.resource = removed.clone();
        }
        self.inner.register_past_removal(&new, removed).await
    }

    async fn replace(&self, wait: &Wait, instead_of: &Wait) -> Result<Written, PortError> {
        let new = self.as_stored(wait);
        let written = self.inner.replace(&new, instead_of).await?;
        match (written, self.mutant) {
            (Written::Conflict, Some(Mutant::ReplaceIgnoresTheToken)) => {
                let stored = self.world().table.wait(&new.resource).cloned();
                self.overwrite(stored.as_ref(), &new);
                Ok(Written::Stored)
            }
            (Written::Stored, Some(Mutant::NextAttemptLeavesItsWait))
                if instead_of.command.token == new.command.token =>
            {
                let (by, mut world) = (self.invocation(), self.world());
                let now = world.now;
                world.table.put_wait(instead_of, now);
                let beside = new.resource.clone();
                world.table.put_wait_under(beside, &new, now);
                world.stored(by, &new);
                Ok(Written::Stored)
            }
            (written, _) => Ok(written),
        }
    }
}

impl Waits for Mutated {
    async fn set_phase(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        phase: Phase,
        since: Timestamp,
    ) -> Result<Written, PortError> {
        let marked = self.inner.set_phase(resource, token, phase, since);
        match (marked.await?, self.mutant) {
            (Written::Conflict, Some(Mutant::PhaseIgnoresTheToken)) => {
                Ok(self.mark_anyway(resource, phase, since))
            }
            (Written::Conflict, Some(Mutant::ConflictIsOverlooked)) => Ok(Written::Stored),
            (written, _) => Ok(written),
        }
    }

    async fn note_absence(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        absent: bool,
    ) -> Result<Written, PortError> {
        self.inner.note_absence(resource, token, absent).await
    }

    async fn forget(&self, resource: &RdsArn, token: &TaskToken) -> Result<bool, PortError> {
        let is_deleted = self.inner.forget(resource, token).await?;
        if self.has(Mutant::ForgetIgnoresTheToken) {
            let mut world = self.world();
            let now = world.now;
            if let Some(wait) = world.table.remove_wait(resource, now) {
                world.judge_removal(&wait, "a caller");
            }
        }
        Ok(is_deleted)
    }
}

impl Mutated {
    fn mark_anyway(&self, resource: &RdsArn, phase: Phase, since: Timestamp) -> Written {
        let (by, mut world) = (self.invocation(), self.world());
        let now = world.now;
        let stored = world.table.wait(resource).cloned();
        let Some(stored) = stored.filter(|stored| stored.phase.may_become(phase)) else {
            return Written::Conflict;
        };
        world.broke(rule::OWN_WAIT, || {
            format!("{resource} is marked by another token")
        });
        let marked = Wait {
            phase,
            since,
            ..stored
        };
        world.table.put_wait(&marked, now);
        world.doing(by).registered.insert(resource.clone());
        Written::Stored
    }
}

impl NoteError for Mutated {
    async fn note_error(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        last_error: &LastError,
    ) -> Result<Written, PortError> {
        self.inner.note_error(resource, token, last_error).await
    }
}

impl EnterCopies for Mutated {
    async fn enter_copy(&self, entered: &Entered) -> Result<(), PortError> {
        self.inner.enter_copy(entered).await
    }
}

impl HearDead for Mutated {
    async fn heard_dead(
        &self,
        token: &TaskToken,
        occasion: &str,
        at: Timestamp,
    ) -> Result<bool, PortError> {
        let before = self.inner.heard_dead(token, occasion, at).await?;
        Ok(before || self.has(Mutant::OneDeadIsBelieved))
    }
}

impl LookUpWaits for Mutated {
    async fn look_up(&self, resources: &[RdsArn]) -> Result<Vec<Wait>, PortError> {
        let waits = self.inner.look_up(resources).await?;
        Ok(waits.into_iter().map(|wait| self.as_read(wait)).collect())
    }
}

impl ListOpen for Mutated {
    async fn list_open(&self, from: Option<OpenMarker>) -> Result<OpenPage, PortError> {
        let mut page = self.inner.list_open(from.clone()).await?;
        if self.has(Mutant::PagesNeverEnd) {
            page.next = page.next.or(from);
        }
        if self.has(Mutant::AwaitedIsRemoved) && self.role() == Some(Role::Pruner) {
            page.waits.clear();
        }
        let waits = page.waits.into_iter();
        page.waits = waits.map(|wait| self.as_read(wait)).collect();
        Ok(page)
    }
}

impl QueueCopies for Mutated {
    async fn queue_copy(&self, wait: &Wait, since: Timestamp) -> Result<Written, PortError> {
        self.inner.queue_copy(wait, since).await
    }

    async fn give_turn(&self, wait: &Wait) -> Result<Written, PortError> {
        self.inner.give_turn(wait).await
    }
}

impl ListQueue for Mutated {
    async fn list_queue(
        &self,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<QueuedCopy>, PortError> {
        let mut page = self.inner.list_queue(family, marker).await?;
        if self.has(Mutant::QueueIsReadBackwards) {
            // The places are changed too, because both families' copies are put in order by them.
            let turns: Vec<_> = page.items.iter().rev().map(|one| one.turn).collect();
            for (one, turn) in page.items.iter_mut().zip(turns) {
                one.turn = turn;
            }
        }
        Ok(page)
    }
}

impl ReadSlots for Mutated {
    async fn taken_slots(&self) -> Result<TakenSlots, PortError> {
        self.inner.taken_slots().await
    }
}

impl HandOnSlot for Mutated {
    async fn hand_on_slot(
        &self,
        settled: &RdsArn,
        known: &TakenSlots,
        after: &TakenSlots,
    ) -> Result<Written, PortError> {
        let written = self.inner.hand_on_slot(settled, known, after).await?;
        self.forget_stamps();
        Ok(written)
    }
}

impl HandOutSlot for Mutated {
    async fn hand_out_slot(
        &self,
        copy: &RdsArn,
        limits: &SlotLimits,
        known: &SeenSlot,
        new: &HandOver,
    ) -> Result<bool, PortError> {
        if self.has(Mutant::SweepHandsNothingOut) {
            return Ok(false);
        }
        let limits = self.as_limited(limits);
        let held = self.inner.hand_out_slot(copy, &limits, known, new).await?;
        self.forget_stamps();
        Ok(held)
    }
}

impl Mutated {
    /// The bug that stores no stamp.
    fn forget_stamps(&self) {
        if self.has(Mutant::HandOverIsNotStamped) {
            let mut world = self.world();
            let now = world.now;
            world.table.change_slots(now, |slots| slots.handed.clear());
        }
    }

    /// The limits as a planted bug reads them.
    fn as_limited(&self, limits: &SlotLimits) -> SlotLimits {
        match self.mutant {
            Some(Mutant::SlotIsHandedOutTwice) => {
                let more = limits.iter().map(|(group, max)| (group.clone(), max + 1));
                more.collect()
            }
            Some(Mutant::PolicySlotsAreOverlooked) => {
                let of_all = limits.iter().filter(|(group, _)| group.policy().is_none());
                of_all.map(|(group, max)| (group.clone(), max)).collect()
            }
            _ => limits.clone(),
        }
    }
}

impl ClaimSlot for Mutated {
    async fn claim_slot(&self, copy: &RdsArn, limits: &SlotLimits) -> Result<bool, PortError> {
        let limits = self.as_limited(limits);
        match self.mutant {
            Some(Mutant::LaterAttemptHasItsOwnSlot) if first_attempt(copy) != *copy => {
                let mut world = self.world();
                let now = world.now;
                return Ok(world.table.claim_slot_of_attempt(copy, &limits, now));
            }
            _ => {}
        }
        self.inner.claim_slot(copy, &limits).await
    }
}

impl FreeSlot for Mutated {
    async fn free_slot(
        &self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
        proof: &Abandoned,
    ) -> Result<bool, PortError> {
        if self.has(Mutant::SlotIsNeverFreed) {
            return Ok(false);
        }
        let freed = self.inner.free_slot(copy, of_policy, proof).await?;
        if !freed && self.has(Mutant::SlotIsFreedWithoutProof) {
            let mut world = self.world();
            let now = world.now;
            world.table.change_slots(now, |slots| {
                slots.free(copy, of_policy);
            });
        }
        Ok(freed)
    }
}

impl ReadLearntLimit for Mutated {
    async fn learnt_limit(&self, family: Family) -> Result<Option<LearntLimit>, PortError> {
        let learnt = self.inner.learnt_limit(family).await?;
        Ok(learnt.filter(|_| !self.has(Mutant::LearntLimitIsIgnored)))
    }
}

impl LearnLimits for Mutated {
    async fn learn_limit(
        &self,
        family: Family,
        known: Option<&LearntLimit>,
        learnt: &LearntLimit,
    ) -> Result<Written, PortError> {
        self.inner.learn_limit(family, known, learnt).await
    }
}

impl ReadLastSweep for Mutated {
    async fn last_sweep(&self) -> Result<Option<LastSweep>, PortError> {
        let last = self.inner.last_sweep().await?;
        let all_is_looked_at = LastSweep {
            complete_at: self.inner.now(),
            missed_at: None,
        };
        Ok(match self.has(Mutant::SweepLooksAtNothing) {
            true => Some(all_is_looked_at),
            false => last,
        })
    }
}

impl NoteSweep for Mutated {
    async fn note_sweep(&self, sweep: &LastSweep) -> Result<(), PortError> {
        self.inner.note_sweep(sweep).await
    }
}

impl CheckClaim for Mutated {
    async fn check_claim(
        &self,
        run: &ProtectionRequest,
        execution: &str,
    ) -> Result<Permit, PortError> {
        match self.inner.check_claim(run, execution).await? {
            Permit::Refused(_) if self.has(Mutant::ClaimIsNotChecked) => Ok(Permit::Given),
            // The check lets hardly two executions contend for a wait, and the token must hold without it.
            Permit::Refused(_)
                if self.has(Mutant::ReplaceIgnoresTheToken) && !self.world().is_forged(run) =>
            {
                Ok(Permit::Given)
            }
            permit => Ok(permit),
        }
    }
}

impl ClaimRun for Mutated {
    async fn claim_run(
        &self,
        run: &ProtectionRequest,
        execution: &ExecutionName,
        at: Timestamp,
        instead_of: Option<&Held>,
    ) -> Result<Claim, PortError> {
        let has_no_grace = self.has(Mutant::ClaimHasNoGrace);
        let mut looked_at = instead_of.cloned();
        if has_no_grace && let Some(held) = &mut looked_at {
            let world = self.world();
            let entry = world.table.entry(&run.database.resource_id, &run.policy);
            held.since = entry.and_then(|entry| entry.claimed_at);
        }
        let claim = self
            .inner
            .claim_run(run, execution, at, looked_at.as_ref())
            .await?;
        Ok(match claim {
            Claim::HeldBy(_) if self.has(Mutant::ClaimIsAlwaysOurs) => Claim::Ours,
            // A claim without a time counts as older than every grace period.
            Claim::HeldBy(held) if has_no_grace => Claim::HeldBy(Held {
                since: None,
                ..held
            }),
            claim => claim,
        })
    }

    async fn release_run(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        execution: &ExecutionName,
    ) -> Result<(), PortError> {
        self.inner.release_run(database, policy, execution).await
    }
}

impl RecordRecoveryPoint for Mutated {
    async fn record_recovery_point(
        &self,
        run: &ProtectionRequest,
        execution: &ExecutionArn,
        copy: &Manifest,
    ) -> Result<(), PortError> {
        let id = &run.database.resource_id;
        let before = self.world().table.entry(id, &run.policy).cloned();
        let recorded = self.inner.record_recovery_point(run, execution, copy);
        let recorded = recorded.await;
        let newest = match self.mutant {
            Some(Mutant::RecoveryPointIsNotEntered) => before.and_then(|entry| entry.newest),
            Some(Mutant::OlderCopyIsEntered) if recorded.is_ok() => Some(copy.clone()),
            _ => return recorded,
        };
        let mut world = self.world();
        world.table.entry_mut(id, &run.policy).newest = newest;
        recorded
    }
}

/// The set that the world was made with; in most worlds nobody has applied one.
impl ReadPolicies for Mutated {
    async fn current_policies(&self) -> Result<Option<Applied>, PortError> {
        self.inner.current_policies().await
    }
}

impl ReadEntries for Mutated {
    async fn read_entries(&self, of: &[(ResourceId, PolicyName)]) -> Result<Vec<Entry>, PortError> {
        let mut entries = self.inner.read_entries(of).await?;
        if self.role() == Some(Role::Planner) {
            let now = self.now();
            for refused in entries
                .iter_mut()
                .filter_map(|entry| entry.refused.as_mut())
            {
                match self.mutant {
                    Some(Mutant::RefusalLapsesAtOnce) => {
                        let at = refused.at.checked_sub(TRY_AGAIN_AFTER);
                        refused.at = at.unwrap_or(Timestamp::MIN);
                    }
                    Some(Mutant::RefusalHoldsForEver) => refused.at = now,
                    _ => {}
                }
            }
        }
        Ok(entries)
    }
}

impl RememberRefusal for Mutated {
    async fn remember_refusal(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        refusal: &RefusedForGood,
    ) -> Result<(), PortError> {
        if self.has(Mutant::RefusalIsForgotten) {
            return Ok(());
        }
        self.inner.remember_refusal(database, policy, refusal).await
    }
}

impl ForgetRefusal for Mutated {
    async fn forget_refusal(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
    ) -> Result<(), PortError> {
        self.inner.forget_refusal(database, policy).await
    }
}

impl ReadPlanCursor for Mutated {
    async fn plan_cursor(
        &self,
        policy: &PolicyName,
        region: &Region,
    ) -> Result<Option<Cursor>, PortError> {
        self.inner.plan_cursor(policy, region).await
    }
}

impl PlanCursor for Mutated {
    async fn set_plan_cursor(
        &self,
        policy: &PolicyName,
        region: &Region,
        cursor: &Cursor,
    ) -> Result<(), PortError> {
        let mut cursor = cursor.clone();
        match self.mutant {
            Some(Mutant::LeftOverIsForgotten) => cursor.kept.clear(),
            Some(Mutant::OpenSpreadIsForgotten) => cursor.spread = None,
            Some(Mutant::RestOfTheSpreadIsStored) => {
                if let Some(open) = &mut cursor.spread {
                    open.over -= open.through.duration_since(cursor.until);
                }
            }
            _ => {}
        }
        self.inner.set_plan_cursor(policy, region, &cursor).await
    }
}

impl ReadSelected for Mutated {
    async fn read_selected(
        &self,
        policy: &PolicyName,
        region: &Region,
        part: usize,
    ) -> Result<Option<Result<SelectedPart, UnreadablePart>>, PortError> {
        self.inner.read_selected(policy, region, part).await
    }
}

impl StoreSelected for Mutated {
    async fn store_selected(
        &self,
        policy: &PolicyName,
        region: &Region,
        part: usize,
        selected: &SelectedPart,
    ) -> Result<(), PortError> {
        self.inner
            .store_selected(policy, region, part, selected)
            .await
    }
}

impl SendCommand for Mutated {
    async fn send_command(&self, command: &Command) -> Result<(), PortError> {
        if self.has(Mutant::QueuedCommandIsLost) {
            return Ok(());
        }
        self.inner.send_command(command).await
    }
}

impl SendLater for Mutated {
    async fn send_later(
        &self,
        command: &Command,
        tries: u32,
        delay: Duration,
    ) -> Result<(), PortError> {
        if self.has(Mutant::ThrottledCommandIsLost) {
            return Ok(());
        }
        self.inner.send_later(command, tries, delay).await
    }
}

impl DelayMessage for Mutated {
    async fn delay_message(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<(), PortError> {
        self.inner.delay_message(receipt, delay).await
    }
}
