//! The catalog of configurations: what is stored when a run is started, and what names it.

use jiff::SignedDuration;
use proptest::prelude::*;
use snapferry::app::planner::{When, plan};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::limits::TAGS_MAX;
use snapferry::domain::rds::database::Database;
use snapferry::domain::restore::configuration::{
    Captured, Configuration, ConfigurationHash, Member,
};
use snapferry::domain::restore::diff::{Changed, diff};
use snapferry::domain::restore::setting::Setting;
use snapferry::domain::restore::taken::Part;
use snapferry::domain::restore::value::{Settings, Thousandths, Value};
use snapferry::domain::restore::versions::{VERSIONS_MAX, Versions};
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::json;
use snapferry::ports::{ReadConfigurations, StoreConfigurations};

use crate::planner::{listed, planning};
use crate::world::{Fixture, Name, World, a_run, cluster, run, time};

const TAGGED: &[(&str, &str)] = &[("snapferry:policy", "default")];

/// The words that are part of every setting's value, where it is a text.
fn any_value() -> impl Strategy<Value = Value> {
    let text = "[a-z0-9:/.-]{1,12}";
    let record = prop::collection::btree_map("[A-Z][a-z]{1,5}", text, 1..3);
    prop_oneof![
        any::<bool>().prop_map(Value::Flag),
        (0_i64..100_000).prop_map(Value::Number),
        (0_u32..1_000).prop_map(|tenths| Value::Decimal(Thousandths::of(f64::from(tenths) / 10.0))),
        text.prop_map(Value::Text),
        prop::collection::vec(text, 1..4).prop_map(Value::texts),
        prop::collection::vec(record, 1..3).prop_map(Value::records),
    ]
}

pub(crate) fn any_settings() -> impl Strategy<Value = Settings> {
    let setting = prop::sample::select(Setting::ALL);
    prop::collection::btree_map(setting, any_value(), 0..12)
}

prop_compose! {
    fn any_configuration()(
        settings in any_settings(),
        members in prop::collection::btree_map("[a-z]{1,6}", (any::<bool>(), any_settings()), 0..3),
        tags in prop::collection::btree_map("[a-zA-Z:]{1,8}", "[a-z ]{0,8}", 0..4),
    ) -> Configuration {
        let members = members.into_iter().map(|(name, (is_writer, settings))| {
            (name, Member { is_writer, settings, tags: tags.clone() })
        });
        Configuration {
            database: cluster("shop"),
            resource_id: ResourceId::parse("cluster-SHOP").unwrap(),
            settings,
            members: members.collect(),
            tags,
        }
    }
}

proptest! {
    #[test]
    fn a_configuration_reads_back_as_written_and_equal_ones_have_equal_hashes(
        configuration in any_configuration(),
    ) {
        let text = json::configuration::write(&configuration);
        let read = json::configuration::read(&text).unwrap();
        prop_assert_eq!(&read, &configuration);
        prop_assert_eq!(json::configuration::write(&read), text);
        prop_assert_eq!(json::configuration::hash(&read), json::configuration::hash(&configuration));
    }

    #[test]
    fn two_configurations_differ_where_their_texts_do(
        before in any_configuration(),
        after in any_configuration(),
    ) {
        let same = json::configuration::write(&before) == json::configuration::write(&after);
        prop_assert_eq!(diff(&before, &after).is_empty(), same);
        prop_assert_eq!(diff(&before, &before), vec![]);
        prop_assert_eq!(diff(&before, &after).len(), diff(&after, &before).len());
    }
}

#[test]
fn what_changed_is_named_with_both_values() {
    let before = instance("db.r6g.large");
    let mut after = instance("db.r6g.xlarge");
    after.tags.insert("Team".to_owned(), "blue".to_owned());
    let found = diff(&before, &after);
    let field = "DBInstanceClass";
    assert_eq!(
        found[0].what,
        Changed::Setting {
            member: None,
            field
        }
    );
    assert_eq!(found[0].before, Some(Value::text("db.r6g.large")));
    assert_eq!(found[0].after, Some(Value::text("db.r6g.xlarge")));
    let key = "Team".to_owned();
    assert_eq!(found[1].what, Changed::Tag { member: None, key });
    assert_eq!(found.len(), 2);
}

