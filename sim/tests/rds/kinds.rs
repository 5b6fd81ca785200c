//! What real accounts have: the kinds of databases, and what RDS does with each.

use snapferry_sim::rds::{
    ClusterSpec, CopyDbSnapshot, DescribeDbClusters, DescribeDbInstances, DescribeDbSnapshots,
    Family, Filter, InstanceSpec, InstanceStatus, KeylessClusterCopies, KmsKey, Rds, RdsConfig,
    RdsFault, Region,
};

use super::model::{FAR_KEY, KEY, arn, at, code, copy, create, here, run_out, there, world};

fn with_instance(spec: InstanceSpec) -> Rds {
    let mut rds = world(RdsConfig::default());
    rds.add_instance(&here(), spec).unwrap();
    rds
}

fn with_key(snapshot: &str, target: &str) -> CopyDbSnapshot {
    CopyDbSnapshot {
        kms_key: Some(FAR_KEY.to_owned()),
        ..copy(snapshot, target)
    }
}

fn cluster_copy(target: &str) -> CopyDbSnapshot {
    CopyDbSnapshot {
        source: "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:s".to_owned(),
        ..with_key("s", target)
    }
}

/// Takes a snapshot of an instance and copies it to the other region.
fn protect(rds: &mut Rds, instance: &str) -> &'static str {
    let taken = rds.create_db_snapshot(&here(), &create("s", instance), at(0));
    if taken.is_err() {
        return code(taken);
    }
    run_out(rds);
    code(rds.copy_db_snapshot(&there(), &with_key("s", "c"), at(1000)))
}

#[test]
fn no_snapshot_is_taken_in_a_status_that_is_not_at_rest() {
    for status in [
        InstanceStatus::Creating,
        InstanceStatus::Starting,
        InstanceStatus::Stopping,
        InstanceStatus::Stopped,
        InstanceStatus::Failed,
        InstanceStatus::IncompatibleParameters,
        InstanceStatus::IncompatibleNetwork,
        InstanceStatus::IncompatibleRestore,
        InstanceStatus::InaccessibleEncryptionCredentials,
        InstanceStatus::InaccessibleEncryptionCredentialsRecoverable,
        InstanceStatus::Deleting,
    ] {
        let mut rds = with_instance(InstanceSpec::postgres("orders"));
        rds.add_cluster(&here(), ClusterSpec::aurora("shop"))
            .unwrap();
        rds.change_instance(&here(), "orders", |one| one.status = status);
        rds.change_cluster(&here(), "shop", |one| one.status = status);
        let instance = rds.create_db_snapshot(&here(), &create("s", "orders"), at(0));
        let cluster = rds.create_db_cluster_snapshot(&here(), &create("s", "shop"), at(0));
        assert_eq!(
            [code(instance), code(cluster)],
            ["InvalidDBInstanceState", "InvalidDBClusterStateFault"],
            "{status:?}"
        );
    }
}

#[test]
fn a_key_that_aws_owns_is_told_from_none_and_from_one_of_kms() {
    let mut specs = ["none", "kms", "owned"].map(InstanceSpec::postgres);
    specs[1].kms_key = Some(KEY.to_owned());
    specs[2].aws_owned_key = true;
    for (spec, word) in specs.into_iter().zip(["none", "sse-kms", "sse-rds"]) {
        let name = spec.identifier.clone();
        let mut rds = with_instance(spec);
        assert_eq!(
            rds.instance(&here(), &name).unwrap().encryption().as_str(),
            word
        );
        assert_eq!(protect(&mut rds, &name), "success", "{word}");
        let source = rds.snapshot(&here(), "s").unwrap();
        assert_eq!(source.encryption().as_str(), word);
        let copied = rds.snapshot(&there(), "c").unwrap();
        assert_eq!(copied.encryption().as_str(), "sse-kms", "under our key");
    }
}

#[test]
fn aws_contradicts_itself_on_keyless_cluster_snapshots_and_the_model_knows_both_readings() {
    for (is_owned, reading, expected) in [
        (
            false,
            KeylessClusterCopies::Refused,
            "InvalidParameterValue",
        ),
        (true, KeylessClusterCopies::Refused, "InvalidParameterValue"),
        (false, KeylessClusterCopies::Accepted, "success"),
        (true, KeylessClusterCopies::Accepted, "success"),
    ] {
        let mut rds = world(RdsConfig::default());
        rds.config_mut().keyless_cluster_copies = reading;
        let mut spec = ClusterSpec::aurora("shop");
        spec.aws_owned_key = is_owned;
        rds.add_cluster(&here(), spec).unwrap();
        rds.create_db_cluster_snapshot(&here(), &create("s", "shop"), at(0))
            .unwrap();
        run_out(&mut rds);
        let copied = rds.copy_db_cluster_snapshot(&there(), &cluster_copy("c"), at(1000));
        let encryption = copied.as_ref().ok().map(|copy| copy.encryption.as_str());
        assert_eq!(encryption, (expected == "success").then_some("sse-kms"));
        assert_eq!(code(copied), expected, "{is_owned} {reading:?}");
        let without = CopyDbSnapshot {
            kms_key: None,
            ..cluster_copy("plain")
        };
        let plain = rds.copy_db_cluster_snapshot(&there(), &without, at(1000));
        let word = if is_owned { "sse-rds" } else { "none" };
        assert_eq!(plain.unwrap().encryption.as_str(), word);
    }
}

