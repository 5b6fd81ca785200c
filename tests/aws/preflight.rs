//! Preflight: what the recovery region says before anything is made, shown by `snapferry restore --dry-run` and asked over
//! the SDK.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use snapferry::app::carry_out_all::{Stage, carry_out_restores};
use snapferry::app::preflight::check_plans;
use snapferry::app::restore::{RestoreOf, Which, plan_restore};
use snapferry::cli::{Ended, RestoreAction};
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::StackId;
use snapferry::domain::rds::database::Database;
use snapferry::domain::restore::plan::RestoreOptions;
use snapferry::domain::restore::preflight::{
    ClassOffer, EngineVersion, GroupKind, Quota, QuotaKind,
};
use snapferry::domain::restore::record::RestoreRecord;
use snapferry::domain::run::failure::Operation;
use snapferry::ports::{
    DescribeOffers, DescribeRestoreQuotas, ListGroups, StoreRestores, StoredRestore,
};

use crate::catalog_commands::keep_configurations;
use crate::rds::xml;
use crate::restore_commands::{by_names, copy, dry_run, orders, restore, world};
use crate::wire::{Reply, Wire};
use crate::world::{Call, Fixture, HOME, Name, World, a_run, region, run, time};

fn of_postgres() -> EngineVersion {
    EngineVersion {
        engine: "postgres".to_owned(),
        version: "17.6".to_owned(),
    }
}

fn of_aurora() -> EngineVersion {
    EngineVersion {
        engine: "aurora-postgresql".to_owned(),
        version: "16.9".to_owned(),
    }
}

fn quota(used: i64, max: i64) -> Quota {
    Quota { used, max }
}

/// What preflight says of a database: each check, and whether it stops.
fn found(answer: &Json, at: usize) -> Vec<(String, bool)> {
    let findings = answer["databases"][at]["preflight"].as_array().unwrap();
    let pair = |one: &Json| {
        assert!(!one["remedy"].as_str().unwrap().is_empty(), "{one}");
        let check = one["check"].as_str().unwrap();
        (check.to_owned(), one["stops"].as_bool().unwrap())
    };
    findings.iter().map(pair).collect()
}

fn stops(check: &str) -> (String, bool) {
    (check.to_owned(), true)
}

#[test]
fn a_region_that_has_everything_stops_nothing() {
    let world = world();
    for name in ["orders", "shop"] {
        let (ended, answer) = dry_run(&world, by_names(&[name]));
        assert_eq!(ended, Ended::Well, "{answer}");
        assert_eq!(found(&answer, 0), []);
        assert_eq!(answer["preflight"]["unanswered"], serde_json::json!([]));
    }
}

#[test]
fn each_finding_stops_its_database_and_names_one_remedy() {
    type Break = fn(&World);
    let broken: [(&str, Break, &str); 9] = [
        (
            "class",
            |world| {
                let class = Some("db.r6g.large".to_owned());
                world.rds().not_offered.insert((of_postgres(), class));
            },
            "orders",
        ),
        (
            "class",
            |world| {
                let class = Some("db.serverless".to_owned());
                world.rds().not_offered.insert((of_aurora(), class));
            },
            "shop",
        ),
        (
            "subnet-group",
            |world| {
                world.rds().groups.remove(&GroupKind::Subnets);
            },
            "orders",
        ),
        (
            "parameter-group",
            |world| {
                world.rds().groups.remove(&GroupKind::Parameters);
            },
            "orders",
        ),
        (
            "cluster-parameter-group",
            |world| {
                world.rds().groups.remove(&GroupKind::ClusterParameters);
            },
            "shop",
        ),
        (
            "option-group",
            |world| {
                world.rds().groups.remove(&GroupKind::Options);
            },
            "orders",
        ),
        (
            "instance-quota",
            |world| {
                let quotas = &mut world.rds().restore_quotas;
                quotas.insert(QuotaKind::Instances, quota(39, 40));
            },
            "shop",
        ),
        (
            "cluster-quota",
            |world| {
                let quotas = &mut world.rds().restore_quotas;
                quotas.insert(QuotaKind::Clusters, quota(41, 40));
            },
            "shop",
        ),
        ("key", |world| world.operator().keys.clear(), "orders"),
    ];
    for (check, breaks, name) in broken {
        let world = world();
        breaks(&world);
        let (ended, answer) = dry_run(&world, by_names(&[name]));
        assert_eq!(ended, Ended::Badly, "{check}: {answer}");
        assert_eq!(answer["databases"][0]["stopped"], true, "{check}");
        let checks = found(&answer, 0);
        assert!(checks.contains(&stops(check)), "{answer}");
        assert!(checks.iter().all(|(one, _)| one == check), "{answer}");
        let shown = restore(
            &world,
            by_names(&[name]),
            &RestoreOptions::default(),
            RestoreAction::DryRun,
            false,
        );
        let (ended, out) = shown.unwrap();
        assert_eq!(ended, Ended::Badly);
        for words in [
            format!("preflight {check}: "),
            "This stops the restore: ".to_owned(),
            "1 to restore, 0 stopped by a gap, 1 stopped by preflight, 0 left out.".to_owned(),
        ] {
            assert!(out.contains(&words), "{words}: {out}");
        }
    }
}

