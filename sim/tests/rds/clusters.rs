//! Clusters: their snapshots, copies and events, and their differences from instances.

use snapferry_sim::rds::{
    ClusterSpec, CopyDbSnapshot, DescribeDbClusters, DescribeDbInstances, DescribeDbSnapshots,
    Ending, Family, Filter, InstanceSpec, InstanceStatus, PlannedOutcome, Rds, RdsConfig, RdsFault,
    Stage, Tags,
};

use super::model::{FAR_KEY, KEY, at, code, copy, create, here, run_out, tags, there, world};

fn arn(snapshot: &str) -> String {
    format!("arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:{snapshot}")
}

fn expected_copy(snapshot: &str, target: &str) -> CopyDbSnapshot {
    CopyDbSnapshot {
        source: arn(snapshot),
        kms_key: Some("alias/recovery".to_owned()),
        ..copy(snapshot, target)
    }
}

/// The cluster `shop`, encrypted, and its two members.
fn with_cluster() -> Rds {
    let mut rds = world(RdsConfig::default());
    let mut spec = ClusterSpec::aurora("shop");
    spec.kms_key = Some(KEY.to_owned());
    rds.add_cluster(&here(), spec).unwrap();
    rds
}

fn with_cluster_snapshot() -> Rds {
    let mut rds = with_cluster();
    rds.create_db_cluster_snapshot(&here(), &create("s", "shop"), at(0))
        .unwrap();
    run_out(&mut rds);
    rds
}

#[test]
fn a_cluster_backs_up_while_its_snapshot_is_taken_and_its_members_do_not() {
    let mut rds = with_cluster();
    let made = rds
        .create_db_cluster_snapshot(&here(), &create("S", "Shop"), at(0))
        .unwrap();
    assert_eq!((made.name.as_str(), made.stage), ("s", Stage::Creating));
    assert_eq!(made.arn, arn("s"));
    let status = |rds: &Rds| rds.cluster(&here(), "shop").unwrap().status;
    assert_eq!(status(&rds), InstanceStatus::BackingUp);
    let member = rds.instance(&here(), "shop-1").unwrap();
    assert_eq!(member.status, InstanceStatus::Available);
    let again = rds.create_db_cluster_snapshot(&here(), &create("s2", "shop"), at(1));
    assert_eq!(code(again), "InvalidDBClusterStateFault");
    run_out(&mut rds);
    assert_eq!(status(&rds), InstanceStatus::Available);
    let of_none = rds.create_db_cluster_snapshot(&here(), &create("s2", "none"), at(900));
    assert_eq!(code(of_none), "DBClusterNotFoundFault");
}

#[test]
fn members_are_instances_that_name_their_cluster_and_have_no_snapshots_of_their_own() {
    let mut rds = with_cluster();
    let page = rds
        .describe_db_instances(&here(), &DescribeDbInstances::default(), at(0))
        .unwrap();
    let of: Vec<_> = page
        .items
        .iter()
        .map(|item| item.spec.cluster.as_deref())
        .collect();
    assert_eq!(of, [Some("shop"); 2]);
    let answer = rds.create_db_snapshot(&here(), &create("s", "shop-1"), at(0));
    assert_eq!(code(answer), "InvalidParameterValue");
    let not_an_instance = rds.create_db_snapshot(&here(), &create("s", "shop"), at(0));
    assert_eq!(code(not_an_instance), "DBInstanceNotFound");
}

#[test]
fn an_instance_and_a_cluster_of_one_name_do_not_meet() {
    let mut rds = with_cluster();
    rds.add_instance(&here(), InstanceSpec::postgres("shop"))
        .unwrap();
    rds.create_db_snapshot(&here(), &create("s", "shop"), at(0))
        .unwrap();
    rds.create_db_cluster_snapshot(&here(), &create("s", "shop"), at(0))
        .unwrap();
    run_out(&mut rds);
    let (instance, cluster) = (
        rds.snapshot(&here(), "s").unwrap().instance.clone(),
        rds.cluster_snapshot(&here(), "s").unwrap().instance.clone(),
    );
    assert!(instance.resource_id.starts_with("db-"));
    assert!(cluster.resource_id.starts_with("cluster-"));
    rds.delete_db_cluster_snapshot(&here(), "s", at(900))
        .unwrap();
    run_out(&mut rds);
    assert!(rds.cluster_snapshot(&here(), "s").is_none());
    assert_eq!(
        rds.snapshot(&here(), "s").unwrap().stage(),
        Stage::Available
    );
    let crosswise = CopyDbSnapshot {
        source: "arn:aws:rds:eu-west-1:111122223333:snapshot:s".to_owned(),
        ..expected_copy("s", "c")
    };
    assert_eq!(
        code(rds.copy_db_cluster_snapshot(&there(), &crosswise, at(1000))),
        "InvalidParameterValue"
    );
}

