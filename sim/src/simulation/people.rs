//! Strangers, the weather, and the person who mends.

use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::arn::RdsArn;
use snapferry::domain::command::Run;
use snapferry::domain::failure::Operation;
use snapferry::domain::names::{self, Attempt, ExecutionName, SnapshotId};

use super::judge::home;
use super::queue::Message;
use super::rule;
use super::step_functions::Status;
use super::world::{Breakage, Climate, World, rds_region};
use crate::rds::{
    CopyDbSnapshot, CreateDbSnapshot, Ending, Fate, InstanceStatus, MANUAL_SNAPSHOTS, Snapshot,
    Stage,
};

/// A name that nobody of ours uses.
pub(super) const FOREIGN: &str = "somebody-elses";
/// The key that nobody asked for.
pub(super) const OTHER_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/99999999-8888-7777-6666-555555555555";

impl World {
    /// Something happens that the product has no hand in.
    pub(super) fn mischief(&mut self) {
        match self.rng.u8(..56) {
            0..=2 => self.deny(),
            3..=4 => self.cut_off(),
            5..=6 => self.break_key(),
            7..=8 => self.make_busy(),
            9 => self.fill_quota(),
            10..=12 => self.strangers_copy(),
            13..=17 => self.forge_hint(),
            18..=21 => self.replay_old_command(),
            22 => self.send_garbage(),
            23..=24 => self.delete_copy(),
            25 => self.delete_source(),
            26..=27 => self.squat(),
            28 => self.put_wrong_copy(),
            29..=30 => self.redrive_any(),
            31 => self.stop_any(),
            32..=33 => self.replay_dead_letters(),
            34..=38 => self.restart_any(),
            39..=40 => self.start_rival(),
            41..=44 => self.stall_copy(),
            45 => self.forget_tokens(),
            46..=48 => self.stop_for_good(),
            49 => self.send_garbage(),
            50..=53 => self.put_wrong_copy(),
            _ => self.list_lags(),
        }
    }

    fn deny(&mut self) {
        let operations = [
            Operation::CreateDbSnapshot,
            Operation::CopyDbSnapshot,
            Operation::DescribeDbSnapshots,
            Operation::DescribeDbInstances,
        ];
        let operation = operations[self.rng.usize(..operations.len())];
        let until = self.within(20..=3_600);
        self.count("mischief: a permission is taken away");
        self.note(|| format!("{operation} is denied until {until:.0}"));
        self.denied.insert(operation, until);
    }

    fn cut_off(&mut self) {
        let mut regions: Vec<String> = self
            .source_regions
            .iter()
            .map(ToString::to_string)
            .collect();
        regions.push(home().to_string());
        let region = regions.swap_remove(self.rng.usize(..regions.len()));
        let until = self.within(20..=2_400);
        self.count("mischief: a region goes down");
        self.note(|| format!("{region} is down until {until:.0}"));
        self.down.insert(region, until);
    }

    fn break_key(&mut self) {
        let until = self.within(20..=5_400);
        let key = self.key.to_string();
        self.rds.set_key_enabled(&rds_region(&home()), &key, false);
        self.broken_until.push((until, Breakage::Key));
        self.count("mischief: the key is disabled");
        self.note(|| format!("the key is disabled until {until:.0}"));
    }

    fn make_busy(&mut self) {
        let region = rds_region(&self.source_regions[self.rng.usize(..self.source_regions.len())]);
        let names: Vec<String> = self
            .rds
            .instances(&region)
            .map(|i| i.spec.identifier.clone())
            .collect();
        if names.is_empty() {
            return;
        }
        let name = names[self.rng.usize(..names.len())].clone();
        let until = self.within(60..=7_200);
        let busy = self.rds.change_instance(&region, &name, |instance| {
            let idle = instance.status == InstanceStatus::Available;
            if idle {
                instance.status = InstanceStatus::Modifying;
            }
            idle
        });
        if busy == Some(true) {
            self.broken_until
                .push((until, Breakage::Instance(region, name.clone())));
            self.count("mischief: a database is busy");
            self.note(|| format!("{name} is modified until {until:.0}"));
        }
    }

    fn fill_quota(&mut self) {
        let until = self.within(20..=3_600);
        self.rds.config_mut().manual_snapshot_quota = 0;
        self.broken_until.push((until, Breakage::Quota));
        self.count("mischief: the snapshot quota is full");
        self.note(|| format!("the quota is full until {until:.0}"));
    }

