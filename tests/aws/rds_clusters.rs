//! RDS's clusters: what is asked and what is read.

use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::id::names::SnapshotId;
use snapferry::domain::id::tags::Tags;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::run::failure::Operation;
use snapferry::ports::{
    CopySnapshot, CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest, DescribeQuota,
    DescribeSnapshots, ListDatabases, RdsError, SnapshotQuota,
};

use crate::rds::xml;
use crate::wire::{Reply, Wire};
use crate::world::{
    HOME, KEY, SOURCE, a_cluster_run, cluster, copy_arn, region, snapshot_arn, time,
};

const SNAPSHOT: &str = "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:sf-shop-1";
const COPY: &str = "arn:aws:rds:eu-central-1:111122223333:cluster-snapshot:sf-shop-2";

const OF_A_COPY: [(&str, &str); 12] = [
    ("DBClusterSnapshotIdentifier", "sf-shop-2"),
    ("DBClusterSnapshotArn", COPY),
    ("DbClusterResourceId", "cluster-SHOP"),
    ("Status", "available"),
    ("PercentProgress", "100"),
    ("Engine", "aurora-postgresql"),
    ("EngineVersion", "16.9"),
    ("AllocatedStorage", "0"),
    ("StorageEncrypted", "true"),
    ("KmsKeyId", KEY),
    ("SourceDBClusterSnapshotArn", SNAPSHOT),
    ("SnapshotCreateTime", "2026-11-22T04:00:00.500Z"),
];

/// The fields of a copy's row, without one of them.
fn without(field: &str) -> Vec<(&'static str, &'static str)> {
    let mut fields = OF_A_COPY.to_vec();
    fields.retain(|(name, _)| *name != field);
    assert!(fields.len() < OF_A_COPY.len(), "{field}");
    fields
}

fn list(rows: &[&[(&str, &str)]], marker: Option<&str>) -> Reply {
    let marker = marker.map_or(String::new(), |m| format!("<Marker>{m}</Marker>"));
    let row = |fields: &&[(&str, &str)]| {
        let fields: String = fields
            .iter()
            .map(|(name, value)| format!("<{name}>{value}</{name}>"))
            .collect();
        let tag = "<Tag><Key>snapferry:stack</Key><Value>prod</Value></Tag>";
        format!("<DBClusterSnapshot>{fields}<TagList>{tag}</TagList></DBClusterSnapshot>")
    };
    let rows: String = rows.iter().map(row).collect();
    let rows = format!("{marker}<DBClusterSnapshots>{rows}</DBClusterSnapshots>");
    xml("DescribeDBClusterSnapshots", &rows)
}

fn ids<const N: usize>(names: [&str; N]) -> [SnapshotId; N] {
    names.map(|name| SnapshotId::parse(name).unwrap())
}

async fn read(fields: &[(&str, &str)]) -> Result<Snapshot, RdsError> {
    let wire = Wire::new([list(&[fields], None)]);
    let aws = wire.aws();
    let mut found = aws
        .describe_snapshots(&region(HOME), Family::Cluster, &ids(["sf-shop-2"]))
        .await?;
    assert_eq!(found.len(), 1);
    Ok(found.remove(0))
}

#[tokio::test]
async fn every_field_of_a_clusters_copy_is_read_and_its_own_time_is_not_its_datas() {
    let copy = read(&OF_A_COPY).await.unwrap();
    assert_eq!(
        copy,
        Snapshot {
            arn: RdsArn::parse(COPY).unwrap(),
            resource_id: Some(a_cluster_run("shop").database.resource_id),
            status: SnapshotStatus::Available,
            engine: "aurora-postgresql".to_owned(),
            engine_version: "16.9".to_owned(),
            size_gib: 0,
            encrypted: true,
            key: Some(a_cluster_run("shop").key),
            source: Some(RdsArn::parse(SNAPSHOT).unwrap()),
            taken_at: None,
            created_at: Some(time("2026-11-22T04:00:00.500Z")),
            percent: None,
            tags: Tags::from([("snapferry:stack".to_owned(), "prod".to_owned())]),
        }
    );
    let first_hand = read(&without("SourceDBClusterSnapshotArn")).await.unwrap();
    assert_eq!(first_hand.taken_at, Some(time("2026-11-22T04:00:00.500Z")));
}

