//! The queues of 0.1.0: commands, events, dead letters, and what its definition of the state machine still sends.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use snapferry::app::replay::{DeadLetterQueue, Outcome, ReplayRequest, Row, TokenState, replay};
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::operator::dead_letter::{About, Reason, Selection, Undelivered};
use snapferry::domain::rds::hint::HintKind;
use snapferry::domain::run::failure::Reason as FailureReason;
use snapferry::domain::run::wait::Wait;
use snapferry::json::event::Event;

use super::{
    TOKEN, answer, check_command, check_run, execution_of, file, items, object, open, rows, token,
};
use crate::wire::{Wire, ok};

fn body(message: &Value) -> &str {
    message["Body"].as_str().unwrap()
}

/// What the demo threw into the queues: no JSON, or JSON of nobody's.
fn is_garbage(message: &Value) -> bool {
    match serde_json::from_str::<Value>(body(message)) {
        Ok(json) => json["token"].is_null(),
        Err(_) => true,
    }
}

#[tokio::test]
async fn upgrade_reads_every_command_that_0_1_0_left_in_its_queue() {
    let mut kinds = BTreeSet::new();
    let waits = open().await.waits;
    let parked = rows("dead-commands.json");
    for message in rows("commands.json")
        .iter()
        .chain(parked.iter().filter(|one| !is_garbage(one)))
    {
        let json = object(body(message));
        let command = snapferry::json::command::read(body(message)).unwrap();
        check_command(&command, &json);
        let execution = execution_of(command.execution.name());
        check_run(&command.run, &object(execution["input"].as_str().unwrap()));
        // A command that the sweeper sent again, or that came back, has its wait.
        let mut of_token = waits
            .iter()
            .filter(|wait| wait.command.token == command.token);
        if let Some(wait) = of_token.next() {
            assert_eq!(wait.command, command);
        }
        kinds.insert((command.step.as_str(), command.retry > 0));
    }
    let all = [
        ("copy", false),
        ("copy", true),
        ("snapshot", false),
        ("snapshot", true),
    ];
    assert_eq!(kinds, BTreeSet::from(all));
}

/// An execution goes on by the definition that it was started with, also when the stack has a newer one.
#[test]
fn upgrade_reads_what_the_definition_of_0_1_0_still_sends() {
    let definition = object(&file("protect.asl.json"));
    let states = definition["States"].as_object().unwrap();
    let mut sent = 0;
    for execution in rows("executions.json") {
        let input = object(execution["input"].as_str().unwrap());
        for state in states.values().filter(|state| state["Type"] == "Task") {
            let message = state["Parameters"]["MessageBody"].as_object().unwrap();
            let body: Map<String, Value> = message
                .iter()
                .map(|(key, value)| match key.strip_suffix(".$") {
                    None => (key.clone(), value.clone()),
                    Some(key) => (key.to_owned(), of_context(value, &execution, &input)),
                })
                .collect();
            let body = Value::Object(body);
            check_command(
                &snapferry::json::command::read(&body.to_string()).unwrap(),
                &body,
            );
            sent += 1;
        }
    }
    assert!(sent > 2);
}

/// What Step Functions puts where a definition names its context.
fn of_context(path: &Value, execution: &Value, input: &Value) -> Value {
    match path.as_str().unwrap() {
        "$$.Task.Token" => json!(format!("{TOKEN}999999999999")),
        "$$.Execution.Id" => execution["executionArn"].clone(),
        "$$.State.RetryCount" => json!(2),
        "$$.Execution.Input" => input.clone(),
        other => panic!("{other}"),
    }
}

#[test]
fn upgrade_fails_a_step_only_by_names_that_the_definition_of_0_1_0_retries() {
    let definition = object(&file("protect.asl.json"));
    let states = definition["States"].as_object().unwrap().values();
    let retries = states
        .filter_map(|state| state["Retry"].as_array())
        .flatten();
    let names: Vec<&str> = retries
        .flat_map(|retry| retry["ErrorEquals"].as_array().unwrap())
        .filter_map(Value::as_str)
        .filter(|name| name.starts_with("Snapferry."))
        .collect();
    assert!(!names.is_empty());
    for name in names {
        let mut known = FailureReason::ALL.iter();
        assert!(
            known.any(|reason| reason.error_name() == name),
            "{name} is never sent"
        );
    }
}

/// Compares a hint with the EventBridge event that it was read from.
#[track_caller]
fn check_event(body: &str) -> RdsArn {
    let detail = &object(body)["detail"];
    let Event::Hint(hint) = snapferry::json::event::read(body).unwrap() else {
        panic!("{body} is no hint")
    };
    assert_eq!(
        hint.resource.to_string(),
        detail["SourceArn"].as_str().unwrap()
    );
    assert_eq!(hint.event_id.as_deref(), detail["EventID"].as_str());
    let kind = match detail["EventID"].as_str() {
        Some("RDS-EVENT-0060" | "RDS-EVENT-0075") => HintKind::Finished,
        Some(other) => panic!("say what {other} means"),
        None => {
            assert_eq!(detail["Message"], "Manual cluster snapshot created");
            HintKind::Finished
        }
    };
    assert_eq!(hint.kind, kind);
    hint.resource
}

