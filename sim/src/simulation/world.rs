//! Everything that the product's calls reach: one state, one clock, one random generator.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use fastrand::Rng;
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use snapferry::domain::id::arn::{Family, KeyArn, RdsArn, Region, StateMachineArn};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::{PolicyName, StackId};
use snapferry::domain::policy::in_force::Policies;
use snapferry::domain::policy::set::Applied;
use snapferry::domain::run::failure::Operation;
use snapferry::domain::run::slot_limits::{CopySlots, SlotGroup};
use snapferry::domain::run::wait::Wait;
use snapferry::fake::{self, Effect, Table};

use super::backups::Backup;
use super::day::Day;
use super::gate::Calls;
use super::judge_hand_over::HandOvers;
use super::models::{Machine, ModelledRds};
use super::mutant::Mutant;
use super::never_copied::RefusedRuns;
use super::own_times::OwnTimes;
use super::pruning::Pruning;
use super::queue::{DeadLetters, Note};
use crate::asl::StateMachine;
use crate::faults::{self, Fault};
use crate::rds::{EmittedEvent, Rds, Region as RdsRegion, Snapshot};

/// The account of every simulated world.
pub(super) const ACCOUNT: &str = "111122223333";
/// The recovery region.
pub(super) const HOME: &str = "eu-central-1";
/// How long an invocation may take (`FunctionTimeout` of the template).
pub(super) const FUNCTION_TIMEOUT: SignedDuration = SignedDuration::from_secs(30);

/// The smallest page that RDS allows. Most of these worlds are smaller.
const SMALL_PAGE: i64 = 20;

/// What the product's ports reach.
pub(super) type State = fake::State<ModelledRds, Machine, Note>;

/// The world behind all ports of one simulation.
pub(super) struct Shared {
    pub(super) world: RefCell<World>,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name.
    pub rule: &'static str,
    /// How it was broken.
    pub detail: String,
}

/// Which faults a world has, and how likely they are. Each world has its own choice, so that rare faults meet.
#[derive(Debug, Clone)]
pub(super) struct FaultRates {
    /// How likely a call breaks.
    pub(super) call_breaks: f64,
    /// How likely an invocation is dropped at a step.
    pub(super) crash: f64,
    /// How likely a call's code panics.
    pub(super) panic: f64,
    /// How likely something happens outside the product at a step.
    pub(super) inject_fault: f64,
    /// Whether broken calls may take effect later.
    pub(super) late_effects: bool,
    /// How likely a message is delivered twice.
    pub(super) duplicates: f64,
    /// Whether RDS shows unknown statuses.
    pub(super) odd_statuses: bool,
    /// Whether days pass without any invocation.
    pub(super) long_sleeps: bool,
    /// Whether calls take a long time, so that invocations overlap more.
    pub(super) slow_calls: bool,
    /// Whether a person runs the planner shortly before it runs by itself.
    pub(super) hints_come_early: bool,
    /// How far the table's index may be behind.
    pub(super) index_lag: SignedDuration,
    /// How likely a person restarts or doubles an execution at a step.
    pub(super) restless: f64,
}

impl FaultRates {
    pub(super) const FAIR: Self = Self {
        call_breaks: 0.0,
        crash: 0.0,
        panic: 0.0,
        inject_fault: 0.0,
        late_effects: false,
        duplicates: 0.0,
        odd_statuses: false,
        long_sleeps: false,
        slow_calls: false,
        hints_come_early: false,
        index_lag: SignedDuration::from_secs(3),
        restless: 0.0,
    };
}

/// What one invocation has done so far.
#[derive(Debug, Default)]
pub(super) struct Doing {
    /// The resources whose waits it has stored or found stored.
    pub(super) registered: BTreeSet<RdsArn>,
    /// RDS's last answer to it about a resource that it has requested.
    pub(super) answers: BTreeMap<RdsArn, Option<String>>,
    /// Whether RDS has shown a requested resource since its last answer about it.
    pub(super) shown: BTreeMap<RdsArn, bool>,
    /// The executions that were found without their claim.
    pub(super) not_permitted: BTreeSet<String>,
    /// For the pruner: the regions whose inventory could not be read to its end.
    pub(super) partial: BTreeSet<Region>,
    /// Whether removal was frozen when it asked last.
    pub(super) frozen: bool,
    /// When it began to list the open waits.
    pub(super) listed_at: Option<Timestamp>,
    /// When it looked at snapshots last.
    pub(super) looked_at: Option<Timestamp>,
    /// When it looked at what restores and drills made last.
    pub(super) looked_at_databases: Option<Timestamp>,
    /// When RDS last answered it about a delete.
    pub(super) deleted_at: Option<Timestamp>,
    /// Since when its inventory stands.
    pub(super) inventory_since: Option<Timestamp>,
    /// The removals that it has entered.
    pub(super) removals: BTreeSet<RdsArn>,
    /// The permanent refusals that the catalog has shown it, and when each was.
    pub(super) refusals: BTreeMap<(ResourceId, PolicyName), Timestamp>,
    /// The copies to which it has handed slots over, and whose commands it has not sent yet.
    pub(super) handed_over: BTreeSet<RdsArn>,
    /// The tokens that it has asked about and that the answer did not call alive.
    pub(super) not_alive: BTreeSet<String>,
    /// For the planted bug that registers too late: the waits that it has not stored yet.
    pub(super) unregistered: Vec<Wait>,
}

