//! What may go wrong at any moment, what people do meanwhile, and how a person repairs it.

use snapferry::domain::run::naming;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use snapferry::app::stop::Selection;
use snapferry::domain::id::arn::{KeyArn, RdsArn};
use snapferry::domain::id::names::{Attempt, ExecutionName, SnapshotId};
use snapferry::domain::run::command::ProtectionRequest;

use super::judge::{home, is_same_run};
use super::queue;
use super::rule;
use super::step_functions::{Execution, Status};
use super::third_parties::OTHER_KEY;
use super::world::{FaultRates, World, rds_region};
use crate::faults::Fault;
use crate::rds::Snapshot;

/// A name that Snapferry does not use.
pub(super) const FOREIGN: &str = "somebody-elses";

impl World {
    /// Something happens outside the product.
    pub(super) fn inject_fault(&mut self) {
        match self.rng.u8(..63) {
            57..=60 => self.interfere_with_pruning(),
            0..=2 => self.deny(),
            3..=4 => self.cut_off(),
            5..=6 => self.break_key(),
            7..=8 => self.make_busy(),
            9 => self.fill_quota(),
            10..=12 => self.strangers_copy(),
            13..=17 => self.forge_hint(),
            18..=21 => self.replay_old_command(),
            22..=23 => self.send_garbage(),
            24..=25 => self.delete_copy(),
            26 => self.delete_source(),
            27..=28 => self.squat(),
            29..=33 => self.put_wrong_copy(),
            34..=35 => self.redrive_any(),
            36 => self.stop_any(),
            37..=38 => self.replay_dead_letters(),
            39..=43 => self.restart_any(),
            44..=45 => self.start_rival(),
            61..=62 => self.forge_execution(),
            46..=50 => self.stall_copy(),
            51 => self.forget_tokens(),
            52..=54 => self.stop_for_good(),
            _ => self.list_lags(),
        }
    }

    pub(super) fn any_execution(&mut self) -> Option<(String, Rc<ProtectionRequest>)> {
        if self.step_functions.executions.is_empty() {
            return None;
        }
        let n = self.rng.usize(..self.step_functions.executions.len());
        self.step_functions
            .executions
            .iter()
            .nth(n)
            .map(|(name, e)| (name.clone(), Rc::clone(&e.run)))
    }

    /// The source of a run: the snapshot that it takes, or the one that it names.
    pub(super) fn source_arn(&self, run: &ProtectionRequest, attempt: Attempt) -> RdsArn {
        if let Some(of) = &run.options.automated {
            return of.snapshot.clone();
        }
        let id = naming::source_snapshot(&self.stack, run, attempt);
        run.database
            .arn
            .sibling_snapshot(run.database.arn.region(), &id)
    }

    pub(super) fn copy_arn(&self, run: &ProtectionRequest, attempt: Attempt) -> RdsArn {
        let source = SnapshotId::of(&self.source_arn(run, Attempt::FIRST));
        let id = naming::copy(&self.stack, run, &source, attempt);
        run.database.arn.sibling_snapshot(&home(), &id)
    }

    pub(super) fn delete(&mut self, arn: &RdsArn) {
        let now = self.now;
        let region = rds_region(arn.region());
        self.note_deletion(arn);
        if self
            .rds
            .delete_db_snapshot(&region, arn.name(), now)
            .is_ok()
        {
            self.note(|| format!("somebody deletes {arn}"));
            self.deleted.insert(arn.clone(), now);
        }
    }

    pub(super) fn spoil(&mut self, run: &ProtectionRequest) {
        self.spoilt
            .insert((run.database.resource_id.to_string(), run.planned_at));
    }

    pub(super) fn is_spoilt(&self, run: &ProtectionRequest) -> bool {
        self.spoilt
            .contains(&(run.database.resource_id.to_string(), run.planned_at))
            || self.rds_refuses_the_copy(run)
    }

    fn redrive_any(&mut self) {
        let Some((name, run)) = self.any_execution() else {
            return;
        };
        let now = self.now;
        if self.step_functions.redrive(&name, now) {
            self.claim_for_redrive(&name, &run);
            self.count("a person redrives an execution");
            self.note(|| format!("{name} is redriven"));
        }
    }

