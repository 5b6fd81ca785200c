//! First runs and catching up: a due time that is over is not made up for at any hour.

use jiff::SignedDuration;
use snapferry::app::plan_preview::{Verdict, preview};
use snapferry::app::planner::{Outcome, When, plan};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::cursor::Cursor;
use snapferry::domain::policy::in_force::Policy;
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::span::Span;
use snapferry::domain::policy::spec::Source;
use snapferry::domain::policy::timing::{DueDatabase, FirstRun, Newest, Waits, WaitsWhy, waits};
use snapferry::ports::PlanCursor;

use crate::planner::{listed, planning};
use crate::world::{Fixture, SOURCE, World, a_run, region, run, time};

const DUE: &str = "2026-11-22T03:00:00Z";
const NEXT: &str = "2026-11-23T03:00:00Z";
const TAGGED: &[(&str, &str)] = &[("snapferry:policy", "default")];

fn policy(rpo: Option<&str>) -> Policy {
    let schedule = Schedule::parse("0 3 * * *", "UTC").unwrap();
    let mut policy = Policy::new(a_run("orders").policy, schedule, a_run("orders").key);
    policy.options.catch_up = Some(Span::CATCH_UP);
    policy.options.rpo = rpo.map(|rpo| Span::parse(rpo).unwrap());
    policy
}

fn of<'a>(policy: &'a Policy, planned_before: bool, newest: Newest) -> DueDatabase<'a> {
    DueDatabase {
        policy,
        own: time(DUE),
        next: Some(time(NEXT)),
        planned_before,
        newest,
    }
}

fn until_next(why: WaitsWhy) -> Option<Waits> {
    let until = time(NEXT);
    Some(Waits { until, why })
}

const IN_TIME: &str = "2026-11-22T05:00:00Z";
const LATE: &str = "2026-11-22T05:00:01Z";
const YESTERDAY: &str = "2026-11-21T03:05:00Z";

#[test]
fn a_due_time_is_made_up_for_within_catch_up_and_waits_for_the_next_one_later() {
    let policy = policy(None);
    let known = of(&policy, true, Newest::At(time(YESTERDAY)));
    assert_eq!(waits(&known, FirstRun::Wait, time(IN_TIME)), None);
    for first_run in [FirstRun::Wait, FirstRun::Now] {
        let late = waits(&known, first_run, time(LATE));
        assert_eq!(late, until_next(WaitsWhy::TooLate));
    }
}

#[test]
fn what_would_pass_its_rpo_before_the_next_due_time_is_caught_up_at_any_hour() {
    let at_noon = time("2026-11-22T12:00:00Z");
    let newest = Newest::At(time(YESTERDAY));
    for (rpo, is_caught_up) in [
        (Some("26h"), true),
        (Some("47h"), true),
        (Some("48h"), false),
        // Without an RPO twice the time between two due times counts.
        (None, false),
    ] {
        let policy = policy(rpo);
        let waits = waits(&of(&policy, true, newest), FirstRun::Wait, at_noon);
        assert_eq!(waits.is_none(), is_caught_up, "{rpo:?}: {waits:?}");
    }
    let policy = policy(None);
    let two_days_old = Newest::At(time("2026-11-20T03:05:00Z"));
    for newest in [two_days_old, Newest::Undated] {
        let late = waits(&of(&policy, true, newest), FirstRun::Wait, at_noon);
        assert_eq!(late, None, "{newest:?}");
    }
}

#[test]
fn a_database_without_a_recovery_point_waits_for_its_first_due_time_unless_first_run_is_now() {
    let policy = policy(None);
    for (planned_before, now) in [(false, IN_TIME), (false, LATE), (true, LATE)] {
        let new = of(&policy, planned_before, Newest::None);
        let waits_for = waits(&new, FirstRun::Wait, time(now));
        assert_eq!(waits_for, until_next(WaitsWhy::FirstRun));
        assert_eq!(waits(&new, FirstRun::Now, time(now)), None);
    }
    let first_due = of(&policy, true, Newest::None);
    assert_eq!(waits(&first_due, FirstRun::Wait, time(IN_TIME)), None);
}