fn instance(class: &str) -> Configuration {
    let of = a_run("orders").database;
    Configuration {
        database: of.arn,
        resource_id: of.resource_id,
        settings: [(Setting::DbInstanceClass, Value::text(class))].into(),
        members: [].into(),
        tags: [].into(),
    }
}

#[test]
fn a_setting_that_a_later_version_knows_is_left_out_and_the_rest_is_read() {
    let mut json = json::configuration::json(&instance("db.r6g.large"));
    json["settings"]["AFieldOfTheFuture"] = serde_json::json!(["a"]);
    let read = json::configuration::read(&json.to_string()).unwrap();
    assert_eq!(read, instance("db.r6g.large"));
}

#[test]
fn every_setting_has_a_name_of_its_own_and_a_part_that_it_belongs_to() {
    let parts = [Part::Instance, Part::Cluster, Part::Member];
    let mut names = std::collections::BTreeSet::new();
    for setting in Setting::ALL {
        assert!(names.insert(setting.field()), "{setting:?}");
        assert_eq!(Setting::parse(setting.field()), Some(*setting));
        assert!(
            parts.iter().any(|part| setting.of(*part).is_some()),
            "{setting:?}"
        );
    }
}

#[test]
fn the_version_in_force_at_a_time_is_the_last_that_was_known_by_then() {
    let [a, b] = ["a", "b"].map(ConfigurationHash::of);
    let versions = Versions::default()
        .with(a.clone(), time("2026-11-20T03:00:00Z"))
        .with(b.clone(), time("2026-11-22T03:00:00Z"));
    let at = |at| versions.at(time(at)).map(|version| version.hash.clone());
    assert_eq!(at("2026-11-19T03:00:00Z"), None);
    assert_eq!(at("2026-11-21T03:00:00Z"), Some(a));
    assert_eq!(at("2026-11-22T03:00:00Z"), Some(b.clone()));
    assert_eq!(versions.newest(), Some(&b));
}

#[test]
fn the_list_of_versions_does_not_grow_for_ever() {
    let mut versions = Versions::default();
    for number in 0..VERSIONS_MAX + 5 {
        let hash = ConfigurationHash::of(&number.to_string());
        versions = versions.with(hash, time("2026-11-20T03:00:00Z"));
    }
    assert_eq!(versions.all.len(), VERSIONS_MAX);
    let last = ConfigurationHash::of(&(VERSIONS_MAX + 4).to_string());
    assert_eq!(versions.newest(), Some(&last));
    let text = json::configuration::write_versions(&versions);
    assert!(text.len() < 10_000, "{}", text.len());
    assert_eq!(json::configuration::read_versions(&text).unwrap(), versions);
}

fn with_class(database: Database, class: &str) -> Database {
    let part = match database.member_of {
        Some(_) => Part::Member,
        None => Part::Instance,
    };
    let class = Some(Value::text(class));
    Database {
        captured: Captured::of(part, [(Setting::DbInstanceClass, class)]),
        ..database
    }
}

/// A cluster with two members, as its own row shows it.
fn shop(writer: &str) -> Database {
    let member = |name: &str| {
        let member = Member {
            is_writer: name == writer,
            settings: [(Setting::PromotionTier, Value::Number(1))].into(),
            tags: [].into(),
        };
        (name.to_owned(), member)
    };
    let captured = Captured {
        members: [member("shop-1"), member("shop-2")].into(),
        ..Captured::of(Part::Cluster, [(Setting::Port, Some(Value::Number(5432)))])
    };
    Database {
        arn: cluster("shop"),
        resource_id: ResourceId::parse("cluster-SHOP").unwrap(),
        engine: "aurora-postgresql".to_owned(),
        copy_facts: snapferry::domain::rds::copy_facts::CopyFacts::encrypted(),
        captured,
        ..listed("shop", TAGGED)
    }
}

