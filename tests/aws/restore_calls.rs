//! Restores over the SDK: every call that a plan may have is sent whole, and what RDS shows is read.

use std::collections::BTreeMap;

use snapferry::app::carry_out_all::{FollowedRestore, Stage};
use snapferry::cli::{restore_progress, write_closing, write_json_closing};
use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::restore::compare::Difference;
use snapferry::domain::restore::plan::{RestorePlan, Step, StepKind};
use snapferry::domain::restore::record::RestoreRecord;
use snapferry::domain::restore::restored::{Fitness, RestoredDatabase, Seen};
use snapferry::domain::restore::setting::Setting as S;
use snapferry::domain::restore::taken::{How, Part};
use snapferry::domain::restore::value::{Thousandths, Value};
use snapferry::domain::run::failure::Operation;
use snapferry::ports::{ChangeDatabase, DatabaseCall, DescribeRestored, StoredRestore};

use crate::rds::xml;
use crate::wire::{Reply, Wire};
use crate::world::{HOME, region, time};

/// A value of the kind that the setting has.
fn value_of(setting: S) -> Value {
    let record = |pairs: [(&str, &str); 2]| {
        let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        Value::records([BTreeMap::from(pairs.map(pair))])
    };
    match setting {
        S::VpcSecurityGroupIds | S::EnabledCloudwatchLogsExports => {
            Value::texts(["one".to_owned(), "two".to_owned()])
        }
        S::ProcessorFeatures => record([("Name", "coreCount"), ("Value", "4")]),
        S::ServerlessMinCapacity | S::ServerlessMaxCapacity => Value::Decimal(Thousandths::of(0.5)),
        S::PromotionTier
        | S::Port
        | S::MaxAllocatedStorage
        | S::Iops
        | S::StorageThroughput
        | S::ServerlessSecondsUntilAutoPause
        | S::BacktrackWindow
        | S::BackupRetentionPeriod
        | S::MonitoringInterval
        | S::PerformanceInsightsRetentionPeriod => Value::Number(7),
        S::MultiAz
        | S::PubliclyAccessible
        | S::DedicatedLogVolume
        | S::IamDatabaseAuthenticationEnabled
        | S::DeletionProtection
        | S::CopyTagsToSnapshot
        | S::AutoMinorVersionUpgrade
        | S::PerformanceInsightsEnabled
        | S::MasterUserSecretArn => Value::Flag(true),
        _ => Value::text("some"),
    }
}

/// A call with every parameter that the table of settings has for it.
fn whole_call(
    operation: Operation,
    part: Part,
    own: &[(&str, Value)],
    is_sent: fn(How) -> Option<&'static str>,
) -> DatabaseCall {
    let settings = S::ALL.iter().filter_map(|setting| {
        let parameter = is_sent(setting.of(part)?.how)?;
        Some((parameter.to_owned(), value_of(*setting)))
    });
    let own = own
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    DatabaseCall {
        operation,
        parameters: settings.chain(own).collect(),
    }
}

fn made(how: How) -> Option<&'static str> {
    match how {
        How::Make(parameter) => Some(parameter),
        _ => None,
    }
}

fn changed(how: How) -> Option<&'static str> {
    match how {
        How::Modify(parameter) | How::Backups(parameter) => Some(parameter),
        _ => None,
    }
}

fn text(name: &'static str, value: &str) -> (&'static str, Value) {
    (name, Value::text(value))
}

