//! The calls for automated snapshots and their databases.

use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::id::names::{ResourceId, SnapshotId};
use snapferry::ports::{AutomatedSnapshots, DescribeSnapshots, FindDatabases};

use crate::rds::xml;
use crate::wire::Wire;
use crate::world::{SOURCE, region};

fn ids<const N: usize>(names: [&str; N]) -> [ResourceId; N] {
    names.map(|name| ResourceId::parse(name).unwrap())
}

#[tokio::test]
async fn databases_are_found_by_their_resource_ids_in_one_call() {
    let instance = "<DBInstances><DBInstance><DBInstanceArn>arn:aws:rds:eu-west-1:111122223333:db:orders</DBInstanceArn>\
         <DbiResourceId>db-ORDERS</DbiResourceId><BackupRetentionPeriod>7</BackupRetentionPeriod>\
         </DBInstance></DBInstances>";
    let wire = Wire::new([xml("DescribeDBInstances", instance)]);
    let found = wire
        .aws()
        .find_databases(
            &region(SOURCE),
            Family::Instance,
            &ids(["db-ORDERS", "db-GONE"]),
        )
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].backup_retention_days, Some(7));
    let form = wire.only().form();
    assert_eq!(form["Filters.Filter.1.Name"], "dbi-resource-id");
    assert_eq!(form["Filters.Filter.1.Values.Value.2"], "db-GONE");

    let wire = Wire::new([xml("DescribeDBClusters", "<DBClusters/>")]);
    let found = wire
        .aws()
        .find_databases(&region(SOURCE), Family::Cluster, &ids(["cluster-ORDERS"]))
        .await;
    assert!(found.unwrap().is_empty());
    let form = wire.only().form();
    assert_eq!(form["Filters.Filter.1.Name"], "db-cluster-resource-id");
}

#[tokio::test]
async fn no_resource_id_asks_nothing() {
    let wire = Wire::new([]);
    let aws = wire.aws();
    assert!(
        aws.find_databases(&region(SOURCE), Family::Instance, &[])
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        aws.find_databases(&region(SOURCE), Family::Cluster, &[])
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn automated_snapshots_are_listed_by_their_type_page_by_page() {
    let page = "<Marker>m-2</Marker><DBSnapshots/>";
    let wire = Wire::new([xml("DescribeDBSnapshots", page)]);
    let page = wire
        .aws()
        .automated_snapshots(
            &region(SOURCE),
            Family::Instance,
            None,
            Some("m-1".to_owned()),
        )
        .await
        .unwrap();
    assert_eq!(page.next.as_deref(), Some("m-2"));
    let form = wire.only().form();
    assert_eq!(form["SnapshotType"], "automated");
    assert_eq!(form["Marker"], "m-1");
    assert!(!form.contains_key("DBInstanceIdentifier"));

    let cluster = RdsArn::parse("arn:aws:rds:eu-west-1:111122223333:cluster:orders").unwrap();
    let wire = Wire::new([xml("DescribeDBClusterSnapshots", "<DBClusterSnapshots/>")]);
    wire.aws()
        .automated_snapshots(&region(SOURCE), Family::Cluster, Some(&cluster), None)
        .await
        .unwrap();
    let form = wire.only().form();
    assert_eq!(form["SnapshotType"], "automated");
    assert_eq!(form["DBClusterIdentifier"], "orders");
}

/// For an automated snapshot, RDS requires the type in addition to the identifier.
#[tokio::test]
async fn an_automated_snapshot_is_asked_for_with_its_type_and_a_manual_one_without() {
    for (id, kind) in [
        ("rds:orders-2026-11-22-03-04", Some("automated")),
        ("sf-orders-1", None),
    ] {
        let id = SnapshotId::parse(id).unwrap();
        let wire = Wire::new([xml("DescribeDBSnapshots", "<DBSnapshots/>")]);
        let found = wire
            .aws()
            .describe_snapshots(&region(SOURCE), Family::Instance, std::slice::from_ref(&id))
            .await;
        found.unwrap();
        let form = wire.only().form();
        assert_eq!(form.get("SnapshotType").map(String::as_str), kind);

        let wire = Wire::new([xml("DescribeDBClusterSnapshots", "<DBClusterSnapshots/>")]);
        let found = wire
            .aws()
            .describe_snapshots(&region(SOURCE), Family::Cluster, std::slice::from_ref(&id))
            .await;
        found.unwrap();
        let form = wire.only().form();
        assert_eq!(form.get("SnapshotType").map(String::as_str), kind);
    }
}
