//! RDS: what is asked, what is read, and who gets which error.

use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::id::names::{OptionGroup, SnapshotId};
use snapferry::domain::id::tags::Tags;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::run::failure::{Owner, Reason, Remedy};
use snapferry::ports::{
    CopySnapshot, CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest, DescribeQuota,
    DescribeSnapshots, ListDatabases, RdsError, SnapshotQuota,
};

use crate::wire::{Reply, Wire, ok};
use crate::world::{HOME, KEY, SOURCE, a_run, copy_arn, database, region, snapshot_arn, time};

pub(crate) fn xml(action: &str, result: &str) -> Reply {
    ok(format!(
        "<{action}Response xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata></{action}Response>"
    ))
}

pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::Http(
        status,
        format!(
            "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error><RequestId>request-1</RequestId></ErrorResponse>"
        ),
    )
}

/// A snapshot's element: fields of its own, then tags.
pub(crate) fn row(fields: &[(&str, &str)], tags: &[(&str, &str)]) -> String {
    let fields: String = fields
        .iter()
        .map(|(name, value)| format!("<{name}>{value}</{name}>"))
        .collect();
    let tags: String = tags
        .iter()
        .map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"))
        .collect();
    format!("<DBSnapshot>{fields}<TagList>{tags}</TagList></DBSnapshot>")
}

fn list(rows: &str, marker: Option<&str>) -> Reply {
    let marker = marker.map_or(String::new(), |m| format!("<Marker>{m}</Marker>"));
    xml(
        "DescribeDBSnapshots",
        &format!("{marker}<DBSnapshots>{rows}</DBSnapshots>"),
    )
}

const SNAPSHOT: &str = "arn:aws:rds:eu-west-1:111122223333:snapshot:sf-orders-1";
const COPY: &str = "arn:aws:rds:eu-central-1:111122223333:snapshot:sf-orders-2";

pub(crate) fn of_a_copy() -> Vec<(&'static str, &'static str)> {
    vec![
        ("DBSnapshotIdentifier", "sf-orders-2"),
        ("DBSnapshotArn", COPY),
        ("DbiResourceId", "db-ORDERS"),
        ("Status", "available"),
        ("PercentProgress", "100"),
        ("Engine", "postgres"),
        ("EngineVersion", "17.2"),
        ("AllocatedStorage", "100"),
        ("Encrypted", "true"),
        ("KmsKeyId", KEY),
        ("SourceRegion", "eu-west-1"),
        ("SourceDBSnapshotIdentifier", SNAPSHOT),
        ("SnapshotCreateTime", "2026-11-22T04:00:00.500Z"),
        ("OriginalSnapshotCreateTime", "2026-11-22T03:01:00.250Z"),
    ]
}

/// The same row with one field changed, or left out.
fn with(field: &str, value: Option<&'static str>) -> Vec<(&'static str, &'static str)> {
    let mut fields = of_a_copy();
    fields.retain(|(name, _)| *name != field);
    if let Some(value) = value {
        let name = of_a_copy().into_iter().find(|(name, _)| *name == field);
        fields.push((name.expect("a field of the row").0, value));
    }
    fields
}

async fn read(fields: &[(&str, &str)]) -> Result<Snapshot, RdsError> {
    let wire = Wire::new([list(
        &row(fields, &[("snapferry:stack", "prod"), ("empty", "")]),
        None,
    )]);
    let id = SnapshotId::parse("sf-orders-2").unwrap();
    let mut found = wire
        .aws()
        .describe_snapshots(&region(HOME), Family::Instance, &[id])
        .await?;
    assert_eq!(found.len(), 1);
    Ok(found.remove(0))
}

