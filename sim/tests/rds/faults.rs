//! The faults of the RDS model.

use jiff::SignedDuration;
use snapferry_sim::rds::{
    CopyDbSnapshot, DescribeDbSnapshots, Ending, EventOutcome, InstanceStatus, PlannedOutcome,
    Stage,
};

use super::model::{
    FAR_KEY, KEY, at, code, copy, create, here, run_out, there, with_instances, with_snapshot,
};

#[test]
fn a_copy_fails_when_its_source_is_deleted_or_its_key_is_disabled_under_way() {
    let mut rds = with_snapshot(|_| ());
    rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1000))
        .unwrap();
    rds.delete_db_snapshot(&here(), "s", at(1010)).unwrap();
    run_out(&mut rds);
    assert_eq!(rds.snapshot(&there(), "c").unwrap().stage(), Stage::Failed);

    let mut rds = with_snapshot(|spec| spec.kms_key = Some(KEY.into()));
    let request = CopyDbSnapshot {
        kms_key: Some("2222".into()),
        ..copy("s", "c")
    };
    rds.copy_db_snapshot(&there(), &request, at(1000)).unwrap();
    rds.set_key_enabled(&there(), FAR_KEY, false);
    run_out(&mut rds);
    assert_eq!(rds.snapshot(&there(), "c").unwrap().stage(), Stage::Failed);
}

#[test]
fn a_failed_snapshot_has_no_event_and_releases_its_instance() {
    let mut rds = with_instances(&["orders"]);
    let planned = PlannedOutcome {
        ending: Ending::Failed,
        ..PlannedOutcome::default()
    };
    rds.config_mut().faults.plan(here(), "s", planned);
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    let ids: Vec<_> = run_out(&mut rds)
        .iter()
        .map(|event| event.event_id)
        .collect();
    assert_eq!(ids, ["RDS-EVENT-0040"]);
    assert_eq!(rds.snapshot(&here(), "s").unwrap().stage(), Stage::Failed);
    assert_eq!(
        rds.instance(&here(), "orders").unwrap().status,
        InstanceStatus::Available
    );
}

#[test]
fn a_failed_copy_gives_its_place_back_and_one_that_never_ends_keeps_it() {
    let mut rds = with_snapshot(|_| ());
    for (name, ending) in [("failed", Ending::Failed), ("never", Ending::Never)] {
        rds.config_mut().faults.plan(
            there(),
            name,
            PlannedOutcome {
                ending,
                ..PlannedOutcome::default()
            },
        );
        rds.copy_db_snapshot(&there(), &copy("s", name), at(1000))
            .unwrap();
    }
    let ids: Vec<_> = run_out(&mut rds)
        .iter()
        .map(|event| event.event_id)
        .collect();
    assert_eq!(ids, ["RDS-EVENT-0059", "RDS-EVENT-0059"]);
    assert_eq!(rds.copies_in_flight(&there()), 1);
    let stuck = rds
        .snapshot(&there(), "never")
        .unwrap()
        .seen_at(at(99_999))
        .unwrap();
    assert_eq!((stuck.stage, stuck.percent_progress), (Stage::Copying, 99));
}

#[test]
fn events_are_lost_doubled_and_late_as_planned() {
    let minute = SignedDuration::from_mins(1);
    for (planned, expected) in [
        (EventOutcome::Arrives, vec![0]),
        (EventOutcome::Lost, vec![]),
        (EventOutcome::Late(minute), vec![60]),
        (EventOutcome::Twice(minute), vec![0, 60]),
    ] {
        let mut rds = with_instances(&["orders"]);
        let planned = PlannedOutcome {
            done_event: planned,
            ..PlannedOutcome::default()
        };
        rds.config_mut().faults.plan(here(), "s", planned);
        rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
            .unwrap();
        let events = run_out(&mut rds);
        let done = events
            .iter()
            .filter(|event| event.event_id == "RDS-EVENT-0042");
        let delays: Vec<_> = done
            .map(|e| e.at.duration_since(e.date).as_secs())
            .collect();
        assert_eq!(delays, expected);
    }
}

#[test]
fn describe_lags_behind_the_truth_as_planned() {
    let mut rds = with_instances(&["orders"]);
    let planned = PlannedOutcome {
        describe_lag: SignedDuration::from_secs(30),
        ..PlannedOutcome::default()
    };
    rds.config_mut().faults.plan(here(), "s", planned);
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    let by_name = DescribeDbSnapshots {
        snapshot: Some("s".into()),
        ..Default::default()
    };
    assert_eq!(
        code(rds.describe_db_snapshots(&here(), &by_name, at(29))),
        "DBSnapshotNotFound"
    );
    assert_eq!(
        code(rds.describe_db_snapshots(&here(), &by_name, at(30))),
        "success"
    );
    run_out(&mut rds);
    let done = rds.snapshot(&here(), "s").unwrap().since();
    let later = |seconds| {
        done.checked_add(SignedDuration::from_secs(seconds))
            .unwrap()
    };
    for (seconds, expected) in [(29, Stage::Creating), (30, Stage::Available)] {
        let page = rds
            .describe_db_snapshots(&here(), &by_name, later(seconds))
            .unwrap();
        assert_eq!(page.items[0].stage, expected);
    }
}
