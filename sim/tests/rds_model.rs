//! What the RDS model promises.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use snapferry_sim::rds::{
    CopyDbSnapshot, CreateDbSnapshot, DescribeDbInstances, DescribeDbSnapshots, DurationRange,
    EmittedEvent, Ending, EventFate, Fate, Filter, InstanceSpec, InstanceStatus, KmsKey, Paging,
    Rds, RdsConfig, RdsFault, Region, Stage, Tags,
};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1111";
const FAR_KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/2222";

fn here() -> Region {
    "eu-west-1".parse().unwrap()
}

fn there() -> Region {
    "eu-central-1".parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_323_045 + seconds).unwrap()
}

fn world(config: RdsConfig) -> Rds {
    let mut rds = Rds::new(config, 7);
    let key = |arn: &str, alias: &str| KmsKey {
        arn: arn.to_owned(),
        aliases: vec![alias.to_owned()],
        enabled: true,
    };
    rds.add_key(&here(), key(KEY, "alias/source"));
    rds.add_key(&there(), key(FAR_KEY, "alias/recovery"));
    rds
}

fn with_instances(names: &[&str]) -> Rds {
    let mut rds = world(RdsConfig::default());
    for name in names {
        rds.add_instance(&here(), InstanceSpec::postgres(*name))
            .unwrap();
    }
    rds
}

fn create(snapshot: &str, instance: &str) -> CreateDbSnapshot {
    CreateDbSnapshot {
        snapshot: snapshot.into(),
        instance: instance.into(),
        tags: vec![],
    }
}

fn arn(snapshot: &str) -> String {
    format!("arn:aws:rds:eu-west-1:111122223333:snapshot:{snapshot}")
}

fn copy(snapshot: &str, target: &str) -> CopyDbSnapshot {
    CopyDbSnapshot {
        source: arn(snapshot),
        target: target.into(),
        ..CopyDbSnapshot::default()
    }
}

/// Lets everything happen that is due, and returns the events.
fn run_out(rds: &mut Rds) -> Vec<EmittedEvent> {
    let mut events = Vec::new();
    while let Some(due) = rds.next_due() {
        events.extend(rds.advance(due));
    }
    events
}

/// A world with an available snapshot of one instance.
fn with_snapshot(change: impl FnOnce(&mut InstanceSpec)) -> Rds {
    let mut rds = world(RdsConfig::default());
    let mut spec = InstanceSpec::postgres("orders");
    change(&mut spec);
    rds.add_instance(&here(), spec).unwrap();
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    run_out(&mut rds);
    rds
}

fn tags(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

fn code<T>(answer: Result<T, RdsFault>) -> &'static str {
    answer.err().map_or("success", |fault| fault.code())
}

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
fn events_arrive_with_the_right_id_in_the_right_region_and_order() {
    let mut rds = with_instances(&["orders"]);
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    let mut events = run_out(&mut rds);
    rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1000))
        .unwrap();
    events.extend(run_out(&mut rds));
    rds.delete_db_snapshot(&there(), "c", at(9000)).unwrap();
    events.extend(run_out(&mut rds));

    let told: Vec<_> = events
        .iter()
        .map(|e| (e.event_id, e.region.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("RDS-EVENT-0040", "eu-west-1"),
            ("RDS-EVENT-0042", "eu-west-1"),
            ("RDS-EVENT-0059", "eu-central-1"),
            ("RDS-EVENT-0060", "eu-central-1"),
            ("RDS-EVENT-0041", "eu-central-1"),
        ]
    );
    assert!(events.is_sorted_by_key(|event| event.at));
    let finished = &events[3];
    assert_eq!(finished.source_identifier, "c");
    assert_eq!(
        finished.source_arn,
        "arn:aws:rds:eu-central-1:111122223333:snapshot:c"
    );
    let seconds = finished.date.duration_since(events[2].date).as_secs();
    let minutes = (seconds + 59) / 60;
    let expected =
        format!("Finished copy of snapshot s from region eu-west-1 in {minutes} minutes");
    assert_eq!(finished.message, expected);
}