    /// Mends what is due to be whole again.
    pub(super) fn mend(&mut self, now: Timestamp) {
        if self.broken_until.iter().all(|(until, _)| *until > now) {
            return;
        }
        let (mended, broken): (Vec<_>, Vec<_>) = std::mem::take(&mut self.broken_until)
            .into_iter()
            .partition(|(until, _)| *until <= now);
        self.broken_until = broken;
        for (_, breakage) in mended {
            self.note(|| format!("mended: {breakage:?}"));
            match breakage {
                Breakage::Key => {
                    let key = self.key.to_string();
                    self.rds.set_key_enabled(&rds_region(&home()), &key, true);
                }
                Breakage::Instance(region, name) => {
                    self.rds.change_instance(&region, &name, |instance| {
                        if instance.status == InstanceStatus::Modifying {
                            instance.status = InstanceStatus::Available;
                        }
                    });
                }
                Breakage::Quota => {
                    self.rds.config_mut().manual_snapshot_quota = MANUAL_SNAPSHOTS * 10
                }
            }
        }
    }

    /// Somebody else copies something into the recovery region and takes a place there.
    fn strangers_copy(&mut self) {
        let n = self.rng.u32(..);
        let source = format!(
            "arn:aws:rds:{}:{}:snapshot:{FOREIGN}",
            self.source_regions[0],
            super::world::ACCOUNT
        );
        let request = CopyDbSnapshot {
            source,
            target: format!("{FOREIGN}-{n}"),
            kms_key: Some(self.key.to_string()),
            ..CopyDbSnapshot::default()
        };
        let now = self.now;
        if self
            .rds
            .copy_db_snapshot(&rds_region(&home()), &request, now)
            .is_ok()
        {
            self.count("mischief: a stranger's copy takes a place");
            self.note(|| format!("a stranger copies {}", request.target));
        }
    }

    fn any_execution(&mut self) -> Option<(String, Rc<Run>)> {
        if self.sfn.executions.is_empty() {
            return None;
        }
        let n = self.rng.usize(..self.sfn.executions.len());
        self.sfn
            .executions
            .iter()
            .nth(n)
            .map(|(name, e)| (name.clone(), Rc::clone(&e.run)))
    }

    /// One that runs and has no copy yet.
    fn one_without_copy(&mut self) -> Option<(String, Rc<Run>)> {
        let mut without: Vec<(String, Rc<Run>)> = Vec::new();
        for (name, execution) in &self.sfn.executions {
            let copy = self.copy_arn(&execution.run, Attempt::FIRST);
            if execution.is_running() && self.truth(&copy).is_none() {
                without.push((name.clone(), Rc::clone(&execution.run)));
            }
        }
        let n = self.rng.usize(..without.len().max(1));
        without.into_iter().nth(n)
    }

    fn source_arn(&self, run: &Run, attempt: Attempt) -> RdsArn {
        let id = names::source_snapshot(&self.stack, run, attempt);
        run.database
            .arn
            .sibling_snapshot(run.database.arn.region(), &id)
    }

    fn copy_arn(&self, run: &Run, attempt: Attempt) -> RdsArn {
        let source = SnapshotId::of(&self.source_arn(run, Attempt::FIRST));
        let id = names::copy(&self.stack, run, &source, attempt);
        run.database.arn.sibling_snapshot(&home(), &id)
    }

    /// An event that says what RDS has not said: of something we wait for, or of nothing at all.
    fn forge_hint(&mut self) {
        let waits: Vec<RdsArn> = self.table.waits.keys().cloned().collect();
        let arn = if waits.is_empty() || self.rng.u8(..5) == 0 {
            format!(
                "arn:aws:rds:{}:{}:snapshot:nobody-knows",
                home(),
                super::world::ACCOUNT
            )
        } else {
            waits[self.rng.usize(..waits.len())].to_string()
        };
        let ids = [
            "RDS-EVENT-0042",
            "RDS-EVENT-0060",
            "RDS-EVENT-0061",
            "RDS-EVENT-0041",
            "RDS-EVENT-0059",
        ];
        let id = ids[self.rng.usize(..ids.len())];
        self.count("mischief: a forged hint");
        let body = match self.rng.u8(..10) {
            0 => "{".to_owned(),
            1 => serde_json::json!({
                "detail-type": "RDS DB Snapshot Event", "source": "aws.rds",
                "detail": { "SourceArn": "nonsense", "EventID": id, "Message": "" },
            })
            .to_string(),
            _ => serde_json::json!({
                "detail-type": "RDS DB Snapshot Event", "source": "aws.rds",
                "detail": { "SourceArn": arn, "EventID": id, "Message": "" },
            })
            .to_string(),
        };
        self.send_event(body, format!("forged {id} of {arn}"));
    }

