//! What third parties do: forged hints, garbage, taken names, wrong copies, deletions.

use std::rc::Rc;

use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::names::Attempt;
use snapferry::domain::run::command::ProtectionRequest;

use super::judge::home;
use super::operator_actions::FOREIGN;
use super::queue::Note;
use super::world::{World, rds_region};
use crate::faults::Fault;
use crate::rds::{CopyDbSnapshot, CreateDbSnapshot, Ending, PlannedOutcome, Stage};

/// The key that nobody asked for.
pub(super) const OTHER_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/99999999-8888-7777-6666-555555555555";

impl World {
    /// Somebody else copies something into the recovery region, and takes up a part of the limit.
    pub(super) fn strangers_copy(&mut self) {
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
            self.count_fault(Fault::CopiesRefused);
            self.note(|| format!("somebody else copies {}", request.target));
        }
    }

    /// An execution that is running and has no copy yet.
    fn one_without_copy(&mut self) -> Option<(String, Rc<ProtectionRequest>)> {
        let mut without: Vec<(String, Rc<ProtectionRequest>)> = Vec::new();
        for (name, execution) in &self.step_functions.executions {
            let copy = self.copy_arn(&execution.run, Attempt::FIRST);
            if execution.is_running() && self.truth(&copy).is_none() {
                without.push((name.clone(), Rc::clone(&execution.run)));
            }
        }
        let n = self.rng.usize(..without.len().max(1));
        without.into_iter().nth(n)
    }

    /// A forged event, about a resource that has a wait or about nothing at all.
    pub(super) fn forge_hint(&mut self) {
        let waits = self.table.waits();
        let waits: Vec<RdsArn> = waits.map(|wait| wait.resource.clone()).collect();
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
        self.count_fault(Fault::ForgedHint);
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

    pub(super) fn replay_old_command(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let (body, note) = self.sent[self.rng.usize(..self.sent.len())].clone();
        self.count_fault(Fault::CommandRepeated);
        self.note(|| format!("replayed: {note}"));
        let now = self.now;
        let note = Note::new(format!("{note}, replayed"));
        self.commands.send(body, note, now);
    }

    /// A command whose token is garbage, or a command that cannot be read.
    pub(super) fn send_garbage(&mut self) {
        let Some((_, run)) = self.any_execution() else {
            return;
        };
        let body = if self.rng.bool() {
            "{\"schema\":1}".to_owned()
        } else {
            serde_json::json!({
                "schema": 1, "step": "snapshot", "token": "garbage", "retry": 0,
                "execution": format!("arn:aws:states:{}:{}:execution:protect:none", home(), super::world::ACCOUNT),
                "input": serde_json::from_str::<serde_json::Value>(&snapferry::json::run::write(&run)).unwrap_or_default(),
            })
            .to_string()
        };
        self.count_fault(Fault::Garbage);
        self.note(|| "a garbage command is sent".to_owned());
        let note = Note {
            hopeless: true,
            ..Note::new("garbage")
        };
        let now = self.now;
        self.commands.send(body, note, now);
    }

    /// Somebody deletes one of our copies, finished or not.
    pub(super) fn delete_copy(&mut self) {
        let Some((_, run)) = self.any_execution() else {
            return;
        };
        let arn = self.copy_arn(&run, Attempt::FIRST);
        match self.truth(&arn).map(|copy| copy.stage()) {
            Some(Stage::Available) => {
                self.spoil(&run);
            }
            Some(Stage::Pending | Stage::Creating | Stage::Copying) => {}
            _ => return,
        }
        self.count_fault(Fault::CopyVanished);
        self.delete(&arn);
    }

    /// Somebody deletes a source snapshot. Runs that need it become impossible. Nobody can delete an automated snapshot.
    pub(super) fn delete_source(&mut self) {
        let of_ours = |(_, run): &(String, Rc<ProtectionRequest>)| run.options.automated.is_none();
        let Some((_, run)) = self.any_execution().filter(of_ours) else {
            return;
        };
        let arn = self.source_arn(&run, Attempt::FIRST);
        if self
            .truth(&arn)
            .is_some_and(|source| source.stage() == Stage::Available)
        {
            self.spoil(&run);
            self.count_fault(Fault::SourceDeleted);
            self.delete(&arn);
        }
    }

    /// Somebody takes a name that will be ours.
    pub(super) fn squat(&mut self) {
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
        } else if source.is_automated_snapshot() {
            // RDS allows nobody to use the names of its automated snapshots.
            return;
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
            self.count_fault(Fault::NameTaken);
            self.note(|| format!("somebody else makes {arn}"));
            self.squatters.insert(arn);
        }
    }

    /// A copy with our name and our tags that is not as asked for.
    pub(super) fn put_wrong_copy(&mut self) {
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
            self.count_fault(Fault::CopyWrong);
            self.note(|| format!("somebody makes a wrong {arn}"));
            self.squatters.insert(arn);
        }
    }

    /// The source snapshot of another run of the same database.
    fn another_source(&self, run: &ProtectionRequest) -> Option<RdsArn> {
        let of_it = |other: &&ProtectionRequest| {
            other.database.resource_id == run.database.resource_id
                && other.planned_at != run.planned_at
        };
        let runs = self
            .step_functions
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

    /// A copy that RDS never ends. The execution that waits for it is given up, or a person deletes the copy.
    pub(super) fn stall_copy(&mut self) {
        let Some((name, run)) = self.one_without_copy() else {
            return;
        };
        let copy = self.copy_arn(&run, Attempt::FIRST);
        let planned = PlannedOutcome {
            ending: Ending::Never,
            ..PlannedOutcome::default()
        };
        let faults = &mut self.rds.config_mut().faults;
        faults.plan(rds_region(&home()), copy.name(), planned);
        self.count_fault(Fault::NeverEnds);
        self.note(|| format!("{copy} will never end"));
        if self.rng.bool() {
            self.spoil(&run);
            self.given_up.insert(name);
        }
    }
}