#[test]
fn a_copy_within_a_region_has_its_own_events_and_no_source_fields() {
    let mut rds = with_snapshot(|spec| spec.kms_key = Some(KEY.into()));
    let request = CopyDbSnapshot {
        source: "S".into(),
        target: "c".into(),
        ..Default::default()
    };
    let copied = rds.copy_db_snapshot(&here(), &request, at(1000)).unwrap();
    assert_eq!((copied.source_region, copied.source_arn), (None, None));
    assert_eq!(copied.kms_key.as_deref(), Some(KEY), "the key is kept");
    assert_eq!(
        rds.copies_in_flight(&here()),
        0,
        "the limit is for copies across regions"
    );
    let ids: Vec<_> = run_out(&mut rds)
        .iter()
        .map(|event| event.event_id)
        .collect();
    assert_eq!(ids, ["RDS-EVENT-0196", "RDS-EVENT-0197"]);
}

#[test]
fn the_envelope_is_the_one_eventbridge_delivers() {
    let mut rds = with_snapshot(|_| ());
    let request = CopyDbSnapshot {
        tags: tags(&[("snapferry:run", "r1")]),
        ..copy("s", "c")
    };
    rds.copy_db_snapshot(&there(), &request, at(1000)).unwrap();
    let events = run_out(&mut rds);
    let event = events.last().unwrap();
    let envelope = event.envelope();
    assert_eq!(
        envelope,
        serde_json::json!({
            "version": "0",
            "id": event.id,
            "detail-type": "RDS DB Snapshot Event",
            "source": "aws.rds",
            "account": "111122223333",
            "time": event.date.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": "eu-central-1",
            "resources": ["arn:aws:rds:eu-central-1:111122223333:snapshot:c"],
            "detail": {
                "EventCategories": ["notification"],
                "SourceType": "SNAPSHOT",
                "SourceArn": "arn:aws:rds:eu-central-1:111122223333:snapshot:c",
                "Date": event.date.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
                "SourceIdentifier": "c",
                "Message": event.message,
                "EventID": "RDS-EVENT-0060",
                "Tags": { "snapferry:run": "r1" },
            },
        })
    );
}

#[test]
fn an_event_carries_the_tags_of_when_it_is_sent() {
    let mut rds = with_snapshot(|_| ());
    rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1000))
        .unwrap();
    let far = "arn:aws:rds:eu-central-1:111122223333:snapshot:c";
    rds.add_tags_to_resource(&there(), far, &tags(&[("late", "yes")]), at(1001))
        .unwrap();
    let events = run_out(&mut rds);
    assert_eq!(events.last().unwrap().tags.get("late"), Some("yes"));
}

#[test]
fn the_time_of_the_data_survives_copying_and_the_creation_time_does_not() {
    let mut rds = with_snapshot(|_| ());
    rds.copy_db_snapshot(&there(), &copy("s", "c"), at(5000))
        .unwrap();
    run_out(&mut rds);
    let source = rds.snapshot(&here(), "s").unwrap().clone();
    let copied = rds.snapshot(&there(), "c").unwrap().clone();
    assert!(at(0) < source.taken_at && source.taken_at < at(60));
    assert_eq!(copied.taken_at, source.taken_at);
    assert!(copied.begun_at > at(5000));
    assert_eq!(copied.instance, source.instance, "the resource id among it");
    assert_eq!(copied.size, source.size);
    let now = rds.now();
    let shown = copied.seen_at(now).unwrap();
    assert_eq!(shown.create_time, Some(copied.begun_at));
    assert_eq!(shown.original_create_time, Some(source.taken_at));
    assert_eq!(shown.source_arn, Some(arn("s")));
    assert_eq!(shown.source_region, Some(here()));
}

#[test]
fn a_queued_copy_shows_neither_progress_nor_times() {
    let mut rds = with_snapshot(|_| ());
    let copied = rds
        .copy_db_snapshot(&there(), &copy("s", "c"), at(1000))
        .unwrap();
    assert_eq!(copied.stage, Stage::Creating);
    assert_eq!((copied.percent_progress, copied.create_time), (0, None));
    let due = rds.next_due().unwrap();
    rds.advance(due);
    assert_eq!(rds.snapshot(&there(), "c").unwrap().stage(), Stage::Copying);
}