/// How many copies may be in flight.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    /// Of all policies together.
    pub(super) most: usize,
    /// Of clusters.
    pub(super) clusters: usize,
    /// Of each policy that has slots of its own.
    pub(super) for_policies: BTreeMap<PolicyName, usize>,
    /// As the stack's parameters say, whatever the policies do.
    pub(super) of_stack: CopySlots,
}

impl Slots {
    pub(super) fn of(stack: CopySlots, policies: &Policies) -> Self {
        let for_policies = policies.all.iter();
        Self {
            most: policies
                .copy_slots
                .map_or(stack.all, |most| most.min(stack.all)),
            clusters: stack.clusters,
            of_stack: stack,
            for_policies: for_policies
                .filter_map(|policy| Some((policy.name.clone(), policy.options.copy_slots?)))
                .collect(),
        }
    }
}

/// An obstacle in RDS that lasts for a while.
#[derive(Debug, Clone)]
pub(super) enum Breakage {
    /// The recovery region's key is disabled.
    Key,
    /// An instance is being modified.
    Instance(RdsRegion, String),
    /// The quota for snapshots in the recovery region is full.
    Quota,
}

/// The world.
pub(super) struct World {
    /// What the ports reach: the clock, the table, RDS, Step Functions and the queues.
    pub(super) state: State,
    /// Messages that were received too often.
    pub(super) dead_commands: DeadLetters,
    pub(super) dead_events: DeadLetters,
    pub(super) rng: Rng,
    pub(super) calls: Calls,
    pub(super) late: BTreeMap<(Timestamp, u64), Effect>,
    late_made: u64,
    pub(super) stack: StackId,
    pub(super) machine: StateMachineArn,
    pub(super) key: KeyArn,
    pub(super) source_regions: Vec<Region>,
    pub(super) slots: Slots,
    pub(super) fault_rates: FaultRates,
    /// Whether things go wrong. Afterwards people repair them.
    pub(super) faults_are_on: bool,
    pub(super) fair_since: Timestamp,
    /// Operations that are refused, until when.
    pub(super) denied: BTreeMap<Operation, Timestamp>,
    /// Regions that do not answer, until when.
    pub(super) down: BTreeMap<String, Timestamp>,
    /// What is broken, and until when.
    pub(super) broken_until: Vec<(Timestamp, Breakage)>,
    pub(super) doing: BTreeMap<u64, Doing>,
    /// Resources that RDS has accepted, ever.
    pub(super) accepted: BTreeSet<RdsArn>,
    /// Copies whose slots were given back after RDS had refused them, by the first attempt's ARN.
    pub(super) given_back: BTreeSet<RdsArn>,
    /// When a slot was last freed.
    pub(super) slot_left: BTreeMap<RdsArn, Timestamp>,
    /// The slots that were handed over.
    pub(super) hand_overs: HandOvers,
    /// Resources that somebody has deleted, and when last.
    pub(super) deleted: BTreeMap<RdsArn, Timestamp>,
    /// Other people's snapshots with our names.
    pub(super) squatters: BTreeSet<RdsArn>,
    /// Runs (resource id and due time) whose recovery point a third party has made impossible.
    pub(super) spoilt: BTreeSet<(String, Timestamp)>,
    /// Runs that a stranger has started past the product, by the names that the product would give them.
    pub(super) forged: BTreeSet<String>,
    /// Runs whose copies RDS has refused permanently.
    pub(super) refused_runs: RefusedRuns,
    /// Executions that a person has given up for good.
    pub(super) given_up: BTreeSet<String>,
    /// Every command that was ever sent.
    pub(super) sent: Vec<(Rc<str>, Rc<str>)>,
    /// The set of policies that was applied, if one was: in worlds where automated snapshots are copied.
    pub(super) applied: Option<Applied>,
    /// When each database's own times are.
    pub(super) own_times: OwnTimes,
    /// Every automated snapshot that RDS has taken in such a world.
    pub(super) backups: BTreeMap<RdsArn, Backup>,
    /// What was there before, and what became of it.
    pub(super) pruning: Pruning,
    /// In worlds where a person uses `snapferry stop`: when, and of which runs.
    pub(super) stops: Option<Rng>,
    /// In worlds with drills and restores: what became of them.
    pub(super) day: Option<Day>,
    pub(super) mutant: Option<Mutant>,
    pub(super) violation: Option<Violation>,
    pub(super) counts: BTreeMap<&'static str, u64>,
    pub(super) trace: Option<Vec<String>>,
}

