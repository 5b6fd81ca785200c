//! The scheduler. Each step lets one thing happen, chosen by chance.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use snapferry::app::planner::When;
use snapferry::app::react::ReactorConfig;
use snapferry::app::stop::StopConfig;
use snapferry::app::sweep::SweeperConfig;
use snapferry::app::worker::WorkerConfig;
use snapferry::domain::id::role::Role;
use snapferry::domain::run::backoff::Backoff;
use snapferry::settings::Planning;

use super::gate::Decision;
use super::invoke::Invocation;
use super::pruning::Limits;
use super::world::{Shared, World};
use crate::faults::Fault;

/// How many invocations of one function run at once.
const CONCURRENCY: usize = 3;
/// How often the sweeper runs.
pub(super) const SWEEP_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// How often the planner runs, in seconds, at the same minutes of every hour.
pub(super) const PLAN_EVERY: i64 = 300;

/// The settings of the use cases.
pub(super) struct Settings {
    pub(super) worker_config: WorkerConfig,
    pub(super) reactor_config: ReactorConfig,
    pub(super) sweeper_config: SweeperConfig,
    pub(super) stop_config: StopConfig,
    pub(super) backoff: Backoff,
    pub(super) planning: Planning,
    pub(super) limits: Limits,
}

/// A world, with everything that runs in it.
pub(super) struct Simulation {
    pub(super) shared: Rc<Shared>,
    pub(super) settings: Rc<Settings>,
    pub(super) invocations: BTreeMap<u64, Invocation>,
    pub(super) made: u64,
    pub(super) next_sweep: Timestamp,
    pub(super) next_plan: Option<Timestamp>,
    /// When a person stops something and runs the planner by hand, shortly before the planner runs by itself.
    next_early_hint: Option<Timestamp>,
    /// When RDS backs databases up next, in worlds where that matters.
    next_backup: Option<Timestamp>,
    pub(super) swept: u64,
    pub(super) next_prune: Timestamp,
    pub(super) pruned: u64,
    pub(super) steps: u64,
}

/// What may happen next.
#[derive(Clone, Copy)]
enum Choice {
    Call,
    Command,
    Event,
    Send,
    Sweep,
    Plan,
    Prune,
    Time,
}

impl Simulation {
    pub(super) fn new(mut world: World, settings: Settings) -> Self {
        let now = world.now;
        let next_early_hint = world.fault_rates.hints_come_early.then_some(now);
        let next_backup = world.applied.is_some().then(|| world.within(0..=5_400));
        Self {
            shared: Rc::new(Shared {
                world: std::cell::RefCell::new(world),
            }),
            settings: Rc::new(settings),
            invocations: BTreeMap::new(),
            made: 0,
            next_sweep: now,
            next_plan: Some(now),
            next_early_hint,
            next_backup,
            swept: 0,
            next_prune: now,
            pruned: 0,
            steps: 0,
        }
    }