    pub(super) fn stop_any(&mut self) {
        let Some((name, _)) = self.any_execution() else {
            return;
        };
        let now = self.now;
        if self.step_functions.stop(&name, now) {
            self.count_fault(Fault::ExecutionStopped);
            self.note(|| format!("{name} is stopped"));
        }
    }

    /// Which runs a person stops by `snapferry stop` now, if any.
    pub(super) fn draw_stop(&mut self) -> Option<Selection> {
        if !self.faults_are_on || self.step_functions.executions.is_empty() {
            return None;
        }
        let rate = self.fault_rates.inject_fault / 4.0;
        let (all, rng) = (self.step_functions.executions.len(), self.stops.as_mut()?);
        if rng.f64() >= rate {
            return None;
        }
        let (n, by_name) = (rng.usize(..all), rng.u8(..3) > 0);
        let (name, execution) = self.step_functions.executions.iter().nth(n)?;
        Some(match ExecutionName::parse(name) {
            Ok(name) if by_name => Selection::Executions(vec![name]),
            _ => Selection::Databases(vec![execution.run.database.arn.to_string()]),
        })
    }

    /// A person stops an execution and redrives it at once. Its old token dies while its work goes on.
    fn restart_any(&mut self) {
        let Some((name, run)) = self.any_execution() else {
            return;
        };
        let now = self.now;
        if self.step_functions.stop(&name, now) && self.step_functions.redrive(&name, now) {
            self.claim_for_redrive(&name, &run);
            self.count_fault(Fault::ExecutionRestarted);
            self.note(|| format!("{name} is stopped and redriven"));
        }
    }

    /// A person gives an execution up.
    fn stop_for_good(&mut self) {
        let Some((name, run)) = self.any_execution() else {
            return;
        };
        let now = self.now;
        if self.step_functions.stop(&name, now) {
            self.spoil(&run);
            self.given_up.insert(name.clone());
            self.count_fault(Fault::ExecutionGivenUp);
            self.note(|| format!("{name} is given up"));
        }
    }

    /// Step Functions forgets dead tokens after a while.
    fn forget_tokens(&mut self) {
        self.step_functions.forget_the_dead();
        self.count_fault(Fault::TokensForgotten);
        self.note(|| "Step Functions forgets its dead tokens".to_owned());
    }

    /// A person restarts an execution again and again, or starts another at the same time.
    pub(super) fn interfere(&mut self) {
        match self.rng.u8(..8) {
            0..=1 => self.start_rival(),
            2 => self.forget_tokens(),
            3..=4 => self.move_claim(),
            _ => self.restart_any(),
        }
    }

    /// Somebody who may start executions has a database copied at a time, and perhaps under a key, of their own choice.
    fn forge_execution(&mut self) {
        let Some((name, run)) = self.any_execution() else {
            return;
        };
        let mut run = (*run).clone();
        let earlier = run.planned_at.saturating_sub(SignedDuration::from_mins(7));
        run.planned_at = earlier.unwrap_or(run.planned_at);
        run.options.automated = None;
        if self.rng.bool() {
            run.key = KeyArn::parse(OTHER_KEY).expect("an ARN");
        }
        let Ok(forged) = ExecutionName::parse(&format!("forged-{}", self.rng.u32(..))) else {
            return;
        };
        self.spoil(&run);
        let of_product = naming::execution(&self.stack, &run, Attempt::FIRST);
        self.forged.insert(of_product.to_string());
        let (arn, now) = (self.machine.execution(&forged).to_string(), self.now);
        let input = snapferry::json::run::write(&run);
        self.step_functions
            .start(forged.as_str(), arn, run, input, now);
        self.goes_on_by_hand(forged.as_str());
        self.count_fault(Fault::ExecutionForged);
        self.note(|| format!("{forged} is started past the product, beside {name}"));
    }

    /// One who may write the table gives the claim back to an execution that runs.
    fn move_claim(&mut self) {
        let Some((name, run)) = self.any_execution() else {
            return;
        };
        let Ok(execution) = ExecutionName::parse(&name) else {
            return;
        };
        if self.is_forged(&run) || self.holder(&run, &name).is_none() {
            return;
        }
        let entry = self.table.entry(&run.database.resource_id, &run.policy);
        let open = entry.and_then(|entry| entry.open.clone());
        for name in open.iter().map(ExecutionName::as_str).chain([&*name]) {
            self.goes_on_by_hand(name);
        }
        self.give_claim(&run, &execution);
        self.note(|| format!("{name} gets the claim by hand"));
    }

