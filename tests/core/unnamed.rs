//! Configurations that no recovery point names: what the pruner removes of them, when, and what stops it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use snapferry::app::prune::{PruneReport, PrunerConfig};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::restore::configuration::{Configuration, ConfigurationHash};
use snapferry::domain::restore::unnamed::{Naming, OUT_OF_FORCE_MIN, sight_unnamed};
use snapferry::domain::restore::versions::Versions;
use snapferry::domain::retention::configuration_check::{ConfigurationCase, keeps};
use snapferry::domain::retention::round::Freeze;
use snapferry::domain::retention::sightings::GRACE;
use snapferry::domain::run::failure::Operation;
use snapferry::ports::{ReadConfigurations, SetFreeze, StoreConfigurations};

use crate::prune::{config, try_round};
use crate::prune_preview::copy_of;
use crate::world::{Fixture, Name, World, a_run, run, time};

const TAG: &str = "snapferry:configuration";

fn hash(text: &str) -> ConfigurationHash {
    ConfigurationHash::of(text)
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn id() -> ResourceId {
    a_run("orders").database.resource_id
}

/// A recovery point of so many days ago that names this configuration.
fn copy(days_ago: i64, named: Option<&str>) -> Snapshot {
    let mut request = a_run("orders");
    request.planned_at -= days(days_ago);
    let mut copy = copy_of(&request);
    if let Some(named) = named {
        copy.tags.insert(TAG.to_owned(), hash(named).to_string());
    }
    copy
}

/// A run begins with this configuration, as the planner enters it.
fn enter(world: &World, named: &str, at: Timestamp) {
    let of = a_run("orders").database;
    let configuration = Configuration {
        database: of.arn,
        resource_id: of.resource_id,
        settings: [].into(),
        members: [].into(),
        tags: [("is".to_owned(), named.to_owned())].into(),
    };
    let name = hash(named);
    let versions = versions(world);
    if versions.newest() == Some(&name) {
        return;
    }
    run(world.store_configuration(&configuration, &name, at)).unwrap();
    let with = versions.with(name, at);
    run(world.set_configuration_versions(&id(), &with, versions.newest())).unwrap();
}

fn versions(world: &World) -> Versions {
    let mut read = run(world.configuration_versions(&[id()])).unwrap();
    read.remove(&id()).unwrap_or_default()
}

fn is_there(world: &World, named: &ConfigurationHash) -> bool {
    let stored = run(world.configuration(&id(), named)).unwrap();
    stored.is_some()
}

/// `old` and `older` went out of force long ago, `late` a week ago. A recovery point names `older`.
fn world() -> World {
    let world = crate::prune::world("", vec![copy(0, Some("new")), copy(290, Some("older"))]);
    let now = world.clock();
    for (named, ago) in [("older", 300), ("old", 280), ("late", 260), ("new", 7)] {
        enter(&world, named, now - days(ago));
    }
    world.forget_calls();
    world
}

fn there(world: &World) -> Vec<&'static str> {
    let mut all = vec!["older", "old", "late", "new"];
    all.retain(|named| is_there(world, &hash(named)));
    all
}

fn hours(world: &World, config: &PrunerConfig, hours: i64) -> PruneReport {
    let mut last = try_round(world, config, None).unwrap();
    for _ in 0..hours {
        world.pass(SignedDuration::from_hours(1));
        last = try_round(world, config, None).unwrap();
    }
    last
}

