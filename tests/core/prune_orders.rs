//! What a person may override by typing it, and what nobody may: `--force`, and `--gone --include-last`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use snapferry::app::drain::Depth;
use snapferry::app::policies::waits_for_approval;
use snapferry::app::prune::{
    PruneReport, PruneRequest, PrunerConfig, Stopped, Unapproved, approval_needed,
};
use snapferry::app::prune_preview::{PlanPart, PreviewOf, PrunePreview, prune_preview};
use snapferry::app::steady_state::QuotaScope;
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::retention::check::Rule;
use snapferry::domain::retention::gone::{Listing, Missing};
use snapferry::domain::retention::plan_hash::plan_hash;
use snapferry::domain::retention::round::Freeze;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::wait::{Expectation, Wait};
use snapferry::ports::{ReadListings, RegisterWaits, StoreListings};

use crate::drain::drained;
use crate::planner::{listed, planning};
use crate::policies::applied;
use crate::prune::{config, copies, left, round, rounds, try_round, world};
use crate::prune_preview::copy_of;
use crate::world::{Fixture, Name, OTHER_KEY, SOURCE, World, a_run, command, region, run, time};

/// Applies these rules as the next version.
fn apply(world: &World, rules: &str) {
    applied(
        world,
        &format!("[policy.default]\nschedule = \"0 3 * * *\"\n{rules}\n"),
    );
}

fn order(plan: &str) -> PruneRequest {
    PruneRequest {
        plan: plan.to_owned(),
        ..PruneRequest::default()
    }
}

fn carried_out(world: &World, order: &PruneRequest) -> PruneReport {
    try_round(world, &config(), Some(order)).unwrap()
}

fn unapproved(report: &PruneReport) -> &Unapproved {
    match &report.stopped {
        Some(Stopped::Unapproved(unapproved)) => unapproved,
        other => panic!("{other:?}"),
    }
}

// C2: what is refused until --force is a version of the policies that removes more than the version before it would.

#[test]
fn a_version_that_removes_more_than_the_one_before_it_removes_nothing_until_a_person_approves_it() {
    let world = world("keep_last = 5", copies("orders", 8));
    rounds(&world, 1);
    apply(&world, "keep_last = 2");
    // Days later still nothing has gone.
    let report = rounds(&world, 60);
    assert_eq!(left(&world).len(), 8);
    let expected = Unapproved {
        rules: "2".to_owned(),
        removes: 6,
        before: "1".to_owned(),
        kept_before: Some(3),
    };
    assert_eq!(unapproved(&report), &expected);
    // An order without it is refused as well, and one for one database approves nothing.
    let plan = &report.plan;
    unapproved(&carried_out(&world, &order(plan)));
    let of_one = PruneRequest {
        force: true,
        databases: vec!["orders".to_owned()],
        ..order(plan)
    };
    unapproved(&carried_out(&world, &of_one));
    let another = PruneRequest {
        force: true,
        ..order("another")
    };
    assert_eq!(
        carried_out(&world, &another).stopped,
        Some(Stopped::AnotherPlan)
    );
    unapproved(&round(&world));
    // Forced, it goes by the bound, and every later round goes on.
    let forced = PruneRequest {
        force: true,
        ..order(plan)
    };
    assert_eq!(carried_out(&world, &forced).removed.len(), 1);
    rounds(&world, 30);
    assert_eq!(left(&world).len(), 2);
}