#[test]
fn a_set_of_an_earlier_version_makes_up_for_every_due_time_and_automated_sources_never_wait() {
    let mut earlier = policy(None);
    earlier.options.catch_up = None;
    let known = of(&earlier, true, Newest::At(time(YESTERDAY)));
    assert_eq!(waits(&known, FirstRun::Wait, time(LATE)), None);
    let mut automated = policy(None);
    automated.options.source = Source::Automated;
    for newest in [Newest::None, Newest::At(time(YESTERDAY))] {
        let of_it = of(&automated, false, newest);
        assert_eq!(waits(&of_it, FirstRun::Wait, time(LATE)), None);
    }
}

fn outcome(world: &World, when: When, first_run: &str) -> Outcome {
    let planning = planning(&[("SNAPFERRY_FIRST_RUN", first_run)]);
    let mut planned = run(plan(world, &planning, when)).unwrap().remove(0);
    planned.rows.remove(0).outcome
}

fn world() -> World {
    let world = World::new();
    world.rds().databases.push(listed("orders", TAGGED));
    world
}

#[test]
fn a_first_deployment_starts_nothing_before_its_first_due_time() {
    let world = world();
    let shown = || {
        let planning = planning(&[("SNAPFERRY_FIRST_RUN", "wait")]);
        let regions = [region(SOURCE)];
        run(preview(&world, &planning, &regions))
            .unwrap()
            .rows
            .remove(0)
    };
    let first = until_next(WaitsWhy::FirstRun);
    let is_waiting = |verdict: &Verdict| matches!(verdict, Verdict::Selected { due: None, waits, .. } if *waits == first);
    assert!(is_waiting(&shown().verdict), "{:?}", shown());
    let waits = Outcome::Waits(first.unwrap());
    assert_eq!(outcome(&world, When::Due, "wait"), waits);
    assert!(
        waits
            .to_string()
            .starts_with("waits until 2026-11-23T03:00:00Z: ")
    );
    assert!(world.executions().is_empty());
    world.pass(SignedDuration::from_hours(24));
    assert!(matches!(
        outcome(&world, When::Due, "wait"),
        Outcome::Started(_)
    ));
}

#[test]
fn a_region_that_does_not_answer_at_first_does_not_put_the_first_run_off_again() {
    let world = world();
    world.hook().down.borrow_mut().insert(region(SOURCE));
    let planning = planning(&[("SNAPFERRY_FIRST_RUN", "wait")]);
    let planned = run(plan(&world, &planning, When::Due)).unwrap();
    assert!(planned[0].error.is_some());
    world.hook().down.borrow_mut().clear();
    world.pass(SignedDuration::from_hours(24));
    assert!(matches!(
        outcome(&world, When::Due, "wait"),
        Outcome::Started(_)
    ));
}

#[test]
fn first_run_now_and_a_person_start_at_once() {
    for (when, first_run) in [(When::Due, "now"), (When::Again, "wait")] {
        let world = world();
        assert!(matches!(
            outcome(&world, when, first_run),
            Outcome::Started(_)
        ));
    }
}

#[test]
fn an_outage_longer_than_catch_up_starts_nothing_in_the_middle_of_the_day() {
    let world = world();
    let name = PolicyName::parse("default").unwrap();
    let cursor = Cursor {
        until: time("2026-11-21T03:00:00Z"),
        kept: Vec::new(),
        spread: None,
    };
    run(world.set_plan_cursor(&name, &region(SOURCE), &cursor)).unwrap();
    world.pass(SignedDuration::from_hours(5));
    let late = outcome(&world, When::Due, "wait");
    assert_eq!(
        late,
        Outcome::Waits(until_next(WaitsWhy::FirstRun).unwrap())
    );
    assert_eq!(world.planned_until("default"), Some(time(DUE)));
}

#[test]
fn first_run_is_wait_or_now() {
    assert_eq!(FirstRun::parse("wait"), Ok(FirstRun::Wait));
    assert_eq!(FirstRun::parse("now"), Ok(FirstRun::Now));
    assert!(FirstRun::parse("soon").is_err());
    assert_eq!(FirstRun::default(), FirstRun::Wait);
    for (word, first_run) in [("wait", FirstRun::Wait), ("now", FirstRun::Now)] {
        let planning = planning(&[("SNAPFERRY_FIRST_RUN", word)]);
        assert_eq!(planning.first_run, first_run);
    }
}
