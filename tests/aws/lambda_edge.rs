//! The functions' edge: events as Lambda sends them, answers as Lambda reads them, settings.

use std::cell::RefCell;

use aws_lambda_events::event::sqs::SqsEvent;
use jiff::SignedDuration;
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};
use snapferry::domain::id::role::Role;
use snapferry::domain::policy::selected::{SelectedDatabase, SelectedPart};
use snapferry::domain::run::command::Step;
use snapferry::json::command as wire_command;
use snapferry::lambda::{
    self, EdgeError, LastMeasured, NamelessRecord, Settings, SweepAnswer, records,
};
use snapferry::logging::LogLevel;
use snapferry::ports::{ReceiptHandle, StoreSelected as _};
use snapferry::settings::{Measuring, Variables};

use crate::world::{
    Fixture, KEY, Name, SOURCE, Token, World, backoff, command, reactor_config, run,
    sweeper_config, worker_config,
};

/// A record as Lambda hands it over.
fn record(id: &str, body: &str, receives: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": format!("receipt-{id}"),
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": receives,
            "SentTimestamp": "1763780760250",
            "SenderId": "AROAEXAMPLE:protect",
            "ApproximateFirstReceiveTimestamp": "1763780760260",
        },
        "messageAttributes": {},
        "md5OfBody": "7b270e59b47ff90a553787216d55d91d",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:111122223333:commands",
        "awsRegion": "eu-central-1",
    })
}

