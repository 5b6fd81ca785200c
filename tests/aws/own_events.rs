//! The default bus: the request of `PutEvents`, its refusals, and what the functions publish.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_lambda_events::event::sqs::SqsEvent;
use aws_smithy_async::time::TimeSource;
use jiff::SignedDuration;
use serde_json::{Value, json};
use snapferry::app::prune::PrunerConfig;
use snapferry::aws::Aws;
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::tags::StackId;
use snapferry::domain::operator::own_event::OwnEvent;
use snapferry::domain::policy::selected::{SelectedDatabase, SelectedPart};
use snapferry::error::chain;
use snapferry::json;
use snapferry::lambda::{self, LastMeasured};
use snapferry::ports::{PublishEvents as _, StoreSelected as _};
use snapferry::settings::{Measuring, Pruning, Variables};

use crate::wire::{Reply, TABLE, Wire, json_error, ok};
use crate::world::{
    Fixture as _, HOME, KEY, Name, SOURCE, World, a_run, backoff, reactor_config, region, run,
    sweeper_config,
};

/// What botocore 1.43.11 signs for the same body, credentials and time.
const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-central-1/events/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=89d1730c022e001ccef7acc8460a5fb7d71acb9efb91eadb10d80c71d499e7a1";

/// It is always 2026-11-22T03:05:00Z.
#[derive(Debug)]
struct FivePastThree;

impl TimeSource for FivePastThree {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_316_700)
    }
}

fn stack() -> StackId {
    StackId::parse("prod").unwrap()
}

fn removed() -> OwnEvent {
    let arn = "arn:aws:rds:eu-central-1:111122223333:snapshot:sf-orders";
    OwnEvent::Removed {
        snapshot: RdsArn::parse(arn).unwrap(),
        why: "no rule keeps it".to_owned(),
    }
}

async fn publish(wire: &Wire) -> Result<usize, String> {
    let credentials = Credentials::new(
        "AKIDEXAMPLE",
        "secret",
        Some("to+ken/=".to_owned()),
        None,
        "tests",
    );
    let sdk = wire
        .sdk()
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .time_source(FivePastThree);
    let aws: Aws = Aws::new(sdk.build(), TABLE, ());
    let published = aws.put_events(&stack(), &[removed()]).await;
    published.map_err(|error| chain(&error))
}

