//! What happens around each call of an invocation: it waits at the gate, it may break, and its effect is judged.

use std::cell::RefMut;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::id::arn::{RdsArn, Region};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::role::Role;
use snapferry::domain::id::token::TaskToken;
use snapferry::domain::rds::snapshot::Snapshot;
use snapferry::domain::run::failure::{Operation, Reason, Remedy};
use snapferry::domain::run::naming::first_attempt;
use snapferry::domain::run::permit::Permit;
use snapferry::domain::run::wait::Wait;
use snapferry::fake::{Action, Answer, Call, CallOutcome, Effect, Holds, Hook, Ports, Refusal};
use snapferry::ports::{Delivery, Entry, Occupant, PortError, RdsError, Written};

use super::gate::{Broken, Decision, Gate};
use super::models::{Machine, ModelledRds};
use super::queue::Note;
use super::world::{Shared, State, World};
use crate::faults::Fault;

/// The state of the fake is a part of the world.
pub(super) struct Held(pub(super) Rc<Shared>);

impl Holds for Held {
    type Rds = ModelledRds;
    type StepFunctions = Machine;
    type Note = Note;

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.world.borrow_mut().state)
    }
}

/// The fake over a world.
pub(super) type Fake = Ports<Held>;

/// The hook of one invocation.
pub(super) struct Gatekeeper {
    pub(super) shared: Rc<Shared>,
    pub(super) invocation: u64,
    /// Which function it is. `None` for a person's command.
    pub(super) role: Option<Role>,
}

impl Gatekeeper {
    fn world(&self) -> RefMut<'_, World> {
        self.shared.world.borrow_mut()
    }
}

/// A token's number. The trace shows nothing else of a token.
fn number(token: &TaskToken) -> String {
    let text = token.reveal();
    text.strip_prefix("token-")
        .map_or_else(|| "#?".to_owned(), |number| format!("#{number}"))
}

fn joined<T: ToString>(ids: &[T]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(",")
}

/// A call in the trace.
fn label(call: &Call) -> String {
    let of_wait = |wait: &Wait| {
        let token = number(&wait.command.token);
        format!("{token} {}", wait.resource.name())
    };
    let detail = match call {
        Call::FindDatabases { ids, .. } => joined(ids),
        Call::DescribeSnapshots { ids, .. } => joined(ids),
        Call::AutomatedSnapshots { .. } => "automated".to_owned(),
        Call::CreateSnapshot { request } => request.id.to_string(),
        Call::CopySnapshot { request } => request.id.to_string(),
        Call::ProbeToken { token } => number(token),
        Call::SendTaskSuccess { token, manifest } => {
            format!("{} {}", number(token), manifest.snapshot.name())
        }
        Call::SendTaskFailure { token, failure } => {
            format!("{} {}", number(token), failure.reason)
        }
        Call::StartExecution { name, .. } | Call::DescribeExecution { name } => name.to_string(),
        Call::Register { wait } => format!("register {}", of_wait(wait)),
        Call::Replace { wait, instead_of } => {
            format!("replace {} by {}", of_wait(instead_of), of_wait(wait))
        }
        Call::SetPhase {
            resource,
            token,
            phase,
            ..
        } => format!("{} {} {}", phase.as_str(), number(token), resource.name()),
        Call::Forget { resource, token } => format!("{} {}", number(token), resource.name()),
        Call::NoteError {
            resource, token, ..
        } => format!("trouble {} {}", number(token), resource.name()),
        Call::LookUp { resources } => format!("{} keys", resources.len()),
        Call::ClaimSlot { holder, .. } => format!("claim slot {}", holder.name()),
        Call::HandOutSlot { holder, .. } => format!("hand out slot {}", holder.name()),
        Call::HandOnSlot { settled, .. } => format!("hand on slot {}", settled.name()),
        Call::QueueCopy { wait, .. } => format!("queue {}", of_wait(wait)),
        Call::FreeSlot { holder, proof, .. } => format!("free slot {} {proof:?}", holder.name()),
        Call::ClaimRun { execution, .. } => format!("claim run {execution}"),
        Call::ReleaseRun { execution, .. } => format!("release run {execution}"),
        Call::RecordRecoveryPoint { point, .. } => format!("catalog {}", point.snapshot.name()),
        Call::CurrentPolicies {} => "policies".to_owned(),
        Call::PlanCursor { region, .. } => format!("planned {region}"),
        Call::SetPlanCursor { region, cursor, .. } => {
            let (until, kept) = (cursor.until, cursor.kept.len());
            let through = cursor
                .spread
                .map(|open| format!(" through {}", open.through));
            let through = through.unwrap_or_default();
            format!("planned {region} until {until}{through} but {kept}")
        }
        Call::SendCommand { command } => again(command.step.as_str(), &command.token),
        Call::SendLater { command, delay, .. } => {
            let again = again(command.step.as_str(), &command.token);
            format!("{again} in {delay:?}")
        }
        Call::DelayMessage { receipt, delay } => format!("{} by {delay:?}", receipt.0),
        _ => String::new(),
    };
    match call.action() {
        Action::Rds(operation, region) => format!("{operation} {region} {detail}"),
        Action::Other(action) => format!("{action} {detail}"),
    }
}