/// Every kind of call, each with all that it may carry, and the resource id that RDS answers with.
fn calls() -> Vec<(DatabaseCall, Option<&'static str>)> {
    let tag = BTreeMap::from([
        ("Key".to_owned(), "Team".to_owned()),
        ("Value".to_owned(), "blue".to_owned()),
    ]);
    let tags = ("Tags", Value::records([tag]));
    let instance = text("DBInstanceIdentifier", "back");
    let cluster = text("DBClusterIdentifier", "back");
    let at_once = ("ApplyImmediately", Value::Flag(true));
    let role = [text("RoleArn", "arn:role"), text("FeatureName", "s3Import")];
    let with_role = |of: &(&'static str, Value)| {
        let mut parts = role.to_vec();
        parts.push(of.clone());
        parts
    };
    let none: fn(How) -> Option<&'static str> = |_| None;
    use Operation as O;
    vec![
        (
            whole_call(
                O::RestoreDbInstanceFromDbSnapshot,
                Part::Instance,
                &[
                    instance.clone(),
                    text("DBSnapshotIdentifier", "sf-1"),
                    ("BackupRetentionPeriod", Value::Number(0)),
                    tags.clone(),
                ],
                made,
            ),
            Some("db-NEW"),
        ),
        (
            whole_call(
                O::RestoreDbClusterFromSnapshot,
                Part::Cluster,
                &[
                    cluster.clone(),
                    text("SnapshotIdentifier", "sf-1"),
                    tags.clone(),
                ],
                made,
            ),
            Some("cluster-NEW"),
        ),
        (
            whole_call(
                O::CreateDbInstance,
                Part::Member,
                &[instance.clone(), cluster.clone(), tags],
                made,
            ),
            Some("db-NEW"),
        ),
        (
            whole_call(
                O::ModifyDbInstance,
                Part::Instance,
                &[instance.clone(), at_once.clone()],
                changed,
            ),
            None,
        ),
        (
            whole_call(
                O::ModifyDbCluster,
                Part::Cluster,
                &[cluster.clone(), at_once],
                changed,
            ),
            None,
        ),
        (
            whole_call(
                O::RebootDbInstance,
                Part::Instance,
                std::slice::from_ref(&instance),
                none,
            ),
            None,
        ),
        (
            whole_call(
                O::AddRoleToDbInstance,
                Part::Instance,
                &with_role(&instance),
                none,
            ),
            None,
        ),
        (
            whole_call(
                O::AddRoleToDbCluster,
                Part::Cluster,
                &with_role(&cluster),
                none,
            ),
            None,
        ),
        (
            whole_call(
                O::EnableHttpEndpoint,
                Part::Cluster,
                &[text("ResourceArn", "arn:cluster")],
                none,
            ),
            None,
        ),
    ]
}

fn answer_to(operation: Operation) -> Reply {
    let row = match operation {
        Operation::RestoreDbClusterFromSnapshot | Operation::ModifyDbCluster => {
            "<DBCluster><DbClusterResourceId>cluster-NEW</DbClusterResourceId></DBCluster>"
        }
        _ => "<DBInstance><DbiResourceId>db-NEW</DbiResourceId></DBInstance>",
    };
    xml(operation.as_str(), row)
}

#[tokio::test]
async fn every_call_of_a_plan_is_sent_with_all_of_its_parameters() {
    for (call, resource_id) in calls() {
        let wire = Wire::new([answer_to(call.operation)]);
        let made = wire.aws().change_database(&region(HOME), &call).await;
        let made = made.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            made.as_ref().map(ResourceId::as_str),
            resource_id,
            "{}",
            call.operation
        );
        let form = wire.only().form();
        assert_eq!(form["Action"], call.operation.as_str());
        for name in call.parameters.keys() {
            let begins = format!("{name}.");
            let is_sent = form
                .keys()
                .any(|key| key == name || key.starts_with(&begins));
            assert!(is_sent, "{} without {name}: {form:?}", call.operation);
        }
    }
}

#[tokio::test]
async fn a_parameter_that_would_be_lost_stops_the_call_before_it_is_made() {
    for (name, value) in [
        ("Unheard", Value::text("of")),
        ("MultiAZ", Value::text("not a flag")),
    ] {
        let (mut call, _) = calls().remove(0);
        call.parameters.insert(name.to_owned(), value);
        let wire = Wire::new([]);
        let refused = wire.aws().change_database(&region(HOME), &call).await;
        let error = refused.expect_err("it would be lost");
        assert!(error.to_string().contains(name), "{error}");
        assert!(wire.asked().is_empty());
    }
    let call = DatabaseCall {
        operation: Operation::DescribeDbInstances,
        parameters: BTreeMap::new(),
    };
    let wire = Wire::new([]);
    assert!(
        wire.aws()
            .change_database(&region(HOME), &call)
            .await
            .is_err()
    );
}

