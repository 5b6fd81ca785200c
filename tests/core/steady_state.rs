//! What the policies keep must fit into the quotas of manual snapshots.

use std::collections::BTreeMap;

use snapferry::app::policies::{ApplyError, Outcome, apply_within_quota};
use snapferry::app::steady_state::QuotaScope;
use snapferry::domain::doctor::Level;
use snapferry::domain::doctor::capacity::{SnapshotQuota, kept_within_quota};
use snapferry::domain::id::arn::Family;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::in_force::{Policies, Policy};
use snapferry::domain::retention::steady_state::{SteadyState, of_each_database};
use snapferry::domain::run::failure::Operation;
use snapferry::ports::ReadPolicies;

use crate::planner::{listed, planning};
use crate::policies::applied;
use crate::prune_preview::copy_of;
use crate::world::{Fixture, HOME, World, a_run, region, run, time};

const NOW: &str = "2026-11-22T03:05:00Z";

fn policy(text: &str) -> Policy {
    let world = World::new();
    let set = applied(&world, &format!("[policy.default]\n{text}")).set;
    let policies = set.policies(&planning(&[]).key);
    policies.all.into_iter().next().unwrap()
}

fn each(text: &str) -> Option<usize> {
    of_each_database(&policy(text), time(NOW))
}

#[test]
fn a_database_has_what_is_kept_what_waits_for_its_grace_and_one_that_is_made() {
    // Two due times lie in the last 25 hours.
    let daily = "schedule = \"0 3 * * *\"\nkeep_daily = 7";
    assert_eq!(each(daily), Some(7 + 2 + 1));
    let hourly = "schedule = \"0 * * * *\"\nretention = \"2d\"";
    assert_eq!(each(hourly), Some(48 + 25 + 1));
    let long = "schedule = \"0 3 * * *\"\nkeep_daily = 7\nkeep_monthly = 12";
    assert_eq!(each(long), Some(7 + 11 + 2 + 1));
}

#[test]
fn what_keeps_everything_has_no_steady_state() {
    assert_eq!(each("schedule = \"0 3 * * *\""), None);
    let all = "schedule = \"0 3 * * *\"\nkeep_daily = 7\nkeep_yearly = \"all\"";
    assert_eq!(each(all), None);
    let mut old = policy("schedule = \"0 3 * * *\"\nkeep_daily = 7");
    old.options.retention.shown_only = true;
    assert_eq!(of_each_database(&old, time(NOW)), None);
}

const DAILY: &str = "[policy.default]\nschedule = \"0 3 * * *\"\nkeep_daily = 7\n";

fn with_quota(max: i64) -> World {
    let world = World::new();
    world.rds().quotas = BTreeMap::from([(Family::Instance, SnapshotQuota { used: 0, max })]);
    for number in 0..12 {
        let database = listed(&format!("db{number}"), &[("snapferry:policy", "default")]);
        world.rds().databases.push(database);
    }
    world
}

fn try_apply(world: &World) -> Result<Outcome, ApplyError> {
    let planning = planning(&[]);
    let scope = QuotaScope {
        stack: &planning.stack.rules.stack,
        home: &planning.stack.home,
        source_regions: &planning.source_regions,
        key: &planning.key,
        built_in: &planning.policies,
    };
    run(apply_within_quota(
        world,
        &region(HOME),
        DAILY,
        None,
        Some(scope),
    ))
}

#[test]
fn a_set_that_keeps_more_than_the_quota_is_refused() {
    // M2: a steady state above the quota is refused, by policy apply and by the doctor.
    let world = with_quota(119);
    let refused = try_apply(&world).unwrap_err();
    let ApplyError::AboveQuota(above) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        above.as_slice(),
        [
            "120 manual snapshots are there at a time, and the quota is 119: 10 of each of 12 databases by default"
        ]
    );
    assert_eq!(run(world.current_policies()).unwrap(), None);
    let world = with_quota(120);
    assert!(matches!(
        try_apply(&world),
        Ok(Outcome::Stored {
            quota_unchecked: None,
            ..
        })
    ));
}

#[test]
fn other_peoples_snapshots_and_those_of_databases_that_are_gone_take_their_room() {
    let world = with_quota(120);
    let run_of = |name: &str| a_run(name);
    // Of a database that is selected: it is among those that are kept.
    let kept = copy_of(&run_of("db3"));
    world.operator().manual_snapshots.push(kept);
    assert!(try_apply(&world).is_ok());
    let world = with_quota(120);
    let gone = copy_of(&run_of("gone"));
    world.operator().manual_snapshots.push(gone);
    let refused = try_apply(&world).unwrap_err();
    assert!(refused.to_string().contains("1 others"), "{refused}");
}

#[test]
fn a_set_is_stored_where_rds_does_not_say_what_is_there() {
    let world = with_quota(10);
    let operation = Operation::describe_databases(Family::Instance);
    world.script(operation, Some("AccessDenied"), "no");
    let Ok(Outcome::Stored {
        quota_unchecked: Some(why),
        ..
    }) = try_apply(&world)
    else {
        panic!("it was to be stored");
    };
    assert!(why.contains("AccessDenied"), "{why}");
}

fn finding(text: &str, databases: usize, max: i64) -> (Level, String) {
    let policies = Policies {
        all: vec![policy(text)],
        ..Policies::default()
    };
    let name = PolicyName::parse("default").unwrap();
    let databases = BTreeMap::from([(name, databases)]);
    let state = SteadyState::of(&policies, Family::Instance, &databases, 5, time(NOW));
    let found = kept_within_quota(&region(HOME), &state, SnapshotQuota { used: 40, max });
    (found.level, found.what)
}

#[test]
fn the_doctor_fails_above_the_quota_and_warns_with_the_days_to_full_where_all_is_kept() {
    // M2
    let daily = "schedule = \"0 3 * * *\"\nkeep_daily = 7";
    let (level, what) = finding(daily, 12, 100);
    assert_eq!(level, Level::Failure, "{what}");
    assert!(what.contains("125 manual snapshots"), "{what}");
    let (level, what) = finding(daily, 9, 100);
    assert_eq!(level, Level::Ok, "{what}");
    let (level, what) = finding("schedule = \"0 3 * * *\"", 12, 100);
    assert_eq!(level, Level::Warning, "{what}");
    assert_eq!(
        what,
        "default keeps every recovery point; 40 of 100 manual snapshots are there, and it is full in about 5 days"
    );
}