fn again(step: &str, token: &TaskToken) -> String {
    format!("{step} {} again", number(token))
}

/// What the caller of a broken call gets as its answer.
fn refusal(broken: Broken, action: Action<'_>) -> Refusal {
    let (code, message) = match (broken, action) {
        (Broken::NoAnswer, _) => return Refusal::no_answer(),
        (Broken::Throttled, Action::Rds(..)) => ("Throttling", "Rate exceeded".to_owned()),
        (Broken::Throttled, Action::Other(_)) => ("ThrottlingException", String::new()),
        (Broken::Internal, Action::Rds(..)) => ("InternalFailure", String::new()),
        (Broken::Internal, Action::Other(_)) => ("InternalServerError", String::new()),
        (Broken::Denied, Action::Rds(operation, _)) => ("AccessDenied", not_authorized(operation)),
        (Broken::Denied, Action::Other(_)) => ("AccessDeniedException", String::new()),
    };
    Refusal {
        code: Some(code.to_owned()),
        message,
    }
}

fn not_authorized(operation: Operation) -> String {
    format!("not authorized to perform rds:{operation}")
}

impl World {
    /// Why a call does not reach RDS. `None` if it does.
    fn stops_before_rds(&mut self, operation: Operation, region: &Region) -> Option<Refusal> {
        if self.down.contains_key(region.as_str()) {
            self.count_fault(Fault::RegionDown);
            return Some(Refusal::no_answer());
        }
        if self.denied.contains_key(&operation) {
            self.count_fault(Fault::AccessDenied);
            return Some(Refusal {
                code: Some("AccessDenied".to_owned()),
                message: not_authorized(operation),
            });
        }
        None
    }

    /// What happens to a call after the scheduler's decision.
    fn planned(&mut self, call: &Call, decision: Decision) -> CallOutcome {
        let told = |broken| refusal(broken, call.action());
        let (broken, late) = match decision {
            Decision::Panic => return CallOutcome::Panics,
            Decision::FailBefore(broken) => return CallOutcome::Refused(told(broken)),
            Decision::Through => (None, None),
            Decision::FailAfter(broken) => (Some(broken), None),
            Decision::FailLate(broken, at) => (Some(broken), Some(at)),
        };
        if let Action::Rds(operation, region) = call.action()
            && let Some(refusal) = self.stops_before_rds(operation, region)
        {
            return CallOutcome::Refused(broken.map_or(refusal, told));
        }
        if let Some(refusal) = Self::refuses_for_good(call) {
            return CallOutcome::Refused(broken.map_or(refusal, told));
        }
        match (broken, late) {
            (None, _) => CallOutcome::Proceeds,
            (Some(broken), Some(at)) => CallOutcome::Late(at, told(broken)),
            (Some(broken), None) => {
                // The adapter writes a recovery point and the end of its run in two writes.
                if matches!(call, Call::RecordRecoveryPoint { .. }) && self.rng.bool() {
                    self.table.fail_next_end_of_run();
                }
                CallOutcome::AnswerLost(told(broken))
            }
        }
    }

