//! The ports that are the table: waits, slots, catalog.

use jiff::Timestamp;
use snapferry::domain::arn::{ExecutionArn, RdsArn, Region};
use snapferry::domain::command::{DatabaseRef, Run};
use snapferry::domain::manifest::Manifest;
use snapferry::domain::names::ExecutionName;
use snapferry::domain::naming::first_attempt;
use snapferry::domain::policy_set::Applied;
use snapferry::domain::role::Role;
use snapferry::domain::slot_limits::SlotLimits;
use snapferry::domain::tags::PolicyName;
use snapferry::domain::token::TaskToken;
use snapferry::domain::wait::{Phase, Wait};
use snapferry::ports::{
    Abandoned, Claim, ClaimRun, ClaimSlot, FreeSlot, Held, ListOpen, LookUpWaits, OpenMarker,
    OpenPage, PlanCursor, PortError, ReadPlanCursor, ReadPolicies, RecordRecoveryPoint,
    RegisterWaits, Waits, Written,
};

use super::judge::name_of;
use super::mutant::Mutant;
use super::port::{Port, number};
use super::rule;
use super::world::World;

/// A write of a wait's phase.
struct Mark {
    resource: RdsArn,
    token: TaskToken,
    phase: Phase,
    since: Timestamp,
}

impl World {
    fn wait_as_stored(&self, wait: &Wait) -> Wait {
        let mut wait = wait.clone();
        if self.has(Mutant::TimeToLiveIsTooShort) {
            // The time to live is counted from here.
            wait.opened_at -= jiff::SignedDuration::from_hours(10 * 24 - 1);
        }
        if self.has(Mutant::RequestedBeforeRdsAccepts) && wait.phase == Phase::Registered {
            wait.phase = Phase::Requested;
        }
        wait
    }

    fn register(&mut self, invocation: u64, wait: &Wait) -> Option<Wait> {
        let (now, wait) = (self.now, self.wait_as_stored(wait));
        if self.has(Mutant::RegisterOverwrites)
            && let Some(stored) = self.table.get(&wait.resource).cloned()
        {
            self.judge_overwriting(&stored, &wait);
            self.table.overwrite(&wait, now);
            self.doing(invocation).registered.insert(wait.resource);
            return None;
        }
        let stored = self.table.register(&wait, now);
        self.note(|| {
            format!(
                "  {}",
                stored.as_ref().map_or("stored", |_| "another is stored")
            )
        });
        if stored.is_none() {
            self.judge_one_wait(&wait.command.token);
            self.doing(invocation).registered.insert(wait.resource);
        }
        stored
    }

    fn replace(&mut self, invocation: u64, wait: &Wait, instead_of: &Wait) -> Written {
        let (resource, token) = (&instead_of.resource, &instead_of.command.token);
        let is_expected = self.table.has_attempt(resource, token);
        if !is_expected && !self.has(Mutant::ReplaceIgnoresTheToken) {
            return Written::Conflict;
        }
        let (now, wait) = (self.now, self.wait_as_stored(wait));
        if let Some(stored) = self.table.get(&wait.resource).cloned() {
            self.judge_overwriting(&stored, &wait);
        }
        let goes_on = *token == wait.command.token;
        if goes_on {
            self.count("waits gone on to the next attempt");
        }
        if goes_on && self.has(Mutant::NextAttemptLeavesItsWait) {
            self.table.put_beside(&wait, now);
        } else {
            self.table.overwrite(&wait, now);
        }
        self.judge_one_wait(&wait.command.token);
        self.doing(invocation).registered.insert(wait.resource);
        Written::Stored
    }

