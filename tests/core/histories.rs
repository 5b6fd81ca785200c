//! The histories of due times: what the pruner's rounds make of what they see, and how a history is stored and read.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use snapferry::app::conclude::{Settlement, succeed};
use snapferry::app::prune::PruneRequest;
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::operator::strip::{Mark, strip};
use snapferry::domain::policy::cursor::{Cursor, Kept, KeptWhy};
use snapferry::domain::policy::selected::{SelectedDatabase, Selection};
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::retention::entered::Entered;
use snapferry::domain::retention::history::{
    DUE_TIMES, DueOutcome, History, MadePoint, RemovedPoint, Seen, WHY_MAX,
};
use snapferry::domain::run::command::Step;
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::wait::{Expectation, ExpectedCopy, Wait};
use snapferry::json;
use snapferry::ports::{EnterCopies, PlanCursor, StoreSelected};

use crate::policies::applied;
use crate::prune::{config, copies, rounds, try_round, world};
use crate::prune_preview::copy_of;
use crate::world::{Fixture, Name, SOURCE, World, a_run, command, copy_arn, region, run, time};

fn orders() -> DatabaseRef {
    a_run("orders").database
}

fn history(world: &World) -> History {
    let group = (region(SOURCE), orders().resource_id, a_run("orders").policy);
    let table = world.table();
    let found = table.retention().histories.get(&group).cloned();
    found.unwrap_or_default()
}

/// The planner has found the database selected since the 20th.
fn select(world: &World) {
    let databases = [SelectedDatabase {
        database: orders(),
        since: time("2026-11-20T03:00:00Z"),
    }];
    let policy = a_run("orders").policy;
    for (number, part) in Selection::default().replaced_by(&databases) {
        run(world.store_selected(&policy, &region(SOURCE), number, &part)).unwrap();
    }
}

fn made(outcome: Option<&DueOutcome>) -> MadePoint {
    match outcome {
        Some(DueOutcome::Made(made)) => made.clone(),
        other => panic!("not made: {other:?}"),
    }
}

fn entered(copy: &Snapshot) -> Entered {
    let begun = copy.created_at.unwrap();
    Entered {
        copy: copy.arn.clone(),
        source: copy.source.clone().unwrap(),
        key: copy.key.clone(),
        at: begun + SignedDuration::from_mins(30),
        snapshot_done_at: Some(begun - SignedDuration::from_mins(3)),
        mismatch: None,
    }
}

const NEXT: &str = "2026-11-23T03:00:00Z";

#[test]
fn what_was_made_is_noted_with_its_times_and_why_and_when_it_went() {
    let all = copies("orders", 5);
    let world = world("keep_last = 3", all.clone());
    for copy in &all {
        run(world.enter_copy(&entered(copy))).unwrap();
    }
    rounds(&world, 0);
    let first = history(&world);
    assert_eq!(first.due.len(), 5);
    let oldest = made(first.due.get(&time("2026-11-18T03:00:00Z")));
    assert_eq!(oldest.taken_at, Some(time("2026-11-18T03:01:00Z")));
    // The data is of 03:01, the snapshot was finished at 03:17, and the copy lasted from 03:20 until 03:50.
    assert_eq!(oldest.snapshot_took, Some(SignedDuration::from_mins(16)));
    assert_eq!(oldest.copy_took, Some(SignedDuration::from_mins(30)));
    assert_eq!(oldest.removed, None);
    rounds(&world, 25);
    let later = history(&world);
    let oldest = made(later.due.get(&time("2026-11-18T03:00:00Z")));
    let removed = oldest.removed.unwrap();
    assert_eq!(removed.why.as_deref(), Some("no rule keeps it"));
    assert_eq!(removed.at, time("2026-11-23T03:05:00Z"));
    assert_eq!(oldest.copy_took, Some(SignedDuration::from_mins(30)));
    let newest = made(later.due.get(&time("2026-11-22T03:00:00Z")));
    assert_eq!(newest.removed, None);
}

#[test]
fn what_a_person_s_order_removes_is_noted_with_its_reason() {
    let world = world("keep_last = 4", copies("orders", 5));
    let plan = try_round(&world, &config(), None).unwrap().plan;
    let order = PruneRequest {
        plan,
        databases: vec!["orders".to_owned()],
        ..PruneRequest::default()
    };
    assert_eq!(
        try_round(&world, &config(), Some(&order))
            .unwrap()
            .removed
            .len(),
        1
    );
    let oldest = made(history(&world).due.get(&time("2026-11-18T03:00:00Z")));
    assert!(oldest.removed.unwrap().why.is_some());
}

