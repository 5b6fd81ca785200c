//! A stateful fake of everything that the use cases ask of the outside: one truth, many tests.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use snapferry::app::queue::Record;
use snapferry::app::react::Ear;
use snapferry::app::sweep::Broom;
use snapferry::app::work::Desk;
use snapferry::domain::arn::{ExecutionArn, Family, KeyArn, RdsArn, Region};
use snapferry::domain::backoff::Backoff;
use snapferry::domain::command::{Command, DatabaseRef, Extras, Run, Step};
use snapferry::domain::database::Database;
use snapferry::domain::failure::{Failure, Operation};
use snapferry::domain::manifest::Manifest;
use snapferry::domain::names::{ExecutionName, OptionGroup, ResourceId, SnapshotId};
use snapferry::domain::naming::first_attempt;
use snapferry::domain::policy_set::Applied;
use snapferry::domain::slot_limits::SlotLimits;
use snapferry::domain::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::tags::{PolicyName, StackId, TagKey, Tags};
use snapferry::domain::token::TaskToken;
use snapferry::domain::trouble::Trouble;
use snapferry::domain::wait::{Phase, Rules, Wait};
use snapferry::ports::{
    self, Abandoned, AutomatedSnapshots, Callbacks, Claim, ClaimRun, ClaimSlot, Clock,
    CopySnapshot, CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest, DelayMessage,
    Delivery, DescribeQuota, DescribeSnapshots, ExecutionState, FindDatabases, FreeSlot, Held,
    Jitter, ListDatabases, ListOpen, LookUpWaits, NoteTrouble, OpenMarker, OpenPage, Page,
    PlanCursor, PortError, Probe, ProbeToken, RdsError, ReadEntries, ReadPlanCursor, ReadPolicies,
    ReceiptHandle, RecordRecoveryPoint, RegisterWaits, SendCommand, SnapshotQuota, StartExecution,
    Started, Waits, Written,
};

/// Runs a future that never has to wait for anything but the fake.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(future)
        .expect("the fake world never makes a use case wait")
}

pub(crate) const SOURCE: &str = "eu-west-1";
pub(crate) const HOME: &str = "eu-central-1";
pub(crate) const KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";