#[test]
fn a_name_that_is_taken_is_refused_in_any_case_and_stage() {
    let mut rds = with_snapshot(|_| ());
    let again = rds.create_db_snapshot(&here(), &create("S", "orders"), at(1000));
    assert_eq!(code(again), "DBSnapshotAlreadyExists");
    rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1000))
        .unwrap();
    assert_eq!(
        code(rds.copy_db_snapshot(&there(), &copy("s", "C"), at(1001))),
        "DBSnapshotAlreadyExists"
    );
    rds.delete_db_snapshot(&there(), "c", at(1002)).unwrap();
    let while_deleting = rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1002));
    assert_eq!(code(while_deleting), "DBSnapshotAlreadyExists");
    run_out(&mut rds);
    assert_eq!(
        code(rds.copy_db_snapshot(&there(), &copy("s", "c"), at(2000))),
        "success"
    );
}

#[test]
fn the_21st_copy_in_flight_is_refused_and_a_finished_or_deleted_one_makes_place() {
    let mut rds = with_snapshot(|_| ());
    for number in 0..20 {
        rds.copy_db_snapshot(&there(), &copy("s", &format!("c{number}")), at(1000))
            .unwrap();
    }
    let refused = rds.copy_db_snapshot(&there(), &copy("s", "c20"), at(1000));
    assert_eq!(
        refused.as_ref().unwrap_err(),
        &RdsFault::CopiesInFlightQuota(20)
    );
    assert_eq!(code(refused), "SnapshotQuotaExceeded");
    assert!(rds.snapshot(&there(), "c20").is_none());
    let other: Region = "us-east-1".parse().unwrap();
    assert_eq!(
        code(rds.copy_db_snapshot(&other, &copy("s", "c"), at(1000))),
        "success"
    );

    rds.delete_db_snapshot(&there(), "c3", at(1001)).unwrap();
    assert_eq!(
        code(rds.copy_db_snapshot(&there(), &copy("s", "c20"), at(1001))),
        "success"
    );
    assert_eq!(rds.copies_in_flight(&there()), 20);
    run_out(&mut rds);
    assert_eq!(
        (
            rds.copies_in_flight(&there()),
            rds.most_copies_in_flight(&there())
        ),
        (0, 20)
    );
    assert_eq!(
        code(rds.copy_db_snapshot(&there(), &copy("s", "c21"), at(9000))),
        "success"
    );
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
fn only_an_available_snapshot_is_copied() {
    let mut rds = with_instances(&["orders"]);
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    assert_eq!(
        code(rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1))),
        "InvalidDBSnapshotState"
    );
    assert_eq!(
        code(rds.copy_db_snapshot(&there(), &copy("no", "c"), at(1))),
        "DBSnapshotNotFound"
    );
    let by_name = CopyDbSnapshot {
        source: "s".into(),
        target: "c".into(),
        ..Default::default()
    };
    let answer = rds.copy_db_snapshot(&there(), &by_name, at(1));
    assert_eq!(
        code(answer),
        "DBSnapshotNotFound",
        "a name is looked up in the region called"
    );
    let strange = CopyDbSnapshot {
        source: "arn:aws:rds:x".into(),
        ..by_name
    };
    assert_eq!(
        code(rds.copy_db_snapshot(&there(), &strange, at(1))),
        "InvalidParameterValue"
    );
}

#[test]
fn an_encrypted_source_needs_a_key_of_the_destination_in_any_of_its_forms() {
    let mut rds = with_snapshot(|spec| spec.kms_key = Some("alias/source".into()));
    assert_eq!(
        rds.snapshot(&here(), "s").unwrap().kms_key.as_deref(),
        Some(KEY)
    );
    let without = rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1000));
    assert_eq!(code(without), "InvalidParameterValue");
    let with = |key: &str, target: &str| CopyDbSnapshot {
        kms_key: Some(key.to_owned()),
        ..copy("s", target)
    };
    for bad in [
        KEY,
        "1111",
        "alias/source",
        "alias/none",
        "arn:aws:kms:eu-central-1:999999999999:key/2222",
    ] {
        let answer = rds.copy_db_snapshot(&there(), &with(bad, "c"), at(1000));
        assert_eq!(code(answer), "KMSKeyNotAccessibleFault", "{bad}");
    }
    let alias_arn = "arn:aws:kms:eu-central-1:111122223333:alias/recovery";
    for (number, good) in [FAR_KEY, "2222", "alias/recovery", alias_arn]
        .iter()
        .enumerate()
    {
        let answer = rds.copy_db_snapshot(&there(), &with(good, &format!("c{number}")), at(1000));
        assert_eq!(answer.unwrap().kms_key.as_deref(), Some(FAR_KEY), "{good}");
    }
    rds.set_key_enabled(&there(), FAR_KEY, false);
    let disabled = rds.copy_db_snapshot(&there(), &with(FAR_KEY, "c"), at(1000));
    assert_eq!(code(disabled), "KMSKeyNotAccessibleFault");
    rds.set_key_enabled(&there(), FAR_KEY, true);
    rds.set_key_enabled(&here(), KEY, false);
    let source_key_gone = rds.copy_db_snapshot(&there(), &with(FAR_KEY, "c"), at(1000));
    assert_eq!(code(source_key_gone), "KMSKeyNotAccessibleFault");
}