    fn replay_old_command(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let (body, note) = self.sent[self.rng.usize(..self.sent.len())].clone();
        self.count("mischief: an old command comes again");
        self.note(|| format!("replayed: {note}"));
        self.commands.send(Message::new(
            body,
            format!("{note}, replayed").into(),
            self.now,
        ));
    }

    /// A command whose token is none, or one that cannot be read.
    fn send_garbage(&mut self) {
        let Some((_, run)) = self.any_execution() else {
            return;
        };
        let body = if self.rng.bool() {
            "{\"schema\":1}".to_owned()
        } else {
            serde_json::json!({
                "schema": 1, "step": "snapshot", "token": "garbage", "retry": 0,
                "execution": format!("arn:aws:states:{}:{}:execution:protect:none", home(), super::world::ACCOUNT),
                "input": serde_json::from_str::<serde_json::Value>(&snapferry::wire::run::write(&run)).unwrap_or_default(),
            })
            .to_string()
        };
        self.count("mischief: a garbage command");
        self.note(|| "a garbage command is sent".to_owned());
        let message = Message {
            hopeless: true,
            ..Message::new(body.into(), "garbage".into(), self.now)
        };
        self.commands.send(message);
    }

    fn delete(&mut self, arn: &RdsArn) {
        let now = self.now;
        let region = rds_region(arn.region());
        if self
            .rds
            .delete_db_snapshot(&region, arn.name(), now)
            .is_ok()
        {
            self.note(|| format!("somebody deletes {arn}"));
            self.deleted.insert(arn.clone(), now);
        }
    }

    /// Somebody deletes one of our copies, under way or done.
    fn delete_copy(&mut self) {
        let Some((_, run)) = self.any_execution() else {
            return;
        };
        let arn = self.copy_arn(&run, Attempt::FIRST);
        match self.truth(&arn).map(|copy| copy.stage()) {
            Some(Stage::Available) => {
                self.spoil(&run);
            }
            Some(Stage::Creating | Stage::Copying) => {}
            _ => return,
        }
        self.count("mischief: a copy is deleted");
        self.delete(&arn);
    }

    /// Somebody deletes a source snapshot. What needs it cannot come back.
    fn delete_source(&mut self) {
        let Some((_, run)) = self.any_execution() else {
            return;
        };
        let arn = self.source_arn(&run, Attempt::FIRST);
        if self
            .truth(&arn)
            .is_some_and(|source| source.stage() == Stage::Available)
        {
            self.spoil(&run);
            self.count("mischief: a source is deleted");
            self.delete(&arn);
        }
    }

    fn spoil(&mut self, run: &Run) {
        self.spoilt
            .insert((run.database.resource_id.to_string(), run.planned_at));
    }

    pub(super) fn is_spoilt(&self, run: &Run) -> bool {
        self.spoilt
            .contains(&(run.database.resource_id.to_string(), run.planned_at))
    }

    /// A stranger takes a name that will be ours.
    fn squat(&mut self) {
        let Some((_, run)) = self.any_execution() else {
            return;
        };
        let now = self.now;
        let copy = self.copy_arn(&run, Attempt::FIRST);
        let source = self.source_arn(&run, Attempt::FIRST);
        let tags = vec![("owner".to_owned(), "somebody".to_owned())];
        let (arn, done) = if self.truth(&source).is_some() {
            let request = CopyDbSnapshot {
                source: source.to_string(),
                target: copy.name().to_owned(),
                kms_key: Some(run.key.to_string()),
                tags,
                ..CopyDbSnapshot::default()
            };
            let done = self
                .rds
                .copy_db_snapshot(&rds_region(&home()), &request, now)
                .is_ok();
            (copy, done)
        } else {
            let request = CreateDbSnapshot {
                snapshot: source.name().to_owned(),
                instance: run.database.arn.name().to_owned(),
                tags,
            };
            let done = self
                .rds
                .create_db_snapshot(&rds_region(source.region()), &request, now)
                .is_ok();
            (source, done)
        };
        if done {
            self.count("mischief: a stranger takes our name");
            self.note(|| format!("a stranger makes {arn}"));
            self.squatters.insert(arn);
        }
    }