pub(crate) fn region(name: &str) -> Region {
    Region::parse(name).expect("a region")
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(crate) fn rules() -> Rules {
    Rules {
        stack: StackId::parse("prod").expect("a stack id"),
        grace: SignedDuration::from_mins(10),
    }
}

pub(crate) fn desk() -> Desk {
    Desk {
        rules: rules(),
        home: region(HOME),
        copy_slots: 2,
    }
}

pub(crate) fn ear() -> Ear {
    Ear {
        rules: rules(),
        width: 20,
        recheck: Duration::from_secs(5),
        key: KeyArn::parse(KEY).expect("a key"),
    }
}

pub(crate) fn broom() -> Broom {
    Broom {
        rules: rules(),
        width: 20,
        copy_slots: 2,
    }
}

pub(crate) fn backoff() -> Backoff {
    Backoff {
        first: Duration::from_secs(30),
        most: Duration::from_mins(15),
    }
}

pub(crate) fn database(name: &str) -> RdsArn {
    RdsArn::parse(&format!("arn:aws:rds:{SOURCE}:111122223333:db:{name}")).expect("an ARN")
}

pub(crate) fn cluster(name: &str) -> RdsArn {
    RdsArn::parse(&format!("arn:aws:rds:{SOURCE}:111122223333:cluster:{name}")).expect("an ARN")
}

/// A run of the cluster of that name, which an instance may have as well.
pub(crate) fn a_cluster_run(name: &str) -> Run {
    Run {
        database: DatabaseRef {
            arn: cluster(name),
            resource_id: ResourceId::parse(&format!("cluster-{}", name.to_uppercase()))
                .expect("a resource id"),
        },
        ..a_run(name)
    }
}

fn run_of(database: &RdsArn) -> Run {
    match database.family() {
        Family::Instance => a_run(database.name()),
        Family::Cluster => a_cluster_run(database.name()),
    }
}

pub(crate) fn a_run(name: &str) -> Run {
    Run {
        database: DatabaseRef {
            arn: database(name),
            resource_id: ResourceId::parse(&format!("db-{}", name.to_uppercase()))
                .expect("a resource id"),
        },
        policy: PolicyName::parse("default").expect("a policy"),
        planned_at: time("2026-11-22T03:00:00Z"),
        key: KeyArn::parse(KEY).expect("a key"),
        extras: Extras::default(),
    }
}

/// Whatever a policy may ask for besides.
pub(crate) fn any_extras() -> impl Strategy<Value = Extras> {
    let tags = prop::collection::btree_map(
        "[A-Za-z][A-Za-z0-9 _.:/=+@-]{0,9}",
        "[A-Za-zß 0-9_.:/=+@-]{0,20}",
        0..5,
    );
    let group = prop::option::of("(default:)?[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,5})?");
    let slots = prop::option::of(1_usize..=20);
    (tags, group, slots.clone(), slots).prop_map(|(tags, group, copy_slots, policy_slots)| Extras {
        tags: tags
            .into_iter()
            .filter_map(|(key, value)| Some((TagKey::parse(&key).ok()?, value)))
            .collect(),
        option_group: group.map(|name| OptionGroup::parse(&name).expect("an option group")),
        copy_slots,
        policy_slots,
        automated: None,
    })
}

pub(crate) fn token(text: &str) -> TaskToken {
    TaskToken::parse(text).expect("a token")
}

pub(crate) fn execution_arn(name: &str) -> ExecutionArn {
    ExecutionArn::parse(&format!(
        "arn:aws:states:{HOME}:111122223333:execution:protect:{name}"
    ))
    .expect("an ARN")
}

pub(crate) fn command(step: Step, token_text: &str, name: &str) -> Command {
    Command {
        step,
        token: token(token_text),
        execution: execution_arn(&format!("run-of-{name}")),
        retry: 0,
        run: a_run(name),
    }
}

pub(crate) fn snapshot_arn(run: &Run, attempt: u8) -> RdsArn {
    let attempt = snapferry::domain::names::Attempt::all()
        .nth(usize::from(attempt) - 1)
        .expect("an attempt");
    let id = snapferry::domain::naming::source_snapshot(&rules().stack, run, attempt);
    run.database.arn.sibling_snapshot(&region(SOURCE), &id)
}

pub(crate) fn copy_arn(run: &Run, attempt: u8) -> RdsArn {
    let attempt = snapferry::domain::names::Attempt::all()
        .nth(usize::from(attempt) - 1)
        .expect("an attempt");
    let source = SnapshotId::of(&snapshot_arn(run, 1));
    let id = snapferry::domain::naming::copy(&rules().stack, run, &source, attempt);
    run.database.arn.sibling_snapshot(&region(HOME), &id)
}

/// A snapshot of ours, as RDS would describe it.
pub(crate) fn ours(arn: &RdsArn, run: &Run, status: SnapshotStatus) -> Snapshot {
    let is_copy = arn.region().as_str() == HOME;
    Snapshot {
        arn: arn.clone(),
        resource_id: Some(run.database.resource_id.clone()),
        status,
        engine: "postgres".to_owned(),
        engine_version: "17.2".to_owned(),
        size_gib: 100,
        encrypted: is_copy,
        key: is_copy.then(|| run.key.clone()),
        source: is_copy.then(|| snapshot_arn(run, 1)),
        taken_at: Some(time("2026-11-22T03:01:00Z")),
        tags: Tags::from([
            ("snapferry:stack".to_owned(), "prod".to_owned()),
            (
                "snapferry:resource-id".to_owned(),
                run.database.resource_id.to_string(),
            ),
        ]),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Alive,
    Dead,
    Invalid,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Success(Box<Manifest>),
    Failure(Failure),
}

#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) open: Option<ExecutionName>,
    pub(crate) claimed_at: Option<Timestamp>,
    pub(crate) newest: Option<Manifest>,
}

/// What one scripted call to RDS answers instead of the truth.
pub(crate) type Scripted = (Operation, Option<&'static str>, &'static str);

pub(crate) struct World {
    pub(crate) now: Cell<Timestamp>,
    pub(crate) databases: RefCell<Vec<Database>>,
    pub(crate) snapshots: RefCell<BTreeMap<RdsArn, Snapshot>>,
    /// The option group that each copy was asked for with.
    pub(crate) option_groups: RefCell<Vec<Option<OptionGroup>>>,
    pub(crate) scripted: RefCell<VecDeque<Scripted>>,
    pub(crate) down: RefCell<BTreeSet<Region>>,
    pub(crate) quota: Cell<Option<SnapshotQuota>>,
    pub(crate) cluster_quota: Cell<Option<SnapshotQuota>>,
    pub(crate) tokens: RefCell<BTreeMap<String, Token>>,
    pub(crate) answers: RefCell<Vec<(String, Answer)>>,
    pub(crate) waits: RefCell<BTreeMap<RdsArn, Wait>>,
    pub(crate) slots: RefCell<BTreeSet<RdsArn>>,
    /// For which policy a holder counts.
    pub(crate) slots_of: RefCell<BTreeMap<RdsArn, PolicyName>>,
    pub(crate) catalog: RefCell<BTreeMap<String, Entry>>,
    /// Every set of policies that was applied; the last one holds.
    pub(crate) policies: RefCell<Vec<Applied>>,
    pub(crate) planned_until: RefCell<BTreeMap<String, Timestamp>>,
    pub(crate) executions: RefCell<BTreeMap<ExecutionName, ExecutionState>>,
    /// The input of each execution that was started.
    pub(crate) runs: RefCell<Vec<Run>>,
    pub(crate) sent: RefCell<Vec<Command>>,
    pub(crate) delays: RefCell<Vec<(String, Duration)>>,
    /// Actions of the other ports that do not come through, once each.
    pub(crate) broken: RefCell<Vec<&'static str>>,
    /// Every call, in order: `Action detail`.
    pub(crate) calls: RefCell<Vec<String>>,
    /// A describe call that names this identifier panics.
    pub(crate) panics_on: RefCell<Option<String>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            now: Cell::new(time("2026-11-22T03:05:00Z")),
            databases: RefCell::default(),
            snapshots: RefCell::default(),
            option_groups: RefCell::default(),
            scripted: RefCell::default(),
            down: RefCell::default(),
            quota: Cell::new(Some(SnapshotQuota { used: 3, max: 100 })),
            cluster_quota: Cell::new(Some(SnapshotQuota { used: 5, max: 100 })),
            tokens: RefCell::default(),
            answers: RefCell::default(),
            waits: RefCell::default(),
            slots: RefCell::default(),
            slots_of: RefCell::default(),
            catalog: RefCell::default(),
            policies: RefCell::default(),
            planned_until: RefCell::default(),
            executions: RefCell::default(),
            runs: RefCell::default(),
            sent: RefCell::default(),
            delays: RefCell::default(),
            broken: RefCell::default(),
            calls: RefCell::default(),
            panics_on: RefCell::default(),
        }
    }

    pub(crate) fn with_token(self, text: &str, state: Token) -> Self {
        self.set_token(text, state);
        self
    }

    pub(crate) fn set_token(&self, text: &str, state: Token) {
        self.tokens.borrow_mut().insert(text.to_owned(), state);
    }

    pub(crate) fn put_snapshot(&self, snapshot: Snapshot) {
        self.snapshots
            .borrow_mut()
            .insert(snapshot.arn.clone(), snapshot);
    }

    pub(crate) fn script(
        &self,
        operation: Operation,
        code: Option<&'static str>,
        message: &'static str,
    ) {
        self.scripted
            .borrow_mut()
            .push_back((operation, code, message));
    }

    pub(crate) fn break_once(&self, action: &'static str) {
        self.broken.borrow_mut().push(action);
    }

    pub(crate) fn store(&self, wait: Wait) {
        self.waits
            .borrow_mut()
            .insert(first_attempt(&wait.resource), wait);
    }

    /// The wait of this very attempt.
    pub(crate) fn wait(&self, resource: &RdsArn) -> Option<Wait> {
        let waits = self.waits.borrow();
        let stored = waits.get(&first_attempt(resource));
        stored.filter(|wait| wait.resource == *resource).cloned()
    }

    pub(crate) fn phase(&self, resource: &RdsArn) -> Option<Phase> {
        self.wait(resource).map(|wait| wait.phase)
    }

    pub(crate) fn calls_of(&self, action: &str) -> usize {
        self.calls
            .borrow()
            .iter()
            .filter(|call| call.split(' ').next() == Some(action))
            .count()
    }

    pub(crate) fn pass(&self, span: SignedDuration) {
        self.now.set(self.now.get() + span);
    }

    fn call(&self, action: &'static str, detail: impl std::fmt::Display) -> Result<(), PortError> {
        self.calls.borrow_mut().push(format!("{action} {detail}"));
        let mut broken = self.broken.borrow_mut();
        match broken.iter().position(|name| *name == action) {
            Some(index) => {
                broken.remove(index);
                Err(broken_port(action))
            }
            None => Ok(()),
        }
    }

    fn rds(
        &self,
        operation: Operation,
        region: &Region,
        detail: impl std::fmt::Display,
    ) -> Result<(), RdsError> {
        self.calls
            .borrow_mut()
            .push(format!("{operation} {detail}"));
        let error = |code: Option<&str>, message: &str| RdsError {
            operation,
            region: region.clone(),
            code: code.map(ToOwned::to_owned),
            message: message.to_owned(),
            source: None,
        };
        if self.down.borrow().contains(region) {
            return Err(error(None, "timed out"));
        }
        let mut scripted = self.scripted.borrow_mut();
        match scripted.iter().position(|(of, ..)| *of == operation) {
            Some(index) => {
                let (_, code, message) =
                    scripted.remove(index).expect("the position was just found");
                Err(error(code, message))
            }
            None => Ok(()),
        }
    }

    fn refuse(operation: Operation, region: &Region, code: &str) -> RdsError {
        RdsError {
            operation,
            region: region.clone(),
            code: Some(code.to_owned()),
            message: String::new(),
            source: None,
        }
    }

    fn token_state(&self, token: &TaskToken) -> Token {
        self.tokens
            .borrow()
            .get(token.reveal())
            .copied()
            .unwrap_or(Token::Dead)
    }

    fn deliver(&self, action: &'static str, token: &TaskToken, answer: Answer) -> Delivery {
        if let Err(error) = self.call(action, "") {
            return Delivery::Unknown(error);
        }
        match self.token_state(token) {
            Token::Alive => {
                self.set_token(token.reveal(), Token::Dead);
                self.answers
                    .borrow_mut()
                    .push((token.reveal().to_owned(), answer));
                Delivery::Accepted
            }
            Token::Dead => Delivery::NobodyWaits,
            Token::Invalid => Delivery::Invalid,
            Token::Unknown => Delivery::Unknown(broken_port(action)),
        }
    }
}