/// What a world is made of.
pub(super) struct Making {
    pub(super) now: Timestamp,
    pub(super) rng: Rng,
    pub(super) rds: Rds,
    pub(super) definition: Rc<StateMachine>,
    pub(super) stack: StackId,
    pub(super) machine: StateMachineArn,
    pub(super) key: KeyArn,
    pub(super) source_regions: Vec<Region>,
    pub(super) slots: Slots,
    pub(super) fault_rates: FaultRates,
    pub(super) applied: Option<Applied>,
    pub(super) own_times: OwnTimes,
    pub(super) pruning: Pruning,
    pub(super) stops: Option<Rng>,
    pub(super) day: Option<Day>,
    pub(super) mutant: Option<Mutant>,
    pub(super) traced: bool,
}

impl World {
    pub(super) fn new(making: Making) -> Self {
        let mut machine = Machine::new(making.definition, making.machine.clone());
        machine.loses_outputs = making.mutant == Some(Mutant::ManifestIsNotSent);
        let mut state = State::new(
            making.now,
            ModelledRds::new(making.rds).with_pages_of(SMALL_PAGE),
            machine,
        );
        state.table = Table::default().with_an_index_that_lags();
        state.rds.shows_settings = making.day.is_some();
        if let Some(applied) = &making.applied {
            state.table.store_policies(applied);
        }
        Self {
            state,
            dead_commands: DeadLetters::new(),
            dead_events: DeadLetters::new(),
            rng: making.rng,
            calls: Calls::default(),
            late: BTreeMap::new(),
            late_made: 0,
            stack: making.stack,
            machine: making.machine,
            key: making.key,
            source_regions: making.source_regions,
            slots: making.slots,
            fault_rates: making.fault_rates,
            faults_are_on: true,
            fair_since: making.now,
            denied: BTreeMap::new(),
            down: BTreeMap::new(),
            broken_until: Vec::new(),
            doing: BTreeMap::new(),
            accepted: BTreeSet::new(),
            given_back: BTreeSet::new(),
            slot_left: BTreeMap::new(),
            hand_overs: HandOvers::default(),
            deleted: BTreeMap::new(),
            squatters: BTreeSet::new(),
            spoilt: BTreeSet::new(),
            forged: BTreeSet::new(),
            refused_runs: RefusedRuns::default(),
            given_up: BTreeSet::new(),
            sent: Vec::new(),
            applied: making.applied,
            own_times: making.own_times,
            backups: BTreeMap::new(),
            pruning: making.pruning,
            stops: making.stops,
            day: making.day,
            mutant: making.mutant,
            violation: None,
            counts: BTreeMap::new(),
            trace: making.traced.then(Vec::new),
        }
    }

    pub(super) fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Counts a fault that this world has injected.
    pub(super) fn count_fault(&mut self, fault: Fault) {
        debug_assert!(
            fault.is_injected_by(faults::World::Simulation),
            "the list lacks {fault}"
        );
        self.count(fault.label());
    }

    /// Counts the planned faults of the snapshots that RDS still has, and of their events.
    pub(super) fn count_fates(&mut self) {
        let mut found = Vec::new();
        for region in self.source_regions.iter().chain([&super::judge::home()]) {
            let at = rds_region(region);
            for snapshot in self
                .rds
                .snapshots(&at)
                .chain(self.rds.cluster_snapshots(&at))
            {
                found.extend(snapshot.planned.faults(&snapshot.origin));
            }
        }
        for fault in found {
            self.count_fault(fault);
        }
    }

