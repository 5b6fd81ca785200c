//! DescribeEvents.

use snapferry_sim::rds::{ClusterSpec, DescribeEvents, EventOutcome, PlannedOutcome, Rds};

use super::model::{at, code, create, here, run_out, there, with_instances};

const ASKED_AT: i64 = 20 * 86_400;

fn messages(rds: &mut Rds, request: &DescribeEvents, seconds: i64) -> Vec<String> {
    let page = rds.describe_events(&here(), request, at(seconds)).unwrap();
    page.items.into_iter().map(|event| event.message).collect()
}

/// An instance's and a cluster's snapshot a few minutes before [`ASKED_AT`], and an instance's two hours before it.
fn world() -> Rds {
    let mut rds = with_instances(&["orders"]);
    rds.add_cluster(&here(), ClusterSpec::aurora("shop"))
        .unwrap();
    rds.create_db_snapshot(&here(), &create("early", "orders"), at(ASKED_AT - 7200))
        .unwrap();
    run_out(&mut rds);
    // The bus may lose an event; RDS itself remembers it.
    let lost = PlannedOutcome {
        begun_event: EventOutcome::Lost,
        done_event: EventOutcome::Lost,
        ..PlannedOutcome::default()
    };
    rds.config_mut().faults.plan(here(), "s", lost);
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(ASKED_AT - 1800))
        .unwrap();
    rds.create_db_cluster_snapshot(&here(), &create("s", "shop"), at(ASKED_AT - 900))
        .unwrap();
    run_out(&mut rds);
    rds
}

const TAKEN: [&str; 2] = ["Creating manual snapshot", "Manual snapshot created"];
const TAKEN_OF_CLUSTER: [&str; 2] = [
    "Creating manual cluster snapshot",
    "Manual cluster snapshot created",
];

#[test]
fn the_last_hour_is_told_unless_another_time_is_asked_for() {
    let mut rds = world();
    let hour = messages(&mut rds, &DescribeEvents::default(), ASKED_AT);
    assert_eq!(hour, [TAKEN, TAKEN_OF_CLUSTER].concat());
    let three_hours = DescribeEvents {
        minutes: Some(180),
        ..DescribeEvents::default()
    };
    let all = [TAKEN, TAKEN, TAKEN_OF_CLUSTER].concat();
    assert_eq!(messages(&mut rds, &three_hours, ASKED_AT), all);
    let early = DescribeEvents {
        start: Some(at(ASKED_AT - 7200)),
        end: Some(at(ASKED_AT - 3600)),
        ..DescribeEvents::default()
    };
    assert_eq!(messages(&mut rds, &early, ASKED_AT), TAKEN);
    let from_then = DescribeEvents {
        start: Some(at(ASKED_AT - 7200)),
        minutes: Some(60),
        ..DescribeEvents::default()
    };
    assert_eq!(messages(&mut rds, &from_then, ASKED_AT), TAKEN);
    assert_eq!(
        rds.describe_events(&there(), &three_hours, at(ASKED_AT))
            .unwrap()
            .items
            .len(),
        0
    );
}

#[test]
fn events_are_kept_for_fourteen_days() {
    let mut rds = world();
    let ever = DescribeEvents {
        start: Some(at(0)),
        ..DescribeEvents::default()
    };
    assert_eq!(messages(&mut rds, &ever, ASKED_AT).len(), 6);
    assert_eq!(
        messages(&mut rds, &ever, ASKED_AT + 14 * 86_400 - 3600).len(),
        4
    );
    assert_eq!(messages(&mut rds, &ever, ASKED_AT + 14 * 86_400).len(), 0);
}

#[test]
fn a_source_is_named_with_its_type() {
    let mut rds = world();
    let of = |source: Option<&str>, source_type: Option<&str>| DescribeEvents {
        source: source.map(str::to_owned),
        source_type: source_type.map(str::to_owned),
        ..DescribeEvents::default()
    };
    let mut told = |source, kind| messages(&mut rds, &of(source, kind), ASKED_AT);
    assert_eq!(told(Some("S"), Some("db-snapshot")), TAKEN);
    assert_eq!(told(None, Some("db-cluster-snapshot")), TAKEN_OF_CLUSTER);
    assert_eq!(told(Some("other"), Some("db-snapshot")), [""; 0]);
    assert_eq!(told(None, Some("db-proxy")), [""; 0]);
    let backup = DescribeEvents {
        categories: vec!["backup".to_owned(), "deletion".to_owned()],
        ..DescribeEvents::default()
    };
    assert_eq!(messages(&mut rds, &backup, ASKED_AT), TAKEN_OF_CLUSTER);
    for (request, expected) in [
        (of(Some("s"), None), "InvalidParameterCombination"),
        (of(None, Some("snapshot")), "InvalidParameterValue"),
    ] {
        let refused = rds.describe_events(&here(), &request, at(ASKED_AT));
        assert_eq!(code(refused), expected);
    }
}
