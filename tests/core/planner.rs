//! The planner: due times, selection by tags, single flight, names that are used up.

use jiff::SignedDuration;
use snapferry::app::planner::{Outcome, Planned, When, plan};
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::names::{Attempt, ExecutionName, ResourceId};
use snapferry::domain::id::tags::Tags;
use snapferry::domain::policy::choice::ExclusionReason;
use snapferry::domain::rds::copy_facts::CopyFacts;
use snapferry::domain::rds::database::Database;
use snapferry::domain::restore::configuration::Captured;
use snapferry::domain::run::naming;
use snapferry::ports::{ClaimRun as _, ExecutionState};
use snapferry::settings::{Planning, Variables};

use crate::world::{
    Fixture, HOME, KEY, Name, SOURCE, World, a_run, database, region, rules, run, time,
};

pub(crate) fn planning(extra: &[(&str, &str)]) -> Planning {
    let state_machine = format!("arn:aws:states:{HOME}:111122223333:stateMachine:protect");
    let mut pairs = vec![
        ("SNAPFERRY_STACK_ID", "prod"),
        ("AWS_REGION", HOME),
        ("SNAPFERRY_TABLE", "table"),
        ("SNAPFERRY_SOURCE_REGIONS", SOURCE),
        ("SNAPFERRY_STATE_MACHINE_ARN", &state_machine),
        ("SNAPFERRY_KMS_KEY", KEY),
        ("SNAPFERRY_FIRST_RUN", "now"),
    ];
    pairs.extend_from_slice(extra);
    let pairs = pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Planning::from_variables(Variables::new(pairs)).unwrap()
}

pub(crate) fn listed(name: &str, tags: &[(&str, &str)]) -> Database {
    Database {
        arn: database(name),
        resource_id: ResourceId::parse(&format!("db-{}", name.to_uppercase())).unwrap(),
        member_of: None,
        engine: "postgres".to_owned(),
        option_group: None,
        copy_facts: CopyFacts::default(),
        multi_az: Some(true),
        backup_retention_days: Some(7),
        status: "available".to_owned(),
        tags: tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        captured: Captured::default(),
    }
}

const TAGGED: &[(&str, &str)] = &[("snapferry:policy", "default")];

fn world_with(names: &[&str]) -> World {
    let world = World::new();
    world
        .rds()
        .databases
        .extend(names.iter().map(|name| listed(name, TAGGED)));
    world
}

fn do_plan(world: &World, when: When) -> Planned {
    let mut planned = run(plan(world, &planning(&[]), when)).unwrap();
    assert_eq!(planned.len(), 1);
    planned.remove(0)
}

fn outcomes(planned: &Planned) -> Vec<&Outcome> {
    planned.rows.iter().map(|row| &row.outcome).collect()
}

fn name_of(database: &str, attempt: usize) -> ExecutionName {
    naming::execution(
        &rules().stack,
        &a_run(database),
        Attempt::all().nth(attempt - 1).unwrap(),
    )
}

#[test]
fn every_due_database_of_every_page_gets_one_execution() {
    let world = world_with(&["a", "b", "c", "d", "e"]);
    let planned = do_plan(&world, When::Due);
    assert_eq!(planned.due, Some(time("2026-11-22T03:00:00Z")));
    assert_eq!(planned.rows.len(), 5);
    assert_eq!(world.executions().len(), 5);
    assert!(world.executions().contains_key(&name_of("a", 1)));
}

#[test]
fn a_due_time_is_planned_once_and_an_outage_is_made_up_for_once() {
    let world = world_with(&["a"]);
    do_plan(&world, When::Due);
    assert_eq!(do_plan(&world, When::Due).due, None);
    world.set_execution(&name_of("a", 1), ExecutionState::Succeeded);
    world.pass(SignedDuration::from_hours(24 * 5));
    assert_eq!(
        do_plan(&world, When::Due).due,
        Some(time("2026-11-27T03:00:00Z"))
    );
    assert_eq!(do_plan(&world, When::Due).due, None);
    assert_eq!(world.executions().len(), 2);
}