#[test]
fn what_no_recovery_point_names_is_noted_and_goes_a_grace_later() {
    let world = world();
    let report = hours(&world, &config(), 23);
    assert_eq!(report.configurations.unnamed, 1);
    assert_eq!(there(&world), ["older", "old", "late", "new"]);
    let report = hours(&world, &config(), 1);
    assert_eq!(report.configurations.removed, [(id(), hash("old"))]);
    assert_eq!(there(&world), ["older", "late", "new"]);
    // It stays among the versions, so that a time still finds what was in force then.
    let entry = versions(&world).all[1].clone();
    assert!(entry.is_removed && entry.hash == hash("old"));
    // Nothing more goes, and nothing is written again.
    world.forget_calls();
    hours(&world, &config(), 30);
    let writes = world.calls();
    let writes = writes.iter().filter(|call| {
        matches!(
            call.name(),
            Name::SetConfigurationVersions | Name::RemoveConfiguration
        )
    });
    assert_eq!(writes.count(), 0);
}

#[test]
fn once_its_recovery_point_is_gone_it_follows_after_its_own_grace() {
    let world = world();
    hours(&world, &config(), 30);
    world.rds().snapshots.remove(&copy(290, None).arn);
    hours(&world, &config(), 23);
    assert!(is_there(&world, &hash("older")));
    hours(&world, &config(), 2);
    assert_eq!(there(&world), ["late", "new"]);
}

#[test]
fn a_recovery_point_without_a_name_keeps_what_was_in_force_at_its_time() {
    let world = world();
    world.put_snapshot(copy(270, None));
    hours(&world, &config(), 30);
    assert!(is_there(&world, &hash("old")));
}

#[test]
fn what_the_snapshot_of_a_person_names_stays() {
    let world = world();
    let mut of_people = copy(5, Some("old"));
    of_people.tags.remove("snapferry:stack");
    world.put_snapshot(of_people);
    let report = hours(&world, &config(), 30);
    assert_eq!(report.configurations.unnamed, 0);
    assert!(is_there(&world, &hash("old")));
}

#[test]
fn a_row_that_cannot_be_read_and_a_list_that_breaks_off_remove_nothing() {
    let world = world();
    let mut unreadable = copy(3, None);
    unreadable.status = SnapshotStatus::Other("new-status".to_owned());
    unreadable.engine = String::new();
    unreadable.tags.clear();
    world.put_snapshot(unreadable);
    hours(&world, &config(), 50);
    assert_eq!(there(&world).len(), 4);

    let world = crate::unnamed::world();
    hours(&world, &config(), 23);
    world.pass(SignedDuration::from_hours(1));
    world.script(
        Operation::DescribeDbSnapshots,
        Some("Throttling"),
        "slow down",
    );
    try_round(&world, &config(), None).unwrap_err();
    assert_eq!(there(&world).len(), 4);
}

#[test]
fn a_freeze_and_the_parameter_no_remove_nothing() {
    let frozen = world();
    let freeze = Freeze {
        and_drills: false,
        why: "the region is lost".to_owned(),
        by: "ada".to_owned(),
        at: frozen.clock(),
    };
    run(frozen.set_freeze(&freeze)).unwrap();
    hours(&frozen, &config(), 50);
    assert_eq!(there(&frozen).len(), 4);

    let unread = world();
    hours(&unread, &config(), 23);
    unread.pass(SignedDuration::from_hours(1));
    // The report on the quota asks first.
    unread.break_once(Name::ReadFreeze);
    unread.break_once(Name::ReadFreeze);
    try_round(&unread, &config(), None).unwrap();
    assert_eq!(there(&unread).len(), 4);

    let noted = world();
    let plans_only = PrunerConfig {
        removes: false,
        ..config()
    };
    let report = hours(&noted, &plans_only, 50);
    assert_eq!(report.configurations.unnamed, 1);
    assert_eq!(there(&noted).len(), 4);
}

#[test]
fn rounds_that_did_not_go_on_begin_the_grace_anew() {
    let world = world();
    hours(&world, &config(), 20);
    world.pass(SignedDuration::from_hours(10));
    let report = try_round(&world, &config(), None).unwrap();
    assert_eq!(report.configurations.removed, []);
    assert_eq!(there(&world).len(), 4);
}