#[test]
fn a_failed_attempt_that_goes_takes_nothing_from_what_the_next_one_made() {
    let copy = copies("orders", 1).remove(0);
    let mut failed = copy.clone();
    failed.arn = copy_arn(&a_run("orders"), 2);
    failed.status = SnapshotStatus::Failed;
    let world = world("keep_last = 1", vec![copy, failed.clone()]);
    let report = rounds(&world, 24);
    assert_eq!(report.removed.len(), 1, "{report:?}");
    assert_eq!(report.removed[0].snapshot, failed.arn);
    let kept = made(history(&world).due.get(&time("2026-11-22T03:00:00Z")));
    assert_eq!(kept.removed, None);
}

#[test]
fn what_somebody_else_removed_is_noted_without_a_reason() {
    let all = copies("orders", 3);
    let world = world("", all.clone());
    rounds(&world, 1);
    world.rds().snapshots.remove(&all[1].arn);
    rounds(&world, 1);
    let gone = made(history(&world).due.get(&time("2026-11-21T03:00:00Z")));
    assert_eq!(gone.removed.unwrap().why, None);
    // RDS's lists may have left it out once.
    world.put_snapshot(all[1].clone());
    rounds(&world, 1);
    let back = made(history(&world).due.get(&time("2026-11-21T03:00:00Z")));
    assert_eq!(back.removed, None);
}

#[test]
fn a_due_time_without_a_recovery_point_is_missed_until_one_comes() {
    let world = world("", copies("orders", 3));
    select(&world);
    rounds(&world, 29);
    assert_eq!(history(&world).due.get(&time(NEXT)), None, "still in time");
    rounds(&world, 2);
    let due = history(&world).due;
    assert_eq!(due.get(&time(NEXT)), Some(&DueOutcome::Missed));
    assert_eq!(history(&world).missed(), 1);
    // A failed one is no recovery point.
    let mut request = a_run("orders");
    request.planned_at = time(NEXT);
    let mut late = copy_of(&request);
    late.status = SnapshotStatus::Failed;
    late.taken_at = Some(time("2026-11-23T12:00:00Z"));
    late.created_at = late.taken_at;
    world.put_snapshot(late.clone());
    rounds(&world, 1);
    assert_eq!(history(&world).missed(), 1);
    late.status = SnapshotStatus::Available;
    world.put_snapshot(late);
    rounds(&world, 1);
    assert!(
        made(history(&world).due.get(&time(NEXT)))
            .taken_at
            .is_some()
    );
}

fn apply(world: &World, policy: &str) {
    applied(world, &format!("[policy.default]\n{policy}\n"));
}

#[test]
fn nothing_was_missed_before_the_policy_had_its_due_times() {
    // At 10:05 it gets a due time at 05:00, and nobody could have started anything then.
    let other = world("", copies("orders", 3));
    select(&other);
    rounds(&other, 31);
    apply(&other, "schedule = \"0 5 * * *\"");
    rounds(&other, 5);
    let due = history(&other).due;
    assert_eq!(due.get(&time("2026-11-23T05:00:00Z")), None);
    // From then on it is judged.
    rounds(&other, 24);
    let due = history(&other).due;
    let next = due.get(&time("2026-11-24T05:00:00Z"));
    assert_eq!(next, Some(&DueOutcome::Missed));
    // While it was paused, nothing was due.
    let paused = world("", copies("orders", 3));
    apply(&paused, "schedule = \"0 3 * * *\"\npaused = true");
    select(&paused);
    rounds(&paused, 26);
    apply(&paused, "schedule = \"0 3 * * *\"");
    rounds(&paused, 8);
    assert_eq!(history(&paused).missed(), 0);
}

#[test]
fn a_round_that_is_killed_while_it_removes_has_kept_its_due_times() {
    let world = world("spread = \"0m\"\nkeep_last = 1", copies("orders", 20));
    select(&world);
    rounds(&world, 29);
    world.pass(SignedDuration::from_hours(1));
    let (shared, kept) = (world.clone(), Rc::new(RefCell::new(History::default())));
    let seen = kept.clone();
    world.meanwhile(Name::RegisterRemoval, move || {
        *seen.borrow_mut() = history(&shared);
    });
    try_round(&world, &config(), None).unwrap();
    let kept = kept.borrow();
    assert_eq!(kept.due.get(&time(NEXT)), Some(&DueOutcome::Missed));
}

/// As after a rollback: a later version has written it, and goes on with it when it comes back.
#[test]
fn a_history_that_this_version_cannot_read_whole_is_not_written_over() {
    let world = world("keep_last = 1", copies("orders", 5));
    let group = (region(SOURCE), orders().resource_id, a_run("orders").policy);
    let later = History {
        holds_more: true,
        ..History::default()
    };
    let histories = |world: &World| world.table().retention().histories.clone();
    world
        .table()
        .retention_mut()
        .histories
        .insert(group.clone(), later.clone());
    let report = rounds(&world, 24);
    assert_eq!(report.removed.len(), 1);
    assert_eq!(histories(&world).get(&group), Some(&later));
    assert!(!world.called().contains(&Name::StoreHistory));
}