    /// A copy under our name and with our tags that is not what was asked for.
    fn put_wrong_copy(&mut self) {
        let Some((_, run)) = self.one_without_copy() else {
            return;
        };
        let now = self.now;
        let arn = self.copy_arn(&run, Attempt::FIRST);
        let another = self.another_source(&run).filter(|_| self.rng.u8(..3) > 0);
        let (source, key) = match another {
            Some(source) => (source, run.key.to_string()),
            None => (self.source_arn(&run, Attempt::FIRST), OTHER_KEY.to_owned()),
        };
        let request = CopyDbSnapshot {
            source: source.to_string(),
            target: arn.name().to_owned(),
            kms_key: Some(key),
            tags: vec![
                ("snapferry:stack".to_owned(), self.stack.to_string()),
                (
                    "snapferry:resource-id".to_owned(),
                    run.database.resource_id.to_string(),
                ),
            ],
            ..CopyDbSnapshot::default()
        };
        if self
            .rds
            .copy_db_snapshot(&rds_region(&home()), &request, now)
            .is_ok()
        {
            self.count("mischief: a wrong copy has our name");
            self.note(|| format!("somebody makes a wrong {arn}"));
            self.squatters.insert(arn);
        }
    }

    /// The source snapshot of another run of the same database.
    fn another_source(&self, run: &Run) -> Option<RdsArn> {
        let of_it = |other: &&Run| {
            other.database.resource_id == run.database.resource_id
                && other.planned_at != run.planned_at
        };
        let runs = self
            .sfn
            .executions
            .values()
            .map(|execution| &*execution.run);
        let sources = runs
            .filter(of_it)
            .map(|other| self.source_arn(other, Attempt::FIRST));
        sources.into_iter().find(|arn| {
            self.truth(arn)
                .is_some_and(|found| found.stage() == Stage::Available)
        })
    }

    fn redrive_any(&mut self) {
        let Some((name, _)) = self.any_execution() else {
            return;
        };
        let now = self.now;
        if self.sfn.redrive(&name, now) {
            self.count("a person redrives an execution");
            self.note(|| format!("{name} is redriven"));
        }
    }

    pub(super) fn stop_any(&mut self) {
        let Some((name, _)) = self.any_execution() else {
            return;
        };
        let now = self.now;
        if self.sfn.stop(&name, now) {
            self.count("mischief: an execution is stopped");
            self.note(|| format!("{name} is stopped"));
        }
    }

    /// A person stops an execution and redrives it at once: its old token dies while its work goes on.
    fn restart_any(&mut self) {
        let Some((name, _)) = self.any_execution() else {
            return;
        };
        let now = self.now;
        if self.sfn.stop(&name, now) && self.sfn.redrive(&name, now) {
            self.count("mischief: an execution is stopped and redriven");
            self.note(|| format!("{name} is stopped and redriven"));
        }
    }

    /// A person gives an execution up.
    fn stop_for_good(&mut self) {
        let Some((name, run)) = self.any_execution() else {
            return;
        };
        let now = self.now;
        if self.sfn.stop(&name, now) {
            self.spoil(&run);
            self.given_up.insert(name.clone());
            self.count("mischief: an execution is given up");
            self.note(|| format!("{name} is given up"));
        }
    }

    /// Step Functions keeps dead tokens for a while only.
    fn forget_tokens(&mut self) {
        self.sfn.forget_the_dead();
        self.count("mischief: dead tokens are none any more");
        self.note(|| "Step Functions forgets its dead tokens".to_owned());
    }

    /// A person restarts an execution again and again, or starts another beside it.
    pub(super) fn interfere(&mut self) {
        match self.rng.u8(..8) {
            0..=1 => self.start_rival(),
            2 => self.forget_tokens(),
            _ => self.restart_any(),
        }
    }

    /// A person starts a second execution of a run by hand, past the planner.
    fn start_rival(&mut self) {
        let Some((name, run)) = self.any_execution() else {
            return;
        };
        let rival = format!("{name}-by-hand");
        let Ok(rival) = ExecutionName::parse(&rival) else {
            return;
        };
        let is_known = |name: &str| self.sfn.executions.contains_key(name);
        if name.ends_with("-by-hand") || is_known(rival.as_str()) {
            return;
        }
        let (arn, now) = (self.machine.execution(&rival).to_string(), self.now);
        let input = snapferry::wire::run::write(&run);
        self.sfn
            .start(rival.as_str(), arn, (*run).clone(), input, now);
        if let Some(execution) = self.sfn.executions.get_mut(rival.as_str()) {
            execution.by_hand = true;
        }
        self.count("mischief: a second execution is started by hand");
        self.note(|| format!("{rival} is started by hand"));
    }