fn broken_port(action: &'static str) -> PortError {
    PortError {
        action,
        code: Some("InternalServerError".to_owned()),
        source: None,
    }
}

pub(crate) fn record(id: &str, body: impl Into<String>, receives: u32) -> Record {
    Record {
        message_id: id.to_owned(),
        body: body.into(),
        receipt: ReceiptHandle(format!("receipt-{id}")),
        receives,
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        self.now.get()
    }
}

impl Jitter for World {
    fn jitter(&self) -> f64 {
        1.0
    }
}

/// A page holds two.
fn page<T: Clone>(all: Vec<&T>, marker: Option<String>) -> Page<T> {
    let from: usize = marker.map_or(0, |marker| marker.parse().expect("our own marker"));
    let items: Vec<T> = all.iter().skip(from).take(2).copied().cloned().collect();
    let next = (from + items.len() < all.len()).then(|| (from + items.len()).to_string());
    Page { items, next }
}

fn is_in(arn: &RdsArn, region: &Region, family: Family) -> bool {
    arn.region() == region && arn.family() == family
}

impl ListDatabases for World {
    async fn list_databases(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        self.rds(Operation::describe_databases(family), region, region)?;
        let databases = self.databases.borrow();
        let all = databases.iter().filter(|d| is_in(&d.arn, region, family));
        Ok(page(all.collect(), marker))
    }
}