const INSTANCE: &str = "<DBInstanceIdentifier>back</DBInstanceIdentifier>\
    <DbiResourceId>db-NEW</DbiResourceId>\
    <DBInstanceStatus>backing-up</DBInstanceStatus>\
    <InstanceCreateTime>2026-11-22T05:00:00.500Z</InstanceCreateTime>\
    <Endpoint><Address>back.abc</Address><Port>5432</Port></Endpoint>\
    <BackupRetentionPeriod>7</BackupRetentionPeriod>\
    <PendingModifiedValues><DBInstanceClass>db.r7g.large</DBInstanceClass></PendingModifiedValues>\
    <DBParameterGroups><DBParameterGroup><DBParameterGroupName>own</DBParameterGroupName>\
    <ParameterApplyStatus>pending-reboot</ParameterApplyStatus></DBParameterGroup></DBParameterGroups>\
    <AssociatedRoles><DBInstanceRole><RoleArn>arn:a</RoleArn><Status>ACTIVE</Status></DBInstanceRole>\
    <DBInstanceRole><RoleArn>arn:b</RoleArn><Status>PENDING</Status></DBInstanceRole></AssociatedRoles>\
    <StorageOperationStatus>Initializing</StorageOperationStatus>\
    <StorageOperationPercentProgress>40</StorageOperationPercentProgress>\
    <TagList><Tag><Key>snapferry:restored</Key><Value>prod</Value></Tag></TagList>";

#[tokio::test]
async fn a_restored_instance_is_asked_for_by_name_and_read_whole() {
    let rows = format!("<DBInstances><DBInstance>{INSTANCE}</DBInstance></DBInstances>");
    let wire = Wire::new([xml("DescribeDBInstances", &rows)]);
    let names = ["back".to_owned(), "back-1".to_owned()];
    let found = wire
        .aws()
        .describe_restored(&region(HOME), Family::Instance, &names)
        .await
        .unwrap();
    let form = wire.only().form();
    assert_eq!(form["Filters.Filter.1.Name"], "db-instance-id");
    assert_eq!(form["Filters.Filter.1.Values.Value.2"], "back-1");
    let [one] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(one.resource_id.as_str(), "db-NEW");
    assert_eq!(one.created_at, Some(time("2026-11-22T05:00:00.500Z")));
    assert_eq!((one.endpoint(), one.loaded), (Some("back.abc"), Some(40)));
    assert!(one.has_pending_changes && one.needs_restart && one.has_backups());
    assert!(one.is_reachable() && one.fitness() == Fitness::Reachable);
    assert_eq!(Vec::from_iter(&one.inactive_roles), ["arn:b"]);
    assert_eq!(one.tags["snapferry:restored"], "prod");
}

#[tokio::test]
async fn a_restored_cluster_is_asked_for_by_its_own_filter() {
    let row = "<DBCluster><DBClusterIdentifier>back</DBClusterIdentifier>\
        <DbClusterResourceId>cluster-NEW</DbClusterResourceId><Status>available</Status>\
        <Endpoint>back.cluster-abc</Endpoint><ReaderEndpoint>back.cluster-ro-abc</ReaderEndpoint>\
        <PendingModifiedValues><BackupRetentionPeriod>7</BackupRetentionPeriod></PendingModifiedValues></DBCluster>";
    let rows = format!("<DBClusters>{row}</DBClusters>");
    let wire = Wire::new([xml("DescribeDBClusters", &rows)]);
    let found = wire
        .aws()
        .describe_restored(&region(HOME), Family::Cluster, &["back".to_owned()])
        .await
        .unwrap();
    assert_eq!(wire.only().form()["Filters.Filter.1.Name"], "db-cluster-id");
    assert!(found[0].has_pending_changes && found[0].is_reachable());
    assert_eq!(found[0].created_at, None);
    let wire = Wire::new([]);
    let none = wire
        .aws()
        .describe_restored(&region(HOME), Family::Cluster, &[])
        .await;
    assert_eq!(none.unwrap(), [], "RDS would list the whole region");
}