#[test]
fn an_instances_version_that_is_not_on_offer_is_a_warning() {
    let world = world();
    world.rds().not_offered.insert((of_postgres(), None));
    let (ended, answer) = dry_run(&world, by_names(&["orders"]));
    assert_eq!(ended, Ended::Well, "{answer}");
    assert_eq!(found(&answer, 0), [("engine-version".to_owned(), false)]);
    // Such a version has no class either, and that is no second finding.
    let classes = world.calls();
    let mut classes = classes.iter();
    assert!(!classes.any(|call| call.name() == Name::OffersClass));
}

#[test]
fn a_clusters_version_that_is_not_on_offer_is_a_warning_with_a_remedy_of_its_own() {
    let world = world();
    world.rds().not_offered.insert((of_aurora(), None));
    let (ended, answer) = dry_run(&world, by_names(&["shop"]));
    assert_eq!(ended, Ended::Well, "{answer}");
    assert_eq!(found(&answer, 0), [("engine-version".to_owned(), false)]);
    let remedy = answer["databases"][0]["preflight"][0]["remedy"].to_string();
    assert!(remedy.contains("restore-db-cluster-from-snapshot --engine-version"));
}

#[test]
fn a_key_that_only_a_later_change_names_is_a_warning() {
    let world = world();
    world.operator().keys.remove("alias/recovery");
    let (ended, answer) = dry_run(&world, by_names(&["orders"]));
    assert_eq!(ended, Ended::Well, "{answer}");
    assert_eq!(found(&answer, 0), [("key".to_owned(), false)]);
}

#[test]
fn what_fits_the_quota_goes_and_what_does_not_stops() {
    let world = world();
    let quotas = [
        (QuotaKind::Instances, quota(37, 40)),
        (QuotaKind::Storage, quota(0, 100_000)),
    ];
    world.rds().restore_quotas = quotas.into();
    // The cluster with its two members comes first; one place is left.
    let (_, answer) = dry_run(&world, by_names(&["orders", "shop"]));
    assert_eq!((found(&answer, 0), found(&answer, 1)), (vec![], vec![]));
    let more = (QuotaKind::Instances, quota(38, 40));
    world.rds().restore_quotas.extend([more]);
    let (ended, answer) = dry_run(&world, by_names(&["orders", "shop"]));
    assert_eq!(ended, Ended::Badly);
    assert_eq!(answer["databases"][0]["name"], "shop");
    assert_eq!(found(&answer, 0), []);
    assert_eq!(found(&answer, 1), [stops("instance-quota")]);
    // A cluster that cannot go takes no place from those after it.
    let more = (QuotaKind::Instances, quota(39, 40));
    world.rds().restore_quotas.extend([more]);
    let (_, answer) = dry_run(&world, by_names(&["orders", "shop"]));
    assert_eq!(found(&answer, 0), [stops("instance-quota")]);
    assert_eq!(found(&answer, 1), []);
}