    /// A copy that RDS never ends. Whoever waits for it is given up, or has it deleted by a person.
    fn stall_copy(&mut self) {
        let Some((name, run)) = self.one_without_copy() else {
            return;
        };
        let copy = self.copy_arn(&run, Attempt::FIRST);
        let fate = Fate {
            ending: Ending::Never,
            ..Fate::default()
        };
        let faults = &mut self.rds.config_mut().faults;
        faults.plan(rds_region(&home()), copy.name(), fate);
        self.count("mischief: a copy never ends");
        self.note(|| format!("{copy} will never end"));
        if self.rng.bool() {
            self.spoil(&run);
            self.given_up.insert(name);
        }
    }

    /// What a person does about copies that take too long: those that somebody waits for are deleted, and all
    /// where they leave no place for others.
    fn mend_stalled(&mut self) {
        let now = self.now;
        let mut given_up: Vec<String> = self.given_up.iter().cloned().collect();
        // What a stranger has spoilt may never end by itself.
        let hopeless = self.sfn.executions.iter().filter(|(_, execution)| {
            let slept_for = execution
                .sleeps_since()
                .map(|since| now.duration_since(since.max(self.fair_since)));
            self.is_spoilt(&execution.run)
                && slept_for.is_some_and(|span| span > SignedDuration::from_hours(8))
        });
        given_up.extend(hopeless.map(|(name, _)| name.clone()));
        for name in given_up {
            self.sfn.stop(&name, now);
        }
        let too_long = |copy: &Snapshot| {
            copy.is_a_copy_in_flight()
                && self.now.duration_since(copy.begun_at) > SignedDuration::from_hours(2)
        };
        let places = self.rds.config().max_copies_in_flight;
        let no_place = self.table.slots.len() >= self.copy_slots
            || self.rds.copies_in_flight(&rds_region(&home())) >= places;
        let stalled: Vec<RdsArn> = self
            .table
            .waits
            .values()
            .filter(|wait| no_place || self.sfn.is_alive(wait.command.token.reveal()))
            .filter(|wait| self.truth(&wait.resource).is_some_and(too_long))
            .map(|wait| wait.resource.clone())
            .collect();
        for copy in stalled {
            self.delete(&copy);
        }
    }

    fn replay_dead_letters(&mut self) {
        let now = self.now;
        if self.commands.replay(now) > 0 {
            self.count("a person replays the dead letters");
            self.note(|| "the dead letters are replayed".to_owned());
        }
    }

    fn list_lags(&mut self) {
        self.rds.config_mut().faults.odds.describe_lags = self.rng.f64();
    }

    /// The faults stop, and a person mends what they have broken.
    pub(super) fn faults_stop(&mut self) {
        self.note(|| "the faults stop".to_owned());
        self.faults_are_on = false;
        self.fair_since = self.now;
        self.climate = Climate::FAIR;
        self.denied.clear();
        self.down.clear();
        self.mend(Timestamp::MAX);
        self.rds.config_mut().faults = crate::rds::Faults::default();
        for message in self.commands.messages.values_mut() {
            message.stained = true;
        }
    }

    /// What a person does from time to time once the faults have stopped.
    pub(super) fn persons_round(&mut self) {
        // Ours may have the name by now, where the stranger's has gone by itself.
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
        self.mend_stalled();
        let hopeless: Vec<u64> = self
            .commands
            .dead
            .iter()
            .filter(|(_, message)| self.is_hopeless(message))
            .map(|(id, _)| *id)
            .collect();
        for id in hopeless {
            self.commands.dead.remove(&id);
        }
        self.events.dead.clear();
        self.replay_dead_letters();
        let failed: Vec<(String, Rc<Run>, String)> = self
            .sfn
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

    fn redrive_failed(&mut self, name: &str, run: &Run, error: &str) {
        if error == "Snapferry.AttemptsExhausted" {
            self.spoil(run);
        }
        let has_rival = self
            .sfn
            .executions
            .iter()
            .any(|(other, e)| other != name && *e.run == *run && e.is_running());
        if self.is_spoilt(run) || has_rival || !self.squatters.is_empty() {
            return;
        }
        let now = self.now;
        if self.sfn.redrive(name, now) {
            self.note(|| format!("{name} is redriven after {error}"));
            self.count("a person redrives an execution");
            let again = self.sfn.executions.get_mut(name).map_or(0, |e| {
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