#[tokio::test]
async fn every_field_of_a_copy_is_read() {
    let copy = read(&of_a_copy()).await.unwrap();
    assert_eq!(
        copy,
        Snapshot {
            arn: RdsArn::parse(COPY).unwrap(),
            resource_id: Some(a_run("orders").database.resource_id),
            status: SnapshotStatus::Available,
            engine: "postgres".to_owned(),
            engine_version: "17.2".to_owned(),
            size_gib: 100,
            encrypted: true,
            key: Some(a_run("orders").key),
            source: Some(RdsArn::parse(SNAPSHOT).unwrap()),
            taken_at: Some(time("2026-11-22T03:01:00.250Z")),
            created_at: Some(time("2026-11-22T04:00:00.500Z")),
            percent: None,
            tags: Tags::from([
                ("snapferry:stack".to_owned(), "prod".to_owned()),
                ("empty".to_owned(), String::new()),
            ]),
        }
    );
}

#[tokio::test]
async fn a_copys_own_creation_is_never_taken_for_the_time_of_its_data() {
    let copy = read(&with("OriginalSnapshotCreateTime", None))
        .await
        .unwrap();
    assert_eq!(copy.taken_at, None);
    let mut first_hand = with("SourceDBSnapshotIdentifier", None);
    first_hand.retain(|(name, _)| *name != "OriginalSnapshotCreateTime");
    let snapshot = read(&first_hand).await.unwrap();
    assert_eq!(snapshot.taken_at, Some(time("2026-11-22T04:00:00.500Z")));
}

#[tokio::test]
async fn without_what_an_available_snapshot_is_compared_by_it_proves_nothing() {
    for field in ["Status", "Engine", "AllocatedStorage", "Encrypted"] {
        let row = with(field, None);
        assert_proves_nothing(&read(&row).await.unwrap(), field);
    }
}

/// Its status names what is wrong; whose it is can still be told.
fn assert_proves_nothing(snapshot: &Snapshot, field: &str) {
    let SnapshotStatus::Other(fault) = &snapshot.status else {
        panic!("{snapshot:?}");
    };
    assert!(fault.contains(field), "{fault}");
    assert!(fault.contains("sf-orders-2"), "{fault}");
    assert_eq!(snapshot.arn.to_string(), COPY);
    assert!(!snapshot.tags.is_empty());
}

#[tokio::test]
async fn a_row_that_does_not_say_what_it_is_of_spoils_the_page() {
    for arn in [None, Some("sf-orders-2")] {
        let error = read(&with("DBSnapshotArn", arn)).await.unwrap_err();
        assert_eq!(error.code, None);
        assert_eq!(error.owner(), Owner::Transient);
        assert!(error.message.contains("DBSnapshotArn"), "{error}");
        assert!(error.message.contains("sf-orders-2"), "{error}");
    }
}

#[tokio::test]
async fn a_snapshot_in_the_making_may_lack_what_rds_does_not_know_yet() {
    let fields = [
        ("DBSnapshotIdentifier", "sf-orders-1"),
        ("DBSnapshotArn", SNAPSHOT),
        ("Status", "creating"),
    ];
    let snapshot = read(&fields).await.unwrap();
    assert_eq!(snapshot.status, SnapshotStatus::Creating);
    assert_eq!(
        (snapshot.resource_id, snapshot.key, snapshot.taken_at),
        (None, None, None)
    );
}

#[tokio::test]
async fn a_field_of_another_form_proves_nothing_and_is_named() {
    let cases = [
        ("KmsKeyId", "alias/recovery"),
        ("SourceDBSnapshotIdentifier", "sf-orders-1"),
        ("DbiResourceId", "db ORDERS"),
    ];
    for (field, value) in cases {
        let row = with(field, Some(value));
        assert_proves_nothing(&read(&row).await.unwrap(), field);
    }
}

#[tokio::test]
async fn an_unknown_status_is_kept_as_it_is() {
    let snapshot = read(&with("Status", Some("storage-optimization")))
        .await
        .unwrap();
    assert_eq!(
        snapshot.status,
        SnapshotStatus::Other("storage-optimization".to_owned())
    );
}