#[test]
fn a_cluster_snapshot_has_events_and_neither_its_copy_nor_its_deletion_has_any() {
    let mut rds = with_cluster();
    rds.create_db_cluster_snapshot(&here(), &create("s", "shop"), at(0))
        .unwrap();
    let events = run_out(&mut rds);
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.event_id, event.region.as_str(), &event.source_arn[..]))
        .collect();
    let arn = arn("s");
    assert_eq!(
        told,
        [
            ("RDS-EVENT-0074", "eu-west-1", arn.as_str()),
            ("RDS-EVENT-0075", "eu-west-1", arn.as_str()),
        ]
    );
    let envelope = events[1].envelope();
    assert_eq!(envelope["detail-type"], "RDS DB Cluster Snapshot Event");
    assert_eq!(envelope["detail"]["SourceType"], "CLUSTER_SNAPSHOT");
    assert_eq!(envelope["detail"]["EventCategories"][0], "backup");
    assert_eq!(
        envelope["detail"]["Message"],
        "Manual cluster snapshot created"
    );
    rds.copy_db_cluster_snapshot(&there(), &expected_copy("s", "c"), at(1000))
        .unwrap();
    rds.delete_db_cluster_snapshot(&here(), "s", at(9000))
        .unwrap();
    assert_eq!(run_out(&mut rds), []);
    assert_eq!(
        rds.cluster_snapshot(&there(), "c").unwrap().stage(),
        Stage::Available
    );
}

#[test]
fn some_events_of_cluster_snapshots_leave_their_id_out_and_none_of_instances_do() {
    let mut rds = with_cluster();
    rds.add_instance(&here(), InstanceSpec::postgres("orders"))
        .unwrap();
    let mut with_id = [0, 0];
    for number in 0..20 {
        let now = at(number * 1000);
        let name = format!("s{number}");
        rds.create_db_cluster_snapshot(&here(), &create(&name, "shop"), now)
            .unwrap();
        rds.create_db_snapshot(&here(), &create(&name, "orders"), now)
            .unwrap();
        for event in run_out(&mut rds) {
            let told = event.detail().get("EventID").is_some();
            assert_eq!(told, event.tells_its_id);
            with_id[usize::from(event.source_type == "SNAPSHOT")] += usize::from(told);
        }
    }
    assert_eq!(with_id[1], 40);
    assert!((1..40).contains(&with_id[0]), "{with_id:?}");
}

#[test]
fn a_copy_keeps_the_cluster_and_shows_its_source_but_not_when_its_data_was_taken() {
    let mut rds = with_cluster_snapshot();
    let copied = rds
        .copy_db_cluster_snapshot(&there(), &expected_copy("s", "c"), at(5000))
        .unwrap();
    assert_eq!(copied.source_arn, Some(arn("s")));
    assert_eq!(copied.kms_key.as_deref(), Some(FAR_KEY));
    run_out(&mut rds);
    let truth = rds.cluster_snapshot(&there(), "c").unwrap();
    let shown = truth.seen_at(rds.now()).unwrap();
    assert_eq!(shown.instance.resource_id, copied.instance.resource_id);
    assert_eq!(
        copied.create_time,
        Some(at(5000)),
        "from the first answer on"
    );
    assert_eq!(shown.create_time, Some(at(5000)));
    assert_eq!(
        (shown.original_create_time, shown.source_region, shown.size),
        (None, None, None)
    );
    assert!(truth.taken_at < at(60), "the truth knows it");
}

#[test]
fn the_key_of_a_copy_must_be_given_for_an_encrypted_cluster_and_for_no_other() {
    let mut rds = with_cluster_snapshot();
    let without = CopyDbSnapshot {
        kms_key: None,
        ..expected_copy("s", "c")
    };
    assert_eq!(
        code(rds.copy_db_cluster_snapshot(&there(), &without, at(1000))),
        "InvalidParameterValue"
    );
    rds.set_key_enabled(&there(), FAR_KEY, false);
    assert_eq!(
        code(rds.copy_db_cluster_snapshot(&there(), &expected_copy("s", "c"), at(1000))),
        "KMSKeyNotAccessibleFault"
    );
    rds.set_key_enabled(&there(), FAR_KEY, true);
    rds.add_cluster(&here(), ClusterSpec::aurora("open"))
        .unwrap();
    rds.create_db_cluster_snapshot(&here(), &create("plain", "open"), at(1000))
        .unwrap();
    run_out(&mut rds);
    let with = expected_copy("plain", "c");
    assert_eq!(
        code(rds.copy_db_cluster_snapshot(&there(), &with, at(2000))),
        "InvalidParameterValue"
    );
    let without = CopyDbSnapshot {
        kms_key: None,
        ..with
    };
    let copied = rds.copy_db_cluster_snapshot(&there(), &without, at(2000));
    assert_eq!(copied.unwrap().kms_key, None);
}

