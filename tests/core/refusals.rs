//! The memory of the permanent: what RDS has refused permanently costs no snapshot every night.

use jiff::SignedDuration;
use snapferry::app::plan_preview::{Verdict, preview};
use snapferry::app::planner::{Outcome, Planned, When, plan};
use snapferry::app::react::react;
use snapferry::app::worker::{CommandOutcome, work};
use snapferry::domain::id::names::{Attempt, OptionGroup};
use snapferry::domain::limits::TROUBLE_MAX;
use snapferry::domain::policy::overdue::{Overdue, overdue};
use snapferry::domain::rds::copy_facts::StorageEncryption;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::run::command::{Command, ProtectionRequest, Step};
use snapferry::domain::run::failure::{Operation, Owner, Reason};
use snapferry::domain::run::fingerprint::Fingerprint;
use snapferry::domain::run::naming;
use snapferry::domain::run::refusal::{RefusalStatus, RefusedForGood};
use snapferry::ports::ExecutionState;

use crate::planner::{listed, planning};
use crate::world::{
    Fixture, Name, SOURCE, Token, World, a_run, command, copy_arn, execution_arn, ours, region,
    rules, run, snapshot_arn, time, worker_config,
};

const TAGGED: &[(&str, &str)] = &[("snapferry:policy", "default")];
const WORDS: &str = "This snapshot cannot be copied to another region.";
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn world() -> World {
    let world = World::new().with_token("token-1", Token::Alive);
    world.rds().databases.push(listed("orders", TAGGED));
    world
}

fn tick(world: &World, when: When) -> Planned {
    run(plan(world, &planning(&[]), when)).unwrap().remove(0)
}

fn outcome(world: &World, when: When) -> Outcome {
    let mut planned = tick(world, when);
    assert_eq!(planned.rows.len(), 1, "{planned:?}");
    planned.rows.remove(0).outcome
}

/// The command of the execution that holds the claim.
fn claimed(world: &World, command: Command) -> Command {
    let run = &command.run;
    let open = {
        let table = world.table();
        let entry = table.entry(&run.database.resource_id, &run.policy);
        entry.and_then(|entry| entry.open.clone())
    };
    let first = || naming::execution(&rules().stack, run, Attempt::FIRST);
    let execution = execution_arn(open.unwrap_or_else(first).as_str());
    let command = Command {
        execution,
        ..command
    };
    world.permit(&command);
    command
}

fn of_run(step: Step, the_run: ProtectionRequest) -> Command {
    Command {
        run: the_run,
        ..command(step, "token-1", "orders")
    }
}

/// Plans, takes the snapshot, and has RDS answer the request with this code.
fn run_that_is_answered(world: &World, step: Step, code: &'static str, words: &'static str) {
    tick(world, When::Due);
    let the_run = world.runs().pop().unwrap();
    let operation = match step {
        Step::Snapshot => Operation::CreateDbSnapshot,
        Step::Copy => {
            let arn = snapshot_arn(&the_run, 1);
            world.put_snapshot(ours(&arn, &the_run, SnapshotStatus::Available));
            Operation::CopyDbSnapshot
        }
    };
    world.script(operation, Some(code), words);
    let name = naming::execution(&rules().stack, &the_run, Attempt::FIRST);
    let command = claimed(world, of_run(step, the_run));
    let _ = run(work(world, &worker_config(), &command, 1));
    world.set_execution(&name, ExecutionState::Failed);
}

fn refuse_the_copy(world: &World) {
    run_that_is_answered(world, Step::Copy, "InvalidParameterValue", WORDS);
}

fn remembered(world: &World) -> Option<RefusedForGood> {
    let entry = world.entry(&a_run("orders").database.resource_id);
    entry.and_then(|entry| entry.refused)
}

