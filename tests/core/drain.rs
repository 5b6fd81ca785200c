//! Drain: nothing new starts, what runs is shown or stopped, and a person can go back.

use snapferry::app::drain::{self, Depth, Drain, StartState, drain};
use snapferry::app::planner::{When, plan};
use snapferry::app::policies::{self, apply};
use snapferry::app::stop::{Outcome, StopConfig};
use snapferry::domain::id::names::ExecutionName;
use snapferry::domain::policy::file;
use snapferry::domain::policy::set::{PolicySet, Version};
use snapferry::domain::policy::spec::{AppliedKey, PolicySpec};
use snapferry::domain::run::command::Step;
use snapferry::domain::run::wait::Phase;
use snapferry::fake::step_functions::Execution;
use snapferry::ports::{ClaimRun, ExecutionState, ReadPolicies};

use crate::planner::planning;
use crate::policies::applied;
use crate::sweeper::wait_for;
use crate::world::{Fixture, HOME, World, a_run, region, rules, run};

const TWO: &str = "untagged = \"default\"\n\n[policy.default]\nschedule = \"0 3 * * *\"\nretention = \"35d\"\n\n\
                   [policy.gold]\nschedule = \"0 * * * *\"\npaused = true\n";

pub(crate) fn built_in() -> PolicySet<AppliedKey> {
    let planning = planning(&[]);
    let specs = planning.policies.all.iter().map(|policy| {
        (
            policy.name.clone(),
            PolicySpec::new(policy.schedule.clone()),
        )
    });
    PolicySet {
        untagged: planning.policies.untagged.clone(),
        copy_slots: None,
        cluster_copy_slots: None,
        policies: specs.collect(),
    }
}

pub(crate) fn drained(world: &World, depth: Depth) -> Drain {
    let config = StopConfig {
        rules: rules(),
        width: 20,
    };
    run(drain(world, &config, &built_in(), depth)).unwrap()
}

/// An execution that sleeps on its copy.
pub(crate) fn asleep(world: &World) -> ExecutionName {
    let (orders, name) = (
        a_run("orders"),
        ExecutionName::parse("run-of-orders").unwrap(),
    );
    run(world.claim_run(&orders, &name, world.clock(), None)).unwrap();
    let started = Execution::new(ExecutionState::Running, Some(orders));
    world.step_functions().all.insert(name.clone(), started);
    wait_for(world, Step::Copy, "orders", Phase::Queued);
    name
}

fn set_in_force(world: &World) -> snapferry::domain::policy::set::Applied {
    run(world.current_policies()).unwrap().unwrap()
}

#[test]
fn without_yes_a_drain_shows_what_starts_and_what_runs_and_changes_nothing() {
    let world = World::new();
    applied(&world, TWO);
    asleep(&world);
    let shown = drained(&world, Depth::Show);
    assert_eq!(shown.starts, StartState::GoOn(vec!["default".to_owned()]));
    assert_eq!(shown.stop.rows[0].outcome, Outcome::Running);
    assert!(!shown.is_done());
    assert_eq!(set_in_force(&world).stamp.version, Version::FIRST);
    assert_eq!(world.calls_of("StopExecution"), 0);
}

#[test]
fn a_drain_pauses_every_policy_removes_nothing_and_lets_what_runs_end() {
    let world = World::new();
    applied(&world, TWO);
    asleep(&world);
    let paused = drained(&world, Depth::Pause);
    let second = Version::FIRST.next();
    let expected = StartState::Paused {
        now: second,
        before: Some(Version::FIRST),
    };
    assert_eq!(paused.starts, expected);
    assert!(!paused.is_done(), "a run is open");
    assert_eq!(world.calls_of("StopExecution"), 0);
    let in_force = set_in_force(&world);
    for spec in in_force.set.policies.values() {
        assert!(spec.options.paused && spec.options.retention.is_empty());
    }
    // What a person reads is what holds, and says how to go back.
    let read = file::read(&in_force.text, Some(&region(HOME))).unwrap();
    assert!(read.set.policies.values().all(|spec| spec.options.paused));
    assert_eq!(read.set.untagged, in_force.set.untagged);
    assert!(
        in_force.text.contains("policy show --version 1"),
        "{}",
        in_force.text
    );
    assert_eq!(drained(&world, Depth::Pause).starts, StartState::WerePaused);
}

#[test]
fn the_rules_of_policies_that_were_paused_already_are_left_out_too() {
    let world = World::new();
    applied(
        &world,
        "[policy.a]\nschedule = \"0 3 * * *\"\npaused = true\nkeep_last = 3\n",
    );
    let drained_now = drained(&world, Depth::Pause);
    assert!(matches!(drained_now.starts, StartState::Paused { .. }));
    for spec in set_in_force(&world).set.policies.values() {
        assert!(spec.options.paused && spec.options.retention.is_empty());
    }
    assert_eq!(drained(&world, Depth::Pause).starts, StartState::WerePaused);
}

#[test]
fn nothing_starts_after_a_drain_and_everything_after_the_set_before_is_applied_again() {
    let world = World::new();
    let before = applied(&world, TWO);
    drained(&world, Depth::Pause);
    let planned = run(plan(&world, &planning(&[]), When::Again)).unwrap();
    assert!(
        planned.iter().all(|region| region.rows.is_empty()),
        "{planned:?}"
    );
    let back = run(apply(&world, &region(HOME), &before.text, None)).unwrap();
    let policies::Outcome::Stored { now, .. } = back else {
        panic!("{back:?}");
    };
    assert_eq!(now.set, before.set);
}

#[test]
fn the_built_in_policy_is_paused_too() {
    let world = World::new();
    let paused = drained(&world, Depth::Pause);
    let expected = StartState::Paused {
        now: Version::FIRST,
        before: None,
    };
    assert_eq!(paused.starts, expected);
    assert!(paused.is_done(), "nothing runs");
    assert!(
        set_in_force(&world)
            .set
            .policies
            .values()
            .all(|spec| spec.options.paused)
    );
}

#[test]
fn a_drain_that_is_to_stop_leaves_no_execution_asleep() {
    let world = World::new();
    applied(&world, TWO);
    let name = asleep(&world);
    let stopped = drained(&world, Depth::Stop);
    assert_eq!(stopped.stop.rows[0].outcome, Outcome::Stopped);
    assert!(stopped.is_done());
    assert_eq!(world.executions()[&name], ExecutionState::Failed);
    assert!(world.waits().is_empty());
}

#[test]
fn a_drain_needs_what_a_stop_and_the_policies_need_and_nothing_else() {
    use std::collections::BTreeSet;
    let flat = |all: &[&[&'static str]]| {
        all.iter()
            .copied()
            .flatten()
            .copied()
            .collect::<BTreeSet<_>>()
    };
    let mut needed = flat(snapferry::app::stop::ACTIONS);
    needed.extend(
        flat(policies::ACTIONS)
            .into_iter()
            .filter(|action| !action.starts_with("kms:")),
    );
    let drain = flat(drain::ACTIONS);
    assert!(drain.is_subset(&needed), "{:?}", drain.difference(&needed));
}