#[test]
fn a_snapshot_of_a_multi_az_db_cluster_stays_in_its_region() {
    let mut rds = world(RdsConfig::default());
    let mut spec = ClusterSpec::multi_az("trio");
    spec.kms_key = Some(KEY.to_owned());
    rds.add_cluster(&here(), spec).unwrap();
    assert!(rds.cluster(&here(), "trio").unwrap().is_multi_az_cluster());
    assert_eq!(rds.instances(&here()).count(), 3);
    rds.create_db_cluster_snapshot(&here(), &create("s", "trio"), at(0))
        .unwrap();
    run_out(&mut rds);
    assert_eq!(
        code(rds.copy_db_cluster_snapshot(&there(), &expected_copy("s", "c"), at(1000))),
        "InvalidParameterValue"
    );
    let within = CopyDbSnapshot {
        kms_key: None,
        ..expected_copy("s", "c")
    };
    assert_eq!(
        code(rds.copy_db_cluster_snapshot(&here(), &within, at(1000))),
        "success"
    );
}

#[test]
fn both_families_share_the_copies_in_flight_and_each_has_its_own_quota() {
    let mut rds = with_cluster_snapshot();
    rds.config_mut().max_copies_in_flight = 2;
    rds.config_mut().manual_cluster_snapshot_quota = 2;
    rds.add_instance(&here(), InstanceSpec::postgres("orders"))
        .unwrap();
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(1000))
        .unwrap();
    run_out(&mut rds);
    rds.copy_db_cluster_snapshot(&there(), &expected_copy("s", "c"), at(2000))
        .unwrap();
    rds.copy_db_snapshot(&there(), &copy("s", "c"), at(2000))
        .unwrap();
    let third = rds.copy_db_cluster_snapshot(&there(), &expected_copy("s", "c2"), at(2000));
    assert_eq!(third.unwrap_err(), RdsFault::CopiesInFlightQuota(2));
    run_out(&mut rds);
    rds.copy_db_cluster_snapshot(&there(), &expected_copy("s", "c2"), at(9000))
        .unwrap();
    let third = rds.copy_db_cluster_snapshot(&there(), &expected_copy("s", "c3"), at(9000));
    assert_eq!(third.unwrap_err(), RdsFault::ManualSnapshotQuota(2));
    let quotas = rds.describe_account_attributes(&there(), at(9000));
    let of = |name: &str| {
        let quota = quotas.iter().find(|quota| quota.name == name).unwrap();
        (quota.used, quota.max)
    };
    assert_eq!(of("ManualClusterSnapshots"), (2, 2));
    assert_eq!(of("ManualSnapshots"), (1, 100));
}

#[test]
fn names_states_and_tags_are_refused_with_the_codes_of_clusters() {
    let mut rds = with_cluster();
    let long = "s".repeat(64);
    assert_eq!(
        code(rds.create_db_cluster_snapshot(&here(), &create(&long, "shop"), at(0))),
        "InvalidParameterValue"
    );
    rds.create_db_cluster_snapshot(&here(), &create(&long[1..], "shop"), at(0))
        .unwrap();
    let again = rds.create_db_cluster_snapshot(&here(), &create(&long[1..], "shop"), at(1));
    assert_eq!(code(again), "DBClusterSnapshotAlreadyExistsFault");
    let early = rds.copy_db_cluster_snapshot(&there(), &expected_copy(&long[1..], "c"), at(1));
    assert_eq!(code(early), "InvalidDBClusterSnapshotStateFault");
    let of_none = rds.copy_db_cluster_snapshot(&there(), &expected_copy("none", "c"), at(1));
    assert_eq!(code(of_none), "DBClusterSnapshotNotFoundFault");
    let delete = rds.delete_db_cluster_snapshot(&here(), &long[1..], at(1));
    assert_eq!(code(delete), "InvalidDBClusterSnapshotStateFault");
    let delete = rds.delete_db_cluster_snapshot(&here(), "none", at(1));
    assert_eq!(code(delete), "DBClusterSnapshotNotFoundFault");

    let cluster = "arn:aws:rds:eu-west-1:111122223333:cluster:shop";
    for of in [arn(&long[1..]), cluster.to_owned()] {
        rds.add_tags_to_resource(&here(), &of, &tags(&[("a", "b")]), at(2))
            .unwrap();
        let tags = rds.list_tags_for_resource(&here(), &of, at(2)).unwrap();
        assert_eq!(tags.get("a"), Some("b"), "{of}");
    }
    assert_eq!(
        code(rds.list_tags_for_resource(&here(), &arn("none"), at(2))),
        "DBClusterSnapshotNotFoundFault"
    );
}