#[tokio::test]
async fn a_cluster_snapshot_that_cannot_be_read_proves_nothing_and_is_named() {
    for field in ["Status", "Engine", "StorageEncrypted"] {
        let snapshot = read(&without(field)).await.unwrap();
        let SnapshotStatus::Other(fault) = &snapshot.status else {
            panic!("{snapshot:?}");
        };
        assert!(
            fault.contains(field) && fault.contains("sf-shop-2"),
            "{fault}"
        );
        assert_eq!(snapshot.arn.to_string(), COPY);
    }
    let error = read(&without("DBClusterSnapshotArn")).await.unwrap_err();
    assert!(error.message.contains("DBClusterSnapshotArn"), "{error}");
    assert_eq!(error.operation, Operation::DescribeDbClusterSnapshots);
}

#[tokio::test]
async fn cluster_snapshots_are_asked_for_by_their_own_filter_and_read_to_the_last_page() {
    let other = [("DBClusterSnapshotArn", SNAPSHOT), ("Status", "creating")];
    let wire = Wire::new([list(&[&OF_A_COPY], Some("page-2")), list(&[&other], None)]);
    let aws = wire.aws();
    let found = aws
        .describe_snapshots(&region(SOURCE), Family::Cluster, &ids(["sf-a", "sf-b"]))
        .await;
    assert_eq!(found.unwrap().len(), 2);
    let asked = wire.asked();
    assert_eq!(asked[0].uri, "https://rds.eu-west-1.amazonaws.com/");
    let form = asked[0].form();
    assert_eq!(form["Action"], "DescribeDBClusterSnapshots");
    assert_eq!(form["Filters.Filter.1.Name"], "db-cluster-snapshot-id");
    assert_eq!(form["Filters.Filter.1.Values.Value.2"], "sf-b");
    assert_eq!(asked[1].form()["Marker"], "page-2");

    let wire = Wire::new([]);
    let aws = wire.aws();
    let nothing = aws
        .describe_snapshots(&region(HOME), Family::Cluster, &[])
        .await;
    assert_eq!(nothing.unwrap(), [], "no identifier asks nothing");
    let wire = Wire::new([list(&[], Some("again"))]);
    let aws = wire.aws();
    let endless = aws
        .describe_snapshots(&region(HOME), Family::Cluster, &ids(["sf-a"]))
        .await;
    let error = endless.unwrap_err();
    assert!(error.to_string().contains("does not end"), "{error}");
}

fn of_a_cluster(name: &str, more: &str) -> String {
    format!(
        "<DBCluster><DBClusterIdentifier>{name}</DBClusterIdentifier>\
         <DBClusterArn>arn:aws:rds:eu-west-1:111122223333:cluster:{name}</DBClusterArn>\
         <DbClusterResourceId>cluster-{}</DbClusterResourceId><Status>available</Status>{more}\
         <TagList><Tag><Key>snapferry:policy</Key><Value>default</Value></Tag></TagList></DBCluster>",
        name.to_uppercase()
    )
}

fn clusters(rows: &[String]) -> Reply {
    let rows = rows.concat();
    xml(
        "DescribeDBClusters",
        &format!("<Marker>next</Marker><DBClusters>{rows}</DBClusters>"),
    )
}

#[tokio::test]
async fn clusters_are_listed_page_by_page_and_what_cannot_be_copied_is_known() {
    const CLASS: &str = "<DBClusterInstanceClass>db.m6gd.large</DBClusterInstanceClass>";
    const RETENTION: &str = "<BackupRetentionPeriod>3</BackupRetentionPeriod>";
    let row = |name, engine: &str, encrypted: bool, more: &str| {
        let fields = format!(
            "<Engine>{engine}</Engine><StorageEncrypted>{encrypted}</StorageEncrypted>{more}"
        );
        of_a_cluster(name, &fields)
    };
    let wire = Wire::new([clusters(&[
        row("shop", "aurora-postgresql", true, RETENTION),
        row("open", "aurora-mysql", false, ""),
        row("trio", "postgres", true, CLASS),
        row("trio-2", "mysql", true, ""),
        row("trio-3", "some-engine-to-come", true, CLASS),
    ])]);
    let aws = wire.aws();
    let page = aws
        .list_databases(&region(SOURCE), Family::Cluster, Some("here".to_owned()))
        .await
        .unwrap();
    assert_eq!(page.next.as_deref(), Some("next"));
    assert_eq!(page.items[0].to_ref(), a_cluster_run("shop").database);
    assert_eq!(page.items[0].tags["snapferry:policy"], "default");
    assert_eq!(page.items[0].member_of, None);
    assert_eq!(page.items[0].backup_retention_days, Some(3));
    assert_eq!(page.items[1].backup_retention_days, None);
    let facts = page.items.iter().map(|item| &item.copy_facts);
    let facts: Vec<_> = facts
        .map(|of| (of.encryption.as_str(), of.multi_az_cluster))
        .collect();
    assert_eq!(
        facts,
        [
            ("sse-kms", false),
            ("none", false),
            ("sse-kms", true),
            ("sse-kms", true),
            ("sse-kms", true),
        ]
    );
    let form = wire.only().form();
    assert_eq!(form["Action"], "DescribeDBClusters");
    assert_eq!((&*form["MaxRecords"], &*form["Marker"]), ("100", "here"));
}