#[test]
fn a_database_that_nobody_selects_misses_nothing() {
    let world = world("", copies("orders", 3));
    rounds(&world, 40);
    assert_eq!(history(&world).missed(), 0);
}

#[test]
fn nothing_is_called_missed_where_no_round_looked_for_three_hours() {
    let world = world("", copies("orders", 3));
    select(&world);
    rounds(&world, 29);
    // Somebody may have removed what was made in the meantime.
    world.pass(SignedDuration::from_hours(5));
    rounds(&world, 5);
    assert_eq!(history(&world).missed(), 0);
}

#[test]
fn a_due_time_at_which_rds_took_no_snapshot_is_not_now() {
    let world = world("", Vec::new());
    select(&world);
    let cursor = Cursor {
        until: time("2026-11-22T03:00:00Z"),
        kept: vec![Kept {
            database: orders(),
            why: KeptWhy::NotNow,
            due: time("2026-11-22T03:00:00Z"),
        }],
        spread: None,
    };
    let policy = a_run("orders").policy;
    run(world.set_plan_cursor(&policy, &region(SOURCE), &cursor)).unwrap();
    rounds(&world, 10);
    let due = history(&world).due;
    assert_eq!(due.get(&cursor.until), Some(&DueOutcome::NotNow));
    assert_eq!(due.len(), 1);
}

#[test]
fn a_history_that_cannot_be_kept_stops_no_removal() {
    let world = world("keep_last = 1", copies("orders", 5));
    rounds(&world, 23);
    world.pass(SignedDuration::from_hours(1));
    world.break_once(Name::ReadHistories);
    assert_eq!(try_round(&world, &config(), None).unwrap().removed.len(), 1);
}

#[test]
fn a_round_that_sees_nothing_new_stores_no_history() {
    let world = world("", copies("orders", 3));
    rounds(&world, 1);
    world.forget_calls();
    rounds(&world, 1);
    let names = world.called();
    assert!(!names.contains(&Name::StoreHistory));
    assert!(!names.contains(&Name::ReadEntered));
}

/// The histories add no write to it.
#[test]
fn what_settles_a_copy_writes_what_it_wrote_before_and_when_its_source_was_done() {
    let world = World::new();
    let (copy, source) = (copies("orders", 1).remove(0), a_run("orders"));
    let expected = Expectation::Copy(ExpectedCopy {
        source: copy.source.clone().unwrap(),
        key: source.key,
        engine: "postgres".to_owned(),
        size_gib: 100,
        taken_at: copy.taken_at,
    });
    let opened_at = time("2026-11-22T03:02:00Z");
    let command = command(Step::Copy, "t", "orders");
    let wait = Wait::new(copy.arn.clone(), command, expected, opened_at);
    let manifest = Manifest {
        step: Step::Copy,
        snapshot: copy.arn.clone(),
        source: copy.source.clone(),
        database: orders().arn,
        resource_id: orders().resource_id,
        engine: copy.engine.clone(),
        engine_version: copy.engine_version.clone(),
        size_gib: copy.size_gib,
        key: copy.key.clone(),
        taken_at: copy.taken_at,
    };
    world.store(wait.clone());
    world.forget_calls();
    let settled = run(succeed(&world, &wait, &manifest)).unwrap();
    assert_ne!(settled.settlement, Settlement::Failed);
    let expected = [
        Name::SendTaskSuccess,
        Name::RecordRecoveryPoint,
        Name::EnterCopy,
        Name::Forget,
    ];
    assert_eq!(world.called(), expected);
    let table = world.table();
    let entered = &table.retention().entered[&copy.arn];
    assert_eq!(entered.snapshot_done_at, Some(opened_at));
}

fn day(number: i64) -> Timestamp {
    time("2026-01-01T03:00:00Z") + SignedDuration::from_hours(24 * number)
}

fn full() -> History {
    let made = MadePoint {
        taken_at: Some(day(0)),
        snapshot_took: Some(SignedDuration::from_secs(86_399)),
        copy_took: Some(SignedDuration::from_secs(86_399)),
        removed: Some(RemovedPoint {
            at: day(99),
            why: Some("w".repeat(WHY_MAX)),
        }),
    };
    let due = (0..DUE_TIMES).map(|number| {
        let at = day(i64::try_from(number).unwrap());
        (at, DueOutcome::Made(made.clone()))
    });
    History {
        due: due.collect(),
        ..History::default()
    }
}