#[test]
fn a_cluster_hands_its_tags_on_where_it_is_told_to() {
    let mut rds = with_cluster();
    rds.change_cluster(&here(), "shop", |cluster| {
        cluster.spec.copy_tags_to_snapshot = true;
        cluster.spec.tags = Tags::of_system([("team", "a"), ("aws:x", "y")]);
    });
    let made = rds
        .create_db_cluster_snapshot(&here(), &create("s", "shop"), at(0))
        .unwrap();
    assert_eq!(made.tags, Tags::of_system([("team", "a")]));
}

#[test]
fn cluster_snapshots_and_clusters_are_found_by_their_own_filters() {
    let mut rds = with_cluster_snapshot();
    let resource_id = rds.cluster(&here(), "shop").unwrap().resource_id.clone();
    let filter = |name: &str, value: &str| Filter {
        name: name.to_owned(),
        values: vec![value.to_owned()],
    };
    let mut found = |name: &str, value: &str| {
        let request = DescribeDbSnapshots {
            filters: vec![filter(name, value)],
            ..Default::default()
        };
        let page = rds.describe_db_cluster_snapshots(&here(), &request, at(2000));
        page.map(|page| page.items.len())
    };
    let cluster_arn = "arn:aws:rds:eu-west-1:111122223333:cluster:shop";
    for (name, value) in [
        ("db-cluster-snapshot-id", "S"),
        ("db-cluster-id", "shop"),
        ("db-cluster-id", cluster_arn),
        ("engine", "aurora-postgresql"),
        ("snapshot-type", "manual"),
    ] {
        assert_eq!(found(name, value), Ok(1), "{name}");
    }
    assert_eq!(found("db-cluster-snapshot-id", "none"), Ok(0));
    for name in ["db-snapshot-id", "dbi-resource-id"] {
        assert_eq!(code(found(name, "s")), "InvalidParameterValue");
    }
    let mut clusters = |cluster: Option<&str>, filters| {
        let request = DescribeDbClusters {
            cluster: cluster.map(str::to_owned),
            filters,
            ..Default::default()
        };
        let page = rds.describe_db_clusters(&here(), &request, at(2000));
        page.map(|page| page.items.len())
    };
    assert_eq!(clusters(None, vec![]), Ok(1));
    assert_eq!(clusters(Some(cluster_arn), vec![]), Ok(1));
    let by_resource_id = filter("db-cluster-resource-id", &resource_id);
    assert_eq!(clusters(None, vec![by_resource_id]), Ok(1));
    assert_eq!(
        code(clusters(Some("none"), vec![])),
        "DBClusterNotFoundFault"
    );
}

#[test]
fn a_planned_fate_meets_the_family_it_was_planned_for() {
    let mut rds = with_cluster();
    rds.add_instance(&here(), InstanceSpec::postgres("shop"))
        .unwrap();
    let planned = PlannedOutcome {
        ending: Ending::Failed,
        ..PlannedOutcome::default()
    };
    let faults = &mut rds.config_mut().faults;
    faults.plan_of(Family::Cluster, here(), "S", planned);
    rds.create_db_snapshot(&here(), &create("s", "shop"), at(0))
        .unwrap();
    rds.create_db_cluster_snapshot(&here(), &create("s", "shop"), at(0))
        .unwrap();
    let ids: Vec<_> = run_out(&mut rds)
        .iter()
        .map(|event| event.event_id)
        .collect();
    assert_eq!(
        rds.snapshot(&here(), "s").unwrap().stage(),
        Stage::Available
    );
    assert_eq!(
        rds.cluster_snapshot(&here(), "s").unwrap().stage(),
        Stage::Failed
    );
    assert!(!ids.contains(&"RDS-EVENT-0075"), "{ids:?}");
    assert_eq!(
        rds.cluster(&here(), "shop").unwrap().status,
        InstanceStatus::Available,
        "a failure ends the backing up too"
    );
}