impl FindDatabases for World {
    async fn find_databases(
        &self,
        region: &Region,
        family: Family,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError> {
        let detail = format!("{region} {}", ids.len());
        self.rds(Operation::describe_databases(family), region, detail)?;
        let databases = self.databases.borrow();
        let asked = |d: &&Database| is_in(&d.arn, region, family) && ids.contains(&d.resource_id);
        Ok(databases.iter().filter(asked).cloned().collect())
    }
}

impl AutomatedSnapshots for World {
    async fn automated_snapshots(
        &self,
        region: &Region,
        family: Family,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let detail = format!("{region} automated");
        self.rds(Operation::describe_snapshots(family), region, detail)?;
        let begins = of.map_or("rds:".to_owned(), |database| {
            format!("rds:{}-", database.name())
        });
        let snapshots = self.snapshots.borrow();
        let all = snapshots
            .values()
            .filter(|s| is_in(&s.arn, region, family) && s.arn.name().starts_with(&begins));
        Ok(page(all.collect(), marker))
    }
}

impl DescribeSnapshots for World {
    async fn describe_snapshots(
        &self,
        region: &Region,
        family: Family,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        let detail = format!("{region} {}", ids.len());
        self.rds(Operation::describe_snapshots(family), region, detail)?;
        if let Some(id) = &*self.panics_on.borrow() {
            assert!(
                !ids.iter().any(|asked| asked.as_str() == id),
                "the fake was told to panic"
            );
        }
        let snapshots = self.snapshots.borrow();
        let asked =
            |s: &&Snapshot| is_in(&s.arn, region, family) && ids.contains(&SnapshotId::of(&s.arn));
        Ok(snapshots.values().filter(asked).cloned().collect())
    }
}

impl CreateSnapshot for World {
    async fn create_snapshot(&self, request: &CreateSnapshotRequest) -> Result<(), RdsError> {
        let operation = Operation::create_snapshot(request.database.family());
        self.rds(operation, request.database.region(), &request.id)?;
        let arn = request
            .database
            .sibling_snapshot(request.database.region(), &request.id);
        self.is_free(operation, &arn)?;
        let mut snapshot = ours(&arn, &run_of(&request.database), SnapshotStatus::Creating);
        snapshot.tags = request.tags.clone();
        self.put_snapshot(snapshot);
        Ok(())
    }
}

impl CopySnapshot for World {
    async fn copy_snapshot(&self, request: &CopySnapshotRequest) -> Result<(), RdsError> {
        let operation = Operation::copy_snapshot(request.source.family());
        self.rds(operation, &request.region, &request.id)?;
        let arn = request
            .source
            .sibling_snapshot(&request.region, &request.id);
        self.is_free(operation, &arn)?;
        let source = self.snapshots.borrow()[&request.source].clone();
        let taken_at = source.taken_at;
        let copy = Snapshot {
            // RDS does not say it of a cluster snapshot's copy.
            taken_at: taken_at.filter(|_| arn.family() == Family::Instance),
            arn,
            status: SnapshotStatus::Creating,
            encrypted: true,
            key: Some(request.key.clone()),
            source: Some(request.source.clone()),
            tags: request.tags.clone(),
            ..source
        };
        self.option_groups
            .borrow_mut()
            .push(request.option_group.clone());
        self.put_snapshot(copy);
        Ok(())
    }
}

impl World {
    fn is_free(&self, operation: Operation, arn: &RdsArn) -> Result<(), RdsError> {
        let code = match arn.family() {
            Family::Instance => "DBSnapshotAlreadyExists",
            Family::Cluster => "DBClusterSnapshotAlreadyExistsFault",
        };
        if self.snapshots.borrow().contains_key(arn) {
            return Err(Self::refuse(operation, arn.region(), code));
        }
        Ok(())
    }
}

impl DescribeQuota for World {
    async fn describe_snapshot_quota(
        &self,
        region: &Region,
        family: Family,
    ) -> Result<Option<SnapshotQuota>, RdsError> {
        self.rds(Operation::DescribeAccountAttributes, region, region)?;
        Ok(match family {
            Family::Instance => self.quota.get(),
            Family::Cluster => self.cluster_quota.get(),
        })
    }
}

impl ProbeToken for World {
    async fn send_task_heartbeat(&self, token: &TaskToken) -> Probe {
        if let Err(error) = self.call("SendTaskHeartbeat", "") {
            return Probe::Unknown(error);
        }
        match self.token_state(token) {
            Token::Alive => Probe::Alive,
            Token::Dead => Probe::Dead,
            Token::Invalid => Probe::Invalid,
            Token::Unknown => Probe::Unknown(broken_port("SendTaskHeartbeat")),
        }
    }
}

impl Callbacks for World {
    async fn send_task_success(&self, token: &TaskToken, manifest: &Manifest) -> Delivery {
        self.deliver(
            "SendTaskSuccess",
            token,
            Answer::Success(Box::new(manifest.clone())),
        )
    }

