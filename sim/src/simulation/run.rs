//! One world from its beginning to its end.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use snapferry::app::planner::When;
use snapferry::app::react::ReactorConfig;
use snapferry::app::stop::StopConfig;
use snapferry::app::sweep::SweeperConfig;
use snapferry::app::worker::WorkerConfig;
use snapferry::domain::id::arn::{KeyArn, Region, StateMachineArn};
use snapferry::domain::id::tags::{PolicyName, StackId};
use snapferry::domain::limits::CLAIM_GRACE;
use snapferry::domain::policy::in_force::Policy;
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::timing::FirstRun;
use snapferry::domain::run::backoff::Backoff;
use snapferry::domain::run::slot_limits::CopySlots;
use snapferry::domain::run::wait::Rules;
use snapferry::settings::{Planning, Stack};

use super::backups::{self, Nightly};
use super::day::Day;
use super::drive::{SWEEP_EVERY, Settings, Simulation};
use super::fleet::{self, KEY};
use super::judge::home;
use super::kinds;
use super::mutant::Mutant;
use super::never_copied::WEEK;
use super::own_times::{self, OwnTimes};
use super::pruning::{self, KeepLast, Limits};
use super::rule;
use super::step_functions::Status;
use super::world::{ACCOUNT, FaultRates, HOME, Making, Slots, Violation, World, rds_region};
use crate::asl::StateMachine;
use crate::rds::{DurationRange, Faults, MANUAL_SNAPSHOTS, Odds, Rds, RdsConfig};

/// The deployed definition.
const DEFINITION: &str = include_str!("../../../statemachine/protect.asl.json");
const SOURCES: [&str; 2] = ["eu-west-1", "us-east-1"];
/// Ten minutes before the first due time.
pub(super) const BEGIN: Timestamp = Timestamp::constant(1_772_430_600, 0);
const PERSONS_ROUND: SignedDuration = SignedDuration::from_mins(10);
/// More steps than any world has needed. A world that runs longer is in an endless loop.
const STEPS_MAX: u64 = 120_000;
/// How many rounds of the pruner a backlog may take.
const ROUNDS_MAX: u32 = 200;

/// The result of one world.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The seed it was made from.
    pub seed: u64,
    /// How many executions it had.
    pub executions: u64,
    /// How many steps it took.
    pub steps: u64,
    /// What happened, and how often.
    pub counts: BTreeMap<&'static str, u64>,
    /// The first rule that was broken.
    pub violation: Option<Violation>,
    /// The steps, if they were asked for.
    pub trace: Vec<String>,
}

/// Runs the world of a seed to its end, or until a rule is broken.
#[must_use]
pub fn run_world(seed: u64, mutant: Option<Mutant>, traced: bool) -> Outcome {
    let mut rng = Rng::with_seed(seed);
    let (world, settings) = make(&mut rng, mutant, traced);
    let faults_last = SignedDuration::from_mins(rng.i64(20..=540));
    let mut simulation = Simulation::new(world, settings);
    live(&mut simulation, faults_last);
    let mut world = simulation.world();
    world.count_fates();
    let executions = u64::try_from(world.step_functions.executions.len()).unwrap_or(u64::MAX);
    let outcome = Outcome {
        seed,
        executions,
        steps: simulation.steps,
        counts: std::mem::take(&mut world.counts),
        violation: world.violation.take(),
        trace: world.trace.take().unwrap_or_default(),
    };
    // Effects that are still put off hold their world, so drop them.
    let late = std::mem::take(&mut world.late);
    drop(world);
    drop(late);
    outcome
}

fn is_broken(simulation: &Simulation) -> bool {
    simulation.shared.world.borrow().violation.is_some()
}