    /// A call is made.
    fn judge_making(&mut self, by: u64, call: &Call) {
        if let Action::Rds(operation, region) = call.action() {
            self.judge_region_of(by, operation, region);
        }
        match call {
            Call::ChangeDatabase { call, .. } => self.judge_change(by, call),
            Call::DeleteDrilled { family, name, .. } => self.judge_deletion(by, *family, name),
            Call::CreateSnapshot { request } => {
                self.judge_permission(&request.tags);
                self.judge_asking(by, &asked_for(call));
            }
            Call::CopySnapshot { request } => {
                self.judge_permission(&request.tags);
                let copy = asked_for(call);
                self.judge_asking(by, &copy);
                // It may be throttled before it reaches RDS, and count as asked for all the same.
                self.forget_what_was_shown(by, &copy);
                self.doing(by).answers.entry(copy).or_default();
            }
            Call::ClaimSlot { holder, limits } | Call::HandOutSlot { holder, limits, .. } => {
                self.judge_claim(holder, limits);
            }
            // Its effect may come after the invocation has ended.
            Call::SendCommand { command } => self.judge_sending(by, command),
            Call::DeleteSnapshot { snapshot } => self.judge_removal_of(by, snapshot),
            Call::SendTaskSuccess { token, manifest } => {
                self.judge_success(token.reveal(), manifest);
            }
            Call::SendTaskFailure { token, failure } => {
                self.judge_failure(by, token.reveal(), failure);
            }
            Call::NoteError {
                resource,
                last_error,
                ..
            } if last_error.remedy == Some(Remedy::RaiseQuota) => {
                self.judge_quota(resource.region())
            }
            _ => {}
        }
    }

    /// A call is about to take effect.
    fn judge_effect(&mut self, (by, role): (u64, Option<Role>), call: &Call) {
        match call {
            Call::ListOpen { .. } | Call::ListQueue { .. } => self.index_catches_up(),
            Call::ProbeToken { .. } => self.step_functions.errs = self.faults_are_on,
            Call::DescribeSnapshots { .. } => {
                let odd =
                    self.fault_rates.odd_statuses && self.faults_are_on && self.rng.u8(..8) == 0;
                self.rds.shows_odd_statuses = odd;
                self.rds.lags = self.faults_are_on;
            }
            Call::Replace { wait, instead_of } => {
                let token = &instead_of.command.token;
                let stored = self.table.wait_of(&instead_of.resource, token).cloned();
                if let Some(stored) = stored {
                    self.judge_overwriting(&stored, wait);
                    self.note_earlier_turn(&stored);
                    if *token == wait.command.token {
                        self.count("waits gone on to the next attempt");
                        // The attempt that it leaves behind must have failed.
                        self.judge_removal(&stored, "its own worker");
                    }
                }
            }
            Call::Forget { resource, token } => {
                let stored = self.table.wait(resource).cloned();
                let stored = stored.filter(|stored| stored.command.token == *token);
                if let Some(stored) = stored {
                    self.judge_removal(&stored, "a caller");
                }
            }
            Call::ForgetIdle { wait } => self.judge_forgetting(by, wait),
            Call::RecordRecoveryPoint { run, point, .. } => self.judge_entry(run, point),
            Call::SetPlanCursor {
                policy,
                region,
                cursor,
            } => self.judge_planned(by, (policy, region), cursor),
            Call::StartExecution { name, run }
                if !self.step_functions.executions.contains_key(name.as_str()) =>
            {
                self.judge_start(name.as_str(), run);
                self.judge_own_time(by, name.as_str(), run);
                self.judge_tried_again(by, run);
                self.count("executions started");
                if run.options.automated.is_some() {
                    self.count(started_by(role));
                }
            }
            _ => {}
        }
    }