#[test]
fn storage_counts_for_instances() {
    let world = world();
    let full = (QuotaKind::Storage, quota(99_999, 100_000));
    world.rds().restore_quotas.extend([full]);
    let (_, answer) = dry_run(&world, by_names(&["orders"]));
    assert_eq!(found(&answer, 0), [stops("storage-quota")]);
    let (_, answer) = dry_run(&world, by_names(&["shop"]));
    assert_eq!(found(&answer, 0), []);
}

/// A database of the recovery region under the name of one that is to be restored.
fn of_that_name(id: &str) -> Database {
    let arn = "arn:aws:rds:eu-central-1:111122223333:db:orders";
    Database {
        arn: RdsArn::parse(arn).unwrap(),
        resource_id: ResourceId::parse(id).unwrap(),
        ..crate::status::database("orders")
    }
}

fn planned(world: &World, which: &Which) -> snapferry::app::restore::RestorePlans {
    let (stack, home) = (StackId::parse("prod").unwrap(), region(HOME));
    let options = RestoreOptions::default();
    let of = RestoreOf {
        stack: &stack,
        home: &home,
        which,
        up_to: None,
        width: 20,
        options: &options,
    };
    run(plan_restore(world, of)).unwrap()
}

#[test]
fn a_name_that_another_database_has_stops_and_one_of_its_own_does_not() {
    let world = world();
    world.rds().databases.push(of_that_name("db-OTHER"));
    let (_, answer) = dry_run(&world, by_names(&["orders"]));
    assert_eq!(found(&answer, 0), [stops("name")]);

    let plans = planned(&world, &by_names(&["orders"]));
    let mut record = RestoreRecord::new(&plans.plans[0].plan, false, time("2026-11-22T03:00:00Z"));
    let id = ResourceId::parse("db-OTHER").unwrap();
    record.made.insert("orders".to_owned(), id);
    let stored = StoredRestore {
        revision: 1,
        record,
    };
    run(world.store_restore(&stored)).unwrap();
    world.forget_calls();
    // What is there already needs no room and no class.
    let full = (QuotaKind::Instances, quota(40, 40));
    world.rds().restore_quotas.extend([full]);
    let action = RestoreAction::DryRun;
    let options = RestoreOptions::default();
    let shown = restore(&world, by_names(&["orders"]), &options, action, true);
    let answer: Json = serde_json::from_str(&shown.unwrap().1).unwrap();
    assert_eq!(found(&answer, 0), []);
}

