//! Deleting snapshots.

use snapferry_sim::rds::{
    ClusterSpec, CopyDbSnapshot, DescribeDbSnapshots, Ending, Family, PlannedOutcome,
    PlantedSnapshot, Rds, SnapshotType, SourceInstance, Stage,
};

use super::model::{
    FAR_KEY, KEY, at, code, copy, create, here, run_out, there, with_instances, with_snapshot,
    world,
};

fn status(rds: &mut Rds, family: Family, name: &str, seconds: i64) -> Option<&'static str> {
    let request = DescribeDbSnapshots {
        snapshot: Some(name.to_owned()),
        ..DescribeDbSnapshots::default()
    };
    let page = match family {
        Family::Instance => rds.describe_db_snapshots(&here(), &request, at(seconds)),
        Family::Cluster => rds.describe_db_cluster_snapshots(&here(), &request, at(seconds)),
    };
    Some(page.ok()?.items.first()?.stage.as_str())
}

/// An encrypted cluster and an available snapshot of it.
fn with_cluster_snapshot() -> Rds {
    let mut rds = world(Default::default());
    let mut spec = ClusterSpec::aurora("shop");
    spec.kms_key = Some(KEY.to_owned());
    rds.add_cluster(&here(), spec).unwrap();
    rds.create_db_cluster_snapshot(&here(), &create("s", "shop"), at(0))
        .unwrap();
    run_out(&mut rds);
    rds
}

fn planted(rds: &Rds, name: &str, kind: SnapshotType, stage: Stage) -> PlantedSnapshot {
    let of = rds.instance(&here(), "orders").unwrap();
    PlantedSnapshot {
        family: Family::Instance,
        name: name.to_owned(),
        kind,
        instance: SourceInstance::of(of),
        kms_key: None,
        aws_owned_key: false,
        tags: Default::default(),
        taken_at: at(-90_000),
        made_at: at(-86_400),
        copied_from: None,
        shared_with: ["444455556666".to_owned()].into(),
        stage,
    }
}

#[test]
fn an_instance_snapshot_is_answered_as_deleted_and_shown_as_deleting_until_it_is_gone() {
    let mut rds = with_snapshot(|_| ());
    let answer = rds.delete_db_snapshot(&here(), "S", at(1000)).unwrap();
    assert_eq!(answer.stage.as_str(), "deleted");
    let mut shown = |seconds| status(&mut rds, Family::Instance, "s", seconds);
    assert_eq!([shown(1000), shown(1060)], [Some("deleting"), None]);
    let events = rds.advance(at(1060));
    let ids: Vec<_> = events.iter().map(|event| event.event_id).collect();
    assert_eq!(ids, ["RDS-EVENT-0041"]);
    let again = rds.delete_db_snapshot(&here(), "s", at(1060));
    assert_eq!(code(again), "DBSnapshotNotFound");
}

#[test]
fn a_cluster_snapshot_is_answered_as_available_and_has_no_event_when_it_is_gone() {
    let mut rds = with_cluster_snapshot();
    let answer = rds
        .delete_db_cluster_snapshot(&here(), "s", at(1000))
        .unwrap();
    assert_eq!(answer.stage.as_str(), "available");
    let mut shown = |seconds| status(&mut rds, Family::Cluster, "s", seconds);
    assert_eq!([shown(1000), shown(1060)], [Some("deleting"), None]);
    assert!(rds.advance(at(1060)).is_empty());
    let again = rds.delete_db_cluster_snapshot(&here(), "s", at(1060));
    assert_eq!(code(again), "DBClusterSnapshotNotFoundFault");
}

#[test]
fn what_is_being_taken_or_deleted_is_not_deleted_and_what_failed_is() {
    let mut rds = with_instances(&["orders"]);
    let fails = PlannedOutcome {
        ending: Ending::Failed,
        ..PlannedOutcome::default()
    };
    rds.config_mut().faults.plan(here(), "s", fails);
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    let refused = "InvalidDBSnapshotState";
    assert_eq!(code(rds.delete_db_snapshot(&here(), "s", at(1))), refused);
    run_out(&mut rds);
    assert_eq!(rds.snapshot(&here(), "s").unwrap().stage(), Stage::Failed);
    assert_eq!(
        code(rds.delete_db_snapshot(&here(), "s", at(900))),
        "success"
    );
    assert_eq!(code(rds.delete_db_snapshot(&here(), "s", at(900))), refused);
}

