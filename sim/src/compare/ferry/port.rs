//! The product's ports over the account of the comparison. Nothing breaks here but what RDS throttles: each
//! call has its effect at once and is entered in the ledger.

use std::cell::{RefCell, RefMut};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::arn::{ExecutionArn, KeyArn, RdsArn, Region, StateMachineArn};
use snapferry::domain::command::{Command, DatabaseRef, Run, Step};
use snapferry::domain::database::Database;
use snapferry::domain::failure::{Failure, Operation as Action};
use snapferry::domain::manifest::Manifest;
use snapferry::domain::names::{ExecutionName, ResourceId, SnapshotId};
use snapferry::domain::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::tags::{PolicyName, Tags};
use snapferry::domain::token::TaskToken;
use snapferry::domain::trouble::Trouble;
use snapferry::domain::wait::{Phase, Wait};
use snapferry::ports::{
    Abandoned, Callbacks, Claim, ClaimRun, ClaimSlot, Clock, CopySnapshot, CopySnapshotRequest,
    CreateSnapshot, CreateSnapshotRequest, DelayMessage, Delivery, DescribeInstances,
    DescribeQuota, DescribeSnapshots, ExecutionState, FreeSlot, Jitter, ListOpen, LookUpWaits,
    NoteTrouble, OpenMarker, OpenPage, Page, PlanCursor, PortError, Probe, ProbeToken, RdsError,
    ReceiptHandle, RecordRecoveryPoint, SendCommand, SnapshotQuota, StartExecution, Started, Waits,
    Written,
};
use snapferry::wire;

use super::queue::Queue;
use super::table::{CATALOG_KB, SLOTS_KB, Table, WAIT_KB};
use crate::compare::cloud::{Cloud, Operation, RDS_CALL, Sdk, database_of, later};
use crate::compare::ledger::Hop;
use crate::rds::{
    CopyDbSnapshot, CreateDbSnapshot, DescribeDbInstances, DescribeDbSnapshots, Filter, Instance,
    Paging, RdsFault, SnapshotDescription,
};
use crate::simulation::step_functions::{AboutToken, Status, StepFunctions};

/// The product's SDK: two tries, a fifth of a second between them (`src/aws/connect.rs`).
const SDK: Sdk = Sdk {
    tries: 2,
    first_wait: SignedDuration::from_millis(200),
};
/// How long a call of another service takes, as far as a function is billed for it. An assumption.
pub(super) const OTHER_CALL: SignedDuration = SignedDuration::from_millis(10);
/// How many calls of one batch, page or sweep a function has under way at once (`app::batch::CONCURRENCY`).
pub(super) const AT_ONCE: i32 = 10;

/// Everything of the stack that keeps a state.
pub(super) struct State {
    pub(super) sfn: StepFunctions,
    pub(super) machine: StateMachineArn,
    pub(super) table: Table,
    pub(super) commands: Queue,
    pub(super) events: Queue,
    /// When a worker can be at a command that was sent.
    pub(super) commands_due: Vec<Timestamp>,
    /// Which queue the invocation under way is fed by.
    pub(super) fed_by_events: bool,
}

/// One invocation's view.
pub(super) struct Inner<'a> {
    pub(super) cloud: &'a mut Cloud,
    pub(super) state: &'a mut State,
    pub(super) rds_calls: u32,
    pub(super) other_calls: u32,
    /// Whether its RDS calls come one after the other, and not beside each other.
    one_after_the_other: bool,
    elapsed: SignedDuration,
}

/// The ports of one invocation.
pub(super) struct Port<'a> {
    inner: RefCell<Inner<'a>>,
}

impl<'a> Port<'a> {
    pub(super) fn new(
        cloud: &'a mut Cloud,
        state: &'a mut State,
        one_after_the_other: bool,
    ) -> Self {
        Self {
            inner: RefCell::new(Inner {
                cloud,
                state,
                rds_calls: 0,
                other_calls: 0,
                one_after_the_other,
                elapsed: SignedDuration::ZERO,
            }),
        }
    }

    /// How many calls of RDS and of others it has made.
    pub(super) fn calls(self) -> (u32, u32) {
        let inner = self.inner.into_inner();
        (inner.rds_calls, inner.other_calls)
    }

    fn rds(&self) -> RefMut<'_, Inner<'a>> {
        self.inner.borrow_mut()
    }

    /// A call of another service than RDS.
    fn other(&self) -> RefMut<'_, Inner<'a>> {
        let mut inner = self.inner.borrow_mut();
        inner.other_calls += 1;
        inner
    }
}