#[test]
fn a_read_replica_is_snapshotted_like_its_source_unless_it_is_of_sql_server() {
    let mut rds = with_instance(InstanceSpec::postgres("orders"));
    let mut replica = InstanceSpec::postgres("orders-replica");
    replica.replica_of = Some("orders".to_owned());
    rds.add_instance(&here(), replica).unwrap();
    let source = rds.instance(&here(), "orders").unwrap();
    assert_eq!(source.replicas, ["orders-replica"]);
    assert_eq!(protect(&mut rds, "orders-replica"), "success");

    let mut of_sql_server = InstanceSpec::postgres("books");
    of_sql_server.engine = "sqlserver-ee".to_owned();
    of_sql_server.replica_of = Some("ledger".to_owned());
    let mut rds = with_instance(of_sql_server);
    assert_eq!(protect(&mut rds, "books"), "InvalidParameterValue");
    assert!(rds.snapshot(&here(), "s").is_none());
}

#[test]
fn rds_custom_for_oracle_and_what_is_kept_elsewhere_stay_in_their_region() {
    let mut custom = InstanceSpec::postgres("legacy");
    custom.engine = "custom-oracle-ee".to_owned();
    let mut outposts = InstanceSpec::postgres("factory");
    outposts.backup_target = "outposts".to_owned();
    for spec in [custom, outposts] {
        let name = spec.identifier.clone();
        let mut rds = with_instance(spec);
        assert_eq!(protect(&mut rds, &name), "InvalidParameterValue", "{name}");
        let within = CopyDbSnapshot {
            source: "s".to_owned(),
            ..CopyDbSnapshot::default()
        };
        let within = CopyDbSnapshot {
            target: "within".to_owned(),
            ..within
        };
        assert_eq!(
            code(rds.copy_db_snapshot(&here(), &within, at(1000))),
            "success"
        );
    }
}

#[test]
fn clusters_of_other_services_are_listed_and_copied_like_auroras() {
    let mut rds = world(RdsConfig::default());
    for mut spec in [ClusterSpec::docdb("papers"), ClusterSpec::neptune("graph")] {
        spec.kms_key = Some(KEY.to_owned());
        rds.add_cluster(&here(), spec).unwrap();
    }
    let page = rds
        .describe_db_clusters(&here(), &DescribeDbClusters::default(), at(0))
        .unwrap();
    let shown: Vec<_> = page
        .items
        .iter()
        .map(|one| (one.spec.engine.as_str(), one.port()))
        .collect();
    assert_eq!(shown, [("neptune", 8182), ("docdb", 27017)]);
    rds.create_db_cluster_snapshot(&here(), &create("s", "graph"), at(0))
        .unwrap();
    run_out(&mut rds);
    let copied = rds.copy_db_cluster_snapshot(&there(), &cluster_copy("c"), at(1000));
    assert_eq!(copied.unwrap().instance.port, 8182);
}

#[test]
fn a_secondary_of_a_global_database_names_both_and_none_of_its_members_writes() {
    let mut rds = world(RdsConfig::default());
    let mut spec = ClusterSpec::aurora("world");
    spec.global_cluster = Some("planet".to_owned());
    let primary = rds.add_cluster(&there(), spec.clone());
    assert!(primary.is_ok());
    spec.replication_source = Some("arn:aws:rds:eu-central-1:111122223333:cluster:world".into());
    rds.add_cluster(&here(), spec).unwrap();
    let is_secondary = |at: &Region| rds.cluster(at, "world").unwrap().is_global_secondary();
    assert_eq!(
        [is_secondary(&there()), is_secondary(&here())],
        [false, true]
    );
}

/// A world of another partition, with an instance and a key in each of its regions.
fn partition(here: &Region, there: &Region) -> Rds {
    let mut rds = Rds::new(RdsConfig::default(), 7);
    for region in [here, there] {
        let partition = region.partition();
        let key = KmsKey {
            arn: format!("arn:{partition}:kms:{region}:111122223333:key/1111"),
            aliases: vec!["alias/key".to_owned()],
            enabled: true,
        };
        rds.add_key(region, key);
    }
    let mut spec = InstanceSpec::postgres("orders");
    spec.kms_key = Some("alias/key".to_owned());
    rds.add_instance(here, spec).unwrap();
    rds.create_db_snapshot(here, &create("s", "orders"), at(0))
        .unwrap();
    run_out(&mut rds);
    rds
}