#[test]
fn a_key_on_an_unencrypted_source_encrypts_the_copy() {
    let mut rds = with_snapshot(|_| ());
    let request = CopyDbSnapshot {
        kms_key: Some("2222".into()),
        ..copy("s", "c")
    };
    let copied = rds.copy_db_snapshot(&there(), &request, at(1000)).unwrap();
    assert_eq!(copied.kms_key.as_deref(), Some(FAR_KEY));
}

#[test]
fn explicit_tags_win_over_copied_ones_and_reserved_ones_are_not_inherited() {
    let mut rds = with_snapshot(|spec| {
        spec.copy_tags_to_snapshot = true;
        spec.tags = Tags::of_system([("team", "a"), ("aws:cloudformation:stack-name", "x")]);
    });
    let of = |rds: &Rds, region: &Region, name: &str| {
        let tags = rds.snapshot(region, name).unwrap().tags.clone();
        tags.iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&rds, &here(), "s"), ["team=a"]);
    let request = CopyDbSnapshot {
        copy_tags: true,
        ..copy("s", "c1")
    };
    rds.copy_db_snapshot(&there(), &request, at(1000)).unwrap();
    assert_eq!(of(&rds, &there(), "c1"), ["team=a"]);
    let request = CopyDbSnapshot {
        copy_tags: true,
        tags: tags(&[("own", "1")]),
        ..copy("s", "c2")
    };
    rds.copy_db_snapshot(&there(), &request, at(1000)).unwrap();
    assert_eq!(of(&rds, &there(), "c2"), ["own=1"]);
    rds.copy_db_snapshot(&there(), &copy("s", "c3"), at(1000))
        .unwrap();
    assert!(
        of(&rds, &there(), "c3").is_empty(),
        "tags are not copied unless asked"
    );
    let own = CreateDbSnapshot {
        tags: tags(&[("own", "1")]),
        ..create("s2", "orders")
    };
    rds.create_db_snapshot(&here(), &own, at(1000)).unwrap();
    assert_eq!(
        of(&rds, &here(), "s2"),
        ["own=1"],
        "own tags stop the inheritance"
    );
}

#[test]
fn tags_beyond_the_rules_are_refused() {
    let mut rds = with_instances(&["orders"]);
    let long = "k".repeat(129);
    let wide = "v".repeat(257);
    let bad = [
        ("aws:x", "1"),
        ("AWS:x", "1"),
        ("", "1"),
        (long.as_str(), "1"),
        ("k", &wide),
        ("k", "a*b"),
    ];
    for pair in bad {
        let request = CreateDbSnapshot {
            tags: tags(&[pair]),
            ..create("s", "orders")
        };
        let answer = rds.create_db_snapshot(&here(), &request, at(0));
        assert_eq!(code(answer), "InvalidParameterValue", "{pair:?}");
    }
    let many = |count: usize| {
        (0..count)
            .map(|n| (format!("k{n}"), "v".to_owned()))
            .collect()
    };
    let request = CreateDbSnapshot {
        tags: many(51),
        ..create("s", "orders")
    };
    assert_eq!(
        code(rds.create_db_snapshot(&here(), &request, at(0))),
        "InvalidParameterValue"
    );
    let request = CreateDbSnapshot {
        tags: many(50),
        ..create("s", "orders")
    };
    assert_eq!(
        code(rds.create_db_snapshot(&here(), &request, at(0))),
        "success"
    );
    let one_more = rds.add_tags_to_resource(&here(), &arn("s"), &tags(&[("x", "y")]), at(1));
    assert_eq!(code(one_more), "InvalidParameterValue");
    let another_value = rds.add_tags_to_resource(&here(), &arn("s"), &tags(&[("k0", "y")]), at(1));
    assert_eq!(code(another_value), "success");
    assert_eq!(
        rds.list_tags_for_resource(&here(), &arn("s"), at(1))
            .unwrap()
            .get("k0"),
        Some("y")
    );
    let foreign = rds.list_tags_for_resource(&there(), &arn("s"), at(1));
    assert_eq!(code(foreign), "InvalidParameterValue");
    assert_eq!(
        code(rds.list_tags_for_resource(&here(), &arn("no"), at(1))),
        "DBSnapshotNotFound"
    );
}