#[test]
fn a_run_that_comes_back_to_it_at_the_last_moment_keeps_it() {
    let world = world();
    hours(&world, &config(), 23);
    let again = world.clone();
    world.meanwhile(Name::RemoveConfiguration, move || {
        enter(&again, "old", again.clock());
    });
    hours(&world, &config(), 1);
    assert!(is_there(&world, &hash("old")));
    assert_eq!(versions(&world).newest(), Some(&hash("old")));
    hours(&world, &config(), 40);
    assert!(is_there(&world, &hash("old")));
}

/// Stores a configuration of a database, as a run does when it begins.
fn store(world: &World, of: &DatabaseRef, name: &ConfigurationHash, at: Timestamp) {
    let configuration = Configuration {
        database: of.arn.clone(),
        resource_id: of.resource_id.clone(),
        settings: [].into(),
        members: [].into(),
        tags: [].into(),
    };
    run(world.store_configuration(&configuration, name, at)).unwrap();
}

/// Three databases with 59 configurations each that nothing names.
fn many() -> World {
    let world = crate::prune::world("", Vec::new());
    let now = world.clock();
    for number in 0..3 {
        let mut request = a_run(&format!("orders-{number}"));
        request.planned_at -= days(1);
        world.put_snapshot(copy_of(&request));
        let mut all = Versions::default();
        for version in 0..60 {
            let name = hash(&version.to_string());
            let at = now - days(200 - version);
            store(&world, &request.database, &name, at);
            let known = all.newest().cloned();
            all = all.with(name, at);
            let of = &request.database.resource_id;
            run(world.set_configuration_versions(of, &all, known.as_ref())).unwrap();
        }
    }
    world
}

fn count(world: &World, name: Name) -> usize {
    let calls = world.calls();
    calls.iter().filter(|call| call.name() == name).count()
}

#[test]
fn a_round_removes_a_hundred_at_most() {
    let world = many();
    let report = hours(&world, &config(), 24);
    assert_eq!(report.configurations.removed.len(), 100);
    let report = try_round(&world, &config(), None).unwrap();
    assert_eq!(report.configurations.removed.len(), 3 * 59 - 100);
}

#[test]
fn a_round_tries_a_hundred_at_most_also_if_none_of_them_goes() {
    let world = many();
    hours(&world, &config(), 23);
    world.pass(SignedDuration::from_hours(1));
    for number in 0..3 {
        let of = a_run(&format!("orders-{number}")).database;
        for version in 0..60 {
            store(&world, &of, &hash(&version.to_string()), world.clock());
        }
    }
    world.forget_calls();
    let report = try_round(&world, &config(), None).unwrap();
    assert_eq!(report.configurations.removed, []);
    assert_eq!(count(&world, Name::RemoveConfiguration), 100);
}

#[test]
fn while_removal_is_frozen_no_round_reads_a_ripe_configuration_again() {
    let world = many();
    hours(&world, &config(), 23);
    let freeze = Freeze {
        and_drills: false,
        why: "the region is lost".to_owned(),
        by: "ada".to_owned(),
        at: world.clock(),
    };
    run(world.set_freeze(&freeze)).unwrap();
    world.pass(SignedDuration::from_hours(1));
    world.forget_calls();
    try_round(&world, &config(), None).unwrap();
    assert_eq!(count(&world, Name::ConfigurationVersions), 1);
    // The report on the quota asks too.
    assert_eq!(count(&world, Name::ReadFreeze), 2);
}

#[test]
fn what_the_run_of_an_open_wait_began_with_is_neither_noted_nor_removed() {
    let world = world();
    let mut wait = crate::prune::wait_for(&copy(0, None).arn);
    wait.command.run.options.configuration = Some(hash("old"));
    world.store(wait);
    let report = hours(&world, &config(), 30);
    assert_eq!(report.configurations.unnamed, 0);
    assert!(is_there(&world, &hash("old")));
}