    fn set_phase(&mut self, by: u64, mark: &Mark) -> Written {
        let resource = &mark.resource;
        let is_own = self.table.has_attempt(resource, &mark.token);
        let stored = self.table.get(resource);
        let stored = stored.is_some_and(|wait| wait.phase.may_become(mark.phase));
        let ignores_the_token = self.has(Mutant::PhaseIgnoresTheToken);
        if !stored || !(is_own || ignores_the_token) {
            self.note(|| "  conflict".to_owned());
            return Written::Conflict;
        }
        if !is_own {
            self.broke(rule::OWN_WAIT, || {
                format!("{resource} is marked by another token")
            });
        }
        let now = self.now;
        self.table.set_phase(resource, mark.phase, mark.since, now);
        self.doing(by).registered.insert(resource.clone());
        Written::Stored
    }

    pub(super) fn forget(&mut self, resource: &RdsArn, token: &TaskToken) {
        if !self.table.has(resource, token) && !self.has(Mutant::ForgetIgnoresTheToken) {
            return;
        }
        let now = self.now;
        if let Some(wait) = self.table.remove(resource, now) {
            self.judge_removal(&wait, "a caller");
        }
    }
}

impl Port {
    /// For the planted bug that deletes first.
    pub(super) async fn forget_at_once(&self, resource: &RdsArn, token: &TaskToken) {
        let _ = self.forget(resource, token).await;
    }
}

impl RegisterWaits for Port {
    async fn register(&self, wait: &Wait) -> Result<Option<Wait>, PortError> {
        if self.has(Mutant::ActsBeforeItRegisters) {
            let stored = self
                .shared
                .world
                .borrow()
                .table
                .get(&wait.resource)
                .cloned();
            let mut world = self.shared.world.borrow_mut();
            if stored.is_none() {
                world.doing(self.invocation).unregistered.push(wait.clone());
            }
            return Ok(stored);
        }
        let (invocation, new) = (self.invocation, wait.clone());
        let detail = || {
            format!(
                "register {} {}",
                number(&wait.command.token),
                wait.resource.name()
            )
        };
        let stored = self
            .aws("PutItem", detail, true, move |w| {
                w.register(invocation, &new)
            })
            .await?;
        Ok(stored.map(|mut stored| {
            if self.has(Mutant::RivalCountsAsItself) {
                stored.command.execution = wait.command.execution.clone();
            }
            if self.has(Mutant::LaterAttemptIsForgotten) {
                stored.resource = wait.resource.clone();
            }
            stored
        }))
    }

    async fn replace(&self, wait: &Wait, instead_of: &Wait) -> Result<Written, PortError> {
        let (invocation, new, old) = (self.invocation, wait.clone(), instead_of.clone());
        let detail = || {
            let (new, old) = (&wait.command.token, &instead_of.command.token);
            let (new, old) = (number(new), number(old));
            format!("replace {old} by {new} {}", wait.resource.name())
        };
        self.aws("PutItem", detail, true, move |w| {
            w.replace(invocation, &new, &old)
        })
        .await
    }
}

impl Waits for Port {
    async fn set_phase(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        phase: Phase,
        since: Timestamp,
    ) -> Result<Written, PortError> {
        let by = self.invocation;
        let mark = Mark {
            resource: resource.clone(),
            token: token.clone(),
            phase,
            since,
        };
        let detail = || format!("{} {} {}", phase.as_str(), number(token), resource.name());
        let written = self
            .aws("UpdateItem", detail, true, move |w| w.set_phase(by, &mark))
            .await?;
        Ok(if self.has(Mutant::ConflictIsOverlooked) {
            Written::Stored
        } else {
            written
        })
    }

    async fn forget(&self, resource: &RdsArn, token: &TaskToken) -> Result<(), PortError> {
        let (of, with) = (resource.clone(), token.clone());
        let detail = || format!("{} {}", number(token), resource.name());
        self.aws("DeleteItem", detail, true, move |w| w.forget(&of, &with))
            .await
    }
}