#[test]
fn a_run_that_is_still_going_is_reported_and_not_doubled() {
    let world = world_with(&["a"]);
    do_plan(&world, When::Due);
    world.pass(SignedDuration::from_hours(24));
    let planned = do_plan(&world, When::Due);
    assert_eq!(
        outcomes(&planned),
        [&Outcome::StillRunning(name_of("a", 1))]
    );
    assert_eq!(world.executions().len(), 1);
}

#[test]
fn an_execution_that_ended_while_nobody_looked_gives_up_its_place() {
    for ended in [
        ExecutionState::Failed,
        ExecutionState::Succeeded,
        ExecutionState::Unknown,
    ] {
        let world = world_with(&["a"]);
        do_plan(&world, When::Due);
        world.set_execution(&name_of("a", 1), ended);
        world.pass(SignedDuration::from_hours(24));
        let planned = do_plan(&world, When::Due);
        assert!(
            matches!(outcomes(&planned)[..], [Outcome::Started(_)]),
            "{ended:?}: {planned:?}"
        );
    }
}

#[test]
fn a_claim_whose_execution_is_not_known_yet_keeps_its_place_for_as_long_as_a_function_may_run() {
    let world = world_with(&["a"]);
    // Another planner, run by hand, has made the claim for the day before and is about to start the execution.
    let claimed = ExecutionName::parse("sf-a-of-the-day-before").unwrap();
    run(world.claim_run(&a_run("a"), &claimed, world.clock(), None)).unwrap();
    world.pass(SignedDuration::from_mins(14));
    let planned = do_plan(&world, When::Due);
    let [Outcome::Failed(why)] = outcomes(&planned)[..] else {
        panic!("{planned:?}");
    };
    assert!(why.contains(claimed.as_str()), "{why}");
    assert!(world.executions().is_empty());
    // It never did, and still the due time is not lost.
    world.pass(SignedDuration::from_mins(5));
    let planned = do_plan(&world, When::Due);
    assert_eq!(outcomes(&planned), [&Outcome::Started(name_of("a", 1))]);
}

#[test]
fn a_failed_execution_is_started_again_under_the_next_suffix_and_a_good_one_is_not() {
    let world = world_with(&["bad", "good"]);
    do_plan(&world, When::Due);
    world.set_execution(&name_of("bad", 1), ExecutionState::Failed);
    world.set_execution(&name_of("good", 1), ExecutionState::Succeeded);
    world.end_run("good");
    let planned = do_plan(&world, When::Again);
    assert_eq!(
        outcomes(&planned),
        [
            &Outcome::Started(name_of("bad", 2)),
            &Outcome::Done(name_of("good", 1))
        ]
    );
}

#[test]
fn a_start_that_finds_nothing_to_do_leaves_no_run_in_progress() {
    let world = world_with(&["bad", "good"]);
    for attempt in 1..=9 {
        world.set_execution(&name_of("bad", attempt), ExecutionState::Failed);
    }
    world.set_execution(&name_of("good", 1), ExecutionState::Succeeded);
    do_plan(&world, When::Again);
    for name in ["bad", "good"] {
        let entry = world.entry(&a_run(name).database.resource_id);
        assert_eq!(entry.and_then(|entry| entry.open), None, "{name}");
    }
}

#[test]
fn suffixes_of_executions_are_bounded() {
    let world = world_with(&["bad"]);
    for attempt in 1..=9 {
        world.set_execution(&name_of("bad", attempt), ExecutionState::Failed);
    }
    let planned = do_plan(&world, When::Due);
    assert!(
        matches!(outcomes(&planned)[..], [Outcome::Failed(_)]),
        "{planned:?}"
    );
}

