//! The rules, judged at the moment of each effect by RDS's own truth.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use snapferry::app::plan::{Outcome as Planning, Planned};
use snapferry::domain::arn::{ExecutionArn, RdsArn, Region};
use snapferry::domain::command::{Run, Step};
use snapferry::domain::failure::{Failure, Reason};
use snapferry::domain::manifest::Manifest;
use snapferry::domain::names::{self, Attempt};
use snapferry::domain::wait::{Phase, Wait};
use snapferry::wire;

use super::people::FOREIGN;
use super::step_functions::{Execution, Status};
use super::world::{HOME, World, rds_region};
use crate::rds::{Origin, Snapshot, Stage, Tags};

/// How old an answer of RDS may be when it is acted on: its lag, and the longest invocation.
const STALE: SignedDuration = SignedDuration::from_mins(15);

/// How long an execution may sleep on one token when nothing goes wrong: every copy of these worlds, one
/// after the other, takes less.
const LONGEST_SLEEP: SignedDuration = SignedDuration::from_hours(10);

/// The names of the rules.
pub(super) mod rule {
    pub(crate) const TRUE_SUCCESS: &str = "every success agrees with RDS's truth";
    pub(crate) const TRUE_FAILURE: &str = "every failure agrees with RDS's truth";
    pub(crate) const LIVE_WAIT: &str = "no live token's wait is deleted or overwritten";
    pub(crate) const OWN_WAIT: &str = "a wait is written only by the token it holds";
    pub(crate) const REGISTERED: &str = "RDS is asked only for what is registered";
    pub(crate) const SLOTS: &str = "never more copies in flight than slots";
    pub(crate) const SINGLE_FLIGHT: &str = "one open execution for each database and policy";
    pub(crate) const PLANNED: &str = "what is planned has its execution";
    pub(crate) const TRUE_REPORT: &str = "the planner reports what is true";
    pub(crate) const AWAKE: &str = "nothing sleeps for ever";
    pub(crate) const HEALTHY: &str = "no command is parked without a cause";
    pub(crate) const REDRIVABLE: &str = "a redrive succeeds once its cause is mended";
    pub(crate) const RECOVERED: &str = "every recovery point is there";
    pub(crate) const CATALOG: &str = "the catalog names the newest recovery point";
    pub(crate) const GONE: &str = "every wait and slot is gone in the end";
    pub(crate) const FOREIGN: &str = "nothing foreign is touched";
    pub(crate) const AT_REST: &str = "the world comes to rest";
    pub(crate) const SOUND: &str = "no handler panics";
}

impl World {
    /// Whether somebody deleted it so lately that RDS's answers may not say so yet.
    fn lately_deleted(&self, arn: &RdsArn) -> bool {
        self.deleted
            .get(arn)
            .is_some_and(|at| self.now.duration_since(*at) < STALE)
    }

    /// What is wrong with a manifest, by the truth.
    fn untrue(&self, run: &Run, step: Step, manifest: &Manifest) -> Option<String> {
        let say = |text: String| Some(format!("{}: {text}", manifest.snapshot));
        if manifest.step != step {
            return say("it is of the other step".to_owned());
        }
        if manifest.resource_id != run.database.resource_id || manifest.database != run.database.arn
        {
            return say(format!(
                "it names {} instead of {}",
                manifest.database, run.database.arn
            ));
        }
        let Some(truth) = self.truth(&manifest.snapshot) else {
            return if self.lately_deleted(&manifest.snapshot) {
                None
            } else {
                say("RDS has no such snapshot".to_owned())
            };
        };
        if truth.stage() != Stage::Available && !self.lately_deleted(&manifest.snapshot) {
            return say(format!("it is {}", truth.stage().as_str()));
        }
        if !self.is_ours(truth)
            || truth.tags.get("snapferry:resource-id") != Some(run.database.resource_id.as_str())
        {
            return say("it is not ours".to_owned());
        }
        if truth.instance.resource_id != run.database.resource_id.as_str() {
            return say("it holds another database".to_owned());
        }
        if manifest.taken_at != Some(truth.taken_at) {
            return say(format!("its data is of {}", truth.taken_at));
        }
        if manifest.engine != truth.instance.engine
            || u32::try_from(manifest.size_gib) != Ok(truth.instance.allocated_storage)
        {
            return say("its engine or size is another".to_owned());
        }
        match step {
            Step::Snapshot if truth.origin != Origin::Taken => say("it is a copy".to_owned()),
            Step::Snapshot => None,
            Step::Copy => self.wrong_copy(run, truth).and_then(say).or_else(|| {
                let source = manifest.source.as_ref().map(ToString::to_string);
                let Origin::Copied(from) = &truth.origin else {
                    return None;
                };
                if source.as_deref() == Some(&from.arn) {
                    None
                } else {
                    say("it names another source".to_owned())
                }
            }),
        }
    }