impl LookUpWaits for Port {
    async fn look_up(&self, resources: &[RdsArn]) -> Result<Vec<Wait>, PortError> {
        let asked = resources.to_vec();
        let detail = || format!("{} keys", resources.len());
        let waits = self
            .aws("BatchGetItem", detail, false, move |w| {
                if asked.len() > 100 {
                    w.broke(rule::SOUND, || "BatchGetItem takes 100 keys".to_owned());
                }
                asked
                    .iter()
                    .filter_map(|arn| w.table.get(arn).cloned())
                    .collect::<Vec<_>>()
            })
            .await?;
        Ok(waits.into_iter().map(|wait| self.as_read(wait)).collect())
    }
}

impl Port {
    /// What the planted bugs make of a wait that is read in order to be judged.
    fn as_read(&self, mut wait: Wait) -> Wait {
        let absence_proves = self.has(Mutant::AbsenceFailsARegisteredWait)
            && wait.phase == Phase::Registered
            || self.has(Mutant::NoGraceForARequestedWait) && wait.phase == Phase::Requested;
        if absence_proves && self.role != Role::Worker {
            wait.phase = Phase::Seen;
        }
        wait
    }
}

impl ListOpen for Port {
    async fn list_open(&self, from: Option<OpenMarker>) -> Result<OpenPage, PortError> {
        let again = from.clone();
        let mut page = self
            .aws("Query", String::new, false, move |w| {
                let now = w.now;
                let lag = w.climate.index_lag;
                let World { table, rng, .. } = w;
                table.list_open(from.as_ref(), now, lag, rng)
            })
            .await?;
        if self.has(Mutant::PagesNeverEnd) {
            page.next = page.next.or(again);
        }
        page.waits = page
            .waits
            .into_iter()
            .map(|wait| self.as_read(wait))
            .collect();
        Ok(page)
    }
}

impl ClaimSlot for Port {
    async fn claim_slot(&self, copy: &RdsArn, limits: &SlotLimits) -> Result<bool, PortError> {
        let of = if self.has(Mutant::LaterAttemptHasItsOwnSlot) {
            copy.clone()
        } else {
            first_attempt(copy)
        };
        let mut limits = limits.clone();
        if self.has(Mutant::SlotIsHandedOutTwice) {
            limits.most += 1;
        }
        if self.has(Mutant::PolicySlotsAreOverlooked) {
            limits.of_policy = None;
        }
        self.aws(
            "UpdateItem",
            || format!("claim slot {}", copy.name()),
            true,
            move |w| {
                let now = w.now;
                let held = w.table.claim_slot(&of, &limits, now);
                w.note(|| format!("  {}", if held { "held" } else { "none is free" }));
                w.count(if held {
                    "slots claimed"
                } else {
                    "slots refused"
                });
                held
            },
        )
        .await
    }
}

impl FreeSlot for Port {
    async fn free_slot(
        &self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
        proof: &Abandoned,
    ) -> Result<bool, PortError> {
        let policy = of_policy.cloned();
        let (of, with) = (copy.clone(), proof.clone());
        let detail = || format!("free slot {} {proof:?}", copy.name());
        self.aws("TransactWriteItems", detail, true, move |w| {
            let proved = w.has(Mutant::SlotIsFreedWithoutProof) || w.table.proves(&of, &with);
            let now = w.now;
            let freed = proved
                && !w.has(Mutant::SlotIsNeverFreed)
                && w.table.drop_slot(&of, policy.as_ref(), now);
            w.note(|| format!("  {}", if freed { "freed" } else { "not freed" }));
            freed
        })
        .await
    }
}

fn entry_key(database: &DatabaseRef, policy: &PolicyName) -> String {
    format!("{}#{policy}", database.resource_id)
}