#[test]
fn a_history_holds_forty_due_times_and_drops_the_oldest() {
    let shown: BTreeMap<Timestamp, Option<MadePoint>> = (0..60)
        .map(|number| (day(number), Some(MadePoint::default())))
        .collect();
    let seen = Seen {
        shown: shown.clone(),
        ran_out: vec![day(60)],
        ..Seen::default()
    };
    let after = History::default().after(&seen, day(61));
    assert_eq!(after.due.len(), DUE_TIMES);
    assert_eq!(after.due.first_key_value().unwrap().0, &day(21));
    assert_eq!(after.due.get(&day(60)), Some(&DueOutcome::Missed));
    // What it has dropped is nothing new to it.
    assert_eq!(after.unknown(shown.keys()), Vec::<&Timestamp>::new());
    assert_eq!(after.after(&seen, day(62)), after);
}

#[test]
fn a_long_reason_is_kept_in_whole_words_with_a_sign_that_there_was_more() {
    let kept = |why: &str| {
        let made = Seen {
            shown: BTreeMap::from([(day(0), Some(MadePoint::default()))]),
            removed: BTreeMap::from([(day(0), why.to_owned())]),
            ..Seen::default()
        };
        match &History::default().after(&made, day(1)).due[&day(0)] {
            DueOutcome::Made(made) => made.removed.clone().unwrap().why.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let fits = "x".repeat(WHY_MAX);
    assert_eq!(kept(&fits), fits);
    assert_eq!(
        kept("the database is gone, and its policy says so"),
        "the database is gone, and its…"
    );
    assert_eq!(
        kept("one two three four five six, seve nth"),
        "one two three four five six…"
    );
    let one_word = kept(&"é".repeat(40));
    assert_eq!(one_word.chars().count(), WHY_MAX);
    assert!(one_word.ends_with("é…"), "{one_word}");
}

#[test]
fn a_history_is_read_as_it_was_written_and_stays_small() {
    let mut history = full();
    assert!(json::history::write(&history).len() < 5_000);
    history.due.insert(day(3), DueOutcome::Missed);
    history.due.insert(day(4), DueOutcome::NotNow);
    history
        .due
        .insert(day(5), DueOutcome::Made(MadePoint::default()));
    let read = json::history::read(&json::history::write(&history)).unwrap();
    assert_eq!(read, history);
}

#[test]
fn a_damaged_history_is_no_history_and_a_word_of_later_times_costs_its_own_due_time() {
    for damaged in [
        "",
        "[]",
        "{}",
        "{\"schema\":1}",
        "{\"schema\":2,\"due\":[]}",
    ] {
        assert!(json::history::read(damaged).is_err(), "{damaged}");
    }
    let text = "{\"schema\":1,\"due\":[{\"d\":1767236400,\"o\":\"shared\"},{\"d\":1767322800,\"o\":\"missed\"},\
                {\"d\":9223372036854775807,\"o\":\"missed\"}]}";
    let read = json::history::read(text).unwrap();
    assert_eq!(read.due.len(), 1);
    assert!(read.holds_more);
    assert_eq!(read.missed(), 1);
}

#[test]
fn the_strip_says_by_the_history_what_rds_no_longer_shows() {
    let due: Vec<Timestamp> = (0..6).map(day).collect();
    let went = |why: Option<&str>| {
        DueOutcome::Made(MadePoint {
            removed: Some(RemovedPoint {
                at: day(6),
                why: why.map(ToOwned::to_owned),
            }),
            ..MadePoint::default()
        })
    };
    let history = History {
        due: BTreeMap::from([
            (day(0), went(Some("no rule keeps it"))),
            (day(1), went(None)),
            (day(2), DueOutcome::Missed),
            (day(3), DueOutcome::NotNow),
            (day(4), DueOutcome::Missed),
        ]),
        ..History::default()
    };
    let taken = [day(4).as_second() + 60];
    let marks = |history: &History, taken: Option<&[i64]>| -> Vec<Mark> {
        let strip = strip(&due, SignedDuration::ZERO, taken, history, day(7));
        strip.iter().map(|due| due.mark).collect()
    };
    let expected = [
        Mark::Pruned,
        Mark::Absent,
        Mark::Missed,
        Mark::NotNow,
        // RDS shows it: the history is an hour old.
        Mark::Made,
        Mark::Absent,
    ];
    assert_eq!(marks(&history, Some(&taken)), expected);
    assert_eq!(marks(&history, None), [Mark::Unread; 6]);
    let without = marks(&History::default(), Some(&taken));
    assert_eq!(without[..4], [Mark::Before; 4]);
}
