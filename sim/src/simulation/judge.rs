//! The rules, judged by the model of RDS at the moment of each effect.

use jiff::SignedDuration;
use snapferry::app::planner::{Outcome as Planning, Planned};
use snapferry::domain::id::arn::{Family, RdsArn, Region};
use snapferry::domain::id::names::{Attempt, ResourceId};
use snapferry::domain::id::tags::{PolicyName, RUN, Tags};
use snapferry::domain::policy::cursor::Cursor;
use snapferry::domain::run::command::{ProtectionRequest, Step};
use snapferry::domain::run::failure::{Failure, Reason};
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::naming;
use snapferry::domain::run::wait::Wait;

use super::rule;
use super::step_functions::{Execution, Status};
use super::world::{HOME, World, rds_region};
use crate::rds::{InstanceStatus, Origin, Snapshot, SnapshotType, Stage};

/// How old an answer of RDS may be when the product acts on it: its lag, plus the longest invocation.
pub(super) const STALE: SignedDuration = SignedDuration::from_mins(15);

/// How long an execution may sleep on one token when nothing goes wrong. All copies of a world, one after the other, take
/// less time.
const LONGEST_SLEEP: SignedDuration = SignedDuration::from_hours(10);

impl World {
    /// Whether it was deleted so recently that RDS's answers may not show it yet.
    fn lately_deleted(&self, arn: &RdsArn) -> bool {
        self.deleted
            .get(arn)
            .is_some_and(|at| self.now.duration_since(*at) < STALE)
    }