#[test]
fn what_was_in_force_while_step_functions_may_still_know_its_run_stays() {
    let world = crate::prune::world("", vec![copy(0, Some("new"))]);
    let now = world.clock();
    enter(&world, "old", now - days(200));
    enter(&world, "new", now - days(100));
    let report = hours(&world, &config(), 30);
    assert_eq!(report.configurations.unnamed, 0);
    assert!(is_there(&world, &hash("old")));
}

/// What may go, found the slow way: each configuration against each recovery point and each version.
fn slow(versions: &Versions, points: &[Naming], now: Timestamp) -> BTreeSet<ConfigurationHash> {
    let mut may_go = BTreeSet::new();
    for version in &versions.all {
        let hash = &version.hash;
        let is_named = points
            .iter()
            .any(|point| match (&point.named, point.taken_at) {
                (Some(named), _) => named == hash,
                (None, None) => true,
                (None, Some(at)) => {
                    let mut known = versions.all.iter().filter(|one| one.since <= at);
                    known.next_back().is_some_and(|one| one.hash == *hash)
                }
            });
        let mut ended = Vec::new();
        for (at, one) in versions.all.iter().enumerate() {
            if one.hash == *hash {
                ended.push(versions.all.get(at + 1).map(|next| next.since));
            }
        }
        let is_old = ended
            .iter()
            .all(|end| end.is_some_and(|end| now.duration_since(end) >= OUT_OF_FORCE_MIN));
        if !is_named && is_old {
            may_go.insert(hash.clone());
        }
    }
    may_go
}

fn a_history() -> impl Strategy<Value = (Versions, Vec<Naming>)> {
    let versions = proptest::collection::vec((0_u8..5, 1_i64..100), 1..8);
    let points = proptest::collection::vec((0_u8..8, 0_i64..360), 0..6);
    (versions, points).prop_map(|(entries, points)| {
        let begin = now() - days(320);
        let mut at = begin;
        let mut versions = Versions::default();
        for (name, after) in entries {
            versions = versions.with(hash(&name.to_string()), at);
            at += days(after);
        }
        let points = points.into_iter().map(|(name, day)| Naming {
            // Some name nothing, and of some the time is unknown.
            named: (name < 5).then(|| hash(&name.to_string())),
            taken_at: (name < 7 && day > 0).then(|| begin + days(day - 10)),
        });
        (versions, points.collect())
    })
}

fn now() -> Timestamp {
    time("2026-11-22T03:05:00Z")
}

proptest! {
    #[test]
    fn both_rules_agree_with_the_slow_reference((versions, points) in a_history()) {
        let may_go = slow(&versions, &points, now());
        let first = sight_unnamed(&versions, &points, true, GRACE, now());
        let noted: BTreeSet<_> = first
            .versions
            .all
            .iter()
            .filter(|one| one.unnamed_since.is_some())
            .map(|one| one.hash.clone())
            .collect();
        prop_assert_eq!(&noted, &may_go);
        prop_assert!(first.ripe.is_empty());
        let later = sight_unnamed(&first.versions, &points, true, GRACE, now() + GRACE);
        let ripe: BTreeSet<_> = later.ripe.iter().cloned().collect();
        prop_assert!(ripe.is_superset(&may_go) && ripe.is_subset(&slow(&versions, &points, now() + GRACE)));
        // The second rule sees the snapshots themselves.
        let snapshots: Vec<Snapshot> = points
            .iter()
            .map(|point| {
                let mut one = copy(0, None);
                one.taken_at = point.taken_at;
                let named = point.named.iter();
                one.tags.extend(named.map(|hash| (TAG.to_owned(), hash.to_string())));
                one
            })
            .collect();
        let snapshots: Vec<&Snapshot> = snapshots.iter().collect();
        let named_anywhere = points.iter().filter_map(|point| point.named.as_ref());
        let case = ConfigurationCase {
            is_complete: true,
            named_anywhere: &named_anywhere.map(ToString::to_string).collect(),
            snapshots: &snapshots,
            versions: &versions,
            now: now(),
        };
        for version in &versions.all {
            prop_assert_eq!(keeps(&case, &version.hash).is_none(), may_go.contains(&version.hash));
        }
    }
}