/// The presigned URL of a copy, as botocore makes it.
fn presigned_url(from: &Region, to: &Region, source: &str, key: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "CopyDBSnapshot")
        .append_pair("Version", "2014-10-31")
        .append_pair("SourceDBSnapshotIdentifier", source)
        .append_pair("TargetDBSnapshotIdentifier", "c")
        .append_pair("KmsKeyId", key)
        .append_pair("DestinationRegion", &to.to_string())
        .append_pair("X-Amz-Algorithm", "AWS4-HMAC-SHA256")
        .append_pair(
            "X-Amz-Credential",
            &format!("AKIDEXAMPLE/20261122/{from}/rds/aws4_request"),
        )
        .append_pair("X-Amz-Date", "20261122T030500Z")
        .append_pair("X-Amz-Expires", "3600")
        .append_pair("X-Amz-SignedHeaders", "host")
        .append_pair("X-Amz-Signature", &"65cd".repeat(16))
        .finish();
    format!("https://rds.{from}.amazonaws.com/?{query}")
}

#[test]
fn a_presigned_url_that_is_not_of_the_same_copy_and_the_source_region_is_refused() {
    let region = |name: &str| name.parse::<Region>().unwrap();
    let (from, to) = (region("us-gov-west-1"), region("us-gov-east-1"));
    let mut rds = partition(&from, &to);
    let source = rds.snapshot(&from, "s").unwrap().arn.clone();
    let right = presigned_url(&from, &to, &source, "alias/key");
    let mut copy = |target: &str, url: &str| {
        let request = CopyDbSnapshot {
            source: source.clone(),
            target: target.to_owned(),
            kms_key: Some("alias/key".to_owned()),
            pre_signed_url: Some(url.to_owned()),
            ..CopyDbSnapshot::default()
        };
        code(rds.copy_db_snapshot(&to, &request, at(1000)))
    };
    for (part, other) in [
        ("https://rds.us-gov-west-1.", "https://rds.us-gov-east-1."),
        ("Action=CopyDBSnapshot", "Action=CopyDBClusterSnapshot"),
        (
            "DestinationRegion=us-gov-east-1",
            "DestinationRegion=us-gov-west-1",
        ),
        ("snapshot%3As&", "snapshot%3Aother&"),
        ("alias%2Fkey", "alias%2Fother"),
        ("us-gov-west-1%2Frds", "us-gov-east-1%2Frds"),
        ("%2Frds%2F", "%2Fs3%2F"),
        ("Date=20261122T", "Date=20261123T"),
        ("Expires=3600", "Expires=0"),
        ("SignedHeaders=host", "SignedHeaders=date"),
        ("65cd65cd", "65cd"),
        ("AWS4-HMAC-SHA256", "AWS4"),
        ("/?", "/"),
    ] {
        let wrong = right.replacen(part, other, 1);
        assert_ne!(wrong, right, "{part}");
        assert_eq!(copy("c", &wrong), "InvalidParameterValue", "{wrong}");
    }
    assert_eq!(copy("c", &right), "success");
}

#[test]
fn china_copies_nothing_and_govcloud_asks_for_a_presigned_url() {
    let region = |name: &str| name.parse::<Region>().unwrap();
    let china = [region("cn-north-1"), region("cn-northwest-1")];
    let gov = [region("us-gov-west-1"), region("us-gov-east-1")];
    for ([from, to], partition_name, plain, presigned) in [
        (
            china,
            "aws-cn",
            "InvalidParameterValue",
            "InvalidParameterValue",
        ),
        (gov, "aws-us-gov", "InvalidParameterValue", "success"),
    ] {
        let mut rds = partition(&from, &to);
        let source = rds.snapshot(&from, "s").unwrap().arn.clone();
        let start = format!("arn:{partition_name}:rds:{from}:");
        assert!(source.starts_with(&start), "{source}");
        let request = CopyDbSnapshot {
            source: source.clone(),
            target: "c".to_owned(),
            kms_key: Some("alias/key".to_owned()),
            ..CopyDbSnapshot::default()
        };
        let copied = rds.copy_db_snapshot(&to, &request, at(1000));
        assert_eq!(code(copied), plain, "{partition_name}");
        let request = CopyDbSnapshot {
            pre_signed_url: Some(presigned_url(&from, &to, &source, "alias/key")),
            ..request
        };
        let copied = rds.copy_db_snapshot(&to, &request, at(1000));
        assert_eq!(code(copied), presigned, "{partition_name}");
        let request = CopyDbSnapshot {
            pre_signed_url: None,
            ..request
        };
        let elsewhere = rds.copy_db_snapshot(&here(), &request, at(1000));
        assert_eq!(code(elsewhere), "InvalidParameterValue");
        let tags = rds.list_tags_for_resource(&from, &source, at(1000));
        assert_eq!(code(tags), "success");
        let other_partition = source.replace(partition_name, "aws");
        let tags = rds.list_tags_for_resource(&from, &other_partition, at(1000));
        assert_eq!(code(tags), "InvalidParameterValue");
    }
}