fn event(records: Vec<Value>) -> SqsEvent {
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

#[test]
fn a_record_is_read_as_lambda_sends_it() {
    let records = records(event(vec![record("id-1", "the body", "3")])).unwrap();
    let [record] = &records[..] else {
        panic!("one record: {records:?}");
    };
    assert_eq!(record.message_id, "id-1");
    assert_eq!(record.body, "the body");
    assert_eq!(record.receipt, ReceiptHandle("receipt-id-1".to_owned()));
    assert_eq!(record.receives, 3);
}

#[test]
fn a_record_may_lack_everything_but_its_id() {
    let bare = json!({ "messageId": "id-1" });
    let odd = json!({ "messageId": "id-2", "attributes": { "ApproximateReceiveCount": "many" } });
    let zero = json!({ "messageId": "id-3", "attributes": { "ApproximateReceiveCount": "0" } });
    let records = records(event(vec![bare, odd, zero])).unwrap();
    assert!(
        records
            .iter()
            .all(|record| record.receives == 1 && record.body.is_empty())
    );
}

#[test]
fn an_event_that_is_no_batch_says_where_it_differs() {
    let sqs = json!({ "Records": [{ "messageId": "id-1" }] }).to_string();
    assert_eq!(lambda::batch(&sqs).unwrap().records.len(), 1);
    for other in ["null", "3", r#"{"Records":[{"messageId":1}]}"#] {
        let error = Diagnostic::from(lambda::batch(other).unwrap_err());
        assert_eq!(error.error_type, "Snapferry.UnreadableEvent");
        assert!(error.error_message.contains("line 1 column"), "{error:?}");
    }
}

#[test]
fn a_record_without_an_id_keeps_the_whole_batch_in_the_queue() {
    for nameless in [
        json!({ "body": "x" }),
        json!({ "messageId": "", "body": "x" }),
    ] {
        let batch = event(vec![record("id-1", "x", "1"), nameless]);
        assert_eq!(records(batch.clone()).unwrap_err(), NamelessRecord(1));
        let world = World::new();
        let error = run(lambda::work(&world, &worker_config(), &backoff(), batch)).unwrap_err();
        let diagnostic = Diagnostic::from(error);
        assert_eq!(diagnostic.error_type, "Snapferry.NamelessRecord");
        assert!(world.calls().is_empty(), "nothing was done");
    }
}

#[test]
fn a_bad_command_fails_alone_and_is_named_in_the_answer() {
    let world = World::new().with_token("alive", Token::Alive);
    world.permit(&command(Step::Snapshot, "alive", "orders"));
    let good = wire_command::write(&command(Step::Snapshot, "alive", "orders"));
    let batch = event(vec![record("good", &good, "1"), record("bad", "{", "2")]);
    let answer = run(lambda::work(&world, &worker_config(), &backoff(), batch)).unwrap();
    let answer = serde_json::to_value(&answer).unwrap();
    assert_eq!(
        answer,
        json!({ "batchItemFailures": [{ "itemIdentifier": "bad" }] })
    );
    assert_eq!(world.calls_of("CreateDBSnapshot"), 1);
    assert_eq!(world.delays().len(), 1);
}

#[test]
fn a_planner_that_cannot_read_the_policies_fails_by_name_and_starts_nothing() {
    let world = World::new();
    world.break_once(Name::CurrentPolicies);
    let Settings::Planner(planning) = Settings::read(variables("planner")).unwrap().0 else {
        panic!("the handler is the planner's")
    };
    let error = run(lambda::plan(&world, &planning)).unwrap_err();
    let diagnostic = Diagnostic::from(error);
    assert_eq!(diagnostic.error_type, "Snapferry.PoliciesUnreadable");
    assert!(diagnostic.error_message.contains("nothing is started"));
    assert_eq!(world.calls().len(), 1, "nothing else was asked");
    assert!(run(lambda::plan(&world, &planning)).is_ok());
}

#[test]
fn a_batch_of_foreign_events_is_taken_out_of_the_queue() {
    let world = World::new();
    let foreign = json!({ "detail-type": "x", "source": "aws.ec2", "detail": {} }).to_string();
    let batch = event(vec![
        record("foreign", &foreign, "1"),
        record("bad", "hello", "1"),
    ]);
    let answer = run(lambda::react(
        &world,
        &reactor_config(),
        &backoff(),
        false,
        batch,
    ))
    .unwrap();
    let answer = serde_json::to_value(&answer).unwrap();
    assert_eq!(
        answer,
        json!({ "batchItemFailures": [{ "itemIdentifier": "bad" }] })
    );
}

fn measuring(extra: &[(&str, &str)]) -> Measuring {
    let pairs = [
        ("SNAPFERRY_SOURCE_REGIONS", SOURCE),
        ("SNAPFERRY_KMS_KEY", KEY),
        ("SNAPFERRY_METRICS_NAMESPACE", "Snapferry/test"),
    ];
    let pairs = pairs.iter().chain(extra);
    let pairs = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Measuring::read(&mut Variables::new(pairs)).unwrap()
}

fn sweep(world: &World) -> Result<SweepAnswer, EdgeError> {
    let last = LastMeasured::default();
    run(lambda::sweep(
        world,
        &sweeper_config(),
        &measuring(&[]),
        &last,
        false,
        |_| (),
    ))
}

/// The lines that sweeps print, one sweep each so many seconds.
fn printed(world: &World, measuring: &Measuring, every: &[i64]) -> Vec<Vec<Value>> {
    let last = LastMeasured::default();
    let each = every.iter().map(|seconds| {
        world.pass(SignedDuration::from_secs(*seconds));
        let lines = RefCell::new(Vec::new());
        let print = |line: &str| lines.borrow_mut().push(serde_json::from_str(line).unwrap());
        run(lambda::sweep(
            world,
            &sweeper_config(),
            measuring,
            &last,
            false,
            print,
        ))
        .unwrap();
        lines.into_inner()
    });
    each.collect()
}

#[test]
fn a_sweep_prints_the_stacks_metrics_every_five_minutes_and_at_the_start_of_a_process() {
    let lines = printed(&World::new(), &measuring(&[]), &[0, 60, 60, 60, 60, 59, 60]);
    let counts: Vec<usize> = lines.iter().map(Vec::len).collect();
    assert_eq!(counts, [2, 0, 0, 0, 0, 2, 0], "a second early is in time");
    let [waits, fleet] = &lines[0][..] else {
        panic!("two lines: {lines:?}");
    };
    assert_eq!(
        *waits,
        json!({
            "_aws": {
                "Timestamp": waits["_aws"]["Timestamp"],
                "CloudWatchMetrics": [{
                    "Namespace": "Snapferry/test",
                    "Dimensions": [[]],
                    "Metrics": [
                        {"Name": "OpenWaits", "Unit": "Count"},
                        {"Name": "OldestWait", "Unit": "Seconds"},
                    ],
                }],
            },
            "OpenWaits": 0.0,
            "OldestWait": 0.0,
        })
    );
    assert_eq!(fleet["DatabasesOverdue"], 0.0);
    assert_eq!(fleet["DatabasesWithinRpo"], 0.0);
    assert_eq!(fleet["WorstAgeOfRpo"], 0.0);
}

#[test]
fn the_oldest_wait_is_measured_from_its_beginning() {
    let world = World::new();
    let wait = crate::items::a_wait("alive");
    let opened_at = wait.opened_at;
    world.set_token("alive", Token::Alive);
    world.store(wait);
    let lines = printed(&world, &measuring(&[]), &[0]);
    let age = world.clock().duration_since(opened_at).as_secs_f64();
    assert_eq!(lines[0][0]["OldestWait"], age);
    assert_eq!(lines[0][0]["OpenWaits"], 1.0);
}

#[test]
fn a_sweep_that_cannot_measure_says_so_and_tries_again_a_minute_later() {
    let world = World::new();
    world.break_once(Name::CurrentPolicies);
    let error = sweep(&world).unwrap_err();
    let name = Diagnostic::from(error).error_type;
    assert_eq!(name, "Snapferry.MeasureFailed");
    assert_eq!(printed(&world, &measuring(&[]), &[60])[0].len(), 2);
}

#[test]
fn each_database_has_a_series_only_where_somebody_pays_for_it() {
    let world = World::new();
    let of = crate::world::a_run("orders");
    let selected = SelectedPart {
        parts: 1,
        second: 1,
        list: None,
        databases: vec![SelectedDatabase {
            database: of.database.clone(),
            since: world.clock(),
        }],
    };
    let source = of.database.arn.region().clone();
    run(world.store_selected(&of.policy, &source, 0, &selected)).unwrap();
    assert_eq!(printed(&world, &measuring(&[]), &[0])[0].len(), 2);
    let paid = measuring(&[("SNAPFERRY_METRICS_PER_DATABASE", "yes")]);
    world.pass(SignedDuration::from_hours(12));
    let lines = printed(&world, &paid, &[0]);
    let [_, _, own] = &lines[0][..] else {
        panic!("three lines: {lines:?}");
    };
    assert_eq!(own["AgeOfRpo"], 0.25);
    assert_eq!(
        (&own["Database"], &own["Region"]),
        (&json!("orders"), &json!(SOURCE))
    );
    let directive = &own["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Dimensions"], json!([["Region", "Database"]]));
}