impl ClaimRun for Port {
    async fn claim_run(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        execution: &ExecutionName,
        at: Timestamp,
        instead_of: Option<&Held>,
    ) -> Result<Claim, PortError> {
        let (key, this, other) = (
            entry_key(database, policy),
            execution.clone(),
            instead_of.cloned(),
        );
        let has_no_grace = self.has(Mutant::ClaimHasNoGrace);
        let claim = self
            .aws(
                "UpdateItem",
                || format!("claim run {execution}"),
                true,
                move |w| {
                    let entry = w.table.catalog.entry(key).or_default();
                    let is_others = |open: &&ExecutionName| **open != this;
                    if let Some(open) = entry.open.as_ref().filter(is_others) {
                        let held = Held {
                            by: open.clone(),
                            // One that is as old as can be has outlived every grace.
                            since: entry.claimed_at.filter(|_| !has_no_grace),
                        };
                        if other.as_ref() != Some(&held) {
                            return Claim::HeldBy(held);
                        }
                    }
                    entry.open = Some(this);
                    entry.claimed_at = Some(at);
                    Claim::Ours
                },
            )
            .await?;
        Ok(if self.has(Mutant::ClaimIsAlwaysOurs) {
            Claim::Ours
        } else {
            claim
        })
    }
}

impl RecordRecoveryPoint for Port {
    /// Two writes, as in the adapter: the second may break when the first is done.
    async fn record_recovery_point(
        &self,
        run: &Run,
        execution: &ExecutionArn,
        copy: &Manifest,
    ) -> Result<(), PortError> {
        let key = entry_key(&run.database, &run.policy);
        let (of, entered, with) = (key.clone(), copy.clone(), run.clone());
        self.aws(
            "UpdateItem",
            || format!("catalog {}", copy.snapshot.name()),
            true,
            move |w| {
                w.judge_entry(&with, &entered);
                if w.has(Mutant::RecoveryPointIsNotEntered) {
                    return;
                }
                let is_last = w.has(Mutant::OlderCopyIsEntered);
                let newest = &mut w.table.catalog.entry(of).or_default().newest;
                let is_newer = match (&*newest, entered.taken_at) {
                    (None, _) => true,
                    (Some(_), None) => false,
                    (Some(newest), taken_at) => newest.taken_at <= taken_at,
                };
                if is_newer || is_last {
                    *newest = Some(entered);
                }
            },
        )
        .await?;
        let name = name_of(execution).to_owned();
        self.aws("UpdateItem", || format!("end run {name}"), true, {
            let name = name.clone();
            move |w| {
                let entry = w.table.catalog.entry(key).or_default();
                if entry
                    .open
                    .as_ref()
                    .is_some_and(|open| open.as_str() == name)
                {
                    entry.open = None;
                }
            }
        })
        .await
    }
}

fn cursor_key(policy: &PolicyName, region: &Region) -> String {
    format!("{policy}#{region}")
}

/// The set that the world was made with; in most worlds nobody has applied one.
impl ReadPolicies for Port {
    async fn current_policies(&self) -> Result<Option<Applied>, PortError> {
        self.aws(
            "GetItem",
            || "policies".to_owned(),
            false,
            |w| w.applied.clone(),
        )
        .await
    }
}

impl ReadPlanCursor for Port {
    async fn planned_until(
        &self,
        policy: &PolicyName,
        region: &Region,
    ) -> Result<Option<Timestamp>, PortError> {
        let key = cursor_key(policy, region);
        self.aws(
            "GetItem",
            || format!("planned {region}"),
            false,
            move |w| w.table.cursors.get(&key).copied(),
        )
        .await
    }
}

impl PlanCursor for Port {
    async fn set_planned_until(
        &self,
        policy: &PolicyName,
        region: &Region,
        due: Timestamp,
    ) -> Result<(), PortError> {
        let key = cursor_key(policy, region);
        let (policy, of) = (policy.clone(), region.clone());
        self.aws(
            "UpdateItem",
            || format!("planned {region} until {due}"),
            true,
            move |w| {
                w.judge_planned(&policy, &of, due);
                let until = w.table.cursors.entry(key).or_insert(due);
                *until = (*until).max(due);
            },
        )
        .await
    }
}