    /// What is wrong with a manifest, according to the model of RDS.
    pub(super) fn untrue(
        &self,
        run: &ProtectionRequest,
        step: Step,
        manifest: &Manifest,
    ) -> Option<String> {
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

    /// What is wrong with a copy, according to the model of RDS.
    fn wrong_copy(&self, run: &ProtectionRequest, copy: &Snapshot) -> Option<String> {
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
    pub(super) fn source_names(&self, run: &ProtectionRequest) -> Vec<String> {
        Attempt::all()
            .map(|attempt| self.source_arn(run, attempt).name().to_owned())
            .collect()
    }

    /// A success is sent, whether or not anybody still waits for it.
    pub(super) fn judge_success(&mut self, token: &str, manifest: &Manifest) {
        let Some(found) = self.step_functions.tokens.get(token) else {
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
        let run = std::rc::Rc::clone(&self.step_functions.executions[&found.execution].run);
        if let Some(fault) = self.untrue(&run, step, manifest) {
            self.broke(rule::TRUE_SUCCESS, || fault);
        }
        if step == Step::Copy
            && let Some(fault) = self.not_as_asked(&run, manifest)
        {
            self.broke(rule::AS_ASKED, || fault);
        }
        if step == Step::Copy {
            self.note_copied(&manifest.snapshot);
        }
    }

    /// Which of the policy's options a copy by Snapferry lacks.
    fn not_as_asked(&self, run: &ProtectionRequest, manifest: &Manifest) -> Option<String> {
        let copy = self.truth(&manifest.snapshot)?;
        if !self.is_made_by_us(copy) {
            return None;
        }
        let database = &run.database.arn;
        let group = self.option_group_at_home(database);
        if group.is_some_and(|group| copy.instance.option_group != group) {
            return Some(format!(
                "{} has the option group {}",
                copy.arn, copy.instance.option_group
            ));
        }
        let (key, value) = self.carried_tag(database)?;
        (copy.tags.get(key) != Some(value)).then(|| format!("{} has no tag {key}", copy.arn))
    }

    /// A recovery point is entered in the catalog.
    pub(super) fn judge_entry(&mut self, run: &ProtectionRequest, manifest: &Manifest) {
        if let Some(fault) = self.untrue(run, Step::Copy, manifest) {
            self.broke(rule::TRUE_SUCCESS, || format!("the catalog: {fault}"));
        }
    }

    /// A wait is stored.
    pub(super) fn judge_one_wait(&mut self, token: &snapferry::domain::id::token::TaskToken) {
        let waits = self.table.waits();
        let of_token: Vec<String> = waits
            .filter(|wait| wait.command.token == *token)
            .map(|wait| wait.resource.to_string())
            .collect();
        if of_token.len() > 1 {
            self.broke(rule::ONE_WAIT, || of_token.join(" and "));
        }
    }

    /// A failure is sent to a live token.
    pub(super) fn judge_failure(&mut self, invocation: u64, token: &str, failure: &Failure) {
        let Some(found) = self
            .step_functions
            .tokens
            .get(token)
            .filter(|token| token.alive)
        else {
            return;
        };
        let name = found.execution.clone();
        let run = std::rc::Rc::clone(&self.step_functions.executions[&name].run);
        let of_token = |w: &&Wait| w.command.token.reveal() == token;
        let resources: Vec<RdsArn> = self
            .table
            .waits()
            .filter(of_token)
            .map(|w| w.resource.clone())
            .collect();
        let is_true = match failure.reason {
            Reason::AlreadyAwaited => self.has_a_rival(&name, &run),
            Reason::SourceMissing => self.source_is_missing(&run),
            Reason::SourceExpired => {
                let automated = run.options.automated.as_ref();
                automated.is_some_and(|of| self.truth(&of.snapshot).is_none())
            }
            Reason::AttemptsExhausted => true,
            Reason::SnapshotFailed => self.any(&resources, |world, arn| {
                world.lately_deleted(arn)
                    || world.truth(arn).is_none_or(|s| s.stage() == Stage::Failed)
            }),
            Reason::SnapshotVanished => self.any(&resources, |world, arn| {
                let was_there = world.accepted.contains(arn) || world.deleted.contains_key(arn);
                let is_gone = world
                    .truth(arn)
                    .is_none_or(|s| s.stage() == Stage::Deleting);
                world.lately_deleted(arn) || (was_there && is_gone)
            }),
            // Somebody may have given it the claim since the worker looked.
            Reason::NotPermitted => {
                let doing = self.doing.get(&invocation);
                doing.is_some_and(|doing| doing.not_permitted.contains(&*name))
            }
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
            Reason::Unsupported => {
                self.rds_refuses_the_copy(&run)
                    || self.was_told(invocation, &resources, "InvalidParameterValue")
            }
        };
        if failure.reason == Reason::Unsupported {
            self.was_refused_for_good(&run);
        }
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

    /// Whether another execution of the same run is running, or was recently.
    fn has_a_rival(&self, name: &str, run: &ProtectionRequest) -> bool {
        self.step_functions
            .executions
            .iter()
            .any(|(other, execution)| {
                let lately = execution
                    .ended_at
                    .is_none_or(|at| self.now.duration_since(at) < STALE);
                other != name && is_same_run(&execution.run, run) && lately
            })
    }

    fn source_is_missing(&self, run: &ProtectionRequest) -> bool {
        let database = &run.database.arn;
        let sources: Vec<RdsArn> = Attempt::all()
            .map(|attempt| naming::source_snapshot(&self.stack, run, attempt))
            .map(|name| database.sibling_snapshot(database.region(), &name))
            .collect();
        // The source that a command chose may be gone, while a later one exists.
        sources
            .iter()
            .any(|source| self.deleted.contains_key(source))
            || !sources.iter().any(|source| {
                let found = self.truth(source);
                found.is_some_and(|s| s.stage() == Stage::Available && self.is_ours(s))
            })
    }

    /// A wait leaves the table.
    pub(super) fn judge_removal(&mut self, wait: &Wait, by: &str) {
        if !self.step_functions.is_alive(wait.command.token.reveal()) {
            return;
        }
        // A worker that goes on to the next suffix leaves a failed attempt behind.
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

    /// A person's stop, or a worker that may not act, forgets a wait, if it is still as it was read.
    pub(super) fn judge_forgetting(&mut self, by: u64, read: &Wait) {
        let stored = self.table.wait(&read.resource);
        let is_unchanged = stored.is_some_and(|stored| {
            stored.command.token == read.command.token
                && stored.phase == read.phase
                && stored.since == read.since
        });
        if is_unchanged {
            let execution = read.command.execution.name();
            let doing = self.doing.get(&by);
            if doing.is_some_and(|doing| doing.not_permitted.contains(execution)) {
                self.judge_removal(read, "a worker that may not act");
            } else {
                self.judge_removal(read, "a person's stop");
                self.count("waits forgotten by snapferry stop");
            }
        }
    }

    /// A wait is overwritten by one with another token.
    pub(super) fn judge_overwriting(&mut self, stored: &Wait, new: &Wait) {
        if stored.command.token != new.command.token
            && self.step_functions.is_alive(stored.command.token.reveal())
        {
            self.broke(rule::LIVE_WAIT, || {
                format!("{} is overwritten", stored.resource)
            });
        }
        // A wait may move on to the next attempt only if its attempt has failed.
        let goes_on = stored.command.token == new.command.token && stored.resource != new.resource;
        let truth = self.truth(&stored.resource);
        let is_over = truth.is_none_or(|s| matches!(s.stage(), Stage::Failed | Stage::Deleting));
        if goes_on && !is_over {
            self.broke(rule::LIVE_WAIT, || {
                format!("{} is passed over although RDS has it", stored.resource)
            });
        }
    }

    /// The worker asks for a snapshot or a copy, tagged with the run that it is for.
    pub(super) fn judge_permission(&mut self, tags: &Tags) {
        let forged = tags.get(RUN).filter(|run| self.forged.contains(*run));
        if let Some(run) = forged.cloned() {
            self.broke(rule::PERMITTED, || {
                format!("RDS is asked for {run}, which nobody claimed")
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
        self.judge_slots();
    }

    /// An execution is started.
    pub(super) fn judge_start(&mut self, name: &str, run: &ProtectionRequest) {
        let region = rds_region(run.database.arn.region());
        let selected = self.to_be_protected(&region, run.policy.as_str());
        if !selected.contains(&run.database.resource_id.as_str()) {
            let database = &run.database.arn;
            self.broke(rule::SELECTED, || {
                format!("{name} is started for {database}")
            });
        }
        self.judge_named_source(name, run);
        self.judge_another_run(run);
        let rival = self
            .step_functions
            .executions
            .iter()
            .find(|(other, execution)| {
                // A person who redrives an execution is responsible for it.
                other.as_str() != name
                    && execution.is_running()
                    && execution.redrives == 0
                    && !execution.by_hand
                    && !self.has_lost_its_source(&execution.run)
                    && execution.run.database.resource_id == run.database.resource_id
                    && execution.run.policy == run.policy
            });
        if let Some((rival, _)) = rival {
            let detail = format!("{name} is started while {rival} runs");
            self.broke(rule::SINGLE_FLIGHT, || detail);
        }
    }

    /// Whether RDS has removed the automated snapshot that the run names. Then its step is about to fail, and the claim
    /// moves to another execution before that.
    fn has_lost_its_source(&self, run: &ProtectionRequest) -> bool {
        let named = run.options.automated.as_ref();
        named.is_some_and(|of| self.truth(&of.snapshot).is_none())
    }

    /// The planner stores up to when a policy is planned in a region.
    pub(super) fn judge_planned(
        &mut self,
        by: u64,
        (policy, region): (&PolicyName, &Region),
        cursor: &Cursor,
    ) {
        self.own_times.note_cursor(by, (policy, region), cursor);
        let at = rds_region(region);
        let is_kept = |id: &&str| {
            let mut kept = cursor.kept.iter();
            kept.any(|kept| kept.database.resource_id.as_str() == *id)
        };
        let mut selected = self.to_be_protected(&at, policy.as_str());
        selected.retain(|id| !is_kept(id) && !self.is_refused_for_good(id, policy));
        let before = self.table.plan_cursor(policy, region);
        let forgotten = selected.into_iter().find_map(|id| {
            let database = ResourceId::parse(id).ok()?;
            let cursors = (before, cursor);
            let due = self.own_times.newly_planned(policy, &database, cursors)?;
            let from = self.is_to_be_planned(policy, &at, id, due)?;
            let has_one = self.has_its_execution(&database, policy, from);
            (!has_one).then_some((database, due))
        });
        if let Some((forgotten, due)) = forgotten {
            self.broke(rule::PLANNED, || {
                format!("{forgotten} has no execution for {due}")
            });
        }
    }

    /// Whether the catalog remembers that RDS has refused a database's copies permanently.
    pub(super) fn is_refused_for_good(&self, database: &str, policy: &PolicyName) -> bool {
        let id = ResourceId::parse(database).ok();
        let entry = id.and_then(|id| self.table.entry(&id, policy));
        entry.is_some_and(|entry| entry.refused.is_some())
    }

    /// Whether an execution is running, or was when the planner may have looked.
    pub(super) fn ran_lately(&self, execution: &Execution) -> bool {
        execution
            .ended_at
            .is_none_or(|at| self.now.duration_since(at) < SignedDuration::from_mins(2))
    }

    /// A planner has finished.
    pub(super) fn judge_report(&mut self, by: u64, planned: &[Planned]) {
        self.judge_round(by, planned);
        let rows = planned
            .iter()
            .flat_map(|planned| planned.rows.iter().map(|row| (&planned.policy, row)));
        for (policy, row) in rows {
            let is_true = match &row.outcome {
                Planning::Started(name) | Planning::StillRunning(name) => self
                    .step_functions
                    .executions
                    .get(name.as_str())
                    .is_some_and(|e| self.ran_lately(e)),
                Planning::Done(name) => self
                    .step_functions
                    .executions
                    .get(name.as_str())
                    .is_some_and(|e| e.status == Status::Succeeded),
                // Only a person's dry run says so.
                Planning::WouldStart(_) => false,
                Planning::Refused(_) => {
                    let at = rds_region(row.database.region());
                    self.is_refused(row.database.family(), &at, row.database.name())
                }
                Planning::NotNow(_) => {
                    let at = rds_region(row.database.region());
                    let name = row.database.name();
                    let status = match row.database.family() {
                        Family::Instance => self.rds.instance(&at, name).map(|one| one.status),
                        Family::Cluster => self.rds.cluster(&at, name).map(|one| one.status),
                    };
                    // It may have been started since the planner looked.
                    self.faults_are_on || status != Some(InstanceStatus::Available)
                }
                Planning::Remembered(_) => self.rds_refuses_copies_of(&row.database),
                Planning::NothingToCopy => !self.has_an_automated_snapshot(&row.database),
                Planning::Waits(waits) => {
                    self.count("databases that waited for their own times");
                    self.waits_for_its_own_time(by, policy, (row, waits))
                }
                Planning::Excluded(_) | Planning::Failed(_) => true,
            };
            if !is_true {
                self.broke(rule::TRUE_REPORT, || {
                    format!("{}: {}", row.database, row.outcome)
                });
            }
        }
    }

    /// Whether RDS has a snapshot that could be copied.
    fn has_an_automated_snapshot(&self, database: &RdsArn) -> bool {
        let at = rds_region(database.region());
        let mut of_it: Box<dyn Iterator<Item = &Snapshot>> = match database.family() {
            Family::Instance => Box::new(self.rds.snapshots(&at)),
            Family::Cluster => Box::new(self.rds.cluster_snapshots(&at)),
        };
        of_it.any(|snapshot| {
            snapshot.kind == SnapshotType::Automated
                && snapshot.stage() == Stage::Available
                && snapshot.instance.identifier == database.name()
                && self.now.duration_since(snapshot.since()) > STALE
        })
    }

    /// Executions that sleep too long after the faults have stopped.
    pub(super) fn judge_sleepers(&mut self) {
        let (now, fair_since) = (self.now, self.fair_since);
        let sleeper = self
            .step_functions
            .executions
            .iter()
            .find_map(|(name, execution)| {
                let since = execution.sleeps_since()?.max(fair_since);
                let too_long = now.duration_since(since) > LONGEST_SLEEP;
                too_long.then(|| format!("{name} in {}", execution.state))
            });
        if let Some(sleeper) = sleeper {
            self.broke(rule::AWAKE, || sleeper);
        }
    }

    /// A person is told to raise a quota.
    pub(super) fn judge_quota(&mut self, region: &Region) {
        let at = rds_region(region);
        let snapshots = self.rds.snapshots(&at).count();
        let of_clusters = self.rds.cluster_snapshots(&at).count();
        let config = self.rds.config();
        let is_full = snapshots >= config.manual_snapshot_quota
            || of_clusters >= config.manual_cluster_snapshot_quota;
        // While things go wrong, the quota may have been raised since the worker looked.
        if !is_full && !self.faults_are_on {
            self.broke(rule::HEALTHY, || {
                format!("a quota is to be raised, with {snapshots} snapshots in {region}")
            });
        }
    }
}

/// The recovery region.
pub(super) fn home() -> Region {
    Region::parse(HOME).expect("a region")
}

/// Whether two requests name their snapshots alike: what else they ask for may have changed between two starts.
pub(super) fn is_same_run(one: &ProtectionRequest, other: &ProtectionRequest) -> bool {
    one.database == other.database
        && one.policy == other.policy
        && one.planned_at == other.planned_at
}
