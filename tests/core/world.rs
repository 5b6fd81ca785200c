//! Fixtures: the names, times and settings of the core's tests, and the fake with a hook that the tests control.

use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use snapferry::app::queue::Record;
use snapferry::app::react::ReactorConfig;
use snapferry::app::sweep::SweeperConfig;
use snapferry::app::worker::WorkerConfig;
use snapferry::domain::doctor::keys::{KeyFacts, KeyState, Manager};
use snapferry::domain::id::arn::{ExecutionArn, Family, KeyArn, RdsArn, Region};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::{ExecutionName, OptionGroup, ResourceId, SnapshotId};
use snapferry::domain::id::tags::{PolicyName, StackId, TagKey, Tags};
use snapferry::domain::id::token::TaskToken;
use snapferry::domain::policy::set::Applied;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::restore::configuration::ConfigurationHash;
use snapferry::domain::run::backoff::Backoff;
use snapferry::domain::run::command::{Command, ProtectionRequest, RunOptions, Step};
use snapferry::domain::run::failure::Operation;
use snapferry::domain::run::fingerprint::Fingerprint;
use snapferry::domain::run::slot_limits::{CopySlots, SlotGroup};
use snapferry::domain::run::wait::{Phase, Rules, Wait};
use snapferry::fake::table::CatalogEntry;
use snapferry::fake::{
    self, CallOutcome, Executions, Hook, Operator, Refusal, Shelf, Table, Through,
};
pub(crate) use snapferry::fake::{Action, Call, Name, TaskEnd};
use snapferry::json;
use snapferry::ports::{ExecutionState, ReceiptHandle, SnapshotQuota};

/// How long after a sweep another one asks about a young wait at the latest.
pub(crate) const NEXT_LOOK: SignedDuration = SignedDuration::from_mins(2);

/// Runs a future that waits for nothing but the fake.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(future)
        .expect("the fake world never makes a use case wait")
}

pub(crate) const SOURCE: &str = "eu-west-1";
pub(crate) const HOME: &str = "eu-central-1";
pub(crate) const KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";

/// The key of the aliases.
pub(crate) const OTHER_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/99999999-2222-3333-4444-555555555555";

pub(crate) fn region(name: &str) -> Region {
    Region::parse(name).expect("a region")
}