#[test]
fn what_is_not_answered_stops_nothing_and_is_said() {
    let of_rds = [
        Operation::DescribeAccountAttributes,
        Operation::DescribeDbInstances,
        Operation::DescribeDbEngineVersions,
        Operation::DescribeOrderableDbInstanceOptions,
        Operation::DescribeDbSubnetGroups,
    ];
    let of_rds = of_rds.map(Some);
    for refused in of_rds.into_iter().chain([None]) {
        let world = world();
        // If what is there cannot be listed, nothing follows from a quota.
        if refused == Some(Operation::DescribeDbInstances) {
            let full = (QuotaKind::Instances, quota(40, 40));
            world.rds().restore_quotas.extend([full]);
        }
        let words = match refused {
            Some(operation) => {
                world.script(operation, Some("AccessDenied"), "no");
                operation.as_str()
            }
            None => {
                world.refuse_once(Name::DescribeKey, "AccessDenied");
                "DescribeKey"
            }
        };
        let (ended, answer) = dry_run(&world, by_names(&["orders"]));
        assert_eq!(ended, Ended::Well, "{answer}");
        let said = answer["preflight"]["unanswered"].to_string();
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn a_person_may_do_without_it() {
    let world = world();
    world.rds().groups.clear();
    let options = RestoreOptions {
        skips_preflight: true,
        ..RestoreOptions::default()
    };
    let shown = restore(
        &world,
        by_names(&["orders"]),
        &options,
        RestoreAction::DryRun,
        true,
    );
    let answer: Json = serde_json::from_str(&shown.unwrap().1).unwrap();
    assert_eq!(answer["preflight"]["asked"], 0);
    assert_eq!(answer["databases"][0]["stopped"], false);
}

#[test]
fn what_preflight_stops_is_not_begun_and_the_others_are() {
    let world = world();
    world.rds().groups.remove(&GroupKind::Options);
    let (stack, home) = (StackId::parse("prod").unwrap(), region(HOME));
    let which = by_names(&["orders"]);
    let options = RestoreOptions::default();
    let of = RestoreOf {
        stack: &stack,
        home: &home,
        which: &which,
        up_to: None,
        width: 20,
        options: &options,
    };
    let mut plans = run(plan_restore(&world, of)).unwrap();
    run(check_plans(&world, of, &mut plans)).unwrap();
    world.forget_calls();
    let all = run(carry_out_restores(&world, of, plans, async |_| {}, |_| {})).unwrap();
    assert_eq!(all[0].stage, Stage::Stopped);
    let says = &all[0].says;
    assert!(
        says.contains("stopped by preflight: the region has no option group of-here"),
        "{says}"
    );
    assert_eq!(world.calls(), []);
}

#[test]
fn a_thousand_databases_of_one_kind_need_ten_questions() {
    let world = World::new();
    let of = crate::restore_commands::world();
    world.rds().groups = of.rds().groups.clone();
    let policies = crate::restore_commands::POLICIES;
    run(snapferry::app::policies::apply(
        &world,
        &region(HOME),
        policies,
        None,
    ))
    .unwrap();
    let names: Vec<String> = (0..1_000)
        .map(|number| format!("orders-{number}"))
        .collect();
    for name in &names {
        let run_of = a_run(name);
        let mut configuration = orders();
        configuration.database = run_of.database.arn.clone();
        configuration.resource_id = run_of.database.resource_id.clone();
        keep_configurations(&world, &[(configuration, "2026-11-20T03:00:00Z")]);
        let copy = copy(&run_of, "postgres", "17.6");
        world.operator().manual_snapshots.push(copy);
    }
    let quotas = [
        (QuotaKind::Instances, quota(12, 1_012)),
        (QuotaKind::Storage, quota(0, 1_000_000)),
    ];
    world.rds().restore_quotas = quotas.into();
    world.forget_calls();
    let (ended, answer) = dry_run(&world, Which::These(names));
    assert_eq!(ended, Ended::Well);
    // Instances, clusters, quotas, one version, one class, three kinds of groups, and two keys.
    assert_eq!(answer["preflight"]["asked"], 10);
    let asked = world.calls();
    let is_its_own = |call: &&Call| {
        matches!(
            call,
            Call::ListDatabases { .. }
                | Call::DescribeRestoreQuotas { .. }
                | Call::OffersVersion { .. }
                | Call::OffersClass { .. }
                | Call::ListGroups { .. }
                | Call::DescribeKey { .. }
        )
    };
    assert_eq!(asked.iter().filter(is_its_own).count(), 10);
}

fn fields(wire: &Wire) -> Vec<BTreeMap<String, String>> {
    wire.asked().iter().map(crate::wire::Asked::form).collect()
}

fn field<'a>(form: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    form.get(name).map_or("", String::as_str)
}

#[tokio::test]
async fn quotas_are_read_by_their_names() {
    let row = |name: &str, used: i64, max: i64| {
        format!(
            "<AccountQuota><AccountQuotaName>{name}</AccountQuotaName><Used>{used}</Used><Max>{max}</Max></AccountQuota>"
        )
    };
    let rows = row("DBInstances", 12, 40)
        + &row("ReservedDBInstances", 0, 40)
        + &row("AllocatedStorage", 7, 100_000);
    let answer = format!("<AccountQuotas>{rows}</AccountQuotas>");
    let wire = Wire::new([xml("DescribeAccountAttributes", &answer)]);
    let quotas = wire
        .aws()
        .describe_restore_quotas(&region(HOME))
        .await
        .unwrap();
    let expected = [
        (QuotaKind::Instances, quota(12, 40)),
        (QuotaKind::Storage, quota(7, 100_000)),
    ];
    assert_eq!(quotas, expected.into());
    assert!(
        wire.asked()[0].uri.contains("rds.eu-central-1."),
        "{:?}",
        wire.asked()
    );
}

#[tokio::test]
async fn a_version_and_a_class_are_asked_for_by_name_over_all_pages() {
    let empty = |action: &str, marker: &str| xml(action, marker);
    let version = "<DBEngineVersions><DBEngineVersion><Engine>postgres</Engine>\
        <EngineVersion>17.6</EngineVersion></DBEngineVersion></DBEngineVersions>";
    let class = "<OrderableDBInstanceOptions><OrderableDBInstanceOption><Engine>postgres</Engine>\
        <EngineVersion>17.6</EngineVersion><DBInstanceClass>db.r6g.large</DBInstanceClass>\
        </OrderableDBInstanceOption></OrderableDBInstanceOptions>";
    let (versions, classes) = (
        "DescribeDBEngineVersions",
        "DescribeOrderableDBInstanceOptions",
    );
    let wire = Wire::new([
        xml(versions, version),
        empty(versions, "<DBEngineVersions/>"),
        empty(classes, "<Marker>m</Marker><OrderableDBInstanceOptions/>"),
        xml(classes, class),
        empty(classes, "<OrderableDBInstanceOptions/>"),
    ]);
    let aws = wire.aws();
    let here = region(HOME);
    assert!(aws.offers_version(&here, &of_postgres()).await.unwrap());
    assert!(!aws.offers_version(&here, &of_postgres()).await.unwrap());
    let offer = ClassOffer {
        of: of_postgres(),
        class: "db.r6g.large".to_owned(),
    };
    assert!(aws.offers_class(&here, &offer).await.unwrap());
    assert!(!aws.offers_class(&here, &offer).await.unwrap());
    let forms = fields(&wire);
    for (form, action) in forms
        .iter()
        .zip([versions, versions, classes, classes, classes])
    {
        assert_eq!(field(form, "Action"), action);
        assert_eq!(field(form, "Engine"), "postgres");
        assert_eq!(field(form, "EngineVersion"), "17.6");
    }
    assert_eq!(field(&forms[2], "DBInstanceClass"), "db.r6g.large");
    assert_eq!(field(&forms[3], "Marker"), "m");
}

#[tokio::test]
async fn groups_are_listed_by_name_and_page() {
    let kinds = [
        (
            GroupKind::Subnets,
            "DescribeDBSubnetGroups",
            "DBSubnetGroups",
            "DBSubnetGroup",
            "DBSubnetGroupName",
        ),
        (
            GroupKind::Parameters,
            "DescribeDBParameterGroups",
            "DBParameterGroups",
            "DBParameterGroup",
            "DBParameterGroupName",
        ),
        (
            GroupKind::ClusterParameters,
            "DescribeDBClusterParameterGroups",
            "DBClusterParameterGroups",
            "DBClusterParameterGroup",
            "DBClusterParameterGroupName",
        ),
        (
            GroupKind::Options,
            "DescribeOptionGroups",
            "OptionGroupsList",
            "OptionGroup",
            "OptionGroupName",
        ),
    ];
    let answers: Vec<Reply> = kinds
        .iter()
        .map(|(_, action, list, row, name)| {
            xml(
                action,
                &format!(
                    "<Marker>next</Marker><{list}><{row}><{name}>here</{name}></{row}></{list}>"
                ),
            )
        })
        .collect();
    let wire = Wire::new(answers);
    let aws = wire.aws();
    for (kind, ..) in kinds {
        let marker = Some("here".to_owned());
        let page = aws.list_groups(&region(HOME), kind, marker).await.unwrap();
        assert_eq!(page.items, ["here"]);
        assert_eq!(page.next.as_deref(), Some("next"));
    }
    for (form, (_, action, ..)) in fields(&wire).iter().zip(kinds) {
        assert_eq!(field(form, "Action"), action);
        assert_eq!(field(form, "Marker"), "here");
    }
}