#[test]
fn what_rds_or_aws_backup_took_is_not_deleted() {
    let mut rds = with_instances(&["orders"]);
    for (name, kind) in [
        ("rds:orders-2026-01-01-03-04", SnapshotType::Automated),
        ("awsbackup:job-0a1b2c3d", SnapshotType::AwsBackup),
    ] {
        let planted = planted(&rds, name, kind, Stage::Available);
        rds.plant_snapshot(&here(), planted).unwrap();
        let refused = rds.delete_db_snapshot(&here(), name, at(1));
        assert_eq!(code(refused), "InvalidDBSnapshotState", "{name}");
        assert!(rds.snapshot(&here(), name).is_some());
    }
}

#[test]
fn sharing_a_snapshot_does_not_hold_it() {
    let mut rds = with_instances(&["orders"]);
    let shared = planted(&rds, "old", SnapshotType::Manual, Stage::Available);
    rds.plant_snapshot(&here(), shared.clone()).unwrap();
    assert_eq!(
        code(rds.plant_snapshot(&here(), shared)),
        "DBSnapshotAlreadyExists"
    );
    assert_eq!(
        code(rds.delete_db_snapshot(&here(), "old", at(1))),
        "success"
    );
    run_out(&mut rds);
    assert!(rds.snapshot(&here(), "old").is_none());
}

#[test]
fn a_copy_that_is_under_way_fails_at_once_when_its_source_is_deleted() {
    let mut rds = with_snapshot(|_| ());
    rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1000))
        .unwrap();
    rds.copy_db_snapshot(&there(), &copy("s", "done"), at(1000))
        .unwrap();
    let done = rds.snapshot(&there(), "done").unwrap().clone();
    assert!(done.stage().is_under_way());
    assert_eq!(rds.copies_in_flight(&there()), 2);
    rds.delete_db_snapshot(&here(), "s", at(1090)).unwrap();
    assert_eq!(rds.snapshot(&there(), "c").unwrap().stage(), Stage::Failed);
    assert_eq!(rds.copies_in_flight(&there()), 0);
    let ids: Vec<_> = run_out(&mut rds)
        .iter()
        .map(|event| event.event_id)
        .collect();
    assert!(!ids.contains(&"RDS-EVENT-0060"), "{ids:?}");
    assert_eq!(rds.snapshot(&there(), "c").unwrap().stage(), Stage::Failed);
    assert_eq!(rds.copies_in_flight(&there()), 0);
}

#[test]
fn a_finished_copy_outlives_its_source() {
    let mut rds = with_cluster_snapshot();
    let request = CopyDbSnapshot {
        source: "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:s".to_owned(),
        kms_key: Some(FAR_KEY.to_owned()),
        ..copy("s", "c")
    };
    rds.copy_db_cluster_snapshot(&there(), &request, at(1000))
        .unwrap();
    run_out(&mut rds);
    rds.delete_db_cluster_snapshot(&here(), "s", at(9000))
        .unwrap();
    run_out(&mut rds);
    let copy = rds.cluster_snapshot(&there(), "c").unwrap();
    assert_eq!(copy.stage(), Stage::Available);
}

#[test]
fn a_planted_copy_names_its_source_and_shows_its_past() {
    let mut rds = with_instances(&["orders"]);
    let mut copy = planted(&rds, "old", SnapshotType::Manual, Stage::Available);
    copy.copied_from = Some("arn:aws:rds:eu-central-1:111122223333:snapshot:gone".to_owned());
    rds.plant_snapshot(&here(), copy.clone()).unwrap();
    let row = rds
        .snapshot(&here(), "old")
        .unwrap()
        .seen_at(at(0))
        .unwrap();
    assert_eq!(row.original_create_time, Some(at(-90_000)));
    assert_eq!(row.create_time, Some(at(-86_400)));
    assert_eq!(row.source_arn, copy.copied_from);
    copy.name = "other".to_owned();
    copy.copied_from = Some("gone".to_owned());
    let no_arn = rds.plant_snapshot(&here(), copy);
    assert_eq!(code(no_arn), "InvalidParameterValue");
}
