//! Copying snapshots, and deleting them.

use snapferry_sim::rds::{CopyDbSnapshot, RdsFault, Region, Stage};

use super::model::{
    FAR_KEY, KEY, arn, at, code, copy, create, here, run_out, there, with_instances, with_snapshot,
};

#[test]
fn a_copy_within_a_region_has_its_own_events_and_names_its_source_too() {
    let mut rds = with_snapshot(|spec| spec.kms_key = Some(KEY.into()));
    let request = CopyDbSnapshot {
        source: "S".into(),
        target: "c".into(),
        ..Default::default()
    };
    let copied = rds.copy_db_snapshot(&here(), &request, at(1000)).unwrap();
    assert_eq!(copied.source_region, Some(here()));
    assert_eq!(copied.source_arn, Some(arn("s")));
    assert_eq!(copied.stage, Stage::Creating);
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
fn a_copy_from_another_region_is_pending_at_first_and_shows_little() {
    let mut rds = with_snapshot(|_| ());
    let copied = rds
        .copy_db_snapshot(&there(), &copy("s", "c"), at(1000))
        .unwrap();
    assert_eq!(copied.stage.as_str(), "pending");
    assert_eq!((copied.percent_progress, copied.create_time), (0, None));
    assert!(!copied.is_detailed);
    let due = rds.next_due().unwrap();
    rds.advance(due);
    let copy = rds.snapshot(&there(), "c").unwrap();
    assert_eq!(copy.stage(), Stage::Copying);
    assert!(copy.seen_at(due).unwrap().is_detailed);
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
fn deleting_ends_a_running_copy_and_the_name_is_free_afterwards() {
    let mut rds = with_snapshot(|_| ());
    rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1000))
        .unwrap();
    let deleted = rds.delete_db_snapshot(&there(), "c", at(1010)).unwrap();
    assert_eq!(deleted.stage, Stage::Deleted);
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