#[tokio::test]
async fn a_cluster_of_which_it_is_not_known_whether_it_can_be_copied_fails_alone() {
    for (fields, missing) in [
        ("<Engine>aurora-mysql</Engine>", "StorageEncrypted"),
        ("<StorageEncrypted>true</StorageEncrypted>", "Engine"),
    ] {
        let good = "<Engine>aurora-mysql</Engine><StorageEncrypted>true</StorageEncrypted>";
        let rows = [of_a_cluster("lost", fields), of_a_cluster("shop", good)];
        let wire = Wire::new([clusters(&rows)]);
        let aws = wire.aws();
        let page = aws
            .list_databases(&region(SOURCE), Family::Cluster, None)
            .await
            .unwrap();
        assert_eq!(page.items.len(), 1);
        assert_eq!(page.unreadable[0].name, "lost");
        let why = &page.unreadable[0].why;
        assert!(why.contains(missing), "{why}");
    }
}

fn tags() -> Tags {
    Tags::from([("snapferry:stack".to_owned(), "prod".to_owned())])
}

#[tokio::test]
async fn a_clusters_snapshot_is_asked_for_where_the_cluster_is() {
    let wire = Wire::new([xml("CreateDBClusterSnapshot", "")]);
    let request = CreateSnapshotRequest {
        database: cluster("shop"),
        id: SnapshotId::of(&snapshot_arn(&a_cluster_run("shop"), 1)),
        tags: tags(),
    };
    wire.aws().create_snapshot(&request).await.unwrap();
    let asked = wire.only();
    assert_eq!(asked.uri, "https://rds.eu-west-1.amazonaws.com/");
    let form = asked.form();
    assert_eq!(form["Action"], "CreateDBClusterSnapshot");
    assert_eq!(form["DBClusterIdentifier"], "shop");
    assert_eq!(form["DBClusterSnapshotIdentifier"], request.id.as_str());
    assert_eq!(form["Tags.Tag.1.Key"], "snapferry:stack");
}

#[tokio::test]
async fn a_clusters_copy_is_asked_for_at_home_with_the_sources_arn_and_the_key() {
    let wire = Wire::new([xml("CopyDBClusterSnapshot", "")]);
    let the_run = a_cluster_run("shop");
    let request = CopySnapshotRequest {
        region: region(HOME),
        source: snapshot_arn(&the_run, 1),
        id: SnapshotId::of(&copy_arn(&the_run, 1)),
        key: the_run.key.clone(),
        option_group: None,
        tags: tags(),
    };
    wire.aws().copy_snapshot(&request).await.unwrap();
    let asked = wire.only();
    assert_eq!(asked.uri, "https://rds.eu-central-1.amazonaws.com/");
    let form = asked.form();
    assert_eq!(form["Action"], "CopyDBClusterSnapshot");
    let source = &form["SourceDBClusterSnapshotIdentifier"];
    assert_eq!(*source, request.source.to_string());
    assert!(source.contains(":cluster-snapshot:"));
    assert_eq!(
        form["TargetDBClusterSnapshotIdentifier"],
        request.id.as_str()
    );
    assert_eq!((&*form["KmsKeyId"], &*form["CopyTags"]), (KEY, "false"));
    assert!(form.contains_key("PreSignedUrl"));
}

#[tokio::test]
async fn each_family_has_its_own_quota() {
    let quota = |name, used| {
        format!(
            "<AccountQuota><AccountQuotaName>{name}</AccountQuotaName><Used>{used}</Used><Max>100</Max></AccountQuota>"
        )
    };
    let quotas = [
        quota("ManualSnapshots", 3),
        quota("ManualClusterSnapshots", 7),
    ]
    .concat();
    let quotas = format!("<AccountQuotas>{quotas}</AccountQuotas>");
    let answer = || xml("DescribeAccountAttributes", &quotas);
    let wire = Wire::new([answer(), answer()]);
    let aws = wire.aws();
    for (family, used) in [(Family::Instance, 3), (Family::Cluster, 7)] {
        let found = aws.describe_snapshot_quota(&region(HOME), family).await;
        let expected = SnapshotQuota { used, max: 100 };
        assert_eq!(found.unwrap(), Some(expected), "{family:?}");
    }
}