/// Runs with faults, then without, then to the end. Stops when a rule is broken.
fn live(simulation: &mut Simulation, faults_last: SignedDuration) {
    let until = simulation.world().later(faults_last);
    while simulation.world().now < until && simulation.steps < STEPS_MAX / 2 {
        simulation.step();
        if is_broken(simulation) {
            return;
        }
    }
    simulation.world().faults_stop();
    if simulation.next_plan.is_none() {
        let now = simulation.world().now;
        simulation.next_plan = Some(now);
    }
    if !converge(simulation) || !plan_once_more(simulation) {
        return;
    }
    // A successful run may still have to be entered in the catalog, and its wait deleted. The sweep does this.
    wait_for_sweeps(simulation, 5);
    simulation.world().judge_recovery();
    simulation.world().judge_backups();
    simulation.world().judge_leftovers();
    prune_to_the_end(simulation);
    simulation.end_the_day();
    weeks_pass(simulation);
    // Everything that is left belongs to nobody, and goes when its time to live has passed.
    let later = simulation
        .world()
        .later(SignedDuration::from_hours(11 * 24));
    simulation.advance(later);
    wait_for_sweeps(simulation, 3);
    simulation.world().judge_the_end();
}

/// In worlds that copy automated snapshots, a snapshot whose event was lost waits until its policy is due. So a person runs
/// the planner once more, when no earlier claim can block it any more. Returns whether everything has ended then.
fn plan_once_more(simulation: &mut Simulation) -> bool {
    if simulation.world().applied.is_none() {
        return true;
    }
    let sweeps = CLAIM_GRACE.as_secs() / SWEEP_EVERY.as_secs() + 1;
    wait_for_sweeps(simulation, u64::try_from(sweeps).unwrap_or(u64::MAX));
    simulation.plan(When::Again);
    !is_broken(simulation) && converge(simulation)
}

/// Makes steps until everything has ended. Returns whether it has.
fn converge(simulation: &mut Simulation) -> bool {
    let mut next_round = simulation.world().now;
    loop {
        if simulation.world().now >= next_round {
            next_round = simulation.world().later(PERSONS_ROUND);
            let mut world = simulation.world();
            world.persons_round();
            world.judge_sleepers();
        }
        if is_broken(simulation) {
            return false;
        }
        if has_ended(simulation) {
            return true;
        }
        if simulation.steps > STEPS_MAX {
            simulation.world().broke(rule::AT_REST, || {
                format!("{STEPS_MAX} steps were not enough")
            });
            return false;
        }
        simulation.step();
    }
}

fn has_ended(simulation: &Simulation) -> bool {
    if !simulation.is_idle() || simulation.day_is_running() || simulation.next_plan.is_some() {
        return false;
    }
    let world = simulation.shared.world.borrow();
    let queues_are_empty = world.commands.is_empty()
        && world.events.is_empty()
        && world.dead_commands.is_empty()
        && world.dead_events.is_empty();
    queues_are_empty
        && world.step_functions.outbox.is_empty()
        && world.late.is_empty()
        && world
            .step_functions
            .executions
            .values()
            .all(|execution| match &execution.status {
                Status::Succeeded => true,
                Status::Failed { .. } => world.is_spoilt(&execution.run),
                Status::Sleeping { .. } | Status::Retrying { .. } => false,
            })
}

/// Rounds of the pruner, until nothing is left that may go.
fn prune_to_the_end(simulation: &mut Simulation) {
    for _ in 0..ROUNDS_MAX {
        if is_broken(simulation) || simulation.world().left_over().is_none() {
            return;
        }
        let until = simulation.pruned + 1;
        while simulation.pruned < until && !is_broken(simulation) {
            simulation.step();
        }
    }
    let left = simulation.world().left_over();
    if let Some(left) = left {
        simulation.world().broke(rule::REMOVED, || {
            format!("{left} may go, and {ROUNDS_MAX} rounds did not remove it")
        });
    }
}

/// In worlds with copies that RDS refuses permanently: the planner runs some time within the week after the last refusal,
/// which must start nothing, and then after that week, which must start one run of each.
fn weeks_pass(simulation: &mut Simulation) {
    for is_over in [true, false, true] {
        let remembered = simulation.world().remembered();
        let last = remembered.values().max().copied();
        let Some(last) = last.filter(|_| !is_broken(simulation)) else {
            return;
        };
        let hours = match is_over {
            true => WEEK.as_hours() + 1,
            false => simulation.world().rng.i64(1..=160),
        };
        let at = last.saturating_add(SignedDuration::from_hours(hours));
        let at = at.unwrap_or(Timestamp::MAX).max(simulation.world().now);
        simulation.advance(at);
        let before = tries(simulation, &remembered);
        simulation.plan_only(remembered.keys().cloned().collect());
        if !converge(simulation) {
            return;
        }
        let after = tries(simulation, &remembered);
        for (database, count) in before {
            let more = after[&database] - count;
            if more != usize::from(is_over) {
                simulation.world().broke(rule::TRIED_WEEKLY, || {
                    format!("{hours} hours after the last refusal {more} runs of {database} were started")
                });
            }
        }
    }
}

