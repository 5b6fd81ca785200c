//! How databases stand: what RDS and the table say now, the worst first.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use snapferry::app::measure::measure;
use snapferry::app::planner::{When, plan};
use snapferry::app::status::{Gathered, gather, refresh};
use snapferry::domain::id::names::{ExecutionName, SnapshotId};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::operator::fleet::count;
use snapferry::domain::operator::redrive::{FailedExecution, FailedStatus};
use snapferry::domain::operator::status::{Row, State};
use snapferry::domain::policy::cursor::Cursor;
use snapferry::domain::policy::in_force::Policy;
use snapferry::domain::policy::rpo::rpo;
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::selected::FIRST_PART;
use snapferry::domain::policy::span::Span;
use snapferry::domain::policy::spec::Source;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::retention::entered::Entered;
use snapferry::domain::retention::history::{DueOutcome, History, MadePoint};
use snapferry::domain::run::command::{ProtectionRequest, Step};
use snapferry::domain::run::failure::Remedy;
use snapferry::domain::run::last_error::LastError;
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::wait::{Expectation, Phase, Wait};
use snapferry::fake::Execution;
use snapferry::ports::{EnterCopies, ExecutionState, KeepHistories, PlanCursor};

use crate::doctor_parts::WITH_DRILLS;
use crate::measure::measuring;
use crate::planner::{listed, planning};
use crate::policies::applied;
use crate::prune_preview::copy_of;
use crate::world::{
    Fixture, HOME, KEY, Name, SOURCE, World, a_run, command, copy_arn, region, run, time,
};

const TAGGED: &[(&str, &str)] = &[("snapferry:policy", "default")];

/// The run that was planned a minute before this time.
fn run_at(name: &str, taken_at: &str) -> ProtectionRequest {
    ProtectionRequest {
        planned_at: time(taken_at) - SignedDuration::from_mins(1),
        ..a_run(name)
    }
}

/// A recovery point whose data was taken at this time.
pub(crate) fn point(name: &str, taken_at: &str) -> Snapshot {
    copy_of(&run_at(name, taken_at))
}

fn add_point(world: &World, point: Snapshot) {
    world.operator().manual_snapshots.push(point);
}

fn look(world: &World) -> Gathered {
    run(gather(world, &planning(&[]), &|_| {})).unwrap()
}