    pub(super) fn world(&self) -> std::cell::RefMut<'_, World> {
        self.shared.world.borrow_mut()
    }

    fn running(&self, role: Role) -> usize {
        self.invocations
            .values()
            .filter(|invocation| invocation.role == Some(role))
            .count()
    }

    /// Whether no invocation does anything now. Commands of the day may wait.
    pub(super) fn is_idle(&self) -> bool {
        let world = self.world();
        let waits = |id| {
            world
                .day
                .as_ref()
                .is_some_and(|day| day.naps.contains_key(id))
        };
        self.invocations.keys().all(waits)
    }

    /// Lets one thing happen.
    pub(super) fn step(&mut self) {
        self.steps += 1;
        self.misfortune();
        self.early_bird();
        self.stop_by_command();
        self.backup();
        self.day_commands();
        match self.choose() {
            Choice::Call => self.let_a_call_through(),
            Choice::Command => self.deliver(Role::Worker),
            Choice::Event => self.deliver(Role::Reactor),
            Choice::Send => self.send(),
            Choice::Sweep => self.sweep(),
            Choice::Plan => self.plan(When::Due),
            Choice::Prune => self.prune(),
            Choice::Time => self.pass_time(),
        }
    }

    fn misfortune(&mut self) {
        let (crash, inject_fault) = {
            let mut world = self.world();
            if !world.faults_are_on {
                return;
            }
            let fault_rates = world.fault_rates.clone();
            (
                world.chance(fault_rates.crash),
                world.chance(fault_rates.inject_fault),
            )
        };
        if crash && !self.invocations.is_empty() {
            let n = self.world().rng.usize(..self.invocations.len());
            let id = self.invocations.keys().nth(n).copied();
            if let Some(id) = id {
                self.world().count_fault(Fault::FunctionKilled);
                self.drop_invocation(id, "crashes");
            }
        }
        if inject_fault {
            let asks_again = self.world().rng.u8(..12) == 0;
            if asks_again {
                self.world().count("a person runs the planner again");
                self.plan(When::Again);
            } else {
                self.world().inject_fault();
            }
        }
        let mut world = self.world();
        let restless = world.fault_rates.restless;
        if world.chance(restless) {
            world.interfere();
        }
    }

    /// A person stops an execution and runs the planner again. That run may still be going on when the next due time's
    /// begins.
    fn early_bird(&mut self) {
        let now = self.world().now;
        if !self.world().faults_are_on || self.next_early_hint.is_none_or(|at| at > now) {
            return;
        }
        let hour = (now.as_second() / 3_600 + 1) * 3_600;
        let before = self.world().rng.i64(10..=400);
        let at = Timestamp::from_millisecond(hour * 1_000 - before);
        self.next_early_hint = at
            .ok()
            .map(|at| if at > now { at } else { after(at, 3_600) });
        self.world().stop_any();
        self.world().count("a person runs the planner again");
        self.plan(When::Again);
    }

    /// Lets RDS back databases up, more often than real RDS does.
    fn backup(&mut self) {
        let mut world = self.shared.world.borrow_mut();
        if !world.faults_are_on || self.next_backup.is_none_or(|at| at > world.now) {
            return;
        }
        world.back_up();
        self.next_backup = Some(world.within(600..=5_400));
    }

    fn choose(&mut self) -> Choice {
        let workers = self.running(Role::Worker);
        let reactors = self.running(Role::Reactor);
        let sweepers = self.running(Role::Sweeper);
        let planners = self.running(Role::Planner);
        let pruners = self.running(Role::Pruner);
        let next_prune = self.next_prune;
        let (next_sweep, next_plan) = (self.next_sweep, self.next_plan);
        let mut world = self.world();
        let now = world.now;
        let weights = [
            (
                Choice::Call,
                match world.calls.len() {
                    0 => 0,
                    _ if world.fault_rates.slow_calls => 3,
                    _ => 14,
                },
            ),
            (
                Choice::Command,
                if workers < CONCURRENCY && world.commands.has_visible(now) {
                    4
                } else {
                    0
                },
            ),
            (
                Choice::Event,
                if reactors < CONCURRENCY && world.events.has_visible(now) {
                    4
                } else {
                    0
                },
            ),
            (
                Choice::Send,
                if world.step_functions.outbox.is_empty() {
                    0
                } else {
                    4
                },
            ),
            (
                Choice::Sweep,
                if sweepers < 2 && next_sweep <= now {
                    2
                } else {
                    0
                },
            ),
            (
                Choice::Prune,
                if pruners < 2 && next_prune <= now {
                    2
                } else {
                    0
                },
            ),
            (
                Choice::Plan,
                if planners < 2 && next_plan.is_some_and(|at| at <= now) {
                    2
                } else {
                    0
                },
            ),
        ];
        let total: u32 = weights.iter().map(|(_, weight)| weight).sum();
        // Without faults, time passes when there is nothing else to do.
        let time = u32::from(total == 0 || world.faults_are_on);
        let mut at = world.rng.u32(..total + time);
        for (choice, weight) in weights {
            if at < weight {
                return choice;
            }
            at -= weight;
        }
        Choice::Time
    }

    fn pass_time(&mut self) {
        let idle = self.is_idle();
        let due = self.next_due();
        let to = {
            let mut world = self.world();
            let now = world.now;
            let busy = !idle || world.commands.has_visible(now) || world.events.has_visible(now);
            let milliseconds = match world.rng.u8(..16) {
                0 => world.rng.i64(2_000..=40_000),
                1..=4 => world.rng.i64(200..=3_000),
                _ => world.rng.i64(1..=200),
            };
            let little = world.later(SignedDuration::from_millis(milliseconds));
            if busy && world.faults_are_on {
                little
            } else if world.fault_rates.long_sleeps && world.rng.u8(..200) == 0 {
                world.count("a day or more passes unwatched");
                world.within(86_400..=200_000)
            } else {
                due.unwrap_or(little).max(now)
            }
        };
        self.advance(to);
    }

    /// Moves the clock, and stops each invocation that has reached its time limit by then.
    pub(super) fn advance(&mut self, to: Timestamp) {
        self.world().judge_idle_slots();
        self.shared.advance(to);
        let late: Vec<u64> = self
            .invocations
            .iter()
            .filter(|(_, i)| i.deadline <= to)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.world().count_fault(Fault::FunctionTimesOut);
            self.drop_invocation(id, "runs out of time");
        }
        self.wake_the_day();
    }

    fn next_due(&self) -> Option<Timestamp> {
        let world = self.shared.world.borrow();
        let now = world.now;
        let candidates = [
            world.rds.next_due(),
            world.step_functions.next_due(),
            world.commands.next_visible().filter(|at| *at > now),
            world.events.next_visible().filter(|at| *at > now),
            world.late.first_key_value().map(|((at, _), _)| *at),
            Some(self.next_sweep).filter(|at| *at > now),
            Some(self.next_prune).filter(|at| *at > now),
            self.next_plan.filter(|at| *at > now),
            self.next_early_hint
                .filter(|at| *at > now && world.faults_are_on),
            self.next_backup
                .filter(|at| *at > now && world.faults_are_on),
            self.invocations
                .values()
                .map(|invocation| invocation.deadline)
                .min(),
            world
                .day
                .as_ref()
                .and_then(|day| day.next_due(world.faults_are_on)),
        ];
        candidates.into_iter().flatten().min()
    }

    fn let_a_call_through(&mut self) {
        let (id, invocation) = {
            let mut world = self.world();
            let n = world.calls.len();
            let n = world.rng.usize(..n);
            let Some((id, call)) = world.calls.nth(n) else {
                return;
            };
            let (invocation, mutates) = (call.invocation, call.mutates);
            let label = call.label.clone();
            let decision = world.decide(mutates);
            world.note(|| match decision {
                Decision::Through => format!("{invocation}: {label}"),
                other => format!("{invocation}: {label}: {other:?}"),
            });
            world.calls.decide(id, decision);
            (id, invocation)
        };
        let _ = id;
        self.poll(invocation);
    }
}

fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}