    /// Records a step, if the trace was asked for.
    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{now:.3} {}", what()));
        }
    }

    /// Keeps the first rule that was broken.
    pub(super) fn broke(&mut self, rule: &'static str, detail: impl FnOnce() -> String) {
        if self.violation.is_none() {
            let detail = detail();
            self.note(|| format!("BROKEN {rule}: {detail}"));
            self.violation = Some(Violation { rule, detail });
        }
    }

    pub(super) fn chance(&mut self, odds: f64) -> bool {
        odds > 0.0 && self.rng.f64() < odds
    }

    pub(super) fn later(&self, by: SignedDuration) -> Timestamp {
        self.now.saturating_add(by).unwrap_or(Timestamp::MAX)
    }

    /// A time within this many seconds from now.
    pub(super) fn within(&mut self, seconds: std::ops::RangeInclusive<i64>) -> Timestamp {
        let by = self.rng.i64(seconds);
        self.later(SignedDuration::from_secs(by))
    }

    pub(super) fn put_off(&mut self, at: Timestamp, effect: Effect) {
        self.late_made += 1;
        self.late.insert((at, self.late_made), effect);
    }

    pub(super) fn doing(&mut self, invocation: u64) -> &mut Doing {
        self.doing.entry(invocation).or_default()
    }

    /// What RDS truly has under an ARN.
    pub(super) fn truth(&self, arn: &RdsArn) -> Option<&Snapshot> {
        let region = rds_region(arn.region());
        match arn.family() {
            Family::Instance => self.rds.snapshot(&region, arn.name()),
            Family::Cluster => self.rds.cluster_snapshot(&region, arn.name()),
        }
    }

    /// Whether some copy may have to wait for a slot.
    pub(super) fn slots_are_full(&self) -> bool {
        let taken = self.table.slots();
        let policies = self.slots.for_policies.iter();
        let policies = policies.map(|(policy, most)| (SlotGroup::Policy(policy.clone()), *most));
        let of_stack = [
            (SlotGroup::All, self.slots.most),
            (SlotGroup::Clusters, self.slots.clusters),
        ];
        let mut groups = policies.chain(of_stack);
        groups.any(|(group, most)| taken.taken_of(&group) >= most)
    }

    /// Whether RDS copies no more of some family now.
    pub(super) fn no_copy_has_a_place(&self) -> bool {
        let (config, at) = (self.rds.config(), rds_region(&super::judge::home()));
        self.rds.copies_in_flight(&at) >= config.max_copies_in_flight
            || self.rds.cluster_copies_in_flight(&at) >= config.max_cluster_copies_in_flight
    }

    pub(super) fn is_ours(&self, snapshot: &Snapshot) -> bool {
        snapshot.tags.get("snapferry:stack") == Some(self.stack.as_str())
    }

    /// Whether the stack made it, and not a person who gave it the stack's tags.
    pub(super) fn is_made_by_us(&self, snapshot: &Snapshot) -> bool {
        self.is_ours(snapshot) && snapshot.tags.get("snapferry:run").is_some()
    }

    /// A late effect that is due by a time, with the time that it is due at.
    fn next_late(&mut self, by: Timestamp) -> Option<(Timestamp, Effect)> {
        let entry = self
            .late
            .first_entry()
            .filter(|entry| entry.key().0 <= by)?;
        let at = entry.key().0;
        Some((at, entry.remove()))
    }

    fn tick(&mut self, to: Timestamp) {
        self.now = self.now.max(to);
        let now = self.now;
        for event in self.rds.advance(now) {
            self.route(&event);
        }
        let timed_out = self.step_functions.advance(now);
        for name in timed_out {
            self.count("a state timed out");
            self.note(|| format!("{name} timed out"));
        }
        if self.mutant != Some(Mutant::TimeToLiveIsMissing) {
            let now = self.now;
            for wait in self.table.expire(now) {
                self.note(|| format!("the wait of {} has expired", wait.resource));
                self.judge_removal(&wait, "its time to live");
            }
        }
        let now = self.now;
        self.denied.retain(|_, until| *until > now);
        self.down.retain(|_, until| *until > now);
        self.repair(now);
    }

    /// Puts an RDS event into the queue, as the rules of EventBridge do.
    pub(super) fn route(&mut self, event: &EmittedEvent) {
        self.count("RDS events delivered");
        let note = format!("{} {}", event.event_id, event.source_identifier);
        self.send_event(event.envelope().to_string(), note);
    }

    pub(super) fn send_event(&mut self, body: String, note: String) {
        self.note(|| format!("event arrives: {note}"));
        let now = self.now;
        self.events.send(body, Note::new(note), now);
    }
}

impl Deref for World {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Shared {
    /// Moves the clock, and lets everything happen that is due, including effects that were put off.
    pub(super) fn advance(&self, to: Timestamp) {
        loop {
            let mut world = self.world.borrow_mut();
            let Some((at, effect)) = world.next_late(to) else {
                break;
            };
            world.tick(at);
            world.note(|| "a call that was given up takes effect".to_owned());
            drop(world);
            // The effect borrows the world by itself.
            let done = effect.now_or_never();
            debug_assert!(done.is_some(), "the fake never waits");
        }
        self.world.borrow_mut().tick(to);
    }
}

/// A region in the model's words.
pub(super) fn rds_region(region: &Region) -> RdsRegion {
    // The model reads every region that the product reads, except two-digit numbers, which no region has.
    region.as_str().parse().expect("a region of AWS")
}