#[test]
fn a_sweep_with_nothing_open_answers_zeros() {
    let report = sweep(&World::new()).unwrap();
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!(
        report,
        json!({ "open": 0, "settled": 0, "freed": 0, "handed_out": 0 })
    );
}

#[test]
fn a_sweep_that_leaves_something_undone_fails_so_that_the_alarm_counts_it() {
    let world = World::new();
    world.break_once(Name::ListOpen);
    let error = sweep(&world).unwrap_err();
    assert!(matches!(error, EdgeError::SweepFailed(_)), "{error:?}");
    assert_eq!(Diagnostic::from(error).error_type, "Snapferry.SweepFailed");

    let mut wait = crate::items::a_wait("alive");
    wait.phase = snapferry::domain::run::wait::Phase::Seen;
    world
        .hook()
        .down
        .borrow_mut()
        .insert(wait.resource.region().clone());
    world.store(wait);
    let error = sweep(&world).unwrap_err();
    let diagnostic = Diagnostic::from(error);
    assert_eq!(diagnostic.error_type, "Snapferry.SweepIncomplete");
    assert!(
        diagnostic.error_message.contains("eu-central-1"),
        "{diagnostic:?}"
    );
}

fn variables(handler: &str) -> Vec<(String, String)> {
    [
        ("_HANDLER", handler),
        ("AWS_REGION", "eu-central-1"),
        ("SNAPFERRY_STACK_ID", "prod"),
        ("SNAPFERRY_TABLE", "table"),
        (
            "SNAPFERRY_COMMANDS_QUEUE_URL",
            "https://sqs/111122223333/commands",
        ),
        (
            "SNAPFERRY_EVENTS_QUEUE_URL",
            "https://sqs/111122223333/events",
        ),
        ("SNAPFERRY_STATE_MACHINE_ARN", crate::wire::MACHINE),
        ("SNAPFERRY_SOURCE_REGIONS", "eu-west-1"),
        ("SNAPFERRY_KMS_KEY", KEY),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[test]
fn the_handler_says_which_function_it_is() {
    for (handler, role) in [
        ("planner", Role::Planner),
        ("worker", Role::Worker),
        ("reactor", Role::Reactor),
        ("sweeper", Role::Sweeper),
        ("pruner", Role::Pruner),
    ] {
        let (settings, _) = Settings::read(variables(handler)).unwrap();
        assert_eq!(settings.role(), role);
    }
    let queue = |handler| match Settings::read(variables(handler)).unwrap().0 {
        Settings::Worker { receives, .. } | Settings::Reactor { receives, .. } => {
            receives.queue.as_str().to_owned()
        }
        Settings::Sweeper { queue, .. } => queue.as_str().to_owned(),
        Settings::Planner(_) | Settings::Pruner(_) => String::new(),
    };
    assert!(queue("worker").ends_with("/commands"));
    assert!(queue("reactor").ends_with("/events"));
    assert!(queue("sweeper").ends_with("/commands"));
    let sends_to = |handler| match Settings::read(variables(handler)).unwrap().0 {
        Settings::Worker { receives, .. } | Settings::Reactor { receives, .. } => {
            receives.commands.as_str().to_owned()
        }
        other => panic!("{other:?}"),
    };
    assert!(sends_to("worker").ends_with("/commands"));
    assert!(sends_to("reactor").ends_with("/commands"));
}

#[test]
fn an_unknown_handler_is_told_which_there_are() {
    let error = Settings::read(variables("bootstrap"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("planner, worker, reactor, sweeper, pruner"),
        "{error}"
    );
    let error = Settings::read([]).unwrap_err().to_string();
    assert!(error.contains("_HANDLER is not set"), "{error}");
}

#[test]
fn all_faults_of_the_settings_are_told_at_once() {
    let pairs = [
        ("_HANDLER", "worker"),
        ("SNAPFERRY_LOG", "loud"),
        ("SNAPFERRY_COMMANDS_QUEUE_URL", "q"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let error = Settings::read(pairs).unwrap_err().to_string();
    for part in [
        "SNAPFERRY_STACK_ID",
        "SNAPFERRY_TABLE",
        "AWS_REGION",
        "SNAPFERRY_LOG",
        "SNAPFERRY_COMMANDS_QUEUE_URL",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn a_role_is_not_asked_for_what_it_does_not_use() {
    let mut pairs = variables("reactor");
    pairs.retain(|(name, _)| {
        [
            "_HANDLER",
            "AWS_REGION",
            "SNAPFERRY_STACK_ID",
            "SNAPFERRY_TABLE",
            "SNAPFERRY_COMMANDS_QUEUE_URL",
            "SNAPFERRY_EVENTS_QUEUE_URL",
            "SNAPFERRY_STATE_MACHINE_ARN",
            "SNAPFERRY_KMS_KEY",
        ]
        .contains(&&**name)
    });
    Settings::read(pairs).unwrap();
}

#[test]
fn a_log_level_is_a_level_or_a_list_of_them() {
    for good in ["error", "info", "DEBUG", "info,snapferry=debug", "off"] {
        LogLevel::parse(good).unwrap();
    }
    for bad in ["inof", "info,", "snapferry=loud", "snapferry"] {
        LogLevel::parse(bad).unwrap_err();
    }
}