#[test]
fn deleting_ends_a_running_copy_and_the_name_is_free_afterwards() {
    let mut rds = with_snapshot(|_| ());
    rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1000))
        .unwrap();
    let deleted = rds.delete_db_snapshot(&there(), "c", at(1010)).unwrap();
    assert_eq!(deleted.stage, Stage::Deleting);
    assert_eq!(
        code(rds.delete_db_snapshot(&there(), "c", at(1010))),
        "InvalidDBSnapshotState"
    );
    let ids: Vec<_> = run_out(&mut rds)
        .iter()
        .map(|event| event.event_id)
        .collect();
    assert!(
        ids.ends_with(&["RDS-EVENT-0061", "RDS-EVENT-0041"]),
        "{ids:?}"
    );
    assert!(!ids.contains(&"RDS-EVENT-0060"));
    assert_eq!(
        code(rds.delete_db_snapshot(&there(), "c", at(9000))),
        "DBSnapshotNotFound"
    );
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

#[test]
fn a_copy_fails_when_its_source_is_deleted_or_its_key_is_disabled_under_way() {
    let mut rds = with_snapshot(|_| ());
    rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1000))
        .unwrap();
    rds.delete_db_snapshot(&here(), "s", at(1010)).unwrap();
    run_out(&mut rds);
    assert_eq!(rds.snapshot(&there(), "c").unwrap().stage(), Stage::Failed);

    let mut rds = with_snapshot(|spec| spec.kms_key = Some(KEY.into()));
    let request = CopyDbSnapshot {
        kms_key: Some("2222".into()),
        ..copy("s", "c")
    };
    rds.copy_db_snapshot(&there(), &request, at(1000)).unwrap();
    rds.set_key_enabled(&there(), FAR_KEY, false);
    run_out(&mut rds);
    assert_eq!(rds.snapshot(&there(), "c").unwrap().stage(), Stage::Failed);
}

#[test]
fn a_failed_snapshot_has_no_event_and_releases_its_instance() {
    let mut rds = with_instances(&["orders"]);
    let fate = Fate {
        ending: Ending::Failed,
        ..Fate::default()
    };
    rds.config_mut().faults.plan(here(), "s", fate);
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    let ids: Vec<_> = run_out(&mut rds)
        .iter()
        .map(|event| event.event_id)
        .collect();
    assert_eq!(ids, ["RDS-EVENT-0040"]);
    assert_eq!(rds.snapshot(&here(), "s").unwrap().stage(), Stage::Failed);
    assert_eq!(
        rds.instance(&here(), "orders").unwrap().status,
        InstanceStatus::Available
    );
}

#[test]
fn a_failed_copy_gives_its_place_back_and_one_that_never_ends_keeps_it() {
    let mut rds = with_snapshot(|_| ());
    for (name, ending) in [("failed", Ending::Failed), ("never", Ending::Never)] {
        rds.config_mut().faults.plan(
            there(),
            name,
            Fate {
                ending,
                ..Fate::default()
            },
        );
        rds.copy_db_snapshot(&there(), &copy("s", name), at(1000))
            .unwrap();
    }
    let ids: Vec<_> = run_out(&mut rds)
        .iter()
        .map(|event| event.event_id)
        .collect();
    assert_eq!(ids, ["RDS-EVENT-0059", "RDS-EVENT-0059"]);
    assert_eq!(rds.copies_in_flight(&there()), 1);
    let stuck = rds
        .snapshot(&there(), "never")
        .unwrap()
        .seen_at(at(99_999))
        .unwrap();
    assert_eq!((stuck.stage, stuck.percent_progress), (Stage::Copying, 99));
}