    /// A call has taken effect.
    fn judge_answer(&mut self, by: u64, call: &Call, answer: &dyn Answer) {
        if matches!(call, Call::DescribeSnapshots { .. }) {
            self.doing(by).looked_at = Some(self.now);
        }
        if matches!(call, Call::DeleteSnapshot { .. }) {
            self.doing(by).deleted_at = Some(self.now);
        }
        if matches!(call, Call::ListOpen { .. }) {
            let now = self.now;
            self.doing(by).listed_at.get_or_insert(now);
        }
        self.note(|| format!("  {answer:?}"));
        self.interfere_with_a_round(call);
        for _ in 0..std::mem::take(&mut self.rds.left_out) {
            self.count_fault(Fault::ListLags);
        }
        for _ in 0..std::mem::take(&mut self.step_functions.erred) {
            self.count_fault(Fault::DeadByMistake);
        }
        match call {
            Call::DescribeRestored { .. } | Call::ListRestored { .. } => {
                self.doing(by).looked_at_databases = Some(self.now);
            }
            Call::ChangeDatabase { call, .. } => {
                if let Some(id) = made(answer) {
                    self.judge_made(call, id);
                }
            }
            Call::StoreRestore { restore } if is_stored(answer) => {
                self.judge_restore(&restore.record);
            }
            Call::CreateSnapshot { .. } | Call::CopySnapshot { .. } => {
                let arn = asked_for(call);
                let code = answer.code().map(ToOwned::to_owned);
                if code.as_deref() == Some("SnapshotQuotaExceeded") && self.no_copy_has_a_place() {
                    self.count("RDS refused a copy for lack of places");
                }
                let accepted = code.is_none();
                self.forget_what_was_shown(by, &arn);
                self.doing(by).answers.insert(arn.clone(), code);
                if accepted {
                    self.judge_accepted(&arn);
                }
            }
            Call::DescribeSnapshots { region, ids, .. } => {
                let found = found(answer).unwrap_or_default();
                if self.rds.shows_odd_statuses && !found.is_empty() {
                    self.count_fault(Fault::UnknownStatus);
                }
                if answer.code().is_none() {
                    self.note_what_is_shown(by, (region, ids), found);
                }
            }
            Call::CheckClaim { run, execution }
                if self.table.check_claim(run, execution) != Permit::Given =>
            {
                self.doing(by).not_permitted.insert(execution.clone());
            }
            Call::ReadEntries { .. } => {
                let read =
                    (answer as &dyn std::any::Any).downcast_ref::<Result<Vec<Entry>, PortError>>();
                let entries = read.and_then(|read| read.as_ref().ok());
                for entry in entries.into_iter().flatten() {
                    self.note_refusal(by, entry);
                }
            }
            Call::StopExecution { .. } if is(answer, |()| true) => {
                self.count("a person stops a run by snapferry stop");
            }
            Call::ReadFreeze {} => {
                let frozen = self.table.retention().freeze.is_some();
                self.doing(by).frozen = frozen;
            }
            Call::Register { wait } if is(answer, |new: &Option<Occupant>| new.is_none()) => {
                self.stored(by, wait);
            }
            Call::RegisterPastRemoval { wait, removed } if is_stored(answer) => {
                self.count("waits gone past an attempt that is being removed");
                self.judge_going_past(wait, removed);
                self.stored(by, wait);
            }
            Call::RegisterRemoval { removal } if is_stored(answer) => {
                self.doing(by).removals.insert(removal.snapshot.clone());
            }
            Call::ListManualSnapshots { .. } => {
                let now = self.now;
                self.doing(by).inventory_since.get_or_insert(now);
            }
            Call::Replace { wait, .. } if is_stored(answer) => {
                self.stored(by, wait);
            }
            Call::SetPhase { resource, .. } if is_stored(answer) => {
                self.doing(by).registered.insert(resource.clone());
            }
            Call::ClaimSlot { holder, .. } => {
                let held = is(answer, |held: &bool| *held);
                if held {
                    self.slot_is_held(holder);
                    self.hand_over_has_ended(holder);
                }
                self.count(if held {
                    "slots claimed"
                } else {
                    "slots refused"
                });
            }
            Call::FreeSlot { holder, .. } if is(answer, |freed: &bool| *freed) => {
                self.judge_free_slot(by, holder);
                self.hand_over_has_ended(holder);
            }
            Call::HandOutSlot { holder, new, .. } if is(answer, |held: &bool| *held) => {
                self.judge_hand_over(by, &first_attempt(holder), *new);
                self.count("slots handed out by a sweep");
            }
            Call::HandOnSlot {
                settled,
                known,
                after,
            } if is_stored(answer) => {
                self.judge_order(by, known, after);
                self.judge_free_slot(by, settled);
                self.hand_over_has_ended(settled);
                for (holder, stamp) in known.new_stamps(after) {
                    self.judge_hand_over(by, holder, *stamp);
                }
                self.count("slots handed on by a settled copy");
            }
            Call::LearnLimit { .. } if is_stored(answer) => {
                self.count("limits of RDS learnt");
            }
            Call::SendTaskSuccess { .. } => self.count(if is_accepted(answer) {
                "successes taken"
            } else {
                "successes nobody waited for"
            }),
            Call::SendTaskFailure { failure, .. } => {
                let accepted = is_accepted(answer);
                if accepted && failure.reason == Reason::SourceExpired {
                    self.count("sources that expired before their turn");
                }
                self.count(if accepted {
                    "failures taken"
                } else {
                    "failures nobody waited for"
                });
            }
            Call::SendCommand { command } | Call::SendLater { command, .. } => {
                let text: Rc<str> = again(command.step.as_str(), &command.token).into();
                let newest = self.commands.newest();
                if let Some(note) = self.commands.note_mut(newest) {
                    *note = Note::new(Rc::clone(&text));
                }
                let message = self.commands.get(newest);
                if let Some(body) = message.map(|message| Rc::clone(&message.body)) {
                    self.sent.push((body, text));
                }
            }
            _ => {}
        }
    }