#[tokio::test]
async fn snapshots_are_asked_for_by_a_filter_in_their_own_region() {
    let wire = Wire::new([list("", None)]);
    let ids = ["sf-a", "sf-b"].map(|id| SnapshotId::parse(id).unwrap());
    let found = wire
        .aws()
        .describe_snapshots(&region(SOURCE), Family::Instance, &ids)
        .await
        .unwrap();
    assert_eq!(found, []);
    let asked = wire.only();
    assert_eq!(asked.uri, "https://rds.eu-west-1.amazonaws.com/");
    let form = asked.form();
    assert_eq!(form["Action"], "DescribeDBSnapshots");
    assert_eq!(form["Filters.Filter.1.Name"], "db-snapshot-id");
    assert_eq!(form["Filters.Filter.1.Values.Value.1"], "sf-a");
    assert_eq!(form["Filters.Filter.1.Values.Value.2"], "sf-b");
    assert_eq!(form["MaxRecords"], "100");
    for unwanted in [
        "SnapshotType",
        "DBSnapshotIdentifier",
        "IncludeShared",
        "Marker",
    ] {
        assert!(!form.contains_key(unwanted), "{form:?}");
    }
}

#[tokio::test]
async fn no_identifier_asks_nothing() {
    let wire = Wire::new([]);
    let found = wire
        .aws()
        .describe_snapshots(&region(HOME), Family::Instance, &[])
        .await
        .unwrap();
    assert_eq!(found, []);
}

#[tokio::test]
async fn all_pages_of_an_answer_are_read() {
    let one = row(&with("DBSnapshotArn", Some(SNAPSHOT)), &[]);
    let two = row(&of_a_copy(), &[]);
    let wire = Wire::new([
        list(&one, Some("page-2")),
        list(&two, Some("page-3")),
        list("", None),
    ]);
    let ids = ["sf-a", "sf-b"].map(|id| SnapshotId::parse(id).unwrap());
    let found = wire
        .aws()
        .describe_snapshots(&region(HOME), Family::Instance, &ids)
        .await
        .unwrap();
    assert_eq!(found.len(), 2);
    let markers: Vec<_> = wire
        .asked()
        .iter()
        .map(|asked| asked.form().get("Marker").cloned())
        .collect();
    assert_eq!(
        markers,
        [None, Some("page-2".to_owned()), Some("page-3".to_owned())]
    );
}

#[tokio::test]
async fn a_list_without_an_end_is_an_error_and_not_a_loop() {
    let wire = Wire::new([list("", Some("again"))]);
    let id = SnapshotId::parse("sf-a").unwrap();
    let error = wire
        .aws()
        .describe_snapshots(&region(HOME), Family::Instance, &[id])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("does not end"), "{error}");
    assert_eq!(wire.asked().len(), 2);
}

#[tokio::test]
async fn databases_are_listed_page_by_page() {
    let instances = "<Marker>next</Marker><DBInstances><DBInstance>\
        <DBInstanceIdentifier>orders</DBInstanceIdentifier>\
        <DBInstanceArn>arn:aws:rds:eu-west-1:111122223333:db:orders</DBInstanceArn>\
        <DbiResourceId>db-ORDERS</DbiResourceId><Engine>postgres</Engine>\
        <DBInstanceStatus>backing-up</DBInstanceStatus><MultiAZ>true</MultiAZ>\
        <BackupRetentionPeriod>7</BackupRetentionPeriod><TagList><Tag><Key>snapferry:policy</Key><Value>default</Value></Tag></TagList>\
        </DBInstance><DBInstance><DBInstanceIdentifier>member</DBInstanceIdentifier>\
        <DBInstanceArn>arn:aws:rds:eu-west-1:111122223333:db:member</DBInstanceArn>\
        <DbiResourceId>db-MEMBER</DbiResourceId><DBClusterIdentifier>fleet</DBClusterIdentifier>\
        </DBInstance></DBInstances>";
    let wire = Wire::new([xml("DescribeDBInstances", instances)]);
    let marker = Some("here".to_owned());
    let page = wire
        .aws()
        .list_databases(&region(SOURCE), Family::Instance, marker)
        .await
        .unwrap();
    assert_eq!(page.next.as_deref(), Some("next"));
    assert_eq!(page.items[0].to_ref(), a_run("orders").database);
    assert_eq!(page.items[0].status, "backing-up");
    assert_eq!(page.items[0].tags["snapferry:policy"], "default");
    assert_eq!(page.items[0].member_of, None);
    assert_eq!(page.items[1].member_of.as_deref(), Some("fleet"));
    let told = |n: usize| (page.items[n].multi_az, page.items[n].backup_retention_days);
    assert_eq!((told(0), told(1)), ((Some(true), Some(7)), (None, None)));
    let form = wire.only().form();
    assert_eq!((&*form["MaxRecords"], &*form["Marker"]), ("100", "here"));
}