    /// An execution that is no longer the product's own: single flight does not count it.
    fn goes_on_by_hand(&mut self, name: &str) {
        if let Some(execution) = self.step_functions.executions.get_mut(name) {
            execution.by_hand = true;
        }
    }

    /// A person starts a second execution of a run by hand, without the planner.
    fn start_rival(&mut self) {
        let Some((name, run)) = self.any_execution() else {
            return;
        };
        let rival = format!("{name}-by-hand");
        let Ok(rival) = ExecutionName::parse(&rival) else {
            return;
        };
        let is_known = |name: &str| self.step_functions.executions.contains_key(name);
        if name.ends_with("-by-hand") || is_known(rival.as_str()) || self.is_forged(&run) {
            return;
        }
        let (arn, now) = (self.machine.execution(&rival).to_string(), self.now);
        let input = snapferry::json::run::write(&run);
        self.step_functions
            .start(rival.as_str(), arn, (*run).clone(), input, now);
        if let Some(execution) = self.step_functions.executions.get_mut(rival.as_str()) {
            execution.by_hand = true;
        }
        if self.rng.u8(..4) > 0 {
            // It gets the claim too, as somebody with write access to the table could do. Then two executions may run, and
            // no rule is broken.
            let entry = self.table.entry(&run.database.resource_id, &run.policy);
            let robbed = entry.and_then(|entry| entry.open.clone());
            self.give_claim(&run, &rival);
            self.goes_on_by_hand(&robbed.map_or(name, |open| open.to_string()));
        }
        self.count_fault(Fault::ExecutionDoubled);
        self.note(|| format!("{rival} is started by hand"));
    }

    /// What a person does about copies that take too long: deletes those that an execution waits for, or all of them if
    /// they block every slot.
    fn repair_stalled(&mut self) {
        let now = self.now;
        let mut given_up: Vec<String> = self.given_up.iter().cloned().collect();
        // A run that a third party has made impossible may never end by itself.
        let hopeless = self
            .step_functions
            .executions
            .iter()
            .filter(|(_, execution)| {
                let slept_for = execution
                    .sleeps_since()
                    .map(|since| now.duration_since(since.max(self.fair_since)));
                self.is_spoilt(&execution.run)
                    && slept_for.is_some_and(|span| span > SignedDuration::from_hours(8))
            });
        given_up.extend(hopeless.map(|(name, _)| name.clone()));
        for name in given_up {
            self.step_functions.stop(&name, now);
        }
        let too_long = |copy: &Snapshot| {
            copy.is_a_copy_in_flight()
                && self.now.duration_since(copy.begun_at) > SignedDuration::from_hours(2)
        };
        let no_place = self.slots_are_full() || self.no_copy_has_a_place();
        let stalled: Vec<RdsArn> = self
            .table
            .waits()
            .filter(|wait| no_place || self.step_functions.is_alive(wait.command.token.reveal()))
            .filter(|wait| self.truth(&wait.resource).is_some_and(too_long))
            .map(|wait| wait.resource.clone())
            .collect();
        for copy in stalled {
            self.delete(&copy);
        }
    }

    fn replay_dead_letters(&mut self) {
        let now = self.now;
        let World {
            state,
            dead_commands,
            ..
        } = self;
        if queue::replay(&mut state.commands, dead_commands, now) > 0 {
            self.count("a person replays the dead letters");
            self.note(|| "the dead letters are replayed".to_owned());
        }
    }

    /// The faults stop, and a person repairs what they have broken.
    pub(super) fn faults_stop(&mut self) {
        self.note(|| "the faults stop".to_owned());
        self.faults_are_on = false;
        self.fair_since = self.now;
        self.fault_rates = FaultRates::FAIR;
        self.table.retention_mut().freeze = None;
        self.denied.clear();
        self.down.clear();
        self.repair(Timestamp::MAX);
        self.rds.config_mut().faults = crate::rds::Faults::default();
        for note in self.commands.notes_mut() {
            note.stained = true;
        }
    }

