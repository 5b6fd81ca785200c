//! The bodies of the events queue.

use serde_json::{Value, json};
use snapferry::app::react;
use snapferry::domain::rds::hint::kind;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::wait::{Expectation, Phase, Wait};
use snapferry::json::event::{self, Event};

use crate::corpus::{fuzz, fuzz_batches};
use crate::judge::{is_a_reason, is_a_snapshot, is_printable};
use crate::world::{
    Fixture, Token, World, backoff, command, ours, reactor_config, record, run as finish,
    snapshot_arn,
};

#[test]
fn an_event_is_a_hint_or_foreign_or_refused_with_a_reason() {
    fuzz("events", |body| match event::read(body) {
        Ok(Event::Hint(hint)) => {
            is_a_snapshot(&hint.resource);
            is_printable(&hint.resource.to_string());
            // Where a stricter reader can follow, region and identity are SourceArn's and nothing else's.
            if let Ok(json) = serde_json::from_str::<Value>(body)
                && let Some(detail) = json["detail"].as_object()
            {
                assert_eq!(detail["SourceArn"], json!(hint.resource.to_string()));
                let message = detail.get("Message").and_then(Value::as_str);
                let by_event = kind(hint.event_id.as_deref(), message.unwrap_or_default());
                assert_eq!(hint.kind, by_event);
            }
        }
        Ok(Event::Foreign) => {}
        Err(error) => is_a_reason(
            &error,
            &[
                "an RDS event of EventBridge",
                "the detail of an RDS event",
                "an RDS notification",
            ],
        ),
    });
}

/// Nobody waits for what the other events are about, so every one that can be read is done.
#[test]
fn a_good_event_settles_its_wait_among_any_others_and_only_unreadable_ones_stay() {
    fuzz_batches("events", |bodies| {
        let command = command(Step::Snapshot, "alive", "good");
        let world = World::new().with_token("alive", Token::Alive);
        let resource = snapshot_arn(&command.run, 1);
        world.put_snapshot(ours(&resource, &command.run, SnapshotStatus::Available));
        let body = json!({
            "detail-type": "RDS DB Snapshot Event",
            "source": "aws.rds",
            "detail": {"SourceArn": resource.to_string(), "EventID": "RDS-EVENT-0042"},
        });
        let mut wait = Wait::new(resource, command, Expectation::Snapshot, world.clock());
        wait.phase = Phase::Requested;
        world.store(wait);

        let at = bodies.len() / 2;
        let mut records: Vec<_> = (0..)
            .zip(&bodies)
            .map(|(number, body)| record(&format!("other-{number}"), body, 1 + number % 11))
            .collect();
        records.insert(at, record("good", body.to_string(), 1));
        let bad: Vec<String> = records
            .iter()
            .filter(|record| event::read(&record.body).is_err())
            .map(|record| record.message_id.clone())
            .collect();

        let mut kept = finish(react::react(&world, &reactor_config(), &backoff(), records));
        kept.sort();
        assert_eq!(kept, bad);
        assert_eq!(world.answers().len(), 1, "the good one is settled");
        assert!(world.waits().is_empty());
        assert_eq!(world.delays().len(), bad.len());
    });
}