#[test]
fn a_person_hears_of_it_beforehand_when_the_plan_is_shown_and_when_the_version_is_applied() {
    let world = world("keep_last = 5", copies("orders", 8));
    let planning = planning(&[]);
    let of = PreviewOf {
        stack: &planning.stack.rules.stack,
        home: &planning.stack.home,
        source_regions: &[],
        key: &planning.key,
        built_in: &planning.policies,
    };
    let scope = QuotaScope {
        stack: &planning.stack.rules.stack,
        home: &planning.stack.home,
        source_regions: &planning.source_regions,
        key: &planning.key,
        built_in: &planning.policies,
    };
    let beforehand = || {
        let preview = run(prune_preview(&world, of)).unwrap();
        let by_plan = run(approval_needed(&world, of, &preview)).unwrap();
        let by_apply = run(waits_for_approval(&world, Some(scope))).unwrap();
        assert_eq!(by_plan, by_apply);
        by_plan
    };
    assert_eq!(beforehand(), None, "no round has approved anything yet");
    rounds(&world, 1);
    assert_eq!(beforehand(), None);
    apply(&world, "keep_last = 2");
    let said = beforehand().unwrap();
    assert_eq!((said.removes, said.kept_before), (6, Some(3)));
    // It is what the pruner says afterwards.
    assert_eq!(unapproved(&rounds(&world, 60)), &said);
    apply(&world, "keep_last = 6");
    assert_eq!(beforehand(), None);
    let unknown = run(waits_for_approval(&world, None)).unwrap_err();
    assert!(unknown.contains("not known"), "{unknown}");
}

#[test]
fn an_approval_is_for_one_version_and_a_harmless_one_in_between_is_no_way_around_it() {
    let world = world("keep_last = 5", copies("orders", 8));
    rounds(&world, 1);
    apply(&world, "keep_last = 2");
    rounds(&world, 1);
    // It removes no more than the version before it, and more than the one that was approved.
    apply(&world, "keep_last = 2\nmin_keep = 2");
    assert_eq!(unapproved(&rounds(&world, 50)).before, "1");
    assert_eq!(left(&world).len(), 8);
    // One that removes as much as the approved one needs nobody.
    apply(&world, "keep_last = 5");
    rounds(&world, 30);
    assert_eq!(left(&world).len(), 5);
}

#[test]
fn the_first_version_and_rules_that_were_only_shown_before_need_no_approval() {
    let world = world("keep_last = 2", copies("orders", 4));
    // An earlier version of the pruner remembered no approval.
    rounds(&world, 1);
    world.table().retention_mut().round.approved = None;
    apply(&world, "keep_last = 1");
    rounds(&world, 30);
    assert_eq!(left(&world).len(), 1);
    let again = crate::prune::world("keep_last = 2", copies("orders", 4));
    let mut set = again.policies().pop().unwrap();
    for spec in set.set.policies.values_mut() {
        spec.options.retention.shown_only = true;
    }
    set.stamp.version = set.stamp.version.next();
    again.table().store_policies(&set);
    rounds(&again, 1);
    assert_eq!(left(&again).len(), 4);
    // Applying it again is what C1 asks for.
    apply(&again, "keep_last = 2");
    rounds(&again, 30);
    assert_eq!(left(&again).len(), 2);
}

#[test]
fn a_version_before_that_cannot_be_read_shows_nothing_so_a_person_decides() {
    let world = world("keep_last = 2", copies("orders", 4));
    rounds(&world, 1);
    apply(&world, "keep_last = 3");
    world.break_once(Name::PolicyVersion);
    assert_eq!(unapproved(&round(&world)).kept_before, None);
    // The next round reads it.
    assert_eq!(rounds(&world, 1).stopped, None);
}

const GOLD_AND_BRONZE: &str = "untagged = \"default\"\n\n[policy.default]\nschedule = \"0 3 * * *\"\nkeep_last = 2\n\n\
                               [policy.gold]\nschedule = \"0 3 * * *\"\nkeep_last = 6\n";