pub(crate) fn pairs(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = all.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
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

/// Two slots, of which clusters may take one.
pub(crate) const COPY_SLOTS: CopySlots = CopySlots {
    all: 2,
    clusters: 1,
};

pub(crate) fn worker_config() -> WorkerConfig {
    WorkerConfig {
        width: 20,
        rules: rules(),
        home: region(HOME),
        copy_slots: COPY_SLOTS,
    }
}

pub(crate) fn reactor_config() -> ReactorConfig {
    ReactorConfig {
        rules: rules(),
        width: 20,
        recheck: Duration::from_secs(5),
        copy_slots: COPY_SLOTS,
        key: KeyArn::parse(KEY).expect("a key"),
    }
}

pub(crate) fn sweeper_config() -> SweeperConfig {
    SweeperConfig {
        rules: rules(),
        width: 20,
        look: NEXT_LOOK,
        copy_slots: COPY_SLOTS,
    }
}

pub(crate) fn backoff() -> Backoff {
    Backoff {
        first: Duration::from_secs(30),
        max: Duration::from_mins(15),
    }
}

pub(crate) fn database(name: &str) -> RdsArn {
    RdsArn::parse(&format!("arn:aws:rds:{SOURCE}:111122223333:db:{name}")).expect("an ARN")
}

pub(crate) fn cluster(name: &str) -> RdsArn {
    RdsArn::parse(&format!("arn:aws:rds:{SOURCE}:111122223333:cluster:{name}")).expect("an ARN")
}

/// A run of the cluster of this name. An instance may have the same name.
pub(crate) fn a_cluster_run(name: &str) -> ProtectionRequest {
    ProtectionRequest {
        database: DatabaseRef {
            arn: cluster(name),
            resource_id: ResourceId::parse(&format!("cluster-{}", name.to_uppercase()))
                .expect("a resource id"),
        },
        ..a_run(name)
    }
}

fn run_of(database: &RdsArn) -> ProtectionRequest {
    match database.family() {
        Family::Instance => a_run(database.name()),
        Family::Cluster => a_cluster_run(database.name()),
    }
}

pub(crate) fn a_run(name: &str) -> ProtectionRequest {
    ProtectionRequest {
        database: DatabaseRef {
            arn: database(name),
            resource_id: ResourceId::parse(&format!("db-{}", name.to_uppercase()))
                .expect("a resource id"),
        },
        policy: PolicyName::parse("default").expect("a policy"),
        planned_at: time("2026-11-22T03:00:00Z"),
        key: KeyArn::parse(KEY).expect("a key"),
        options: RunOptions::default(),
    }
}

/// Any options that a policy may set.
pub(crate) fn any_options() -> impl Strategy<Value = RunOptions> {
    let tags = prop::collection::btree_map(
        "[A-Za-z][A-Za-z0-9 _.:/=+@-]{0,9}",
        "[A-Za-zß 0-9_.:/=+@-]{0,20}",
        0..5,
    );
    let group = prop::option::of("(default:)?[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,5})?");
    let slots = prop::option::of(1_usize..=20);
    let slots = (slots.clone(), slots.clone(), slots.clone(), slots);
    (tags, group, slots).prop_map(|(tags, group, slots)| {
        let (copy_slots, cluster_copy_slots, policy_slots, policy_cluster_slots) = slots;
        RunOptions {
            tags: tags
                .into_iter()
                .filter_map(|(key, value)| Some((TagKey::parse(&key).ok()?, value)))
                .collect(),
            option_group: group.map(|name| OptionGroup::parse(&name).expect("an option group")),
            copy_slots,
            cluster_copy_slots,
            policy_slots,
            policy_cluster_slots,
            fingerprint: Some(Fingerprint::of(&["any"])),
            automated: None,
            configuration: Some(ConfigurationHash::of("any")),
        }
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

pub(crate) fn snapshot_arn(run: &ProtectionRequest, attempt: u8) -> RdsArn {
    let attempt = snapferry::domain::id::names::Attempt::all()
        .nth(usize::from(attempt) - 1)
        .expect("an attempt");
    let id = snapferry::domain::run::naming::source_snapshot(&rules().stack, run, attempt);
    run.database.arn.sibling_snapshot(&region(SOURCE), &id)
}

pub(crate) fn copy_arn(run: &ProtectionRequest, attempt: u8) -> RdsArn {
    let attempt = snapferry::domain::id::names::Attempt::all()
        .nth(usize::from(attempt) - 1)
        .expect("an attempt");
    let source = SnapshotId::of(&snapshot_arn(run, 1));
    let id = snapferry::domain::run::naming::copy(&rules().stack, run, &source, attempt);
    run.database.arn.sibling_snapshot(&region(HOME), &id)
}

/// A snapshot of ours, as RDS would describe it.
pub(crate) fn ours(arn: &RdsArn, run: &ProtectionRequest, status: SnapshotStatus) -> Snapshot {
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
        created_at: None,
        percent: None,
        tags: Tags::from([
            ("snapferry:stack".to_owned(), "prod".to_owned()),
            (
                "snapferry:resource-id".to_owned(),
                run.database.resource_id.to_string(),
            ),
        ]),
    }
}

/// What is known of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Alive,
    Dead,
    Invalid,
    Unknown,
}

/// The scripted answer of one call to RDS, instead of the fake's.
pub(crate) type Scripted = (Operation, Option<&'static str>, &'static str);

/// The fake, with a hook that the tests control.
pub(crate) type World = Through<fake::World<Shelf>, Script>;

/// What a test does during a call.
type Meanwhile = Box<dyn FnOnce()>;

/// The script of faults, and the log of calls.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) scripted: RefCell<VecDeque<Scripted>>,
    /// Regions whose RDS does not answer.
    pub(crate) down: RefCell<BTreeSet<Region>>,
    /// Calls that are refused with an error code, once each.
    refused: RefCell<Vec<(Name, &'static str)>>,
    /// The snapshot that makes a describe call panic.
    pub(crate) panics_on: RefCell<Option<String>>,
    /// What happens right before a call, once.
    meanwhile: RefCell<Vec<(Name, Meanwhile)>>,
    calls: RefCell<Vec<Call>>,
}

impl Script {
    /// How a call fails. `None` if it does not.
    fn fault(&self, call: &Call) -> Option<Refusal> {
        if let Action::Rds(operation, region) = call.action() {
            if self.down.borrow().contains(region) {
                return Some(Refusal::no_answer());
            }
            let mut scripted = self.scripted.borrow_mut();
            let index = scripted.iter().position(|(of, ..)| *of == operation)?;
            let (_, code, message) = scripted.remove(index)?;
            return Some(Refusal {
                code: code.map(ToOwned::to_owned),
                message: message.to_owned(),
            });
        }
        let mut refused = self.refused.borrow_mut();
        let index = refused.iter().position(|(name, _)| *name == call.name())?;
        Some(Refusal::code(refused.remove(index).1))
    }

    fn happens_before(&self, call: &Call) {
        let mut meanwhile = self.meanwhile.borrow_mut();
        let index = meanwhile.iter().position(|(name, _)| *name == call.name());
        let happens = index.map(|index| meanwhile.remove(index).1);
        drop(meanwhile);
        if let Some(happens) = happens {
            happens();
        }
    }

    fn panics(&self, call: &Call) -> bool {
        let panics_on = self.panics_on.borrow();
        match (call, &*panics_on) {
            (Call::DescribeSnapshots { ids, .. }, Some(id)) => {
                ids.iter().any(|asked| asked.as_str() == id)
            }
            _ => false,
        }
    }
}

impl<W> Hook<W> for Script {
    async fn before(&self, _: &W, call: &Call) -> CallOutcome {
        self.happens_before(call);
        self.calls.borrow_mut().push(call.clone());
        match self.fault(call) {
            Some(refusal) => CallOutcome::Refused(refusal),
            None if self.panics(call) => CallOutcome::Panics,
            None => CallOutcome::Proceeds,
        }
    }
}

/// What a test puts into the world, and what it finds there.
pub(crate) trait Fixture: Sized {
    /// An empty world, at five past three.
    fn new() -> Self;

    /// The fake and its script.
    fn parts(&self) -> (&fake::World<Shelf>, &Script);

    fn clock(&self) -> Timestamp {
        self.parts().0.state().now
    }

    fn pass(&self, span: SignedDuration) {
        self.parts().0.pass(span);
    }

    fn rds(&self) -> RefMut<'_, Shelf> {
        RefMut::map(self.parts().0.state_mut(), |state| &mut state.rds)
    }

    fn table(&self) -> RefMut<'_, Table> {
        RefMut::map(self.parts().0.state_mut(), |state| &mut state.table)
    }

    fn operator(&self) -> RefMut<'_, Operator> {
        RefMut::map(self.parts().0.state_mut(), |state| &mut state.operator)
    }

    fn step_functions(&self) -> RefMut<'_, Executions> {
        let state = self.parts().0.state_mut();
        RefMut::map(state, |state| &mut state.step_functions)
    }

    fn with_token(self, text: &str, state: Token) -> Self {
        self.set_token(text, state);
        self
    }

    fn set_token(&self, text: &str, state: Token) {
        let state = match state {
            Token::Alive => fake::Token::Alive,
            Token::Dead => fake::Token::Dead,
            Token::Invalid => fake::Token::Invalid,
            Token::Unknown => fake::Token::Unknown(Refusal::code("InternalServerError")),
        };
        self.step_functions().set_token(text, state);
    }

    /// How each task was ended, in order, by its token.
    fn answers(&self) -> Vec<(String, TaskEnd)> {
        self.step_functions().ended_tasks.clone()
    }

    fn put_snapshot(&self, snapshot: Snapshot) {
        self.rds().put(snapshot);
    }

    fn set_quota(&self, family: Family, quota: Option<SnapshotQuota>) {
        let quotas = &mut self.rds().quotas;
        match quota {
            Some(quota) => quotas.insert(family, quota),
            None => quotas.remove(&family),
        };
    }

    /// Makes one call to RDS answer this.
    fn script(&self, operation: Operation, code: Option<&'static str>, message: &'static str) {
        let mut scripted = self.parts().1.scripted.borrow_mut();
        scripted.push_back((operation, code, message));
    }

    /// Makes one such call fail without an answer.
    fn break_once(&self, name: Name) {
        self.refuse_once(name, "InternalServerError");
    }

    /// Makes one such call be refused.
    fn refuse_once(&self, name: Name, code: &'static str) {
        self.parts().1.refused.borrow_mut().push((name, code));
    }

    /// Does this once, right before such a call.
    fn meanwhile(&self, name: Name, happens: impl FnOnce() + 'static) {
        let mut meanwhile = self.parts().1.meanwhile.borrow_mut();
        meanwhile.push((name, Box::new(happens)));
    }

    fn store(&self, wait: Wait) {
        let now = self.clock();
        self.table().put_wait(&wait, now);
    }

    /// The wait, if it is at this attempt.
    fn wait(&self, resource: &RdsArn) -> Option<Wait> {
        let stored = self.table().wait(resource).cloned();
        stored.filter(|wait| wait.resource == *resource)
    }

    fn waits(&self) -> BTreeMap<RdsArn, Wait> {
        let table = self.table();
        let waits = table.waits().cloned();
        waits.map(|wait| (wait.resource.clone(), wait)).collect()
    }

    fn forget_waits(&self) {
        let now = self.clock();
        for resource in self.waits().keys() {
            self.table().remove_wait(resource, now);
        }
    }

    fn phase(&self, resource: &RdsArn) -> Option<Phase> {
        self.wait(resource).map(|wait| wait.phase)
    }

    /// Who holds a copy slot.
    fn slots(&self) -> BTreeSet<RdsArn> {
        self.table().slots().holders.clone()
    }

    /// The copies that count for a policy.
    fn slots_of_policies(&self) -> BTreeSet<RdsArn> {
        let groups = self.table().slots().groups.clone();
        let counted = groups
            .into_iter()
            .filter(|(group, _)| group.policy().is_some());
        counted.flat_map(|(_, copies)| copies).collect()
    }

    fn hold_slot(&self, copy: RdsArn) {
        let now = self.clock();
        self.table().change_slots(now, |slots| {
            slots.holders.insert(copy);
        });
    }

    fn hold_slot_of(&self, copy: RdsArn, policy: PolicyName) {
        let now = self.clock();
        self.table().change_slots(now, |slots| {
            slots.holders.insert(copy.clone());
            let group = SlotGroup::Policy(policy);
            slots.groups.entry(group).or_default().insert(copy);
        });
    }

    /// Makes a copy count for a policy without holding a slot.
    fn count_for_policy(&self, copy: RdsArn, policy: PolicyName) {
        let now = self.clock();
        self.table().change_slots(now, |slots| {
            let group = SlotGroup::Policy(policy);
            slots.groups.entry(group).or_default().insert(copy);
        });
    }

    fn free_slots(&self) {
        let now = self.clock();
        self.table().change_slots(now, |slots| {
            slots.holders.clear();
            slots.groups.clear();
        });
    }

    fn policies(&self) -> Vec<Applied> {
        self.table().policies().to_vec()
    }

    fn nothing_is_planned(&self) -> bool {
        let calls = self.calls();
        let mut names = calls.iter().map(Call::name);
        !names.any(|name| name == Name::SetPlanCursor)
    }

    /// Up to when a policy is planned in the source region.
    fn planned_until(&self, policy: &str) -> Option<Timestamp> {
        let policy = PolicyName::parse(policy).expect("a policy");
        let table = self.table();
        let cursor = table.plan_cursor(&policy, &region(SOURCE));
        cursor.map(|cursor| cursor.until)
    }

    /// Changes the catalog's entry of a database and the default policy.
    /// Gives the claim to the command's execution, unless another holds it.
    fn permit(&self, command: &Command) {
        let (run, now) = (&command.run, self.clock());
        let Ok(execution) = ExecutionName::parse(command.execution.name()) else {
            return;
        };
        let mut table = self.table();
        let entry = table.entry_mut(&run.database.resource_id, &run.policy);
        if entry.open.as_ref().is_none_or(|open| *open == execution) {
            entry.give_claim(run, &execution, now);
        }
    }

    /// The same for every command that can be read.
    fn permit_all(&self, records: &[Record]) {
        let commands = records.iter();
        for command in commands.filter_map(|record| json::command::read(&record.body).ok()) {
            self.permit(&command);
        }
    }

    fn enter(&self, database: &ResourceId, change: impl FnOnce(&mut CatalogEntry)) {
        let policy = PolicyName::parse("default").expect("a policy");
        change(self.table().entry_mut(database, &policy));
    }

    /// The catalog's entry of a database and the default policy.
    fn entry(&self, database: &ResourceId) -> Option<CatalogEntry> {
        let policy = PolicyName::parse("default").expect("a policy");
        self.table().entry(database, &policy).cloned()
    }

    /// Ends the claim of the database of this name.
    fn end_run(&self, name: &str) {
        self.enter(&a_run(name).database.resource_id, |entry| entry.open = None);
    }

    /// Ends all claims.
    fn end_all_runs(&self) {
        let of = |table: &Table| -> Vec<_> {
            let catalog = table.catalog();
            catalog
                .map(|(database, policy, _)| (database.clone(), policy.clone()))
                .collect()
        };
        let mut table = self.table();
        for (database, policy) in of(&table) {
            table.entry_mut(&database, &policy).open = None;
        }
    }

    fn end_executions(&self, with: ExecutionState) {
        for execution in self.step_functions().all.values_mut() {
            execution.state = with;
        }
    }

    fn executions(&self) -> BTreeMap<ExecutionName, ExecutionState> {
        let all = &self.step_functions().all;
        all.iter()
            .map(|(name, execution)| (name.clone(), execution.state))
            .collect()
    }

    fn set_execution(&self, name: &ExecutionName, state: ExecutionState) {
        self.step_functions().set_state(name, state);
    }

    /// The input of each execution that was started.
    fn runs(&self) -> Vec<ProtectionRequest> {
        self.step_functions().started.clone()
    }

    /// The commands that were sent to the worker's queue.
    fn sent(&self) -> Vec<Command> {
        let state = self.parts().0.state();
        let messages = state.commands.messages();
        messages
            .map(|(_, message)| json::command::read(&message.body).expect("a command"))
            .collect()
    }

    /// All calls, in order.
    fn calls(&self) -> Vec<Call> {
        self.parts().1.calls.borrow().clone()
    }

    fn forget_calls(&self) {
        self.parts().1.calls.borrow_mut().clear();
    }

    /// How often an AWS action was called.
    fn calls_of(&self, action: &str) -> usize {
        let calls = self.calls();
        calls
            .iter()
            .filter(|call| call.action().as_str() == action)
            .count()
    }

    /// The names of the calls, in order.
    fn called(&self) -> Vec<Name> {
        self.calls().iter().map(Call::name).collect()
    }

    /// Which messages were delayed, and by how much.
    fn delays(&self) -> Vec<(String, Duration)> {
        let delay = |call| match call {
            Call::DelayMessage { receipt, delay } => Some((receipt.0, delay)),
            _ => None,
        };
        self.calls().into_iter().filter_map(delay).collect()
    }
}