    async fn send_task_failure(&self, token: &TaskToken, failure: &Failure) -> Delivery {
        self.deliver("SendTaskFailure", token, Answer::Failure(failure.clone()))
    }
}

impl StartExecution for World {
    async fn start_execution(&self, name: &ExecutionName, run: &Run) -> Result<Started, PortError> {
        self.call("StartExecution", name)?;
        let mut executions = self.executions.borrow_mut();
        match executions.get(name) {
            None => {
                executions.insert(name.clone(), ExecutionState::Running);
                self.runs.borrow_mut().push(run.clone());
                Ok(Started::Running)
            }
            Some(ExecutionState::Running) => Ok(Started::Running),
            Some(_) => Ok(Started::NameUsed),
        }
    }

    async fn describe_execution(&self, name: &ExecutionName) -> Result<ExecutionState, PortError> {
        self.call("DescribeExecution", name)?;
        Ok(self
            .executions
            .borrow()
            .get(name)
            .copied()
            .unwrap_or(ExecutionState::Unknown))
    }
}

impl RegisterWaits for World {
    async fn register(&self, wait: &Wait) -> Result<Option<Wait>, PortError> {
        self.call("PutItem", &wait.resource)?;
        let mut waits = self.waits.borrow_mut();
        let key = first_attempt(&wait.resource);
        if let Some(stored) = waits.get(&key) {
            return Ok(Some(stored.clone()));
        }
        waits.insert(key, wait.clone());
        Ok(None)
    }