#[test]
fn what_one_policy_keeps_longer_makes_up_for_nothing_that_another_lets_go() {
    let gold: Vec<Snapshot> = (0..6)
        .map(|days| {
            let mut of = a_run("stock");
            of.planned_at -= SignedDuration::from_hours(24 * days);
            of.policy = snapferry::domain::id::tags::PolicyName::parse("gold").unwrap();
            copy_of(&of)
        })
        .collect();
    let world = World::new();
    applied(&world, GOLD_AND_BRONZE);
    for snapshot in [copies("orders", 8), gold.clone()].concat() {
        world.put_snapshot(snapshot);
    }
    rounds(&world, 1);
    // Six fewer of one, and two more of the other.
    let looser = GOLD_AND_BRONZE.replace("keep_last = 2", "keep_last = 8");
    applied(&world, &looser.replace("keep_last = 6", "keep_last = 4"));
    let report = rounds(&world, 60);
    let expected = Unapproved {
        rules: "2".to_owned(),
        removes: 2,
        before: "1".to_owned(),
        kept_before: Some(2),
    };
    assert_eq!(unapproved(&report), &expected);
    let text = expected.to_string();
    assert!(text.contains("would keep 2 of them"), "{text}");
    assert_eq!(left(&world).len(), 14);
    // Within one database as well: fewer of them, and others.
    applied(&world, GOLD_AND_BRONZE);
    rounds(&world, 0);
    applied(
        &world,
        &GOLD_AND_BRONZE.replace("keep_last = 2", "keep_weekly = 3"),
    );
    assert_eq!(unapproved(&rounds(&world, 40)).before, "3");
    assert_eq!(left(&world).len(), 14);
}

#[test]
fn a_drain_is_no_measure_for_the_policies_after_it() {
    let world = world("keep_last = 2", copies("orders", 6));
    let before = world.policies().pop().unwrap();
    rounds(&world, 1);
    drained(&world, Depth::Pause);
    assert_eq!(rounds(&world, 30).removable, 0);
    // Back as the drain says it.
    applied(&world, &before.text);
    assert_eq!(rounds(&world, 40).stopped, None);
    assert_eq!(left(&world).len(), 2);
    // And no way around an approval.
    drained(&world, Depth::Pause);
    rounds(&world, 1);
    apply(&world, "keep_last = 1");
    assert_eq!(unapproved(&rounds(&world, 40)).before, "3");
    assert_eq!(left(&world).len(), 2);
}

#[test]
fn force_overrides_no_hold_no_freeze_and_no_bound() {
    let mut all = copies("orders", 8);
    all[7]
        .tags
        .insert("snapferry:hold".to_owned(), "audit".to_owned());
    let world = world("keep_last = 5", all.clone());
    rounds(&world, 1);
    apply(&world, "keep_last = 1");
    let plan = rounds(&world, 1).plan;
    let forced = PruneRequest {
        force: true,
        ..order(&plan)
    };
    let freeze = Freeze {
        why: "an audit".to_owned(),
        by: "ada".to_owned(),
        at: time("2026-11-22T03:00:00Z"),
        and_drills: false,
    };
    world.table().retention_mut().freeze = Some(freeze);
    let report = carried_out(&world, &forced);
    assert!(matches!(report.stopped, Some(Stopped::Frozen(_))));
    world.table().retention_mut().freeze = None;
    let report = carried_out(&world, &forced);
    assert_eq!(report.removed.len(), 1, "the bound");
    assert_eq!(report.removed[0].snapshot, all[6].arn);
}

// H6, H9 and section 8: the last ones of a database that is gone.

const RULES: &str = "keep_last = 2";

/// Three listings, a week apart, have missed the database.
fn missing(world: &World) {
    let now = world.clock();
    let missing = Missing {
        since: now - SignedDuration::from_hours(24 * 20),
        counted_at: now,
        listings: 3,
    };
    let listing = Listing {
        at: now,
        missing: BTreeMap::from([(a_run("orders").database.resource_id, missing)]),
    };
    run(world.store_listing(&region(SOURCE), &listing)).unwrap();
}

fn gone(snapshots: &[Snapshot]) -> World {
    let world = world(RULES, snapshots.to_vec());
    missing(&world);
    world
}

/// The plan that the command line shows.
fn preview(world: &World, part: PlanPart<'_>) -> PrunePreview {
    let config = config();
    let of = PreviewOf {
        stack: &config.stack,
        home: &config.home,
        source_regions: &[],
        key: &config.key,
        built_in: &config.built_in,
    };
    let mut preview = run(prune_preview(world, of)).unwrap();
    preview.restrict(part).unwrap();
    preview
}