    /// What a person does from time to time once the faults have stopped.
    pub(super) fn persons_round(&mut self) {
        // The name may belong to a snapshot of ours by now, if the other one has gone by itself.
        let theirs: Vec<RdsArn> = std::mem::take(&mut self.squatters)
            .into_iter()
            .filter(|arn| {
                self.truth(arn)
                    .is_some_and(|found| !self.is_made_by_us(found))
            })
            .collect();
        for arn in theirs {
            self.delete(&arn);
            self.squatters.insert(arn);
        }
        self.repair_stalled();
        let hopeless: Vec<u64> = self
            .dead_commands
            .iter()
            .filter(|(_, message)| self.is_hopeless(message))
            .map(|(id, _)| *id)
            .collect();
        for id in hopeless {
            self.dead_commands.remove(&id);
        }
        self.dead_events.clear();
        self.replay_dead_letters();
        let failed: Vec<(String, Rc<ProtectionRequest>, String)> = self
            .step_functions
            .executions
            .iter()
            .filter_map(|(name, e)| match &e.status {
                Status::Failed { error } => Some((name.clone(), Rc::clone(&e.run), error.clone())),
                _ => None,
            })
            .collect();
        for (name, run, error) in failed {
            self.redrive_failed(&name, &run, &error);
        }
    }

    /// Gives a run's claim to an execution, as `snapferry redrive` does.
    fn give_claim(&mut self, run: &ProtectionRequest, execution: &ExecutionName) {
        let now = self.now;
        let entry = self.table.entry_mut(&run.database.resource_id, &run.policy);
        entry.give_claim(run, execution, now);
    }

    /// A redrive claims first. It does not take the claim from a running execution that Snapferry started: then it
    /// continues by hand only, and the worker refuses it.
    fn claim_for_redrive(&mut self, name: &str, run: &ProtectionRequest) {
        let is_free = self.holder(run, name).is_none_or(|other| other.by_hand);
        match ExecutionName::parse(name) {
            Ok(execution) if is_free && !self.is_forged(run) => self.give_claim(run, &execution),
            _ => self.goes_on_by_hand(name),
        }
    }

    pub(super) fn is_forged(&self, run: &ProtectionRequest) -> bool {
        let name = naming::execution(&self.stack, run, Attempt::FIRST);
        self.forged.contains(name.as_str())
    }

    /// The other execution that holds the claim and runs.
    fn holder(&self, run: &ProtectionRequest, name: &str) -> Option<&Execution> {
        let entry = self.table.entry(&run.database.resource_id, &run.policy)?;
        let open = entry.open.as_ref().filter(|open| open.as_str() != name)?;
        let execution = self.step_functions.executions.get(open.as_str())?;
        execution.is_running().then_some(execution)
    }

    fn redrive_failed(&mut self, name: &str, run: &ProtectionRequest, error: &str) {
        // RDS does not bring back what it has removed.
        if ["Snapferry.AttemptsExhausted", "Snapferry.SourceExpired"].contains(&error) {
            self.spoil(run);
        }
        // Another execution has made this recovery point, and it has had its time.
        if error == "Snapferry.SourceMissing" && self.was_made_and_removed(run) {
            self.spoil(run);
        }
        let has_rival = self
            .step_functions
            .executions
            .iter()
            .any(|(other, e)| other != name && is_same_run(&e.run, run) && e.is_running());
        if self.is_spoilt(run) || has_rival || !self.squatters.is_empty() {
            return;
        }
        let Ok(execution) = ExecutionName::parse(name) else {
            return;
        };
        if self.holder(run, name).is_some() {
            return;
        }
        let now = self.now;
        if self.step_functions.redrive(name, now) {
            self.give_claim(run, &execution);
            self.note(|| format!("{name} is redriven after {error}"));
            self.count("a person redrives an execution");
            let again = self.step_functions.executions.get_mut(name).map_or(0, |e| {
                e.late_redrives += 1;
                e.late_redrives
            });
            if again > 6 {
                self.broke(rule::REDRIVABLE, || {
                    format!("{name} fails again and again with {error}")
                });
            }
        }
    }
}