fn tries(
    simulation: &Simulation,
    remembered: &BTreeMap<String, Timestamp>,
) -> BTreeMap<String, usize> {
    let world = simulation.world();
    let count = |database: &String| (database.clone(), world.executions_of(database));
    remembered.keys().map(count).collect()
}

fn wait_for_sweeps(simulation: &mut Simulation, sweeps: u64) {
    let until = simulation.swept + sweeps;
    while simulation.swept < until && !is_broken(simulation) {
        simulation.step();
    }
}

fn fault_rates(rng: &mut Rng) -> FaultRates {
    let mut pick = |values: &[f64]| values[rng.usize(..values.len())];
    let call_breaks = pick(&[0.0, 0.01, 0.03, 0.1]);
    let crash = pick(&[0.0, 0.0005, 0.002]);
    let panic = pick(&[0.0, 0.0, 0.0, 0.005]);
    let inject_fault = pick(&[0.001, 0.004, 0.015]);
    let duplicates = pick(&[0.0, 0.05, 0.2]);
    let restless = pick(&[0.0, 0.0, 0.01, 0.04]);
    FaultRates {
        call_breaks,
        crash,
        panic,
        inject_fault,
        duplicates,
        late_effects: rng.bool(),
        odd_statuses: rng.u8(..4) == 0,
        long_sleeps: rng.u8(..10) == 0,
        slow_calls: rng.u8(..3) == 0,
        hints_come_early: rng.u8(..2) == 0,
        index_lag: SignedDuration::from_secs(if rng.bool() { 40 } else { 3 }),
        restless,
    }
}

fn odds(rng: &mut Rng) -> Odds {
    let mut pick = |values: &[f64]| values[rng.usize(..values.len())];
    Odds {
        failed: pick(&[0.0, 0.05, 0.15]),
        never_ends: 0.0,
        event_lost: pick(&[0.0, 0.1, 0.5]),
        event_twice: pick(&[0.0, 0.2]),
        event_late: pick(&[0.0, 0.2]),
        event_late_by: SignedDuration::from_mins(20),
        describe_lags: pick(&[0.0, 0.3, 1.0]),
        // Shorter than the grace period of ten minutes.
        describe_lag: SignedDuration::from_secs(if rng.bool() { 10 } else { 240 }),
    }
}