#[test]
fn tags_select_and_exclusion_wins() {
    let world = World::new();
    let excluded = listed(
        "excluded",
        &[
            ("snapferry:policy", "default"),
            ("snapferry:exclude", "true"),
        ],
    );
    let mut member = listed("member", TAGGED);
    member.member_of = Some("cluster-1".to_owned());
    let plain = Database {
        tags: Tags::new(),
        ..listed("plain", &[])
    };
    let other = listed("other", &[("snapferry:policy", "gold")]);
    world
        .rds()
        .databases
        .extend([excluded, member, plain, other, listed("tagged", TAGGED)]);
    let planned = do_plan(&world, When::Due);
    assert_eq!(
        outcomes(&planned),
        [
            &Outcome::Excluded(ExclusionReason::Excluded),
            &Outcome::Excluded(ExclusionReason::TaggedMember("cluster-1".to_owned())),
            &Outcome::Excluded(ExclusionReason::NotTagged),
            &Outcome::Excluded(ExclusionReason::UnknownPolicy("gold".to_owned())),
            &Outcome::Started(name_of("tagged", 1)),
        ]
    );
}

#[test]
fn the_selection_all_takes_untagged_databases_too_but_never_excluded_ones() {
    let world = World::new();
    world.rds().databases.extend([
        listed("plain", &[]),
        listed("no", &[("snapferry:exclude", "")]),
    ]);
    let planned = run(plan(
        &world,
        &planning(&[("SNAPFERRY_SELECTION", "all")]),
        When::Due,
    ))
    .unwrap()
    .remove(0);
    assert!(matches!(
        outcomes(&planned)[..],
        [
            Outcome::Started(_),
            Outcome::Excluded(ExclusionReason::Excluded)
        ]
    ));
}

#[test]
fn one_regions_failure_fails_only_its_rows_and_it_is_tried_again() {
    let world = world_with(&["a"]);
    world.hook().down.borrow_mut().insert(region("us-east-1"));
    let regions = format!("us-east-1,{SOURCE}");
    let planning = planning(&[("SNAPFERRY_SOURCE_REGIONS", &regions)]);
    let planned = run(plan(&world, &planning, When::Due)).unwrap();
    assert!(planned[0].error.is_some() && planned[1].is_complete());
    assert_eq!(world.executions().len(), 1);
    world.hook().down.borrow_mut().clear();
    let planned = run(plan(&world, &planning, When::Due)).unwrap();
    assert!(
        planned[0].due.is_some() && planned[0].is_complete(),
        "the region that was down is due still"
    );
    assert_eq!(planned[1].due, None);
}

#[test]
fn a_start_that_did_not_come_through_is_made_up_for() {
    let world = world_with(&["a", "b"]);
    world.break_once(Name::StartExecution);
    assert!(!do_plan(&world, When::Due).is_complete());
    let planned = do_plan(&world, When::Due);
    assert!(planned.is_complete());
    assert_eq!(world.executions().len(), 2);
}

#[test]
fn an_operators_time_is_planned_without_moving_the_schedule() {
    let world = world_with(&["a"]);
    let at = time("2026-11-22T03:04:00Z");
    let planned = do_plan(&world, When::At(at));
    assert_eq!(planned.due, Some(at));
    assert!(world.nothing_is_planned());
}

#[test]
fn a_database_of_govcloud_is_started_because_every_copy_has_a_presigned_url() {
    let world = world_with(&[]);
    let arn = "arn:aws-us-gov:rds:us-gov-west-1:111122223333:db:public";
    let public = Database {
        arn: RdsArn::parse(arn).unwrap(),
        ..listed("public", TAGGED)
    };
    world.rds().databases.push(public);
    let planned = run(plan(
        &world,
        &planning(&[("SNAPFERRY_SOURCE_REGIONS", "us-gov-west-1")]),
        When::Due,
    ))
    .unwrap();
    assert!(matches!(outcomes(&planned[0])[..], [Outcome::Started(_)]));
    assert_eq!(world.calls_of("StartExecution"), 1);
}