#[test]
fn events_are_lost_doubled_and_late_as_planned() {
    let minute = SignedDuration::from_mins(1);
    for (fate, expected) in [
        (EventFate::Arrives, vec![0]),
        (EventFate::Lost, vec![]),
        (EventFate::Late(minute), vec![60]),
        (EventFate::Twice(minute), vec![0, 60]),
    ] {
        let mut rds = with_instances(&["orders"]);
        let fate = Fate {
            done_event: fate,
            ..Fate::default()
        };
        rds.config_mut().faults.plan(here(), "s", fate);
        rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
            .unwrap();
        let events = run_out(&mut rds);
        let done = events
            .iter()
            .filter(|event| event.event_id == "RDS-EVENT-0042");
        let delays: Vec<_> = done
            .map(|e| e.at.duration_since(e.date).as_secs())
            .collect();
        assert_eq!(delays, expected);
    }
}

#[test]
fn describe_lags_behind_the_truth_as_planned() {
    let mut rds = with_instances(&["orders"]);
    let fate = Fate {
        describe_lag: SignedDuration::from_secs(30),
        ..Fate::default()
    };
    rds.config_mut().faults.plan(here(), "s", fate);
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    let by_name = DescribeDbSnapshots {
        snapshot: Some("s".into()),
        ..Default::default()
    };
    assert_eq!(
        code(rds.describe_db_snapshots(&here(), &by_name, at(29))),
        "DBSnapshotNotFound"
    );
    assert_eq!(
        code(rds.describe_db_snapshots(&here(), &by_name, at(30))),
        "success"
    );
    run_out(&mut rds);
    let done = rds.snapshot(&here(), "s").unwrap().since();
    let later = |seconds| {
        done.checked_add(SignedDuration::from_secs(seconds))
            .unwrap()
    };
    for (seconds, expected) in [(29, Stage::Creating), (30, Stage::Available)] {
        let page = rds
            .describe_db_snapshots(&here(), &by_name, later(seconds))
            .unwrap();
        assert_eq!(page.items[0].stage, expected);
    }
}

#[test]
fn a_filter_without_match_is_an_empty_list_and_an_identifier_without_match_an_error() {
    let mut rds = with_snapshot(|_| ());
    let resource_id = rds.instance(&here(), "orders").unwrap().resource_id.clone();
    assert!(resource_id.len() == 29 && resource_id.starts_with("db-"));
    let names = |rds: &mut Rds, filters: &[(&str, &[&str])]| {
        let filters = filters.iter().map(|(name, values)| Filter {
            name: (*name).to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        });
        let request = DescribeDbSnapshots {
            filters: filters.collect(),
            ..Default::default()
        };
        let page = rds.describe_db_snapshots(&here(), &request, at(1000))?;
        Ok::<_, RdsFault>(
            page.items
                .into_iter()
                .map(|item| item.name)
                .collect::<Vec<_>>(),
        )
    };
    let instance_arn = "arn:aws:rds:eu-west-1:111122223333:db:orders";
    let fits: [(&str, &[&str]); 6] = [
        ("db-snapshot-id", &["none", "S", "s"]),
        ("db-instance-id", &["Orders"]),
        ("db-instance-id", &[instance_arn]),
        ("dbi-resource-id", &[&resource_id]),
        ("snapshot-type", &["automated", "manual"]),
        ("engine", &["postgres"]),
    ];
    for filter in fits {
        assert_eq!(names(&mut rds, &[filter]).unwrap(), ["s"], "{filter:?}");
        let both = names(&mut rds, &[filter, ("engine", &["mysql"])]).unwrap();
        assert!(both.is_empty(), "all filters must fit");
    }
    for filter in [
        ("db-snapshot-id", &["none"][..]),
        ("snapshot-type", &["automated"]),
    ] {
        assert!(names(&mut rds, &[filter]).unwrap().is_empty());
    }
    for filter in [
        ("tag:team", &["x"][..]),
        ("engine", &[]),
        ("db-cluster-id", &["x"]),
    ] {
        assert_eq!(code(names(&mut rds, &[filter])), "InvalidParameterValue");
    }
    let mut ask = |name: &str| {
        let request = DescribeDbSnapshots {
            snapshot: Some(name.into()),
            ..Default::default()
        };
        code(rds.describe_db_snapshots(&here(), &request, at(1000)))
    };
    assert_eq!([ask("S"), ask(&arn("s"))], ["success"; 2]);
    let far = "arn:aws:rds:eu-central-1:111122223333:snapshot:s";
    assert_eq!([ask("none"), ask(far)], ["DBSnapshotNotFound"; 2]);
    let request = DescribeDbInstances {
        instance: Some("none".into()),
        ..Default::default()
    };
    assert_eq!(
        code(rds.describe_db_instances(&here(), &request, at(1000))),
        "DBInstanceNotFound"
    );
}