#[test]
fn a_copy_that_is_refused_for_good_takes_no_snapshot_on_the_following_nights() {
    let world = world();
    refuse_the_copy(&world);
    let refusal = remembered(&world).unwrap();
    assert!(refusal.words.contains(WORDS), "{}", refusal.words);
    assert!(
        refusal.words.contains("CopyDBSnapshot"),
        "{}",
        refusal.words
    );
    assert_eq!(refusal.source, Some(snapshot_arn(&a_run("orders"), 1)));
    for _ in 0..6 {
        world.pass(DAY);
        assert_eq!(
            outcome(&world, When::Due),
            Outcome::Remembered(refusal.clone())
        );
        assert_eq!(
            outcome(&world, When::Again),
            Outcome::Remembered(refusal.clone())
        );
    }
    assert_eq!(world.executions().len(), 1);
    let planned = tick(&world, When::Again);
    assert_eq!(planned.left_out(), "tried-and-refused 1");
    assert!(planned.is_complete());
}

#[test]
fn once_a_week_the_snapshot_that_there_is_is_copied_once_more() {
    let world = world();
    refuse_the_copy(&world);
    world.pass(DAY * 7);
    let the_run = a_run("orders");
    let again = naming::execution(&rules().stack, &the_run, Attempt::all().nth(1).unwrap());
    assert_eq!(outcome(&world, When::Due), Outcome::Started(again.clone()));
    let retried = world.runs().pop().unwrap();
    assert_eq!(retried.planned_at, the_run.planned_at);
    // RDS has the snapshot, so the first step takes none.
    let taken = world.calls_of("CreateDBSnapshot");
    world.set_token("token-1", Token::Alive);
    world.script(
        Operation::CreateDbSnapshot,
        Some("DBSnapshotAlreadyExists"),
        "",
    );
    let first = claimed(&world, of_run(Step::Snapshot, retried.clone()));
    let settled = run(work(&world, &worker_config(), &first, 1)).unwrap();
    assert!(matches!(settled, CommandOutcome::Settled(_)), "{settled:?}");
    assert_eq!(world.calls_of("CreateDBSnapshot"), taken + 1);
    // It is refused again, and another week passes.
    world.set_token("token-1", Token::Alive);
    world.script(
        Operation::CopyDbSnapshot,
        Some("InvalidParameterValue"),
        WORDS,
    );
    let copy = claimed(&world, of_run(Step::Copy, retried));
    let _ = run(work(&world, &worker_config(), &copy, 1));
    world.set_execution(&again, ExecutionState::Failed);
    assert_eq!(remembered(&world).unwrap().at, world.clock());
    world.pass(DAY);
    assert!(matches!(outcome(&world, When::Due), Outcome::Remembered(_)));
}

#[test]
fn without_a_snapshot_that_could_be_copied_the_weekly_try_is_a_run_as_usual() {
    for step in [Step::Copy, Step::Snapshot] {
        let world = world();
        run_that_is_answered(&world, step, "UnsupportedOperation", WORDS);
        world.rds().snapshots.clear();
        world.pass(DAY * 7);
        assert!(matches!(outcome(&world, When::Due), Outcome::Started(_)));
        let planned_at = world.runs().pop().unwrap().planned_at;
        assert_eq!(planned_at, time("2026-11-29T03:00:00Z"), "{step:?}");
    }
}

#[test]
fn a_refusal_lapses_once_something_of_its_fingerprint_has_changed() {
    type Change = fn(&World);
    let changes: [Change; 4] = [
        |world| world.rds().databases[0].engine = "mysql".to_owned(),
        |world| {
            let version = Some("17.3".to_owned());
            world.rds().databases[0].copy_facts.engine_version = version;
        },
        |world| {
            let encrypted = StorageEncryption::Kms;
            world.rds().databases[0].copy_facts.encryption = encrypted;
        },
        |world| {
            let group = OptionGroup::parse("audited").ok();
            world.rds().databases[0].option_group = group;
        },
    ];
    for change in changes {
        let world = world();
        refuse_the_copy(&world);
        world.pass(DAY);
        change(&world);
        assert!(matches!(outcome(&world, When::Due), Outcome::Started(_)));
        let planned_at = world.runs().pop().unwrap().planned_at;
        assert_eq!(planned_at, time("2026-11-23T03:00:00Z"));
    }
    let world = world();
    refuse_the_copy(&world);
    world.pass(DAY);
    let other_key = crate::world::OTHER_KEY;
    let planning = planning(&[("SNAPFERRY_KMS_KEY", other_key)]);
    let planned = run(plan(&world, &planning, When::Due)).unwrap().remove(0);
    assert_eq!(planned.started(), 1);
}