fn last_ones(world: &World) -> PruneRequest {
    let databases = vec!["orders".to_owned()];
    let part = PlanPart {
        databases: &databases,
        gone: true,
        include_last: true,
    };
    let preview = preview(world, part);
    PruneRequest {
        gone: true,
        include_last: true,
        databases: databases.clone(),
        ..order(&plan_hash(&preview.rules, &preview.removable()))
    }
}

#[test]
fn even_the_last_ones_of_a_database_that_is_gone_go_if_a_person_types_it() {
    let world = gone(&[copies("orders", 12), copies("stock", 3)].concat());
    let request = last_ones(&world);
    // Its share of a tenth does not cut what a person has named.
    assert_eq!(carried_out(&world, &request).removed.len(), 12);
    assert_eq!(left(&world).len(), 3, "another database's stay");
    assert_eq!(
        carried_out(&world, &request).stopped,
        Some(Stopped::AnotherPlan)
    );
}

#[test]
fn a_machine_never_removes_the_last_one_of_a_database_that_is_gone() {
    let world = gone(&copies("orders", 4));
    rounds(&world, 60);
    assert_eq!(left(&world).len(), 2);
}

#[test]
fn the_last_ones_stay_without_the_names_of_their_databases_or_without_gone() {
    let all = copies("orders", 4);
    for change in [
        |request: &mut PruneRequest| request.databases.clear(),
        |request: &mut PruneRequest| request.gone = false,
        |request: &mut PruneRequest| request.include_last = false,
    ] {
        let world = gone(&all);
        let mut request = last_ones(&world);
        change(&mut request);
        let report = carried_out(&world, &request);
        assert_eq!(report.stopped, Some(Stopped::AnotherPlan));
        // With the right hash for it, what the rules let go goes.
        request.plan = report.plan;
        carried_out(&world, &request);
        assert!(left(&world).len() >= 3, "{request:?}");
    }
}

#[test]
fn the_last_ones_of_a_database_that_is_there_stay() {
    let all = copies("orders", 4);
    let there = world(RULES, all.clone());
    let request = last_ones(&there);
    assert_eq!(carried_out(&there, &request).removed.len(), 0);
    // It comes back between the plan and the order.
    let world = gone(&all);
    let request = last_ones(&world);
    let mut database = listed("orders", &[]);
    database.resource_id = a_run("orders").database.resource_id;
    world.rds().databases.push(database);
    let report = carried_out(&world, &request);
    assert!(report.left_alone[0].why.contains("there again"));
    assert_eq!(left(&world).len(), 4);
}

/// They counted as gone when somebody took their region out of the setting, less than a day ago.
#[test]
fn the_last_ones_stay_where_nobody_looks_for_their_database_any_more() {
    let world = gone(&copies("orders", 4));
    let request = last_ones(&world);
    let elsewhere = PrunerConfig {
        source_regions: vec![region("eu-north-1")],
        ..config()
    };
    let report = try_round(&world, &elsewhere, Some(&request)).unwrap();
    assert_eq!(report.removed, []);
    assert!(
        report.left_alone[0].why.contains("could not be looked for"),
        "{report:?}"
    );
    assert_eq!(left(&world).len(), 4);
}

/// A database of an earlier time, with the same name in the same region, that is gone as well.
fn two_of_one_name() -> (World, Vec<Snapshot>, String) {
    let earlier = ResourceId::parse("db-EARLIER").unwrap();
    let copies_of_it: Vec<Snapshot> = (0..3)
        .map(|days| {
            let mut of = a_run("orders");
            of.planned_at -= SignedDuration::from_hours(24 * days);
            of.database.resource_id = earlier.clone();
            copy_of(&of)
        })
        .collect();
    let world = gone(&[copies("orders", 4), copies_of_it.clone()].concat());
    let mut listing = run(world.listing(&region(SOURCE))).unwrap().unwrap();
    let missing = *listing.missing.values().next().unwrap();
    listing.missing.insert(earlier.clone(), missing);
    run(world.store_listing(&region(SOURCE), &listing)).unwrap();
    (world, copies_of_it, earlier.to_string())
}