#[tokio::test]
async fn a_database_without_an_identity_fails_alone_with_the_reason() {
    let instances = "<DBInstances><DBInstance><DBInstanceIdentifier>orders</DBInstanceIdentifier>\
        <DBInstanceArn>arn:aws:rds:eu-west-1:111122223333:db:orders</DBInstanceArn></DBInstance></DBInstances>";
    let wire = Wire::new([xml("DescribeDBInstances", instances)]);
    let page = wire
        .aws()
        .list_databases(&region(SOURCE), Family::Instance, None)
        .await
        .unwrap();
    assert!(page.items.is_empty());
    assert_eq!(page.unreadable[0].name, "orders");
    let why = &page.unreadable[0].why;
    assert!(why.contains("DbiResourceId"), "{why}");
}

fn two_tags() -> Tags {
    Tags::from([
        ("snapferry:stack".to_owned(), "prod".to_owned()),
        ("snapferry:source".to_owned(), SNAPSHOT.to_owned()),
    ])
}

#[tokio::test]
async fn a_snapshot_is_asked_for_where_its_database_is() {
    let wire = Wire::new([xml("CreateDBSnapshot", "<DBSnapshot/>")]);
    let request = CreateSnapshotRequest {
        database: database("orders"),
        id: SnapshotId::parse("sf-orders-1").unwrap(),
        tags: two_tags(),
    };
    wire.aws().create_snapshot(&request).await.unwrap();
    let asked = wire.only();
    assert_eq!(asked.uri, "https://rds.eu-west-1.amazonaws.com/");
    let form = asked.form();
    assert_eq!(form["Action"], "CreateDBSnapshot");
    assert_eq!(form["DBInstanceIdentifier"], "orders");
    assert_eq!(form["DBSnapshotIdentifier"], "sf-orders-1");
    assert_eq!(form["Tags.Tag.1.Key"], "snapferry:source");
    assert_eq!(form["Tags.Tag.1.Value"], SNAPSHOT);
    assert_eq!(form["Tags.Tag.2.Key"], "snapferry:stack");
    assert_eq!(form["Tags.Tag.2.Value"], "prod");
}

pub(crate) fn a_copy_request() -> CopySnapshotRequest {
    let run = a_run("orders");
    CopySnapshotRequest {
        region: region(HOME),
        source: snapshot_arn(&run, 1),
        id: SnapshotId::of(&copy_arn(&run, 1)),
        key: run.key.clone(),
        option_group: None,
        tags: two_tags(),
    }
}