#[test]
fn page_sizes_and_markers_beyond_the_rules_are_refused() {
    let mut rds = with_snapshot(|_| ());
    let mut ask = |max_records, marker: Option<&str>| {
        let paging = Paging {
            max_records,
            marker: marker.map(str::to_owned),
        };
        let request = DescribeDbSnapshots {
            paging,
            ..Default::default()
        };
        code(rds.describe_db_snapshots(&here(), &request, at(1000)))
    };
    assert_eq!([ask(Some(20), None), ask(Some(100), None)], ["success"; 2]);
    for (max_records, marker) in [
        (Some(19), None),
        (Some(101), None),
        (Some(-1), None),
        (None, Some("s")),
        (None, Some("zz")),
        (None, Some("é")),
        (None, Some("+1")),
    ] {
        assert_eq!(
            ask(max_records, marker),
            "InvalidParameterValue",
            "{max_records:?} {marker:?}"
        );
    }
}

/// Everything a busy world tells, for one seed.
fn trace(seed: u64) -> Vec<EmittedEvent> {
    let mut config = RdsConfig::default();
    config.timings.event_delay = DurationRange::seconds(0, 60);
    config.faults.odds.failed = 0.2;
    config.faults.odds.event_lost = 0.2;
    let mut rds = Rds::new(config, seed);
    for number in 0..10 {
        let name = format!("db{number}");
        rds.add_instance(&here(), InstanceSpec::postgres(&name))
            .unwrap();
        rds.create_db_snapshot(&here(), &create(&format!("s{number}"), &name), at(number))
            .unwrap();
    }
    let mut events = run_out(&mut rds);
    for number in 0..10 {
        let name = format!("s{number}");
        if rds.snapshot(&here(), &name).unwrap().stage() == Stage::Available {
            rds.copy_db_snapshot(&there(), &copy(&name, &name), at(2000))
                .unwrap();
        }
    }
    events.extend(run_out(&mut rds));
    events
}

#[test]
fn the_same_seed_tells_the_same_story_and_another_one_another() {
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
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

    #[test]
    fn every_snapshot_is_listed_once_whatever_the_page_size(
        numbers in prop::collection::btree_set(0u32..100_000, 0..130),
        size in 20i64..=100,
        by_filter: bool,
    ) {
        let mut rds = Rds::new(RdsConfig { manual_snapshot_quota: 500, ..Default::default() }, 1);
        let mut expected = BTreeSet::new();
        for number in numbers {
            let (name, instance) = (format!("s-{number}"), format!("db-{number}"));
            rds.add_instance(&here(), InstanceSpec::postgres(&instance)).unwrap();
            rds.create_db_snapshot(&here(), &create(&name, &instance), at(0)).unwrap();
            expected.insert(name);
        }
        rds.config_mut().max_filter_values = 500;
        let values: Vec<_> = expected.iter().rev().cloned().collect();
        let filter = Filter { name: "db-snapshot-id".into(), values };
        let filters = if by_filter && !expected.is_empty() { vec![filter] } else { vec![] };
        let mut listed = Vec::new();
        let mut marker = None;
        loop {
            let paging = Paging { max_records: Some(size), marker };
            let request =
                DescribeDbSnapshots { filters: filters.clone(), paging, ..Default::default() };
            let page = rds.describe_db_snapshots(&here(), &request, at(1)).unwrap();
            prop_assert!(page.items.len() as i64 <= size);
            listed.extend(page.items.into_iter().map(|item| item.name));
            marker = page.marker;
            if marker.is_none() {
                break;
            }
        }
        prop_assert_eq!(listed, expected.into_iter().collect::<Vec<_>>());
    }
}