    /// What is wrong with a copy, by the truth.
    fn wrong_copy(&self, run: &Run, copy: &Snapshot) -> Option<String> {
        let Origin::Copied(from) = &copy.origin else {
            return Some("it is no copy".to_owned());
        };
        let sources = self.source_names(run);
        if from.region.as_str() != run.database.arn.region().as_str()
            || !sources.contains(&from.name)
        {
            return Some(format!("it is a copy of {}", from.arn));
        }
        (copy.kms_key.as_deref() != Some(run.key.as_str())).then(|| "its key is another".to_owned())
    }

    /// All names that a run's source snapshot may have.
    pub(super) fn source_names(&self, run: &Run) -> Vec<String> {
        Attempt::all()
            .map(|a| names::source_snapshot(&self.stack, run, a).to_string())
            .collect()
    }

    /// A success is sent, whether or not anybody still waits for it.
    pub(super) fn judge_success(&mut self, token: &str, manifest: &Manifest) {
        let Some(found) = self.sfn.tokens.get(token) else {
            self.broke(rule::TRUE_SUCCESS, || {
                "it is sent to a token that never was".to_owned()
            });
            return;
        };
        let step = if found.step == Step::Copy.as_str() {
            Step::Copy
        } else {
            Step::Snapshot
        };
        let run = std::rc::Rc::clone(&self.sfn.executions[&found.execution].run);
        if let Some(fault) = self.untrue(&run, step, manifest) {
            self.broke(rule::TRUE_SUCCESS, || fault);
        }
    }

    /// A recovery point is entered in the catalog.
    pub(super) fn judge_entry(&mut self, run: &Run, manifest: &Manifest) {
        if let Some(fault) = self.untrue(run, Step::Copy, manifest) {
            self.broke(rule::TRUE_SUCCESS, || format!("the catalog: {fault}"));
        }
    }