fn member(name: &str, class: &str) -> Database {
    let database = Database {
        member_of: Some("shop".to_owned()),
        ..listed(name, &[])
    };
    with_class(database, class)
}

fn do_plan(world: &World) -> Vec<ProtectionRequest> {
    let before = world.runs().len();
    run(plan(world, &planning(&[]), When::Due)).unwrap();
    world.runs()[before..].to_vec()
}

/// What the table holds of the configuration that a run names.
fn stored(world: &World, run: &ProtectionRequest) -> Configuration {
    let hash = run.options.configuration.clone().unwrap();
    let key = (run.database.resource_id.clone(), hash);
    world.table().configurations().stored[&key].clone()
}

fn next_day(world: &World) {
    world.end_all_runs();
    world.pass(SignedDuration::from_hours(24));
}

#[test]
fn the_planner_stores_a_configuration_once_and_the_run_names_it() {
    let world = World::new();
    let orders = with_class(listed("orders", TAGGED), "db.r6g.large");
    world.rds().databases.push(orders.clone());
    let first = do_plan(&world).remove(0);
    let kept = stored(&world, &first);
    assert_eq!(kept.settings, orders.captured.settings);
    assert_eq!((&kept.database, &kept.tags), (&orders.arn, &orders.tags));
    next_day(&world);
    world.forget_calls();
    let second = do_plan(&world).remove(0);
    assert_eq!(second.options.configuration, first.options.configuration);
    let called = world.called();
    assert!(!called.contains(&Name::StoreConfiguration), "{called:?}");
    assert!(
        !called.contains(&Name::SetConfigurationVersions),
        "{called:?}"
    );
    let reads = called
        .iter()
        .filter(|name| **name == Name::ConfigurationVersions);
    assert_eq!(reads.count(), 1, "{called:?}");
}

#[test]
fn a_changed_setting_is_a_new_version_and_the_one_before_stays() {
    let world = World::new();
    let orders = listed("orders", TAGGED);
    world
        .rds()
        .databases
        .push(with_class(orders.clone(), "db.r6g.large"));
    let first = do_plan(&world).remove(0);
    next_day(&world);
    world.rds().databases = vec![with_class(orders, "db.r6g.xlarge")];
    let second = do_plan(&world).remove(0);
    let versions = world.table().configurations().versions[&first.database.resource_id].clone();
    let listed: Vec<_> = versions
        .all
        .iter()
        .map(|version| Some(version.hash.clone()))
        .collect();
    let named = [&first, &second].map(|run| run.options.configuration.clone());
    assert_eq!(listed, named);
    let class = |run| stored(&world, run).settings[&Setting::DbInstanceClass].to_string();
    assert_eq!(class(&first), "db.r6g.large");
    assert_eq!(class(&second), "db.r6g.xlarge");
}

#[test]
fn a_cluster_is_stored_with_its_members_settings_without_a_call_of_their_own() {
    let world = World::new();
    world.rds().databases.extend([
        member("shop-1", "db.r6g.large"),
        member("shop-2", "db.r6g.xlarge"),
        shop("shop-2"),
    ]);
    let run = do_plan(&world).remove(0);
    assert_eq!(world.calls_of("DescribeDBInstances"), 1);
    assert_eq!(world.calls_of("DescribeDBClusters"), 1);
    let kept = stored(&world, &run);
    let order = kept.members_in_order();
    let shown: Vec<_> = order
        .iter()
        .map(|(name, member)| (*name, member.is_known(), member.settings.len()))
        .collect();
    assert_eq!(shown, [("shop-2", true, 2), ("shop-1", true, 2)]);
}