/// A user, in an account whose keys have two aliases.
fn operator() -> Operator {
    let of = |key| KeyFacts {
        arn: KeyArn::parse(key).expect("a key"),
        state: KeyState::Enabled,
        manager: Manager::Customer,
        symmetric: true,
    };
    let facts = |state| KeyFacts {
        state,
        ..of(OTHER_KEY)
    };
    Operator {
        identity: "arn:aws:iam::111122223333:user/ada".to_owned(),
        keys: BTreeMap::from([
            ("alias/recovery".to_owned(), facts(KeyState::Enabled)),
            ("alias/off".to_owned(), facts(KeyState::Disabled)),
            (KEY.to_owned(), of(KEY)),
            (OTHER_KEY.to_owned(), of(OTHER_KEY)),
        ]),
        ..Operator::default()
    }
}

/// An empty world, at five past three.
pub(crate) fn fake_world() -> fake::World<Shelf> {
    let mut shelf = Shelf::new(|database, snapshot| {
        ours(snapshot, &run_of(database), SnapshotStatus::Creating)
    });
    for (family, used) in [(Family::Instance, 3), (Family::Cluster, 5)] {
        shelf
            .quotas
            .insert(family, SnapshotQuota { used, max: 100 });
    }
    let now = time("2026-11-22T03:05:00Z");
    let fake = fake::World::new(now, shelf, Executions::default());
    fake.state_mut().operator = operator();
    fake
}

impl Fixture for World {
    fn new() -> Self {
        Self::around(fake_world(), Script::default())
    }

    fn parts(&self) -> (&fake::World<Shelf>, &Script) {
        (self.world(), self.hook())
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