#[test]
fn upgrade_reads_every_event_that_0_1_0_left_in_its_queue() {
    let events = rows("events.json");
    let resources = events.iter().map(|message| check_event(body(message)));
    let kinds: BTreeSet<&str> = resources.map(|resource| resource.kind().as_str()).collect();
    assert_eq!(kinds, BTreeSet::from(["cluster-snapshot", "snapshot"]));
}

/// A dry run of `snapferry replay` over the dead letters of a file, by message id.
async fn shown(queue: DeadLetterQueue, name: &str) -> BTreeMap<String, Row> {
    let mut letters = rows(name);
    for letter in &mut letters {
        letter["ReceiptHandle"] = letter["MessageId"].clone();
    }
    let count = letters.len();
    let items = items();
    let wire = Wire::script(move |asked| match asked.action().as_str() {
        "ReceiveMessage" => {
            let max = asked.json()["MaxNumberOfMessages"].as_u64().unwrap();
            let max = letters.len().min(usize::try_from(max).unwrap());
            let messages: Vec<Value> = letters.drain(..max).collect();
            ok(json!({ "Messages": messages }).to_string())
        }
        "SendTaskHeartbeat" | "ChangeMessageVisibility" => ok("{}"),
        _ => answer(asked, &items),
    });
    let order = ReplayRequest {
        queue,
        selection: Selection::default(),
        dry_run: true,
        max: 100,
        stack_key: None,
    };
    let replay = replay(&wire.operator(), &order).await.unwrap();
    assert!(replay.is_complete() && !replay.more, "{replay:?}");
    assert_eq!(replay.rows.len(), count);
    let rows = replay.rows.into_iter();
    rows.map(|row| (row.letter.message_id.clone(), row))
        .collect()
}

/// What SQS says of a message.
#[track_caller]
fn check_letter(row: &Row, message: &Value) {
    let system = |name: &str| {
        message["Attributes"][name]
            .as_str()
            .unwrap()
            .parse::<i64>()
            .unwrap()
    };
    let since = row.letter.since.map(|since| since.as_millisecond());
    assert_eq!(since, Some(system("SentTimestamp")));
    assert_eq!(
        i64::from(row.letter.receives),
        system("ApproximateReceiveCount")
    );
}

#[track_caller]
fn check_unreadable(row: &Row) {
    assert_eq!(row.letter.about, About::Unreadable);
    assert!(matches!(row.letter.reason, Some(Reason::Unreadable(_))));
    // It is sent again only where that is asked for.
    assert_eq!(row.outcome, Outcome::Skipped);
}

#[tokio::test]
async fn upgrade_shows_every_command_that_0_1_0_parked_and_why() {
    let shown = shown(DeadLetterQueue::Commands, "dead-commands.json").await;
    let waits = open().await.waits;
    let (mut parked, mut garbage) = (BTreeSet::new(), 0);
    for message in rows("dead-commands.json") {
        let row = &shown[message["MessageId"].as_str().unwrap()];
        check_letter(row, &message);
        if is_garbage(&message) {
            garbage += 1;
            check_unreadable(row);
            continue;
        }
        let json = object(body(&message));
        let command = snapferry::json::command::read(body(&message)).unwrap();
        check_command(&command, &json);
        let about = About::Command {
            step: command.step,
            run: command.run,
            execution: command.execution.name().to_owned(),
        };
        assert_eq!(row.letter.about, about);
        assert_eq!(row.token_state, Some(TokenState::Alive));
        assert_eq!(row.outcome, Outcome::Selected);
        // Why it lies there stands in the wait that has its token, as long as RDS has not accepted.
        let token = token(json["token"].as_str().unwrap());
        let wait = waits.iter().find(|wait| wait.command.token == token);
        let last_error = wait.and_then(Wait::current_error).cloned();
        parked.insert((
            command.step.as_str(),
            last_error.as_ref().and_then(|one| one.remedy),
        ));
        assert_eq!(row.letter.reason, last_error.map(Reason::LastError));
    }
    assert!(garbage > 0);
    assert!(
        parked.iter().any(|(_, remedy)| remedy.is_some()),
        "{parked:?}"
    );
}

#[tokio::test]
async fn upgrade_shows_every_event_that_0_1_0_could_not_use_or_get() {
    let home = shown(DeadLetterQueue::Events, "dead-events.json").await;
    assert!(!home.is_empty());
    for message in rows("dead-events.json") {
        let row = &home[message["MessageId"].as_str().unwrap()];
        check_letter(row, &message);
        check_unreadable(row);
    }
    let abroad = shown(DeadLetterQueue::Events, "forwarding-dead-letters.json").await;
    for message in rows("forwarding-dead-letters.json") {
        let row = &abroad[message["MessageId"].as_str().unwrap()];
        check_letter(row, &message);
        let About::Event { resource, .. } = &row.letter.about else {
            panic!("{row:?}")
        };
        assert_eq!(*resource, check_event(body(&message)));
        let said = |name: &str| {
            let attribute = &message["MessageAttributes"][name]["StringValue"];
            Some(attribute.as_str().unwrap().to_owned())
        };
        let undelivered = Undelivered {
            code: said("ERROR_CODE"),
            message: said("ERROR_MESSAGE"),
            exhausted: said("EXHAUSTED_RETRY_CONDITION"),
            rule: said("RULE_ARN"),
            target: said("TARGET_ARN"),
        };
        assert_eq!(row.letter.reason, Some(Reason::Undelivered(undelivered)));
    }
    assert!(!abroad.is_empty());
}
