//! The pruner in the source regions: what Snapferry took there goes by rules of its own, once the table knows its copy.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use snapferry::app::prune::{PruneReport, PrunerConfig, Stopped};
use snapferry::app::prune_preview::{PreviewOf, PrunePreview, prune_preview};
use snapferry::domain::id::arn::{KeyArn, RdsArn};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::retention::check::Rule;
use snapferry::domain::retention::entered::{AllEntered, Entered};
use snapferry::domain::retention::forget::PointState;
use snapferry::domain::retention::source_check::{SourceCase, broken_at_source};
use snapferry::domain::run::command::{ProtectionRequest, Step};
use snapferry::domain::run::wait::{Expectation, ExpectedCopy, Wait};
use snapferry::ports::EnterCopies;

use crate::planner::planning;
use crate::policies::applied;
use crate::prune::{config, left, round, rounds, try_round, wait_for, world};
use crate::prune_preview::copy_of;
use crate::world::{
    Call, Fixture, HOME, KEY, Name, SOURCE, World, a_cluster_run, a_run, command, copy_arn, ours,
    region, run, snapshot_arn,
};

const TWO: &str = "[policy.default.source_retention]\nkeep_last = 2";

/// The run of so many days ago.
fn run_of(days: i64) -> ProtectionRequest {
    let mut request = a_run("orders");
    request.planned_at -= SignedDuration::from_hours(24 * days);
    request
}

