//! Automated snapshots: RDS takes them, announces them under their own numbers, and removes them.

use jiff::{SignedDuration, Timestamp};
use snapferry_sim::rds::{ClusterSpec, InstanceSpec};
use snapferry_sim::rds::{
    CopyDbSnapshot, DescribeDbSnapshots, Family, Filter, Origin, Rds, RdsConfig, RdsFault, Region,
    SnapshotType, Stage,
};

fn ireland() -> Region {
    "eu-west-1".parse().unwrap()
}

fn frankfurt() -> Region {
    "eu-central-1".parse().unwrap()
}

fn start() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

/// An instance and a cluster of the same name, whose backups are kept for two days.
fn rds() -> Rds {
    let mut rds = Rds::new(RdsConfig::default(), 7);
    let mut spec = InstanceSpec::postgres("orders");
    spec.backup_retention_days = 2;
    rds.add_instance(&ireland(), spec).unwrap();
    let mut spec = ClusterSpec::aurora("orders");
    spec.backup_retention_days = 2;
    rds.add_cluster(&ireland(), spec).unwrap();
    rds
}

fn taken(rds: &mut Rds, family: Family) -> String {
    let now = start();
    let shown = rds.take_automated_snapshot(family, &ireland(), "orders", now);
    shown.unwrap().name
}

/// Lets an hour pass and names the events that come meanwhile.
fn events_of_an_hour(rds: &mut Rds) -> Vec<&'static str> {
    let later = start() + SignedDuration::from_hours(1);
    let events = rds.advance(later);
    events.iter().map(|event| event.event_id).collect()
}

#[test]
fn they_have_the_databases_name_and_the_minute_and_events_of_their_own() {
    for (family, ids) in [
        (Family::Instance, ["RDS-EVENT-0090", "RDS-EVENT-0091"]),
        (Family::Cluster, ["RDS-EVENT-0168", "RDS-EVENT-0169"]),
    ] {
        let mut rds = rds();
        assert_eq!(taken(&mut rds, family), "rds:orders-2026-01-02-03-04");
        assert_eq!(events_of_an_hour(&mut rds), ids);
    }
}

#[test]
fn they_are_told_from_manual_ones_by_their_type() {
    let mut rds = rds();
    let name = taken(&mut rds, Family::Instance);
    events_of_an_hour(&mut rds);
    let now = start() + SignedDuration::from_hours(1);
    let mut list = |kind: &str| {
        let request = DescribeDbSnapshots {
            snapshot_type: Some(kind.to_owned()),
            ..DescribeDbSnapshots::default()
        };
        let page = rds
            .describe_db_snapshots(&ireland(), &request, now)
            .unwrap();
        page.items
            .into_iter()
            .map(|row| row.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(list("automated"), std::slice::from_ref(&name));
    assert!(list("manual").is_empty());
    for (kind, found) in [(None, 0), (Some("automated"), 1)] {
        let by_name = DescribeDbSnapshots {
            filters: vec![Filter {
                name: "db-snapshot-id".to_owned(),
                values: vec![name.clone()],
            }],
            snapshot_type: kind.map(str::to_owned),
            ..DescribeDbSnapshots::default()
        };
        let page = rds.describe_db_snapshots(&ireland(), &by_name, now);
        assert_eq!(page.unwrap().items.len(), found, "{kind:?}");
    }
}

#[test]
fn they_count_for_no_quota_and_nobody_deletes_them() {
    let mut rds = rds();
    rds.config_mut().manual_snapshot_quota = 0;
    let name = taken(&mut rds, Family::Instance);
    events_of_an_hour(&mut rds);
    let now = start() + SignedDuration::from_hours(1);
    let refused = rds.delete_db_snapshot(&ireland(), &name, now);
    assert_eq!(refused.unwrap_err().code(), "InvalidDBSnapshotState");
}

#[test]
fn they_are_gone_when_the_databases_retention_is_over() {
    let mut rds = rds();
    let name = taken(&mut rds, Family::Instance);
    assert!(rds.is_at_work());
    let nearly = start() + SignedDuration::from_hours(47);
    rds.advance(nearly);
    assert!(
        !rds.is_at_work() && rds.next_due().is_some(),
        "it will expire"
    );
    assert!(rds.snapshot(&ireland(), &name).is_some());
    let events = rds.advance(start() + SignedDuration::from_hours(49));
    assert!(events.is_empty(), "{events:?}");
    assert!(rds.snapshot(&ireland(), &name).is_none());
}

#[test]
fn a_copy_of_one_is_a_manual_snapshot_with_the_time_of_the_data() {
    let mut rds = rds();
    let name = taken(&mut rds, Family::Instance);
    events_of_an_hour(&mut rds);
    let source = rds.snapshot(&ireland(), &name).unwrap().clone();
    let request = CopyDbSnapshot {
        source: source.arn.clone(),
        target: "kept".to_owned(),
        ..CopyDbSnapshot::default()
    };
    let now = start() + SignedDuration::from_hours(1);
    rds.copy_db_snapshot(&frankfurt(), &request, now).unwrap();
    rds.advance(now + SignedDuration::from_hours(12));
    let copy = rds.snapshot(&frankfurt(), "kept").unwrap();
    assert_eq!(
        (copy.kind, copy.stage()),
        (SnapshotType::Manual, Stage::Available)
    );
    assert_eq!(copy.taken_at, source.taken_at);
    assert!(matches!(&copy.origin, Origin::Copied(from) if from.arn == source.arn));
}

#[test]
fn none_is_taken_where_they_are_off_or_there_is_one_of_the_minute() {
    let mut rds = rds();
    taken(&mut rds, Family::Instance);
    let again = rds.take_automated_snapshot(Family::Instance, &ireland(), "orders", start());
    assert_eq!(again.unwrap_err().code(), "DBSnapshotAlreadyExists");
    let mut spec = InstanceSpec::postgres("off");
    spec.backup_retention_days = 0;
    rds.add_instance(&ireland(), spec).unwrap();
    let off = rds.take_automated_snapshot(Family::Instance, &ireland(), "off", start());
    assert!(
        matches!(off, Err(RdsFault::InvalidParameterValue(_))),
        "{off:?}"
    );
}