#[tokio::test]
async fn an_event_is_put_as_botocore_would_put_it() {
    let wire = Wire::new([ok(r#"{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}"#)]);
    assert_eq!(publish(&wire).await, Ok(0));
    let asked = wire.only();
    assert_eq!(asked.uri, "https://events.eu-central-1.amazonaws.com/");
    assert_eq!(asked.headers["x-amz-target"], "AWSEvents.PutEvents");
    assert_eq!(asked.headers["content-type"], "application/x-amz-json-1.1");
    assert_eq!(asked.headers["authorization"], SIGNATURE);
    let entry = &asked.json()["Entries"][0];
    assert_eq!(entry["Source"], "snapferry");
    assert_eq!(entry["DetailType"], "Snapferry Recovery Point Removed");
    assert!(entry["EventBusName"].is_null(), "the default bus");
}

#[tokio::test]
async fn what_the_bus_refuses_is_counted_and_a_call_that_fails_says_why() {
    let some = r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException"}]}"#;
    assert_eq!(publish(&Wire::new([ok(some)])).await, Ok(1));
    let refusals = [
        (
            json_error(400, "AccessDeniedException", "not authorized to perform"),
            "AccessDeniedException not authorized",
        ),
        (Reply::Http(503, "busy".to_owned()), "status 503"),
        (ok("no JSON"), "cannot be read"),
        (Reply::Broken, "events:PutEvents"),
    ];
    for (reply, named) in refusals {
        let wire = Wire::new([reply]);
        let error = publish(&wire).await.unwrap_err();
        assert!(error.contains(named), "{named}: {error}");
        assert!(!error.contains("to+ken"), "{error}");
        assert_eq!(wire.asked().len(), 1, "it is not tried again");
    }
}

fn batch(bodies: &[String]) -> SqsEvent {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| json!({ "messageId": format!("id-{n}"), "body": body }))
        .collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

fn ended(status: &str, input: &str) -> String {
    json!({
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": { "name": "sf-orders-r1", "status": status, "input": input },
    })
    .to_string()
}

#[test]
fn the_reactor_announces_the_ends_of_executions_and_works_on_everything_else() {
    let input = json::run::write(&a_run("orders"));
    let bodies = [
        ended("ABORTED", &input),
        "hello".to_owned(),
        ended("FAILED", "{}"),
    ];
    let world = World::new();
    let answer = run(lambda::react(
        &world,
        &reactor_config(),
        &backoff(),
        true,
        batch(&bodies),
    ));
    let stays = json!({ "batchItemFailures": [{ "itemIdentifier": "id-1" }] });
    assert_eq!(serde_json::to_value(answer.unwrap()).unwrap(), stays);
    let published = &world.operator().published;
    assert_eq!(published.len(), 1, "the third cannot be read, and is gone");
    assert_eq!(
        published[0].detail_type(),
        "Snapferry Recovery Point Failed"
    );
}

#[test]
fn without_the_parameter_nothing_is_published_and_an_end_concerns_nothing_here() {
    let input = json::run::write(&a_run("orders"));
    let world = World::new();
    let (config, delays) = (reactor_config(), backoff());
    let batch = batch(&[ended("ABORTED", &input)]);
    let answer = run(lambda::react(&world, &config, &delays, false, batch)).unwrap();
    assert!(answer.batch_item_failures.is_empty());
    assert_eq!(world.calls_of("PutEvents"), 0);
}

#[test]
fn a_bus_that_refuses_changes_nothing_of_the_reactors_answer() {
    let input = json::run::write(&a_run("orders"));
    let world = World::new();
    world.break_once(Name::PutEvents);
    let (config, delays) = (reactor_config(), backoff());
    let batch = batch(&[ended("ABORTED", &input)]);
    let answer = run(lambda::react(&world, &config, &delays, true, batch)).unwrap();
    assert!(
        answer.batch_item_failures.is_empty(),
        "it is not tried again"
    );
    assert_eq!(world.calls_of("PutEvents"), 1);
}

#[test]
fn the_pruner_announces_what_it_removed_and_nothing_without_the_parameter() {
    for announces in [true, false] {
        let (world, snapshots) = crate::prune::world();
        for snapshot in &snapshots {
            world.put_snapshot(snapshot.clone());
        }
        let pairs = [
            ("SNAPFERRY_STACK_ID", "prod"),
            ("AWS_REGION", HOME),
            ("SNAPFERRY_TABLE", "table"),
            ("SNAPFERRY_SOURCE_REGIONS", SOURCE),
            ("SNAPFERRY_KMS_KEY", KEY),
            ("SNAPFERRY_PRUNE", "yes"),
            ("SNAPFERRY_PRUNE_GRACE_SECONDS", "0"),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let pruning = Pruning::from_variables(Variables::new(pairs)).unwrap();
        let config = PrunerConfig::from(&pruning);
        let round = |holder| {
            let (by_schedule, print) = ("null", |_: &str| ());
            let round = lambda::prune(
                &world,
                &config,
                &pruning.metrics,
                announces,
                by_schedule,
                holder,
                print,
            );
            run(round).unwrap().removed.len()
        };
        assert_eq!(["first", "second", "third"].map(round), [0, 1, 0]);
        let removed = OwnEvent::Removed {
            snapshot: snapshots[2].arn.clone(),
            why: "no rule keeps it".to_owned(),
        };
        let expected = announces.then_some(removed);
        assert_eq!(world.operator().published, Vec::from_iter(expected));
    }
}

#[test]
fn the_sweeper_announces_once_what_has_become_overdue() {
    let pairs = [
        ("SNAPFERRY_SOURCE_REGIONS", SOURCE),
        ("SNAPFERRY_KMS_KEY", KEY),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let measuring = Measuring::read(&mut Variables::new(pairs)).unwrap();
    let (world, last) = (World::new(), LastMeasured::default());
    // Twice the schedule's period, which is a day.
    let rpo = SignedDuration::from_hours(48);
    let overdue_since = world.clock() + SignedDuration::from_mins(7);
    let selected = SelectedDatabase {
        database: a_run("orders").database,
        since: overdue_since - rpo,
    };
    let part = SelectedPart {
        parts: 1,
        second: 1,
        list: None,
        databases: vec![selected],
    };
    let policy = a_run("orders").policy;
    run(world.store_selected(&policy, &region(SOURCE), 0, &part)).unwrap();
    for _ in 0..4 {
        world.pass(SignedDuration::from_mins(5));
        let (config, print) = (sweeper_config(), |_: &str| ());
        run(lambda::sweep(
            &world, &config, &measuring, &last, true, print,
        ))
        .unwrap();
    }
    let published = &world.operator().published;
    let [
        OwnEvent::Overdue {
            database,
            since,
            age,
        },
    ] = &published[..]
    else {
        panic!("{published:?}");
    };
    assert_eq!(*database, a_run("orders").database.arn);
    assert_eq!(*since, overdue_since);
    assert!(age.is_some_and(|age| age > rpo), "{age:?}");
}