/// The snapshot that a run took, with all tags that the worker sets.
fn source_of(request: &ProtectionRequest, attempt: u8) -> Snapshot {
    let arn = snapshot_arn(request, attempt);
    let mut snapshot = ours(&arn, request, SnapshotStatus::Available);
    snapshot.taken_at = Some(request.planned_at + SignedDuration::from_mins(1));
    snapshot.created_at = snapshot.taken_at;
    snapshot.source = None;
    snapshot.tags.extend(
        [
            ("snapferry:database", request.database.arn.to_string()),
            ("snapferry:policy", request.policy.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    snapshot
}

/// What the table knows of a run's recovery point.
fn entered_of(request: &ProtectionRequest) -> Entered {
    Entered {
        copy: copy_arn(request, 1),
        source: snapshot_arn(request, 1),
        key: KeyArn::parse(KEY).ok(),
        at: request.planned_at + SignedDuration::from_hours(1),
        snapshot_done_at: None,
        mismatch: None,
    }
}

/// A world in which each of these runs has its snapshot and its recovery point.
fn protected(rules: &str, runs: &[ProtectionRequest]) -> World {
    let all = runs
        .iter()
        .flat_map(|request| [source_of(request, 1), copy_of(request)]);
    let world = world(rules, all.collect());
    for request in runs {
        run(world.enter_copy(&entered_of(request))).unwrap();
    }
    world
}

fn runs(days: i64) -> Vec<ProtectionRequest> {
    (0..days).map(run_of).collect()
}

/// The days of the source snapshots that are left.
fn sources_left(world: &World, days: i64) -> Vec<i64> {
    let left = left(world);
    let is_left = |day: &i64| left.contains(&snapshot_arn(&run_of(*day), 1));
    (0..days).filter(is_left).collect()
}

/// What `snapferry prune` shows.
fn preview(world: &World) -> PrunePreview {
    let planning = planning(&[]);
    let of = PreviewOf {
        stack: &planning.stack.rules.stack,
        home: &planning.stack.home,
        source_regions: &planning.source_regions,
        key: &planning.key,
        built_in: &planning.policies,
    };
    run(prune_preview(world, of)).unwrap()
}

/// Rounds until all that may go has gone.
fn to_the_end(world: &World) -> PruneReport {
    rounds(world, 40)
}

/// A second version of the policies, which removes source snapshots too.
fn apply_rules_for_sources(world: &World) {
    let text = format!("[policy.default]\nschedule = \"0 3 * * *\"\nkeep_last = 9\n{TWO}\n");
    applied(world, &text);
}

/// After more than a grace the pruner still waits until a person approves the policies.
fn nothing_goes_without_a_person(world: &World) {
    let report = rounds(world, 30);
    assert!(
        matches!(report.stopped, Some(Stopped::Unapproved(_))),
        "{report:?}"
    );
    assert_eq!(deleted(world), []);
}

fn deleted(world: &World) -> Vec<RdsArn> {
    let calls = world.calls().into_iter();
    calls
        .filter_map(|call| match call {
            Call::DeleteSnapshot { snapshot } => Some(snapshot),
            _ => None,
        })
        .collect()
}

#[test]
fn source_snapshots_go_a_grace_later_by_their_own_rule() {
    let world = protected(TWO, &runs(5));
    let before = rounds(&world, 23);
    assert_eq!((before.removable, before.removed.len()), (3, 0));
    assert_eq!(sources_left(&world, 5), [0, 1, 2, 3, 4]);
    // A tenth of five, but at least one.
    let report = rounds(&world, 1);
    assert_eq!(report.removed.len(), 1);
    assert_eq!(report.removed[0].snapshot, snapshot_arn(&run_of(4), 1));
    assert_eq!(report.removed[0].why, "no rule keeps it");
    world.pass(SignedDuration::from_hours(1));
    let next = round(&world);
    assert_eq!(next.gone, [snapshot_arn(&run_of(4), 1)]);
    assert!(!world.table().is_being_removed(&snapshot_arn(&run_of(4), 1)));
    to_the_end(&world);
    assert_eq!(sources_left(&world, 5), [0, 1]);
    let recovery_points = left(&world);
    assert!((0..5).all(|day| recovery_points.contains(&copy_arn(&run_of(day), 1))));
    // What was entered of the recovery points is not touched.
    assert!(
        !world
            .calls()
            .iter()
            .any(|call| call.name() == Name::ExpireEntered)
    );
}

#[test]
fn the_source_snapshots_of_a_cluster_go_in_the_same_way() {
    let days = |days: i64| {
        let mut request = a_cluster_run("shop");
        request.planned_at -= SignedDuration::from_hours(24 * days);
        request
    };
    let world = protected(TWO, &(0..3).map(days).collect::<Vec<_>>());
    to_the_end(&world);
    assert_eq!(deleted(&world), [snapshot_arn(&days(2), 1)]);
}

#[test]
fn without_a_rule_for_them_no_source_region_is_listed_and_all_stay() {
    let world = protected("keep_last = 5", &runs(5));
    let report = to_the_end(&world);
    assert_eq!(report.removable, 0);
    assert_eq!(sources_left(&world, 5), [0, 1, 2, 3, 4]);
    let lists_there = |call: &Call| matches!(call, Call::ListManualSnapshots { region: at, .. } if *at == region(SOURCE));
    assert!(!world.calls().iter().any(lists_there));
}

#[test]
fn one_whose_recovery_point_the_table_does_not_know_stays() {
    let world = protected(TWO, &runs(3));
    // Of the next two the table knows nothing, and a mismatch: another stack of the same id may copy them yet.
    for days in [3, 4] {
        world.put_snapshot(source_of(&run_of(days), 1));
    }
    let mismatch = Entered {
        mismatch: Some("its key is another".to_owned()),
        ..entered_of(&run_of(4))
    };
    run(world.enter_copy(&mismatch)).unwrap();
    to_the_end(&world);
    assert_eq!(sources_left(&world, 5), [0, 1, 3, 4]);
}

#[test]
fn what_is_held_foreign_or_needed_stays() {
    let world = protected(TWO, &runs(6));
    let change = |days: i64, act: &dyn Fn(&mut Snapshot)| {
        let mut snapshot = source_of(&run_of(days), 1);
        act(&mut snapshot);
        world.put_snapshot(snapshot);
    };
    change(2, &|one| {
        one.tags
            .insert("snapferry:hold".to_owned(), "an audit".to_owned());
    });
    change(3, &|one| {
        one.tags
            .insert("snapferry:stack".to_owned(), "other".to_owned());
    });
    // A person's copy has the tags, and a name of its own.
    let mut peoples = source_of(&run_of(5), 1);
    peoples.arn =
        RdsArn::parse(&peoples.arn.to_string().replace("sf-orders", "my-orders")).unwrap();
    world.put_snapshot(peoples.clone());
    // A second execution copies it once more.
    let run_again = run_of(4);
    let copy = Wait::new(
        copy_arn(&run_again, 2),
        command(Step::Copy, "t", "orders"),
        Expectation::Copy(ExpectedCopy {
            source: snapshot_arn(&run_again, 1),
            key: KeyArn::parse(KEY).unwrap(),
            engine: "postgres".to_owned(),
            size_gib: 20,
            taken_at: None,
        }),
        run_again.planned_at,
    );
    world.store(copy);
    to_the_end(&world);
    assert_eq!(deleted(&world), [snapshot_arn(&run_of(5), 1)]);
    assert!(left(&world).contains(&peoples.arn));
}

#[test]
fn one_that_is_awaited_itself_stays() {
    let world = protected(TWO, &runs(3));
    world.store(wait_for(&snapshot_arn(&run_of(2), 1)));
    to_the_end(&world);
    assert_eq!(deleted(&world), []);
}

#[test]
fn a_failed_attempt_goes_once_another_attempt_of_its_run_was_copied() {
    let world = protected(TWO, &runs(1));
    let of_run = |request: &ProtectionRequest, attempt| {
        let mut failed = source_of(request, attempt);
        failed.status = SnapshotStatus::Failed;
        failed
    };
    let known = of_run(&run_of(0), 2);
    let unknown = of_run(&run_of(1), 1);
    for failed in [&known, &unknown] {
        world.put_snapshot(failed.clone());
    }
    to_the_end(&world);
    assert_eq!(deleted(&world), [known.arn]);
    assert!(left(&world).contains(&unknown.arn));
}

#[test]
fn a_source_region_that_cannot_be_listed_keeps_its_snapshots_and_no_recovery_point() {
    let world = protected(&format!("keep_last = 2\n{TWO}"), &runs(3));
    rounds(&world, 22);
    world.parts().1.down.borrow_mut().insert(region(SOURCE));
    rounds(&world, 3);
    assert_eq!(deleted(&world), [copy_arn(&run_of(2), 1)]);
}

#[test]
fn what_no_recovery_point_backs_any_more_stays() {
    let world = protected(TWO, &runs(4));
    // Somebody deletes the recovery points, all but the oldest.
    for days in 0..3 {
        world.rds().snapshots.remove(&copy_arn(&run_of(days), 1));
    }
    to_the_end(&world);
    assert_eq!(deleted(&world), [snapshot_arn(&run_of(3), 1)]);
}

#[test]
fn a_copy_that_is_asked_for_at_the_last_moment_keeps_its_source() {
    let world = protected(TWO, &runs(3));
    rounds(&world, 23);
    world.pass(SignedDuration::from_hours(1));
    let shared = world.clone();
    world.meanwhile(Name::RegisterRemoval, move || {
        shared.store(wait_for(&copy_arn(&run_of(2), 1)));
    });
    let report = round(&world);
    assert_eq!(report.kept, [snapshot_arn(&run_of(2), 1)]);
    assert_eq!(deleted(&world), []);
    assert!(!world.table().is_being_removed(&snapshot_arn(&run_of(2), 1)));
}

#[test]
fn rules_are_not_approved_by_a_round_that_could_not_list_a_source_region() {
    let world = protected("keep_last = 9", &runs(4));
    rounds(&world, 2);
    apply_rules_for_sources(&world);
    world.parts().1.down.borrow_mut().insert(region(SOURCE));
    let report = rounds(&world, 2);
    assert_eq!(report.sources_not_listed.len(), 1);
    world.parts().1.down.borrow_mut().clear();
    nothing_goes_without_a_person(&world);
}

#[test]
fn what_stays_by_its_rule_is_no_mismatch() {
    let world = protected(TWO, &runs(2));
    let preview = preview(&world);
    let group = &preview.sources.groups[0];
    assert!(
        group
            .points
            .iter()
            .all(|(point, _)| point.state == PointState::Good)
    );
    assert_eq!(preview.removable(), BTreeSet::new());
}

#[test]
fn a_set_that_was_stored_before_source_snapshots_were_removed_only_shows_them() {
    let stored = |counts: &str| {
        let text = format!(
            r#"{{"schema":1,"retention_counts":true{counts},"policies":{{"gold":{{"schedule":"0 3 * * *","time_zone":"UTC","source":"snapshot","source_retention":{{"keep_last":2}}}}}}}}"#
        );
        let set = snapferry::json::policies::read(&text).unwrap();
        let again = snapferry::json::policies::write(&set);
        let set = snapferry::json::policies::read(&again).unwrap();
        set.policies.into_values().next().unwrap().options.retention
    };
    let before = stored("");
    assert!(before.source_shown_only && !before.shown_only);
    let now = stored(r#","source_retention_counts":true"#);
    assert!(!now.source_shown_only && !now.shown_only);
}

#[test]
fn rules_for_source_snapshots_that_remove_more_wait_for_a_person() {
    let world = protected("keep_last = 9", &runs(4));
    rounds(&world, 2);
    apply_rules_for_sources(&world);
    nothing_goes_without_a_person(&world);
}

#[test]
fn a_stack_that_removes_nothing_removes_no_source_snapshot() {
    let world = protected(TWO, &runs(4));
    let config = PrunerConfig {
        removes: false,
        ..config()
    };
    for _ in 0..30 {
        try_round(&world, &config, None).unwrap();
        world.pass(SignedDuration::from_hours(1));
    }
    assert_eq!(deleted(&world), []);
}

#[test]
fn each_rule_of_the_check_stops_a_removal_alone() {
    let requests = runs(3);
    let policy = PolicyName::parse("default").unwrap();
    let mut snapshots: Vec<Snapshot> = requests.iter().map(|one| source_of(one, 1)).collect();
    let (config, target) = (config(), snapshots[2].arn.clone());
    let removes = BTreeMap::from([(policy.clone(), true)]);
    let copied = requests.iter().map(|one| snapshot_arn(one, 1)).collect();
    let (needed, home) = (BTreeSet::new(), region(HOME));
    let recovery_points: Vec<Snapshot> = requests.iter().map(copy_of).collect();
    let entered = AllEntered::new();
    let case = SourceCase {
        stack: &config.stack,
        home: &home,
        now: requests[0].planned_at + SignedDuration::from_hours(2),
        complete: true,
        snapshots: &snapshots,
        recovery_points: &recovery_points,
        entered: &entered,
        removes: &removes,
        copied: &copied,
        needed: &needed,
    };
    let broken = |case: &SourceCase<'_>, arn: &RdsArn| -> Vec<Rule> {
        let broken = broken_at_source(case, &[arn.clone()].into());
        broken.into_iter().map(|one| one.rule).collect()
    };
    assert_eq!(broken(&case, &target), []);
    assert_eq!(broken(&case, &snapshots[0].arn), [Rule::NewestGood]);
    let half = SourceCase {
        complete: false,
        ..case
    };
    assert_eq!(broken(&half, &target), [Rule::Complete]);
    let awaited = [target.clone()].into();
    let awaited = SourceCase {
        needed: &awaited,
        ..case
    };
    assert_eq!(broken(&awaited, &target), [Rule::Needed]);
    let keeps = BTreeMap::from([(policy, false)]);
    let not_in_force = SourceCase {
        removes: &keeps,
        ..case
    };
    assert_eq!(broken(&not_in_force, &target), [Rule::InForce]);
    let none = BTreeSet::new();
    let unknown = SourceCase {
        copied: &none,
        ..case
    };
    assert_eq!(broken(&unknown, &target), [Rule::Copied]);
    let lost = SourceCase {
        recovery_points: &[],
        ..case
    };
    assert_eq!(broken(&lost, &target), [Rule::Copied]);
    // None of those that are there is what was asked for.
    let mismatches = requests.iter().map(|one| Entered {
        mismatch: Some("its key is another".to_owned()),
        ..entered_of(one)
    });
    let mismatches = mismatches.map(|one| (one.copy.clone(), one)).collect();
    let mismatched = SourceCase {
        entered: &mismatches,
        ..case
    };
    assert_eq!(broken(&mismatched, &target), [Rule::Copied]);
    // Those that are left have older data.
    let mut older = copy_of(&run_of(9));
    older.status = SnapshotStatus::Available;
    let outlived = [older];
    let outlived = SourceCase {
        recovery_points: &outlived,
        ..case
    };
    assert_eq!(broken(&outlived, &target), [Rule::Copied]);
    let source = region(SOURCE);
    let at_home = SourceCase {
        home: &source,
        ..case
    };
    // Its recovery points lie elsewhere then, too.
    assert_eq!(broken(&at_home, &target), [Rule::Place, Rule::Copied]);
    let other = copy_arn(&requests[2], 1);
    assert_eq!(broken(&case, &other), [Rule::Ours]);
    let (now, requests) = (case.now, requests);
    let mut changed = |act: &dyn Fn(&mut Snapshot)| {
        snapshots[2] = source_of(&requests[2], 1);
        act(&mut snapshots[2]);
        let case = SourceCase {
            stack: &config.stack,
            home: &home,
            now,
            complete: true,
            snapshots: &snapshots,
            recovery_points: &recovery_points,
            entered: &entered,
            removes: &removes,
            copied: &copied,
            needed: &needed,
        };
        broken(&case, &target)
    };
    let held = changed(&|one| {
        one.tags
            .insert("snapferry:hold".to_owned(), "why".to_owned());
    });
    assert_eq!(held, [Rule::Held]);
    assert_eq!(
        changed(&|one| one.status = SnapshotStatus::Creating),
        [Rule::Finished]
    );
    assert_eq!(changed(&|one| one.taken_at = None), [Rule::Dated]);
    let anothers = changed(&|one| {
        one.tags
            .insert("snapferry:stack".to_owned(), "other".to_owned());
    });
    assert_eq!(anothers, [Rule::Ours]);
    let of_another_database = changed(&|one| {
        one.tags
            .insert("snapferry:resource-id".to_owned(), "db-OTHER".to_owned());
    });
    assert_eq!(of_another_database, [Rule::Ours]);
}