    /// A failure is sent to a live token.
    pub(super) fn judge_failure(&mut self, invocation: u64, token: &str, failure: &Failure) {
        let Some(found) = self.sfn.tokens.get(token).filter(|token| token.alive) else {
            return;
        };
        let name = found.execution.clone();
        let run = std::rc::Rc::clone(&self.sfn.executions[&name].run);
        let of_token = |w: &&Wait| w.command.token.reveal() == token;
        let resources: Vec<RdsArn> = self
            .table
            .waits
            .values()
            .filter(of_token)
            .map(|w| w.resource.clone())
            .collect();
        let is_true = match failure.reason {
            Reason::AlreadyAwaited => self.has_a_rival(&name, &run),
            Reason::SourceMissing => self.source_is_missing(&run),
            Reason::AttemptsExhausted => true,
            Reason::SnapshotFailed => self.any(&resources, |world, arn| {
                world.truth(arn).is_none_or(|s| s.stage() == Stage::Failed)
            }),
            Reason::SnapshotVanished => self.any(&resources, |world, arn| {
                let was_there = world.accepted.contains(arn) || world.deleted.contains_key(arn);
                let is_gone = world
                    .truth(arn)
                    .is_none_or(|s| s.stage() == Stage::Deleting);
                world.lately_deleted(arn) || (was_there && is_gone)
            }),
            Reason::NameTaken => self.any(&resources, |world, arn| {
                world.lately_deleted(arn) || world.truth(arn).is_some_and(|s| !world.is_ours(s))
            }),
            Reason::SnapshotMismatch | Reason::CopyMismatch => {
                self.any(&resources, |world, arn| {
                    world.lately_deleted(arn)
                        || world
                            .truth(arn)
                            .is_some_and(|s| world.wrong_copy(&run, s).is_some())
                })
            }
            Reason::DatabaseBusy => {
                self.was_told(invocation, &resources, "InvalidDBInstanceState")
                    || self.was_told(invocation, &resources, "InvalidDBClusterStateFault")
            }
            Reason::DatabaseNotFound => {
                self.was_told(invocation, &resources, "DBInstanceNotFound")
                    || self.was_told(invocation, &resources, "DBClusterNotFoundFault")
            }
            Reason::Unsupported => self.was_told(invocation, &resources, "InvalidParameterValue"),
        };
        if !is_true {
            self.broke(rule::TRUE_FAILURE, || {
                format!("{name}: {}: {}", failure.reason, failure.cause)
            });
        }
    }

    fn any(&self, resources: &[RdsArn], is: impl Fn(&Self, &RdsArn) -> bool) -> bool {
        resources.is_empty() || resources.iter().any(|arn| is(self, arn))
    }

    fn was_told(&self, invocation: u64, resources: &[RdsArn], code: &str) -> bool {
        let Some(doing) = self.doing.get(&invocation) else {
            return false;
        };
        resources.is_empty()
            || resources.iter().any(|arn| {
                doing
                    .answers
                    .get(arn)
                    .is_some_and(|c| c.as_deref() == Some(code))
            })
    }

    /// Whether another execution of the same run is or was lately under way.
    fn has_a_rival(&self, name: &str, run: &Run) -> bool {
        self.sfn.executions.iter().any(|(other, execution)| {
            let lately = execution
                .ended_at
                .is_none_or(|at| self.now.duration_since(at) < STALE);
            other != name && *execution.run == *run && lately
        })
    }

    fn source_is_missing(&self, run: &Run) -> bool {
        let database = &run.database.arn;
        !Attempt::all().any(|attempt| {
            let name = names::source_snapshot(&self.stack, run, attempt);
            let found = self.truth(&database.sibling_snapshot(database.region(), &name));
            found.is_some_and(|s| s.stage() == Stage::Available && self.is_ours(s))
        })
    }

    /// A wait leaves the table.
    pub(super) fn judge_removal(&mut self, wait: &Wait, by: &str) {
        if !self.sfn.is_alive(wait.command.token.reveal()) {
            return;
        }
        // A worker that goes on to the next suffix leaves what has come to nothing behind.
        let came_to_nothing = match self.truth(&wait.resource).map(Snapshot::stage) {
            Some(Stage::Failed | Stage::Deleting) => true,
            Some(_) => self.lately_deleted(&wait.resource),
            None => self.deleted.contains_key(&wait.resource),
        };
        if !came_to_nothing {
            self.broke(rule::LIVE_WAIT, || {
                format!("{} is deleted by {by}", wait.resource)
            });
        }
    }

    /// A wait is overwritten by one with another token.
    pub(super) fn judge_overwriting(&mut self, stored: &Wait, new: &Wait) {
        if stored.command.token != new.command.token
            && self.sfn.is_alive(stored.command.token.reveal())
        {
            self.broke(rule::LIVE_WAIT, || {
                format!("{} is overwritten", stored.resource)
            });
        }
    }

    /// RDS is asked for a snapshot or a copy.
    pub(super) fn judge_asking(&mut self, invocation: u64, arn: &RdsArn) {
        if !self.doing(invocation).registered.contains(arn) {
            self.broke(rule::REGISTERED, || format!("{arn} has no wait yet"));
        }
    }