    async fn replace(&self, wait: &Wait, instead_of: &Wait) -> Result<Written, PortError> {
        self.call("PutItem", &wait.resource)?;
        let mut waits = self.waits.borrow_mut();
        let key = first_attempt(&wait.resource);
        let is_expected = waits.get(&key).is_some_and(|stored| {
            stored.command.token == instead_of.command.token
                && stored.resource == instead_of.resource
        });
        if !is_expected {
            return Ok(Written::Conflict);
        }
        waits.insert(key, wait.clone());
        Ok(Written::Stored)
    }
}

impl Waits for World {
    async fn set_phase(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        phase: Phase,
        since: Timestamp,
    ) -> Result<Written, PortError> {
        self.call("UpdateItem", resource)?;
        match self.waits.borrow_mut().get_mut(&first_attempt(resource)) {
            Some(stored)
                if stored.resource == *resource
                    && &stored.command.token == token
                    && stored.phase.may_become(phase) =>
            {
                (stored.phase, stored.since) = (phase, since);
                Ok(Written::Stored)
            }
            _ => Ok(Written::Conflict),
        }
    }

    async fn forget(&self, resource: &RdsArn, token: &TaskToken) -> Result<(), PortError> {
        self.call("DeleteItem", resource)?;
        let mut waits = self.waits.borrow_mut();
        let key = first_attempt(resource);
        if waits
            .get(&key)
            .is_some_and(|stored| &stored.command.token == token)
        {
            waits.remove(&key);
        }
        Ok(())
    }
}

impl NoteTrouble for World {
    async fn note_trouble(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        trouble: &Trouble,
    ) -> Result<Written, PortError> {
        self.call("NoteTrouble", resource)?;
        match self.waits.borrow_mut().get_mut(&first_attempt(resource)) {
            Some(stored) if stored.resource == *resource && &stored.command.token == token => {
                stored.trouble = Some(trouble.clone());
                Ok(Written::Stored)
            }
            _ => Ok(Written::Conflict),
        }
    }
}

impl LookUpWaits for World {
    async fn look_up(&self, resources: &[RdsArn]) -> Result<Vec<Wait>, PortError> {
        assert!(resources.len() <= 100, "BatchGetItem takes 100 keys");
        self.call("BatchGetItem", resources.len())?;
        let waits = self.waits.borrow();
        Ok(resources
            .iter()
            .filter_map(|resource| waits.get(&first_attempt(resource)).cloned())
            .collect())
    }
}

impl ListOpen for World {
    async fn list_open(&self, from: Option<OpenMarker>) -> Result<OpenPage, PortError> {
        self.call("Query", "")?;
        let from: usize = from.map_or(0, |marker| marker.0.parse().expect("our own marker"));
        let waits: Vec<Wait> = self
            .waits
            .borrow()
            .values()
            .skip(from)
            .take(3)
            .cloned()
            .collect();
        let next = (from + waits.len() < self.waits.borrow().len())
            .then(|| OpenMarker((from + waits.len()).to_string()));
        let (mut holders, mut holders_of) = (BTreeSet::new(), BTreeMap::new());
        if from == 0 {
            holders_of.clone_from(&self.slots_of.borrow());
            holders.clone_from(&self.slots.borrow());
            holders.extend(holders_of.keys().cloned());
        }
        Ok(OpenPage {
            waits,
            holders,
            holders_of,
            next,
        })
    }
}

impl ClaimSlot for World {
    async fn claim_slot(&self, copy: &RdsArn, limits: &SlotLimits) -> Result<bool, PortError> {
        self.call("ClaimSlot", copy)?;
        let copy = &first_attempt(copy);
        let mut slots = self.slots.borrow_mut();
        let mut slots_of = self.slots_of.borrow_mut();
        let has_room = limits.of_policy.as_ref().is_none_or(|bound| {
            let taken = slots_of.values().filter(|of| **of == bound.policy).count();
            taken < bound.most || slots_of.contains_key(copy)
        });
        let has_room = has_room && slots.len() < limits.most;
        if !slots.contains(copy) && !has_room {
            return Ok(false);
        }
        slots.insert(copy.clone());
        if let Some(bound) = &limits.of_policy {
            slots_of.insert(copy.clone(), bound.policy.clone());
        }
        Ok(true)
    }
}

impl FreeSlot for World {
    async fn free_slot(
        &self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
        proof: &Abandoned,
    ) -> Result<bool, PortError> {
        self.call("TransactWriteItems", copy)?;
        let holds = match (self.waits.borrow().get(copy), proof) {
            (None, Abandoned::WaitGone) => true,
            (Some(wait), Abandoned::RegisteredSince(since)) => {
                wait.phase == Phase::Registered && wait.since == *since
            }
            _ => false,
        };
        if !holds {
            return Ok(false);
        }
        let mut freed = self.slots.borrow_mut().remove(copy);
        let mut slots_of = self.slots_of.borrow_mut();
        if of_policy.is_some() && slots_of.get(copy) == of_policy {
            slots_of.remove(copy);
            freed = true;
        }
        Ok(freed)
    }
}

fn entry_key(database: &DatabaseRef, policy: &PolicyName) -> String {
    format!("{}#{policy}", database.resource_id)
}

impl ClaimRun for World {
    async fn claim_run(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        execution: &ExecutionName,
        at: Timestamp,
        instead_of: Option<&Held>,
    ) -> Result<Claim, PortError> {
        self.call("ClaimRun", execution)?;
        let mut catalog = self.catalog.borrow_mut();
        let entry = catalog.entry(entry_key(database, policy)).or_default();
        match &entry.open {
            Some(open) if open != execution => {
                let held = Held {
                    by: open.clone(),
                    since: entry.claimed_at,
                };
                if instead_of != Some(&held) {
                    return Ok(Claim::HeldBy(held));
                }
                entry.open = Some(execution.clone());
                entry.claimed_at = Some(at);
                Ok(Claim::Ours)
            }
            _ => {
                entry.open = Some(execution.clone());
                entry.claimed_at = Some(at);
                Ok(Claim::Ours)
            }
        }
    }
}

impl RecordRecoveryPoint for World {
    async fn record_recovery_point(
        &self,
        run: &Run,
        execution: &ExecutionArn,
        copy: &Manifest,
    ) -> Result<(), PortError> {
        self.call("RecordRecoveryPoint", &copy.snapshot)?;
        let mut catalog = self.catalog.borrow_mut();
        let entry = catalog
            .entry(entry_key(&run.database, &run.policy))
            .or_default();
        if entry
            .newest
            .as_ref()
            .is_none_or(|newest| newest.taken_at <= copy.taken_at)
        {
            entry.newest = Some(copy.clone());
        }
        if entry
            .open
            .as_ref()
            .is_some_and(|open| execution.as_str().ends_with(&format!(":{open}")))
        {
            entry.open = None;
        }
        Ok(())
    }
}

impl ReadEntries for World {
    async fn read_entries(
        &self,
        of: &[(ResourceId, PolicyName)],
    ) -> Result<Vec<ports::Entry>, PortError> {
        assert!(of.len() <= 100, "BatchGetItem takes 100 keys");
        self.call("BatchGetItem entries", of.len())?;
        let catalog = self.catalog.borrow();
        let entries = of.iter().filter_map(|(database, policy)| {
            let entry = catalog.get(&format!("{database}#{policy}"))?;
            Some(ports::Entry {
                database: database.clone(),
                policy: policy.clone(),
                open: entry.open.clone(),
                newest: entry.newest.clone(),
            })
        });
        Ok(entries.collect())
    }
}

impl ReadPolicies for World {
    async fn current_policies(&self) -> Result<Option<Applied>, PortError> {
        self.call("GetItem policies", "")?;
        Ok(self.policies.borrow().last().cloned())
    }
}

impl ReadPlanCursor for World {
    async fn planned_until(
        &self,
        policy: &PolicyName,
        region: &Region,
    ) -> Result<Option<Timestamp>, PortError> {
        self.call("GetItem", region)?;
        Ok(self
            .planned_until
            .borrow()
            .get(&format!("{policy}#{region}"))
            .copied())
    }
}

impl PlanCursor for World {
    async fn set_planned_until(
        &self,
        policy: &PolicyName,
        region: &Region,
        due: Timestamp,
    ) -> Result<(), PortError> {
        self.call("SetPlannedUntil", region)?;
        self.planned_until
            .borrow_mut()
            .insert(format!("{policy}#{region}"), due);
        Ok(())
    }
}

impl SendCommand for World {
    async fn send_command(&self, command: &Command) -> Result<(), PortError> {
        self.call("SendMessage", "")?;
        self.sent.borrow_mut().push(command.clone());
        Ok(())
    }
}

impl DelayMessage for World {
    async fn delay_message(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<(), PortError> {
        self.call("ChangeMessageVisibility", &receipt.0)?;
        self.delays.borrow_mut().push((receipt.0.clone(), delay));
        Ok(())
    }
}