    /// A wait is stored.
    pub(super) fn stored(&mut self, by: u64, wait: &Wait) {
        self.doing(by).registered.insert(wait.resource.clone());
        self.judge_one_wait(&wait.command.token);
    }

    /// Lets the index see some of the latest writes.
    fn index_catches_up(&mut self) {
        let (now, lag) = (self.now, self.fault_rates.index_lag);
        let late_in_8 = if lag > SignedDuration::from_secs(10) {
            6
        } else {
            2
        };
        let World { state, rng, .. } = self;
        state.table.catch_up(|at| {
            let must = now.duration_since(at) >= lag;
            !must && rng.u8(..8) < late_in_8
        });
    }
}

fn is<T: 'static>(answer: &dyn Answer, what: impl FnOnce(&T) -> bool) -> bool {
    let answer = (answer as &dyn std::any::Any).downcast_ref::<Result<T, PortError>>();
    matches!(answer, Some(Ok(answer)) if what(answer))
}

/// The snapshots that RDS has shown.
fn found(answer: &dyn Answer) -> Option<&[Snapshot]> {
    let answer = (answer as &dyn std::any::Any).downcast_ref::<Result<Vec<Snapshot>, RdsError>>();
    answer?.as_deref().ok()
}

/// The resource id of the database that a call has made.
fn made(answer: &dyn Answer) -> Option<&ResourceId> {
    let answer =
        (answer as &dyn std::any::Any).downcast_ref::<Result<Option<ResourceId>, RdsError>>();
    answer?.as_ref().ok()?.as_ref()
}

fn is_stored(answer: &dyn Answer) -> bool {
    is(answer, |written: &Written| *written == Written::Stored)
}

fn is_accepted(answer: &dyn Answer) -> bool {
    let answer = (answer as &dyn std::any::Any).downcast_ref::<Delivery>();
    matches!(answer, Some(Delivery::Accepted))
}

/// The snapshot or copy that the call requests.
fn asked_for(call: &Call) -> RdsArn {
    match call {
        Call::CreateSnapshot { request } => {
            let region = request.database.region();
            request.database.sibling_snapshot(region, &request.id)
        }
        Call::CopySnapshot { request } => {
            let region = &request.region;
            request.source.sibling_snapshot(region, &request.id)
        }
        other => panic!("{other:?} asks for no snapshot"),
    }
}

fn started_by(role: Option<Role>) -> &'static str {
    match role {
        Some(Role::Reactor) => "executions started by a hint",
        Some(Role::Worker) => "executions started in an expired one's place",
        Some(Role::Planner | Role::Sweeper | Role::Pruner) | None => {
            "executions started for what no hint told of"
        }
    }
}

impl Hook<Fake> for Gatekeeper {
    async fn before(&self, _: &Fake, call: &Call) -> CallOutcome {
        self.world().judge_making(self.invocation, call);
        // Without this answer the product tries a database that it would refuse, and the run waits for a person. The
        // core's tests hold that, and these worlds hold the answer.
        if matches!(call, Call::ListOptionGroups { .. }) {
            return CallOutcome::Proceeds;
        }
        let traced = self.world().trace.is_some();
        let label = if traced { label(call) } else { String::new() };
        let shared = Rc::clone(&self.shared);
        let decision = Gate::new(shared, self.invocation, label, call.writes()).await;
        self.world().planned(call, decision)
    }

    fn entering(&self, _: &Fake, call: &Call) {
        self.world()
            .judge_effect((self.invocation, self.role), call);
    }

    fn after(&self, _: &Fake, call: &Call, answer: &dyn Answer) {
        self.world().judge_answer(self.invocation, call, answer);
    }

    fn put_off(&self, until: Timestamp, effect: Effect) {
        self.world().put_off(until, effect);
    }

    fn jitter(&self, _: &Fake) -> f64 {
        self.world().rng.f64()
    }
}