#[test]
fn only_what_the_table_of_errors_marks_permanent_by_rdss_words_is_remembered() {
    for (step, code) in [
        (Step::Copy, "SomethingNew"),
        (Step::Copy, "AccessDenied"),
        (Step::Copy, "OptionGroupNotFoundFault"),
        (Step::Copy, "Throttling"),
        (Step::Copy, "DBSnapshotNotFound"),
        (Step::Snapshot, "DBInstanceNotFound"),
        (Step::Snapshot, "InvalidDBInstanceState"),
        (Step::Snapshot, "SnapshotQuotaExceeded"),
    ] {
        let world = world();
        run_that_is_answered(&world, step, code, "words");
        assert_eq!(remembered(&world), None, "{code}");
    }
    let permanent = Reason::ALL.iter().map(|reason| Owner::Permanent(*reason));
    let for_good: Vec<Owner> = permanent.filter(|owner| owner.is_for_good()).collect();
    assert_eq!(for_good, [Owner::Permanent(Reason::Unsupported)]);
    assert!(!Owner::Transient.is_for_good());
}

#[test]
fn a_mismatch_of_ours_is_never_remembered() {
    let world = world();
    tick(&world, When::Due);
    let the_run = world.runs().pop().unwrap();
    world.put_snapshot(ours(
        &snapshot_arn(&the_run, 1),
        &the_run,
        SnapshotStatus::Available,
    ));
    let mut wrong = ours(&copy_arn(&the_run, 1), &the_run, SnapshotStatus::Available);
    wrong.engine = "mysql".to_owned();
    world.put_snapshot(wrong);
    world.script(
        Operation::CopyDbSnapshot,
        Some("DBSnapshotAlreadyExists"),
        "",
    );
    let copy = claimed(&world, of_run(Step::Copy, the_run));
    let _ = run(work(&world, &worker_config(), &copy, 1));
    assert_eq!(world.answers().len(), 1, "its execution has failed");
    assert_eq!(remembered(&world), None);
}

#[test]
fn the_refusal_is_remembered_before_the_execution_hears_of_it() {
    let world = world();
    refuse_the_copy(&world);
    let called = world.called();
    let at = |name| called.iter().position(|call| *call == name).unwrap();
    assert!(at(Name::RememberRefusal) < at(Name::SendTaskFailure));

    let world = self::world();
    world.break_once(Name::RememberRefusal);
    refuse_the_copy(&world);
    assert_eq!(world.answers(), [], "the command comes again");
}

#[test]
fn start_retry_refused_forgets_the_refusal_and_starts_that_database_alone() {
    let world = world();
    refuse_the_copy(&world);
    world.rds().databases.push(listed("stock", TAGGED));
    world.pass(DAY);
    let planned = tick(&world, When::RetryRefused);
    assert_eq!(planned.rows.len(), 1);
    assert!(matches!(planned.rows[0].outcome, Outcome::Started(_)));
    assert_eq!(remembered(&world), None);
    let planned_at = world.runs().pop().unwrap().planned_at;
    assert_eq!(planned_at, time("2026-11-23T03:00:00Z"));
    // The others are still due.
    tick(&world, When::Due);
    assert_eq!(world.executions().len(), 3);
}

#[test]
fn a_refusal_that_cannot_be_forgotten_starts_nothing() {
    let world = world();
    refuse_the_copy(&world);
    world.pass(DAY);
    world.break_once(Name::ForgetRefusal);
    assert!(matches!(
        outcome(&world, When::RetryRefused),
        Outcome::Failed(_)
    ));
    assert_eq!(world.executions().len(), 1);
}

#[test]
fn a_catalog_that_cannot_be_read_starts_nothing_and_the_region_is_listed_again() {
    let world = world();
    world.break_once(Name::ReadEntries);
    let planned = tick(&world, When::Due);
    assert!(planned.error.is_some() && planned.rows.is_empty());
    assert!(world.nothing_is_planned());
    assert_eq!(tick(&world, When::Due).started(), 1);
}