#[test]
fn domains_and_clone_groups_are_filters_of_databases_and_of_no_snapshot() {
    let mut member = InstanceSpec::postgres("orders");
    member.domain = Some("d-0123456789".to_owned());
    let mut rds = with_instance(member);
    rds.add_instance(&here(), InstanceSpec::postgres("other"))
        .unwrap();
    let mut cluster = ClusterSpec::aurora("shop");
    cluster.domain = Some("d-0123456789".to_owned());
    cluster.clone_group = Some("group".to_owned());
    rds.add_cluster(&here(), cluster).unwrap();
    rds.add_cluster(&here(), ClusterSpec::aurora("plain"))
        .unwrap();
    let filter = |name: &str, value: &str| {
        vec![Filter {
            name: name.to_owned(),
            values: vec![value.to_owned()],
        }]
    };
    let instances = |rds: &mut Rds, filters| {
        let request = DescribeDbInstances {
            filters,
            ..DescribeDbInstances::default()
        };
        let page = rds.describe_db_instances(&here(), &request, at(0))?;
        let names = page.items.into_iter().map(|one| one.spec.identifier);
        Ok::<_, RdsFault>(names.collect::<Vec<_>>())
    };
    let clusters = |rds: &mut Rds, filters| {
        let request = DescribeDbClusters {
            filters,
            ..DescribeDbClusters::default()
        };
        let page = rds.describe_db_clusters(&here(), &request, at(0))?;
        let names = page.items.into_iter().map(|one| one.spec.identifier);
        Ok::<_, RdsFault>(names.collect::<Vec<_>>())
    };
    let domain = || filter("domain", "d-0123456789");
    assert_eq!(instances(&mut rds, domain()).unwrap(), ["orders"]);
    assert_eq!(clusters(&mut rds, domain()).unwrap(), ["shop"]);
    let group = || filter("clone-group-id", "group");
    assert_eq!(clusters(&mut rds, group()).unwrap(), ["shop"]);
    assert_eq!(code(instances(&mut rds, group())), "InvalidParameterValue");
    let snapshots = DescribeDbSnapshots {
        filters: domain(),
        ..DescribeDbSnapshots::default()
    };
    let refused = rds.describe_db_snapshots(&here(), &snapshots, at(0));
    assert_eq!(code(refused), "InvalidParameterValue");
}

#[test]
fn cluster_snapshots_are_asked_for_by_one_identifier_and_not_by_two() {
    let mut rds = world(RdsConfig::default());
    rds.add_cluster(&here(), ClusterSpec::aurora("shop"))
        .unwrap();
    rds.add_instance(&here(), InstanceSpec::postgres("shop"))
        .unwrap();
    let both = |name: &str| DescribeDbSnapshots {
        snapshot: Some(name.to_owned()),
        instance: Some("shop".to_owned()),
        ..DescribeDbSnapshots::default()
    };
    for family in [Family::Instance, Family::Cluster] {
        let taken = match family {
            Family::Instance => rds.create_db_snapshot(&here(), &create("s", "shop"), at(0)),
            Family::Cluster => rds.create_db_cluster_snapshot(&here(), &create("s", "shop"), at(0)),
        };
        assert_eq!(code(taken), "success");
    }
    let instance = rds.describe_db_snapshots(&here(), &both("s"), at(0));
    let cluster = rds.describe_db_cluster_snapshots(&here(), &both("s"), at(0));
    assert_eq!(code(instance), "success");
    assert_eq!(code(cluster), "InvalidParameterCombination");
}

#[test]
fn a_time_zone_stays_with_the_snapshot_and_its_copies() {
    let mut spec = InstanceSpec::postgres("books");
    spec.engine = "sqlserver-se".to_owned();
    spec.timezone = Some("GMT Standard Time".to_owned());
    let mut rds = with_instance(spec);
    assert_eq!(protect(&mut rds, "books"), "success");
    let copied = rds.snapshot(&there(), "c").unwrap();
    assert_eq!(
        copied.instance.timezone.as_deref(),
        Some("GMT Standard Time")
    );
    assert_eq!(copied.instance.port, 1433);
    assert!(
        matches!(&copied.origin, snapferry_sim::rds::Origin::Copied(from) if from.arn == arn("s"))
    );
}
