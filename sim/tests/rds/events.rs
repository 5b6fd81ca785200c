//! Events. A seed determines all of them.

use snapferry_sim::rds::{
    CopyDbSnapshot, DurationRange, EmittedEvent, InstanceSpec, Rds, RdsConfig, Stage,
};

use super::model::{at, copy, create, here, run_out, tags, there, with_instances, with_snapshot};

#[test]
fn events_arrive_with_the_right_id_in_the_right_region_and_order() {
    let mut rds = with_instances(&["orders"]);
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    let mut events = run_out(&mut rds);
    rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1000))
        .unwrap();
    events.extend(run_out(&mut rds));
    rds.delete_db_snapshot(&there(), "c", at(9000)).unwrap();
    events.extend(run_out(&mut rds));

    let told: Vec<_> = events
        .iter()
        .map(|e| (e.event_id, e.region.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("RDS-EVENT-0040", "eu-west-1"),
            ("RDS-EVENT-0042", "eu-west-1"),
            ("RDS-EVENT-0059", "eu-central-1"),
            ("RDS-EVENT-0060", "eu-central-1"),
            ("RDS-EVENT-0041", "eu-central-1"),
        ]
    );
    assert!(events.is_sorted_by_key(|event| event.at));
    let finished = &events[3];
    assert_eq!(finished.source_identifier, "c");
    assert_eq!(
        finished.source_arn,
        "arn:aws:rds:eu-central-1:111122223333:snapshot:c"
    );
    let seconds = finished.date.duration_since(events[2].date).as_secs();
    let minutes = (seconds + 59) / 60;
    let expected =
        format!("Finished copy of snapshot s from region eu-west-1 in {minutes} minutes");
    assert_eq!(finished.message, expected);
}

#[test]
fn the_envelope_is_the_one_eventbridge_delivers() {
    let mut rds = with_snapshot(|_| ());
    let request = CopyDbSnapshot {
        tags: tags(&[("snapferry:run", "r1")]),
        ..copy("s", "c")
    };
    rds.copy_db_snapshot(&there(), &request, at(1000)).unwrap();
    let events = run_out(&mut rds);
    let event = events.last().unwrap();
    let envelope = event.envelope();
    assert_eq!(
        envelope,
        serde_json::json!({
            "version": "0",
            "id": event.id,
            "detail-type": "RDS DB Snapshot Event",
            "source": "aws.rds",
            "account": "111122223333",
            "time": event.date.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": "eu-central-1",
            "resources": ["arn:aws:rds:eu-central-1:111122223333:snapshot:c"],
            "detail": {
                "EventCategories": ["notification"],
                "SourceType": "SNAPSHOT",
                "SourceArn": "arn:aws:rds:eu-central-1:111122223333:snapshot:c",
                "Date": event.date.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
                "SourceIdentifier": "c",
                "Message": event.message,
                "EventID": "RDS-EVENT-0060",
                "Tags": { "snapferry:run": "r1" },
            },
        })
    );
}

#[test]
fn an_event_carries_the_tags_of_when_it_is_sent() {
    let mut rds = with_snapshot(|_| ());
    rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1000))
        .unwrap();
    let far = "arn:aws:rds:eu-central-1:111122223333:snapshot:c";
    rds.add_tags_to_resource(&there(), far, &tags(&[("late", "yes")]), at(1001))
        .unwrap();
    let events = run_out(&mut rds);
    assert_eq!(events.last().unwrap().tags.get("late"), Some("yes"));
}

/// All events of a busy world, for one seed.
fn trace(seed: u64) -> Vec<EmittedEvent> {
    let mut config = RdsConfig::default();
    config.timings.event_delay = DurationRange::seconds(0, 60);
    config.faults.odds.failed = 0.2;
    config.faults.odds.event_lost = 0.2;
    let mut rds = Rds::new(config, seed);
    for number in 0..10 {
        let name = format!("db{number}");
        rds.add_instance(&here(), InstanceSpec::postgres(&name))
            .unwrap();
        rds.create_db_snapshot(&here(), &create(&format!("s{number}"), &name), at(number))
            .unwrap();
    }
    let mut events = run_out(&mut rds);
    for number in 0..10 {
        let name = format!("s{number}");
        if rds.snapshot(&here(), &name).unwrap().stage() == Stage::Available {
            rds.copy_db_snapshot(&there(), &copy(&name, &name), at(2000))
                .unwrap();
        }
    }
    events.extend(run_out(&mut rds));
    events
}

#[test]
fn the_same_seed_tells_the_same_story_and_another_one_another() {
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}