#[test]
fn the_plan_shows_what_was_tried_and_refused() {
    let world = world();
    refuse_the_copy(&world);
    world.pass(DAY);
    let shown = || {
        let regions = [region(SOURCE)];
        run(preview(&world, &planning(&[]), &regions))
            .unwrap()
            .rows
            .remove(0)
    };
    let Verdict::Remembered(policy, refusal) = shown().verdict else {
        panic!("{:?}", shown())
    };
    assert_eq!(
        (policy.as_str(), Some(refusal)),
        ("default", remembered(&world))
    );
    world.pass(DAY * 6);
    assert!(matches!(shown().verdict, Verdict::Selected { .. }));
}

#[test]
fn what_was_refused_for_good_counts_as_overdue_at_once() {
    let refusal = a_refusal("words");
    let hour = Some(SignedDuration::from_hours(1));
    let day = Some(DAY);
    let refused = Some(Overdue::RefusedForGood(&refusal));
    assert_eq!(overdue(hour, day, Some(&refusal)), refused);
    assert_eq!(overdue(None, None, Some(&refusal)), refused);
    assert_eq!(overdue(day, hour, None), Some(Overdue::TooOld));
    assert_eq!(overdue(hour, hour, None), None);
    assert_eq!(overdue(None, hour, None), None);
}

fn a_refusal(words: &str) -> RefusedForGood {
    RefusedForGood {
        at: time("2026-11-22T03:10:00Z"),
        words: words.to_owned(),
        fingerprint: Fingerprint::of(&["17.2"]),
        planned_at: time("2026-11-22T03:00:00Z"),
        source: None,
    }
}

#[test]
fn the_memory_is_bounded_and_a_run_without_a_fingerprint_holds_nothing_back() {
    let long = a_refusal(&"é".repeat(5_000)).bounded();
    assert_eq!(long.words.chars().count(), TROUBLE_MAX);
    let now = time("2026-11-23T03:00:00Z");
    assert_eq!(long.status(None, now), RefusalStatus::Lapsed);
    let same = long.fingerprint.clone();
    let until = time("2026-11-29T03:10:00Z");
    assert_eq!(long.status(Some(&same), now), RefusalStatus::Holds(until));
    assert_eq!(long.status(Some(&same), until), RefusalStatus::TryAgain);
    let text = snapferry::json::refusal::write(&long);
    assert_eq!(snapferry::json::refusal::read(&text).unwrap(), long);
}

#[test]
fn with_automated_sources_a_refusal_stops_the_copy_and_nothing_else() {
    let (world, hint) = crate::automated::hinted_world();
    let react_to = || {
        let records = vec![crate::world::record("m-0", hint.clone(), 1)];
        let (reactor, backoff) = (crate::world::reactor_config(), crate::world::backoff());
        assert_eq!(
            run(react(&world, &reactor, &backoff, records)),
            Vec::<String>::new()
        );
    };
    react_to();
    let the_run = world.runs().pop().unwrap();
    world.set_token("token-1", Token::Alive);
    world.script(
        Operation::CopyDbSnapshot,
        Some("InvalidParameterValue"),
        WORDS,
    );
    let copy = claimed(&world, of_run(Step::Copy, the_run.clone()));
    let _ = run(work(&world, &worker_config(), &copy, 1));
    let name = naming::execution(&rules().stack, &the_run, Attempt::FIRST);
    world.set_execution(&name, ExecutionState::Failed);
    world.end_all_runs();
    react_to();
    let planned = run(plan(&world, &planning(&[]), When::Due)).unwrap();
    let rows = planned.iter().flat_map(|planned| &planned.rows);
    let tried = rows.filter(|row| matches!(row.outcome, Outcome::Remembered(_)));
    assert_eq!(tried.count(), 1);
    assert_eq!(world.executions().len(), 1);
    assert_eq!(world.calls_of("CreateDBSnapshot"), 0);
    // A week later its usual run is the try.
    world.pass(DAY * 7);
    let planned = run(plan(&world, &planning(&[]), When::Due)).unwrap();
    assert_eq!(planned.iter().map(Planned::started).sum::<usize>(), 1);
}
