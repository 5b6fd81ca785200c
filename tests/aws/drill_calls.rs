//! Drills over the SDK: what is deleted, listed and asked.

use serde_json::json;
use snapferry::domain::id::arn::Family;
use snapferry::ports::{CheckDrill, DeleteDrilled, ListRestored, ReadFailures};

use crate::rds::xml;
use crate::wire::{Reply, Wire, ok};
use crate::world::{HOME, region, time};

#[tokio::test]
async fn an_instance_is_deleted_without_a_last_snapshot_and_with_its_backups() {
    let wire = Wire::new([xml("DeleteDBInstance", "<DBInstance/>")]);
    let home = region(HOME);
    let asked = wire.aws();
    let asked = asked.delete_drilled(&home, Family::Instance, "sfd-orders-x");
    asked.await.unwrap();
    let form = wire.only().form();
    assert_eq!(form["Action"], "DeleteDBInstance");
    assert_eq!(form["DBInstanceIdentifier"], "sfd-orders-x");
    assert_eq!(form["SkipFinalSnapshot"], "true");
    assert_eq!(form["DeleteAutomatedBackups"], "true");
    assert!(!form.contains_key("FinalDBSnapshotIdentifier"));
}

#[tokio::test]
async fn a_cluster_is_deleted_without_a_last_snapshot_and_with_its_backups() {
    let wire = Wire::new([xml("DeleteDBCluster", "<DBCluster/>")]);
    let home = region(HOME);
    let asked = wire.aws();
    let asked = asked.delete_drilled(&home, Family::Cluster, "sfd-shop-x");
    asked.await.unwrap();
    let form = wire.only().form();
    assert_eq!(form["Action"], "DeleteDBCluster");
    assert_eq!(form["DBClusterIdentifier"], "sfd-shop-x");
    assert_eq!(form["SkipFinalSnapshot"], "true");
    assert_eq!(form["DeleteAutomatedBackups"], "true");
}

#[tokio::test]
async fn a_deletion_that_is_refused_has_the_words_of_rds() {
    let fault = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidDBInstanceState</Code>\
                 <Message>Instance sfd-orders-x is already being deleted.</Message></Error></ErrorResponse>";
    let wire = Wire::new([Reply::Http(400, fault.to_owned())]);
    let home = region(HOME);
    let asked = wire.aws();
    let asked = asked.delete_drilled(&home, Family::Instance, "sfd-orders-x");
    let error = asked.await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("InvalidDBInstanceState"));
}

#[tokio::test]
async fn the_whole_region_is_listed_page_by_page() {
    let row = "<DBInstances><DBInstance><DBInstanceIdentifier>sfd-orders-x</DBInstanceIdentifier>\
        <DbiResourceId>db-NEW</DbiResourceId><DBInstanceStatus>available</DBInstanceStatus>\
        <InstanceCreateTime>2026-11-22T05:00:00Z</InstanceCreateTime></DBInstance></DBInstances><Marker>more</Marker>";
    let wire = Wire::new([xml("DescribeDBInstances", row)]);
    let home = region(HOME);
    let marker = Some("next".to_owned());
    let page = wire
        .aws()
        .list_restored(&home, Family::Instance, marker)
        .await;
    let page = page.unwrap();
    assert_eq!(page.next.as_deref(), Some("more"));
    assert_eq!(page.items[0].resource_id.as_str(), "db-NEW");
    assert_eq!(page.items[0].created_at, Some(time("2026-11-22T05:00:00Z")));
    let form = wire.only().form();
    assert_eq!(form["Marker"], "next");
    assert!(!form.keys().any(|key| key.starts_with("Filters")));
}

#[tokio::test]
async fn the_failures_of_one_database_since_a_time_are_asked_for() {
    let events = "<Events><Event><SourceIdentifier>sfd-shop-x</SourceIdentifier>\
        <Message>The DB cluster could not be created.</Message><Date>2026-11-22T05:10:00Z</Date></Event></Events>";
    let wire = Wire::new([xml("DescribeEvents", events)]);
    let (home, since) = (region(HOME), time("2026-11-22T05:00:00Z"));
    let aws = wire.aws();
    let asked = aws.failure_events(&home, Family::Cluster, "sfd-shop-x", since);
    let found = asked.await.unwrap();
    assert_eq!(found[0].at, time("2026-11-22T05:10:00Z"));
    assert_eq!(found[0].message, "The DB cluster could not be created.");
    let form = wire.only().form();
    assert_eq!(form["SourceIdentifier"], "sfd-shop-x");
    assert_eq!(form["SourceType"], "db-cluster");
    assert_eq!(form["EventCategories.EventCategory.1"], "failure");
    assert_eq!(form["StartTime"], "2026-11-22T05:00:00Z");
}

#[tokio::test]
async fn the_users_function_is_asked_and_its_answer_handed_on() {
    let wire = Wire::new([ok("{\"ok\":true}")]);
    let answer = wire
        .aws()
        .check_drill("orders-check", "{\"drill\":\"x\"}")
        .await;
    assert_eq!(answer.unwrap(), "{\"ok\":true}");
    assert_eq!(wire.only().json(), json!({ "drill": "x" }));
}