fn only(world: &World) -> Row {
    let mut rows = look(world).rows();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

fn with_database(name: &str) -> World {
    let world = World::new();
    world.rds().databases.push(listed(name, TAGGED));
    world
}

fn a_wait(name: &str, phase: Phase) -> Wait {
    let command = command(Step::Copy, "token", name);
    let copy = copy_arn(&command.run, 1);
    let now = time("2026-11-22T03:04:00Z");
    let mut wait = Wait::new(copy, command, Expectation::Snapshot, now);
    wait.phase = phase;
    wait
}

/// Its key says nothing against it, and what was found when its wait was settled does.
#[test]
fn a_copy_that_was_entered_as_a_mismatch_is_no_recovery_point() {
    let world = with_database("orders");
    let wrong = point("orders", "2026-11-21T03:01:00Z");
    run(world.enter_copy(&Entered {
        copy: wrong.arn.clone(),
        source: wrong.source.clone().unwrap(),
        key: wrong.key.clone(),
        at: time("2026-11-21T03:30:00Z"),
        snapshot_done_at: None,
        mismatch: Some("its engine is mysql instead of postgres".to_owned()),
    }))
    .unwrap();
    add_point(&world, wrong);
    assert_eq!(look(&world).points.count(), 0);
    assert_ne!(only(&world).state, State::Protected);
}

#[test]
fn what_is_under_way_says_how_far_rds_has_come_and_how_long_it_usually_takes() {
    let world = with_database("orders");
    add_point(&world, point("orders", "2026-11-21T03:01:00Z"));
    let wait = a_wait("orders", Phase::Seen);
    let at_work = Snapshot {
        status: SnapshotStatus::Copying,
        percent: Some(40),
        ..copy_of(&wait.command.run)
    };
    assert_eq!(at_work.arn, wait.resource);
    add_point(&world, at_work);
    world.store(wait);
    let of = |world: &World| only(world).in_flight.unwrap();
    assert_eq!((of(&world).percent, of(&world).usual), (Some(40), None));
    assert_eq!(of(&world).to_string(), "RDS is making the copy (40 %)");

    let took = [30, 20, 90].map(|minutes| Some(SignedDuration::from_mins(minutes)));
    let days = ["2026-11-18", "2026-11-19", "2026-11-20"];
    let mut due: BTreeMap<_, _> = days
        .into_iter()
        .zip(took)
        .map(|(day, copy_took)| {
            let made = MadePoint {
                copy_took,
                snapshot_took: Some(SignedDuration::from_mins(1)),
                ..MadePoint::default()
            };
            (time(&format!("{day}T03:00:00Z")), DueOutcome::Made(made))
        })
        .collect();
    due.insert(time("2026-11-17T03:00:00Z"), DueOutcome::Missed);
    let history = History {
        due,
        ..History::default()
    };
    let group = only(&world).group().unwrap();
    run(world.store_history(&group, &history, world.clock())).unwrap();
    assert_eq!(of(&world).usual, Some(SignedDuration::from_mins(30)));
    let without_history = History::default().usual(|made| made.copy_took);
    assert_eq!(without_history, None);
}

#[test]
fn a_database_with_a_young_recovery_point_is_protected() {
    let world = with_database("orders");
    add_point(&world, point("orders", "2026-11-21T03:01:00Z"));
    let row = only(&world);
    assert_eq!(row.state, State::Protected);
    // The clock stands at five past three.
    assert_eq!(row.age.unwrap().as_secs(), 24 * 3_600 + 4 * 60);
    assert_eq!(row.rpo.unwrap().as_hours(), 48);
    assert!(!row.overdue);
    let newest = copy_arn(&run_at("orders", "2026-11-21T03:01:00Z"), 1);
    assert_eq!(row.newest.unwrap().arn, newest);
}

#[test]
fn a_database_whose_newest_recovery_point_is_older_than_its_rpo_is_overdue() {
    let world = with_database("orders");
    add_point(&world, point("orders", "2026-11-20T03:01:00Z"));
    let row = only(&world);
    assert_eq!((row.state, row.overdue), (State::Overdue, true));
    assert!(row.remedy.unwrap().contains("snapferry doctor"));
}

#[test]
fn an_rpo_is_the_policy_s_or_else_twice_the_longest_time_between_due_times() {
    let now = time("2026-11-22T03:05:00Z");
    let schedule = |pattern| Schedule::parse(pattern, "UTC").unwrap();
    let key = a_run("orders").key;
    let name = PolicyName::parse("default").unwrap();
    let policy = |pattern| Policy::new(name.clone(), schedule(pattern), key.clone());
    let hours = |policy: &Policy| rpo(policy, now).as_hours();
    assert_eq!(hours(&policy("0 3 * * *")), 48);
    assert_eq!(hours(&policy("0 * * * *")), 2);
    // From Friday to Monday.
    assert_eq!(hours(&policy("0 3 * * 1-5")), 144);
    let mut automated = policy("0 * * * *");
    automated.options.source = Source::Automated;
    assert_eq!(hours(&automated), 48);
    let mut said = policy("0 3 * * *");
    said.options.rpo = Some(Span::parse("8h").unwrap());
    assert_eq!(hours(&said), 8);
}

#[test]
fn a_new_database_is_new_and_nobody_is_called() {
    let row = only(&with_database("orders"));
    assert_eq!(row.state, State::New);
    assert!(!row.state.needs_a_person());
    assert!(
        row.reason.contains("due 2026-11-23T03:00:00Z"),
        "{}",
        row.reason
    );
}

/// A world whose planner has listed the database once, so that the table knows since when it is selected.
fn planned_once(name: &str) -> World {
    let world = with_database(name);
    run(plan(&world, &planning(&[]), When::Due)).unwrap();
    world
}

#[test]
fn a_database_that_has_waited_for_its_first_recovery_point_for_longer_than_its_rpo_is_overdue() {
    let world = planned_once("orders");
    world.pass(SignedDuration::from_hours(47));
    assert_eq!(only(&world).state, State::New);
    world.pass(SignedDuration::from_hours(2));
    let row = only(&world);
    assert_eq!((row.state, row.overdue), (State::Overdue, true));
    assert!(row.reason.contains("no recovery point"), "{}", row.reason);
    assert!(row.remedy.is_some());
}

#[test]
fn a_list_of_selected_databases_that_cannot_be_read_is_told_and_not_taken_for_empty() {
    let world = planned_once("orders");
    let name = PolicyName::parse("default").unwrap();
    let mut state = world.parts().0.state_mut();
    state
        .table
        .spoil_selected(&name, &region(SOURCE), FIRST_PART);
    drop(state);
    let looked = look(&world);
    assert_eq!(looked.unreachable.len(), 1);
    assert!(
        looked.unreachable[0]
            .error
            .contains("since when default selects")
    );
}

/// Both are asked about the same fleet, in which every database stands differently.
#[test]
fn status_and_the_metrics_count_the_same_databases_as_overdue() {
    let world = World::new();
    for name in ["never", "old", "young"] {
        world.rds().databases.push(listed(name, TAGGED));
    }
    run(plan(&world, &planning(&[]), When::Due)).unwrap();
    world.pass(SignedDuration::from_hours(49));
    for (name, taken) in [
        ("old", "2026-11-20T03:01:00Z"),
        ("young", "2026-11-24T03:01:00Z"),
    ] {
        let copy = point(name, taken);
        let id = a_run(name).database.resource_id;
        let manifest = Manifest {
            taken_at: copy.taken_at,
            ..manifest_of(&copy)
        };
        world.enter(&id, |entry| entry.newest = Some(manifest));
        add_point(&world, copy);
    }
    let rows = look(&world).rows();
    let overdue = |rows: &[Row]| -> BTreeSet<String> {
        let rows = rows.iter().filter(|row| row.overdue);
        rows.map(|row| row.database.name().to_owned()).collect()
    };
    let measured = run(measure(&world, &measuring())).unwrap();
    let rings = measured.each.iter().filter(|one| one.is_overdue);
    let rings: BTreeSet<String> = rings.map(|one| one.database.name().to_owned()).collect();
    assert_eq!(overdue(&rows), rings);
    assert_eq!(rings, ["never".to_owned(), "old".to_owned()].into());
}

#[test]
fn a_database_without_a_recovery_point_is_shown_also_while_its_region_cannot_be_read() {
    let world = planned_once("orders");
    world.parts().1.down.borrow_mut().insert(region(SOURCE));
    assert_eq!(only(&world).state, State::New);
    world.pass(SignedDuration::from_hours(49));
    let row = only(&world);
    assert_eq!(row.state, State::Overdue);
    assert!(
        row.reason.contains("its region cannot be read now"),
        "{}",
        row.reason
    );
}

#[test]
fn a_first_copy_under_way_is_told_with_what_it_waits_for() {
    let world = with_database("orders");
    world.store(a_wait("orders", Phase::Queued));
    let row = only(&world);
    assert_eq!(row.state, State::New);
    assert!(
        row.reason.contains("waits for a free copy slot"),
        "{}",
        row.reason
    );
    assert_eq!(row.in_flight.unwrap().execution, "run-of-orders");
}

#[test]
fn a_command_that_waits_for_a_person_is_parked_with_its_remedy() {
    let world = with_database("orders");
    add_point(&world, point("orders", "2026-11-21T03:01:00Z"));
    let mut wait = a_wait("orders", Phase::Registered);
    let at = time("2026-11-22T03:04:30Z");
    wait.last_error = Some(LastError::new(
        Some(Remedy::FixKey),
        "the key is disabled",
        at,
    ));
    world.store(wait);
    let row = only(&world);
    assert_eq!(row.state, State::Parked);
    assert_eq!(row.remedy.as_deref(), Some(Remedy::FixKey.sentence()));
    assert_eq!(row.last_failure.unwrap().why, "the key is disabled");
}

#[test]
fn an_error_that_may_pass_by_itself_calls_nobody() {
    let world = with_database("orders");
    add_point(&world, point("orders", "2026-11-21T03:01:00Z"));
    let mut wait = a_wait("orders", Phase::Registered);
    let at = time("2026-11-22T03:04:30Z");
    wait.last_error = Some(LastError::new(None, "throttled", at));
    world.store(wait);
    let row = only(&world);
    assert!(!row.state.needs_a_person(), "{row:?}");
}

fn fail_the_run_of(world: &World, name: &str) {
    let execution = ExecutionName::parse("sf-orders-x").unwrap();
    let mut ended = Execution::new(ExecutionState::Failed, Some(a_run(name)));
    ended.error = Some("Snapferry.KeyUnusable".to_owned());
    ended.cause = Some("the key is gone".to_owned());
    ended.ended = Some(FailedExecution {
        name: execution.clone(),
        ended: FailedStatus::Failed,
        started_at: time("2026-11-22T03:00:00Z"),
        ended_at: time("2026-11-22T03:03:00Z"),
    });
    world.step_functions().all.insert(execution.clone(), ended);
    let id = a_run(name).database.resource_id;
    world.enter(&id, |entry| entry.open = Some(execution));
}

#[test]
fn a_failed_run_is_told_with_its_cause_and_the_way_on() {
    let world = with_database("orders");
    add_point(&world, point("orders", "2026-11-21T03:01:00Z"));
    fail_the_run_of(&world, "orders");
    let row = only(&world);
    assert_eq!(row.state, State::Failed);
    let failure = row.last_failure.unwrap();
    assert_eq!(failure.why, "Snapferry.KeyUnusable: the key is gone");
    assert_eq!(failure.at, Some(time("2026-11-22T03:03:00Z")));
    assert!(
        row.remedy
            .unwrap()
            .contains("snapferry redrive --database orders --yes")
    );
}

#[test]
fn a_first_run_that_failed_makes_the_database_overdue_at_once() {
    let world = with_database("orders");
    fail_the_run_of(&world, "orders");
    assert_eq!(only(&world).state, State::Overdue);
}

#[test]
fn an_execution_that_has_just_begun_is_under_way_and_not_failed() {
    let world = with_database("orders");
    fail_the_run_of(&world, "orders");
    let execution = ExecutionName::parse("sf-orders-x").unwrap();
    world
        .step_functions()
        .set_state(&execution, ExecutionState::Running);
    let row = only(&world);
    assert_eq!(row.state, State::New);
    assert!(row.in_flight.is_some());
}

#[test]
fn a_tag_that_names_no_policy_needs_a_person() {
    let world = World::new();
    world
        .rds()
        .databases
        .push(listed("orders", &[("snapferry:policy", "dialy")]));
    let row = only(&world);
    assert_eq!(row.state, State::Unprotected);
    assert!(
        row.reason.contains("unknown policy \"dialy\""),
        "{}",
        row.reason
    );
}

#[test]
fn members_of_a_cluster_are_no_rows_and_what_is_excluded_needs_nobody() {
    let world = World::new();
    let mut member = listed("member", &[]);
    member.member_of = Some("cluster".to_owned());
    let databases = [member, listed("scratch", &[("snapferry:exclude", "true")])];
    world.rds().databases.extend(databases);
    let row = only(&world);
    assert_eq!(
        (row.database.name(), row.state),
        ("scratch", State::Excluded)
    );
}

#[test]
fn a_tag_on_a_member_of_a_cluster_that_nothing_protects_needs_a_person() {
    let world = World::new();
    let mut member = listed("member", TAGGED);
    member.member_of = Some("web".to_owned());
    world.rds().databases.push(member);
    let row = only(&world);
    assert_eq!(row.state, State::Unprotected);
    assert!(row.reason.contains("tag the cluster web"), "{}", row.reason);
}

#[test]
fn a_stopped_database_without_a_recovery_point_says_why_it_must_wait() {
    let world = World::new();
    let mut stopped = listed("orders", TAGGED);
    stopped.status = "stopped".to_owned();
    world.rds().databases.push(stopped);
    let row = only(&world);
    assert_eq!(row.state, State::New);
    assert!(
        row.reason.contains("its status is stopped"),
        "{}",
        row.reason
    );
}

#[test]
fn a_source_region_that_is_down_costs_no_row_that_the_recovery_region_knows() {
    let world = with_database("orders");
    add_point(&world, point("orders", "2026-11-20T03:01:00Z"));
    world.parts().1.down.borrow_mut().insert(region(SOURCE));
    let looked = look(&world);
    let rows = looked.rows();
    assert_eq!(rows.len(), 1);
    // It is judged all the same, and not taken for a database that is gone.
    assert_eq!(rows[0].state, State::Overdue);
    assert!(
        rows[0].reason.contains("its region cannot be read now"),
        "{}",
        rows[0].reason
    );
    assert_eq!(looked.unreachable[0].region, region(SOURCE));
}

#[test]
fn a_database_that_is_gone_is_orphaned_and_needs_nobody() {
    let world = World::new();
    add_point(&world, point("orders", "2026-10-01T03:01:00Z"));
    let row = only(&world);
    assert_eq!(row.state, State::Orphaned);
    assert!(!row.state.needs_a_person());
}

#[test]
fn recovery_points_that_cannot_be_listed_are_taken_from_the_catalog() {
    let world = with_database("orders");
    let listed = point("orders", "2026-11-21T03:01:00Z");
    let manifest = manifest_of(&listed);
    let id = a_run("orders").database.resource_id;
    world.enter(&id, |entry| entry.newest = Some(manifest));
    // RDS lists none: the catalog alone proves nothing.
    assert_eq!(only(&world).state, State::New);
    world.parts().1.down.borrow_mut().insert(region(HOME));
    let row = only(&world);
    assert_eq!(row.state, State::Protected);
    assert_eq!(
        row.newest.unwrap().taken_at,
        Some(time("2026-11-21T03:01:00Z"))
    );
}

fn manifest_of(copy: &Snapshot) -> Manifest {
    let run = a_run("orders");
    Manifest {
        step: Step::Copy,
        snapshot: copy.arn.clone(),
        source: None,
        database: run.database.arn,
        resource_id: run.database.resource_id,
        engine: "postgres".to_owned(),
        engine_version: "17.2".to_owned(),
        size_gib: 100,
        key: Some(snapferry::domain::id::arn::KeyArn::parse(KEY).unwrap()),
        taken_at: Some(time("2026-11-21T03:01:00Z")),
    }
}

#[test]
fn what_cannot_be_restored_or_belongs_to_another_stack_is_no_recovery_point() {
    let world = with_database("orders");
    let mut by_hand = point("orders", "2026-11-22T03:01:00Z");
    let id = SnapshotId::parse("sf-before-migration").unwrap();
    by_hand.arn = by_hand.arn.sibling_snapshot(&region(HOME), &id);
    add_point(&world, by_hand);
    let mut copying = point("orders", "2026-11-22T03:01:00Z");
    copying.status = SnapshotStatus::Copying;
    let mut others = point("orders", "2026-11-22T03:01:00Z");
    others
        .tags
        .insert("snapferry:stack".to_owned(), "other".to_owned());
    add_point(&world, copying);
    add_point(&world, others);
    assert_eq!(only(&world).state, State::New);
}

#[test]
fn the_newest_is_the_one_with_the_youngest_data_on_whichever_page_it_is() {
    let world = with_database("orders");
    for taken_at in ["2026-11-20", "2026-11-22", "2026-11-21", "2026-11-19"] {
        add_point(&world, point("orders", &format!("{taken_at}T03:01:00Z")));
    }
    let row = only(&world);
    let newest = copy_arn(&run_at("orders", "2026-11-22T03:01:00Z"), 1);
    assert_eq!(row.newest.unwrap().arn, newest);
    assert_eq!(row.count, 4);
}

#[test]
fn what_needs_a_person_comes_first() {
    let world = World::new();
    for name in ["a", "b", "c"] {
        world.rds().databases.push(listed(name, TAGGED));
    }
    add_point(&world, point("a", "2026-11-22T03:01:00Z"));
    add_point(&world, point("c", "2026-11-01T03:01:00Z"));
    let rows = look(&world).rows();
    let order: Vec<(&str, State)> = rows
        .iter()
        .map(|row| (row.database.name(), row.state))
        .collect();
    assert_eq!(
        order,
        [
            ("c", State::Overdue),
            ("b", State::New),
            ("a", State::Protected)
        ]
    );
    let counts = count(&rows);
    assert_eq!(
        (
            counts.selected,
            counts.within_rpo,
            counts.overdue,
            counts.new
        ),
        (3, 1, 1, 1)
    );
}

#[test]
fn a_planner_that_missed_a_due_time_is_told() {
    let world = with_database("orders");
    let name = PolicyName::parse("default").unwrap();
    let planned = |at: &str| {
        let cursor = Cursor {
            until: time(at),
            kept: Vec::new(),
            spread: None,
        };
        run(world.set_plan_cursor(&name, &region(SOURCE), &cursor)).unwrap();
    };
    planned("2026-11-21T03:00:00Z");
    // The last due time was five minutes ago: the planner may still come.
    assert_eq!(look(&world).notices, []);
    world.pass(SignedDuration::from_mins(40));
    let looked = look(&world);
    assert_eq!(looked.notices.len(), 1);
    assert!(looked.notices[0].message.contains("2026-11-22T03:00:00Z"));
    planned("2026-11-22T03:00:00Z");
    assert_eq!(look(&world).notices, []);
}

/// M14: what drills leave would stay, and nobody would know.
#[test]
fn policies_with_drills_and_no_stack_with_the_remover_is_told() {
    let look = |world: &World, name: &str| {
        let planning = planning(&[("SNAPFERRY_STACK_NAME", name)]);
        run(gather(world, &planning, &|_| {})).unwrap().notices
    };
    let world = World::new();
    assert_eq!(look(&world, "prod"), [], "no policy has drills");
    applied(&world, WITH_DRILLS);
    let notices = look(&world, "prod");
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!(notices[0].subject, "remover");
    let message = &notices[0].message;
    assert!(
        message.contains("prod-restore is not deployed"),
        "{message}"
    );
    assert!(message.contains("--with restore"), "{message}");
    // Who knows no name asks nothing.
    assert_eq!(look(&world, ""), []);
    // What CloudFormation does not say is no finding.
    world.break_once(Name::DescribeStack);
    assert_eq!(look(&world, "prod"), []);
    let standing = ("prod-restore".to_owned(), BTreeMap::new());
    world.operator().stacks.extend([standing]);
    assert_eq!(look(&world, "prod"), []);
}

#[test]
fn a_watch_asks_rds_for_nothing_between_two_lists() {
    let world = with_database("orders");
    world.store(a_wait("orders", Phase::Seen));
    let pages = Cell::new(0);
    let mut looked = run(gather(&world, &planning(&[]), &|now| pages.set(now))).unwrap();
    assert_eq!(pages.get(), 4, "two families in two regions");
    assert!(looked.rows()[0].in_flight.is_some());
    world.forget_waits();
    world
        .parts()
        .1
        .down
        .borrow_mut()
        .extend([region(SOURCE), region(HOME)]);
    run(refresh(&world, &mut looked)).unwrap();
    assert_eq!(looked.rows()[0].in_flight, None);
    assert_eq!(looked.unreachable, []);
}

#[test]
fn a_table_that_cannot_be_read_is_an_error_and_not_an_empty_fleet() {
    let world = with_database("orders");
    world.break_once(Name::ListOpen);
    assert!(run(gather(&world, &planning(&[]), &|_| {})).is_err());
}