fn followed(stage: Stage, change: impl FnOnce(&mut RestoredDatabase)) -> FollowedRestore {
    let arn = |text: &str| RdsArn::parse(text).unwrap();
    let backups = Step {
        kind: StepKind::Backups,
        action: Operation::ModifyDbInstance,
        parameters: BTreeMap::new(),
        then: "until it is available",
    };
    let plan = RestorePlan {
        database: arn("arn:aws:rds:eu-west-1:111122223333:db:orders"),
        point: arn("arn:aws:rds:eu-central-1:111122223333:snapshot:sf-1"),
        taken_at: Some(time("2026-11-22T03:00:00Z")),
        configuration: None,
        name: "orders".to_owned(),
        old_endpoint: Some("orders.of-before".to_owned()),
        tags: BTreeMap::new(),
        members: Vec::new(),
        steps: vec![backups],
        lines: Vec::new(),
        gaps: Vec::new(),
        runs_after: 1,
    };
    let mut record = RestoreRecord::new(&plan, false, time("2026-11-22T05:00:00Z"));
    record.running_at = Some(time("2026-11-22T05:10:00Z"));
    let own = ResourceId::parse("db-NEW").unwrap();
    record.made.insert("orders".to_owned(), own);
    let mut found = RestoredDatabase {
        name: "orders".to_owned(),
        resource_id: ResourceId::parse("db-NEW").unwrap(),
        member_of: None,
        status: "available".to_owned(),
        created_at: None,
        tags: BTreeMap::new(),
        settings: [
            (S::Endpoint, Value::text("orders.abc")),
            (S::Port, Value::Number(5432)),
            (S::BackupRetentionPeriod, Value::Number(7)),
        ]
        .into(),
        has_pending_changes: false,
        needs_restart: false,
        inactive_roles: Default::default(),
        loaded: None,
    };
    change(&mut found);
    FollowedRestore {
        order: None,
        plan,
        stage,
        says: stage.as_str().to_owned(),
        stored: Some(StoredRestore {
            revision: 3,
            record,
        }),
        seen: Seen {
            database: Some(found),
            members: BTreeMap::new(),
        },
        differs: vec![Difference {
            member: None,
            what: "MaxAllocatedStorage".to_owned(),
            wanted: "500".to_owned(),
            found: None,
        }],
    }
}

fn closing(one: FollowedRestore) -> String {
    let mut out = Vec::new();
    write_closing(&mut out, &[one]).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_closing_page_says_where_it_is_how_warm_and_what_differs() {
    let page = closing(followed(Stage::Done, |one| one.loaded = Some(40)));
    for words in [
        "orders.abc:5432",
        "orders.of-before",
        "\"Action\":\"UPSERT\"",
        "600 s after it was asked for",
        "40 % of its storage is loaded",
        "MaxAllocatedStorage is nothing and should be 500",
        "1. Make sure that the old one is down",
        "4. Protect it again",
        "5. Restore in the same way to come home",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("NO BACKUPS YET"), "{page}");
}

#[test]
fn missing_backups_are_said_loudly_and_a_stopped_restore_shows_no_endpoint() {
    let without = |one: &mut RestoredDatabase| {
        one.settings
            .insert(S::BackupRetentionPeriod, Value::Number(0));
    };
    let page = closing(followed(Stage::Running, without));
    assert!(page.contains("NO BACKUPS YET"), "{page}");
    // H11: with --fast clients use it before its backups are on.
    let line = restore_progress(&followed(Stage::Running, without));
    assert!(line.contains("NO BACKUPS YET"), "{line}");
    let line = restore_progress(&followed(Stage::Running, |_| {}));
    assert!(!line.contains("NO BACKUPS YET"), "{line}");
    let page = closing(followed(Stage::Stopped, without));
    assert!(page.contains("NO BACKUPS YET"), "{page}");
    let replaced = |one: &mut RestoredDatabase| {
        without(one);
        one.resource_id = ResourceId::parse("db-OTHER").unwrap();
    };
    let page = closing(followed(Stage::Stopped, replaced));
    assert!(!page.contains("NO BACKUPS YET"), "{page}");
    let page = closing(followed(Stage::Stopped, |_| {}));
    assert!(!page.contains("orders.abc"), "{page}");
    assert!(page.contains("0 done, 1 stopped."), "{page}");
}

#[test]
fn json_has_the_same() {
    let mut out = Vec::new();
    let mut restored = followed(Stage::Done, |_| {});
    // There is a newer recovery point by now.
    let newer = "arn:aws:rds:eu-central-1:111122223333:snapshot:sf-2";
    let of_record = std::mem::replace(&mut restored.plan.point, RdsArn::parse(newer).unwrap());
    write_json_closing(&mut out, &[restored]).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let one = &answer["restored"][0];
    assert_eq!(one["stage"], "done");
    assert_eq!(one["recovery_point"], of_record.to_string());
    assert_eq!(one["endpoint"], "orders.abc");
    assert_eq!(one["old_endpoint"], "orders.of-before");
    assert_eq!(one["resource_id"], "db-NEW");
    assert_eq!(one["lacks_backups"], false);
    assert_eq!(one["differs"][0]["what"], "MaxAllocatedStorage");
}