/// What happens to a database and its recovery points.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// A run begins with this configuration, and its copy names it.
    Began(u8),
    /// The oldest recovery point goes.
    Gone,
    /// Rounds of so many hours.
    Rounds(u8),
    /// Four months without rounds.
    Months,
}

fn an_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0_u8..4).prop_map(Event::Began),
        Just(Event::Gone),
        (1_u8..40).prop_map(Event::Rounds),
        Just(Event::Months),
    ]
}

/// Plays a history. Gives whether a configuration was missing that a recovery point names, or that is in force.
fn loses_something(events: &[Event], overlooks: bool) -> bool {
    let world = crate::prune::world("", Vec::new());
    let mut points: Vec<Snapshot> = Vec::new();
    for event in events {
        match event {
            Event::Began(named) => {
                world.pass(SignedDuration::from_hours(1));
                let named = named.to_string();
                enter(&world, &named, world.clock());
                let mut request = a_run("orders");
                request.planned_at = world.clock();
                let mut copy = copy_of(&request);
                copy.tags.insert(TAG.to_owned(), hash(&named).to_string());
                points.push(copy);
            }
            Event::Gone if !points.is_empty() => drop(points.remove(0)),
            Event::Gone => {}
            Event::Rounds(count) => {
                // The planted bug: all but the newest recovery point are overlooked.
                let seen = if overlooks {
                    points.len().saturating_sub(1)
                } else {
                    0
                };
                world.rds().snapshots.clear();
                for point in &points[seen..] {
                    world.put_snapshot(point.clone());
                }
                hours(&world, &config(), i64::from(*count));
            }
            Event::Months => world.pass(days(121)),
        }
        let named = points.iter().map(|point| point.tags[TAG].clone());
        let named = named.map(|text| ConfigurationHash::parse(&text).unwrap());
        let newest = versions(&world).newest().cloned();
        if named.chain(newest).any(|hash| !is_there(&world, &hash)) {
            return true;
        }
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_that_is_named_or_in_force_is_ever_missing(
        events in proptest::collection::vec(an_event(), 1..40),
    ) {
        prop_assert!(!loses_something(&events, false));
    }
}

#[test]
fn a_planted_bug_that_overlooks_recovery_points_is_found() {
    let events = [
        Event::Began(0),
        Event::Began(1),
        Event::Months,
        Event::Rounds(30),
    ];
    assert!(loses_something(&events, true));
    assert!(!loses_something(&events, false));
}

#[test]
fn only_the_pruner_may_remove_a_configuration() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app");
    let mut folders = vec![root.clone()];
    let mut naming = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path)
                .unwrap()
                .contains("RemoveConfigurations")
            {
                naming.push(path.strip_prefix(&root).unwrap().to_owned());
            }
        }
    }
    assert_eq!(naming, [std::path::Path::new("prune/permissions.rs")]);
}

#[test]
fn the_preview_shows_what_would_go_and_since_when() {
    let world = world();
    let unnamed = || {
        let of = snapferry::app::prune_preview::PreviewOf {
            stack: &config().stack,
            home: &config().home,
            source_regions: &[],
            key: &config().key,
            built_in: &config().built_in,
        };
        run(snapferry::app::prune_preview::prune_preview(&world, of))
            .unwrap()
            .unnamed
            .first
    };
    let shown = unnamed();
    assert_eq!(shown.len(), 1);
    assert_eq!(
        (&shown[0].configuration, shown[0].since),
        (&hash("old"), None)
    );
    let noted_at = world.clock();
    hours(&world, &config(), 3);
    assert_eq!(unnamed()[0].since, Some(noted_at));
    hours(&world, &config(), 30);
    assert_eq!(unnamed(), []);
}