impl Inner<'_> {
    fn now(&self) -> Timestamp {
        self.cloud.now
    }

    fn reach(&mut self, action: Action, hop: Hop, operation: Operation) -> Result<(), RdsError> {
        self.rds_calls += 1;
        let at = later(self.now(), self.elapsed);
        if self.one_after_the_other {
            self.elapsed = self.elapsed.saturating_add(RDS_CALL);
        }
        let reached = self.cloud.reach_rds(hop, operation, at, SDK);
        reached.map(drop).map_err(|_| {
            let throttled = Some("Throttling".to_owned());
            self.error(action, hop, throttled, "Rate exceeded".to_owned())
        })
    }

    fn error(&self, action: Action, hop: Hop, code: Option<String>, message: String) -> RdsError {
        let region = Region::parse(self.cloud.region(hop).as_str());
        RdsError {
            operation: action,
            region: region.expect("both models know the comparison's two regions"),
            code,
            message,
            source: None,
        }
    }

    fn refused(&self, action: Action, hop: Hop, fault: &RdsFault) -> RdsError {
        self.error(
            action,
            hop,
            Some(fault.code().to_owned()),
            fault.to_string(),
        )
    }

    fn hop_of(&self, region: &Region) -> Hop {
        if region.as_str() == self.cloud.home.as_str() {
            Hop::Copy
        } else {
            Hop::Snapshot
        }
    }

    /// Step Functions sends the commands of the states that it has entered.
    fn send_commands(&mut self) {
        let at = later(self.cloud.now, self.elapsed);
        self.state.send_commands(self.cloud, at);
    }

    fn wrote(&mut self, kilobytes: u64) {
        self.cloud.ledger.write_units += kilobytes;
    }
}

impl State {
    pub(super) fn send_commands(&mut self, cloud: &mut Cloud, at: Timestamp) {
        while let Some(outgoing) = self.sfn.outbox.pop_front() {
            cloud.ledger.transitions += 1;
            cloud.ledger.queue_requests += 1;
            let due = self.commands.send(outgoing.body.to_string(), at);
            self.commands_due.push(due);
        }
    }
}

impl Clock for Port<'_> {
    fn now(&self) -> Timestamp {
        self.inner.borrow().now()
    }
}

impl Jitter for Port<'_> {
    fn jitter(&self) -> f64 {
        self.inner.borrow_mut().cloud.rng.f64()
    }
}

impl ProbeToken for Port<'_> {
    async fn send_task_heartbeat(&self, token: &TaskToken) -> Probe {
        match self.other().state.sfn.probe(token.reveal()) {
            AboutToken::Alive => Probe::Alive,
            AboutToken::Dead => Probe::Dead,
            AboutToken::Invalid => Probe::Invalid,
        }
    }
}

fn delivery(about: AboutToken) -> Delivery {
    match about {
        AboutToken::Alive => Delivery::Accepted,
        AboutToken::Dead => Delivery::NobodyWaits,
        AboutToken::Invalid => Delivery::Invalid,
    }
}

impl Callbacks for Port<'_> {
    async fn send_task_success(&self, token: &TaskToken, manifest: &Manifest) -> Delivery {
        let mut inner = self.other();
        let now = inner.now();
        let output = wire::manifest::write(manifest);
        let about = inner.state.sfn.succeed(token.reveal(), &output, now);
        if about == AboutToken::Alive {
            let hop = match manifest.step {
                Step::Snapshot => Hop::Snapshot,
                Step::Copy => Hop::Copy,
            };
            let at = later(now, inner.elapsed);
            let region = inner.cloud.region(hop).clone();
            let truth = inner.cloud.rds.snapshot(&region, manifest.snapshot.name());
            let found = truth.map(|truth| (database_of(&truth.instance.identifier), truth.since()));
            if let Some((Some(database), ready)) = found {
                inner.cloud.ledger.notice(hop, database, ready, at);
            }
            inner.send_commands();
        }
        delivery(about)
    }

    async fn send_task_failure(&self, token: &TaskToken, failure: &Failure) -> Delivery {
        let mut inner = self.other();
        let now = inner.now();
        delivery(
            inner
                .state
                .sfn
                .fail(token.reveal(), failure.reason.error_name(), now),
        )
    }
}