#[test]
fn members_that_were_not_listed_are_as_they_were_known_before() {
    let world = World::new();
    world.rds().databases.extend([
        member("shop-1", "db.r6g.large"),
        member("shop-2", "db.r6g.xlarge"),
        shop("shop-2"),
    ]);
    let first = do_plan(&world).remove(0);
    next_day(&world);
    // The instances cannot be listed.
    world.break_once(Name::ListDatabases);
    let second = do_plan(&world).remove(0);
    assert_eq!(second.options.configuration, first.options.configuration);
}

#[test]
fn a_run_starts_without_a_configuration_if_the_table_does_not_take_it() {
    for name in [
        Name::ConfigurationVersions,
        Name::StoreConfiguration,
        Name::SetConfigurationVersions,
    ] {
        let world = World::new();
        let orders = with_class(listed("orders", TAGGED), "db.r6g.large");
        world.rds().databases.push(orders);
        world.break_once(name);
        let run = do_plan(&world).remove(0);
        assert_eq!(run.options.configuration, None, "{name:?}");
    }
}

/// So many times another run enters a version of its own right before this one does.
fn overtake(world: &World, times: usize) {
    let again = world.clone();
    world.meanwhile(Name::SetConfigurationVersions, move || {
        let of = a_run("orders").database.resource_id;
        let mut known = run(again.configuration_versions(std::slice::from_ref(&of))).unwrap();
        let known = known.remove(&of).unwrap_or_default();
        let other = ConfigurationHash::of(&times.to_string());
        let with = known.with(other, again.clock());
        run(again.set_configuration_versions(&of, &with, known.newest())).unwrap();
        if times > 1 {
            overtake(&again, times - 1);
        }
    });
}

#[test]
fn a_run_that_another_one_overtook_enters_its_version_again_or_names_none() {
    for (times, is_named) in [(1, true), (2, false)] {
        let world = World::new();
        let orders = with_class(listed("orders", TAGGED), "db.r6g.large");
        world.rds().databases.push(orders.clone());
        overtake(&world, times);
        let named = do_plan(&world).remove(0).options.configuration;
        let of = orders.resource_id.clone();
        let mut read = run(world.configuration_versions(std::slice::from_ref(&of))).unwrap();
        let versions = read.remove(&of).unwrap();
        assert_eq!(named.is_some(), is_named);
        assert_eq!(versions.newest() == named.as_ref(), is_named);
        assert_eq!(versions.all.len(), 2);
    }
}

#[test]
fn what_waits_is_not_stored() {
    let world = World::new();
    world.rds().databases.push(listed("orders", TAGGED));
    let plans = planning(&[("SNAPFERRY_FIRST_RUN", "wait")]);
    run(plan(&world, &plans, When::Due)).unwrap();
    assert!(world.runs().is_empty());
    assert!(world.table().configurations().stored.is_empty());
}

#[test]
fn the_permission_does_not_depend_on_the_name_of_a_configuration() {
    let plain = a_run("orders");
    let mut named = plain.clone();
    named.options.configuration = Some(ConfigurationHash::of("a"));
    assert_eq!(json::run::hash(&plain), json::run::hash(&named));
    assert_ne!(json::run::write(&plain), json::run::write(&named));
}

#[test]
fn an_input_without_a_configuration_is_still_read_as_before() {
    let text = json::run::write(&a_run("orders"));
    assert!(!text.contains("configuration"), "{text}");
    assert_eq!(json::run::read(&text).unwrap(), a_run("orders"));
}

#[test]
fn room_is_left_for_a_hold_beside_the_name_of_the_configuration() {
    let with = |carried: usize| crate::worker::copy_tags_of_a_named_run(carried);
    let named = "snapferry:configuration";
    assert_eq!(with(0)[named], ConfigurationHash::of("a").to_string());
    assert_eq!(with(41).len(), TAGS_MAX - 1);
    assert!(with(41).contains_key(named));
    assert_eq!(with(42).len(), TAGS_MAX - 1);
    assert!(!with(42).contains_key(named));
    assert_eq!(with(43).len(), TAGS_MAX);
}
