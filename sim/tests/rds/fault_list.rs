//! Requests each fault that the model injects according to the list, and checks that it happens.

use std::time::Duration;

use jiff::SignedDuration;
use snapferry_sim::faults::{Fault, World};
use snapferry_sim::rds::{
    CopyDbSnapshot, DescribeDbSnapshots, Ending, EventOutcome, InstanceStatus, PlannedOutcome,
    Stage,
};
use snapferry_sim::rds_http::Action;

use super::interference::{CREATE, served};
use super::model::{
    FAR_KEY, KEY, at, code, copy, create, here, run_out, there, with_instances, with_snapshot,
};
use super::service::{SOURCE, call};

#[tokio::test]
async fn the_model_and_its_service_inject_what_the_list_says() -> anyhow::Result<()> {
    for fault in Fault::of(World::RdsModel) {
        let is_seen = match fault {
            Fault::EventsLost => times_announced(EventOutcome::Lost) == [0_i64; 0],
            Fault::EventsDoubled => times_announced(EventOutcome::Twice(MINUTE)) == [0, 60],
            Fault::EventsLate => times_announced(EventOutcome::Late(MINUTE)) == [60],
            Fault::EventsEarly => is_shown_after_its_event(),
            Fault::SnapshotFailed => snapshot_ends_as(Ending::Failed) == Stage::Failed,
            Fault::CopyFailed => copy_ends_as(Ending::Failed) == Stage::Failed,
            Fault::NeverEnds => copy_ends_as(Ending::Never) == Stage::Copying,
            Fault::DatabaseBusy => answer_of_a_busy_database() == "InvalidDBInstanceState",
            Fault::QuotaFull => answer_of_a_full_quota() == "SnapshotQuotaExceeded",
            Fault::KeyDisabled => answer_under_a_disabled_key() == "KMSKeyNotAccessibleFault",
            Fault::CopiesRefused => answer_without_a_place() == "SnapshotQuotaExceeded",
            Fault::Throttling => answered(400, "Throttling").await?,
            Fault::AccessDenied => answered(403, "AccessDenied").await?,
            Fault::Rds500 => answered(500, "InternalFailure").await?,
            Fault::NoAnswer => is_unanswered().await?,
            other => panic!("{other} is in the list, and this test does not ask for it"),
        };
        assert!(is_seen, "{fault}");
    }
    Ok(())
}

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// How many seconds after a snapshot was finished each event says so.
fn times_announced(done_event: EventOutcome) -> Vec<i64> {
    let mut rds = with_instances(&["orders"]);
    let planned = PlannedOutcome {
        done_event,
        ..PlannedOutcome::default()
    };
    rds.config_mut().faults.plan(here(), "s", planned);
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    let events = run_out(&mut rds);
    events
        .iter()
        .filter(|event| event.event_id == "RDS-EVENT-0042")
        .map(|event| event.at.duration_since(event.date).as_secs())
        .collect()
}

fn is_shown_after_its_event() -> bool {
    let mut rds = with_instances(&["orders"]);
    let planned = PlannedOutcome {
        describe_lag: MINUTE,
        ..PlannedOutcome::default()
    };
    rds.config_mut().faults.plan(here(), "s", planned);
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    let announced = run_out(&mut rds).last().unwrap().at;
    let by_name = DescribeDbSnapshots {
        snapshot: Some("s".into()),
        ..DescribeDbSnapshots::default()
    };
    let mut stage_at = |time| {
        let page = rds.describe_db_snapshots(&here(), &by_name, time).unwrap();
        page.items[0].stage
    };
    stage_at(announced) == Stage::Creating && stage_at(announced + MINUTE) == Stage::Available
}

fn snapshot_ends_as(ending: Ending) -> Stage {
    let mut rds = with_instances(&["orders"]);
    let planned = PlannedOutcome {
        ending,
        ..PlannedOutcome::default()
    };
    rds.config_mut().faults.plan(here(), "s", planned);
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    run_out(&mut rds);
    rds.snapshot(&here(), "s").unwrap().stage()
}

fn copy_ends_as(ending: Ending) -> Stage {
    let mut rds = with_snapshot(|_| ());
    let planned = PlannedOutcome {
        ending,
        ..PlannedOutcome::default()
    };
    rds.config_mut().faults.plan(there(), "c", planned);
    rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1000))
        .unwrap();
    run_out(&mut rds);
    rds.snapshot(&there(), "c").unwrap().stage()
}

fn answer_of_a_busy_database() -> &'static str {
    let mut rds = with_instances(&["orders"]);
    rds.change_instance(&here(), "orders", |instance| {
        instance.status = InstanceStatus::Modifying;
    });
    code(rds.create_db_snapshot(&here(), &create("s", "orders"), at(0)))
}

fn answer_of_a_full_quota() -> &'static str {
    let mut rds = with_instances(&["orders"]);
    rds.config_mut().manual_snapshot_quota = 0;
    code(rds.create_db_snapshot(&here(), &create("s", "orders"), at(0)))
}

fn answer_under_a_disabled_key() -> &'static str {
    let mut rds = with_snapshot(|spec| spec.kms_key = Some(KEY.into()));
    rds.set_key_enabled(&there(), FAR_KEY, false);
    let request = CopyDbSnapshot {
        kms_key: Some("2222".into()),
        ..copy("s", "c")
    };
    code(rds.copy_db_snapshot(&there(), &request, at(1000)))
}

fn answer_without_a_place() -> &'static str {
    let mut rds = with_snapshot(|_| ());
    rds.config_mut().max_copies_in_flight = 1;
    rds.copy_db_snapshot(&there(), &copy("s", "theirs"), at(1000))
        .unwrap();
    code(rds.copy_db_snapshot(&there(), &copy("s", "ours"), at(1000)))
}

async fn answered(status: u16, error: &'static str) -> anyhow::Result<bool> {
    let action = Action::Refuse {
        status,
        code: error,
        message: "as asked for".to_owned(),
    };
    let (service, _reached) = served(action).await?;
    let reply = call(&service.url(), SOURCE, &CREATE).await?;
    Ok((reply.status, reply.outcome()?.as_str()) == (status, error))
}

async fn is_unanswered() -> anyhow::Result<bool> {
    let action = Action::NoAnswer {
        reaches_rds: false,
        held: Duration::ZERO,
    };
    let (service, _reached) = served(action).await?;
    Ok(call(&service.url(), SOURCE, &CREATE).await.is_err())
}