impl StartExecution for Port<'_> {
    async fn start_execution(&self, name: &ExecutionName, run: &Run) -> Result<Started, PortError> {
        let mut inner = self.other();
        let input = wire::run::write(run);
        if let Some(execution) = inner.state.sfn.executions.get(name.as_str()) {
            let same = execution.is_running() && *execution.input == *input;
            return Ok(if same {
                Started::Running
            } else {
                Started::NameUsed
            });
        }
        // Two calls a row, ten rows at once.
        inner.elapsed = inner
            .elapsed
            .saturating_add(OTHER_CALL.saturating_mul(2) / AT_ONCE);
        let arn = inner.state.machine.execution(name).to_string();
        let now = inner.now();
        inner
            .state
            .sfn
            .start(name.as_str(), arn, run.clone(), input, now);
        // The start and the end of the execution.
        inner.cloud.ledger.transitions += 2;
        inner.send_commands();
        Ok(Started::Running)
    }

    async fn describe_execution(&self, name: &ExecutionName) -> Result<ExecutionState, PortError> {
        let inner = self.other();
        let execution = inner.state.sfn.executions.get(name.as_str());
        Ok(match execution.map(|execution| &execution.status) {
            None => ExecutionState::Unknown,
            Some(Status::Sleeping { .. } | Status::Retrying { .. }) => ExecutionState::Running,
            Some(Status::Succeeded) => ExecutionState::Succeeded,
            Some(Status::Failed { .. }) => ExecutionState::Failed,
        })
    }
}

impl SendCommand for Port<'_> {
    async fn send_command(&self, command: &Command) -> Result<(), PortError> {
        let mut inner = self.other();
        let at = later(inner.now(), inner.elapsed);
        inner.cloud.ledger.queue_requests += 1;
        let due = inner.state.commands.send(wire::command::write(command), at);
        inner.state.commands_due.push(due);
        Ok(())
    }
}

impl DelayMessage for Port<'_> {
    async fn delay_message(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<(), PortError> {
        let mut inner = self.other();
        inner.cloud.ledger.queue_requests += 1;
        // SQS takes whole seconds.
        let seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
        let whole = seconds + i64::from(delay.subsec_nanos() > 0);
        let until = later(inner.now(), SignedDuration::from_secs(whole));
        let state = &mut inner.state;
        let queue = if state.fed_by_events {
            &mut state.events
        } else {
            &mut state.commands
        };
        queue.delay(&receipt.0, until);
        Ok(())
    }
}

impl Waits for Port<'_> {
    async fn register(&self, wait: &Wait) -> Result<Option<Wait>, PortError> {
        let mut inner = self.other();
        inner.wrote(2 * WAIT_KB);
        if let Some(stored) = inner.state.table.get(&wait.resource) {
            return Ok(Some(stored.clone()));
        }
        inner.state.table.put(wait.clone());
        Ok(None)
    }

    async fn replace(&self, wait: &Wait, instead_of: &TaskToken) -> Result<Written, PortError> {
        let mut inner = self.other();
        inner.wrote(3 * WAIT_KB);
        if !inner.state.table.has(&wait.resource, instead_of) {
            return Ok(Written::Conflict);
        }
        inner.state.table.put(wait.clone());
        Ok(Written::Stored)
    }

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
            .filter(|stored| stored.command.token == *token);
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
    async fn claim_slot(&self, copy: &RdsArn, most: usize) -> Result<bool, PortError> {
        let mut inner = self.other();
        let held = inner.state.table.claim_slot(copy, most);
        // A condition that fails is billed like the write.
        inner.wrote(if held { 2 * SLOTS_KB } else { SLOTS_KB });
        Ok(held)
    }
}