#[tokio::test]
async fn a_copy_is_asked_for_where_it_is_made_with_its_key_and_its_own_tags() {
    let wire = Wire::new([xml("CopyDBSnapshot", "<DBSnapshot/>")]);
    let request = a_copy_request();
    wire.aws().copy_snapshot(&request).await.unwrap();
    let asked = wire.only();
    assert_eq!(asked.uri, "https://rds.eu-central-1.amazonaws.com/");
    let form = asked.form();
    assert_eq!(form["Action"], "CopyDBSnapshot");
    assert_eq!(
        form["SourceDBSnapshotIdentifier"],
        request.source.to_string()
    );
    assert_eq!(form["TargetDBSnapshotIdentifier"], request.id.to_string());
    assert_eq!(form["KmsKeyId"], KEY);
    assert_eq!(form["CopyTags"], "false");
    assert_eq!(form["Tags.Tag.2.Key"], "snapferry:stack");
    assert!(!form.contains_key("OptionGroupName"), "{form:?}");
}

#[tokio::test]
async fn the_quota_of_manual_snapshots_is_found_among_the_others() {
    let quotas = "<AccountQuotas><AccountQuota><AccountQuotaName>DBInstances</AccountQuotaName><Used>1</Used><Max>40</Max>\
        </AccountQuota><AccountQuota><AccountQuotaName>ManualSnapshots</AccountQuotaName><Used>99</Used><Max>100</Max>\
        </AccountQuota></AccountQuotas>";
    let wire = Wire::new([xml("DescribeAccountAttributes", quotas)]);
    let quota = wire
        .aws()
        .describe_snapshot_quota(&region(HOME), Family::Instance)
        .await
        .unwrap();
    assert_eq!(quota, Some(SnapshotQuota { used: 99, max: 100 }));
    let wire = Wire::new([xml("DescribeAccountAttributes", "<AccountQuotas/>")]);
    assert_eq!(
        wire.aws()
            .describe_snapshot_quota(&region(HOME), Family::Instance)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn each_refusal_of_a_copy_reaches_its_owner() {
    let cases = [
        (400, "DBSnapshotAlreadyExists", "", Owner::AskWhatExists),
        (400, "SnapshotQuotaExceeded", "", Owner::AskQuota),
        (
            404,
            "DBSnapshotNotFound",
            "",
            Owner::LookAgain(Reason::SourceMissing),
        ),
        (
            400,
            "KMSKeyNotAccessibleFault",
            "The target KMS key [gone] does not exist",
            Owner::Park(Remedy::FixKey),
        ),
        (
            400,
            "InvalidParameterValue",
            "the KMS key is disabled",
            Owner::Park(Remedy::CheckKeys),
        ),
        (
            400,
            "InvalidParameterCombination",
            "no",
            Owner::Permanent(Reason::Unsupported),
        ),
        (
            403,
            "AccessDenied",
            "User is not authorized",
            Owner::Park(Remedy::GrantAccess),
        ),
        (400, "InvalidDBSnapshotState", "", Owner::Transient),
        (400, "SomethingNew", "", Owner::Transient),
    ];
    for (status, code, message, owner) in cases {
        let wire = Wire::new([refusal(status, code, message)]);
        let error = wire
            .aws()
            .copy_snapshot(&a_copy_request())
            .await
            .unwrap_err();
        assert_eq!(error.code.as_deref(), Some(code));
        assert_eq!(error.owner(), owner, "{code}");
        assert_eq!(error.region, region(HOME));
        assert_eq!(
            wire.asked().len(),
            1,
            "{code} is not worth a second try at once"
        );
        let text = snapferry::error::chain(&error);
        assert!(text.contains("CopyDBSnapshot in eu-central-1"), "{text}");
        assert!(text.contains("request request-1"), "{text}");
    }
}

#[tokio::test]
async fn a_busy_database_is_the_state_machines() {
    let wire = Wire::new([refusal(400, "InvalidDBInstanceState", "not available")]);
    let request = CreateSnapshotRequest {
        database: database("orders"),
        id: SnapshotId::parse("sf-orders-1").unwrap(),
        tags: Tags::new(),
    };
    let error = wire.aws().create_snapshot(&request).await.unwrap_err();
    assert_eq!(error.owner(), Owner::StateMachine(Reason::DatabaseBusy));
}

#[tokio::test]
async fn what_may_pass_is_tried_once_more_and_then_left_to_the_queue() {
    let replies = [
        (
            refusal(400, "Throttling", "Rate exceeded"),
            Some("Throttling"),
        ),
        (
            refusal(503, "ServiceUnavailable", "later"),
            Some("ServiceUnavailable"),
        ),
        (Reply::Http(500, String::new()), None),
        (Reply::Broken, None),
    ];
    for (reply, code) in replies {
        let wire = Wire::new([reply.clone()]);
        let error = wire
            .aws()
            .copy_snapshot(&a_copy_request())
            .await
            .unwrap_err();
        assert_eq!(error.code.as_deref(), code, "{reply:?}");
        assert_eq!(error.owner(), Owner::Transient);
        assert_eq!(wire.asked().len(), 2, "{reply:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_xml_is_transient_and_says_so() {
    let wire = Wire::new([ok("<DescribeDBSnapshotsResponse><Descr")]);
    let id = SnapshotId::parse("sf-a").unwrap();
    let error = wire
        .aws()
        .describe_snapshots(&region(HOME), Family::Instance, &[id])
        .await
        .unwrap_err();
    assert_eq!(
        (error.code.as_deref(), error.owner()),
        (None, Owner::Transient)
    );
    assert!(!error.message.is_empty());
}

#[tokio::test]
async fn every_request_names_the_role_that_makes_it() {
    let wire = Wire::new([list("", None)]);
    let id = SnapshotId::parse("sf-a").unwrap();
    wire.aws()
        .describe_snapshots(&region(HOME), Family::Instance, &[id])
        .await
        .unwrap();
    let agent = &wire.only().headers["user-agent"];
    assert!(agent.contains("app/snapferry-worker"), "{agent}");
}

#[tokio::test]
async fn a_copy_is_asked_for_with_the_option_group_that_it_is_to_have() {
    let wire = Wire::new([xml("CopyDBSnapshot", "<DBSnapshot/>")]);
    let request = CopySnapshotRequest {
        option_group: OptionGroup::parse("recovery-tde").ok(),
        ..a_copy_request()
    };
    wire.aws().copy_snapshot(&request).await.unwrap();
    assert_eq!(wire.only().form()["OptionGroupName"], "recovery-tde");
}

#[tokio::test]
async fn a_databases_option_group_is_the_one_that_has_arrived() {
    let group = |name: &str, status: &str| {
        format!(
            "<OptionGroupMembership><OptionGroupName>{name}</OptionGroupName>\
             <Status>{status}</Status></OptionGroupMembership>"
        )
    };
    for (groups, expected) in [
        (String::new(), None),
        (
            group("default:postgres-17", "in-sync"),
            Some("default:postgres-17"),
        ),
        (group("Own-1", "in-sync"), Some("own-1")),
        (
            group("new", "pending-apply") + &group("old", "in-sync"),
            Some("old"),
        ),
        (group("new", "applying"), Some("new")),
        (group("not a name", "in-sync"), None),
    ] {
        let instances = format!(
            "<DBInstances><DBInstance><DBInstanceArn>arn:aws:rds:eu-west-1:111122223333:db:orders</DBInstanceArn>\
             <DbiResourceId>db-ORDERS</DbiResourceId><OptionGroupMemberships>{groups}</OptionGroupMemberships>\
             </DBInstance></DBInstances>"
        );
        let wire = Wire::new([xml("DescribeDBInstances", &instances)]);
        let page = wire
            .aws()
            .list_databases(&region(SOURCE), Family::Instance, None)
            .await;
        let found = page.unwrap().items.remove(0).option_group;
        assert_eq!(
            found.as_ref().map(OptionGroup::as_str),
            expected,
            "{groups}"
        );
    }
}