    /// RDS has accepted something.
    pub(super) fn judge_accepted(&mut self, arn: &RdsArn) {
        self.accepted.insert(arn.clone());
        let in_flight = self
            .rds
            .snapshots(&rds_region(&home()))
            .chain(self.rds.cluster_snapshots(&rds_region(&home())))
            .filter(|s| s.is_a_copy_in_flight() && self.is_made_by_us(s))
            .count();
        let slots = self.copy_slots;
        if in_flight > slots {
            self.broke(rule::SLOTS, || {
                format!("{in_flight} copies are in flight, with {slots} slots")
            });
        }
    }

    /// An execution is started.
    pub(super) fn judge_start(&mut self, name: &str, run: &Run) {
        let rival = self.sfn.executions.iter().find(|(other, execution)| {
            // A person who redrives an execution answers for it.
            other.as_str() != name
                && execution.is_running()
                && execution.redrives == 0
                && execution.run.database.resource_id == run.database.resource_id
                && execution.run.policy == run.policy
        });
        if let Some((rival, _)) = rival {
            let detail = format!("{name} is started while {rival} runs");
            self.broke(rule::SINGLE_FLIGHT, || detail);
        }
    }

    /// The planner says that a region is planned up to a time.
    pub(super) fn judge_planned(&mut self, region: &Region, due: Timestamp) {
        let selected = |tags: &Tags| {
            tags.get("snapferry:policy") == Some("default")
                && tags.get("snapferry:exclude").is_none()
        };
        let region = rds_region(region);
        let instances = self.rds.instances(&region);
        let instances = instances
            .filter(|i| i.spec.cluster.is_none() && selected(&i.spec.tags))
            .map(|i| i.resource_id.as_str());
        let clusters = self.rds.clusters(&region);
        let clusters = clusters
            .filter(|c| selected(&c.spec.tags))
            .map(|c| c.resource_id.as_str());
        let forgotten = instances.chain(clusters).find(|id| {
            !self.sfn.executions.values().any(|execution| {
                execution.run.database.resource_id.as_str() == *id
                    && (execution.run.planned_at == due || self.ran_lately(execution))
            })
        });
        if let Some(forgotten) = forgotten.map(str::to_owned) {
            self.broke(rule::PLANNED, || {
                format!("{forgotten} has no execution for {due}")
            });
        }
    }

    /// Whether an execution runs, or did when the planner may have looked.
    fn ran_lately(&self, execution: &Execution) -> bool {
        execution
            .ended_at
            .is_none_or(|at| self.now.duration_since(at) < SignedDuration::from_mins(2))
    }

    /// A planner has finished.
    pub(super) fn judge_report(&mut self, planned: &[Planned]) {
        for row in planned.iter().flat_map(|planned| &planned.rows) {
            let is_true = match &row.outcome {
                Planning::Started(name) | Planning::StillRunning(name) => self
                    .sfn
                    .executions
                    .get(name.as_str())
                    .is_some_and(|e| self.ran_lately(e)),
                Planning::Done(name) => self
                    .sfn
                    .executions
                    .get(name.as_str())
                    .is_some_and(|e| e.status == Status::Succeeded),
                Planning::Refused(_) => self
                    .rds
                    .cluster(&rds_region(row.database.region()), row.database.name())
                    .is_some_and(|c| c.is_multi_az_cluster() || c.spec.kms_key.is_none()),
                Planning::LeftOut(_) | Planning::Failed(_) => true,
            };
            if !is_true {
                self.broke(rule::TRUE_REPORT, || {
                    format!("{}: {}", row.database, row.outcome)
                });
            }
        }
    }