impl FreeSlot for Port<'_> {
    async fn free_slot(&self, copy: &RdsArn, proof: &Abandoned) -> Result<bool, PortError> {
        let mut inner = self.other();
        // Twice in a transaction; the index once more.
        inner.wrote(2 * SLOTS_KB + 2 * WAIT_KB + SLOTS_KB);
        let table = &mut inner.state.table;
        Ok(table.proves(copy, proof) && table.slots.remove(copy))
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
        instead_of: Option<&ExecutionName>,
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
            Some(open) if open != execution && Some(open) != instead_of => {
                Claim::HeldBy(open.clone())
            }
            _ => {
                entry.open = Some(execution.clone());
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

impl PlanCursor for Port<'_> {
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

impl DescribeInstances for Port<'_> {
    async fn describe_db_instances(
        &self,
        _: &Region,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        let mut inner = self.rds();
        let action = Action::DescribeDbInstances;
        inner.reach(action, Hop::Snapshot, Operation::DescribeInstances)?;
        let request = DescribeDbInstances {
            paging: Paging {
                max_records: None,
                marker,
            },
            ..DescribeDbInstances::default()
        };
        let (at, now) = (inner.cloud.source.clone(), inner.now());
        match inner.cloud.rds.describe_db_instances(&at, &request, now) {
            Ok(page) => Ok(Page {
                items: page.items.iter().filter_map(database).collect(),
                next: page.marker,
            }),
            Err(fault) => Err(inner.refused(action, Hop::Snapshot, &fault)),
        }
    }
}

fn database(instance: &Instance) -> Option<Database> {
    Some(Database {
        arn: RdsArn::parse(&instance.arn).ok()?,
        resource_id: ResourceId::parse(&instance.resource_id).ok()?,
        member_of: instance.spec.cluster.clone(),
        engine: instance.spec.engine.clone(),
        status: instance.status.as_str().to_owned(),
        tags: tags(&instance.spec.tags),
    })
}

fn tags(tags: &crate::rds::Tags) -> Tags {
    tags.iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

impl DescribeSnapshots for Port<'_> {
    async fn describe_db_snapshots(
        &self,
        region: &Region,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        let mut inner = self.rds();
        let action = Action::DescribeDbSnapshots;
        let hop = inner.hop_of(region);
        inner.reach(action, hop, Operation::DescribeSnapshots)?;
        let filter = Filter {
            name: "db-snapshot-id".to_owned(),
            values: ids.iter().map(ToString::to_string).collect(),
        };
        let request = DescribeDbSnapshots {
            filters: vec![filter],
            ..DescribeDbSnapshots::default()
        };
        let (at, now) = (inner.cloud.region(hop).clone(), inner.now());
        match inner.cloud.rds.describe_db_snapshots(&at, &request, now) {
            Ok(page) => Ok(page.items.iter().filter_map(snapshot).collect()),
            Err(fault) => Err(inner.refused(action, hop, &fault)),
        }
    }
}

/// A row as the adapter reads it.
fn snapshot(row: &SnapshotDescription) -> Option<Snapshot> {
    let source = row
        .source_arn
        .as_deref()
        .map(RdsArn::parse)
        .transpose()
        .ok()?;
    let own_time = if source.is_none() {
        row.create_time
    } else {
        None
    };
    Some(Snapshot {
        arn: RdsArn::parse(&row.arn).ok()?,
        resource_id: ResourceId::parse(&row.instance.resource_id).ok(),
        status: SnapshotStatus::parse(row.stage.as_str()),
        percent: Some(row.percent_progress),
        engine: row.instance.engine.clone(),
        engine_version: row.instance.engine_version.clone(),
        size_gib: i32::try_from(row.instance.allocated_storage).ok()?,
        encrypted: row.kms_key.is_some(),
        key: row.kms_key.as_deref().map(KeyArn::parse).transpose().ok()?,
        source,
        taken_at: row.original_create_time.or(own_time),
        tags: tags(&row.tags),
    })
}

impl CreateSnapshot for Port<'_> {
    async fn create_db_snapshot(&self, request: &CreateSnapshotRequest) -> Result<(), RdsError> {
        let mut inner = self.rds();
        let action = Action::CreateDbSnapshot;
        inner.reach(action, Hop::Snapshot, Operation::Create)?;
        let (at, now) = (inner.cloud.source.clone(), inner.now());
        let asked = CreateDbSnapshot {
            snapshot: request.id.to_string(),
            instance: request.database.name().to_owned(),
            tags: request.tags.clone().into_iter().collect(),
        };
        let answer = inner.cloud.rds.create_db_snapshot(&at, &asked, now);
        answer
            .map(drop)
            .map_err(|fault| inner.refused(action, Hop::Snapshot, &fault))
    }
}

impl CopySnapshot for Port<'_> {
    async fn copy_db_snapshot(&self, request: &CopySnapshotRequest) -> Result<(), RdsError> {
        let mut inner = self.rds();
        let action = Action::CopyDbSnapshot;
        inner.reach(action, Hop::Copy, Operation::Copy)?;
        let (at, now) = (inner.cloud.home.clone(), inner.now());
        let asked = CopyDbSnapshot {
            source: request.source.to_string(),
            target: request.id.to_string(),
            kms_key: Some(request.key.to_string()),
            copy_tags: false,
            tags: request.tags.clone().into_iter().collect(),
            option_group: None,
        };
        let answer = inner.cloud.rds.copy_db_snapshot(&at, &asked, now);
        answer
            .map(drop)
            .map_err(|fault| inner.refused(action, Hop::Copy, &fault))
    }
}

impl DescribeQuota for Port<'_> {
    async fn describe_snapshot_quota(
        &self,
        region: &Region,
    ) -> Result<Option<SnapshotQuota>, RdsError> {
        let mut inner = self.rds();
        let hop = inner.hop_of(region);
        inner.reach(
            Action::DescribeAccountAttributes,
            hop,
            Operation::DescribeAccount,
        )?;
        let (at, now) = (inner.cloud.region(hop).clone(), inner.now());
        let quotas = inner.cloud.rds.describe_account_attributes(&at, now);
        let quota = quotas.iter().find(|quota| quota.name == "ManualSnapshots");
        Ok(quota.map(|quota| SnapshotQuota {
            used: i64::try_from(quota.used).unwrap_or(i64::MAX),
            max: i64::try_from(quota.max).unwrap_or(i64::MAX),
        }))
    }
}