#[test]
fn a_name_that_several_databases_have_removes_the_last_ones_of_none() {
    let (world, of_earlier, earlier) = two_of_one_name();
    let arn = a_run("orders").database.arn.to_string();
    for name in ["orders".to_owned(), arn] {
        let request = PruneRequest {
            gone: true,
            include_last: true,
            databases: vec![earlier.clone(), name],
            ..PruneRequest::default()
        };
        let report = carried_out(&world, &request);
        let Some(Stopped::Ambiguous(ambiguous)) = &report.stopped else {
            panic!("{report:?}");
        };
        assert_eq!(ambiguous.databases.len(), 2);
        assert!(ambiguous.to_string().contains(&earlier), "{ambiguous}");
        assert_eq!(left(&world).len(), 7);
    }
    // Its own resource id names it alone.
    let request = PruneRequest {
        gone: true,
        include_last: true,
        databases: vec![earlier],
        ..PruneRequest::default()
    };
    let plan = carried_out(&world, &request).plan;
    let removed = carried_out(&world, &PruneRequest { plan, ..request }).removed;
    assert_eq!(removed.len(), of_earlier.len());
    assert_eq!(left(&world).len(), 4);
}

/// What must stay although a person has typed everything, and what else goes.
fn stays(spoil: impl Fn(&mut Snapshot)) {
    let mut all = copies("orders", 4);
    spoil(&mut all[1]);
    let world = gone(&all);
    let request = last_ones(&world);
    carried_out(&world, &request);
    assert_eq!(left(&world), BTreeSet::from([all[1].arn.clone()]));
}

#[test]
fn what_is_held_stays() {
    stays(|one| {
        one.tags
            .insert("snapferry:hold".to_owned(), "audit".to_owned());
    });
}

#[test]
fn a_mismatch_stays() {
    stays(|one| one.key = snapferry::domain::id::arn::KeyArn::parse(OTHER_KEY).ok());
    stays(|one| one.encrypted = false);
}

#[test]
fn what_rds_is_at_work_on_and_what_lies_ahead_or_has_no_time_stays() {
    stays(|one| one.status = SnapshotStatus::Copying);
    stays(|one| one.taken_at = Some(time("2027-01-01T00:00:00Z")));
    stays(|one| one.taken_at = None);
}

#[test]
fn somebody_elses_copy_stays() {
    stays(|one| {
        one.tags
            .insert("snapferry:stack".to_owned(), "another".to_owned());
    });
    // A person's copy carries all tags along, and another name.
    stays(|one| {
        let name = format!("{}x", one.arn);
        one.arn = RdsArn::parse(&name).unwrap();
    });
}

#[test]
fn what_is_awaited_stays() {
    let all = copies("orders", 4);
    let world = gone(&all);
    let expected = Expectation::Snapshot;
    let command = command(Step::Copy, "t", "orders");
    let wait = Wait::new(all[1].arn.clone(), command, expected, world.clock());
    run(world.register(&wait)).unwrap();
    let request = last_ones(&world);
    carried_out(&world, &request);
    assert_eq!(left(&world), BTreeSet::from([all[1].arn.clone()]));
}

#[test]
fn a_hold_that_comes_after_the_plan_was_shown_stops_all_of_its_database() {
    let all = copies("orders", 4);
    let world = gone(&all);
    let request = last_ones(&world);
    let (shared, arn) = (world.clone(), all[0].arn.clone());
    world.meanwhile(Name::DescribeSnapshots, move || {
        let mut rds = shared.rds();
        let tags = &mut rds.snapshots.get_mut(&arn).unwrap().tags;
        tags.insert("snapferry:hold".to_owned(), "audit".to_owned());
    });
    let report = carried_out(&world, &request);
    assert_eq!(report.refused[0].broken[0].rule, Rule::Held);
    assert_eq!(left(&world).len(), 4);
}

#[test]
fn a_policy_without_a_rule_keeps_even_those_of_a_database_that_is_gone() {
    let world = world("", copies("orders", 4));
    missing(&world);
    let request = last_ones(&world);
    carried_out(&world, &request);
    assert_eq!(left(&world).len(), 4);
}