fn make(rng: &mut Rng, mutant: Option<Mutant>, traced: bool) -> (World, Settings) {
    let mut nightly = Nightly::draw(rng);
    // Drawn from a generator of its own, so that every world stays as it was before clusters had slots of their own.
    let mut of_clusters = rng.clone().fork();
    let all = rng.usize(1..=3);
    let copy_slots = CopySlots {
        all,
        clusters: of_clusters.usize(1..=all),
    };
    let mut config = RdsConfig {
        account: ACCOUNT.to_owned(),
        // Sometimes fewer than the slots: the quota was lowered, or other people use a part of it.
        max_copies_in_flight: rng.usize(1..=all + 2),
        max_cluster_copies_in_flight: of_clusters.usize(1..=all + 2),
        limit_comes_before_the_name: of_clusters.bool(),
        manual_snapshot_quota: MANUAL_SNAPSHOTS * 10,
        keeps_events: false,
        keyless_cluster_copies: kinds::draw_reading(rng),
        ..RdsConfig::default()
    };
    config.timings.event_delay = DurationRange::seconds(0, rng.i64(0..=120));
    let mut rds = Rds::new(config, rng.u64(..));
    let source_regions: Vec<Region> = SOURCES[..rng.usize(1..=2)]
        .iter()
        .filter_map(|name| Region::parse(name).ok())
        .collect();
    fleet::furnish(&mut rds, &source_regions, &mut nightly, rng);
    let keep = KeepLast::draw(rng);
    let regions: Vec<_> = source_regions.iter().map(rds_region).collect();
    let pruning = pruning::put_backlog(&mut rds, &regions, keep, rng);
    rds.config_mut().faults = Faults::default();
    rds.config_mut().faults.odds = odds(rng);

    let stack = StackId::parse("simulated").expect("a stack id");
    let machine = StateMachineArn::parse(&format!(
        "arn:aws:states:{HOME}:{ACCOUNT}:stateMachine:protect"
    ));
    let machine = machine.expect("an ARN");
    let key = KeyArn::parse(KEY).expect("an ARN");
    let definition = StateMachine::read(DEFINITION).expect("the deployed definition");
    let third = nightly.as_mut().map(|nightly| nightly.policy(&key));
    let mut settings = settings(rng, &stack, copy_slots, &source_regions, &machine, &key);
    let mut policies = settings.planning.policies.all.iter_mut();
    if let Some(default) = policies.find(|policy| policy.name.as_str() == "default") {
        keep.rule(default);
        pruning::rule_for_sources(default, rng);
    }
    settings.planning.policies.all.extend(third);
    let day = Day::draw(rng, nightly.is_some());
    if let Some(day) = &day {
        day.furnish(&mut rds);
        settings
            .planning
            .policies
            .all
            .iter_mut()
            .for_each(Day::rule);
    }
    own_times::draw(&mut settings.planning.policies.all, rng);
    let own_times = OwnTimes::of(&settings.planning.policies.all);
    if mutant == Some(Mutant::SpreadIsIgnored) {
        let policies = settings.planning.policies.all.iter_mut();
        policies.for_each(|policy| policy.options.spread = None);
    }
    let policies = &settings.planning.policies;
    let applied = nightly.is_some().then(|| backups::applied(policies));
    // Drawn from a generator of its own, so that a world without stops stays as it was before there were any.
    let mut stops = rng.clone().fork();
    let stops = (stops.u8(..4) == 0).then_some(stops);
    let mut world = World::new(Making {
        now: BEGIN,
        rng: Rng::with_seed(rng.u64(..)),
        rds,
        definition: Rc::new(definition),
        stack,
        machine,
        key,
        source_regions,
        slots: Slots::of(copy_slots, &settings.planning.policies),
        fault_rates: fault_rates(rng),
        applied,
        own_times,
        pruning,
        stops,
        day,
        mutant,
        traced,
    });
    world.enter_backups();
    (world, settings)
}

fn settings(
    rng: &mut Rng,
    stack: &StackId,
    copy_slots: CopySlots,
    source_regions: &[Region],
    machine: &StateMachineArn,
    key: &KeyArn,
) -> Settings {
    let rules = Rules {
        stack: stack.clone(),
        grace: SignedDuration::from_mins(10),
    };
    let width = rng.usize(1..=6);
    let backoff = Backoff {
        first: Duration::from_secs(30),
        max: Duration::from_mins(15),
    };
    let hint_recheck = Duration::from_secs(5);
    // Drawn from a generator of its own, so that every world stays as it was before there was a second policy.
    let mut for_policies = rng.clone().fork();
    let pattern = ["0 6 * * *", "0 */3 * * *", "0 * * * *"][rng.usize(..3)];
    let default = Policy::new(
        PolicyName::parse("default").expect("a name"),
        Schedule::parse(pattern, "UTC").expect("a schedule"),
        key.clone(),
    );
    let stack = Stack {
        rules,
        home: home(),
        table: "snapferry".to_owned(),
        copy_slots,
        sweep_width: width,
        look: SignedDuration::from_mins(2),
        backoff,
        hint_recheck,
        own_events: false,
    };
    Settings {
        worker_config: WorkerConfig::from(&stack),
        reactor_config: ReactorConfig::new(&stack, key.clone()),
        sweeper_config: SweeperConfig::from(&stack),
        stop_config: StopConfig::from(&stack),
        backoff,
        planning: Planning {
            stack,
            source_regions: source_regions.to_vec(),
            state_machine: machine.clone(),
            key: key.clone(),
            first_run: FirstRun::Now,
            stack_name: None,
            policies: fleet::policies(default, &mut for_policies),
        },
        limits: Limits::draw(rng),
    }
}
