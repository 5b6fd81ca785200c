//! Taking snapshots.

use jiff::SignedDuration;
use proptest::prelude::*;
use snapferry_sim::rds::{
    DescribeDbSnapshots, DurationRange, InstanceSpec, InstanceStatus, Rds, RdsConfig, RdsFault,
    Region, Stage,
};

use super::model::{at, code, copy, create, here, run_out, there, with_instances, world};

#[test]
fn a_snapshot_is_creating_until_it_is_available_and_its_instance_backs_up_meanwhile() {
    let mut rds = with_instances(&["orders"]);
    let first = rds
        .create_db_snapshot(&here(), &create("S-One", "Orders"), at(0))
        .unwrap();
    assert_eq!(
        (first.name.as_str(), first.stage),
        ("s-one", Stage::Creating)
    );
    assert_eq!(
        (first.create_time, first.original_create_time, first.size),
        (None, None, None)
    );
    assert_eq!(
        rds.instance(&here(), "orders").unwrap().status,
        InstanceStatus::BackingUp
    );
    let second = rds.create_db_snapshot(&here(), &create("s-two", "orders"), at(1));
    assert_eq!(code(second), "InvalidDBInstanceState");

    let mut progress = Vec::new();
    let by_name = DescribeDbSnapshots {
        snapshot: Some("s-one".into()),
        ..Default::default()
    };
    for minute in 0..20 {
        let page = rds
            .describe_db_snapshots(&here(), &by_name, at(minute * 30))
            .unwrap();
        progress.push((page.items[0].percent_progress, page.items[0].stage));
    }
    assert!(
        progress.is_sorted_by_key(|(percent, _)| *percent),
        "{progress:?}"
    );
    assert!(
        progress
            .iter()
            .any(|(percent, stage)| { *stage == Stage::Creating && (1..100).contains(percent) })
    );
    assert_eq!(*progress.last().unwrap(), (100, Stage::Available));
    assert_eq!(
        rds.instance(&here(), "orders").unwrap().status,
        InstanceStatus::Available
    );
    assert_eq!(
        code(rds.create_db_snapshot(&here(), &create("s-two", "orders"), at(900))),
        "success"
    );
}

#[test]
fn only_an_instance_at_rest_is_snapshotted() {
    let mut rds = with_instances(&["orders"]);
    for (status, expected) in [
        (InstanceStatus::Stopped, "InvalidDBInstanceState"),
        (InstanceStatus::Modifying, "InvalidDBInstanceState"),
        (InstanceStatus::StorageOptimization, "success"),
    ] {
        rds.change_instance(&here(), "orders", |instance| instance.status = status);
        let answer = rds.create_db_snapshot(&here(), &create("s", "orders"), at(0));
        assert_eq!(code(answer), expected, "{status:?}");
    }
    let elsewhere = rds.create_db_snapshot(&there(), &create("s2", "orders"), at(0));
    assert_eq!(code(elsewhere), "DBInstanceNotFound");
}

#[test]
fn the_quota_of_manual_snapshots_is_per_region_and_told_apart_by_the_account_figures() {
    let mut config = RdsConfig {
        manual_snapshot_quota: 2,
        ..RdsConfig::default()
    };
    config.timings.copy = DurationRange::exactly(SignedDuration::from_secs(1));
    let mut rds = world(config);
    for name in ["a", "b", "c"] {
        rds.add_instance(&here(), InstanceSpec::postgres(name))
            .unwrap();
    }
    rds.create_db_snapshot(&here(), &create("s-a", "a"), at(0))
        .unwrap();
    rds.create_db_snapshot(&here(), &create("s-b", "b"), at(0))
        .unwrap();
    let third = rds.create_db_snapshot(&here(), &create("s-c", "c"), at(0));
    assert_eq!(third.unwrap_err(), RdsFault::ManualSnapshotQuota(2));
    assert_eq!(
        rds.instance(&here(), "c").unwrap().status,
        InstanceStatus::Available
    );
    let quota = |rds: &mut Rds, region: &Region| {
        let quotas = rds.describe_account_attributes(region, at(0));
        let manual = quotas
            .into_iter()
            .find(|quota| quota.name == "ManualSnapshots")
            .unwrap();
        (manual.used, manual.max)
    };
    assert_eq!(quota(&mut rds, &here()), (2, 2));
    assert_eq!(quota(&mut rds, &there()), (0, 2));
    run_out(&mut rds);
    assert_eq!(
        code(rds.copy_db_snapshot(&there(), &copy("s-a", "c"), at(999))),
        "success"
    );
}

#[test]
fn a_member_of_a_cluster_has_no_snapshot_of_its_own() {
    let mut rds = with_instances(&["orders"]);
    rds.change_instance(&here(), "orders", |instance| {
        instance.spec.cluster = Some("shop".to_owned());
    });
    let answer = rds.create_db_snapshot(&here(), &create("s", "orders"), at(0));
    assert_eq!(code(answer), "InvalidParameterValue");
}

#[test]
fn a_snapshot_that_is_being_taken_cannot_be_deleted() {
    let mut rds = with_instances(&["orders"]);
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    assert_eq!(
        code(rds.delete_db_snapshot(&here(), "s", at(1))),
        "InvalidDBSnapshotState"
    );
}

fn is_an_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    (1..=255).contains(&text.len())
        && characters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !text.ends_with('-')
        && !text.contains("--")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_identifier_is_taken_exactly_when_it_keeps_the_rules(
        name in prop_oneof!["[aZ0-]{0,6}", "[a-z][a-z-]{250,256}", ".{0,4}"],
    ) {
        let mut rds = with_instances(&["orders"]);
        let answer = rds.create_db_snapshot(&here(), &create(&name, "orders"), at(0));
        if is_an_identifier(&name) {
            prop_assert_eq!(answer.unwrap().name, name.to_ascii_lowercase());
        } else {
            prop_assert_eq!(code(answer), "InvalidParameterValue");
        }
    }
}