    /// What sleeps too long once nothing goes wrong any more.
    pub(super) fn judge_sleepers(&mut self) {
        let (now, fair_since) = (self.now, self.fair_since);
        let sleeper =
            self.sfn
                .executions
                .iter()
                .find_map(|(name, execution)| match &execution.status {
                    Status::Sleeping { since, .. }
                        if now.duration_since((*since).max(fair_since)) > LONGEST_SLEEP =>
                    {
                        Some(format!("{name} in {}", execution.state))
                    }
                    _ => None,
                });
        if let Some(sleeper) = sleeper {
            self.broke(rule::AWAKE, || sleeper);
        }
    }

    /// What must be there when all is done.
    pub(super) fn judge_recovery(&mut self) {
        let mut newest: BTreeMap<String, (Timestamp, String)> = BTreeMap::new();
        let mut faults = Vec::new();
        for (name, execution) in &self.sfn.executions {
            let run = &execution.run;
            if self.is_spoilt(run) {
                continue;
            }
            if execution.status != Status::Succeeded {
                faults.push((
                    rule::RECOVERED,
                    format!("{name} has not succeeded: {:?}", execution.status),
                ));
                continue;
            }
            let manifest = wire::manifest::read(&execution.output("copy"));
            let fault = match &manifest {
                Ok(manifest) => self.untrue(run, Step::Copy, manifest),
                Err(error) => Some(error.to_string()),
            };
            if let Some(fault) = fault {
                faults.push((rule::RECOVERED, format!("{name}: {fault}")));
            }
            if let Some(taken_at) = manifest.ok().and_then(|manifest| manifest.taken_at) {
                let key = format!("{}#{}", run.database.resource_id, run.policy);
                let entry = newest.entry(key).or_insert((taken_at, name.clone()));
                if taken_at > entry.0 {
                    *entry = (taken_at, name.clone());
                }
            }
        }
        for (key, (taken_at, name)) in newest {
            let entry = self.table.catalog.get(&key);
            let entered = entry
                .and_then(|e| e.newest.as_ref())
                .and_then(|m| m.taken_at);
            if entered.is_none_or(|entered| entered < taken_at) {
                faults.push((
                    rule::CATALOG,
                    format!("{key} has {entered:?} and not the copy of {name}"),
                ));
            }
        }
        if let Some((rule, fault)) = faults.into_iter().next() {
            self.broke(rule, || fault);
        }
        self.judge_foreigners();
    }

    fn judge_foreigners(&mut self) {
        for region in self.source_regions.clone() {
            let foreign = self.rds.snapshot(&rds_region(&region), FOREIGN);
            let untouched = foreign.is_some_and(|s| {
                s.stage() == Stage::Available && s.tags.get("owner") == Some("somebody")
            });
            if !untouched {
                self.broke(rule::FOREIGN, || format!("{FOREIGN} in {region}"));
            }
        }
    }

    /// Waits that nobody needs and that a sweep could have settled long ago.
    pub(super) fn judge_leftovers(&mut self) {
        let left = self.table.waits.values().find(|wait| {
            let is_good = self
                .truth(&wait.resource)
                .is_some_and(|s| s.stage() == Stage::Available);
            wait.phase != Phase::Queued && is_good && !self.squatters.contains(&wait.resource)
        });
        if let Some(left) = left.map(|wait| wait.resource.clone()) {
            self.broke(rule::GONE, || {
                format!("RDS has finished {left}, and its wait stays")
            });
        }
    }

    /// What must be gone when every time to live has run out.
    pub(super) fn judge_the_end(&mut self) {
        if let Some(wait) = self.table.waits.keys().next().cloned() {
            self.broke(rule::GONE, || format!("the wait of {wait} is still there"));
        }
        if let Some(copy) = self.table.slots.iter().next().cloned() {
            self.broke(rule::GONE, || format!("{copy} still holds a slot"));
        }
    }
}

/// The recovery region.
pub(super) fn home() -> Region {
    Region::parse(HOME).expect("a region")
}

/// The name of an execution.
pub(super) fn name_of(execution: &ExecutionArn) -> &str {
    let arn = execution.as_str();
    arn.rsplit_once(':').map_or(arn, |(_, name)| name)
}
